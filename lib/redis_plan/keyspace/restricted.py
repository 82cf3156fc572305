"""Restricted: what follows for the keys from whose state it is, who may never see it, and who takes no place.

State that another system owns is no key of ours: what remains is a feed of it, and a copy that is read again. What some may never
receive is told on its key, and stands in no snapshot and no event. A role that only watches has no entry in the roster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from redis_plan.brief.model import Brief, Entity, Restriction
from redis_plan.brief.overrides.loading import NAME
from redis_plan.keyspace.model import KeyPattern

#: A sentence that names nothing speaks of the whole system only where it is as clear as this.
WHOLE_FROM = 0.75


def owned_elsewhere(entity: Entity, brief: Brief) -> Restriction | None:
    """Return the statement that another system owns the state of ``entity``, or of all that is live; None without."""
    said = [r for r in brief.restrictions if r.kind == "elsewhere"]
    named = next((r for r in said if entity.name in r.entities), None)
    return named or next((r for r in said if not r.entities and r.confidence >= WHOLE_FROM), None)


def takes_no_place(entity: Entity, brief: Brief) -> bool:
    """Whether ``entity`` is a role that only watches."""
    return any(r.kind == "no-place" and r.entities[:1] == (entity.name,) for r in brief.restrictions)


def has_no_key(entity: Entity, brief: Brief) -> bool:
    """Whether no key of ours is for ``entity``, however live it is."""
    return owned_elsewhere(entity, brief) is not None or takes_no_place(entity, brief)


def marked(patterns: Sequence[KeyPattern], brief: Brief) -> list[KeyPattern]:
    """Tell on each key what may not be done with it, and why."""
    return [_hidden(pattern, brief) for pattern in patterns]


def _hidden(pattern: KeyPattern, brief: Brief) -> KeyPattern:
    place = _forbidden_by(pattern, brief)
    if not place or pattern.use in ("state", "events", "roster", "presence"):
        return pattern
    says = (
        f"{pattern.holds}; hidden ({place}): in no snapshot and no event, sent to the person whom it belongs to alone"
    )
    return replace(pattern, hidden=place, holds=says)


def _forbidden_by(pattern: KeyPattern, brief: Brief) -> str:
    """Return the line that forbids to show what ``pattern`` holds: of the team's own key, or of a document; "" without."""
    for one in (one for one in brief.settled.keys if one.said.get("hidden")):
        template = one.said["template"]
        if pattern.template == template or pattern.template.endswith(f"}}:{template}"):
            return f"{NAME}:{one.line()}"
    said = (r for r in brief.restrictions if r.kind == "hidden" and set(r.entities) & set(pattern.entities))
    return next((f"{r.file}:{r.line}" for r in said), "")
