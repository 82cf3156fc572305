"""Levers: what in our own design makes a session smaller, by the bytes that it saves, each with its price."""

from __future__ import annotations

import math
from dataclasses import dataclass

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.evidence.store import Evidence
from redis_plan.keyspace import periods
from redis_plan.keyspace.cues import with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words
from redis_plan.words.keyspace_text import table


@dataclass(frozen=True, slots=True)
class Lever:
    """One change of the design: bytes that it saves of a session, how many then fit with those before it, its price."""

    what: str
    short: str
    saves: float
    fit: float
    price: str
    evidence: str


def levers(
    brief: Brief, keyspace: Keyspace, fit: Evidence, budget: Evidence, small: Evidence, packed: Evidence
) -> tuple[Lever, ...]:
    """Return the levers, the cheapest first: a bound, then another structure, then work for every reader.

    None where no session was measured.
    """
    log = keyspace.use("log")
    if fit.not_run or budget.not_run or log is None or not keyspace.session_entity:
        return ()
    size = fit[f"{log.name}_bytes_per_key"].value
    found: list[tuple[str, str, float, str, str]] = []
    needed = math.ceil(brief.value("events_per_session") * periods.seconds(brief, "lease"))
    if needed < log.max_elements:
        price = "who is away for longer than the seat is kept takes a snapshot"
        what = f"`{log.name}` of {needed:,} entries, not {log.max_elements:,.0f}"
        found.append((what, f"{log.name}: {needed:,} entries", size * (1 - needed / log.max_elements), price, fit.id))
        size *= needed / log.max_elements
    if not small.not_run:
        saved = small["key_each"].value * small["saved_by_buckets"].value / 100
        what = f"`{small.condition('pattern')}` in a few hashes, not a key each"
        found.append(
            (
                what,
                f"{small.condition('pattern')}: in hashes",
                saved,
                "no TTL of its own: the function trims them",
                small.id,
            )
        )
    if not packed.not_run and packed.condition("pattern") == log.name:
        price = f"{words.number(packed, 'core_at_peak')} of a core, and every reader needs the codec"
        what = f"compress `{log.name}` ({packed.condition('method')})"
        found.append((what, f"{log.name}: compressed", size * packed["saved_best"].value / 100, price, packed.id))
    each, carried = fit["bytes_per_session"].value, budget["sessions_in_budget"].value
    kept, left = [], each
    for what, name, saved, price, id in found:
        if saved < left:
            left -= saved
            kept.append(Lever(what, name, saved, carried * each / left, price, id))
    return tuple(kept)


def steps(found: tuple[Lever, ...], fit: Evidence) -> list[tuple[str, float]]:
    """Return the bytes of one session as designed and after each lever, by a short name."""
    left = fit["bytes_per_session"].value
    told = [("as designed", left)]
    for lever in found:
        left -= lever.saves
        told.append((f"+ {lever.short}", left))
    return told


def enough(found: tuple[Lever, ...], peak: float) -> tuple[Lever, ...]:
    """Return the first levers that together make room for the peak, or all of them."""
    least = next((i for i, lever in enumerate(found, 1) if lever.fit >= peak), len(found))
    return found[:least]


def lever_table(brief: Brief, keyspace: Keyspace, found: tuple[Lever, ...], budget: Evidence) -> str:
    """Return the levers as a table, a larger node last; "" where there are none."""
    if not found:
        return ""
    rows = [
        [lever.what, units.write(round(lever.saves), "B"), f"{lever.fit:,.0f}", lever.price, f"[{lever.evidence}]"]
        for lever in found
    ]
    host = words.number(budget, "host_memory")
    peak = f"{brief.value('sessions_peak'):,.0f}"
    rows.append([f"a node of {host} or more", "–", peak, "money, every month", f"[{budget.id}]"])
    head = ["Lever", f"Saves {with_article(keyspace.session_noun)}", "With those above fit", "Price", "Modelled from"]
    return table(head, rows, right=(1, 2))
