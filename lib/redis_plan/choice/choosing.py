"""Choosing: the structure of every key of a Brief, its runner-up, the margin, and what would change the choice."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from redis_plan.actions.designing import draft, served
from redis_plan.brief.model import Brief
from redis_plan.choice.sensitivity import Flip, flips
from redis_plan.choice.weighing import Option, Weighed, build_of, is_close, margin, server_of, weigh
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.memory.layout import Build


@dataclass(frozen=True, slots=True)
class Choice:
    """How one key is held: the chosen candidate, the next one, by how much, and what would change it."""

    weighed: Weighed
    flips: tuple[Flip, ...]

    @property
    def pattern(self) -> KeyPattern:
        """The key, as the catalog prefers to hold it."""
        return self.weighed.pattern

    @property
    def chosen(self) -> Option:
        """The candidate that holds the key."""
        return self.weighed.chosen

    @property
    def runner_up(self) -> Option | None:
        """The next feasible candidate, else the cheapest of those that something keeps out."""
        others = [o for o in self.weighed.options if o.candidate.name != self.chosen.candidate.name]
        return others[0] if others else None

    @property
    def margin(self) -> float | None:
        """How many times dearer the next feasible candidate is; None where no other is feasible."""
        return margin(self.weighed)

    @property
    def close(self) -> bool:
        """Whether a measurement has to decide."""
        return is_close(self.weighed)

    @property
    def by_catalog(self) -> bool:
        """Whether the catalog's first preference stands."""
        return self.chosen.candidate.name == self.weighed.usual


@dataclass(frozen=True, slots=True)
class Choices:
    """A keyspace with every choice made, the choices, and the server that they were made for."""

    keyspace: Keyspace
    choices: tuple[Choice, ...]
    server: str

    def of(self, name: str) -> Choice:
        """Return the choice of the key called ``name``; raises ``KeyError``."""
        for choice in self.choices:
            if choice.pattern.name == name:
                return choice
        raise KeyError(name)

    @property
    def close(self) -> tuple[Choice, ...]:
        """The close calls, the closest first."""
        return tuple(sorted((c for c in self.choices if c.close), key=lambda c: abs(math.log(c.margin or 1.0))))


def choose(brief: Brief, build: Build | None = None, *, sensitivity: bool = True) -> Choices:
    """Return the keyspace for ``brief`` with a structure chosen for every key.

    ``build`` is the server whose memory is predicted; without one the stack's version is taken. Raises
    :class:`~redis_plan.errors.OverrideError` as :func:`redis_plan.keyspace.design` does.
    """
    drafted = draft(brief)
    first = drafted.keyspace({})
    tied = {p.name: p for p in first.patterns}
    server = server_of(drafted)
    build = build or build_of(*server)
    access = brief.access_patterns
    made = []
    seen: dict[tuple[object, ...], tuple[Flip, ...]] = {}
    for slot in drafted.slots:
        if not slot.spec.candidate:
            continue
        mine = tuple(a for a in access if a.id in tied[slot.name].access_patterns)
        weighed = weigh(slot, drafted, tied[slot.name], mine, build, server)
        # keys of one use that are used alike flip alike: they differ in the length of their names only
        kind = (
            slot.use.pattern.use,
            slot.spec.name,
            weighed.rates.writes,
            weighed.rates.reads,
            tuple(a.verb for a in mine),
        )
        if sensitivity and kind not in seen:
            seen[kind] = flips(weighed, slot, drafted, mine, build, server)
        made.append(Choice(weighed, seen.get(kind, ())))
    structures = {c.pattern.name: c.chosen.candidate.name for c in made if not c.by_catalog and not c.weighed.pinned}
    keyspace = drafted.keyspace(structures) if structures else first
    return Choices(served(keyspace, brief), tuple(made), f"{server[0].capitalize()} {'.'.join(map(str, server[1]))}")


def contested(choices: Choices, patterns: Iterable[KeyPattern], most: int) -> tuple[KeyPattern, ...]:
    """Return the key patterns to measure: close calls first, then the dearest of those with an alternative."""
    by_name = {c.pattern.name: c for c in choices.choices}
    order = list(patterns)
    found = [p for p in order if p.type != "channel" and len(p.candidates) > 1 and p.name in by_name]
    ranked = sorted(found, key=lambda p: (not by_name[p.name].close, -by_name[p.name].chosen.cost.total))
    return tuple(sorted(ranked[:most], key=order.index))
