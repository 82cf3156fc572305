"""A gateway: the WebSockets of members on one side, the copies of SyncDriver on the other; a reference to start from.

    gateway = Gateway(operations, driver, admit, Limits(HEARTBEAT_S, LINGER_S, DRAIN_S))
    async with driver:
        await gateway.listen("127.0.0.1", 8080)
        ...
        await gateway.drain()

Written by redis-plan: the next build writes it again and keeps an edited one aside.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from picows import WSUpgradeRequest, ws_create_server
from redis.exceptions import NoPermissionError, RedisError, ResponseError
from redis_plan_sync import State, SyncClient
from redis_plan_sync_driver import ADMITTED, Listener, persist
from redis_plan_websocket import (
    Client,
    Driver,
    Member,
    Pace,
    Position,
    Room,
    frame,
    role_of,
    visible,
    word,
)

#: Leases that are renewed in one round trip.
BATCH = 50

_log = logging.getLogger("redis_plan")


class Limits(NamedTuple):
    """Periods in seconds and bounds; redis_plan_periods.py has those of the project.

    Each bound is a choice: frames of a room are written together at most every coalesce_s (0: each by itself), a
    gateway that is behind waits up to most_coalesce_s for more of them, a client may have slow_bytes in its queue and
    most_acts changes under way, it may say most_words a second, each of at most most_bytes, a change of at most
    most_change (it is kept, here and on the server, as often as events are), a room remembers its last events for who
    comes back, and a drain spreads the clients over drain_s.
    """

    heartbeat_s: float
    linger_s: float
    drain_s: float
    coalesce_s: float = 0.02
    most_coalesce_s: float = 0.2
    slow_bytes: int = 1 << 18
    most_acts: int = 32
    most_words: int = 200
    most_bytes: int = 1 << 18
    most_change: int = 1 << 14
    remembered: int = 200


class Operations(Protocol):
    """What a gateway calls of AsyncOperations; calls are the same as values."""

    calls: Any

    def join(self, session_id: str, member_id: str, connection: str, data: object, /) -> Awaitable[Any]:
        """Take a seat and a lease."""

    def leave(self, session_id: str, member_id: str, /) -> Awaitable[Any]:
        """Give the seat back."""

    def run(self, call: Any, /) -> Awaitable[Any]:
        """Send a call and return its result."""


Admit = Callable[[Mapping[str, Any]], "Member | None"]
Act = Callable[[Member, Mapping[str, Any]], Awaitable[tuple[str, int]]]
View = Callable[[str, State], State]
Enter = Callable[[Member], Awaitable[str]]
See = Callable[[Member, State], Awaitable["Mapping[str, Any] | None"]]

#: What becomes of a socket whose member does not get in; any other refusal leaves it to try again.
_CLOSES = {"full": "full", "gone": "gone", "banned": "kicked"}
#: With what a member is in.
_IN = frozenset({"ok", "duplicate", "joined", "again", "ended", "watches"})


def _passes(error: Exception) -> bool:
    """Whether the same call may succeed later: it may have been done, or is refused for now; else it always is."""
    never = isinstance(error, NoPermissionError) or str(error).startswith("WRONGTYPE")
    return not never and (isinstance(error, RedisError | OSError) or bool(getattr(error, "again", False)))


class Gateway:
    """Every socket of this process. counts has what it did, by reason of closing and by step."""

    def __init__(
        self, operations: Operations, driver: Driver, admit: Admit, act: Act, limits: Limits,
        view: View = visible, enter: Enter | None = None, see: See | None = None,
    ) -> None:  # fmt: skip
        self.operations, self.driver, self.admit, self.act = operations, driver, admit, act
        self.limits, self.view, self.enter, self.see = limits, view, enter or self._sit, see
        self.deadlines: Listener = lambda *_: None  # hears what its sessions do, and each heartbeat how they are
        self.pace = Pace(limits.coalesce_s, limits.most_coalesce_s)
        self.clients: set[Client] = set()
        self.rooms: dict[str, Room] = {}
        self.counts: Counter[str] = Counter()
        self._admitted = asyncio.Semaphore(ADMITTED)  # joins at once: a storm must not be a burst on the server
        self._tasks: set[asyncio.Task[object]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int, **more: Any) -> int:
        """Accept sockets, and return the port; more goes to asyncio's create_server, such as ssl or reuse_port."""
        sizes = {"max_frame_size": self.limits.most_bytes, "read_buffer_init_size": 2048, "backlog": 4096}

        def socket(_request: WSUpgradeRequest) -> Client:
            return Client(self, self.limits.slow_bytes)

        self._server = await ws_create_server(socket, host, port, **{**sizes, **more})
        self._begin(self._beat_for_ever())
        self._begin(Room.warn_for_ever(lambda: self.driver.deaf, self.rooms, self.driver.timing.command_s / 2))
        return int(self._server.sockets[0].getsockname()[1])

    async def drain(self) -> None:
        """Accept nobody any more, and send the clients away one by one, so that they do not come back at once."""
        if self._server is not None:
            self._server.close()
        clients = random.sample(list(self.clients), len(self.clients))
        for client in clients:
            client.close("deploy")
            await asyncio.sleep(self.limits.drain_s / len(clients))
        for task in self._tasks:
            task.cancel()

    def connected(self, client: Client) -> None:
        """Take a socket; one that does not say who it is within a heartbeat is closed."""
        self.clients.add(client)
        asyncio.get_running_loop().call_later(self.limits.heartbeat_s, client.close_unless_joined)

    def take(self, client: Client, given: Mapping[str, Any], kind: str) -> None:
        """Take a client's word."""
        if client.is_flooding(self.limits.most_words):
            client.close("limit")
        elif kind == "join" and client.member is None:
            client.member = self.admit(given)
            if client.member is None:
                client.close("kicked")
            else:
                self._begin(self._join(client, client.member, Position.of({"e": "", "v": 0, **given})))
        elif client.member is None or kind not in ("at", "act", "view", "leave"):
            raise ValueError(kind)
        elif client.acting >= self.limits.most_acts:
            client.close("limit")
        elif kind in ("at", "view") and not client.inside:
            return  # the answer to its join brings both
        elif kind == "at":
            self._answer(client, client.member, Position.of(given))
        elif kind == "view":
            self._show(client)
        elif kind == "act" and client.size > self.limits.most_change:
            client.send(word("~done", op=given.get("op", ""), status="refused", why="too large"))
        else:
            client.acting += 1
            self._begin(self._act(client, client.member, given, kind))

    def forget(self, client: Client, why: str) -> None:
        """Write nothing to a client any more."""
        self.counts[why] += 1
        self.clients.discard(client)
        room = self.rooms.get(client.member.session_id) if client.member else None
        if room is not None and client in room.clients:
            room.clients.remove(client)
            self._linger(room)

    def _begin(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _linger(self, room: Room) -> None:
        if not room.clients and not room.expected:
            asyncio.get_running_loop().call_later(self.limits.linger_s, lambda: self._begin(self._leave_room(room)))

    async def _leave_room(self, room: Room) -> None:
        if not room.clients and not room.expected and self.rooms.get(room.session_id) is room:
            del self.rooms[room.session_id]  # and the driver forgets it in the same step: a new room follows anew
            await self.driver.unfollow(room.session_id)

    async def _join(self, client: Client, member: Member, position: Position) -> None:
        known = room = self.rooms.get(member.session_id)
        if room is None:
            room = self.rooms[member.session_id] = Room(member.session_id, self.limits.remembered, self.pace)
        room.expected += 1
        try:
            async with client.turn:  # its changes come after it, and only where it got in
                wanted = lambda: client in self.clients or room.expected > 1  # noqa: E731
                if known is None and not await room.follow(self.driver, self._heard, wanted):
                    return
                await room.live.wait()  # before it is admitted: a room that can't be read keeps nobody else outside
                status = await self._come_in(client, member)
                client.inside = status in _IN and client in self.clients
            if client.inside:
                self._answer(client, member, position)
                room.clients.add(client)
        finally:
            room.expected -= 1
            self._linger(room)

    def _answer(self, client: Client, member: Member, position: Position) -> None:
        """Bring a client from its position to where its room is; while the copy catches up, the end of that does it."""
        room = self.rooms[member.session_id]
        room.flush()  # what the others wait for is in the answer already
        if room.copy is None or (room.copy.epoch, room.copy.version) != room.told:
            room.told = ("", -1)
            return
        role = role_of(member, room.copy.state)
        missed = room.missed(position, role, member.member_id)
        if missed is None:
            client.send(self._snapshot(room, role))
            self._show(client)
        else:
            client.send(word("~delta", v=room.told[1], events=missed))
        self.counts["snapshot" if missed is None else "delta"] += 1

    async def _sit(self, member: Member) -> str:
        """Take a seat and its lease; who only watches takes neither."""
        if not member.seat:
            return "watches"
        taken = await self.operations.join(member.session_id, member.member_id, member.connection, member.data)
        return str(taken.status)

    async def _come_in(self, client: Client, member: Member) -> str:
        """Come in, however long the server is away, and say or close where that is refused."""
        status, attempt = "", 0
        while not status and client in self.clients:  # who went meanwhile takes no seat
            try:
                async with self._admitted:  # not while it waits: a full server lets nobody in for long
                    status = await self.enter(member)
            except Exception as error:
                status = "" if _passes(error) else f"refused: {client.refusal(error)}"  # such as a name too long
                (_log.warning if attempt == 9 else _log.debug)("a join: %s: %s", type(error).__name__, error)
                await asyncio.sleep(0 if status else self.driver.timing.wait(attempt := attempt + 1))
        client.leased = status in _IN and status not in ("ended", "watches")
        if status in _CLOSES:
            client.close(_CLOSES[status])
        elif status not in _IN and client in self.clients:
            self._send_out(client, member)
            client.send(word("~refused", why=status))
        return status

    def _send_out(self, client: Client, member: Member) -> None:
        """Let a client hear nothing more of a session that it is not in any more; it may join again, or another."""
        client.member, client.inside = None, False
        if room := self.rooms.get(member.session_id):
            room.clients.discard(client)
            self._linger(room)

    def _show(self, client: Client) -> None:
        """Give a client its view, as one of its changes."""
        if self.see is not None and client.acting < self.limits.most_acts:
            client.acting += 1
            self._begin(self._view(client, self.see))

    async def _view(self, client: Client, see: See) -> None:
        member = client.member
        room = self.rooms.get(member.session_id) if member else None
        try:
            if member is not None and room is not None and room.copy is not None:
                state = room.copy.state
                async with self._admitted:
                    seen = await persist(lambda: see(member, state), self.driver.timing)
                if seen is not None:
                    client.send(word("~view", **seen))
        except Exception as error:  # it has its state, and may ask again
            (_log.debug if _passes(error) else _log.warning)("a view was lost: %s: %s", type(error).__name__, error)
        finally:
            client.acting -= 1

    async def _act(self, client: Client, member: Member, given: Mapping[str, Any], kind: str) -> None:
        try:
            async with client.turn:
                if not client.inside:
                    raise ValueError("not in this session")
                if kind == "leave":
                    await self.operations.leave(member.session_id, member.member_id)
                    client.close("kicked")
                else:
                    status, version = await self.act(member, given)
                    client.send(word("~done", op=given.get("op", ""), status=status, v=version))
        except Exception as error:
            refused = {} if _passes(error) else {"status": "refused", "why": client.refusal(error)}
            client.send(word("~done" if refused else "~unknown", op=given.get("op", ""), **refused))
        finally:
            client.acting -= 1

    def _heard(self, session_id: str, copy: SyncClient, message: str | None) -> None:
        room = self.rooms.get(session_id)
        if room is None:
            return
        room.copy = copy  # it may be live before who asked for it goes on
        if copy.mode != "catching up":
            room.live.set()
        self.deadlines(session_id, copy, message)
        if message is None:
            self._moved(room, copy)
            return
        if (copy.epoch, copy.version) == room.told:
            room.say(frame(message))  # a signal
            return
        event = room.remember(copy, message)
        if '"t":"join"' in message or '"t":"leave"' in message:
            self._say_why(room, json.loads(message))
        if not event.to:
            room.say(frame(message))
            return
        room.flush()  # what waits comes first
        for client in list(room.clients):
            if client.member is not None:
                role = role_of(client.member, copy.state)
                client.send(frame(event.seen_by(role, client.member.member_id)))

    def _moved(self, room: Room, copy: SyncClient) -> None:
        """Give everybody the state where a catch-up moved the copy: which events it took is not told."""
        if copy.mode == "gone":
            for client in list(room.clients):
                client.close("gone")
        elif copy.mode == "live" and (copy.epoch, copy.version) != room.told:
            room.begin(copy)
            room.flush()
            shown: dict[str, bytes] = {}
            for client in list(room.clients):
                role = role_of(client.member, copy.state) if client.member else ""
                client.send(shown.get(role) or shown.setdefault(role, self._snapshot(room, role)))
                self._show(client)

    def _say_why(self, room: Room, event: Mapping[str, Any]) -> None:
        """Close the socket whose lease another one took, and all of a removed member, also one that only watches.

        Whose lease lapsed although the socket is here was renewed too late, and takes the seat again.
        """
        kind, about = event["t"], event["d"] if isinstance(event["d"], dict) else {}
        taken = about.get("taken") or []
        leases, removed = [taken] if isinstance(taken, str) else taken, about.get("target", about.get("m"))
        for client in list(room.clients):
            if client.member is not None and (client.member.seat or "target" in about):
                if kind == "join" and client.member.lease in leases:
                    client.close("taken")
                elif kind == "leave" and removed == client.member.member_id:
                    if about.get("why") == "lease":
                        self._come_back(client, client.member)
                    else:
                        client.close("kicked")

    def _snapshot(self, room: Room, role: str) -> bytes:
        assert room.copy is not None
        return word("~snapshot", e=room.copy.epoch, v=room.copy.version, d=self.view(role, room.copy.state))

    async def _beat_for_ever(self) -> None:
        """Say the position to who is here, renew the leases, close who is silent: a few at a time over the period."""
        while True:
            for followed in list(self.rooms.values()):
                if followed.copy is not None:
                    self.deadlines(followed.session_id, followed.copy, None)
            clients = list(self.clients)
            parts = max(1, -(-len(clients) // BATCH))
            for at in range(parts):
                batch = clients[at * BATCH : (at + 1) * BATCH]
                await asyncio.sleep(self.limits.heartbeat_s / parts / 2)
                for client in batch:  # so that the sign of life by which a lease is renewed is a fresh one
                    client.ping()
                await asyncio.sleep(self.limits.heartbeat_s / parts / 2)
                for client in batch:
                    client.close_if_silent(2 * self.limits.heartbeat_s)
                here = [client for client in batch if client in self.clients]
                for client in here:
                    room = self.rooms.get(client.member.session_id) if client.member else None
                    if room is not None and client in room.clients and room.told[0]:
                        client.send(word("~at", e=room.told[0], v=room.told[1]))
                try:
                    await self._renew([client for client in here if client.leased])
                except Exception as error:  # a lease outlives more than one
                    _log.debug("heartbeats were lost: %s", error)

    def _come_back(self, client: Client, member: Member) -> None:
        """Let a member in again whose lease has lapsed: beside the heartbeat, which the others' leases wait for."""
        client.leased = False
        self._begin(self._come_in(client, member))

    async def _renew(self, clients: Sequence[Client]) -> None:
        """Renew leases in one round trip; who has none any more, or where a function is missing, is asked for alone."""
        leases = [(client, client.member) for client in clients if client.member is not None]
        beat = self.operations.calls.heartbeat
        calls = [beat(m.session_id, m.member_id, m.connection, silent_ms=c.silent_ms) for c, m in leases]
        replies = await self.driver.send([(m.session_id, call) for (_, m), call in zip(leases, calls, strict=True)])
        for (client, member), call, reply in zip(leases, calls, replies, strict=True):
            status = reply
            if isinstance(reply, ResponseError):
                try:
                    status = await self.operations.run(call)
                except Exception as error:  # one member's is not the others'
                    _log.debug("a heartbeat was lost: %s", error)
            if status == "lapsed":
                self._come_back(client, member)
