"""Ability: whether a design can carry out a kind of action, and on which of its keys."""

from __future__ import annotations

from collections.abc import Mapping

from redis_plan.actions import catalog, compose, vocabulary
from redis_plan.actions.model import Kind
from redis_plan.keyspace import calls, cues
from redis_plan.keyspace.catalog import use_patterns
from redis_plan.keyspace.model import KeyPattern, Keyspace

#: Mechanics of this use keep their data in the keys that every session has.
SESSION = "session"
#: Many mechanics keep records, and each thing has a key of its own: which one is a mechanic's, its demands tell.
RECORDS = "records"
#: The same where there is no session.
THINGS = "things"

#: What changes the collections of a session, each with its version, log and notice.
RECORD = "session_record"

#: Mechanic -> the key pattern of records that is its own.
Homes = Mapping[str, str]


def lacking(kind: Kind, keyspace: Keyspace, homes: Homes) -> str:
    """Return the use whose key ``kind`` needs and the design lacks, "session" where that is missing, or ""."""
    if needs_session(kind) and keyspace.use("state") is None:
        return SESSION
    return lacking_key(kind, keyspace, homes)


def lacking_key(kind: Kind, keyspace: Keyspace, homes: Homes) -> str:
    """Return the use whose key ``kind`` needs and the design lacks, a session aside, or ""."""
    if kind.declared:
        return ""  # its keys were held against the design where it was read
    uses = [use for local, (use, _) in kind.keys.items() if local not in kind.borrowed]
    uses += [kind.use] if kind.use != SESSION else []
    if kind.call and not needs_session(kind):  # its function is delivered with the key that it works on
        uses += [use for use, _ in catalog.mechanics()[kind.mechanic].keys.values()]
        if any(p.use in uses and RECORD in p.functions for p in keyspace.keys):
            return kind.use  # the key lies in the session, and changes with it
    for use in uses:
        if (kind.mechanic not in homes) if use == RECORDS else keyspace.use(use) is None:
            return use
    return otherwise(kind, keyspace, homes)


def to_be_taken(kind: Kind, keyspace: Keyspace, homes: Homes) -> str:
    """Return the use that a team takes to have ``kind``: its own where the design lacks that, else another that it lacks, or ""."""
    if kind.use not in (SESSION, RECORDS) and keyspace.use(kind.use) is None and not kind.declared:
        return kind.use
    return lacking_key(kind, keyspace, homes)


def has_uses(kind: Kind, keyspace: Keyspace) -> bool:
    """Whether the design has the session, where ``kind`` needs one, and every use that is not brought along with its records."""
    uses = {kind.use, *(use for local, (use, _) in kind.keys.items() if local not in kind.borrowed)} - {
        SESSION,
        RECORDS,
    }
    there = {pattern.use for pattern in keyspace.patterns}
    if kind.call and not needs_session(kind) and any(p.use in uses and RECORD in p.functions for p in keyspace.keys):
        return False
    return uses <= there and ("state" in there or not needs_session(kind))


def otherwise(kind: Kind, keyspace: Keyspace, homes: Homes) -> str:
    """Return the use whose key the design holds in another type than ``kind`` can work on, or ""."""
    keys = keys_of(kind, keyspace, homes)
    types = {local: keyspace.pattern(name).type for local, name in keys.items()}
    return next((use for local, (use, type) in kind.keys.items() if types.get(local, type) != type), "")


def keys_of(kind: Kind, keyspace: Keyspace, homes: Homes) -> dict[str, str]:
    """Return the name of the design's key pattern behind each key of ``kind``: of several the one of its type.

    A key of another mechanic is there only where the design holds it as that mechanic does.
    """
    found = {}
    for local, (use, type) in kind.keys.items():
        if (of := kind.borrowed.get(local)) is not None:
            name = _borrowed(of, use, type, keyspace, homes)
            if name and not (compose.vacates(kind) and keyspace.pattern(name).leavers == "go"):
                found[local] = name  # what goes with the seat goes with all that does
        elif use == RECORDS and kind.mechanic in homes:
            found[local] = homes[kind.mechanic]
        elif mine := [p for p in keyspace.keys if p.use == use and use != RECORDS]:
            found[local] = max(mine, key=lambda p: p.type == type).name
    return found


def _borrowed(mechanic: str, use: str, type: str, keyspace: Keyspace, homes: Homes) -> str:
    if use == RECORDS:
        return homes.get(mechanic, "")
    return next((p.name for p in keyspace.keys if (p.use, p.type) == (use, type) and p.scope == "session"), "")


def touched(kind: Kind, keys: Mapping[str, str], keyspace: Keyspace) -> tuple[KeyPattern, ...]:
    """Return what ``kind`` reads or writes: its own keys, and the state and channel of the session where it has one."""
    names = list(keys.values())
    if kind.call:
        uses = {kind.use, *(key for key, _ in calls.calls()[kind.call].keys)} - {"idem"}
        names += [p.name for p in keyspace.patterns if p.use in uses]
    if needs_session(kind) and (state := keyspace.use("state")):
        names = [state.name, *names]
    if kind.announces and (events := keyspace.use("events") or keyspace.use("feed")):
        names.append(events.name)
    return tuple(keyspace.pattern(name) for name in dict.fromkeys(names))


def needs_session(kind: Kind) -> bool:
    """Whether ``kind`` works on a session: not all of its guards and effects work on a key alone."""
    if kind.call:
        return any(key == "state" for key, _ in calls.calls()[kind.call].keys)
    if kind.lua:
        return True
    words = [vocabulary.guards()[g.name] for g in kind.guards] + [vocabulary.effects()[e.name] for e in kind.effects]
    return not words or not all(word.alone for word in words)


def lives_in_session(kind: Kind) -> bool:
    """Whether ``kind`` needs a session: to work on, or for a key of its own to lie in."""
    uses = {kind.use, *(use for local, (use, _) in kind.keys.items() if local not in kind.borrowed)}
    return needs_session(kind) or any(p.use in uses and p.needs == "session" for p in use_patterns())


def nouns_of(kind: Kind) -> tuple[str, ...]:
    """Return what the records of ``kind`` are called in the catalog: a team, a claim; nothing where it keeps none."""
    own = (local for local, (use, _) in kind.keys.items() if use == RECORDS and local not in kind.borrowed)
    return tuple(cues.canonical(local) for local in own)
