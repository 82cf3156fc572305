"""The closed-loop driver sends what it says, and refuses to count what it was not told to expect."""

import pytest

from redis_plan.measure import drive as driving
from redis_plan.measure.drive import WrongReplyError, drive
from redis_plan.measure.respwire import pack


@pytest.mark.parametrize(("pipeline", "connections"), [(1, 1), (16, 1), (1, 20), (7, 13)])
def test_as_many_commands_arrive_as_are_said(own_server, pipeline, connections):
    client = own_server.client()
    client.config_resetstat()
    done = drive(
        own_server, pack("SET", "drive", "x"), b"+OK\r\n", pipeline=pipeline, connections=connections, commands=2000
    )
    assert done.commands >= 2000
    assert client.info("commandstats")["cmdstat_set"]["calls"] == done.commands + 1  # one to look at the answer
    assert done.per_s == pytest.approx(done.commands / done.seconds)
    assert 0 < done.client_share <= 1.05


def test_ids_of_different_lengths_are_counted_as_one_each(own_server):
    client = own_server.client()
    done = drive(
        own_server, pack("XADD", "drive:x", "*", "f", "v"), b"$3\r\n1-0\r\n", pipeline=50, connections=3, commands=3000
    )
    assert client.xlen("drive:x") == done.commands + 1
    client.unlink("drive:x")


def test_the_way_without_epoll_does_the_same(own_server, monkeypatch):
    monkeypatch.delattr(driving.select, "epoll")
    client = own_server.client()
    client.delete("drive:n")
    done = drive(own_server, pack("SETBIT", "drive:n", 1, 1), b":1\r\n", pipeline=4, connections=5, commands=100)
    assert done.commands == 100


@pytest.mark.parametrize(
    ("command", "reply"),
    [(("NOPE",), b"+OK\r\n"), (("PING",), b":1\r\n"), (("ECHO", "abc"), b"+OK\r\n"), (("INCR", "drive:s"), b"+OK\r\n")],
)
def test_answers_of_another_kind_end_the_run(own_server, command, reply):
    with pytest.raises(WrongReplyError, match="announced"):
        drive(own_server, pack(*command), reply, commands=10)
