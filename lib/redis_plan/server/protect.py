"""Protection: on a server that we did not start, a client that touches nothing but keys under our own prefix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import redis

from redis_plan.errors import ServerError

#: Commands that change more than keys, or look at what is not ours.
FORBIDDEN = frozenset(
    [
        "FLUSHALL",
        "FLUSHDB",
        "SWAPDB",
        "KEYS",
        "DEBUG",
        "SHUTDOWN",
        "REPLICAOF",
        "SLAVEOF",
        "FAILOVER",
        "MIGRATE",
        "SAVE",
        "BGSAVE",
        "BGREWRITEAOF",
        "MONITOR",
        "MODULE",
        "RESET",
        "RANDOMKEY",
        "SORT",
        "MOVE",
    ]
)
#: Containers of which only these subcommands are allowed.
ALLOWED_SUBCOMMANDS = {
    "CONFIG": {"GET"},
    "FUNCTION": {"STATS", "LIST"},
    "SCRIPT": {"LOAD", "EXISTS"},
    "ACL": {"WHOAMI", "CAT", "DRYRUN"},
    "CLIENT": {"LIST", "ID", "INFO", "GETNAME", "SETNAME", "SETINFO", "NO-EVICT", "NO-TOUCH", "REPLY"},
    "CLUSTER": {"INFO", "KEYSLOT", "NODES", "SLOTS", "SHARDS", "MYID"},
    "LATENCY": {"HISTOGRAM", "LATEST", "HISTORY", "DOCTOR"},
    "SLOWLOG": {"GET", "LEN"},
    "MEMORY": {"USAGE", "STATS", "DOCTOR", "MALLOC-STATS"},
}
#: Commands without keys that read or are harmless.
KEYLESS = frozenset(
    [
        "PING",
        "ECHO",
        "INFO",
        "TIME",
        "DBSIZE",
        "COMMAND",
        "HELLO",
        "AUTH",
        "SELECT",
        "QUIT",
        "ROLE",
        "MULTI",
        "EXEC",
        "DISCARD",
        "UNWATCH",
        "WAIT",
        "WAITAOF",
        "LASTSAVE",
    ]
)
_CHANNEL = frozenset(
    [
        "PUBLISH",
        "SPUBLISH",
        "SUBSCRIBE",
        "PSUBSCRIBE",
        "SSUBSCRIBE",
        "UNSUBSCRIBE",
        "PUNSUBSCRIBE",
        "SUNSUBSCRIBE",
        "PUBSUB",
    ]
)
_FIRST_ONLY = {"EVAL": 2, "EVALSHA": 2, "EVAL_RO": 2, "EVALSHA_RO": 2, "FCALL": 2, "FCALL_RO": 2}


def check(words: Iterable[Any], prefix: str) -> None:
    """Raise :class:`ServerError` unless the command stays under ``prefix`` and changes nothing else."""
    parts = [_text(word) for word in words]
    head, *rest = (*parts[0].split(), *parts[1:])
    name = head.upper()
    if name in FORBIDDEN:
        raise ServerError(f"{name} is never sent to a server that we did not start")
    if name in ALLOWED_SUBCOMMANDS:
        sub = rest[0].upper() if rest else ""
        if sub not in ALLOWED_SUBCOMMANDS[name]:
            raise ServerError(f"{name} {sub} is never sent to a server that we did not start")
        if (name, sub) == ("MEMORY", "USAGE"):
            _under(rest[1:2], prefix, name)
        return
    if name in KEYLESS:
        return
    if name == "SCAN":
        if not any(rest[i].upper() == "MATCH" and rest[i + 1].startswith(prefix) for i in range(1, len(rest) - 1)):
            raise ServerError(f"SCAN on a server that we did not start needs MATCH {prefix}*")
        return
    _under(_keys(name, rest), prefix, name)


def _keys(name: str, rest: list[str]) -> list[str]:
    """Return the words that must stand under the prefix: key names and channels."""
    if name in _FIRST_ONLY:
        count = int(rest[1]) if len(rest) > 1 and rest[1].isdigit() else 0
        return rest[2 : 2 + count]
    if name in ("DEL", "UNLINK", "EXISTS", "TOUCH", "MGET", "WATCH", "SINTER", "SUNION", "SDIFF", "PFCOUNT"):
        return rest
    if name in ("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"):
        return rest
    if name in _CHANNEL:
        return rest[:1] if name in ("PUBLISH", "SPUBLISH") else []
    if name == "MSET":
        return rest[::2]
    if name in ("OBJECT", "XINFO", "XGROUP"):
        return rest[1:2]
    if name in ("RENAME", "RENAMENX", "COPY", "LMOVE", "SMOVE", "RPOPLPUSH", "ZRANGESTORE", "GEOSEARCHSTORE"):
        return rest[:2]
    if name in ("XREAD", "XREADGROUP"):
        streams = rest[[word.upper() for word in rest].index("STREAMS") + 1 :]
        return streams[: len(streams) // 2]
    if name in ("ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"):
        return [rest[0], *rest[2 : 2 + int(rest[1])]]
    return rest[:1]


def _under(keys: Iterable[str], prefix: str, name: str) -> None:
    for key in keys:
        if not key.startswith(prefix):
            raise ServerError(
                f"{name} {key[:60]!r}: on a server that we did not start we touch only keys under {prefix}"
            )


def _text(word: Any) -> str:
    return bytes(word).decode("utf-8", "replace") if isinstance(word, bytes | bytearray | memoryview) else str(word)


class ProtectedPipeline(redis.client.Pipeline):
    """A pipeline whose every command is checked."""

    prefix = ""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Check the command, then queue or run it."""
        check(args, self.prefix)
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's own gap


class ProtectedRedis(redis.Redis):
    """A client whose every command is checked; ``prefix`` is set by the server that makes it."""

    prefix = ""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Check the command, then run it."""
        check(args, self.prefix)
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's own gap

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> ProtectedPipeline:
        """Return a pipeline that is checked in the same way."""
        pipe = ProtectedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipe.prefix = self.prefix
        return pipe
