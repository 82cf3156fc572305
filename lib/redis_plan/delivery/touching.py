"""Touching: which functions of a project's library take a key, and who writes it.

Who writes a key is read from the functions that the project's library has; the catalog's words tell who sends commands beside
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from redis_plan.delivery import acting, library
from redis_plan.delivery.duties import ROLES, TARGETS, sends
from redis_plan.delivery.library import Step
from redis_plan.delivery.writing import written
from redis_plan.keyspace import records
from redis_plan.keyspace.model import KeyPattern, Keyspace

#: What every action of a session writes.
_ALWAYS = ("state", "log", "idem", "events")
EACH = "each action of the project"
#: A writer that is a function, with what the catalog says of it.
_FUNCTION = re.compile(r"[a-z]+_[a-z_]+\b")


def functions_on(keyspace: Keyspace) -> Mapping[str, tuple[str, ...]]:
    """Return the functions that take each key, by the key's name, in the order of the library."""
    steps = library.steps(keyspace)
    return {p.name: tuple(s.function.name for s in steps if _takes(s, p) or _writes(s, p)) for p in keyspace.keys}


def _takes(step: Step, pattern: KeyPattern) -> bool:
    if pattern in step.patterns or pattern.name in step.function.keys:
        return True
    generic = step.action is None and step.function.name != records.NAME
    return generic and step.function.name in pattern.functions


def recorded(keyspace: Keyspace) -> tuple[KeyPattern, ...]:
    """Return the collections that ``session_record`` changes here; none where the library leaves it out."""
    return next((s.patterns for s in library.steps(keyspace) if s.function.name == records.NAME), ())


def writers(keyspace: Keyspace) -> Mapping[str, tuple[str, ...]]:
    """Return who writes each key and channel, by its name: functions as their bodies have it, then who sends commands himself.

    What the catalog says of a writer stands where it names one of the catalog's functions, where a user sends commands of its own
    on the key, or where no function writes it.
    """
    acted: dict[str, list[str]] = {p.name: [] for p in keyspace.patterns}
    for action, function in acting.composed(keyspace):
        gone = {p.name for p in keyspace.patterns if p.leavers == "go"} if acting.vacates(action) else set()
        for name in acting.written(action) | gone:
            acted[name].append(function.name)
    of_sessions = any(function.call.of_session for _, function in acting.composed(keyspace))
    steps = [s for s in library.steps(keyspace) if not s.action and "no-writes" not in s.function.flags]
    generic, names = recorded(keyspace), {s.function.name for s in library.steps(keyspace) if not s.action}
    found = {}
    for p in keyspace.patterns:
        said = [w for w in p.writers if p in generic or not _FUNCTION.match(w)]
        by = [s.function.name for s in steps if _writes(s, p)] if p.type != "channel" else _publishers(steps, p)
        by += [EACH] if of_sessions and p.use in _ALWAYS else acted[p.name]
        sent = any(sends(keyspace, p, role) for role in ROLES)
        said = [w for w in said if sent or not by or names & set(re.findall(r"\w+", w))]
        told = set(re.findall(r"\w+", " ".join(said)))
        found[p.name] = (*said, *(name for name in by if name not in told)) or p.writers
    return found


def _writes(step: Step, pattern: KeyPattern) -> bool:
    """Whether a function of the library writes ``pattern``, as its body has it."""
    if step.action:
        return pattern.leavers == "go" and acting.vacates(step.action)
    names = written(step.function)
    if pattern in step.patterns and (step.function.name == records.NAME or names & TARGETS):
        return True
    return pattern.name in names or ("more" in names and pattern.leavers == "go")


def _publishers(steps: Iterable[Step], channel: KeyPattern) -> list[str]:
    publish = {"PUBLISH", "SPUBLISH"}
    return [
        s.function.name for s in steps if channel.use == "events" and s.of_session and s.function.runs("list") & publish
    ]
