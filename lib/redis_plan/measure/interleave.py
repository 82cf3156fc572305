"""Interleaving: candidates measured A B A B … on one connection, after warm-up, within a time budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from redis_plan.measure.respwire import Wire

#: One operation: packed commands, each sent when the one before has answered.
Operation = tuple[bytes, ...]
#: A value is a batch at least this long, so that the clock's and the scheduler's grain do not show.
BATCH_S = 0.001
MIN_ROUNDS = 8
WARMUP_S = 0.03


@dataclass(frozen=True, slots=True)
class Timed:
    """What an interleaved run saw: seconds per operation of each batch, and of each single operation."""

    rounds: pd.DataFrame  # label, round, seconds (per operation, mean of the batch)
    operations: dict[str, list[float]]  # label → seconds of each operation


def interleaved(
    wire: Wire, makers: Mapping[str, Callable[[], Iterator[Operation]]], budget_s: float, warmup: int = 50
) -> Timed:
    """Run each maker's operations in turn, batch by batch, for ``budget_s`` seconds in total (at least eight rounds).

    A maker yields operations without end. Loop: closed, depth 1.
    """
    streams = {label: make() for label, make in makers.items()}
    sizes = {label: _batch_size(wire, stream, warmup) for label, stream in streams.items()}
    rows: list[tuple[str, int, float]] = []
    single: dict[str, list[float]] = {label: [] for label in makers}
    turn, deadline = 0, time.perf_counter() + budget_s
    while turn < MIN_ROUNDS or time.perf_counter() < deadline:
        order = list(streams) if turn % 2 == 0 else list(reversed(streams))  # nobody is always second
        for label in order:
            spent = run_batch(wire, streams[label], sizes[label])
            single[label] += spent
            rows.append((label, turn, sum(spent) / len(spent)))
        turn += 1
    return Timed(pd.DataFrame(rows, columns=["label", "round", "seconds"]), single)


def run_batch(wire: Wire, operations: Iterator[Operation], count: int) -> list[float]:
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


def _batch_size(wire: Wire, operations: Iterator[Operation], warmup: int) -> int:
    """Warm up (for ``WARMUP_S`` at most, so that slow operations do not take the budget); return how many fill a batch."""
    spent: list[float] = []
    while len(spent) < max(1, warmup) and sum(spent) < WARMUP_S:
        spent += run_batch(wire, operations, 1)
    typical = sorted(spent)[len(spent) // 2]
    return max(1, min(500, round(BATCH_S / typical) + 1))
