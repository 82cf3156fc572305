"""Buzzroom: names of keys and channels, and every atomic step, for redis-py.

Written by redis-plan from the project's documents: the next build writes it again and keeps an edited one aside.

    operations = Operations(client, Keys(environment="prod"))  # AsyncOperations for redis.asyncio

An id never leaves its segment of a name: see encode_id.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import secrets
import unicodedata
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Concatenate, Final, Generic, Literal, NamedTuple, ParamSpec, Protocol, TypeVar

import redis.exceptions as server
from redis.crc import key_slot

Id = str | int

#: Of each key its lifetime in seconds (None: no TTL, an index that is emptied by hand) and its elements at its bound.
LIMITS: Final[dict[str, tuple[int | None, int]]] = {
    "state": (3600, 21), "roster": (3600, 60), "presence": (3600, 120), "log": (3600, 200), "idem": (125, 501),
    "due": (None, 159), "answer": (3600, 60), "code": (3600, 1), "score": (3600, 60), "rate": (120, 1),
    "buzzer": (3600, 240), "canary": (60, 1), "name": (3600, 60), "team": (3600, 60),
}  # fmt: skip
TTL: Final[dict[str, int]] = {name: seconds for name, (seconds, _) in LIMITS.items() if seconds is not None}
BOUND: Final[dict[str, int]] = {name: bound for name, (_, bound) in LIMITS.items()}
#: The library of functions.lua: names of functions are the server's, so each begins with it.
LIBRARY: Final = "buzz"
#: Lease of a connection or position: max(reconnect_grace, 3 x heartbeat); prd.md:117;
#: redis_planning_summary.md:17.
LEASE_MS: Final = 90000
#: Seats of a room: prd.md:17.
CAPACITY: Final = 60
#: Entries of the log that a reconnecting client can catch up by; stream where the log is one.
LOG_MAX: Final = "200"
#: Types of the first of a session's other keys: in these a member has an entry only as long as the seat.
WITH_SEAT: Final = "hash hash"

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
        """Hash buzz:v1:{<session_id>}:state: one room: epoch, version, status and its own fields."""
        return f"buzz:v1:{{{encode_id(session_id)}}}:state"

    def roster(self, session_id: Id) -> str:
        """Hash buzz:v1:{<session_id>}:roster: players of one room: id → name, role, seat; who only watches takes …"""
        return f"buzz:v1:{{{encode_id(session_id)}}}:roster"

    def presence(self, session_id: Id) -> str:
        """Zset buzz:v1:{<session_id>}:presence: connections of one room: connection → lease deadline (90 s after …"""
        return f"buzz:v1:{{{encode_id(session_id)}}}:presence"

    def log(self, session_id: Id) -> str:
        """List buzz:v1:{<session_id>}:log: the last events of one room as envelopes, newest last."""
        return f"buzz:v1:{{{encode_id(session_id)}}}:log"

    def idem(self, session_id: Id) -> str:
        """Hash buzz:v1:{<session_id>}:idem: remembered answers: operation → the version that it made."""
        return f"buzz:v1:{{{encode_id(session_id)}}}:idem"

    def events(self, session_id: Id) -> str:
        """Channel <env>:buzz:v1:{<session_id>}:events: envelopes of one room, as they are accepted."""
        return f"{self.environment}:buzz:v1:{{{encode_id(session_id)}}}:events"

    def due(self, bucket: Id) -> str:
        """Zset buzz:v1:due:<bucket>: room id and kind of deadline → when the worker must look at it."""
        return f"buzz:v1:due:{encode_id(bucket)}"

    def answer(self, session_id: Id, round_id: Id) -> str:
        """Hash buzz:v1:{<session_id>}:answer:<round_id>: answers of one round: player id → value, hidden until the …"""
        return f"buzz:v1:{{{encode_id(session_id)}}}:answer:{encode_id(round_id)}"

    def code(self, code: Id) -> str:
        """String buzz:v1:code:<code>: join code → room id."""
        return f"buzz:v1:code:{encode_id(code)}"

    def score(self, session_id: Id) -> str:
        """Zset buzz:v1:{<session_id>}:score: scores of one room: player id → points."""
        return f"buzz:v1:{{{encode_id(session_id)}}}:score"

    def signals(self, session_id: Id) -> str:
        """Channel <env>:buzz:v1:{<session_id>}:signals: lossy signals of one room (who types, where a cursor is)."""
        return f"{self.environment}:buzz:v1:{{{encode_id(session_id)}}}:signals"

    def rate(self, action: Id, subject: Id, window: Id) -> str:
        """String buzz:v1:rate:<action>:<subject>:<window>: how often one subject did one action in one window."""
        return f"buzz:v1:rate:{encode_id(action)}:{encode_id(subject)}:{encode_id(window)}"

    def buzzer(self, session_id: Id) -> str:
        """Hash buzz:v1:{<session_id>}:buzzer: buzzers of one room: object → player."""
        return f"buzz:v1:{{{encode_id(session_id)}}}:buzzer"

    def probe(self, node_id: Id) -> str:
        """Channel <env>:buzz:v1:probe:<node_id>: a gateway's message to itself, one every 1 s."""
        return f"{self.environment}:buzz:v1:probe:{encode_id(node_id)}"

    def canary(self, node_id: Id) -> str:
        """String buzz:v1:canary:<node_id>: nothing that anybody needs: how long it stays past its end is the lag …"""
        return f"buzz:v1:canary:{encode_id(node_id)}"

    def name(self, session_id: Id) -> str:
        """Hash buzz:v1:{<session_id>}:name: names of one room: player → record."""
        return f"buzz:v1:{{{encode_id(session_id)}}}:name"

    def team(self, session_id: Id) -> str:
        """Hash buzz:v1:{<session_id>}:team: teams of one room: player → team."""
        return f"buzz:v1:{{{encode_id(session_id)}}}:team"


C = TypeVar("C")
T = TypeVar("T")
P = ParamSpec("P")
CreateResult = Literal["created", "exists"]
JoinResult = Literal["joined", "again", "full", "banned", "ended", "gone"]
LeaveResult = Literal["left", "stays", "absent", "ended", "gone"]
ApplyResult = Literal["ok", "duplicate", "conflict", "ended", "gone"]
HeartbeatResult = Literal["renewed", "lapsed", "ended", "gone"]
RenewResult = Literal["renewed", "same", "gone"]
EndResult = Literal["ended", "again", "gone"]
HandOverResult = Literal["handed_over", "again", "open", "gone"]
RemoveResult = Literal["removed", "unnamed", "open", "ended"]
RateHitResult = Literal["allowed", "refused"]
SignalSendResult = Literal["sent", "refused"]
CodeTakeResult = Literal["taken", "held"]
CodeReleaseResult = Literal["released", "lost"]
DueDoneResult = Literal["done", "lost"]
DueMoveResult = Literal["moved", "lost"]
S = TypeVar("S")


class Versioned(NamedTuple, Generic[S]):
    """A named result, and the version that belongs to it."""

    version: int
    status: S


class Counted(NamedTuple, Generic[S]):
    """A named result, and the used that belongs to it."""

    used: int
    status: S


class Claim(NamedTuple):
    """An entry that is ours until the time given, Unix milliseconds by the server's clock."""

    entry: str
    until: int


class CaughtUp(NamedTuple):
    """A delta has the client's last event and every later one, a snapshot the whole state; gone has neither."""

    kind: Literal["delta", "snapshot", "gone"]
    version: int = 0
    epoch: str = ""
    events: tuple[str, ...] = ()
    state: Mapping[str, str] | None = None


class RefusedError(Exception):
    """The server refused a call, and nothing was written."""


class PassingError(RefusedError):
    again = True  # the same call, with the same op_id, may pass soon: persist of the driver sends it again


class BadArgumentError(RefusedError):
    """An argument is missing or out of its range; the message names it."""


class BadDataError(RefusedError):
    """The element can't take this change, such as adding to a text."""


class BadStateError(RefusedError):
    """What lies under the key is not ours."""


class WrongTypeError(RefusedError):
    """The key holds a value of another type; the message names it."""


class DeniedError(RefusedError):
    """The user is not logged in or lacks a right; the message names the command."""


class MemoryFullError(RefusedError):
    """The server is at maxmemory: try later."""


class ReadOnlyError(PassingError):
    """The node is a replica: find the primary, then send the same operation id again."""


class LoadingError(PassingError):
    """The server is reading its file: try again soon."""


class UnavailableError(PassingError):
    """The server takes no call for now, for want of replicas, a failing disk or a script that runs on: try later."""


class ClusterError(PassingError):
    """The slot is elsewhere, on its way or without an owner: use a cluster client, and send the same id again."""


class LibraryMissingError(RefusedError):
    """The library functions.lua is not loaded here; form auto sends scripts instead."""


#: How a message begins, or the name of redis-py's class, which has taken that off it.
_ERRORS: Final[dict[type[RefusedError], str]] = {
    BadArgumentError: r"BADARG",
    BadDataError: r"BADDATA",
    BadStateError: r"BADSTATE",
    WrongTypeError: r"WRONGTYPE",
    DeniedError: r"NOPERM|NOAUTH|WRONGPASS|NoPermissionError|AuthenticationError",
    MemoryFullError: r"OOM|OutOfMemoryError",
    ReadOnlyError: r"READONLY|ReadOnlyError",
    LoadingError: r"LOADING|BusyLoadingError",
    UnavailableError: r"MASTERDOWN|NOREPLICAS|MISCONF|BUSY|MasterDownError",
    ClusterError: r"MOVED|ASK|TRYAGAIN|CLUSTERDOWN|CROSSSLOT|(?:Moved|Ask|TryAgain|SlotNotCovered)Error|\w*Cluster\w*",
    LibraryMissingError: r"ERR Function not found|Function not found",
}
#: All that redis-py raises; what a cluster's client finds out by itself is no RedisError.
_RAISED: Final = (server.RedisError, server.RedisClusterException)


def refused(error: Exception) -> Exception:
    """Return what redis-py raised as one of the classes above; what is none of them comes back as it is."""
    text = f"{type(error).__name__}: {error}"
    found = (made for made, signs in _ERRORS.items() if re.match(rf"(?:ResponseError: )?(?:{signs})\b", text))
    return next((made(str(error)) for made in found), error)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _argv(*parts: str | int | float | None) -> list[str]:
    return ["" if part is None else str(part).lower() if isinstance(part, bool) else str(part) for part in parts]


def _texts(reply: Any) -> list[str]:
    return [_text(part) for part in reply]


_result: Callable[[Any], Any] = _text


def _first(reply: Any) -> Any:
    return _text(reply[0])


def _unnamed(name: str, reply: Any) -> list[str]:
    """Return the ends of the names of further keys that the state knows of, where an answer asks for them."""
    at = 0 if name == "session_remove" else 1
    asks = isinstance(reply, list) and len(reply) > at and (at == 0 or isinstance(reply[0], int))
    return _texts(reply[at + 1 :]) if asks and _text(reply[at]) == "unnamed" else []


def _numbered(kind: Callable[[int, Any], T]) -> Callable[[Any], T]:
    return lambda reply: kind(int(reply[0]), _text(reply[1]))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _connection(member_id: Id, connection: Id | None) -> str:
    return encode_id(member_id) if connection is None else f"{encode_id(member_id)}#{encode_id(connection)}"


def _owned(owner: Id | None, fields: Mapping[str, str | int] | None) -> dict[str, str | int]:
    return {**({} if owner is None else {"owner": encode_id(owner)}), **(fields or {})}


def opened_as(owner: Id, operation: str) -> str:
    """Return the id of the session that an owner opens by an operation: a second click on one button gives the same id.

    The operation is a random id of at least 60 bits, drawn when the button is shown and not when it is clicked.
    """
    number = int(hashlib.sha256(f"{encode_id(owner)}:{operation}".encode()).hexdigest()[:15], 16)
    return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[number >> 5 * place & 31] for place in range(12))


