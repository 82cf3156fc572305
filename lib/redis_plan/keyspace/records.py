"""Records: the atomic change of one element of a session's collection (a vote, a score, a message).

``session_record`` does for a collection what ``session_apply`` does for the state: version, log, idempotency, TTL and
publish are one step with the change itself. Its text is ``data/catalog/functions/records.lua`` under the prelude of the
session library, so that both agree on envelope, clock and version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import redis

from redis_plan.keyspace import functions, naming
from redis_plan.keyspace.model import KeyPattern, Keyspace

NAME = "session_record"
LIBRARY = "redis_plan_records"

#: The command that changes one element, by the type and the use of a collection.
COMMANDS = {"hash": "HSET", "zset": "ZADD", "list": "RPUSH", "set": "SADD"}
BY_USE = {"leaderboard": "ZINCRBY", "counters": "HINCRBY"}
#: What removes one element, by type.
REMOVE = {"hash": "HDEL", "zset": "ZREM", "set": "SREM"}


def functions_of() -> Mapping[str, functions.Function]:
    """Return the functions of the file by name."""
    return functions.in_file("records.lua")


def function() -> functions.Function:
    """Return ``session_record``."""
    return functions_of()[NAME]


@cache
def source() -> str:
    """Return the library as FUNCTION LOAD takes it."""
    return functions.library(LIBRARY, functions_of().values())


@cache
def script() -> str:
    """Return the EVAL form, for a server whose function registry is not ours."""
    return function().script


def install(client: redis.Redis, *, use_functions: bool) -> None:
    """Load the library where the server has functions and is ours; see :func:`functions.install`."""
    if use_functions:
        client.function_load(source(), replace=True)


def call(
    client: redis.Redis, keys: Sequence[str], args: Iterable[str | int | float], *, form: functions.Form = "eval"
) -> Any:  # Any: [version, result]
    """Run ``session_record``; see :func:`functions.call`."""
    return functions.run(client, function(), keys, args, form)


def rounds(keyspace: Keyspace) -> tuple[KeyPattern, ...]:
    """Return the recorded collections whose name has an id of its own, such as a round's."""
    return tuple(p for p in recorded(keyspace) if set(naming.placeholders(p.template)) - {"session_id"})


def recorded(keyspace: Keyspace) -> tuple[KeyPattern, ...]:
    """Return the collections that the function changes."""
    return tuple(p for p in keyspace.keys if NAME in p.functions)


def command_for(pattern: KeyPattern) -> str:
    """Return the command that changes one element of ``pattern``."""
    return BY_USE.get(pattern.use, COMMANDS[pattern.type])


def changes(pattern: KeyPattern) -> tuple[str, ...]:
    """Return every command by which clients change an element of ``pattern``: write, write once, remove."""
    write = command_for(pattern)
    once = ("HSETNX",) if write == "HSET" else ()
    return (write, *once, *filter(None, (REMOVE.get(pattern.type),)))
