"""Proving: each declared action on a real server, before anything is built on it.

Its function is loaded, which compiles the own Lua in it, and called in a session of its own: with bad arguments, which must
write nothing, then as it is meant, which must answer with a named result and leave no key without a TTL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import redis

from redis_plan import server
from redis_plan.actions.compose import compose
from redis_plan.actions.declaring import Declaration, Fault
from redis_plan.keyspace import calls, functions, naming
from redis_plan.keyspace.calls import Argument
from redis_plan.keyspace.functions import Function
from redis_plan.keyspace.model import Keyspace
from redis_plan.keyspace.settled import FILE

#: Arguments that a session's functions take, as a call gives them.
_TTL, _LOG, _IDEM_TTL = "600", "50", "60"
_COMPILE = re.compile(r"(?:user_function|user_script|@\w+): ?(\d+): (.*?)(?: script: |$)", re.DOTALL)


def prove(declarations: Sequence[Declaration], keyspace: Keyspace) -> tuple[Fault, ...]:
    """Return what a server of ours says against the declared actions; raises :class:`ServerError` where there is none."""
    if not declarations:
        return ()
    with server.open() as live:
        client: Any = live.client(decode_responses=True)
        return tuple(sorted({fault for d in declarations for fault in _of(d, keyspace, client)}))


def _of(declaration: Declaration, keyspace: Keyspace, client: Any) -> Iterator[Fault]:  # Any: a client of redis-py
    kind = declaration.kind
    function = compose(kind, kind.name, keys=declaration.keys)
    text = functions.library("declared", [*functions.functions().values(), function])
    client.flushall()
    try:
        client.function_load(text, replace=True)
    except redis.ResponseError as error:
        yield _compiled(declaration, str(error), text)
        return
    keys = _keys(function, keyspace)
    create = calls.calls()["session_create"]
    made = create.ordered({"epoch": "0a", "ttl_s": _TTL}, "owner", "ann")
    client.fcall(create.name, len(create.keys), *(keys[name] for name, _ in create.keys), *made)
    client.hset(keys["roster"], "ann", "{}")
    client.expire(keys["roster"], int(_TTL))
    given = [keys[name] for name in function.keys]
    arguments = [_argument(a) for a in function.call.args]
    before = sorted(client.keys())
    needed = sum(not a.absent for a in function.call.args)
    for bad in ([*arguments, "one too many"], arguments[: needed - 1]):
        try:
            client.fcall(function.name, len(given), *given, *bad)
        except redis.ResponseError as error:
            if "BADARG" in str(error):
                continue
        yield Fault(FILE, kind.declared, f"{kind.name} takes arguments that it must refuse")
    if sorted(client.keys()) != before:
        yield Fault(FILE, kind.declared, f"{kind.name} writes before its arguments are checked")
    try:
        answer = client.fcall(function.name, len(given), *given, *arguments)
    except redis.ResponseError as error:
        yield Fault(
            *_place(declaration, str(error), text),
            f"{kind.name} fails: {_plain(error)}; whatever a caller gives, it must answer with a result",
        )
        return
    if answer[1] not in function.call.results:
        yield Fault(FILE, kind.declared, f"{kind.name} answers {answer[1]!r}, which is no result of it")
    if endless := [key for key in client.scan_iter() if client.ttl(key) == -1]:
        yield Fault(FILE, kind.declared, f"{kind.name} leaves {endless[0]} without a TTL")


def _keys(function: Function, keyspace: Keyspace) -> dict[str, str]:
    named = {"state", "roster", "log", *function.keys}
    return {
        name: naming.render(template, **dict.fromkeys(naming.placeholders(template), "proof"))
        for name in named
        for template in [keyspace.pattern(name).template]
    }


def _argument(argument: Argument) -> str:
    fixed = {"channel": "", "op_id": "proof", "ttl_s": _TTL, "log_max": _LOG, "idem_ttl_s": _IDEM_TTL}
    return fixed.get(argument.name, argument.example or argument.default)


def _compiled(declaration: Declaration, error: str, text: str) -> Fault:
    found = _COMPILE.search(error)
    says = found[2].strip() if found else error
    return Fault(*_place(declaration, error, text), f"the server does not compile it: {says}")


def _place(declaration: Declaration, error: str, text: str) -> tuple[str, int]:
    """Return file and line of the own Lua that an error of the server speaks of, else those of the declaration."""
    kind, found = declaration.kind, _COMPILE.search(error)
    header = text.partition(f"local function own_{kind.name}(")[0].count("\n") + 1
    line = int(found[1]) - header if found and kind.lua else 0
    return (kind.lua_file, line) if 0 < line <= kind.lua.count("\n") + 1 else (FILE, kind.declared)


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
