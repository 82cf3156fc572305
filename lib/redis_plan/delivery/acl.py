"""Access control: one user a role, with the keys, channels and commands that its work needs and no others.

What a role may run is derived: the commands inside the functions it calls (a script runs with its caller's rights), the
commands of the structures it reads and writes itself, and what a client library says on connecting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from redis_plan.delivery import library
from redis_plan.keyspace import naming
from redis_plan.keyspace.model import KeyPattern, Keyspace

Role = Literal["app", "worker"]
ROLES: tuple[Role, ...] = ("app", "worker")

#: A digest that no password has: who stands with it can't log in until the operator sets one.
NOBODY = "0" * 64

#: Who is meant where a pattern says who writes or reads it.
_SPEAKS_OF = {"app": re.compile(r"\b(gateways?|service|ingest)\b"), "worker": re.compile(r"\bworkers?\b")}
#: Functions that are the worker's; every other one is the application's.
_WORKER = {"session_sweep", "session_apply", "session_drop", "session_end", "due_claim", "due_done", "match_take", "position_sweep"}  # fmt: skip
_NOT_APP = {"due_claim", "due_done", "match_take", "position_sweep"}
#: What clients of a server and of a cluster send by themselves.
_CONNECTION = (
    "ping", "echo", "select", "command", "client|id", "client|setname", "client|getname", "cluster|slots", "cluster|shards",
    "cluster|nodes", "readonly", "readwrite",
)  # fmt: skip
_MONITOR = (
    "ping", "info", "dbsize", "latency|latest", "latency|history", "latency|histogram", "slowlog|get", "slowlog|len",
    "client|list", "client|setname", "config|get", "memory|stats", "cluster|info",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AclUser:
    """An ACL user. ``rules`` stand as they are in ``users.acl``; the password is the operator's to set."""

    name: str
    purpose: str
    rules: tuple[str, ...]

    def line(self, password: str = f"#{NOBODY}") -> str:
        """Return the user's line of ``users.acl``; ``password`` with ``>`` in front, or its SHA-256 with ``#``."""
        return f"user {self.name} on {password} {' '.join(self.rules)}"


@dataclass(frozen=True, slots=True)
class AclCheck:
    """A command that a user must be allowed or refused, as ``ACL DRYRUN`` takes it."""

    user: str
    command: tuple[str, ...]
    allowed: bool


def users(keyspace: Keyspace) -> tuple[AclUser, ...]:
    """Return the four users of a design: application, worker, monitor and administrator."""
    return (
        AclUser("app", "gateways and services: functions, their own reads, and events", _rules(keyspace, "app")),
        AclUser("worker", "sweeper, timers and ingest: publishes, never subscribes", _rules(keyspace, "worker")),
        AclUser("monitor", "metrics: no key, no channel", ("resetchannels", *(f"+{name}" for name in _MONITOR))),
        AclUser("admin", "deployments by a person: everything", ("~*", "&*", "+@all")),
    )


def _rules(keyspace: Keyspace, role: Role) -> tuple[str, ...]:
    keys = dict.fromkeys(rule for p in keyspace.keys if (rule := _key_rule(p, role)))
    heard = [p for p in keyspace.channels if _speaks(role, (*p.writers, *(p.readers if role == "app" else ())))]
    channels = dict.fromkeys(f"&{naming.acl_pattern(p.template)}" for p in heard)
    return ("resetchannels", *keys, *channels, *(f"+{name}" for name in commands(keyspace, role)))


def access(pattern: KeyPattern, role: Role) -> str:
    """Return what ``role`` does with the keys of ``pattern``: "", "R" or "RW"."""
    by_function = any(name.startswith("session_") for name in pattern.functions)
    writes = by_function or _speaks(role, (*pattern.writers, pattern.deleted_by, pattern.ttl.because))
    return "RW" if writes else "R" if _speaks(role, pattern.readers) else ""


def _key_rule(pattern: KeyPattern, role: Role) -> str:
    may = access(pattern, role)
    return {"": "", "R": "%R~", "RW": "~"}[may] + naming.acl_pattern(pattern.template) if may else ""


def _speaks(role: Role, texts: Iterable[str]) -> bool:
    text = "; ".join(texts).replace("ingest worker", "worker")
    return bool(_SPEAKS_OF[role].search(text)) or "session_" in text


def commands(keyspace: Keyspace, role: Role) -> tuple[str, ...]:
    """Return the commands that ``role`` may run, in lower case and in order; a subcommand as ``xgroup|create``."""
    found: set[str] = set(_CONNECTION)
    inside = library.commands(keyspace)
    called = [s for s in library.steps(keyspace) if _calls(s, role)]
    if called:
        found.add("fcall")
        found |= {name.lower() for s in called for name in inside[s.function.name]}
    served = {p.name for s in library.steps(keyspace) for p in s.patterns}
    plain = library.uses()
    for pattern in keyspace.keys:
        may = access(pattern, role)
        if may and pattern.candidate:
            found |= _first_words(pattern.candidate.read)
            if may == "RW" and pattern.name not in served and not pattern.functions:
                found |= _first_words(pattern.candidate.write)
        if may:
            own = plain.get((pattern.use, pattern.type), {}).get(role, ())
            found |= {str(name).lower() for name in (own if isinstance(own, list) else ())}
        if may == "RW" and any("MULTI" in text for text in (*pattern.writers, pattern.deleted_by)):
            found |= {"multi", "exec", "discard", "expire"}
    if keyspace.channels:
        sharded = any(p.chosen == "sharded-pubsub" for p in keyspace.channels)
        found |= {"publish"} | ({"spublish"} if sharded else set())
        if role == "app":
            found |= {"subscribe", "unsubscribe"} | ({"ssubscribe", "sunsubscribe"} if sharded else set())
        elif not any(_speaks(role, p.writers) for p in keyspace.channels):
            found -= {"publish", "spublish"}
    if role == "worker":
        found |= {"scan", "type", "ttl"}  # the leak check of section 10
    return tuple(sorted(found))


