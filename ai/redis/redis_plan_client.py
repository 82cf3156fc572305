"""Buzzroom: names of keys and channels, and every atomic step, for redis-py.

Written by redis-plan from the project's documents: the next build writes it again and keeps an edited one aside.

    keys = Keys(environment="prod")
    operations = Operations(client, keys)  # AsyncOperations for redis.asyncio

An id that a user supplied never leaves its segment of a name: see encode_id.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol

from redis.crc import key_slot
from redis.exceptions import NoScriptError

Id = str | int

#: Lifetime of each key in seconds; None: no TTL, an index that is emptied by hand.
TTL: Final[dict[str, int]] = {
    "state": 3600,
    "roster": 3600,
    "presence": 3600,
    "log": 3600,
    "idem": 180,
    "answer": 3600,
    "round": 3600,
    "code": 3600,
    "gateway": 600,
    "score": 3600,
    "rate": 120,
    "buzzer": 3600,
}
#: Elements of each key at its bound.
BOUND: Final[dict[str, int]] = {
    "state": 16,
    "roster": 60,
    "presence": 120,
    "log": 720,
    "idem": 1,
    "due": 94,
    "answer": 60,
    "round": 128,
    "code": 1,
    "gateways": 12,
    "gateway": 500,
    "score": 60,
    "rate": 1,
    "buzzer": 240,
}
#: Lease of a connection or position: max(reconnect_grace, 3 x heartbeat);
#: redis_planning_summary.md:15; redis_planning_summary.md:17.
LEASE_MS: Final = 90000
#: Seats of a room: prd.md:17.
CAPACITY: Final = 60
#: Entries of the log that a reconnecting client can catch up by; stream where the log is one.
LOG_MAX: Final = "720"

_SAFE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
_MAX_ID_BYTES: Final = 64


def encode_id(value: Id) -> str:
    """Return an id as a segment of a name: percent-encoded UTF-8, a digest where that exceeds 64 bytes.

    Raises ValueError for an empty id: {} would be no hash tag.
    """
    raw = str(value).encode("utf-8", "surrogatepass")
    if not raw:
        raise ValueError("an id in a key name can't be empty")
    text = "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in raw)
    return text if len(text) <= _MAX_ID_BYTES else "~" + hashlib.sha256(raw).hexdigest()[:40]


def decode_id(segment: str) -> str:
    """Return the id that a segment of a name encodes; a digest comes back as it stands."""
    raw = re.sub(rb"%([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), segment.encode())
    return raw.decode("utf-8", "surrogatepass")


def bucket(value: Id, buckets: int = 16) -> str:
    """Return the bucket of an id in two digits: CRC16 modulo the number of buckets."""
    return f"{key_slot(encode_id(value).encode()) % buckets:02d}"


@dataclass(frozen=True)
class Keys:
    """Builders of every name; channels carry the environment, since database numbers do not separate them."""

    environment: str = "prod"

    def state(self, session_id: Id) -> str:
        """Hash buzzroom:v1:{<session_id>}:state: one room: epoch, version, status and its own fields.

        Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135) and 5 more.
        """
        return f"buzzroom:v1:{{{encode_id(session_id)}}}:state"

    def roster(self, session_id: Id) -> str:
        """Hash buzzroom:v1:{<session_id>}:roster: players of one room: id → name, role, seat.

        Serves US-008.1 (prd.md:74), US-010 (prd.md:81), US-013 (prd.md:92) and 5 more.
        """
        return f"buzzroom:v1:{{{encode_id(session_id)}}}:roster"

    def presence(self, session_id: Id) -> str:
        """Zset buzzroom:v1:{<session_id>}:presence: connections of one room: connection → lease deadline (90 s
        after its last heartbeat).

        Serves US-019 (prd.md:115), US-019.2 (prd.md:118), US-022 (prd.md:127) and 5 more.
        """
        return f"buzzroom:v1:{{{encode_id(session_id)}}}:presence"

    def log(self, session_id: Id) -> str:
        """List buzzroom:v1:{<session_id>}:log: the last events of one room as envelopes, newest last.

        Serves US-019.2 (prd.md:118), US-004 (prd.md:55), US-010.1 (prd.md:83) and 5 more.
        """
        return f"buzzroom:v1:{{{encode_id(session_id)}}}:log"

    def idem(self, session_id: Id, op_id: Id) -> str:
        """String buzzroom:v1:{<session_id>}:idem:<op_id>: the result of one operation: status and version.

        Serves US-011 (prd.md:85), US-019 (prd.md:115), US-019.2 (prd.md:118) and 5 more.
        """
        return f"buzzroom:v1:{{{encode_id(session_id)}}}:idem:{encode_id(op_id)}"

    def events(self, session_id: Id) -> str:
        """Channel <env>:buzzroom:v1:{<session_id>}:events: envelopes of one room, as they are accepted.

        Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135) and 5 more.
        """
        return f"{self.environment}:buzzroom:v1:{{{encode_id(session_id)}}}:events"

    def due(self, bucket: Id) -> str:
        """Zset buzzroom:v1:due:<bucket>: room id and kind of deadline → when the worker must look at it.

        Serves US-009.2 (prd.md:79), US-010 (prd.md:81), US-011 (prd.md:85) and 5 more.
        """
        return f"buzzroom:v1:due:{encode_id(bucket)}"

    def answer(self, session_id: Id, round_id: Id) -> str:
        """Hash buzzroom:v1:{<session_id>}:answer:<round_id>: answers of one round: player id → value, hidden
        until the reveal.

        Serves US-010.1 (prd.md:83), US-009.2 (prd.md:79), US-011 (prd.md:85) and 5 more.
        """
        return f"buzzroom:v1:{{{encode_id(session_id)}}}:answer:{encode_id(round_id)}"

    def round(self, session_id: Id) -> str:
        """Hash buzzroom:v1:{<session_id>}:round: rounds of one room: id → number, phase, started_at, ends_at.

        Serves US-008 (prd.md:72), US-017 (prd.md:106).
        """
        return f"buzzroom:v1:{{{encode_id(session_id)}}}:round"

    def code(self, code: Id) -> str:
        """String buzzroom:v1:code:<code>: join code → room id.

        Serves US-001 (prd.md:39), US-001.1 (prd.md:41), US-003.1 (prd.md:53) and 1 more.
        """
        return f"buzzroom:v1:code:{encode_id(code)}"

    def gateways(self) -> str:
        """Zset buzzroom:v1:gateways: gateway node → lease deadline.

        Serves US-019 (prd.md:115), US-019.2 (prd.md:118), US-027 (prd.md:149) and 1 more.
        """
        return "buzzroom:v1:gateways"

    def gateway(self, node_id: Id) -> str:
        """Set buzzroom:v1:gateway:<node_id>: ids of the rooms that one gateway node has subscribed to.

        Serves US-019 (prd.md:115), US-019.2 (prd.md:118), US-027 (prd.md:149) and 1 more.
        """
        return f"buzzroom:v1:gateway:{encode_id(node_id)}"

    def score(self, session_id: Id) -> str:
        """Zset buzzroom:v1:{<session_id>}:score: scores of one room: player id → points.

        Serves US-013.1 (prd.md:94), US-013 (prd.md:92), US-019 (prd.md:115) and 5 more.
        """
        return f"buzzroom:v1:{{{encode_id(session_id)}}}:score"

    def signals(self, session_id: Id) -> str:
        """Channel <env>:buzzroom:v1:{<session_id>}:signals: lossy signals of one room (who types, where a
        cursor is).

        Serves US-016 (prd.md:102).
        """
        return f"{self.environment}:buzzroom:v1:{{{encode_id(session_id)}}}:signals"

    def rate(self, action: Id, subject: Id, window: Id) -> str:
        """String buzzroom:v1:rate:<action>:<subject>:<window>: how often one subject did one action in one
        window.

        Serves US-028 (prd.md:152).
        """
        return f"buzzroom:v1:rate:{encode_id(action)}:{encode_id(subject)}:{encode_id(window)}"

    def buzzer(self, session_id: Id) -> str:
        """Hash buzzroom:v1:{<session_id>}:buzzer: buzzers of one room: id → record.

        Serves US-017 (prd.md:106).
        """
        return f"buzzroom:v1:{{{encode_id(session_id)}}}:buzzer"

    def probe(self, node_id: Id) -> str:
        """Channel <env>:buzzroom:v1:probe:<node_id>: a gateway's message to itself, one every 1 s.

        Serves US-002.3 (prd.md:49), US-004 (prd.md:55), US-007 (prd.md:66) and 5 more.
        """
        return f"{self.environment}:buzzroom:v1:probe:{encode_id(node_id)}"


class Connection(Protocol):
    """What the operations need of redis.Redis or redis.RedisCluster."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command."""


