"""Forked processes of an experiment speak each on a line of its own, and none outlives whoever needed it."""

import json
import signal

import pytest

from redis_plan.errors import RedisPlanError
from redis_plan.rig.children import Twins
from tests.conftest import is_running, python, within

COUNT = 3
OWNER = f"""
import sys
from redis_plan.rig.children import Twins
twins = Twins("tests.rig.twins", "twins", {COUNT})
twins.tell()
print([line.answer() for line in twins.lines], flush=True)
sys.stdin.readline()
"""


def started() -> tuple[Twins, list[int]]:
    twins = Twins("tests.rig.twins", "twins", COUNT)
    twins.tell()
    said = [json.loads(line.answer()) for line in twins.lines]
    assert [one["number"] for one in said] == list(range(COUNT))
    return twins, [one["pid"] for one in said]


def test_each_answers_on_its_own_line_and_all_are_gone_at_the_end():
    twins, pids = started()
    assert [line.ask(n=n)["n"] for n, line in enumerate(twins.lines)] == list(range(COUNT))
    assert len(set(pids)) == COUNT
    twins.end()
    assert within(20, lambda: not any(map(is_running, pids)))


def test_one_that_fails_ends_alone_and_is_told_of(capfd):
    twins, pids = started()
    try:
        with pytest.raises(RedisPlanError, match="ended early"):
            twins.lines[1].ask(fail=True)
        assert twins.lines[0].ask(n=0) == {"n": 0}
        assert within(20, lambda: not is_running(pids[1]))
        assert "asked to fail" in capfd.readouterr().err
    finally:
        twins.end()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_none_outlives_who_started_it(how):
    with python(OWNER, stdin=-1) as owner:
        assert owner.stdout
        pids = [json.loads(one)["pid"] for one in eval(owner.stdout.readline())]
        assert all(map(is_running, pids))
        owner.send_signal(how)
    assert within(20, lambda: not any(map(is_running, pids)))
