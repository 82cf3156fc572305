"""Duties: which user does what, with which keys and channels; the one source of users.acl.

A user's duties are the functions that it calls (a script runs with its caller's rights) and the commands that it sends
itself, by use pattern and type; both are data (``data/catalog/delivery/commands.toml``). No prose is read for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from redis_plan.delivery import library, timekeeping
from redis_plan.delivery.commands import counted, reads, table, uses
from redis_plan.delivery.library import Step
from redis_plan.keyspace import calls
from redis_plan.keyspace.calls import Call
from redis_plan.keyspace.model import KeyPattern, Keyspace

Role = Literal["app", "worker"]
ROLES: tuple[Role, ...] = ("app", "worker")

#: What stands for the keys that a call is about, in the KEYS of a function.
TARGETS = frozenset(("target", "from", "to"))
_TRANSACTION = ("MULTI", "EXEC", "DISCARD")
_ENDS = ("EXPIRE", "PEXPIRE", "UNLINK", "DEL")
_SHARDED = {"PUBLISH": "SPUBLISH", "SUBSCRIBE": "SSUBSCRIBE", "UNSUBSCRIBE": "SUNSUBSCRIBE"}


@dataclass(frozen=True, slots=True)
class Duty:
    """What one user does with one key pattern: the functions that it calls on it, and the commands that it sends."""

    pattern: KeyPattern
    functions: tuple[str, ...]
    commands: tuple[str, ...]  # in capitals, without those inside the functions
    writes: bool

    @property
    def access(self) -> str:
        """``"RW"`` or ``"R"``."""
        return "RW" if self.writes else "R"


def general(role: str) -> tuple[tuple[str, str], ...]:
    """Return the commands of a user that belong to no key pattern, each with its reason."""
    return tuple((c, d["because"]) for d in table().get("duty", ()) if d["user"] == role for c in d["commands"])


def assigned() -> frozenset[str]:
    """Return the functions of which the catalog says by name who calls them."""
    return frozenset(calls.calls())


def callers(call: Call, pattern: KeyPattern | None = None) -> tuple[Role, ...]:
    """Return the users that call a function; on ``pattern`` where it serves several uses."""
    of_use = uses().get((pattern.use, pattern.type), {}).get("callers") if pattern and not call.of_session else None
    found = of_use or call.users
    return tuple(role for role in ROLES if role in found)


def called(keyspace: Keyspace, role: Role) -> tuple[tuple[Step, tuple[KeyPattern, ...]], ...]:
    """Return the steps that ``role`` calls, each with every key pattern that it then touches."""
    found = []
    for step in library.steps(keyspace):
        own = tuple(p for p in step.patterns if role in callers(step.function.call, p))
        if own or (not step.patterns and role in callers(step.function.call)):
            found.append((step, _touched(step, own, keyspace)))
    return tuple(found)


def _touched(step: Step, own: tuple[KeyPattern, ...], keyspace: Keyspace) -> tuple[KeyPattern, ...]:
    """Return the patterns of a call's keys: its own, those that KEYS names, and the session's others that it refreshes."""
    function = step.function
    named = {name for name in function.keys if name not in TARGETS} | {p.name for p in own}

    def further(p: KeyPattern) -> bool:
        return function.more_keys and p.scope == "session" and p.ttl.policy == "sliding"

    return tuple(p for p in keyspace.keys if p.name in named or further(p) or function.name in p.functions)


def duties(keyspace: Keyspace, role: Role) -> tuple[Duty, ...]:
    """Return what ``role`` does with each key pattern and channel, those that it has nothing to do with left out."""
    steps = called(keyspace, role)
    found = []
    for pattern in keyspace.patterns:
        names = tuple(s.function.name for s, touched in steps if pattern in touched)
        written = any("no-writes" not in s.function.flags for s, touched in steps if pattern in touched)
        commands = sent(keyspace, pattern, role)
        if names or commands:
            writes = written or any(not reads(c) for c in commands if c not in _TRANSACTION)
            found.append(Duty(pattern, names, commands, writes))
    return tuple(found)


def sent(keyspace: Keyspace, pattern: KeyPattern, role: Role) -> tuple[str, ...]:
    """Return the commands that ``role`` itself sends on ``pattern``: the catalog's, else those of its structure."""
    entry = uses().get((pattern.use, pattern.type))
    found = list(entry.get(role, ())) if entry else []
    found += ["HGETALL"] if role == "worker" and any(pattern == p for _, p in timekeeping.overdue(keyspace)) else []
    found += [command] if role == "app" and (command := counted(pattern)) else []
    if role == "app" and not _is_written(keyspace, pattern, entry):
        found += _of_structure(pattern, with_reads=entry is None)
    if pattern.type == "channel":
        return tuple(_SHARDED.get(c, c) if pattern.sharded else c for c in _listening(found))
    return tuple(dict.fromkeys(word for c in found for word in (_TRANSACTION if c == "MULTI" else (c,))))


def sends(keyspace: Keyspace, pattern: KeyPattern, role: Role) -> bool:
    """Whether ``role`` itself sends commands that write ``pattern``, beside those that only end it."""
    own = set(sent(keyspace, pattern, role)) - {
        *_TRANSACTION,
        *_ENDS,
        "SUBSCRIBE",
        "UNSUBSCRIBE",
        "SSUBSCRIBE",
        "SUNSUBSCRIBE",
    }
    return any(not reads(c) for c in own)


def _is_written(keyspace: Keyspace, pattern: KeyPattern, entry: Mapping[str, Any] | None) -> bool:  # Any: TOML
    """Whether a function or a command of the catalog writes ``pattern``: if neither, its structure says how."""
    writing = [s for s in library.steps(keyspace) if "no-writes" not in s.function.flags]
    by_function = bool(pattern.functions) or any(pattern in s.patterns for s in writing)
    fenced = any(pattern.name in s.function.keys for s in writing)
    said = [c for role in ROLES for c in (entry or {}).get(role, ())]
    return pattern.type == "channel" or by_function or fenced or any(not reads(c) and c != "MULTI" for c in said)


def _of_structure(pattern: KeyPattern, *, with_reads: bool) -> list[str]:
    if pattern.candidate is None:
        return []
    writes = [template.split()[0] for template in pattern.candidate.write]
    if pattern.ttl.seconds is not None and not any(" EX " in f"{template} " for template in pattern.candidate.write):
        writes += ["EXPIRE"]
    together = ["MULTI"] if len(writes) > 1 else []
    return [*together, *writes, *([t.split()[0] for t in pattern.candidate.read] if with_reads else [])]


def _listening(commands: list[str]) -> list[str]:
    return [word for c in commands for word in ((c, "UNSUBSCRIBE") if c == "SUBSCRIBE" else (c,))]
