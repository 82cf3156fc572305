"""A gateway: the WebSockets of members on one side, the copies of SyncDriver on the other; a reference to start from.

    gateway = Gateway(operations, driver, admit, Limits(heartbeat_s=10.0, linger_s=5.0))
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
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, NamedTuple, Protocol

from picows import WSUpgradeRequest, ws_create_server
from redis.exceptions import RedisError

from redis_plan.delivery.redis_plan_sync import State, SyncClient
from redis_plan.delivery.redis_plan_sync_driver import ADMITTED, SyncDriver, persist
from redis_plan.delivery.redis_plan_websocket import Client, Member, frame, word

_log = logging.getLogger("redis_plan")


class Limits(NamedTuple):
    """Periods in seconds and bounds; redis_plan_periods.py has heartbeat and linger of the project.

    Each bound is a choice: frames of a room are written together at most every coalesce_s (0: each by itself), a client
    may have slow_bytes in its queue and most_acts changes under way, a word of it may have most_bytes, a room
    remembers its last events for who comes back, and a drain spreads the clients over drain_s.
    """

    heartbeat_s: float
    linger_s: float
    coalesce_s: float = 0.02
    slow_bytes: int = 1 << 18
    most_acts: int = 32
    most_bytes: int = 1 << 18
    remembered: int = 200
    drain_s: float = 10.0


class Operations(Protocol):
    """What a gateway calls of AsyncOperations."""

    def join(self, session_id: str, member_id: str, connection: str, data: object, /) -> Awaitable[Any]:
        """Take a seat and a lease."""

    def leave(self, session_id: str, member_id: str, /) -> Awaitable[Any]:
        """Give the seat back."""

    def heartbeat(self, session_id: str, member_id: str, connection: str, /) -> Awaitable[Any]:
        """Renew a lease."""


Admit = Callable[[Mapping[str, Any]], "Member | None"]
Act = Callable[[Member, Mapping[str, Any]], Awaitable[tuple[str, int]]]
View = Callable[[str, State], State]


def visible(role: str, state: State) -> State:
    """Return what a role may see of the state: whatever is not hidden; replace it where roles see different things."""
    return {name: value for name, value in state.items() if not name.startswith("hidden:")}


class Room:
    """One session on this gateway: its sockets, what waits to be written to all of them, and the last events."""

    def __init__(self, session_id: str, remembered: int) -> None:
        self.session_id = session_id
        self.copy: SyncClient | None = None
        self.clients: set[Client] = set()
        self.live = asyncio.Event()
        self.waiting: list[bytes] = []
        self.due, self.flushed_at = False, 0.0
        self.told: tuple[str, int] = ("", -1)
        self.recent: deque[tuple[int, str]] = deque(maxlen=remembered)

    def missed(self, epoch: str, version: int) -> list[str] | None:
        """Return the events after a position; None where they are not all remembered."""
        found = [message for number, message in self.recent if number > version]
        return found if epoch == self.told[0] and len(found) == self.told[1] - version else None


class Gateway:
    """Every socket of this process. counts has what it did, by reason of closing and by step."""

    def __init__(
        self, operations: Operations, driver: SyncDriver, admit: Admit, act: Act, limits: Limits, view: View = visible
    ) -> None:
        self.operations, self.driver, self.admit, self.act = operations, driver, admit, act
        self.limits, self.view = limits, view
        self.clients: set[Client] = set()
        self.rooms: dict[str, Room] = {}
        self.counts: Counter[str] = Counter()
        self._admitted = asyncio.Semaphore(ADMITTED)  # joins at once: a storm must not be a burst on the server
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int, **more: Any) -> int:
        """Accept sockets, and return the port; more goes to asyncio's create_server, such as ssl or reuse_port."""
        beat = self.limits.heartbeat_s
        pings = {"enable_auto_ping": True, "auto_ping_idle_timeout": beat, "auto_ping_reply_timeout": beat}
        sizes = {"max_frame_size": self.limits.most_bytes, "read_buffer_init_size": 2048, "backlog": 4096}

        def socket(_request: WSUpgradeRequest) -> Client:
            return Client(self, self.limits.slow_bytes)

        self._server = await ws_create_server(socket, host, port, **{**pings, **sizes, **more})
        self._begin(self._beat_for_ever())
        return int(self._server.sockets[0].getsockname()[1])

    async def drain(self) -> None:
        """Accept nobody any more, and send the clients away one by one, so that they do not come back at once."""
        if self._server is not None:
            self._server.close()
        clients = list(self.clients)
        random.shuffle(clients)
        for client in clients:
            client.close("deploy")
            await asyncio.sleep(self.limits.drain_s / len(clients))
        for task in self._tasks:
            task.cancel()

    def connected(self, client: Client) -> None:
        """Take a socket."""
        self.clients.add(client)

    def take(self, client: Client, given: Mapping[str, Any], kind: str) -> None:
        """Take a client's word."""
        if kind == "join" and client.member is None:
            client.member = self.admit(given)
            if client.member is None:
                client.close("kicked")
            else:
                self._begin(self._join(client, client.member, str(given.get("e", "")), int(given.get("v", 0))))
        elif client.member is None or kind not in ("at", "act", "leave"):
            raise ValueError(kind)
        elif client.acting >= self.limits.most_acts:
            client.close("limit")
        elif kind == "at":
            self._answer(client, client.member, str(given["e"]), int(given["v"]))
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
            if not room.clients:
                asyncio.get_running_loop().call_later(self.limits.linger_s, self._leave_room, room)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _leave_room(self, room: Room) -> None:
        if not room.clients and self.rooms.get(room.session_id) is room:
            del self.rooms[room.session_id]
            self._begin(self.driver.unfollow(room.session_id))

    async def _room(self, session_id: str) -> Room:
        room = self.rooms.get(session_id)
        if room is None:
            room = self.rooms[session_id] = Room(session_id, self.limits.remembered)
            room.copy = await self.driver.follow(session_id, self._heard)
        await room.live.wait()
        return room

    async def _join(self, client: Client, member: Member, epoch: str, version: int) -> None:
        async with self._admitted:
            room = await self._room(member.session_id)
            status = await self._seat(member) if member.seat else "watches"
        if status in ("full", "gone"):
            client.close(status)
        elif client in self.clients:
            self._answer(client, member, epoch, version)
            room.clients.add(client)

    def _answer(self, client: Client, member: Member, epoch: str, version: int) -> None:
        """Bring a client from its position to where its room is."""
        room = self.rooms[member.session_id]
        self._flush(room)  # what the others wait for is in the answer already
        missed = room.missed(epoch, version)
        if missed is None:
            client.send(self._snapshot(room, member.role))
        else:
            client.send(word("~delta", v=room.told[1], events=missed))
        self.counts["snapshot" if missed is None else "delta"] += 1

    async def _seat(self, member: Member) -> str:
        """Take the seat and its lease, however long the server is away."""
        data = {"role": member.role} if member.data is None else member.data
        while True:
            try:

                async def join() -> Any:
                    return await self.operations.join(member.session_id, member.member_id, member.connection, data)

                return str((await persist(join, self.driver.timing, tries=10)).status)
            except (RedisError, OSError) as error:
                _log.warning("a join waits: %r", error)

    async def _act(self, client: Client, member: Member, given: Mapping[str, Any], kind: str) -> None:
        try:
            async with client.turn:
                if kind == "leave":
                    await self.operations.leave(member.session_id, member.member_id)
                    client.close("kicked")
                else:
                    status, version = await self.act(member, given)
                    client.send(word("~done", op=given.get("op", ""), status=status, v=version))
        except (RedisError, OSError):  # it may have been done
            client.send(word("~unknown", op=given.get("op", "")))
        except Exception as error:  # refused: a second time would be refused again
            client.send(word("~done", op=given.get("op", ""), status="refused", why=str(error)))
        finally:
            client.acting -= 1

    def _heard(self, session_id: str, copy: SyncClient, message: str | None) -> None:
        room = self.rooms.get(session_id)
        if room is None:
            return
        if copy.mode != "catching up":
            room.live.set()
        if message is None:
            self._moved(room, copy)
            return
        data = frame(message)
        position = (copy.epoch, copy.version)
        if position != room.told:  # no signal
            room.told = position
            room.recent.append((copy.version, message))
            if '"t":"join"' in message or '"t":"leave"' in message:
                self._say_why(room, json.loads(message))
        room.waiting.append(data)
        self._flush_soon(room)

    def _moved(self, room: Room, copy: SyncClient) -> None:
        """Give everybody the state where a catch-up moved the copy: which events it took is not told."""
        if copy.mode == "gone":
            for client in list(room.clients):
                client.close("gone")
        elif copy.mode == "live" and (copy.epoch, copy.version) != room.told:
            room.told = (copy.epoch, copy.version)
            room.recent.clear()
            self._flush(room)
            shown = {role: self._snapshot(room, role) for role in {c.member.role for c in room.clients if c.member}}
            for client in list(room.clients):
                client.send(shown[client.member.role if client.member else ""])

    def _say_why(self, room: Room, event: Mapping[str, Any]) -> None:
        """Close the socket whose lease another one took, and those of a member that was removed."""
        kind, about = event["t"], event["d"] or {}
        for client in list(room.clients):
            if client.member is not None and client.member.seat:
                if kind == "join" and about.get("taken") == client.member.lease:
                    client.close("taken")
                elif kind == "leave" and about.get("m") == client.member.member_id:
                    client.close("kicked")

    def _flush_soon(self, room: Room) -> None:
        if not self.limits.coalesce_s:
            self._flush(room)
        elif not room.due:
            room.due, loop = True, asyncio.get_running_loop()
            wait = room.flushed_at + self.limits.coalesce_s - loop.time()
            loop.call_later(wait, self._flush, room) if wait > 0 else loop.call_soon(self._flush, room)

    def _flush(self, room: Room) -> None:
        """Write what waits to every socket of the room, as one piece that was made once."""
        data, room.waiting, room.due = b"".join(room.waiting), [], False
        room.flushed_at = asyncio.get_running_loop().time()
        for client in list(room.clients) if data else ():
            client.send(data)

    def _snapshot(self, room: Room, role: str) -> bytes:
        assert room.copy is not None
        return word("~snapshot", e=room.copy.epoch, v=room.copy.version, d=self.view(role, room.copy.state))

    async def _beat_for_ever(self) -> None:
        """Renew the leases of the sockets that live, one after the other, and say the position to all."""
        while True:
            clients = [client for client in self.clients if client.member]
            begun = asyncio.get_running_loop().time()
            for number, client in enumerate(clients):
                ahead = begun + number * self.limits.heartbeat_s / len(clients) - asyncio.get_running_loop().time()
                if ahead > 0.01:
                    await asyncio.sleep(ahead)
                room = self.rooms.get(client.member.session_id) if client.member else None
                if client in self.clients and room is not None and client in room.clients:
                    client.send(word("~at", e=room.told[0], v=room.told[1]))
                    await self._renew(client)
            await asyncio.sleep(max(0.0, begun + self.limits.heartbeat_s - asyncio.get_running_loop().time()))

    async def _renew(self, client: Client) -> None:
        member = client.member
        if member is None or not member.seat:
            return
        try:
            status = await self.operations.heartbeat(member.session_id, member.member_id, member.connection)
            if status == "lapsed" and client in self.clients:
                await self._seat(member)
        except (RedisError, OSError) as error:
            _log.debug("a heartbeat was lost: %r", error)  # the lease outlives more than one
