"""Signals on a channel of their own, as a project declares one: who is in the session hears them, and nothing is stored."""

import json
import random
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redis_plan import brief, server
from redis_plan.actions import designing
from redis_plan.brief.overrides import applying, read_overrides
from redis_plan.delivery import syncing
from redis_plan.rig import hall
from redis_plan.server import Binary
from tests import projects
from tests.conftest import BINARIES
from tests.delivery import made
from tests.delivery.games.players import AskingMember as Member
from tests.delivery.playing import play, so
from tests.delivery.test_gateway import Gateway
from tests.delivery.test_neighbours import BOARD


@pytest.mark.parametrize("binary", BINARIES, ids=lambda binary: binary.id)
def test_who_is_in_hears_the_signals_of_the_session_and_of_no_other(binary: Binary, tmp_path: Path) -> None:
    read = brief.read(BOARD)
    board = made.Project("whiteboard", read, designing.design(read))
    assert [name for name, _ in syncing.signals(board.keyspace)] == ["signals", "cursors"]
    folder = made.write(board.artefacts, tmp_path / "redis")
    delivered = made.client_module(folder, "signals")
    with closing(server.start_with(binary, {"port": "auto"})) as own:
        root: Any = own.client(decode_responses=True)
        made.install(root, board)
        app: Any = own.client(username="app", password=made.PASSWORD, decode_responses=True)
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
            for number, channel in enumerate((keys.cursors, keys.signals, keys.events)):
                app.publish(channel("s0"), json.dumps({"t": "~cursor", "d": number}))
            app.publish(keys.cursors("s1"), json.dumps({"t": "~cursor", "d": "other"}))
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
