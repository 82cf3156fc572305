"""Access control: one user a role, with the keys, channels and commands that its duties need and no others.

What a role may run is computed from :mod:`redis_plan.delivery.duties`: the commands inside the functions that it calls, the
commands that it sends itself, and what a client library says on connecting.
"""

from __future__ import annotations

from dataclasses import dataclass

from redis_plan.delivery import duties, library
from redis_plan.delivery.duties import ROLES, Role
from redis_plan.keyspace import naming
from redis_plan.keyspace.model import KeyPattern, Keyspace

__all__ = ["NOBODY", "ROLES", "AclCheck", "AclUser", "Role", "checks", "commands", "users", "users_acl"]

#: A digest that no password has: who stands with it can't log in until the operator sets one.
NOBODY = "0" * 64
#: The user of who has not logged in: off and without a password, so nobody acts by its rights. It has them all the same,
#: since the loader of the append-only file runs as this user and EXEC asks for them: without, a restart drops each
#: transaction of the file, and every function writes one (redis/redis issue 14541, valkey-io/valkey issue 3983).
_DEFAULT = "user default off resetpass sanitize-payload ~* &* +@all"

#: How a function is called: by name, and by the script of its EVAL form where the server has lost or lacks it.
CALLS = ("FCALL", "EVALSHA", "EVAL")
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

    def command(self, password: str) -> tuple[str, ...]:
        """Return the command that makes the user, or makes it anew, on a server that runs."""
        return "ACL", "SETUSER", self.name, "reset", "on", f">{password}", *self.rules


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
    given = duties.duties(keyspace, role)
    keys = dict.fromkeys(
        ("~" if d.writes else "%R~") + naming.acl_pattern(d.pattern.template)
        for d in given
        if d.pattern.type != "channel"
    )
    channels = dict.fromkeys(f"&{naming.acl_pattern(d.pattern.template)}" for d in given if d.pattern.type == "channel")
    return ("resetchannels", *keys, *channels, *(f"+{name}" for name in commands(keyspace, role)))


def commands(keyspace: Keyspace, role: Role) -> tuple[str, ...]:
    """Return the commands that ``role`` may run, in lower case and in order; a subcommand as ``xgroup|create``."""
    inside = library.commands(keyspace)
    calls = duties.called(keyspace, role)
    found = {name for step, _ in calls for name in (*CALLS, *inside[step.function.name])}
    found |= {name for duty in duties.duties(keyspace, role) for name in duty.commands}
    found |= {name for name, _ in duties.general(role)} if keyspace.keys else set()
    return tuple(sorted({*_CONNECTION, *(name.lower() for name in found)}))


def checks(keyspace: Keyspace) -> tuple[AclCheck, ...]:
    """Return what each user must be able to do, and what it must not, by kind of key and of command."""
    found = [
        AclCheck(user, command, False)
        for user in ("app", "worker", "monitor")
        for command in (
            ("KEYS", "*"), ("FLUSHALL",), ("FLUSHDB",), ("CONFIG", "SET", "maxmemory", "0"), ("SCRIPT", "FLUSH"),
            ("FUNCTION", "FLUSH"), ("DEBUG", "SLEEP", "0"), ("MONITOR",), ("SHUTDOWN",), ("ACL", "LIST"),
            ("PSUBSCRIBE", "*"), ("CLIENT", "KILL", "TYPE", "normal"), ("EVAL", "return 1", "1", "other:key"), ("REPLICAOF", "NO", "ONE"),
            ("MIGRATE", "h", "1", "k", "0", "1"), ("SWAPDB", "0", "1"), ("RANDOMKEY",), ("UNLINK", "other:key"),
        )
    ]  # fmt: skip
    for role in ROLES:
        found += _of_role(keyspace, role)
    for pattern in keyspace.keys:
        read, write = _PROBES[pattern.type]
        key = _sample(pattern.template)
        found.append(AclCheck("monitor", (read[0], key, *read[1:]), False))
        found.append(AclCheck("admin", (write[0], key, *write[1:]), True))
    found += [
        AclCheck("monitor", ("INFO",), True),
        AclCheck("monitor", ("LATENCY", "LATEST"), True),
        AclCheck("monitor", ("SLOWLOG", "RESET"), False),
        AclCheck("admin", ("CONFIG", "SET", "maxmemory", "0"), True),
    ]
    if steps := library.steps(keyspace):
        found.append(AclCheck("monitor", ("FCALL", keyspace.fcall_name(steps[0].function.name), "0"), False))
    found += [AclCheck("monitor", (_verbs(p)[1], _sample(p.template)), False) for p in keyspace.channels]
    return tuple(found)


def _of_role(keyspace: Keyspace, role: Role) -> list[AclCheck]:
    """Return, for each key a read and a write, for each channel both directions, each also under a foreign name."""
    runs = commands(keyspace, role)
    given = {d.pattern.name: d for d in duties.duties(keyspace, role)}
    found: list[AclCheck] = []
    for pattern in keyspace.patterns:
        name, duty = _sample(pattern.template), given.get(pattern.name)
        if pattern.type == "channel":
            publish, subscribe = _verbs(pattern)
            words = ((publish, name, "x"), (subscribe, name))
            found += [AclCheck(role, w, duty is not None and w[0].lower() in runs) for w in words]
            found.append(AclCheck(role, (subscribe, f"other:{name}"), False))
            continue
        for probe, right in zip(_PROBES[pattern.type], "RW", strict=True):
            allowed = duty is not None and right in duty.access and probe[0].lower() in runs
            found.append(AclCheck(role, (probe[0], name, *probe[1:]), allowed))
            found.append(AclCheck(role, (probe[0], f"other:{name}", *probe[1:]), False))
    found += [
        AclCheck(role, ("FCALL", keyspace.fcall_name(s.function.name), "0"), True)
        for s, _ in duties.called(keyspace, role)
    ]
    return found


def _verbs(channel: KeyPattern) -> tuple[str, str]:
    """Return by what a channel is published to and subscribed to."""
    return ("SPUBLISH", "SSUBSCRIBE") if channel.sharded else ("PUBLISH", "SUBSCRIBE")


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
    return "\n".join([_DEFAULT, *(user.line() for user in users(keyspace))]) + "\n"