def fold_name(name: str) -> str:
    """Return a name as names are compared: the same here and in every other language of the clients."""
    return unicodedata.normalize("NFKC", name).upper().lower().strip()


def _pairs(fields: Mapping[str, str | int]) -> list[str | int]:
    return [part for pair in fields.items() for part in pair]


def _claims(reply: Any) -> list[Claim]:
    return [Claim(_text(reply[i]), int(reply[i + 1])) for i in range(0, len(reply), 2)]


def _caught_up(reply: Any) -> CaughtUp:
    kind, *rest = _texts(reply)
    if kind == "delta":
        return CaughtUp("delta", int(rest[0]), events=tuple(rest[1:]))
    if kind == "snapshot":
        return CaughtUp("snapshot", int(rest[0]), rest[1], state=dict(zip(rest[2::2], rest[3::2], strict=True)))
    return CaughtUp("gone")


@dataclass(frozen=True)
class Call(Generic[T]):
    """A call that is ready to be sent: the function, KEYS, ARGV, and how its answer is read."""

    name: str
    keys: Sequence[str]
    args: Sequence[str]
    read: Callable[[Any], T]

    @property
    def command(self) -> tuple[str | int, ...]:
        """The command; names of functions are the server's, so each begins with the library's."""
        return ("FCALL", f"{LIBRARY}_{self.name}", len(self.keys), *self.keys, *self.args)


