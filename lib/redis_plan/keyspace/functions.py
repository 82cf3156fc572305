"""Functions: the atomic steps of a session, as a Functions library or as scripts for EVAL, from one Lua file.

::

    library = functions.install(client, use_functions=s.ours and "functions" in s.capabilities)
    version = library.call(client, "session_join", keys, ["ann#1", "{}", 8, "", 60_000, 7200, "test:events"])

On a server that is not ours nothing is loaded into the function registry: ``EVALSHA`` runs the same text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import redis

from redis_plan.keyspace import naming
from redis_plan.keyspace.model import Keyspace
from redis_plan.resources import catalog_dir

Form = Literal["function", "eval"]
Argument = str | bytes | int | float

#: The types that the functions expect of the keyspace's patterns.
TYPES: Mapping[str, tuple[str, ...]] = {
    "state": ("hash",),
    "roster": ("hash",),
    "presence": ("zset",),
    "log": ("list", "stream"),
    "idem": ("string",),
}


@dataclass(frozen=True, slots=True)
class Function:
    """One function: the contract in its comments, and its Lua text."""

    name: str
    keys: tuple[str, ...]  # names of key patterns, in the order of KEYS
    more_keys: bool  # whether further keys of the session may follow
    args: str  # ARGV as documented
    returns: str
    flags: tuple[str, ...]
    source: str  # the Lua text of the function alone
    reply: str = ""  # the shape of the answer, by which a client types it
    uses: tuple[tuple[str, str], ...] = ()  # (use pattern, type) that it serves; none: the session itself

    @property
    def script(self) -> str:
        """The EVAL form: the shared prelude, this function, and a call with KEYS and ARGV."""
        return f"{_parts()[0]}\n{self.source}\nreturn {self.name}(KEYS, ARGV)\n"

    @property
    def sha(self) -> str:
        """What EVALSHA calls the EVAL form."""
        return hashlib.sha1(self.script.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Library:
    """The functions on one server, in the form that this server may have them."""

    form: Form

    def call(self, client: redis.Redis, name: str, keys: Sequence[Argument], args: Iterable[Argument]) -> Any:
        """Run the function ``name``; see :func:`call`."""
        return call(client, name, keys, args, form=self.form)


@cache
def source() -> str:
    """Return the text of the library as it is loaded with FUNCTION LOAD."""
    return (catalog_dir() / "functions" / "session.lua").read_text("utf-8")


@cache
def _parts() -> tuple[str, dict[str, str]]:
    """Split the library into its prelude and the text of each function."""
    body = source().split("-- REGISTER\n", 1)[0]
    head, *texts = re.split(r"^-- FUNCTION (?=session_\w+$)", body, flags=re.MULTILINE)
    prelude = head.split("-- PRELUDE\n", 1)[1].strip()
    return prelude, {text.split("\n", 1)[0].strip(): "-- " + text.strip() for text in texts}


def prelude() -> str:
    """Return the Lua text that every function of a session may call."""
    return _parts()[0]


def registration(function: Function) -> str:
    """Return the line that registers ``function`` with its flags."""
    if not function.flags:
        return f"redis.register_function('{function.name}', {function.name})"
    flags = ", ".join(f"'{flag}'" for flag in function.flags)
    return f"redis.register_function{{function_name='{function.name}', callback={function.name}, flags={{{flags}}}}}"


@cache
def functions() -> Mapping[str, Function]:
    """Return every function of the library by name, in the order of the file."""
    return {name: parse(name, text) for name, text in _parts()[1].items()}


def parse(name: str, text: str) -> Function:
    """Read a function's contract from the comments in front of its code."""
    comments = dict(re.findall(r"^-- (KEYS|ARGV|Flags|Reply|FOR) (.+)$", text, flags=re.MULTILINE))
    returns = re.search(r"^-- Returns (.+?)(?=^local |^-- Flags)", text, flags=re.MULTILINE | re.DOTALL)
    keys = comments["KEYS"].split()
    return Function(
        name=name,
        keys=tuple(k for k in keys if k != "..."),
        more_keys="..." in keys,
        args=comments["ARGV"],
        returns=re.sub(r"\s*\n-- ", " ", returns[1]).strip() if returns else "",
        flags=tuple(comments.get("Flags", "").split()),
        source=text,
        reply=comments.get("Reply", ""),
        uses=tuple((words[0], words[1]) for part in comments.get("FOR", "").split(",") if (words := part.split())),
    )


