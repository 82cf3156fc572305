"""The lab calls equals equal and a fifth more work slower, whatever the machine does meanwhile.

The machines are simulated from seeds, so that the rates are the same everywhere; ``make bench`` prints the rates of live
trials (tests/benchmarks/verdicts.py).
"""

import numpy as np
import pandas as pd
import pytest

from redis_plan.measure.interleave import AGAIN, Timed, interleaved
from redis_plan.measure.respwire import Wire
from tests.benchmarks.verdicts import LOOP, busy

ROUNDS, TRIALS = 60, 100
LABELS = ("one", "other", "one" + AGAIN)


def calm(rng, shape):
    return rng.normal(1, 0.02, shape)


def drifting(rng, shape):
    """A machine that gets three times as slow during the run, with a step in the middle."""
    slope = np.linspace(1, 3, shape[0]) * np.where(np.arange(shape[0]) < shape[0] // 2, 1, 1.5)
    return rng.lognormal(0, 0.03, shape) * slope[:, None]


def heavy_tailed(rng, shape):
    """One batch in six waits for the processor, up to a hundred times as long as it takes."""
    waits = np.where(rng.random(shape) < 1 / 6, rng.pareto(1.1, shape).clip(0, 100), 0)
    return rng.lognormal(0, 0.04, shape) + waits


def waving(rng, shape):
    """Another process computes every few rounds."""
    wave = 1 + 0.5 * (np.sin(np.arange(shape[0]) / 2.3 + rng.random() * 6) > 0)
    return rng.lognormal(0, 0.05, shape) * wave[:, None]


def simulated(machine, seed: int, factor: float) -> Timed:
    times = machine(np.random.default_rng(seed), (ROUNDS, 3)) * np.array([1.0, factor, 1.0]) * 3e-4
    rows = [(label, n, times[n, i]) for n in range(ROUNDS) for i, label in enumerate(LABELS)]
    return Timed(
        pd.DataFrame(rows, columns=["label", "round", "seconds"]),
        {label: list(times[:, i]) for i, label in enumerate(LABELS)},
        "one",
    )


def count(machine, factor: float, verdict: str) -> int:
    return sum(simulated(machine, seed, factor).verdict("other", seed) == verdict for seed in range(TRIALS))


MACHINES = pytest.mark.parametrize("machine", [calm, drifting, heavy_tailed, waving], ids=lambda m: m.__name__)


@MACHINES
def test_equals_are_called_different_in_under_five_of_a_hundred_trials(machine):
    assert TRIALS - count(machine, 1.0, "no difference seen") < 5


@MACHINES
def test_a_fifth_more_work_is_seen_in_over_95_of_a_hundred_trials(machine):
    assert count(machine, 1.2, "slower") > 95


@MACHINES
def test_a_fifth_less_work_is_seen_too(machine):
    assert count(machine, 1 / 1.2, "faster") > 95


@pytest.mark.alone
def test_twice_the_work_of_a_script_is_slower_on_a_live_server(own_server):
    makers = {"one": busy(LOOP), "other": busy(2 * LOOP)}
    with Wire(own_server) as wire:
        verdicts = [interleaved(wire, makers, 1.0, again=True).verdict("other") for _ in range(4)]
    assert verdicts.count("slower") >= 3
    assert "faster" not in verdicts


@pytest.mark.alone
def test_a_script_is_not_twice_as_slow_as_itself_on_a_live_server(own_server):
    makers = {"one": busy(LOOP), "other": busy(LOOP)}
    with Wire(own_server) as wire:
        runs = [interleaved(wire, makers, 0.5, again=True) for _ in range(4)]
    assert sum(run.verdict("other") == "no difference seen" for run in runs) >= 2
    assert all(run.stopped in ("interval narrow enough", "budget spent") for run in runs)
