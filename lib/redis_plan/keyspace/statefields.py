"""Fields of the session's state: its attributes, which of its things is current, and the join code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice

from redis_plan.brief.model import Brief, Entity
from redis_plan.brief.reconcile.vocabulary import said
from redis_plan.keyspace import cues, naming
from redis_plan.keyspace.catalog import nouns, use_patterns
from redis_plan.keyspace.model import Field, KeyPattern

#: Fields that say which of the session's things is on.
MOST_CURRENT = 4
_CURRENT, _SETTING = "current_", "setting_"
#: What is said of a property that the documents name and that no action writes.
UNWRITTEN = "given to session_create; no action changes it: declare one that does"


def state_fields(brief: Brief, session: cues.SessionNoun | None) -> list[Field]:
    """Return the state's own fields: the session's attributes, and which of its things is current.

    They share what the fact ``state_bytes`` leaves; none exceeds 64 B, so that the hash stays a listpack.
    """
    if session is None:
        return []
    own = [Field(naming.slugify(a.name, "field").replace("-", "_"), "text", min(64, a.size_bytes or 32), f"{session.word}: {a.name}")
           for a in session.entity.attributes[:12]]  # fmt: skip
    things = (
        e
        for e in brief.entities
        if e is not session.entity and e.realtime and e.lifetime in ("session", "temporary") and _is_current(e)
    )
    current = [
        Field(f"{_CURRENT}{naming.slugify(word, 'item').replace('-', '_')}", "id", 32, f"which {word} is on")
        for word in (cues.singular(e.name) for e in islice(things, MOST_CURRENT))
    ]
    basic = [Field("owner", "id", 26, f"who opened the {session.word}"), Field("capacity", "integer", 6, "seats")]
    fixed = {"epoch", "version", "status", "created_at", "updated_at"}
    seen: dict[str, Field] = {f.name: f for f in (*basic, *own, *current) if f.name not in fixed}
    rest = int(brief.value("state_bytes")) - 70 - sum(f.max_bytes + len(f.name) for f in seen.values())
    meaning = f"further properties of the {session.word}, one a field, up to `state_bytes`"
    more = (Field(f"{_SETTING}{number}", "text", 64, meaning) for number in range(1, 1 + _settings(rest)))
    return [*seen.values(), *more]


def _settings(rest_bytes: float) -> int:
    return max(0, min(16, math.ceil(rest_bytes / 72)))


def with_code(patterns: list[KeyPattern]) -> list[KeyPattern]:
    """Give the state a field for the join code, so that whoever ends the session can delete the code."""
    if not any(p.use == "join-code" for p in patterns):
        return patterns
    code = Field("code", "code", 8, "join code; deleted with the session")
    return [
        p
        if p.use != "state"
        else replace(p, fields=tuple(code if f.name == code.name else f for f in p.fields))
        if any(f.name == code.name for f in p.fields)  # the documents name it among the session's own properties
        else replace(
            p, fields=(*p.fields, code), max_elements=p.max_elements + 1, typical_elements=p.typical_elements + 1
        )
        for p in patterns
    ]


def with_fields(patterns: list[KeyPattern], fields: Sequence[Field]) -> list[KeyPattern]:
    """Give the state the ``fields`` that actions go by, in place of what nothing would write.

    That are our guesses of what is current, the shown name, which stands in a seat, and further properties. A property that
    the documents name stays, and says that no action changes it.
    """
    return [_with_fields(p, fields) if p.use == "state" and fields else p for p in patterns]


def _with_fields(state: KeyPattern, fields: Sequence[Field]) -> KeyPattern:
    named = {f.name for f in fields}
    kept = [_told(f) for f in state.fields if f.name not in named and not _of_others(f)]
    new = len(kept) + len(fields) - len(state.fields)
    settings = [f for f in kept if f.name.startswith(_SETTING)]
    kept = [f for f in kept if f not in settings[len(settings) - max(0, new) :]]
    found = (*kept, *fields)
    more = len(found) - len(state.fields)
    return replace(
        state, fields=found, max_elements=state.max_elements + more, typical_elements=state.typical_elements + more
    )


def _of_others(field: Field) -> bool:
    """Whether actions keep the same elsewhere: what is current in fields of their own, the shown name in the seats."""
    if field.name.startswith(_CURRENT):
        return field.type == "id"
    return field.type == "text" and said(("@shown_name",), field.name.replace("_", " "))


def _told(field: Field) -> Field:
    own = field.type == "text" and not field.name.startswith(_SETTING)
    return replace(field, meaning=f"{field.meaning}; {UNWRITTEN}") if own else field


def round_of(brief: Brief) -> str:
    """Return what a round is called in the documents: a question, a lot, a turn; "" where no live thing is one."""
    return next((e.name for e in brief.entities if e.realtime and _best_use(e) == "round"), "")


@lru_cache(maxsize=65_536)
def _is_current(entity: Entity) -> bool:
    """Whether a session has one of these at a time: a round, a question, a lot; not a member, a vote or a score."""
    alone = cues.matcher(nouns().same_thing).fullmatch(cues.singular(entity.name)) is None
    return alone and _best_use(entity) in ("", "round")


def _best_use(entity: Entity) -> str:
    """Return the use whose things ``entity`` is most like by its name, "" where it is like none."""
    fits = ((cues.fit(p, entity), p.use) for p in use_patterns() if p.entities)
    best = max(fits, default=(cues.Fit(0.0, 0.0), ""))
    return best[1] if best[0].strength > 0 else ""