class Calls:
    """Every atomic step as a Call: no connection, no waiting. Operations and AsyncOperations send them.

    also is names of further keys of the session, such as the current round's. The same word means the same everywhere:

    epoch: 1 to 32 hex digits that change whenever what clients know must be read anew. fields: fields and their
    values, at most 1,000 pairs. data: JSON (RFC 8259) of the event, at most 256 KiB and 64 levels; empty is null.
    capacity: seats, fewer where the field capacity of the state says so; empty: as that field says, else no bound.
    connections_max: connections of one member; one more takes over the lease that ends first. ok: applied; the only
    result that wrote. duplicate: this operation was applied before in this epoch, as the version given. conflict:
    expected_version is not the version. ended: the session has ended. gone: there is no session. op_id: id of the
    operation: within an epoch the same one counts once; empty: no idempotency. expected_version: refuse unless this
    is the version; empty: any. type: type of the event; not one of the functions' own (join, leave, epoch, end,
    handed_over), nor ~…, which is a signal. silent_ms: how long ago the last sign of life came, in milliseconds: the
    lease runs from then. version: version that the client has. overlap: so many events that the client has begin the
    delta, so that it sees whether its last one is the server's. receipt: what proves that the result is kept
    elsewhere, such as the id of its row; a field of the state, so that members see it. limit: how many are let
    through. publish_to: channel, or none. message: what is kept and published. leads_to: id of the session that it
    leads to. claim_ms: how long the entries are this worker's, from the server's clock. batch: at most so many, up to
    1,000. entry: entry of the collection. claimed_until: as due_claim gave it. at_ms: time of the value, Unix
    milliseconds.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    def _all(self, session_id: Id, also: Sequence[str], *first: str) -> list[str]:
        """Return KEYS: the named ones, then the session's others, whose TTL the step refreshes, last those with ids."""
        k = self.keys
        others = [k.name, k.team, k.state, k.roster, k.presence, k.log, k.score, k.buzzer]
        more = (*(make(session_id) for make in others), *sorted(also, key=lambda key: key.count(":")))
        return [*first, *(key for key in dict.fromkeys(more) if key not in first)]

    def create(
        self,
        session_id: Id,
        *,
        epoch: str = "",
        owner: Id | None = None,
        fields: Mapping[str, str | int] | None = None,
        also: Sequence[str] = (),
    ) -> Call[CreateResult]:
        """Make the session; leftovers under its other keys (their state was lost) are unlinked first. Its id is
        opened_as(owner, operation), so that a double click makes one: who finds no code in it draws one.

        created: version 0, status open. exists: it is there already, in whatever status; nothing was written.
        """
        k = self.keys
        keys = self._all(session_id, also, k.state(session_id), k.roster(session_id), k.log(session_id))
        args = _argv(epoch or secrets.token_hex(8), TTL["state"], *_pairs(_owned(owner, fields)))
        return Call("session_create", keys, args, _result)

    def join(
        self,
        session_id: Id,
        member_id: Id,
        connection: Id,
        data: object,
        *,
        capacity: int = CAPACITY,
        connections_max: int = 2,
        also: Sequence[str] = (),
    ) -> Call[Versioned[JoinResult]]:
        """Take a seat and a lease; a member who has a seat takes no second one.

        joined: a seat, new data or a taken-over connection, and everybody is told. again: it had the seat and the
        same data: only the lease is new. full: no seat is left. banned: this member was banned from here.
        """
        k = self.keys
        keys = self._all(
            session_id, also, k.state(session_id), k.roster(session_id), k.presence(session_id), k.log(session_id)
        )
        args = _argv(
            _connection(member_id, connection),
            _json(data),
            capacity,
            LEASE_MS,
            TTL["state"],
            k.events(session_id),
            LOG_MAX,
            connections_max,
        )
        return Call("session_join", keys, args, _numbered(Versioned))

    def leave(
        self, session_id: Id, member_id: Id, *, connection: Id | None = None, also: Sequence[str] = ()
    ) -> Call[Versioned[LeaveResult]]:
        """Give back the seat with all connections, or one connection and the seat with the last of them; what a
        member has only with the seat goes.

        left: the seat is free and everybody is told. stays: one connection less; the seat stays with the others.
        absent: it was not there.
        """
        k = self.keys
        keys = self._all(
            session_id, also, k.state(session_id), k.roster(session_id), k.presence(session_id), k.log(session_id)
        )
        args = _argv(_connection(member_id, connection), TTL["state"], k.events(session_id), LOG_MAX, WITH_SEAT)
        return Call("session_leave", keys, args, _numbered(Versioned))

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
    ) -> Call[Versioned[ApplyResult]]:
        """Change fields of the state by one event."""
        k = self.keys
        keys = self._all(session_id, also, k.state(session_id), k.log(session_id), k.idem(session_id))
        args = _argv(
            k.events(session_id),
            op_id,
            expected_version,
            type,
            _json(data),
            TTL["state"],
            LOG_MAX,
            TTL["idem"],
            *_pairs(fields or {}),
        )
        return Call("session_apply", keys, args, _numbered(Versioned))

    def heartbeat(
        self, session_id: Id, member_id: Id, connection: Id, *, silent_ms: int = 0, also: Sequence[str] = ()
    ) -> Call[HeartbeatResult]:
        """Renew a lease.

        renewed: the lease runs from the last sign of life. lapsed: the lease was swept: join again.
        """
        k = self.keys
        keys = self._all(session_id, also, k.state(session_id), k.presence(session_id))
        args = _argv(_connection(member_id, connection), LEASE_MS, TTL["state"], silent_ms)
        return Call("session_heartbeat", keys, args, _result)

    def sweep(self, session_id: Id, *, also: Sequence[str] = ()) -> Call[list[str]]:
        """Remove connections whose lease has lapsed by the server's clock, at most 100 a call, and publish the seats
        that go with them, as session_leave does. An ended session is left alone, no TTL is refreshed, keys whose
        state is lost are unlinked; its idem ends by its TTL and answers nothing of another epoch.
        """
        k = self.keys
        keys = self._all(
            session_id, also, k.state(session_id), k.roster(session_id), k.presence(session_id), k.log(session_id)
        )
        args = _argv(k.events(session_id), TTL["state"], LOG_MAX, WITH_SEAT)
        return Call("session_sweep", keys, args, _texts)

    def catch_up(self, session_id: Id, epoch: str, version: int, *, overlap: int = 1) -> Call[CaughtUp]:
        """What a client missed; a snapshot, without fields key:… and hidden:…, for another epoch, a client that is
        ahead, or more than max missed events.
        """
        keys = [self.keys.state(session_id), self.keys.log(session_id)]
        args = _argv(epoch, version, LOG_MAX, overlap)
        return Call("session_catch_up", keys, args, _caught_up)

    def renew(self, session_id: Id, *, epoch: str = "", also: Sequence[str] = ()) -> Call[Versioned[RenewResult]]:
        """Give the session a new epoch in place, where clients and server no longer agree (after a failover or a
        restore): nothing else is lost, every client takes a snapshot.

        renewed: the epoch changed and everybody is told. same: this epoch it had already.
        """
        k = self.keys
        keys = self._all(session_id, also, k.state(session_id), k.log(session_id))
        args = _argv(epoch or secrets.token_hex(8), k.events(session_id), TTL["state"], LOG_MAX)
        return Call("session_renew", keys, args, _numbered(Versioned))

    def end(self, session_id: Id, *, also: Sequence[str] = ()) -> Call[Versioned[EndResult]]:
        """End the session: it takes no change any more, and stays readable until it was handed over and removed.

        again: it had ended before.
        """
        k = self.keys
        keys = self._all(session_id, also, k.state(session_id), k.log(session_id))
        args = _argv(k.events(session_id), TTL["state"], LOG_MAX)
        return Call("session_end", keys, args, _numbered(Versioned))

    def hand_over(self, session_id: Id, receipt: str, *, also: Sequence[str] = ()) -> Call[Versioned[HandOverResult]]:
        """Acknowledge that the result of an ended session is kept elsewhere; call it after the commit.

        handed_over: acknowledged: the session may be removed. again: it was acknowledged before. open: refused:
        it has not ended.
        """
        k = self.keys
        keys = self._all(session_id, also, k.state(session_id), k.log(session_id))
        args = _argv(receipt, k.events(session_id), TTL["state"], LOG_MAX)
        return Call("session_hand_over", keys, args, _numbered(Versioned))

    def remove(self, session_id: Id, *, also: Sequence[str] = ()) -> Call[RemoveResult]:
        """Unlink every key of a session whose result was handed over; an operation that is sent again after it is
        answered gone.

        removed: every key is gone, also where it had gone before. unnamed: nothing was done: the state notes
        further keys of rounds and the like, whose ends of names follow; call again with them. open: refused: it
        has not ended. ended: refused: its result was not handed over.
        """
        k = self.keys
        keys = self._all(session_id, also, k.state(session_id), k.idem(session_id))
        return Call("session_remove", keys, (), _first)

    def drop_answer(self, session_id: Id, round_id: Id) -> Call[int]:
        """Unlink keys with an id of their own that are done with, such as the last round's; how many there were."""
        keys = [self.keys.state(session_id), self.keys.answer(session_id, round_id)]
        return Call("session_drop", keys, (), int)

    def hit_rate(self, action: Id, subject: Id, window: Id, limit: int) -> Call[Counted[RateHitResult]]:
        """Count one use; the counter is made with its TTL, and gets one where it has none (how often one subject did
        one action in one window).

        allowed: within the limit. refused: beyond it.
        """
        keys = [self.keys.rate(action, subject, window)]
        args = _argv(limit, TTL["rate"])
        return Call("rate_hit", keys, args, _numbered(Counted))

    def send_rate(
        self, action: Id, subject: Id, window: Id, limit: int, message: str, *, publish_to: str = ""
    ) -> Call[Counted[SignalSendResult]]:
        """Publish a signal that is stored nowhere, where its sender is within the limit of the window (how often one
        subject did one action in one window).

        sent: published. refused: beyond the limit: not published.
        """
        keys = [self.keys.rate(action, subject, window)]
        args = _argv(limit, TTL["rate"], publish_to, message)
        return Call("signal_send", keys, args, _numbered(Counted))

    def take_code(self, code: Id, leads_to: str) -> Call[CodeTakeResult]:
        """Take a code, or keep one's own for as long again: an answer that was lost is asked for once more (join
        code → room id).

        taken: it leads to this session. held: it leads to another one: draw again.
        """
        keys = [self.keys.code(code)]
        args = _argv(leads_to, TTL["code"])
        return Call("code_take", keys, args, _result)

    def release_code(self, code: Id, leads_to: str) -> Call[CodeReleaseResult]:
        """Give a code back, unless it leads elsewhere by now (join code → room id).

        released: it is free. lost: it does not lead to this session any more: nothing was deleted.
        """
        keys = [self.keys.code(code)]
        args = _argv(leads_to)
        return Call("code_release", keys, args, _result)

    def claim_due(self, bucket: Id, *, claim_ms: int = 5000, batch: int = 100) -> Call[list[Claim]]:
        """Take entries that are due by the server's clock; a claimed one is due again when its claim ends, and no
        two workers get one, whatever deadline it is given meanwhile (room id and kind of deadline → when the
        worker must look at it).
        """
        keys = [self.keys.due(bucket)]
        args = _argv(claim_ms, batch)
        return Call("due_claim", keys, args, _claims)

    def done_due(self, bucket: Id, entry: str, claimed_until: int) -> Call[DueDoneResult]:
        """Remove an entry whose work is done (room id and kind of deadline → when the worker must look at it).

        done: removed. lost: it has another deadline or another worker's claim meanwhile: it stays.
        """
        keys = [self.keys.due(bucket)]
        args = _argv(entry, claimed_until)
        return Call("due_done", keys, args, _result)

    def move_due(self, bucket: Id, entry: str, claimed_until: int, at_ms: int) -> Call[DueMoveResult]:
        """Give an entry whose work is done its next deadline (room id and kind of deadline → when the worker must
        look at it).

        moved: it is due then. lost: it has another deadline or another worker's claim meanwhile: it stays.
        """
        keys = [self.keys.due(bucket)]
        args = _argv(entry, claimed_until, at_ms)
        return Call("due_move", keys, args, _result)


