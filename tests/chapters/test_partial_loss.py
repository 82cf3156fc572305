"""One key of a session is gone: nobody is served a hole or another life's events, and the control shows that one could be."""

from dataclasses import replace

import pandas as pd
import pytest

from redis_plan.chapters.recovery import appendix, partial_loss
from redis_plan.chapters.recovery.findings import Recovery
from redis_plan.measure.lab import Lab
from tests.chapters import project
from tests.plan.records import evidence


@pytest.fixture(scope="module")
def found(own_server):
    return partial_loss.skew(Lab(own_server, "quick"), brief=project.brief(), keyspace=project.keyspace())


def test_no_single_loss_serves_a_hole_and_a_counter_with_a_list_does(found):
    values = {v.name: v.value for v in found.values}
    assert values["wrong"] == values["untimed"] == 0
    by_key = found.samples.groupby("lost")["control_wrong"].mean()
    assert (by_key["state"], by_key["log"], by_key["roster"]) == (1, 1, 0)


def test_each_loss_has_its_own_answer(found):
    assert found.conditions == {
        "first answer without state": "gone",
        "first answer without roster": "delta",
        "first answer without presence": "delta",
        "first answer without log": "snapshot",
    }


@pytest.mark.parametrize(
    ("reply", "whole"),
    [
        (["gone"], True),
        (["snapshot", 9, "ab", "f", "v"], True),
        (["snapshot", 9, "cd", "f", "v"], False),
        (["delta", 5, '{"e":"ab","v":4}', '{"e":"ab","v":5}'], True),
        (["delta", 5, '{"e":"ab","v":5}'], False),
        (["delta", 5, '{"e":"cd","v":4}', '{"e":"ab","v":5}'], False),
    ],
)
def test_the_judge_sees_holes_and_other_lives(reply, whole):
    assert partial_loss._whole(reply, "ab", 3) is whole


def test_nothing_is_left_behind(own_server, found):
    assert not list(own_server.client().scan_iter(match="*partial-*"))


def test_the_plan_has_a_row_for_each_key_and_is_silent_where_nothing_ran(found):
    record = evidence("E-08e", *found.values)
    known = Recovery.of({"E-08e": replace(record, conditions=dict(found.conditions))})
    text = appendix.told(project.brief(), project.keyspace(), known, pd.DataFrame())[-1]
    assert all(f"| `{key}` | {found.conditions[f'first answer without {key}']} |" in text for key in partial_loss.LOST)
    silent = appendix.told(project.brief(), project.keyspace(), Recovery.of({}), pd.DataFrame())
    assert "one key is gone alone" not in silent[-1]
