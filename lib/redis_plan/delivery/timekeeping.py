"""What a project's worker does at each kind of deadline, and what its gateway tells it: the words for the templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis_plan.actions import catalog
from redis_plan.actions.model import Kind
from redis_plan.delivery import acting
from redis_plan.delivery.spelling import snake
from redis_plan.keyspace import functions, naming, records
from redis_plan.keyspace.model import KeyPattern, Keyspace


def names(keyspace: Keyspace) -> dict[str, Any]:  # Any: what the templates loop over
    """Return the actions that a worker calls by itself, by what makes them due, and the fields of the state with an end.

    An action that asks for more than the session and its round, such as whose turn is next, is the application's to call.
    """
    due = [(name, kind) for name, kind in _asking(keyspace, "due") if set(kind.takes) <= {"round"}]
    everyone = [name for name, kind in _asking(keyspace, "everyone") if kind.takes == ("round",)]
    timed = dict.fromkeys(str(g.options["field"]) for _, kind in due for g in kind.guards if g.name == "due")
    return {
        "due": [{"name": name, "round": "round" in kind.takes} for name, kind in due],
        "timed": list(timed),
        "everyone": everyone if due else [],
        "rounds": bool(due) and (bool(everyone) or any("round" in kind.takes for _, kind in due)),
        "left": [
            {"part": p.template.rpartition("}:")[2].partition(":")[0], "drop": f"drop_{snake(p.name)}"}
            for p in ([] if functions.missing(keyspace) else records.rounds(keyspace))
            if set(naming.placeholders(p.template)) == {"session_id", "round_id"}
        ],
        "silent": [
            {"name": name, "after": next(str(g.options["after"]) for g in kind.guards if g.name == "silent")}
            for name, kind in _asking(keyspace, "silent")
            if kind.takes == ("target",)
        ],
        "gone": [name for name, kind in _asking(keyspace, "gone") if not kind.takes],
        "idle": next((name for name, kind in _asking(keyspace, "idle") if not kind.takes), ""),
        "overdue": [{"name": name, "key": snake(pattern.name)} for name, pattern in overdue(keyspace)],
        "code": snake(code.name) if (code := keyspace.use("join-code")) else "",
        "codes": code is not None and code.type == "hash",  # many in a bucket
        "soon": [name for name, kind in _made(keyspace) if any(e.name == "give" for e in kind.effects)]
        if due and everyone
        else [],
    }


def overdue(keyspace: Keyspace) -> Iterator[tuple[str, KeyPattern]]:
    """Yield the actions by which a worker takes back what nobody answered in time, each with the hash of these records."""
    for action, function in acting.composed(keyspace) if works(keyspace) else ():
        kind, keys = catalog.kind_of(action), dict(action.keys)
        for guard in kind.guards if function.call.of_session and "worker" in kind.actors else ():
            if guard.name != "overdue" or kind.takes != (guard.options["field"],):
                continue
            pattern = keyspace.pattern(keys[str(guard.options["key"])])
            if pattern.type == "hash" and set(naming.placeholders(pattern.template)) == {"session_id"}:
                yield snake(action.name), pattern


def works(keyspace: Keyspace) -> bool:
    """Whether there are deadlines that a worker takes up: an index in sorted sets, beside sessions."""
    return not functions.missing(keyspace) and any((p.use, p.type) == ("due", "zset") for p in keyspace.keys)


def _made(keyspace: Keyspace) -> Iterator[tuple[str, Kind]]:
    for action, function in acting.composed(keyspace):
        if function.call.of_session:
            yield snake(action.name), catalog.kind_of(action)


def _asking(keyspace: Keyspace, guard: str) -> Iterator[tuple[str, Kind]]:
    """Yield what a worker may call that looks once more whether it is due."""
    for name, kind in _made(keyspace):
        if "worker" in kind.actors and any(g.name == guard for g in kind.guards):
            yield name, kind
