"""Signals on a channel of their own, as a project declares one: who is in the session hears them, and nothing is stored."""

import json
import random
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redis_plan import brief, server
from redis_plan.actions import designing
from redis_plan.brief.overrides import applying, read_overrides
from redis_plan.delivery import syncing
from redis_plan.errors import OverrideError
from redis_plan.rig import hall
from redis_plan.server import Binary
from tests import projects
from tests.conftest import BINARIES
from tests.delivery import made, node
from tests.delivery.games.players import AskingMember as Member
from tests.delivery.playing import play, so
from tests.delivery.test_gateway import Gateway
from tests.delivery.test_gateway_places import board, let_in
from tests.delivery.test_neighbours import BOARD
from tests.delivery.test_readme import SAID, said


@pytest.mark.parametrize(
    ("binary", "held"),
    [(BINARIES[0], "pubsub"), *((b, "sharded-pubsub") for b in BINARIES)],
    ids=lambda of: getattr(of, "id", of),
)
def test_who_is_in_hears_the_signals_of_the_session_and_of_no_other(
    binary: Binary, held: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = replace(brief.read(BOARD), pinned={"events": held})
    project = made.Project("whiteboard", read, designing.design(read))
    assert [name for name, _ in syncing.signals(project.keyspace)] == ["signals", "cursors"]
    kept = {p.name: p.chosen for p in project.keyspace.channels}
    publish = {name: "SPUBLISH" if how == "sharded-pubsub" else "PUBLISH" for name, how in kept.items()}
    folder = made.write(project.artefacts, tmp_path / "redis")
    delivered = made.client_module(folder, "signals")
    with closing(server.start_with(binary, {"port": "auto"})) as own:
        root: Any = own.client(decode_responses=True)
        root.function_load(project.text("functions.lua"))
        let_in(project, own)
        app: Any = own.client(username="app", password="pw", decode_responses=True)
        keys = delivered.Keys("prod")
        operations = delivered.Operations(app, keys)
        for session in ("s0", "s1"):
            operations.create(session, owner="host")
        gateway = Gateway(folder, own, "app")
        ann, bob = (
            Member([gateway.url], hall.signed(session, who), random.Random(who))
            for session, who in (("s0", "ann"), ("s1", "bob"))
        )

        def copies() -> list[str]:
            return [str(member.copy.version) for member in (ann, bob)]

        def stored() -> list[str]:
            return [root.hget(keys.state(session), "version") for session in ("s0", "s1")]

        async def story() -> None:
            await so(lambda: ann.copy.mode == bob.copy.mode == "live", "not both are in")
            await so(
                lambda: copies() == stored(), "the event of who came in never comes"
            )  # it may follow the first state
            before = stored()
            for number, name in enumerate(("cursors", "signals", "events")):
                message = json.dumps({"t": "~cursor", "d": number})
                app.execute_command(publish[name], getattr(keys, name)("s0"), message)
            app.execute_command(publish["cursors"], keys.cursors("s1"), json.dumps({"t": "~cursor", "d": "other"}))
            at: list[list[object]] = []

            def all_heard() -> bool:
                at[:] = [[json.loads(t)["d"] for t in m.texts if '"~cursor"' in t] for m in (ann, bob)]
                return at == [[0, 1, 2], ["other"]]

            await so(all_heard, f"not heard: {at}")
            assert copies() == stored() == before

        try:
            play(story, ann, bob)
        finally:
            gateway.kill()


def test_a_channel_with_further_ids_in_its_name_is_none_that_who_follows_a_session_hears(tmp_path: Path) -> None:
    """Only who is on a page knows the page's id, so nobody could follow a session by such a channel."""
    declared = "".join(f'[[channels]]\ntemplate = "{name}"\n' for name in ("cursors:<page_id>", "pointers"))
    (tmp_path / "redis-plan.toml").write_text(declared, "utf-8")
    read = replace(projects.read(projects.SAMPLE), settled=applying.settled(read_overrides(tmp_path)))
    paged = made.Project("paged", read, designing.design(read))
    names = [name for name, _ in syncing.signals(paged.keyspace)]
    assert "pointers" in names
    assert "cursors" not in names
    keys = made.client_module(made.write(paged.artefacts, tmp_path / "redis"), "paged").Keys("prod")
    for name in names:
        assert "s0" in getattr(keys, name)("s0")
    for written in ("redis_plan_serve.py", "README.md"):
        assert "keys.pointers" in paged.text(written)
        assert "keys.cursors" not in paged.text(written)


def test_a_channel_of_a_session_that_is_pinned_otherwise_than_its_events_is_refused() -> None:
    read = replace(brief.read(BOARD), pinned={"cursors": "sharded-pubsub"}, pinned_lines={"cursors": 7})
    with pytest.raises(
        OverrideError, match=r"^redis-plan\.toml:7: cursors is pinned to sharded-pubsub and events is not"
    ):
        designing.design(read)
    both = designing.design(replace(read, pinned={"cursors": "sharded-pubsub", "events": "sharded-pubsub"}))
    assert {p.name for p in both.channels if p.sharded} == {"events", "signals", "cursors"}


@pytest.mark.parametrize("language", ["python", pytest.param("typescript", marks=node.needs_node)])
@pytest.mark.parametrize("binary", BINARIES, ids=lambda binary: binary.id)
def test_the_first_lines_of_the_readme_subscribe_sharded_where_the_channels_are(
    binary: Binary, language: str, tmp_path: Path
) -> None:
    project = board("sharded-pubsub")
    with closing(server.start_with(binary, {"port": "auto"})) as own:
        root: Any = own.client(decode_responses=True)
        root.function_load(project.text("functions.lua"))
        let_in(project, own)
        url = f"redis://app:pw@127.0.0.1:{own.address[-1]}"
        first = made.block(project.text("README.md"), language)
        if language == "python":
            made.write(project.artefacts, tmp_path)
            (tmp_path / "first.py").write_text(first, "utf-8")
            assert said([sys.executable, "first.py"], tmp_path, url) == SAID
        else:
            with tempfile.TemporaryDirectory(prefix="sharded-", dir=node.HERE) as name:
                folder = made.write(project.artefacts, Path(name))
                (folder / "first.ts").write_text(first, "utf-8")
                node.compile_all(sorted(folder.glob("*.ts")))
                assert said(["node", "first.js"], folder, url) == SAID
        asked = {name.removeprefix("cmdstat_"): row["calls"] for name, row in root.info("commandstats").items()}
        assert (asked["ssubscribe"], asked.get("subscribe")) == (1, 1)  # the second is the probe's
