"""Members' WebSockets as a gateway sees them: rooms, frames made once for a whole room, a bound for who does not read.

What travels is JSON text; what begins with ~ is no event:

    from a client   {"t": "join", …, "e", "v", "ts"}     its first word; e, v and ts: the position that it has, if any
                    {"t": "at", "e", "v", "ts"}          it misses something after this position
                    {"t": "act", "op", "k", "d", "set"}  a change with its operation id; k is its kind
                    {"t": "view"}                        it wants its view anew
                    {"t": "leave"}                       it gives its seat back; a lost socket keeps it for the lease
    to a client     {"e", "v", "ts", "t", "op", "d"}     every event; what is told to others is in d.set and d.del alone
                    {"t": "~snapshot", "e", "v", "d"}    the state: the answer to join and at
                    {"t": "~delta", "v", "events"}       the same answer where the events after the position are known
                    {"t": "~view", "v", "d"}             after a snapshot: roster, ranking … as its role may see them
                    {"t": "~at", "e", "v"}               the position, each heartbeat
                    {"t": "~degraded"}                   the server is away: old until the next event, ~at or snapshot
                    {"t": "~refused", "why"}             it did not get in, and may join again in another way
                    {"t": "~done", "op", "status", "v"}  what became of a change
                    {"t": "~unknown", "op"}              its outcome is not known: it is sent again with the same id

Written by redis-plan: the next build writes it again and keeps an edited one aside.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport
from redis_plan_sync import State, SyncClient, addressed, hears, unix_ms
from redis_plan_sync_driver import Listener, Timing

_log = logging.getLogger("redis_plan")

#: Why a gateway closes a socket: the code and what it says. Section 7 has what the client does then.
CLOSING: Final = {
    "taken": (4001, "taken over"),
    "slow": (4002, "slow"),
    "kicked": (4003, "removed"),
    "limit": (4008, "slow down"),
    "full": (4009, "full"),
    "gone": (4010, "gone"),
    "deploy": (4012, "reconnect"),
}
#: Who hears what is told to those who lead: their roles.
LEADERS: Final = frozenset({"host", "cohost", "moderator"})
#: A pace forgets how late one write was over so many others, and waits longer by so many times what remains.
REMEMBERS, LATENESS = 32, 4.0
#: A peer that does not answer a closing frame is cut after so many seconds.
CUT_S: Final = 5.0


class Member(NamedTuple):
    """Whom a socket speaks for, as the application admitted it; without a seat it only watches."""

    session_id: str
    member_id: str
    connection: str
    role: str = ""
    seat: bool = True
    data: Any = None

    @property
    def lease(self) -> str:
        """The connection as the functions name it."""
        return f"{self.member_id}#{self.connection}"


class Position(NamedTuple):
    """Where a copy is: its epoch and version, and when the server dates that, Unix ms; 0 where it is not known."""

    epoch: str
    version: int
    at: int = 0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Position:
        """Return the position that a client says to have."""
        return cls(str(given["e"]), int(given["v"]), unix_ms(given.get("ts")))


class Told(NamedTuple):
    """An event as it goes out: whole to whom it is for, and to all others its position and what it changed."""

    version: int
    message: str  # empty: not an event but the state, as it was taken at this version
    at: int = 0  # as the server dates it
    to: str = ""  # "leaders", "target" or "nobody"; "" is everybody
    target: str = ""
    rest: str = ""

    def seen_by(self, role: str, member_id: str) -> str:
        """Return the text for a member."""
        heard = hears(self.to, self.target, role in LEADERS, member_id)
        return self.message if heard else self.rest


def told(version: int, message: str, dated: object) -> Told:
    """Return an event with whom it is for, as its data says."""
    return Told(version, message, unix_ms(dated), *addressed(message))


def visible(role: str, state: State) -> State:
    """Return what a role may see of the state: whatever is not hidden; replace it where roles see different things."""
    return {name: value for name, value in state.items() if not name.startswith("hidden:")}


def role_of(member: Member, state: State) -> str:
    """Return a member's role: who leads is what the state says, whatever was true when the ticket was made."""
    if state.get("owner") == member.member_id:
        return "host"
    claimed = "" if "owner" in state and member.role in LEADERS else member.role
    return str(state.get(f"role:{member.member_id}", claimed))


def frame(text: str) -> bytes:
    """Return a text as one frame of a server (RFC 6455, 5.2)."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 1 << 16:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), payload)


def word(t: str, **rest: object) -> bytes:
    """Return a word of the gateway's own as a frame."""
    return frame(json.dumps({"t": t, **rest}, separators=(",", ":")))


