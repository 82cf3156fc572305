"""A session of the project on a live server: its keys, and the functions that change it, with the project's numbers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from redis_plan.brief.model import Brief
from redis_plan.keyspace import calls, functions, naming, records
from redis_plan.keyspace.functions import Library
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.keyspace.rules import Rules, rules
from redis_plan.server import Server

__all__ = ["Plain", "Rules", "Session", "any_session", "rules", "start"]


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The answer of ``session_catch_up``, as SyncClient takes it."""

    kind: str
    version: int = 0
    epoch: str = ""
    events: tuple[str, ...] = ()
    state: Mapping[str, str] | None = None

    @classmethod
    def of(cls, reply: Sequence[Any]) -> CaughtUp:  # Any: strings and a number
        """Return the reply of the function."""
        kind, *rest = map(str, reply)
        if kind == "delta":
            return cls(kind, int(rest[0]), events=tuple(rest[1:]))
        if kind == "snapshot":
            return cls(kind, int(rest[0]), rest[1], state=dict(zip(rest[2::2], rest[3::2], strict=True)))
        return cls(kind)


@dataclass(frozen=True, slots=True)
class Session:
    """One session: names of its keys and the calls that change it. ``client`` is given to each call."""

    keyspace: Keyspace
    library: Library
    rules: Rules
    keys: Mapping[str, str]
    channel: str  # the channel's name
    channel_argument: str  # what the functions take: with "sharded" where the design says so

    @classmethod
    def of(cls, brief: Brief, keyspace: Keyspace, library: Library, session_id: str, prefix: str = "") -> Session:
        """Name the session ``session_id`` under ``prefix`` (the server's)."""
        keys = functions.session_keys(keyspace, session_id, prefix=prefix)
        argument = functions.channel_argument(keyspace, keys)
        return cls(keyspace, library, rules(brief, keyspace), keys, argument.partition(" ")[0], argument)

    def _call(
        self, client: redis.Redis, name: str, *rest: object, op_id: str = "", **given: object
    ) -> Any:  # Any: each function documents its reply
        keys = self._keys(name)
        return self.library.call(client, name, keys, self._arguments(name, rest, {"op_id": op_id, **given}))

    def words(self, name: str, *rest: object, op_id: str = "", form: str = "", **given: object) -> tuple[Any, ...]:
        """Return the command that runs a function, for who sends it himself.

        KEYS and ARGV stand as the definition orders them, with the project's numbers where nothing is given. ``form`` is
        ``function`` (FCALL), ``eval`` (EVAL with the text) or, empty, what the library is on this server.
        """
        function = functions.functions()[name]
        heads = {"function": ("FCALL", name), "eval": ("EVAL", function.script), "sha": ("EVALSHA", function.sha)}
        head = heads[form or ("function" if self.library.form == "function" else "sha")]
        keys = self._keys(name)
        return (*head, len(keys), *keys, *self._arguments(name, rest, {"op_id": op_id, **given}))

    def _keys(self, name: str) -> list[str]:
        return functions.keys_of(self.keyspace, name, self.keys)

    @property
    def given(self) -> dict[str, str | int]:
        """What every call of this session carries, by the names of the arguments."""
        r = self.rules
        return {
            "channel": self.channel_argument, "ttl_s": r.ttl_s, "idem_ttl_s": r.idem_ttl_s, "log_max": r.log_max, "max": r.log_max,
            "lease_ms": r.lease_ms, "capacity": r.capacity, "connections_max": 2, "expected_version": "", "op_id": "",
            "silent_ms": 0, "with_seat": r.with_seat,
        }  # fmt: skip

    def _arguments(self, name: str, rest: Sequence[object], given: Mapping[str, object]) -> list[Any]:
        known = self.given | {key: value for key, value in given.items() if value is not None}
        return calls.calls()[name].ordered(known, *rest)

    def create(self, client: redis.Redis, epoch: str = "", fields: Mapping[str, str | int] | None = None) -> str:
        """Create the session with a random epoch; the named result."""
        return str(self._call(client, "session_create", *_pairs(fields), epoch=epoch or secrets.token_hex(8)))

    def join(
        self,
        client: redis.Redis,
        member: str,
        data: str = "{}",
        *,
        capacity: int | None = None,
        lease_ms: int | None = None,
    ) -> tuple[int, str]:
        """Take a seat; version and named result."""
        return _versioned(
            self._call(client, "session_join", member=member, data=data, capacity=capacity, lease_ms=lease_ms)
        )

    def leave(self, client: redis.Redis, member: str) -> tuple[int, str]:
        """Give the seat back; version and named result."""
        return _versioned(self._call(client, "session_leave", member=member))

    def apply(
        self,
        client: redis.Redis,
        kind: str,
        data: str,
        *,
        op_id: str = "",
        expected: int | None = None,
        fields: Mapping[str, str | int] | None = None,
    ) -> tuple[int, str]:
        """Change the state by one event; version and status."""
        given = {"type": kind, "data": data, "expected_version": expected}
        return _versioned(self._call(client, "session_apply", *_pairs(fields), op_id=op_id, **given))

    def record(self, client: redis.Redis, pattern: KeyPattern, element: str, *, op_id: str = "") -> tuple[int, str]:
        """Change one element of a collection by its own command; version and status."""
        command = records.command_for(pattern)
        value = () if command in ("RPUSH", "SADD") else ("1",)
        keys = [*(self.keys[name] for name in ("state", "log", "idem")), self.name_of(pattern)]
        given = {
            "op_id": op_id,
            "type": "record",
            "data": "{}",
            "command": command,
            "most": int(pattern.max_elements),
            "element": element,
        }
        args = self._arguments(records.NAME, value, given)
        return _versioned(records.call(client, keys, args, form=self.library.form))

    def name_of(self, pattern: KeyPattern) -> str:
        """Return the pattern's key in this session; further ids, such as a round's, are 1."""
        tag = self.keys["state"].partition("{")[2].partition("}")[0]
        prefix = self.keys["state"].removesuffix(self.keyspace.pattern("state").template.replace("<session_id>", tag))
        template = pattern.template.replace("<session_id>", tag)
        return prefix + naming.render(template, **dict.fromkeys(naming.placeholders(template), "1"))

    def heartbeat(self, client: redis.Redis, member: str) -> str:
        """Renew a lease; the named result."""
        return str(self._call(client, "session_heartbeat", member=member))

    def sweep(self, client: redis.Redis) -> list[str]:
        """Remove lapsed connections; those removed."""
        return list(self._call(client, "session_sweep"))

    def catch_up(self, client: redis.Redis, epoch: str, version: int) -> list[Any]:  # Any: strings and a number
        """Return ``["delta", …]``, ``["snapshot", …]`` or ``["gone"]``, as text."""
        return list(self._call(client, "session_catch_up", known_epoch=epoch, version=version))

    def answer(self, client: redis.Redis, epoch: str, version: int) -> CaughtUp:
        """Return the same as SyncClient takes it."""
        return CaughtUp.of(self.catch_up(client, epoch, version))

    def renew(self, client: redis.Redis, epoch: str = "") -> tuple[int, str]:
        """Give the session a new epoch in place; version and named result."""
        return _versioned(self._call(client, "session_renew", epoch=epoch or secrets.token_hex(8)))

    def close(self, client: redis.Redis) -> tuple[int, str]:
        """End the session: it takes no change any more and stays readable; version and named result."""
        return _versioned(self._call(client, "session_end"))

    def hand_over(self, client: redis.Redis, receipt: str = "done") -> tuple[int, str]:
        """Acknowledge that the result is kept elsewhere; version and named result."""
        return _versioned(self._call(client, "session_hand_over", receipt=receipt))

    def remove(self, client: redis.Redis) -> str:
        """Unlink every key of a session that was handed over, with those that it notes; the named result."""
        keys = functions.keys_of(self.keyspace, "session_remove", self.keys)
        home = self.keys["state"].rpartition(":")[0]
        result, *parts = self.library.call(client, "session_remove", keys, [])
        if result == "unnamed":
            result, *_ = self.library.call(client, "session_remove", [*keys, *(f"{home}:{part}" for part in parts)], [])
        return str(result)

    def end(self, client: redis.Redis) -> str:
        """End, hand over and remove the session in one go, where nobody needs its result."""
        self.close(client)
        self.hand_over(client)
        return self.remove(client)