class AsyncConnection(Protocol):
    """What the operations need of redis.asyncio.Redis or redis.asyncio.RedisCluster."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command."""


class Applied(NamedTuple):
    """What became of a change: only "ok" wrote."""

    version: int
    status: Literal["ok", "duplicate", "conflict", "gone", "full", "taken"]


@dataclass(frozen=True)
class Counted:
    """How often, and whether this one is let through."""

    count: int
    allowed: bool


class Claim(NamedTuple):
    """An entry that is ours until the time given, Unix milliseconds."""

    entry: str
    until: int


class CaughtUp(NamedTuple):
    """A delta has every event after the client's version, a snapshot the whole state; gone has neither."""

    kind: Literal["delta", "snapshot", "gone"]
    version: int = 0
    epoch: str = ""
    events: tuple[str, ...] = ()
    state: Mapping[str, str] | None = None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _connection(member_id: Id, connection: Id | None) -> str:
    return encode_id(member_id) if connection is None else f"{encode_id(member_id)}#{encode_id(connection)}"


def _pairs(fields: Mapping[str, str | int]) -> list[str]:
    return [str(part) for pair in fields.items() for part in pair]


def _applied(reply: Any) -> Applied:
    return Applied(int(reply[0]), _text(reply[1]))  # type: ignore[arg-type]


