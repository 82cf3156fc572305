"""Sensitivity: which change of sessions, members, rate, payload or version makes another candidate win.

One number at a time is scaled by factors from 1/100 to 100; where the winner changes, the factor is narrowed down by
bisection. Versions are tried one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from redis_plan.brief.access import catalogue
from redis_plan.brief.model import AccessPattern, Brief
from redis_plan.choice.weighing import Weighed, build_of, weigh
from redis_plan.keyspace.design import Draft, Slot
from redis_plan.keyspace.expression import facts_in
from redis_plan.keyspace.model import KeyPattern
from redis_plan.memory.layout import Build

#: What is scaled together: the facts behind each word.
DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "sessions": ("sessions_peak",),
    "members": ("members_per_session", "session_capacity"),
    "rate": ("events_per_session",),
    "payload": ("payload_bytes", "state_bytes", "member_bytes"),
}
FACTORS = (2.0, 10.0, 100.0)
_STEPS = 4  # halvings of the interval in which the winner changes: the factor is good to about 10 %

#: Versions that are tried, oldest first.
Server = tuple[str, tuple[int, ...]]
VERSIONS: tuple[Server, ...] = (
    ("redis", (7, 0)), ("redis", (7, 2)), ("redis", (7, 4)), ("redis", (8, 0)), ("valkey", (8, 1)), ("valkey", (9, 1)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flip:
    """A change that makes another candidate win: a factor of one dimension, or a version."""

    dimension: str
    factor: float  # 0 for a version
    winner: str
    version: str = ""


def flips(
    weighed: Weighed, slot: Slot, draft: Draft, access: tuple[AccessPattern, ...], build: Build,
    server: Server,
) -> tuple[Flip, ...]:  # fmt: skip
    """Return the nearest changes in each direction that make another candidate of ``slot`` win."""
    open_ones = [o for o in weighed.options if o.obstacle is None or o.obstacle.kind in ("version", "size")]
    if weighed.pinned or len(open_ones) < 2:
        return ()
    served, winner = weighed.pattern, weighed.chosen.candidate.name
    found: list[Flip] = []
    matter = _facts(slot, access)
    for name, facts in DIMENSIONS.items():
        if not matter & set(facts):
            continue

        def at(factor: float, facts: tuple[str, ...] = facts) -> str:
            return _winner(
                slot, scaled_draft(draft, facts, factor), served, _scaled(access, facts, factor), build, server
            )

        found += _nearest(name, winner, at)
    return (
        *found,
        *_versions(winner, server, lambda other: _winner(slot, draft, served, access, build_of(*other), other)),
    )


def _versions(winner: str, server: Server, at: Callable[[Server], str]) -> Iterator[Flip]:
    """Yield the nearest newer and older version of the same product, and the newest of the other, that change the winner."""
    same = [s for s in VERSIONS if s[0] == server[0]]
    newer, older = [s for s in same if s > server], [s for s in reversed(same) if s < server]
    other = [s for s in VERSIONS if s[0] != server[0]][-1:]
    for tried in (newer, older, other):
        for version in tried:
            if (found := at(version)) != winner:
                yield Flip("version", 0.0, found, f"{version[0].capitalize()} {'.'.join(map(str, version[1]))}")
                break


def _facts(slot: Slot, access: tuple[AccessPattern, ...]) -> set[str]:
    """Return the facts that the numbers of ``slot`` are computed from."""
    spec = slot.spec
    numbers: list[str | float] = [spec.writes, spec.reads, spec.max_elements, spec.typical_elements, spec.per_session]
    numbers += [f.max_bytes for f in spec.fields]
    for variant in spec.variant.values():
        numbers += [variant[k] for k in ("max_elements", "typical_elements", "per_session") if k in variant]
    found = {name for number in numbers for name in facts_in(number)}
    for verb in {a.verb for a in access}:
        entry = catalogue().get(verb, {})
        found |= {*entry.get("times", ()), *entry.get("divided_by", ())}
    own = {"sessions_peak"} if slot.spec.scope != "global" else set()
    return found | own | ({"state_bytes"} if "state_fields" in found else set())


def _nearest(name: str, winner: str, at: Callable[[float], str]) -> list[Flip]:
    found = []
    for direction in (1, -1):
        last = 1.0
        for step in FACTORS:
            factor = step**direction
            if (other := at(factor)) != winner:
                found.append(_narrowed(name, winner, at, last, factor, other))
                break
            last = factor
    return found


def _narrowed(name: str, winner: str, at: Callable[[float], str], near: float, far: float, other: str) -> Flip:
    """Return the factor nearest to 1 at which another candidate wins."""
    for _ in range(_STEPS):
        middle = (near * far) ** 0.5
        found = at(middle)
        if found == winner:
            near = middle
        else:
            far, other = middle, found
    return Flip(name, far, other)


def _winner(
    slot: Slot, draft: Draft, served: KeyPattern, access: tuple[AccessPattern, ...], build: Build,
    server: Server,
) -> str:  # fmt: skip
    return weigh(slot, draft, served, access, build, server).chosen.candidate.name


def scaled_draft(draft: Draft, facts: tuple[str, ...], factor: float) -> Draft:
    """Return ``draft`` with the named facts multiplied by ``factor``."""
    brief = draft.ground.brief
    return draft.rescaled(scaled(brief, facts, factor))


def scaled(brief: Brief, facts: tuple[str, ...], factor: float) -> Brief:
    """Return ``brief`` with the named facts multiplied by ``factor``; what counts people or bytes stays whole."""
    changed = tuple(
        replace(f, value=f.value * factor if f.unit.endswith("/s") else max(1.0, round(f.value * factor)))
        if f.name in facts
        else f
        for f in brief.facts
    )
    return replace(brief, facts=changed)


def _scaled(access: tuple[AccessPattern, ...], facts: tuple[str, ...], factor: float) -> tuple[AccessPattern, ...]:
    return tuple(replace(a, rate_per_s=a.rate_per_s * factor ** _power(a.verb, facts)) for a in access)


@cache
def _power(verb: str, facts: tuple[str, ...]) -> int:
    """Return how often one of ``facts`` is a factor of the rate of this kind of access."""
    entry = catalogue().get(verb, {})
    times, divided = entry.get("times", ("sessions_peak",)), entry.get("divided_by", ())
    return sum(name in facts for name in times) - sum(name in facts for name in divided)