def _pairs(fields: Mapping[str, str | int] | None) -> list[str | int]:
    return [part for pair in (fields or {}).items() for part in pair]


def _versioned(reply: Any) -> tuple[int, str]:  # Any: a number and a named result
    version, result = reply
    return version, result


def start(server: Server) -> Library:
    """Make the functions callable on ``server``: loaded where it is ours and has functions, else by EVAL."""
    return functions.install(server.client(), use_functions=server.ours and "functions" in server.capabilities)


_CHECKED = """
if redis.call('TYPE', KEYS[2]).ok == 'string' then return redis.error_reply('WRONGTYPE ' .. KEYS[2] .. ' holds a string, not a list') end
redis.call('RPUSH', KEYS[2], ARGV[1])
return redis.call('HINCRBY', KEYS[1], 'version', 1)
"""


@dataclass(frozen=True, slots=True)
class Plain:
    """A counted record for projects without sessions: what a kill or a fault does to it is the same question."""

    keys: Mapping[str, str]

    def create(self, client: redis.Redis) -> int:
        """Write the record."""
        return int(client.hset(self.keys["state"], "version", "0"))

    def apply(self, client: redis.Redis, kind: str, data: str) -> tuple[int, str]:
        """Count one change in one step that checks first."""
        found: Any = client.eval(_CHECKED, 2, self.keys["state"], self.keys["log"], kind)
        return int(found), "ok"

    def end(self, client: redis.Redis) -> int:
        """Remove the record."""
        return int(client.unlink(*self.keys.values()))


def any_session(server: Server, brief: Brief, keyspace: Keyspace, id: str) -> Session | Plain:
    """Return a session of the project on ``server``, or a counted record where the project has none."""
    if functions.missing(keyspace):
        return Plain({name: f"{server.prefix}{keyspace.app}:{{{id}}}:{name}" for name in ("state", "log")})
    return Session.of(brief, keyspace, start(server), id)
