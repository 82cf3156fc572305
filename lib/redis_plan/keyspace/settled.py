"""Settled: the session, the member and the uses that a team fixed in ``redis-plan.toml``, for a design to follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from redis_plan.brief.model import Brief, Entity, TakenUse
from redis_plan.errors import OverrideError
from redis_plan.keyspace.catalog import UsePattern, use_patterns
from redis_plan.keyspace.cues import same

FILE = "redis-plan.toml"
#: What a session's functions stand on: it comes with a session also where a complete list leaves it out, unless it is
#: dropped by name.
FOUNDATION = frozenset({"state", "roster", "presence", "log"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A use that the team takes: for these entities, because of the requirements that it cites."""

    pattern: UsePattern
    entities: tuple[Entity, ...] = ()
    requirements: tuple[str, ...] = ()


def closed(pattern: UsePattern, brief: Brief) -> str:
    """Return why the team does not have ``pattern``, or "" where it left that open."""
    settled = brief.settled
    if pattern.use in settled.dropped:
        return f"dropped by the team ({FILE}:{settled.dropped[pattern.use]})"
    taken_uses = {one.use for one in settled.taken}
    if settled.only_taken and not pattern.machinery and pattern.use not in taken_uses:
        if pattern.use in FOUNDATION and (settled.session or taken_uses & _of_sessions()):
            return ""
        return f"the team lists all uses in {FILE}, and this is not among them"
    return ""


@cache
def _of_sessions() -> frozenset[str]:
    return frozenset(pattern.use for pattern in use_patterns() if pattern.needs == "session")


def taken(brief: Brief, has_session: bool) -> dict[str, Wanted]:
    """Return each use that the team takes, with its entities and the requirements on the lines that it cites.

    Raises :class:`OverrideError` where the project has no session for it, or no such entity.
    """
    patterns = {pattern.use: pattern for pattern in use_patterns()}
    found: dict[str, Wanted] = {}
    for one in brief.settled.taken:
        pattern = patterns[one.use]
        if pattern.needs == "session" and not has_session:
            raise OverrideError(
                f"{FILE}:{one.toml_line}: [uses] takes {one.use!r}, which lives in a session, and none was found; "
                'name it under [session]: noun = "room"'
            )
        before = found.get(one.use, Wanted(pattern))
        entities = dict.fromkeys(e.name for e in (*before.entities, *_entities(one, brief)))
        found[one.use] = Wanted(
            pattern,
            tuple(next(e for e in brief.entities if e.name == name) for name in entities),
            tuple(dict.fromkeys((*before.requirements, *_cited(one, brief)))),
        )
    return found


def unclaimed(entities: Sequence[Entity], asked_for: Mapping[str, Wanted]) -> list[Entity]:
    """Return the entities that the team gave to no use."""
    given = {e.name for wanted in asked_for.values() for e in wanted.entities}
    return [e for e in entities if e.name not in given]


def with_claims(
    claimed: Mapping[str, tuple[Entity, ...]], asked_for: Mapping[str, Wanted]
) -> dict[str, tuple[Entity, ...]]:
    """Return who serves which entities, the team's before those that fit."""
    found = dict(claimed)
    for use, wanted in asked_for.items():
        if wanted.entities:
            others = () if wanted.pattern.many == "once" else claimed.get(use, ())
            found[use] = (*wanted.entities, *others)
    return found


def cited(use: str, asked_for: Mapping[str, Wanted]) -> tuple[str, ...]:
    """Return the requirements on the lines that the team cites for ``use``."""
    return asked_for[use].requirements if use in asked_for else ()


def _entities(one: TakenUse, brief: Brief) -> Sequence[Entity]:
    found = []
    for name in one.entities:
        by_name = [e for e in brief.entities if same(e.name, name)]
        by_alias = [e for e in brief.entities if any(same(a, name) for a in e.aliases)]
        if not (by_name or by_alias):
            names = ", ".join(e.name for e in brief.entities) or "none"
            raise OverrideError(
                f"{FILE}:{one.toml_line}: no entity is called {name!r}; add it under [entities], or take one of {names}"
            )
        found.append((by_name or by_alias)[0])
    return found


def _cited(one: TakenUse, brief: Brief) -> list[str]:
    """Return the demands that a taken use names: on the line that it cites, and those that it serves besides."""
    named = {f"{one.file}:{one.line}", *one.serves}
    return [r.id for r in brief.requirements if r.kind != "out-of-scope" and {r.id, f"{r.file}:{r.line}"} & named]