class Connection(Protocol):
    """What is needed of redis.Redis or redis.RedisCluster."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command."""


class AsyncConnection(Protocol):
    """What is needed of redis.asyncio.Redis or redis.asyncio.RedisCluster."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command."""


class _Exchange(Generic[C]):
    """What a call sends, and what it makes of each answer; the drivers below only carry commands to and fro."""

    def __init__(
        self,
        client: C,
        keys: Keys,
        *,
        form: Literal["function", "eval", "auto"] = "function",
        scripts: Path = Path(__file__).parent / "functions-eval",
    ) -> None:
        self.client = client
        self.keys = keys
        self.calls = Calls(keys)
        self._form = form
        self._scripts = scripts
        self._texts: dict[str, str] = {}

    def flow(self, call: Call[T]) -> Generator[tuple[Any, ...], Any, T]:
        """Yield the commands of a call; send in each reply, throw in each error; the result is what it returns."""
        try:
            reply = yield from self._once(call)
            if parts := _unnamed(call.name, reply):
                home = call.keys[0].rpartition(":")[0]
                reply = yield from self._once(replace(call, keys=[*call.keys, *(f"{home}:{part}" for part in parts)]))
            return call.read(reply)
        except _RAISED as error:
            if (known := refused(error)) is error:
                raise
            raise known from error

    def _once(self, call: Call[T]) -> Generator[tuple[Any, ...], Any, Any]:
        if self._form != "eval":
            try:
                return (yield call.command)
            except server.ResponseError as error:
                if self._form == "function" or not isinstance(refused(error), LibraryMissingError):
                    raise
        rest = call.command[2:]
        text = self._texts.get(call.name) or (self._scripts / f"{call.name}.lua").read_text("utf-8")
        self._texts[call.name] = text
        try:
            return (yield ("EVALSHA", hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(), *rest))
        except server.NoScriptError:  # a restart, a failover or SCRIPT FLUSH: EVAL loads it again
            return (yield ("EVAL", text, *rest))


