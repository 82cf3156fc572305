"""Rates: how often a key is written and read at peak, from the access patterns or from the catalog's formula."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from redis_plan.brief.model import AccessPattern
from redis_plan.keyspace import cues
from redis_plan.keyspace.design import Slot
from redis_plan.keyspace.expression import compute
from redis_plan.keyspace.model import KeyPattern


@dataclass(frozen=True, slots=True)
class Rates:
    """Writes and reads a second in the whole system at peak, and where each comes from."""

    writes: float
    reads: float
    writes_from: tuple[str, ...]  # access patterns; empty: the catalog's formula
    reads_from: tuple[str, ...]


def rates(slot: Slot, pattern: KeyPattern, access: Iterable[AccessPattern], facts: Mapping[str, float]) -> Rates:
    """Return how often ``pattern`` is used.

    What is the session's own (state, log, presence …) follows the formula of the catalog, since one access pattern
    touches several of them; what an entity of its own asked for follows the access patterns of that entity.
    """
    own = {cues.canonical(name) for name in pattern.entities} if slot.use.pattern.when != "core" else set()
    mine = [a for a in access if a.id in pattern.access_patterns and cues.canonical(a.entity) in own]
    writing = tuple(a.id for a in mine if a.mode == "write" and a.rate_per_s > 0)
    reading = tuple(a.id for a in mine if a.mode == "read" and a.rate_per_s > 0)
    by_id = {a.id: a.rate_per_s for a in mine}
    return Rates(
        sum(by_id[i] for i in writing) if writing else compute(slot.spec.writes or 0.0, facts),
        sum(by_id[i] for i in reading) if reading else compute(slot.spec.reads or 0.0, facts),
        writing,
        reading,
    )
