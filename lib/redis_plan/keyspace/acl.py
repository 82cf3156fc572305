"""Access control: one user a component, with the keys, channels and commands it needs and no others."""

from __future__ import annotations

from dataclasses import dataclass

from redis_plan.keyspace import naming
from redis_plan.keyspace.model import Keyspace


@dataclass(frozen=True, slots=True)
class AclUser:
    """An ACL user. ``rules`` stand as they are in ``users.acl``; the password is the operator's to fill in."""

    name: str
    purpose: str
    rules: tuple[str, ...]

    def line(self, password: str = "<password>") -> str:
        """Return the user's line of ``users.acl``."""
        return f"user {self.name} on >{password} {' '.join(self.rules)}"


@dataclass(frozen=True, slots=True)
class AclCheck:
    """A command that a user must be allowed or refused, as ``ACL DRYRUN`` takes it."""

    user: str
    command: tuple[str, ...]
    allowed: bool


def users(keyspace: Keyspace) -> tuple[AclUser, ...]:
    """Return the four users of a design: the gateways, the workers, the monitor and the administrator."""
    keys = tuple(f"~{pattern}" for pattern in dict.fromkeys(naming.acl_pattern(p.template) for p in keyspace.keys))
    channels = tuple(
        f"&{pattern}" for pattern in dict.fromkeys(naming.acl_pattern(p.template) for p in keyspace.channels)
    )
    # @dangerous takes KEYS, FLUSHALL, INFO and their like away again, whatever category let them in; the functions ask the
    # server's clock, a script runs with its caller's rights, and TIME is in no category but @fast
    data = (
        "+@read", "+@write", "+@transaction", "+@connection", "+@scripting", "-@dangerous", "-function", "-script", "+time",
    )  # fmt: skip
    run = ("+script|load", "+script|exists", "+function|stats")
    return (
        AclUser(
            "gateway",
            "WebSocket processes: functions and their events",
            ("resetchannels", *keys, *channels, *data, *run, "+@pubsub", "-psubscribe"),
        ),
        AclUser(
            "worker",
            "sweeper and timers: the same keys, publishing but not subscribing",
            ("resetchannels", *keys, *channels, *data, *run, "+publish", "+spublish", "+scan"),
        ),
        AclUser(
            "monitor",
            "metrics: no key, no channel",
            (
                "resetchannels",
                "+ping",
                "+info",
                "+latency",
                "+slowlog|get",
                "+slowlog|len",
                "+client|list",
                "+config|get",
                "+memory|stats",
                "+dbsize",
            ),
        ),
        AclUser("admin", "deployments by a person: everything", ("~*", "&*", "+@all")),
    )


def checks(keyspace: Keyspace) -> tuple[AclCheck, ...]:
    """Return what each user must be able to do, and what it must not."""
    key = _sample(keyspace.keys[0].template) if keyspace.keys else "x"
    foreign = f"other:{key}"
    found = [
        AclCheck("gateway", ("UNLINK", key), True),
        AclCheck("gateway", ("TTL", key), True),
        AclCheck("gateway", ("TIME",), True),
        AclCheck("gateway", ("UNLINK", foreign), False),
        AclCheck("gateway", ("GET", foreign), False),
        AclCheck("gateway", ("KEYS", "*"), False),
        AclCheck("gateway", ("FLUSHALL",), False),
        AclCheck("gateway", ("CONFIG", "SET", "maxmemory", "0"), False),
        AclCheck("gateway", ("SCRIPT", "FLUSH"), False),
        AclCheck("gateway", ("DEBUG", "SLEEP", "0"), False),
        AclCheck("gateway", ("PSUBSCRIBE", "*"), False),
        AclCheck("worker", ("UNLINK", key), True),
        AclCheck("worker", ("TIME",), True),
        AclCheck("worker", ("UNLINK", foreign), False),
        AclCheck("worker", ("FLUSHDB",), False),
        AclCheck("monitor", ("INFO",), True),
        AclCheck("monitor", ("LATENCY", "LATEST"), True),
        AclCheck("monitor", ("GET", key), False),
        AclCheck("monitor", ("UNLINK", key), False),
        AclCheck("monitor", ("CONFIG", "SET", "maxmemory", "0"), False),
        AclCheck("admin", ("CONFIG", "SET", "maxmemory", "0"), True),
    ]
    for pattern in keyspace.channels[:1]:
        channel = _sample(pattern.template)
        found += [
            AclCheck("gateway", ("SUBSCRIBE", channel), True),
            AclCheck("gateway", ("PUBLISH", channel, "x"), True),
            AclCheck("gateway", ("SUBSCRIBE", f"other:{channel}"), False),
            AclCheck("monitor", ("SUBSCRIBE", channel), False),
            AclCheck("worker", ("SUBSCRIBE", channel), False),
            AclCheck("worker", ("PUBLISH", channel, "x"), True),
        ]
    return tuple(found)


def _sample(template: str) -> str:
    return naming.PLACEHOLDER.sub("a1", template.replace("<env>", naming.ENVIRONMENT))