class _Driver(_Exchange[Connection]):
    def run(self, call: Call[T]) -> T:
        """Send a call and return its result."""
        flow = self.flow(call)
        try:
            command = next(flow)
            while True:
                try:
                    reply = self.client.execute_command(*command)
                except _RAISED as error:
                    command = flow.throw(error)
                else:
                    command = flow.send(reply)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


class _AsyncDriver(_Exchange[AsyncConnection]):
    async def run(self, call: Call[T]) -> T:
        """Send a call and return its result."""
        flow = self.flow(call)
        try:
            command = next(flow)
            while True:
                try:
                    reply = await self.client.execute_command(*command)
                except _RAISED as error:
                    command = flow.throw(error)
                else:
                    command = flow.send(reply)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


def _sync(make: Callable[Concatenate[Calls, P], Call[T]]) -> Callable[Concatenate[_Driver, P], T]:
    @functools.wraps(make)
    def method(self: _Driver, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(make(self.calls, *args, **kwargs))

    return method


def _async(make: Callable[Concatenate[Calls, P], Call[T]]) -> Callable[Concatenate[_AsyncDriver, P], Awaitable[T]]:
    @functools.wraps(make)
    async def method(self: _AsyncDriver, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(make(self.calls, *args, **kwargs))

    return method


class Operations(_Driver):
    """Every atomic step as one call; form "function" needs functions.lua loaded, "eval" sends the files in scripts.

    Form "auto" is the first, and the second where the library is missing. Raises RefusedError, and what redis-py raises
    for a connection: whether the call arrived is then unknown, so send it again with the same op_id.
    """

    create = _sync(Calls.create)
    join = _sync(Calls.join)
    leave = _sync(Calls.leave)
    apply = _sync(Calls.apply)
    heartbeat = _sync(Calls.heartbeat)
    sweep = _sync(Calls.sweep)
    catch_up = _sync(Calls.catch_up)
    renew = _sync(Calls.renew)
    end = _sync(Calls.end)
    hand_over = _sync(Calls.hand_over)
    remove = _sync(Calls.remove)
    drop_answer = _sync(Calls.drop_answer)
    hit_rate = _sync(Calls.hit_rate)
    send_rate = _sync(Calls.send_rate)
    take_code = _sync(Calls.take_code)
    release_code = _sync(Calls.release_code)
    claim_due = _sync(Calls.claim_due)
    done_due = _sync(Calls.done_due)
    move_due = _sync(Calls.move_due)


class AsyncOperations(_AsyncDriver):
    """Operations for redis.asyncio."""

    create = _async(Calls.create)
    join = _async(Calls.join)
    leave = _async(Calls.leave)
    apply = _async(Calls.apply)
    heartbeat = _async(Calls.heartbeat)
    sweep = _async(Calls.sweep)
    catch_up = _async(Calls.catch_up)
    renew = _async(Calls.renew)
    end = _async(Calls.end)
    hand_over = _async(Calls.hand_over)
    remove = _async(Calls.remove)
    drop_answer = _async(Calls.drop_answer)
    hit_rate = _async(Calls.hit_rate)
    send_rate = _async(Calls.send_rate)
    take_code = _async(Calls.take_code)
    release_code = _async(Calls.release_code)
    claim_due = _async(Calls.claim_due)
    done_due = _async(Calls.done_due)
    move_due = _async(Calls.move_due)