class Taker(Protocol):
    """What a socket needs of its gateway."""

    def connected(self, client: Client) -> None:
        """Take a socket."""

    def take(self, client: Client, given: Mapping[str, Any], kind: str) -> None:
        """Take a word; KeyError, TypeError and ValueError where it is none of ours."""

    def forget(self, client: Client, why: str) -> None:
        """Write nothing to it any more."""


class Driver(Protocol):
    """What a gateway needs of SyncDriver, or of ClusterDriver."""

    @property
    def timing(self) -> Timing:
        """The periods."""

    async def follow(self, session_id: str, listener: Listener | None = None) -> SyncClient:
        """Return the copy of a session."""

    @property
    def deaf(self) -> bool:
        """Whether there is no subscription now."""

    async def unfollow(self, session_id: str) -> None:
        """Forget a session."""

    async def send(self, calls: Sequence[tuple[str, Any]]) -> list[Any]:
        """Send calls of sessions in few round trips."""


class Client(WSListener):
    """One socket: its member once admitted, and its changes in their order."""

    def __init__(self, gateway: Taker, slow_bytes: int) -> None:
        self.gateway, self.slow_bytes = gateway, slow_bytes
        self.transport: WSTransport | None = None
        self.member: Member | None = None
        self.acting = 0
        self.second, self.words = 0, 0  # what it said in this second of the loop's clock
        self.size = 0  # of its last word, in characters
        self.inside = False  # a ticket alone shows nothing: its member may be banned, or the room full
        self.leased = False  # whether there is a lease to renew
        self.heard = time.monotonic()
        self.turn = asyncio.Lock()  # first come, first served: a member's changes keep their order

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Begin: nothing is sent before the client has joined."""
        self.transport = transport
        transport.underlying_transport.set_write_buffer_limits(self.slow_bytes)
        self.gateway.connected(self)

    @property
    def silent_ms(self) -> int:
        """How long ago the last sign of life came: a word, or the answer to a ping."""
        return round(1000 * (time.monotonic() - self.heard))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take a word, or a sign of life; whatever is neither closes the socket."""
        self.heard = time.monotonic()
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif transport.is_close_frame_sent:
            return  # who is sent away is not heard any more
        elif frame.msg_type == WSMsgType.TEXT and frame.fin:
            try:
                text = frame.get_payload_as_utf8_text()
                self.size, given = len(text), json.loads(text)
                self.gateway.take(self, given, str(given["t"]))
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError):  # 1e999 as a version, [[[[…
                transport.send_close(WSCloseCode.POLICY_VIOLATION, b"not one of our words")
                transport.disconnect()
        elif frame.msg_type not in (WSMsgType.PING, WSMsgType.PONG):
            transport.send_close(WSCloseCode.UNSUPPORTED_DATA, b"whole text frames only")
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Forget the socket; the lease says how long its member stays."""
        self.gateway.forget(self, "")

    def pause_writing(self) -> None:
        """Close a client that does not read: it catches up when it comes back, and delays nobody meanwhile."""
        self.close("slow")

    def resume_writing(self) -> None:
        """Take note of nothing: who was slow is being closed."""

    @staticmethod
    def refusal(error: Exception) -> str:
        """Say why a word is refused for good: what is wrong with it, and never what the server says.

        The server's texts name keys, commands and users: those are for the log.
        """
        if isinstance(error, KeyError):
            return f"{error} is missing"
        if isinstance(error, ValueError):
            return str(error)
        _log.warning("refused: %s: %s", type(error).__name__, error)
        return "the server refuses it"

    def is_flooding(self, most: int) -> bool:
        """Count a word; whether this second has more than that."""
        second = int(asyncio.get_running_loop().time())
        self.words = self.words + 1 if second == self.second else 1
        self.second = second
        return self.words > most

    def close_unless_joined(self) -> None:
        """Close a socket that does not say who it is."""
        if self.member is None:
            self.close("kicked")

    def close_if_silent(self, most_s: float) -> None:
        """Close a socket from which nothing whole came for so long, no word and no answer to a ping: bytes may drip."""
        if self.silent_ms > 1000 * most_s:
            self.close("slow")

    def send(self, data: bytes) -> None:
        """Queue whole frames."""
        if self.transport is not None and not self.transport.is_close_frame_sent:
            self.transport.underlying_transport.write(data)

    def ping(self) -> None:
        """Ask for a sign of life."""
        if self.transport is not None and not self.transport.is_close_frame_sent:
            self.transport.send_ping()

    def close(self, why: str) -> None:
        """Say why, and close."""
        transport = self.transport
        if transport is not None and not transport.is_close_frame_sent:
            self.gateway.forget(self, why)
            code, says = CLOSING[why]
            transport.send_close(code, says.encode())  # type: ignore[arg-type]  # any number will do
            asyncio.get_running_loop().call_later(CUT_S, transport.disconnect, False)


class Pace:
    """How long frames of a room wait for one another: ``least_s``, and longer while the gateway is behind.

    A write costs the same for one frame and for twenty, so a gateway that is late by some milliseconds does best to
    write less often: it waits longer by some times what its writes were late of late, at most ``most_s``.
    """

    def __init__(self, least_s: float, most_s: float) -> None:
        self.least_s, self.most_s, self.late_s = least_s, most_s, 0.0

    @property
    def now_s(self) -> float:
        """Seconds between two writes to one socket, now."""
        return min(self.most_s, self.least_s + LATENESS * self.late_s)

    def ran(self, late_s: float) -> None:
        """Take note of how late a write began."""
        self.late_s += (late_s - self.late_s) / REMEMBERS


class Room:
    """One session on this gateway: its sockets, what waits to be written to all of them, and the last events."""

    def __init__(self, session_id: str, remembered: int, pace: Pace) -> None:
        self.session_id, self.pace = session_id, pace
        self.copy: SyncClient | None = None
        self.clients: set[Client] = set()
        self.expected = 0  # joins under way
        self.live = asyncio.Event()
        self.waiting: list[bytes] = []
        self.timer: asyncio.Handle | None = None
        self.flushed_at = 0.0
        self.told: tuple[str, int] = ("", -1)
        self.recent: deque[Told] = deque(maxlen=remembered)

    async def follow(self, driver: Driver, hear: Listener, wanted: Callable[[], bool]) -> bool:
        """Have the copy, however long nobody answers for the session, while it is wanted: who comes later waits too."""
        attempt = 0
        while wanted():
            try:
                self.copy = await driver.follow(self.session_id, hear)
                return True
            except Exception as error:  # as on a cluster, where no primary holds its slot for a while
                (_log.warning if attempt == 9 else _log.debug)("a room: %s: %s", type(error).__name__, error)
                attempt += 1
                await asyncio.sleep(driver.timing.wait(attempt))
        return False

    def begin(self, copy: SyncClient) -> None:
        """Go on from the whole state of a copy: which events led to it is not known."""
        self.told = (copy.epoch, copy.version)
        self.recent.clear()
        self.recent.append(Told(copy.version, "", unix_ms(copy.changed_at)))

    def remember(self, copy: SyncClient, message: str) -> Told:
        """Take an event that the copy has taken."""
        self.told, event = (copy.epoch, copy.version), told(copy.version, message, copy.changed_at)
        self.recent.append(event)
        return event

    def missed(self, position: Position, role: str, member_id: str) -> list[str] | None:
        """Return the events after a position as a member sees them; None where they are not all remembered.

        A position of another date is one of another history, which a failover lost; nor is one known that is forgotten.
        """
        epoch, version, at = position
        found = [event.seen_by(role, member_id) for event in self.recent if event.version > version and event.message]
        if epoch != self.told[0] or len(found) != self.told[1] - version:
            return None
        return found if not at or any((event.version, event.at) == (version, at) for event in self.recent) else None

    def say(self, data: bytes) -> None:
        """Write frames to every socket: at once, or with what follows until the pace allows it again."""
        self.waiting.append(data)
        if not self.pace.least_s:
            self.flush()
        elif self.timer is None:
            loop = asyncio.get_running_loop()
            due = max(loop.time(), self.flushed_at + self.pace.now_s)
            self.timer = loop.call_at(due, self._flush_due, due)

    def _flush_due(self, due: float) -> None:
        self.pace.ran(asyncio.get_running_loop().time() - due)
        self.flush()

    def flush(self) -> None:
        """Write what waits to every socket, as one piece that was made once."""
        if self.timer is not None:
            self.timer.cancel()
        data, self.waiting, self.timer = b"".join(self.waiting), [], None
        self.flushed_at = asyncio.get_running_loop().time()
        for client in list(self.clients) if data else ():
            client.send(data)

    @staticmethod
    async def warn_for_ever(deaf: Callable[[], bool], rooms: Mapping[str, Room], every_s: float) -> None:
        """Tell who is here that the server is away, and that it is back, where no other word would."""
        degraded = False
        while True:
            was_deaf = deaf()
            await asyncio.sleep(every_s)
            if degraded != (was_deaf and deaf()):  # a connection that is made anew at once is no outage
                degraded = not degraded
                for room in rooms.values():
                    room.flush()
                    said = word("~degraded") if degraded else word("~at", e=room.told[0], v=room.told[1])
                    for client in list(room.clients) if degraded or room.told[0] else ():
                        client.send(said)