def install(client: redis.Redis, *, use_functions: bool) -> Library:
    """Make the functions callable through ``client``'s server.

    ``use_functions`` only where the server has functions and is ours (``s.ours and "functions" in s.capabilities``):
    FUNCTION LOAD changes the server for everyone. Otherwise nothing is done and each call uses EVALSHA.
    """
    if not use_functions:
        return Library("eval")
    client.function_load(source(), replace=True)
    return Library("function")


def call(
    client: redis.Redis, name: str, keys: Sequence[Argument], args: Iterable[Argument], *, form: Form = "eval"
) -> Any:  # Any: each function documents its reply
    """Run a function and return its reply; works on every server with ``form="eval"``.

    EVALSHA falls back to EVAL on NOSCRIPT (restart, failover, SCRIPT FLUSH), which also loads the script again.
    Raises what redis-py raises: ``ResponseError`` with BADARG, BADDATA, WRONGTYPE or OOM, nothing being written then.
    """
    function = functions()[name]
    if form == "function":
        return client.fcall(name, len(keys), *keys, *args)
    try:
        return client.evalsha(function.sha, len(keys), *keys, *args)
    except redis.exceptions.NoScriptError:
        return client.eval(function.script, len(keys), *keys, *args)


def missing(keyspace: Keyspace) -> str:
    """Return why this keyspace has no use for the functions, or "" if it has."""
    by_name = {p.name: p for p in keyspace.patterns}
    for name, types in TYPES.items():
        if name not in by_name:
            return (
                "the project has no sessions that people join and leave"
                if name == "state"
                else f"the design has no `{name}`"
            )
        if by_name[name].type not in types:
            return f"`{name}` is a {by_name[name].type}; the functions need a {' or a '.join(types)}"
    return ""


def session_keys(
    keyspace: Keyspace, session_id: object, *, prefix: str = "", environment: str = "plan", op_id: object = "op"
) -> dict[str, str]:
    """Return the names of one session's keys and channels, by pattern name.

    Only patterns that need nothing but the session's id (and, for `idem`, the operation's id) are named.
    """
    ids = {"session_id": session_id, "env": environment, "op_id": op_id}
    return {
        p.name: prefix + naming.render(p.template, **ids)
        for p in keyspace.patterns
        if p.scope == "session" and set(naming.placeholders(p.template)) <= set(ids)
    }


def other_keys(keyspace: Keyspace, keys: Mapping[str, str], *named: str) -> list[str]:
    """Return the session's other keys, whose TTL a function refreshes in the same step, in the order of the registry."""
    skip = {*named, "idem"}
    sliding = {p.name for p in keyspace.keys if p.ttl.policy == "sliding"}
    return [key for name, key in keys.items() if name in sliding and name not in skip]


def keys_of(keyspace: Keyspace, name: str, keys: Mapping[str, str]) -> list[str]:
    """Return KEYS for the function ``name``: its named keys, then the session's other ones where it takes them."""
    function = functions()[name]
    more = other_keys(keyspace, keys, *function.keys) if function.more_keys else []
    return [keys[key] for key in function.keys] + more


def slots(keyspace: Keyspace, session_id: object = "k3v9") -> dict[str, set[int]]:
    """Return the cluster slots that each function's declared keys and its channel lie in: one each, or it is a fault."""
    keys = session_keys(keyspace, session_id)
    return {name: {naming.slot(key) for key in keys_of(keyspace, name, keys)} for name in functions()}


def log_argument(keyspace: Keyspace) -> str:
    """Return the functions' ``log_max`` for this keyspace: its bound, and ``stream`` where the log is one."""
    pattern = keyspace.pattern("log")
    return f"{int(pattern.max_elements)}{' stream' if pattern.type == 'stream' else ''}"


def channel_argument(keyspace: Keyspace, keys: Mapping[str, str]) -> str:
    """Return the functions' ``channel`` for this keyspace: the name, and ``sharded`` where the design says so."""
    pattern = keyspace.use("events")
    if pattern is None or pattern.name not in keys:
        return ""
    return keys[pattern.name] + (" sharded" if pattern.chosen == "sharded-pubsub" else "")
