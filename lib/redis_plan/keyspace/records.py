"""Records: the atomic change of one element of a session's collection (a vote, a score, a message).

``session_record`` does for a collection what ``session_apply`` does for the state: version, log, idempotency, TTL and
publish are one step with the change itself. Its text is ``data/catalog/functions/records.lua`` under the prelude of the
session library, so that both agree on envelope, clock and version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import redis

from redis_plan.keyspace import functions, naming
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.resources import catalog_dir

NAME = "session_record"
LIBRARY = "redis_plan_records"

#: The command that changes one element, by the type and the use of a collection.
COMMANDS = {"hash": "HSET", "zset": "ZADD", "list": "RPUSH", "set": "SADD"}
BY_USE = {"leaderboard": "ZINCRBY", "counters": "HINCRBY"}


@cache
def functions_of() -> Mapping[str, functions.Function]:
    """Return the functions of the file by name: their contract as the comments say it, and the text of each."""
    text = (catalog_dir() / "functions" / "records.lua").read_text("utf-8")
    parts = re.split(r"^-- FUNCTION (?=session_\w+$)", text, flags=re.MULTILINE)[1:]
    return {part.split("\n", 1)[0]: functions.parse(part.split("\n", 1)[0], "-- " + part.strip()) for part in parts}


def function() -> functions.Function:
    """Return ``session_record``."""
    return functions_of()[NAME]


@cache
def source() -> str:
    """Return the library as FUNCTION LOAD takes it."""
    texts = "\n\n".join(f.source for f in functions_of().values())
    register = "\n".join(functions.registration(f) for f in functions_of().values())
    return f"#!lua name={LIBRARY}\n{functions.prelude()}\n\n{texts}\n\n{register}\n"


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
) -> Any:  # Any: [version, status]
    """Run the function; raises ``ResponseError`` with BADARG, BADDATA, WRONGTYPE or OOM, nothing being written then."""
    if form == "function":
        return client.fcall(NAME, len(keys), *keys, *args)
    try:
        return client.evalsha(function().sha, len(keys), *keys, *args)
    except redis.exceptions.NoScriptError:
        return client.eval(script(), len(keys), *keys, *args)


def rounds(keyspace: Keyspace) -> tuple[KeyPattern, ...]:
    """Return the recorded collections whose name has an id of its own, such as a round's."""
    return tuple(p for p in recorded(keyspace) if set(naming.placeholders(p.template)) - {"session_id"})


def recorded(keyspace: Keyspace) -> tuple[KeyPattern, ...]:
    """Return the collections that the function changes."""
    return tuple(p for p in keyspace.keys if NAME in p.functions)


def command_for(pattern: KeyPattern) -> str:
    """Return the command that changes one element of ``pattern``."""
    return BY_USE.get(pattern.use, COMMANDS[pattern.type])
