"""Signals on a channel of their own, as a project declares one: who is in the session hears them, and nothing is stored."""

import json
import random
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from redis_plan import brief, server
from redis_plan.actions import designing
from redis_plan.delivery import acl, syncing
from redis_plan.rig import hall
from redis_plan.server import Binary
from tests.conftest import BINARIES
from tests.delivery import made
from tests.delivery.games.players import AskingMember as Member
from tests.delivery.test_gateway import Gateway
from tests.delivery.test_gateway_actions import play, so
from tests.delivery.test_neighbours import BOARD


@pytest.mark.parametrize("binary", BINARIES, ids=lambda binary: binary.id)
def test_who_is_in_hears_the_signals_of_the_session_and_of_no_other(
    binary: Binary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = brief.read(BOARD)
    board = made.Project("whiteboard", read, designing.design(read))
    assert [name for name, _ in syncing.signals(board.keyspace)] == ["signals", "cursors"]
    folder = made.write(board.artefacts, tmp_path / "redis")
    delivered = made.client_module(folder, "signals")
    with closing(server.start_with(binary, {"port": "auto"})) as own:
        root = own.client(decode_responses=True)
        root.function_load(board.text("functions.lua"))
        for user in acl.users(board.keyspace):
            root.execute_command("ACL", "SETUSER", user.name, "reset", "on", ">pw", *user.rules)
        app: Any = own.client(username="app", password="pw", decode_responses=True)
        keys = delivered.Keys("prod")
        operations = delivered.Operations(app, keys)
        for session in ("s0", "s1"):
            operations.create(session, owner="host")
        monkeypatch.setattr("tests.delivery.test_gateway.url", lambda of: f"redis://app:pw@127.0.0.1:{of.address[-1]}")
        gateway = Gateway(folder, own)
        ann, bob = (
            Member([gateway.url], hall.signed(session, who), random.Random(who))
            for session, who in (("s0", "ann"), ("s1", "bob"))
        )

        async def story() -> None:
            await so(lambda: ann.copy.mode == bob.copy.mode == "live", "not both are in")
            versions = ann.copy.version, bob.copy.version
            for number, channel in enumerate((keys.cursors, keys.signals, keys.events)):
                app.publish(channel("s0"), json.dumps({"t": "~cursor", "d": number}))
            app.publish(keys.cursors("s1"), json.dumps({"t": "~cursor", "d": "other"}))
            at: list[list[object]] = []

            def all_heard() -> bool:
                at[:] = [[json.loads(t)["d"] for t in m.texts if '"~cursor"' in t] for m in (ann, bob)]
                return at == [[0, 1, 2], ["other"]]

            await so(all_heard, f"not heard: {at}")
            assert (ann.copy.version, bob.copy.version) == versions

        try:
            play(story, ann, bob)
        finally:
            gateway.kill()
