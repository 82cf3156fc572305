"""Records: the atomic change of one element of a session's collection (a vote, a score, a message).

``session_record`` does for a collection what ``session_apply`` does for the state: version, log, idempotency, TTL and
publish are one step with the change itself. Its text is ``data/catalog/functions/records.lua`` under the prelude of the
session library, so that both agree on envelope, clock and version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import redis

from redis_plan.keyspace import functions
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.resources import catalog_dir

NAME = "session_record"
LIBRARY = "redis_plan_records"

#: The command that changes one element, by the type and the use of a collection.
COMMANDS = {"hash": "HSET", "zset": "ZADD", "list": "RPUSH", "set": "SADD"}
BY_USE = {"leaderboard": "ZINCRBY", "counters": "HINCRBY"}


@cache
def text() -> str:
    """Return the Lua text of the function: comments with the contract, then the code."""
    return (catalog_dir() / "functions" / "records.lua").read_text("utf-8")


@cache
def function() -> functions.Function:
    """Return the contract of the function, as its comments say it."""
    return functions.parse(NAME, "-- " + text().split("-- FUNCTION ", 1)[1])


@cache
def source() -> str:
    """Return the library as FUNCTION LOAD takes it."""
    register = f"redis.register_function('{NAME}', {NAME})\n"
    return f"#!lua name={LIBRARY}\n{_prelude()}\n{text()}{register}"


@cache
def script() -> str:
    """Return the EVAL form, for a server whose function registry is not ours."""
    return f"{_prelude()}\n{text()}return {NAME}(KEYS, ARGV)\n"


def _prelude() -> str:
    body = functions.source()
    return body.split("-- PRELUDE\n", 1)[1].split("-- FUNCTION", 1)[0].strip()


def install(client: redis.Redis, *, use_functions: bool) -> None:
    """Load the library where the server has functions and is ours; see :func:`functions.install`."""
    if use_functions:
        client.function_load(source(), replace=True)


def call(
    client: redis.Redis, keys: Sequence[str], args: Iterable[str | int | float], *, form: functions.Form = "eval"
) -> Any:  # Any: [version, status]
    """Run the function; raises ``ResponseError`` with BADARG, BADDATA, WRONGTYPE or OOM, nothing being written then."""
    if form == "function":
        return client.fcall(NAME, len(keys), *keys, *args)
    try:
        return client.evalsha(
            hashlib.sha1(script().encode(), usedforsecurity=False).hexdigest(), len(keys), *keys, *args
        )
    except redis.exceptions.NoScriptError:
        return client.eval(script(), len(keys), *keys, *args)


def recorded(keyspace: Keyspace) -> tuple[KeyPattern, ...]:
    """Return the collections that the function changes."""
    return tuple(p for p in keyspace.keys if NAME in p.functions)


def command_for(pattern: KeyPattern) -> str:
    """Return the command that changes one element of ``pattern``."""
    return BY_USE.get(pattern.use, COMMANDS[pattern.type])
