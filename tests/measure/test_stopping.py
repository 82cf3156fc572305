"""An interleaved run stops when it has seen enough, says why, and hides nothing it saw."""

import itertools

import numpy as np
import pytest

from redis_plan.measure import statistics
from redis_plan.measure.interleave import AGAIN, MIN_ROUNDS, _order, interleaved
from redis_plan.measure.respwire import Wire, pack


def endless(command: bytes):
    return lambda: itertools.repeat((command,))


PING, TIME = endless(pack("PING")), endless(pack("TIME"))


def test_a_run_stops_as_soon_as_the_interval_is_as_narrow_as_asked(own_server):
    with Wire(own_server.address) as wire:
        timed = interleaved(wire, {"a": PING, "b": TIME}, 20.0, stop_at=5.0)
    assert timed.stopped == "interval narrow enough"
    assert MIN_ROUNDS <= timed.count < 200
    assert "interval narrow enough" in timed.conditions()["stopped"]


@pytest.mark.parametrize("stop_at", [0.0, None])
def test_a_run_that_can_not_be_narrow_enough_spends_its_budget(own_server, stop_at):
    with Wire(own_server.address) as wire:
        timed = interleaved(wire, {"a": PING, "b": TIME}, 0.05, stop_at=stop_at)
    assert timed.stopped == "budget spent"
    assert timed.seconds >= 0.05


def test_the_least_number_of_rounds_is_run_whatever_the_budget(own_server):
    with Wire(own_server.address) as wire:
        timed = interleaved(wire, {"a": PING, "b": TIME}, 0.0, min_rounds=11, stop_at=100)
    assert timed.count == 11


def test_the_baseline_runs_under_two_labels_for_the_noise(own_server):
    with Wire(own_server.address) as wire:
        timed = interleaved(wire, {"a": PING, "b": TIME}, 0.1, baseline="b", again=True)
        alone = interleaved(wire, {"a": PING, "b": TIME}, 0.0)
    assert set(timed.operations) == {"a", "b", "b" + AGAIN}
    assert timed.noise() > 0
    assert timed.ratio("b").value == 1
    assert alone.noise() is None
    assert alone.verdict("b") == "not checked"


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_over_the_rounds_every_candidate_stands_equally_often_at_each_place(size):
    labels = list("abcde"[:size])
    orders = [_order(labels, turn) for turn in range(2 * size)]
    for place in range(size):
        at = [order[place] for order in orders]
        assert {at.count(label) for label in labels} == {2}


def test_outliers_are_counted_and_kept():
    values = [*np.random.default_rng(1).normal(100, 1, 995), 500, 500, 500, 900, 900]
    found = statistics.outliers(values)
    assert (found.count, found.n) == (5, 1000)
    assert found.share == pytest.approx(0.005)
    assert 104 < found.limit < 108
    assert found.describe() == "5 of 1,000 (0.5 %)"
    assert statistics.outliers([]).share == 0
    assert statistics.outliers([3, 3, 3]).count == 0


def test_outliers_stand_in_the_conditions(own_server):
    with Wire(own_server.address) as wire:
        timed = interleaved(wire, {"a": PING}, 0.02)
    timed.operations["a"] += [10.0, 10.0]
    assert f"of {len(timed.operations['a']):,}" in timed.conditions()["outliers kept"]


def test_the_quick_interval_agrees_with_the_bootstrap():
    rng = np.random.default_rng(5)
    for size in (20, 60, 200):
        a, b = rng.lognormal(0, 0.1, size), rng.lognormal(0, 0.1, size)
        quick, slow = statistics.ratio_spread(a, b), statistics.ratio(a, b).half_width
        assert 0.6 < quick / slow < 2.2
    assert statistics.ratio_spread([1.0] * 5, [1.0] * 5) == float("inf")
