"""Touching: which functions of a project's library take a key, and who writes it.

The catalog names the writers of a key in general. Where a project has actions of its own, they write it instead, and a
function that its library leaves out writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from redis_plan.delivery import acting, library
from redis_plan.delivery.library import Step
from redis_plan.keyspace import records
from redis_plan.keyspace.model import KeyPattern, Keyspace

#: What every action of a session writes.
_ALWAYS = ("state", "log", "idem", "events")
EACH = "each action of the project"


def functions_on(keyspace: Keyspace) -> Mapping[str, tuple[str, ...]]:
    """Return the functions that take each key, by the key's name, in the order of the library."""
    steps = library.steps(keyspace)
    return {p.name: tuple(s.function.name for s in steps if _takes(s, p)) for p in keyspace.keys}


def _takes(step: Step, pattern: KeyPattern) -> bool:
    if pattern in step.patterns or pattern.name in step.function.keys:
        return True
    generic = step.action is None and step.function.name != records.NAME
    return generic and step.function.name in pattern.functions


def recorded(keyspace: Keyspace) -> tuple[KeyPattern, ...]:
    """Return the collections that ``session_record`` changes here; none where the library leaves it out."""
    return next((s.patterns for s in library.steps(keyspace) if s.function.name == records.NAME), ())


def writers(keyspace: Keyspace) -> Mapping[str, tuple[str, ...]]:
    """Return who writes each key and channel, by its name."""
    acted: dict[str, list[str]] = {p.name: [] for p in keyspace.patterns}
    for action, function in acting.composed(keyspace):
        for name in acting.written(action):
            acted[name].append(function.name)
    generic = recorded(keyspace)
    of_sessions = any(function.call.of_session for _, function in acting.composed(keyspace))
    found = {}
    for p in keyspace.patterns:
        by_record = p in generic or (bool(generic) and p.use in _ALWAYS)
        named = [w for w in p.writers if by_record or not w.startswith(records.NAME)]
        found[p.name] = (*named, *([EACH] if of_sessions and p.use in _ALWAYS else acted[p.name]))
    return found
