"""Serving: which demands each key is for, from the story matrix and from nothing else, and what actions put into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from redis_plan.actions import catalog
from redis_plan.actions.matrix import Row
from redis_plan.actions.model import MEMBERS
from redis_plan.keyspace.model import KeyPattern, Keyspace

#: Demands named beside one key at most: a reader wants the ones it exists for.
MOST = 8
#: What the catalog says that a hash of records holds, where no action says it better (patterns/records.toml).
RECORD = "id → record"


def with_demands(keyspace: Keyspace, rows: Sequence[Row]) -> Keyspace:
    """Return ``keyspace`` with the demands on each key that an action carries out on it; then those on the whole.

    A key that no action works on keeps the demand that the design made it for.
    """
    ranked = [row for served in ("concrete", "generic") for row in rows if row.served == served]
    patterns = [
        replace(p, requirements=tuple(row.id for row in ranked if p.template in row.keys)[:MOST] or p.requirements[:1])
        for p in keyspace.patterns
    ]
    return replace(keyspace, patterns=tuple(patterns))


def with_contents(keyspace: Keyspace) -> Keyspace:
    """Return ``keyspace`` with what actions put into a hash of records, and under whose id: a member's team, who has it."""
    put: dict[str, set[str]] = {}
    for action in keyspace.actions:
        names = dict(action.keys)
        for effect in catalog.kind_of(action).on(names).effects:
            if (effect.name == "put" and "value" in effect.options) or (
                effect.name == "record" and "field" in effect.options
            ):
                field = _word(str(effect.options["field"]), keyspace)
                value = _word(str(effect.options["value"]), keyspace) if effect.name == "put" else "record"
                put.setdefault(names[str(effect.options["key"])], set()).add(f"{field} → {value}")
    patterns = (
        _holding(p, next(iter(put[p.name])), keyspace.member_noun) if len(put.get(p.name, ())) == 1 else p
        for p in keyspace.patterns
    )
    return replace(keyspace, patterns=tuple(patterns))


def _holding(pattern: KeyPattern, put: str, member: str) -> KeyPattern:
    """Return ``pattern`` with what an action puts into each field of it, as text: an id, or a record that the functions write."""
    if RECORD not in pattern.holds:
        return pattern
    value = put.partition(" → ")[2]
    (field, *more) = pattern.fields
    told = (
        replace(field, type="text", meaning="the functions' record: `<version>|<state>|<owner>|<until>|<value>`")
        if value == "record"
        else replace(field, type="id", meaning=f"who, by id: a {value}" if value == member else f"which {value}, by id")
    )
    return replace(pattern, holds=pattern.holds.replace(RECORD, put), fields=(told, *more))


def _word(argument: str, keyspace: Keyspace) -> str:
    return keyspace.member_noun if argument in MEMBERS else argument
