"""Levers: what in our own design makes a session smaller, by the bytes that it saves, each with its price."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.keyspace import periods
from redis_plan.keyspace.cues import with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.words.capacity import Budget, Capacity
from redis_plan.words.tables import table

#: What the server keeps of each key beside it.
TABLES = "tables of keys"
#: A session's part of the keys that belong to none, such as a cache.
ACROSS = "keys across"


@dataclass(frozen=True, slots=True)
class Lever:
    """One change of the design: bytes that it saves of a session, how many then fit with those before it, its price."""

    key: str  # the pattern that gets smaller, or ACROSS
    what: str
    short: str
    saves: float
    fit: float
    price: str
    evidence: str


def levers(brief: Brief, keyspace: Keyspace, found: Capacity) -> tuple[Lever, ...]:
    """Return the levers, the cheapest first: a bound, what can be computed again, another structure, work for every reader.

    How many sessions fit is what the model of the budget says, fixed parts and keys across sessions counted. None where no
    session was measured.
    """
    log, small, packed = keyspace.use("log"), found.small, found.packed
    if found.fit is None or found.budget is None or log is None or not keyspace.session_entity:
        return ()
    size = found.fit.a_key[log.name].value
    changes: list[tuple[str, str, str, float, str, str]] = []
    needed = math.ceil(brief.value("events_per_session") * periods.seconds(brief, "lease"))
    if needed < log.max_elements:
        price = "who is away for longer than the seat is kept takes a snapshot"
        what = f"`{log.name}` of {needed:,} entries, not {log.max_elements:,.0f}"
        saved = size * (1 - needed / log.max_elements)
        changes.append((log.name, what, f"{log.name}: {needed:,} entries", saved, price, found.fit.id))
        size *= needed / log.max_elements
    peak = brief.value("sessions_peak")
    for p in keyspace.keys:
        if p.use == "cache" and p.scope == "global" and p.name in found.fit.a_key:
            saved = found.fit.a_key[p.name].value * p.per_session / peak
            what = f"no `{p.name}`, or fewer of them"
            changes.append((ACROSS, what, f"no {p.name}", saved, "computed at each read", found.fit.id))
    if small:
        key = small.record.condition("pattern")
        saved = small.key_each.value * small.saved.value / 100
        price = "no TTL of its own: the function trims them"
        changes.append((key, f"`{key}` in a few hashes, not a key each", f"{key}: in hashes", saved, price, small.id))
    if packed and packed.record.condition("pattern") == log.name:
        price = f"{packed.core} of a core, and every reader needs the codec"
        what = f"compress `{log.name}` ({packed.record.condition('method')})"
        saved = size * packed.saved.value / 100
        changes.append((log.name, what, f"{log.name}: compressed", saved, price, packed.id))
    kept, less = [], 0.0
    for key, what, name, saved, price, id in changes:
        if less + saved < found.budget.dataset.value / peak:
            less += saved
            kept.append(Lever(key, what, name, saved, found.budget.carried(less, peak), price, id))
    return tuple(kept)


def steps(
    found: tuple[Lever, ...], samples: pd.DataFrame, session: float, across: float = 0.0
) -> list[tuple[str, dict[str, float]]]:
    """Return the bytes of one session by key, as designed and after each lever, which has a short name.

    ``samples`` are those of the evidence of a session's bytes, a row a pattern; what it takes beyond them, of ``session``
    bytes in all, are the server's tables. ``across`` is its part of the keys that belong to no session.
    """
    own = samples[(samples.pattern != "all") & (samples.per_session > 0)]
    left = dict(zip(own.pattern, own.bytes_per_session.astype(float), strict=True))
    left[TABLES] = max(0.0, session - sum(left.values()))
    if across > 0.01 * session:
        left[ACROSS] = across
    told = [("as designed", left)]
    for lever in found:
        left = left | {lever.key: max(0.0, left.get(lever.key, 0.0) - lever.saves)}
        told.append((f"+ {lever.short}", left))
    return told


def enough(found: tuple[Lever, ...], peak: float) -> tuple[Lever, ...]:
    """Return the first levers that together make room for the peak, or all of them."""
    least = next((i for i, lever in enumerate(found, 1) if lever.fit >= peak), len(found))
    return found[:least]


def lever_table(brief: Brief, keyspace: Keyspace, found: tuple[Lever, ...], budget: Budget) -> str:
    """Return the levers as a table, a larger node last; "" where there are none."""
    if not found:
        return ""
    rows = [
        [lever.what, units.write(round(lever.saves), "B"), f"{lever.fit:,.0f}", lever.price, f"[{lever.evidence}]"]
        for lever in found
    ]
    peak = f"{brief.value('sessions_peak'):,.0f}"
    rows.append([f"a node of {budget.host} or more", "–", peak, "money, every month", f"[{budget.id}]"])
    head = ["Lever", f"Saves {with_article(keyspace.session_noun)}", "With those above fit", "Price", "Modelled from"]
    return table(head, rows, right=(1, 2))