def _claims(reply: Any) -> list[Claim]:
    return [Claim(_text(reply[i]), int(reply[i + 1])) for i in range(0, len(reply), 2)]


def _caught_up(reply: Any) -> CaughtUp:
    kind = _text(reply[0])
    if kind == "delta":
        return CaughtUp("delta", int(reply[1]), events=tuple(_text(part) for part in reply[2:]))
    if kind == "snapshot":
        rest = [_text(part) for part in reply[3:]]
        state = dict(zip(rest[::2], rest[1::2], strict=True))
        return CaughtUp("snapshot", int(reply[1]), _text(reply[2]), state=state)
    return CaughtUp("gone")


class Operations:
    """Every atomic step as one call; form "function" needs the library loaded, "eval" sends the files in scripts."""

    def __init__(
        self,
        client: Connection,
        keys: Keys,
        *,
        form: Literal["function", "eval"] = "function",
        scripts: Path = Path(__file__).parent / "functions-eval",
    ) -> None:
        self.client = client
        self.keys = keys
        self._form = form
        self._scripts = scripts
        self._texts: dict[str, str] = {}

    def _call(self, name: str, keys: Sequence[str], args: Sequence[str]) -> Any:
        if self._form == "function":
            return self.client.execute_command("FCALL", name, len(keys), *keys, *args)
        if name not in self._texts:
            self._texts[name] = (self._scripts / f"{name}.lua").read_text("utf-8")
        text = self._texts[name]
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        try:
            return self.client.execute_command("EVALSHA", sha, len(keys), *keys, *args)
        except NoScriptError:  # a restart, a failover or SCRIPT FLUSH: EVAL loads it again
            return self.client.execute_command("EVAL", text, len(keys), *keys, *args)

    def create(
        self,
        session_id: Id,
        *,
        epoch: str = "",
        fields: Mapping[str, str | int] | None = None,
        also: Sequence[str] = (),
    ) -> bool:
        """Answer: 1 created, 0 exists. Leftovers under the other keys (their state was lost) are unlinked
        first.

        session_id: the session.
        epoch: 16 hex digits that change when the session is made anew.
        fields: fields and their values.
        also: names of further keys of the session, such as the current round's.

        Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 16
        more.
        """
        keys = [
            self.keys.state(session_id),
            self.keys.roster(session_id),
            self.keys.log(session_id),
            self.keys.presence(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        args = [
            epoch or secrets.token_hex(8),
            str(TTL["state"]),
            *_pairs(fields or {}),
        ]
        return bool(self._call("session_create", keys, args))

    def join(
        self,
        session_id: Id,
        member_id: Id,
        connection: Id,
        data: object,
        *,
        capacity: int = CAPACITY,
        now_ms: int | None = None,
        connections_max: int = 2,
        also: Sequence[str] = (),
    ) -> int:
        """Answer: the version, or -1 no session, -2 full. A re-join takes no second seat, and changes the
        version only when the member's data changed or its oldest connection was taken over (more than
        connections_max, default 2).

        session_id: the session.
        member_id: who: the seat belongs to this id.
        connection: which socket.
        data: JSON value of the event.
        capacity: seats.
        now_ms: Unix milliseconds; none: the server's clock, which is what production uses.
        connections_max: connections of one member; one more takes over the lease that ends first.
        also: names of further keys of the session, such as the current round's.

        Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 18
        more.
        """
        keys = [
            self.keys.state(session_id),
            self.keys.roster(session_id),
            self.keys.presence(session_id),
            self.keys.log(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        args = [
            _connection(member_id, connection),
            _json(data),
            str(capacity),
            "" if now_ms is None else str(now_ms),
            str(LEASE_MS),
            str(TTL["state"]),
            self.keys.events(session_id),
            LOG_MAX,
            str(connections_max),
        ]
        return int(self._call("session_join", keys, args))

    def leave(
        self,
        session_id: Id,
        member_id: Id,
        *,
        connection: Id | None = None,
        also: Sequence[str] = (),
    ) -> int:
        """Answer: the version, 0 was not there, -1 no session. "<member_id>" gives the seat back with all its
        connections; "<member_id>#<connection>" ends one lease, and gives the seat back with the last of
        them.

        session_id: the session.
        member_id: who: the seat belongs to this id.
        connection: this connection only; none: the seat with all its connections.
        also: names of further keys of the session, such as the current round's.

        Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 18
        more.
        """
        keys = [
            self.keys.state(session_id),
            self.keys.roster(session_id),
            self.keys.presence(session_id),
            self.keys.log(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        args = [
            _connection(member_id, connection),
            str(TTL["state"]),
            self.keys.events(session_id),
            LOG_MAX,
        ]
        return int(self._call("session_leave", keys, args))

    def apply(
        self,
        session_id: Id,
        type: str,
        data: object,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        fields: Mapping[str, str | int] | None = None,
        also: Sequence[str] = (),
    ) -> Applied:
        """Answer: {version, status}: "ok", "duplicate" (with the first answer's version), "conflict"
        (expected_version is not the version; "" is any), "gone". Only "ok" wrote. op_id "" asks for no
        idempotency.

        session_id: the session.
        op_id: id of the operation: the same one counts once; empty: no idempotency.
        expected_version: refuse unless this is the version; none: any.
        type: type of the event.
        data: JSON value of the event.
        fields: fields and their values.
        also: names of further keys of the session, such as the current round's.

        Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 24
        more.
        """
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.roster(session_id),
            self.keys.presence(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            type,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            *_pairs(fields or {}),
        ]
        return _applied(self._call("session_apply", keys, args))

    def heartbeat(
        self,
        session_id: Id,
        member_id: Id,
        connection: Id,
        *,
        now_ms: int | None = None,
        also: Sequence[str] = (),
    ) -> int:
        """Answer: 1, or -1: no session, or the lease was swept, so the connection must join again.

        session_id: the session.
        member_id: who: the seat belongs to this id.
        connection: which socket.
        now_ms: Unix milliseconds; none: the server's clock, which is what production uses.
        also: names of further keys of the session, such as the current round's.

        Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 23
        more.
        """
        keys = [
            self.keys.state(session_id),
            self.keys.presence(session_id),
            self.keys.roster(session_id),
            self.keys.log(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        args = [
            _connection(member_id, connection),
            "" if now_ms is None else str(now_ms),
            str(LEASE_MS),
            str(TTL["state"]),
        ]
        return int(self._call("session_heartbeat", keys, args))

    def sweep(
        self,
        session_id: Id,
        *,
        now_ms: int | None = None,
        also: Sequence[str] = (),
    ) -> list[str]:
        """Answer: the connections removed, at most 100 a call. A member without a lease left gives the seat
        back, and that is published. Keys whose state is gone are unlinked. A sweep is no activity: it
        refreshes no TTL, only sets missing ones.

        session_id: the session.
        now_ms: Unix milliseconds; none: the server's clock, which is what production uses.
        also: names of further keys of the session, such as the current round's.

        Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 18
        more.
        """
        keys = [
            self.keys.state(session_id),
            self.keys.roster(session_id),
            self.keys.presence(session_id),
            self.keys.log(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        args = [
            "" if now_ms is None else str(now_ms),
            self.keys.events(session_id),
            str(TTL["state"]),
            LOG_MAX,
        ]
        return [_text(name) for name in self._call("session_sweep", keys, args)]

    def catch_up(
        self,
        session_id: Id,
        epoch: str,
        version: int,
    ) -> CaughtUp:
        """Answer: {"delta", version, entries...} without a hole, {"snapshot", version, epoch, field,
        value...}, or {"gone"}. Another epoch, a client that is ahead, or more than max missed events give a
        snapshot.

        session_id: the session.
        epoch: epoch that the client has; empty where it has none.
        version: version that the client has.

        Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 9
        more.
        """
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
        ]
        args = [
            epoch,
            str(version),
            LOG_MAX,
        ]
        return _caught_up(self._call("session_catch_up", keys, args))

    def end(
        self,
        session_id: Id,
        *,
        also: Sequence[str] = (),
    ) -> None:
        """Answer: 1, also when it has run before; or the parts ("answer:7") of further keys that the state
        notes and that are not among KEYS: then nothing was done, and the caller runs it again with them.
        Publishes the terminal event, then unlinks every key given. It must work when memory is full, which
        a function may only with allow-oom.

        session_id: the session.
        also: names of further keys of the session, such as the current round's.

        Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 27
        more.
        """
        keys = [
            self.keys.state(session_id),
            self.keys.roster(session_id),
            self.keys.presence(session_id),
            self.keys.log(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        while True:
            reply = self._call("session_end", keys, [self.keys.events(session_id)])
            if not isinstance(reply, list):
                return
            home = keys[0].rpartition(":")[0]
            keys += [f"{home}:{_text(part)}" for part in reply]

    def record_answer(
        self,
        session_id: Id,
        round_id: Id,
        element: str,
        value: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "answer",
        data: object = None,
        once: bool = False,
    ) -> Applied:
        """Answers of one round: player id → value, hidden until the reveal. Answer: {version, status}: "ok",
        "duplicate", "conflict" and "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only
        "ok" wrote. The collection is written first: if its command fails, nothing else has happened.

        session_id: the session.
        round_id: which round.
        element: field or member of the collection.
        value: what it holds.
        op_id: id of the operation: the same one counts once; empty: no idempotency.
        expected_version: refuse unless this is the version; none: any.
        event: type of the event.
        data: JSON value of the event.
        once: refuse to replace what is there: taken.

        Serves US-010.1 (prd.md:83), US-009.2 (prd.md:79), US-011 (prd.md:85), US-010 (prd.md:81) and 4
        more.
        """
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.answer(session_id, round_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "HSETNX" if once else "HSET",
            str(BOUND["answer"]),
            element,
            value,
        ]
        return _applied(self._call("session_record", keys, args))

    def remove_answer(
        self,
        session_id: Id,
        round_id: Id,
        element: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "answer",
        data: object = None,
    ) -> Applied:
        """Answers of one round: player id → value, hidden until the reveal. Answer: {version, status}: "ok",
        "duplicate", "conflict" and "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only
        "ok" wrote. The collection is written first: if its command fails, nothing else has happened.

        session_id: the session.
        round_id: which round.
        element: field or member of the collection.
        op_id: id of the operation: the same one counts once; empty: no idempotency.
        expected_version: refuse unless this is the version; none: any.
        event: type of the event.
        data: JSON value of the event.

        Serves US-010.1 (prd.md:83), US-009.2 (prd.md:79), US-011 (prd.md:85), US-010 (prd.md:81) and 4
        more.
        """
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.answer(session_id, round_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "HDEL",
            str(BOUND["answer"]),
            element,
        ]
        return _applied(self._call("session_record", keys, args))

    def record_round(
        self,
        session_id: Id,
        element: str,
        value: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "round",
        data: object = None,
        once: bool = False,
    ) -> Applied:
        """Rounds of one room: id → number, phase, started_at, ends_at. Answer: {version, status}: "ok",
        "duplicate", "conflict" and "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only
        "ok" wrote. The collection is written first: if its command fails, nothing else has happened.

        session_id: the session.
        element: field or member of the collection.
        value: what it holds.
        op_id: id of the operation: the same one counts once; empty: no idempotency.
        expected_version: refuse unless this is the version; none: any.
        event: type of the event.
        data: JSON value of the event.
        once: refuse to replace what is there: taken.

        Serves US-008 (prd.md:72), US-017 (prd.md:106).
        """
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.round(session_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "HSETNX" if once else "HSET",
            str(BOUND["round"]),
            element,
            value,
        ]
        return _applied(self._call("session_record", keys, args))

    def remove_round(
        self,
        session_id: Id,
        element: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "round",
        data: object = None,
    ) -> Applied:
        """Rounds of one room: id → number, phase, started_at, ends_at. Answer: {version, status}: "ok",
        "duplicate", "conflict" and "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only
        "ok" wrote. The collection is written first: if its command fails, nothing else has happened.

        session_id: the session.
        element: field or member of the collection.
        op_id: id of the operation: the same one counts once; empty: no idempotency.
        expected_version: refuse unless this is the version; none: any.
        event: type of the event.
        data: JSON value of the event.

        Serves US-008 (prd.md:72), US-017 (prd.md:106).
        """
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.round(session_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "HDEL",
            str(BOUND["round"]),
            element,
        ]
        return _applied(self._call("session_record", keys, args))

    def record_score(
        self,
        session_id: Id,
        element: str,
        value: float,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "score",
        data: object = None,
    ) -> Applied:
        """Scores of one room: player id → points. Answer: {version, status}: "ok", "duplicate", "conflict" and
        "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only "ok" wrote. The collection
        is written first: if its command fails, nothing else has happened.

        session_id: the session.
        element: field or member of the collection.
        value: how much it changes by, or its score.
        op_id: id of the operation: the same one counts once; empty: no idempotency.
        expected_version: refuse unless this is the version; none: any.
        event: type of the event.
        data: JSON value of the event.

        Serves US-013.1 (prd.md:94), US-013 (prd.md:92), US-019 (prd.md:115), US-023 (prd.md:133) and 4
        more.
        """
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.score(session_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "ZINCRBY",
            str(BOUND["score"]),
            element,
            str(value),
        ]
        return _applied(self._call("session_record", keys, args))

    def remove_score(
        self,
        session_id: Id,
        element: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "score",
        data: object = None,
    ) -> Applied:
        """Scores of one room: player id → points. Answer: {version, status}: "ok", "duplicate", "conflict" and
        "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only "ok" wrote. The collection
        is written first: if its command fails, nothing else has happened.

        session_id: the session.
        element: field or member of the collection.
        op_id: id of the operation: the same one counts once; empty: no idempotency.
        expected_version: refuse unless this is the version; none: any.
        event: type of the event.
        data: JSON value of the event.

        Serves US-013.1 (prd.md:94), US-013 (prd.md:92), US-019 (prd.md:115), US-023 (prd.md:133) and 4
        more.
        """
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.score(session_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "ZREM",
            str(BOUND["score"]),
            element,
        ]
        return _applied(self._call("session_record", keys, args))

    def record_buzzer(
        self,
        session_id: Id,
        element: str,
        value: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "buzzer",
        data: object = None,
        once: bool = False,
    ) -> Applied:
        """Buzzers of one room: id → record. Answer: {version, status}: "ok", "duplicate", "conflict" and
        "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only "ok" wrote. The collection
        is written first: if its command fails, nothing else has happened.

        session_id: the session.
        element: field or member of the collection.
        value: what it holds.
        op_id: id of the operation: the same one counts once; empty: no idempotency.
        expected_version: refuse unless this is the version; none: any.
        event: type of the event.
        data: JSON value of the event.
        once: refuse to replace what is there: taken.

        Serves US-017 (prd.md:106).
        """
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.buzzer(session_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "HSETNX" if once else "HSET",
            str(BOUND["buzzer"]),
            element,
            value,
        ]
        return _applied(self._call("session_record", keys, args))

    def remove_buzzer(
        self,
        session_id: Id,
        element: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "buzzer",
        data: object = None,
    ) -> Applied:
        """Buzzers of one room: id → record. Answer: {version, status}: "ok", "duplicate", "conflict" and
        "gone" as session_apply; "full"; "taken" (HSETNX of what is there). Only "ok" wrote. The collection
        is written first: if its command fails, nothing else has happened.

        session_id: the session.
        element: field or member of the collection.
        op_id: id of the operation: the same one counts once; empty: no idempotency.
        expected_version: refuse unless this is the version; none: any.
        event: type of the event.
        data: JSON value of the event.

        Serves US-017 (prd.md:106).
        """
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.buzzer(session_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "HDEL",
            str(BOUND["buzzer"]),
            element,
        ]
        return _applied(self._call("session_record", keys, args))

    def drop_answer(
        self,
        session_id: Id,
        round_id: Id,
    ) -> int:
        """Answer: how many of the targets were there. For keys with an id of their own that are done with,
        such as the last round's: unlinked, and no longer noted in the state.

        session_id: the session.
        round_id: which one.

        Serves US-010.1 (prd.md:83), US-009.2 (prd.md:79), US-011 (prd.md:85), US-010 (prd.md:81) and 4
        more.
        """
        keys = [
            self.keys.state(session_id),
            self.keys.answer(session_id, round_id),
        ]
        args: list[str] = []
        return int(self._call("session_drop", keys, args))

    def hit_rate(
        self,
        action: Id,
        subject: Id,
        window: Id,
        limit: int,
    ) -> Counted:
        """How often one subject did one action in one window. Answer: {count, 1} while the count is within
        limit, {count, 0} beyond it. The counter is made with its TTL, and gets one where it has none.

        action: part of the name.
        subject: part of the name.
        window: part of the name.
        limit: how many are let through.

        Serves US-028 (prd.md:152).
        """
        keys = [
            self.keys.rate(action, subject, window),
        ]
        args = [
            str(limit),
            str(TTL["rate"]),
        ]
        reply = self._call("rate_hit", keys, args)
        return Counted(int(reply[0]), bool(reply[1]))

    def claim_due(
        self,
        bucket: Id,
        *,
        claim_ms: int = 30000,
        batch: int = 100,
    ) -> list[Claim]:
        """Room id and kind of deadline → when the worker must look at it. Answer: entry, claimed_until, entry,
        claimed_until … of what is due, at most batch. A claimed entry is due again when its claim ends, so
        the work of a worker that died is found by the next one; no two workers get one entry.

        bucket: part of the name.
        claim_ms: how long the entries are this worker's.
        batch: at most so many.

        Serves US-009.2 (prd.md:79), US-010 (prd.md:81), US-011 (prd.md:85), US-011.1 (prd.md:87) and 4
        more.
        """
        keys = [
            self.keys.due(bucket),
        ]
        args = [
            str(claim_ms),
            str(batch),
        ]
        return _claims(self._call("due_claim", keys, args))

    def done_due(
        self,
        bucket: Id,
        entry: str,
        claimed_until: int,
    ) -> bool:
        """Room id and kind of deadline → when the worker must look at it. Answer: 1, or 0 where the entry got
        another deadline or another worker's claim meanwhile: then it stays.

        bucket: part of the name.
        entry: entry of the collection.
        claimed_until: as due_claim gave it.

        Serves US-009.2 (prd.md:79), US-010 (prd.md:81), US-011 (prd.md:85), US-011.1 (prd.md:87) and 4
        more.
        """
        keys = [
            self.keys.due(bucket),
        ]
        args = [
            entry,
            str(claimed_until),
        ]
        return bool(self._call("due_done", keys, args))

    def add_gateway(
        self,
        node_id: Id,
        entry: str,
    ) -> bool:
        """Ids of the rooms that one gateway node has subscribed to. Answer: 1 where the entry is new, else 0.
        The TTL is set again in the same step.

        node_id: part of the name.
        entry: entry of the collection.

        Serves US-019 (prd.md:115), US-019.2 (prd.md:118), US-027 (prd.md:149), R-caddd (prd.md:162).
        """
        keys = [
            self.keys.gateway(node_id),
        ]
        args = [
            entry,
            str(TTL["gateway"]),
        ]
        return bool(self._call("gateway_add", keys, args))


class AsyncOperations:
    """Every atomic step as one call; form "function" needs the library loaded, "eval" sends the files in scripts."""

    def __init__(
        self,
        client: AsyncConnection,
        keys: Keys,
        *,
        form: Literal["function", "eval"] = "function",
        scripts: Path = Path(__file__).parent / "functions-eval",
    ) -> None:
        self.client = client
        self.keys = keys
        self._form = form
        self._scripts = scripts
        self._texts: dict[str, str] = {}

    async def _call(self, name: str, keys: Sequence[str], args: Sequence[str]) -> Any:
        if self._form == "function":
            return await self.client.execute_command("FCALL", name, len(keys), *keys, *args)
        if name not in self._texts:
            self._texts[name] = (self._scripts / f"{name}.lua").read_text("utf-8")
        text = self._texts[name]
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        try:
            return await self.client.execute_command("EVALSHA", sha, len(keys), *keys, *args)
        except NoScriptError:  # a restart, a failover or SCRIPT FLUSH: EVAL loads it again
            return await self.client.execute_command("EVAL", text, len(keys), *keys, *args)

    async def create(
        self,
        session_id: Id,
        *,
        epoch: str = "",
        fields: Mapping[str, str | int] | None = None,
        also: Sequence[str] = (),
    ) -> bool:
        """As Operations.create."""
        keys = [
            self.keys.state(session_id),
            self.keys.roster(session_id),
            self.keys.log(session_id),
            self.keys.presence(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        args = [
            epoch or secrets.token_hex(8),
            str(TTL["state"]),
            *_pairs(fields or {}),
        ]
        return bool(await self._call("session_create", keys, args))

    async def join(
        self,
        session_id: Id,
        member_id: Id,
        connection: Id,
        data: object,
        *,
        capacity: int = CAPACITY,
        now_ms: int | None = None,
        connections_max: int = 2,
        also: Sequence[str] = (),
    ) -> int:
        """As Operations.join."""
        keys = [
            self.keys.state(session_id),
            self.keys.roster(session_id),
            self.keys.presence(session_id),
            self.keys.log(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        args = [
            _connection(member_id, connection),
            _json(data),
            str(capacity),
            "" if now_ms is None else str(now_ms),
            str(LEASE_MS),
            str(TTL["state"]),
            self.keys.events(session_id),
            LOG_MAX,
            str(connections_max),
        ]
        return int(await self._call("session_join", keys, args))

    async def leave(
        self,
        session_id: Id,
        member_id: Id,
        *,
        connection: Id | None = None,
        also: Sequence[str] = (),
    ) -> int:
        """As Operations.leave."""
        keys = [
            self.keys.state(session_id),
            self.keys.roster(session_id),
            self.keys.presence(session_id),
            self.keys.log(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        args = [
            _connection(member_id, connection),
            str(TTL["state"]),
            self.keys.events(session_id),
            LOG_MAX,
        ]
        return int(await self._call("session_leave", keys, args))

    async def apply(
        self,
        session_id: Id,
        type: str,
        data: object,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        fields: Mapping[str, str | int] | None = None,
        also: Sequence[str] = (),
    ) -> Applied:
        """As Operations.apply."""
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.roster(session_id),
            self.keys.presence(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            type,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            *_pairs(fields or {}),
        ]
        return _applied(await self._call("session_apply", keys, args))

    async def heartbeat(
        self,
        session_id: Id,
        member_id: Id,
        connection: Id,
        *,
        now_ms: int | None = None,
        also: Sequence[str] = (),
    ) -> int:
        """As Operations.heartbeat."""
        keys = [
            self.keys.state(session_id),
            self.keys.presence(session_id),
            self.keys.roster(session_id),
            self.keys.log(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        args = [
            _connection(member_id, connection),
            "" if now_ms is None else str(now_ms),
            str(LEASE_MS),
            str(TTL["state"]),
        ]
        return int(await self._call("session_heartbeat", keys, args))

    async def sweep(
        self,
        session_id: Id,
        *,
        now_ms: int | None = None,
        also: Sequence[str] = (),
    ) -> list[str]:
        """As Operations.sweep."""
        keys = [
            self.keys.state(session_id),
            self.keys.roster(session_id),
            self.keys.presence(session_id),
            self.keys.log(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        args = [
            "" if now_ms is None else str(now_ms),
            self.keys.events(session_id),
            str(TTL["state"]),
            LOG_MAX,
        ]
        return [_text(name) for name in await self._call("session_sweep", keys, args)]

    async def catch_up(
        self,
        session_id: Id,
        epoch: str,
        version: int,
    ) -> CaughtUp:
        """As Operations.catch_up."""
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
        ]
        args = [
            epoch,
            str(version),
            LOG_MAX,
        ]
        return _caught_up(await self._call("session_catch_up", keys, args))

    async def end(
        self,
        session_id: Id,
        *,
        also: Sequence[str] = (),
    ) -> None:
        """As Operations.end."""
        keys = [
            self.keys.state(session_id),
            self.keys.roster(session_id),
            self.keys.presence(session_id),
            self.keys.log(session_id),
            self.keys.round(session_id),
            self.keys.score(session_id),
            self.keys.buzzer(session_id),
            *also,
        ]
        while True:
            reply = await self._call("session_end", keys, [self.keys.events(session_id)])
            if not isinstance(reply, list):
                return
            home = keys[0].rpartition(":")[0]
            keys += [f"{home}:{_text(part)}" for part in reply]

    async def record_answer(
        self,
        session_id: Id,
        round_id: Id,
        element: str,
        value: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "answer",
        data: object = None,
        once: bool = False,
    ) -> Applied:
        """As Operations.record_answer."""
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.answer(session_id, round_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "HSETNX" if once else "HSET",
            str(BOUND["answer"]),
            element,
            value,
        ]
        return _applied(await self._call("session_record", keys, args))

    async def remove_answer(
        self,
        session_id: Id,
        round_id: Id,
        element: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "answer",
        data: object = None,
    ) -> Applied:
        """As Operations.remove_answer."""
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.answer(session_id, round_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "HDEL",
            str(BOUND["answer"]),
            element,
        ]
        return _applied(await self._call("session_record", keys, args))

    async def record_round(
        self,
        session_id: Id,
        element: str,
        value: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "round",
        data: object = None,
        once: bool = False,
    ) -> Applied:
        """As Operations.record_round."""
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.round(session_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "HSETNX" if once else "HSET",
            str(BOUND["round"]),
            element,
            value,
        ]
        return _applied(await self._call("session_record", keys, args))

    async def remove_round(
        self,
        session_id: Id,
        element: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "round",
        data: object = None,
    ) -> Applied:
        """As Operations.remove_round."""
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.round(session_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "HDEL",
            str(BOUND["round"]),
            element,
        ]
        return _applied(await self._call("session_record", keys, args))

    async def record_score(
        self,
        session_id: Id,
        element: str,
        value: float,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "score",
        data: object = None,
    ) -> Applied:
        """As Operations.record_score."""
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.score(session_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "ZINCRBY",
            str(BOUND["score"]),
            element,
            str(value),
        ]
        return _applied(await self._call("session_record", keys, args))

    async def remove_score(
        self,
        session_id: Id,
        element: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "score",
        data: object = None,
    ) -> Applied:
        """As Operations.remove_score."""
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.score(session_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "ZREM",
            str(BOUND["score"]),
            element,
        ]
        return _applied(await self._call("session_record", keys, args))

    async def record_buzzer(
        self,
        session_id: Id,
        element: str,
        value: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "buzzer",
        data: object = None,
        once: bool = False,
    ) -> Applied:
        """As Operations.record_buzzer."""
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.buzzer(session_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "HSETNX" if once else "HSET",
            str(BOUND["buzzer"]),
            element,
            value,
        ]
        return _applied(await self._call("session_record", keys, args))

    async def remove_buzzer(
        self,
        session_id: Id,
        element: str,
        *,
        op_id: str = "",
        expected_version: int | None = None,
        event: str = "buzzer",
        data: object = None,
    ) -> Applied:
        """As Operations.remove_buzzer."""
        keys = [
            self.keys.state(session_id),
            self.keys.log(session_id),
            self.keys.idem(session_id, op_id or "none"),
            self.keys.buzzer(session_id),
        ]
        args = [
            self.keys.events(session_id),
            op_id,
            "" if expected_version is None else str(expected_version),
            event,
            _json(data),
            str(TTL["state"]),
            LOG_MAX,
            str(TTL["idem"]),
            "HDEL",
            str(BOUND["buzzer"]),
            element,
        ]
        return _applied(await self._call("session_record", keys, args))

    async def drop_answer(
        self,
        session_id: Id,
        round_id: Id,
    ) -> int:
        """As Operations.drop_answer."""
        keys = [
            self.keys.state(session_id),
            self.keys.answer(session_id, round_id),
        ]
        args: list[str] = []
        return int(await self._call("session_drop", keys, args))

    async def hit_rate(
        self,
        action: Id,
        subject: Id,
        window: Id,
        limit: int,
    ) -> Counted:
        """As Operations.hit_rate."""
        keys = [
            self.keys.rate(action, subject, window),
        ]
        args = [
            str(limit),
            str(TTL["rate"]),
        ]
        reply = await self._call("rate_hit", keys, args)
        return Counted(int(reply[0]), bool(reply[1]))

    async def claim_due(
        self,
        bucket: Id,
        *,
        claim_ms: int = 30000,
        batch: int = 100,
    ) -> list[Claim]:
        """As Operations.claim_due."""
        keys = [
            self.keys.due(bucket),
        ]
        args = [
            str(claim_ms),
            str(batch),
        ]
        return _claims(await self._call("due_claim", keys, args))

    async def done_due(
        self,
        bucket: Id,
        entry: str,
        claimed_until: int,
    ) -> bool:
        """As Operations.done_due."""
        keys = [
            self.keys.due(bucket),
        ]
        args = [
            entry,
            str(claimed_until),
        ]
        return bool(await self._call("due_done", keys, args))

    async def add_gateway(
        self,
        node_id: Id,
        entry: str,
    ) -> bool:
        """As Operations.add_gateway."""
        keys = [
            self.keys.gateway(node_id),
        ]
        args = [
            entry,
            str(TTL["gateway"]),
        ]
        return bool(await self._call("gateway_add", keys, args))
