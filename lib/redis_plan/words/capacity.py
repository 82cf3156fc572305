"""Capacity: what was measured and modelled of memory. Section 5 tells it, the first page and the configuration rest on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from redis_plan.brief.model import Brief
from redis_plan.errors import MissingStepError
from redis_plan.evidence.findings import Findings, Found, Number, each, number, record
from redis_plan.evidence.store import Evidence
from redis_plan.keyspace import settings
from redis_plan.keyspace.model import Keyspace


@dataclass(frozen=True, slots=True)
class Fit(Found):
    """Every key pattern loaded at the project's own sizes, against what the model had predicted."""

    session: Number = number("B", name="bytes_per_session")
    tables: Number = number("B", "modelled", name="tables_per_session")
    error_all: Number = number("%")
    memory_usage_error_all: Number = number("%")
    a_key: Mapping[str, Number] = each("{}_bytes_per_key", "B")


@dataclass(frozen=True, slots=True)
class Budget(Found):
    """What a node needs at the peak, and what the team's budget carries."""

    session: Number = number("B", "modelled", name="bytes_per_session")
    counted_at_peak: Number = number("B", "modelled")
    maxmemory: Number = number("B", "modelled")
    for_peak: Number = number("B", "modelled", name="maxmemory_for_peak")
    host: Number = number("B", "modelled", name="host_memory")
    host_low: Number = number("B", "modelled", name="host_memory_low")
    host_high: Number = number("B", "modelled", name="host_memory_high")
    host_twice: Number = number("B", "modelled", name="host_memory_2x")
    carries: Number = number("sessions", "modelled", name="sessions_in_budget")
    dataset: Number = number("B", "modelled", name="dataset_at_peak")
    less: Mapping[str, Number] = each("sessions_with_{}_tenths_less", "sessions", "modelled")
    admission: Number = number("B", "modelled", name="admission_bytes")

    def carried(self, saved: float, peak: float) -> float:
        """Return how many sessions the budget carries where each takes ``saved`` bytes less, read between the tenths."""
        counts = [self.carries.value, *(self.less[f"{n}"].value for n in range(1, 1 + len(self.less)))]
        tenths = 10 * saved * peak / max(self.dataset.value, 1.0)
        return float(np.interp(tenths, range(len(counts)), counts))

    def most(self, peak: float) -> float:
        """Return the most bytes of the dataset that one of ``peak`` sessions may take for all to fit; 0 where nothing helps."""
        whole, carries = self.dataset.value / peak, self.carries.value
        if carries >= peak:
            return whole * carries / peak
        steps = [n * whole / 1000 for n in range(901)]
        return next((whole - saved for saved in steps if self.carried(saved, peak) >= peak), 0.0)


@dataclass(frozen=True, slots=True)
class Gathered(Found):
    """Small keys as keys, as a hash each session, and in buckets; the condition ``pattern`` names the key."""

    key_each: Number = number("B")
    keys_each: Number = number("keys")
    hash_a_session: Number = number("B")
    buckets: Number = number("B")
    saved: Number = number("%", name="saved_by_buckets")


@dataclass(frozen=True, slots=True)
class Packed(Found):
    """Values compressed; the conditions ``pattern`` and ``method`` say which and how."""

    plain: Number = number("B", name="size_plain")
    best: Number = number("B", name="size_best")
    saved: Number = number("%", name="saved_best")
    write: Number = number("s", name="write_best")
    read: Number = number("s", name="read_best")
    core: Number = number("%", "modelled", name="core_at_peak")


@dataclass(frozen=True, slots=True)
class Capacity(Findings):
    """What is known of memory."""

    fit: Fit | None = record("E-06a", Fit)
    budget: Budget | None = record("E-06c", Budget)
    small: Gathered | None = record("E-06l", Gathered)
    packed: Packed | None = record("E-06m", Packed)


def quantities(brief: Brief, keyspace: Keyspace, records: Mapping[str, Evidence]) -> dict[str, float]:
    """Return what the formulas of the configuration may use; raises :class:`MissingStepError` while notebook 06 has not run."""
    needed = [Capacity.declared()[name][0] for name in ("fit", "budget")]
    if not all(id in records for id in needed):
        raise MissingStepError(
            f"the capacity model ({', '.join(needed)}) is not in the run folder: run notebook 06_memory first"
        )
    found = Capacity.of(records)
    # without a model of it three quarters of what the team may use are the ceiling; without sessions none costs anything
    most = found.budget.maxmemory.value if found.budget else 0.75 * brief.value("memory_budget")
    each_session = found.fit.session.value if found.fit else 0.0
    return settings.quantities(brief, keyspace, most, each_session)
