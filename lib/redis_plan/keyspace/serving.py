"""Serving: which access patterns and requirements each key pattern answers, and what stays outside Redis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from redis_plan.brief.model import AccessPattern, Brief
from redis_plan.keyspace import cues, restricted
from redis_plan.keyspace.catalog import UsePattern
from redis_plan.keyspace.model import KeyPattern
from redis_plan.keyspace.uses import Use

#: Requirements named beside one key pattern at most: a reader wants the ones it exists for.
MOST_REQUIREMENTS = 8
#: Access patterns that a key is given for a demand that it shares with them.
MOST_BY_DEMAND = 3


def serve(
    patterns: list[KeyPattern], uses: list[Use], brief: Brief, session: cues.SessionNoun | None
) -> tuple[list[KeyPattern], tuple[str, ...]]:
    """Tie patterns to the access patterns and requirements behind them; say what stays outside Redis."""
    index = _Index(patterns, {use.pattern.use: use.pattern for use in uses}, session)
    by_pattern: dict[str, list[str]] = {p.name: [] for p in patterns}
    demands: dict[str, list[str]] = {p.name: [] for p in patterns}
    outside: list[AccessPattern] = []
    for access in brief.access_patterns:
        owners, touched = index.owners(access), index.touched(access)
        for pattern in owners:
            demands[pattern.name] += access.requirements
        for name in {p.name for p in owners} | {p.name for p in touched if owners}:
            by_pattern[name].append(access.id)
        if not owners:
            outside.append(access)
    everything = tuple(r.id for r in brief.requirements if r.kind != "out-of-scope" and r.realtime)
    done = []
    for pattern in patterns:
        mentioned = tuple(r for name in pattern.entities for r in _mentions(name, brief))
        found = tuple(dict.fromkeys((*demands[pattern.name], *pattern.requirements, *mentioned)))
        if not found and not by_pattern[pattern.name]:
            found = everything[:3] or tuple(r.id for r in brief.requirements if r.kind != "out-of-scope")[:1]
        served = tuple(dict.fromkeys(by_pattern[pattern.name])) or _by_demand(found, brief, outside)
        done.append(replace(pattern, requirements=found[:MOST_REQUIREMENTS], access_patterns=served))
    unserved = (f"{a.id} {a.actor} {a.verb} {a.entity}: {_why_not(a, brief)}" for a in outside)
    return done, tuple(unserved)


class _Index:
    """Finds the patterns that serve an access pattern without comparing every pair of names."""

    def __init__(
        self, patterns: list[KeyPattern], uses: dict[str, UsePattern], session: cues.SessionNoun | None
    ) -> None:
        self.session = cues.canonical(session.entity.name) if session else None
        self.patterns, self.uses = patterns, uses
        self.verbs = {use: cues.matcher(pattern.verbs) for use, pattern in uses.items()}
        self.by_entity: dict[str, list[KeyPattern]] = {}
        for pattern in patterns:
            for name in dict.fromkeys(cues.canonical(n) for n in pattern.entities):
                self.by_entity.setdefault(name, []).append(pattern)
        self.shared = [p for p in patterns if uses[p.use].kinds]
        self.feeds = [p for p in patterns if p.use in ("events", "feed")]

    def owners(self, access: AccessPattern) -> list[KeyPattern]:
        """Return who serves ``access``: same entity, and for the session's own entity a verb of the pattern."""
        entity = cues.canonical(access.entity)
        if entity != self.session:
            found = {p.name for p in self.by_entity.get(entity, ())}
        else:
            verb = cues.fold(access.verb)
            found = {p.name for p in self.patterns if p.use == "state" or self.verbs[p.use].search(verb)}
        if access.mode == "subscribe":
            found |= {p.name for p in self.feeds}
        return [p for p in self.patterns if p.name in found] if found else []

    def touched(self, access: AccessPattern) -> list[KeyPattern]:
        """Return what every access of this kind touches: a vote changes the session's state, its log, the results."""
        return [p for p in self.shared if access.verb in self.uses[p.use].kinds]


def _by_demand(requirements: tuple[str, ...], brief: Brief, outside: Sequence[AccessPattern]) -> tuple[str, ...]:
    """Return the access patterns in Redis that the same demands ask for, where neither entity nor kind tells."""
    wanted = set(requirements)
    found = (a.id for a in brief.access_patterns if wanted & set(a.requirements) and a not in outside)
    return tuple(found)[:MOST_BY_DEMAND]


def _why_not(access: AccessPattern, brief: Brief) -> str:
    entity = next((e for e in brief.entities if cues.same(e.name, access.entity)), None)
    if entity and (owner := restricted.owned_elsewhere(entity, brief)):
        return f"another system owns it ({owner.file}:{owner.line}), so it stays in that system's database"
    if entity and entity.lifetime == "durable":
        return f"{cues.singular(entity.name)} lasts, so it stays in the database"
    return "no real-time or short-lived data behind it, so it stays in the database"


def _mentions(name: str, brief: Brief) -> tuple[str, ...]:
    entity = next((e for e in brief.entities if e.name == name), None)
    if entity is None:
        return ()
    return cues.requirements_about(cues.matcher((entity.name, *entity.aliases)), brief.requirements)
