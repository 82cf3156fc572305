"""Interleaving: candidates measured A B B A … on one connection, after warm-up, until the answer is narrow enough.

A round runs every candidate once, each for a third of a millisecond, in an order that changes from round to round, so
that drift of the machine falls on all alike. One design under two labels in the same run (A/A) says how large a difference
this machine makes up by itself; what is smaller than that, or than the resolution the run aimed at, is called none.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from redis_plan.measure import statistics
from redis_plan.measure.respwire import Wire

#: One operation: packed commands, each sent when the one before has answered.
Commands = tuple[bytes, ...]
#: Why a run ended: the intervals are narrow enough, or the time is spent.
Stop = Literal["interval narrow enough", "budget spent"]
#: A value is a batch at least this long: far above the clock's grain, and short enough that a process which takes the
#: processor for some milliseconds spoils one pair of a hundred. (With a millisecond 91 of 100 slow-downs of 20 % were
#: seen on two busy cores, with a third of it all: ``python -m tests.benchmarks.verdicts``.)
BATCH_S = 0.0003
MIN_ROUNDS = 8
WARMUP_S = 0.03
#: Half of the 95 % interval of each ratio at which a run has seen enough.
STOP_AT = 0.02
#: Half-width above which a run goes on for as long again after its time: a busy machine gets a second chance to be quiet.
ROUGH = 0.05
#: What the label of the second run of the baseline ends with.
AGAIN = " (again)"


@dataclass(frozen=True, slots=True)
class Timed:
    """What an interleaved run saw: seconds per operation of each batch, and of each single operation.

    ``stopped`` says why it ended, ``wanted`` is the half-width that it would have stopped at. All samples are kept:
    :meth:`outliers` counts the far ones and removes none.
    """

    rounds: pd.DataFrame  # label, round, seconds (per operation, mean of the batch)
    operations: dict[str, list[float]]  # label → seconds of each operation
    baseline: str = ""
    stopped: Stop = "budget spent"
    wanted: float = STOP_AT
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """Number of rounds."""
        return int(self.rounds["round"].nunique())

    def batches(self, label: str) -> list[float]:
        """Return seconds per operation of ``label``, one value a round, in order."""
        return [float(s) for s in self.rounds.loc[self.rounds["label"] == label, "seconds"]]

    def ratio(self, label: str, seed: int = 0) -> statistics.Estimate:
        """Return the time of ``label`` relative to the baseline's, from the ratio in each round."""
        return statistics.ratio(self.batches(label), self.batches(self.baseline), seed)

    def noise(self, seed: int = 0) -> float | None:
        """Return the least difference that counts: A/A noise and the run's resolution; None without an A/A pair."""
        again = self.baseline + AGAIN
        if again not in self.operations:
            return None
        return statistics.noise_floor(self.ratio(again, seed), self.wanted)

    def verdict(self, label: str, seed: int = 0) -> statistics.Verdict:
        """Say whether ``label`` is faster or slower than the baseline, beyond the noise of this machine."""
        return statistics.verdict(self.ratio(label, seed), self.noise(seed))

    def outliers(self) -> dict[str, statistics.Outliers]:
        """Return the far operations of each label; they stay among the samples."""
        return {label: statistics.outliers(spent) for label, spent in self.operations.items()}

    def conditions(self) -> dict[str, str | float]:
        """Return what a finding's conditions should say about this run."""
        far = {label: o for label, o in self.outliers().items() if o.count}
        noise = self.noise()
        return {
            "loop": "closed, depth 1",
            "connections": 1,
            "rounds": f"{self.count} interleaved, baseline {self.baseline}",
            "stopped": f"{self.stopped} (wanted ±{100 * self.wanted:g} %) after {self.seconds:.2g} s",
            "noise A/A": "not measured" if noise is None else f"{100 * noise:.1f} %",
            "outliers kept": "; ".join(f"{label} {o.describe()}" for label, o in far.items()) or "none",
        }


def interleaved(
    wire: Wire | Mapping[str, Wire],
    makers: Mapping[str, Callable[[], Iterator[Commands]]],
    budget_s: float,
    warmup: int = 50,
    *,
    stop_at: float | None = STOP_AT,
    min_rounds: int = MIN_ROUNDS,
    baseline: str = "",
    again: bool = False,
) -> Timed:
    """Run each maker's operations in turn, batch by batch, until the answer is narrow or ``budget_s`` seconds are spent.

    A maker yields operations without end. Loop: closed, depth 1. The run stops early when the 95 % interval of every
    candidate's ratio to ``baseline`` (the first label unless named) is within ``stop_at`` of its value on either side
    (None: never early), and never before ``min_rounds``; where it is wider than :data:`ROUGH` when the budget ends, it
    goes on for as long again. With ``again`` the baseline also runs under a second label that ends in :data:`AGAIN`.
    Several wires, by label, compare servers that run at the same time.
    """
    first = baseline or next(iter(makers))
    every = {**makers, first + AGAIN: makers[first]} if again else dict(makers)
    wires = dict.fromkeys(every, wire) if isinstance(wire, Wire) else {**wire, first + AGAIN: wire[first]}
    streams = {label: make() for label, make in every.items()}
    sizes = {label: _batch_size(wires[label], stream, warmup) for label, stream in streams.items()}
    means: dict[str, list[float]] = {label: [] for label in every}
    single: dict[str, list[float]] = {label: [] for label in every}
    turn, look, started = 0, min_rounds, time.perf_counter()
    stopped: Stop = "budget spent"
    until = started + budget_s
    while turn < min_rounds or time.perf_counter() < until:
        for label in _order(list(streams), turn):
            spent = run_batch(wires[label], streams[label], sizes[label])
            single[label] += spent
            means[label].append(sum(spent) / len(spent))
        turn += 1
        if stop_at is not None and turn >= look:
            look = turn + max(2, turn // 4)  # few looks: each is a chance to stop on a lucky interval
            others = [values for label, values in means.items() if label != first]
            widest = max((statistics.ratio_spread(values, means[first]) for values in others), default=0.0)
            until = started + budget_s * (2 if widest > ROUGH else 1)
            if widest <= stop_at:
                stopped = "interval narrow enough"
                break
    rows = [(label, n, values[n]) for n in range(turn) for label, values in means.items()]
    frame = pd.DataFrame(rows, columns=["label", "round", "seconds"])
    return Timed(frame, single, first, stopped, stop_at or 0.0, time.perf_counter() - started)


def _order(labels: list[str], turn: int) -> list[str]:
    """Return an order in which, over the rounds, every label stands equally often at each place, before and after each."""
    shift = (turn // 2) % len(labels)
    turned = labels[shift:] + labels[:shift]
    return turned if turn % 2 == 0 else turned[::-1]


def run_batch(wire: Wire, operations: Iterator[Commands], count: int) -> list[float]:
    """Run ``count`` operations and return the seconds that each took, as the client sees it."""
    spent: list[float] = []
    clock, ask = time.perf_counter, wire.ask
    for _ in range(count):
        commands = next(operations)
        started = clock()
        for command in commands:
            ask(command)
        spent.append(clock() - started)
    return spent


def _batch_size(wire: Wire, operations: Iterator[Commands], warmup: int) -> int:
    """Warm up (for ``WARMUP_S`` at most, so that slow operations do not take the budget); return how many fill a batch."""
    spent: list[float] = []
    while len(spent) < max(1, warmup) and sum(spent) < WARMUP_S:
        spent += run_batch(wire, operations, 1)
    typical = sorted(spent)[len(spent) // 2]
    return max(1, min(500, math.ceil(BATCH_S / typical)))
