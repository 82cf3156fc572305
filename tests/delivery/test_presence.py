"""Seat and presence are two deadlines of one score, and the commands that the plan prints tell them apart."""

import re
from pathlib import Path

from redis_plan.chapters.sessions import appendix
from redis_plan.keyspace import functions, periods
from redis_plan.server import Server
from redis_plan.words import command_block
from tests.delivery import made


def test_who_tells_of_silence_is_said_as_it_is_delivered(sample: made.Project, documents: Path) -> None:
    with_actions = made.acting(made.SAMPLE, documents)
    assert "`mark_away`" in appendix.silence(with_actions.brief, with_actions.keyspace)
    assert "def mark_away" in with_actions.text("redis_plan_actions.py")
    assert "No file beside this plan sends it" in appendix.silence(sample.brief, sample.keyspace)


def test_a_silent_member_is_shown_as_gone_once_and_keeps_the_seat(loaded: Server, sample: made.Project) -> None:
    client = loaded.client(decode_responses=True)
    of = periods.periods(sample.brief)
    keys = functions.session_keys(sample.keyspace, "k3v9", environment="prod")
    seconds, micros = client.time()  # type: ignore[misc]
    now = seconds * 1000 + micros // 1000
    client.delete(keys["presence"])

    def heard(ago_s: float) -> int:
        return int(now - 1000 * ago_s + of["lease"].ms)

    client.zadd(keys["presence"], {"ann#1": heard(1), "bob#1": heard(of["presence"].seconds + 1)})
    text = appendix.silence(sample.brief, sample.keyspace)
    counted, fell = command_block.lines(text)

    def run(line: command_block.Line, at: int) -> object:
        given = [re.sub(r"<now\+(\d+)>", lambda m: str(at + int(m[1])), word) for word in line.command]
        return client.execute_command(*given)

    assert run(counted, now) == 1
    assert run(fell, now) == ["bob#1"]
    assert run(fell, now + of["sweep"].ms) == []  # told once, not at each look
    assert run(fell, now - of["sweep"].ms) == []
    assert client.zcount(keys["presence"], now, "+inf") == 2  # both seats are kept
    client.delete(keys["presence"])