def _calls(step: library.Step, role: Role) -> bool:
    name = step.function.name
    if step.patterns and not step.of_session:
        return any(access(p, role) == "RW" for p in step.patterns) and (
            name not in _NOT_APP if role == "app" else name in _WORKER or not any(access(p, "app") == "RW" for p in step.patterns)
        )  # fmt: skip
    return name not in _NOT_APP if role == "app" else name in _WORKER


def _first_words(templates: Iterable[str]) -> set[str]:
    return {template.split()[0].lower() for template in templates}


def checks(keyspace: Keyspace) -> tuple[AclCheck, ...]:
    """Return what each user must be able to do, and what it must not, by kind of key and of command."""
    granted = {role: commands(keyspace, role) for role in ROLES}
    ruled = {role: _rules(keyspace, role) for role in ROLES}
    found = [
        AclCheck(user, command, False)
        for user in ("app", "worker", "monitor")
        for command in (
            ("KEYS", "*"), ("FLUSHALL",), ("FLUSHDB",), ("CONFIG", "SET", "maxmemory", "0"), ("SCRIPT", "FLUSH"),
            ("FUNCTION", "FLUSH"), ("DEBUG", "SLEEP", "0"), ("MONITOR",), ("SHUTDOWN",), ("ACL", "LIST"),
            ("PSUBSCRIBE", "*"), ("CLIENT", "KILL", "TYPE", "normal"), ("EVAL", "return 1", "0"), ("REPLICAOF", "NO", "ONE"),
            ("MIGRATE", "h", "1", "k", "0", "1"), ("SWAPDB", "0", "1"), ("RANDOMKEY",), ("UNLINK", "other:key"),
        )
    ]  # fmt: skip
    for pattern in keyspace.keys:
        key, foreign = _sample(pattern.template), f"other:{_sample(pattern.template)}"
        read, write = _PROBES[pattern.type]
        for role in ROLES:
            may, runs = access(pattern, role), granted[role]
            for words, needs in ((read, "R"), (write, "W")):
                allowed = needs in may and words[0].lower() in runs
                found.append(AclCheck(role, (words[0], key, *words[1:]), allowed))
                found.append(AclCheck(role, (words[0], foreign, *words[1:]), False))
        found.append(AclCheck("monitor", (read[0], key, *read[1:]), False))
        found.append(AclCheck("admin", (write[0], key, *write[1:]), True))
    found += [
        AclCheck("monitor", ("INFO",), True),
        AclCheck("monitor", ("LATENCY", "LATEST"), True),
        AclCheck("monitor", ("SLOWLOG", "RESET"), False),
        AclCheck("admin", ("CONFIG", "SET", "maxmemory", "0"), True),
    ]
    if steps := library.steps(keyspace):
        for role in ROLES:
            found += [AclCheck(role, ("FCALL", s.function.name, "0"), True) for s in steps if _calls(s, role)][:1]
        found.append(AclCheck("monitor", ("FCALL", steps[0].function.name, "0"), False))
    for pattern in keyspace.channels:
        channel = _sample(pattern.template)
        for role in ROLES:
            rules = ruled[role]
            may_hear = f"&{naming.acl_pattern(pattern.template)}" in rules
            found.append(AclCheck(role, ("PUBLISH", channel, "x"), may_hear and "+publish" in rules))
            found.append(AclCheck(role, ("SUBSCRIBE", channel), may_hear and "+subscribe" in rules))
            found.append(AclCheck(role, ("SUBSCRIBE", f"other:{channel}"), False))
        found.append(AclCheck("monitor", ("SUBSCRIBE", channel), False))
    return tuple(found)


#: A read and a write of each type.
_PROBES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "string": (("GET",), ("SET", "v")),
    "hash": (("HGETALL",), ("HSET", "f", "v")),
    "list": (("LRANGE", "0", "-1"), ("RPUSH", "v")),
    "set": (("SSCAN", "0"), ("SADD", "v")),
    "zset": (("ZRANGE", "0", "-1"), ("ZADD", "1", "m")),
    "stream": (("XRANGE", "-", "+"), ("XADD", "*", "f", "v")),
}


def _sample(template: str) -> str:
    return naming.PLACEHOLDER.sub("a1", template.replace("<env>", naming.ENVIRONMENT))


def users_acl(keyspace: Keyspace) -> str:
    """Return ``users.acl``. Redis takes no comments in such a file: what each rule is for stands in the README beside it."""
    return (
        "\n".join(["user default off sanitize-payload resetchannels -@all", *(u.line() for u in users(keyspace))])
        + "\n"
    )
