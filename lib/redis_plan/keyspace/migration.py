"""Migration: how names change from one schema version to the next while both are in use.

Nothing is renamed in place. New sessions are created under the next version, running ones end under theirs; a reader
that gets a key tells its version from the name alone, because no name of one version is a name of another.

>>> from redis_plan.keyspace.migration import bumped, version_of
>>> bumped("quiz:v1:{<session_id>}:roster"), version_of("quiz:v1:{k3}:roster")
('quiz:v2:{<session_id>}:roster', 1)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from redis_plan.keyspace import naming
from redis_plan.keyspace.model import KeyPattern, Keyspace

_VERSION = re.compile(
    r"(?P<before>(?:[0-9]*[a-z][a-z0-9-]*|<env>):(?:[0-9]*[a-z][a-z0-9-]*:)?v|[0-9]*[a-z][a-z0-9-]*:v)(?P<version>[1-9][0-9]*)(?=:)"
)


@dataclass(frozen=True, slots=True)
class Move:
    """One key pattern in two versions: what it was called, what it is called, and whether its content can be taken over."""

    name: str
    old: str
    new: str
    same_form: bool  # type and fields are alike: a value may be copied; else it is written anew


def version_of(key: str) -> int | None:
    """Return the schema version in the name of ``key`` or of a template, or None for a name that is not of ours."""
    match = _VERSION.match(key)
    return int(match["version"]) if match else None


def bumped(template: str, by: int = 1) -> str:
    """Return ``template`` under the schema version ``by`` later; raises :class:`ValueError` for a name of no version."""
    match = _VERSION.match(template)
    if match is None:
        raise ValueError(f"{template!r} has no schema version")
    return f"{match['before']}{int(match['version']) + by}{template[match.end() :]}"


def next_version(keyspace: Keyspace) -> Keyspace:
    """Return the same keyspace under the next schema version."""
    patterns = tuple(replace(p, template=bumped(p.template)) for p in keyspace.patterns)
    return replace(keyspace, schema_version=keyspace.schema_version + 1, patterns=patterns)


def moves(old: Keyspace, new: Keyspace) -> tuple[Move, ...]:
    """Return what becomes of each key pattern of ``old`` that ``new`` still has, by name."""
    names = {p.name: p for p in new.keys}
    return tuple(
        Move(p.name, p.template, names[p.name].template, _alike(p, names[p.name])) for p in old.keys if p.name in names
    )


def moved(key: str, move: Move) -> str | None:
    """Return what the key called ``key`` is called after ``move``, with the same ids; None if it is no key of it.

    Raises :class:`KeyError` naming an id that the new name needs and the old one does not have.
    """
    match = naming.regex(move.old).fullmatch(key)
    if match is None:
        return None
    # the ids stand in the name encoded: they are carried over as they are, also those that became a digest
    ids = match.groupdict()
    return naming.PLACEHOLDER.sub(lambda placeholder: ids[placeholder[1]], move.new)


def _alike(one: KeyPattern, other: KeyPattern) -> bool:
    return (one.type, [f.name for f in one.fields]) == (other.type, [f.name for f in other.fields])
