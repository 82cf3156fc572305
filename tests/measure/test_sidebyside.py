"""Two servers at the same time, and a user's server as it was."""

import pytest

from redis_plan import server
from redis_plan.measure.respwire import Wire
from redis_plan.measure.sidebyside import commands, side_by_side


def test_every_command_runs_on_both_and_nothing_is_left(server_binaries):
    with server.open(str(server_binaries[0].path)) as a, server.open(str(server_binaries[-1].path)) as b:
        sides = side_by_side(a, b, 0.02)
        assert [side.command for side in sides] == list(commands(""))
        for side in sides:
            assert side.a_s > 0
            assert side.b_s > 0
            assert side.low <= side.ratio <= side.high
            assert side.rounds >= 8
        assert a.client().dbsize() == b.client().dbsize() == 0


@pytest.mark.parametrize("settings", [{}, {"requirepass": "secret"}], ids=["open", "password"])
def test_a_users_server_keeps_its_keys_and_gets_no_others(settings):
    with server.open_own(settings) as theirs, server.open() as ours:
        client = theirs.client()
        client.set("side:string", "theirs")
        with server.open(theirs.secret_url) as visited:
            side_by_side(ours, visited, 0.0)
        assert client.keys("*") == [b"side:string"]
        assert client.get("side:string") == b"theirs"


def test_no_command_answers_with_an_error(own_server):
    with Wire(own_server) as wire:
        for packed in commands("side:test:").values():
            for command in packed:
                assert not isinstance(wire.ask(command), Exception)
    own_server.client().delete(*own_server.client().keys("side:test:*"))
