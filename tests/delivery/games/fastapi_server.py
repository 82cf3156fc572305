"""The sample's game on FastAPI, written against the delivered files alone: PYTHONPATH=redis python fastapi_server.py PORT.

The words on the socket are those of redis_plan_websocket.py. One task and one bounded queue a client: who does not read
delays nobody. REDIS_URL has the server, GATEWAY_SECRET signs the tickets.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from redis.exceptions import RedisError
from redis_plan_actions import Actions
from redis_plan_client import AsyncOperations, Keys, decode_id
from redis_plan_periods import HEARTBEAT_S, TIMING
from redis_plan_sync import seen_by
from redis_plan_sync_driver import Link, SyncDriver, persist

MOST_WAITING = 256
LEADERS = ("host", "cohost", "moderator")
CLOSES = {"banned": (4003, "removed"), "full": (4009, "full"), "gone": (4010, "gone")}
TAKEN, REMOVED, SLOW = (4001, "taken over"), (4003, "removed"), (4002, "slow")


def word(t: str, **rest: object) -> str:
    return json.dumps({"t": t, **rest}, separators=(",", ":"))


@dataclass(eq=False)
class Player:
    """One socket and whom it speaks for; what it is to be sent, and at last the code with which it is closed."""

    socket: WebSocket
    session: str
    member: str
    connection: str
    role: str
    name: str
    seat: bool
    out: asyncio.Queue[str | tuple[int, str]] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))

    def say(self, said: str | tuple[int, str]) -> None:
        if self.out.full():
            self.out, said = asyncio.Queue(), SLOW
        self.out.put_nowait(said)

    async def send(self) -> None:
        while True:
            said = await self.out.get()
            if isinstance(said, tuple):
                return await self.socket.close(*said)
            await self.socket.send_text(said)


class Game:
    """The rooms of this process: a copy of each by the driver, and the players that look at it."""

    def __init__(self) -> None:
        self.link, keys = Link(os.environ["REDIS_URL"].split(","), TIMING), Keys(environment="prod")
        self.operations = ours = AsyncOperations(self.link, keys)
        self.act, probe = Actions(keys), keys.probe(sys.argv[1])
        self.driver = SyncDriver(
            self.link, ours.catch_up, keys.events, keys.state, TIMING, probe=probe, renew=ours.renew
        )
        self.rooms: defaultdict[str, set[Player]] = defaultdict(set)
        self.copies: dict[str, Any] = {}

    def admit(self, socket: WebSocket, given: Mapping[str, Any]) -> Player | None:
        who = [str(given.get(word, "")) for word in "smr"]
        ticket = hmac.new(os.environ["GATEWAY_SECRET"].encode(), "\n".join(who).encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(ticket, str(given.get("k"))):
            return None
        name = str(given.get("name") or who[1])
        return Player(socket, who[0], who[1], str(given.get("c")), who[2], name, bool(given.get("seat", True)))

    async def run(self, call: Any) -> Any:
        return await persist(lambda: self.operations.run(call), TIMING, tries=20)

    async def enter(self, p: Player) -> str:
        if p.role in LEADERS and not p.seat:
            call = self.act.attend(p.session, p.member, p.connection)
        elif not p.seat:
            call = self.act.watch(p.session, p.member, p.connection, p.member)
        else:
            call = self.act.join(p.session, p.member, p.connection, p.member, p.name)
        return str((await self.run(call)).status)

    async def show(self, p: Player) -> None:
        """Send the whole screen: the state for the rule of the copy, then what this member may see beside it."""
        known = self.copies[p.session].state.get("round", "none")
        seen = await self.run(self.act.snapshot_of(p.session, p.member, decode_id(known)))
        if seen is None:
            return p.say(CLOSES["gone"])
        parts = asdict(seen)
        state, epoch, version, role = (parts.pop(word) for word in ("state", "epoch", "version", "own_role"))
        p.say(word("~snapshot", e=epoch, v=version, d=state))
        p.say(word("~view", v=version, role=role, d=parts))
        return None

    def heard(self, session: str, copy: Any, message: str | None) -> None:
        """Pass an event on, to each as it may see it; a copy that caught up is a new screen for everybody."""
        if message is None:
            tasks.update(asyncio.create_task(self.show(p)) for p in self.rooms[session] if copy.mode == "live")
            return
        event = json.loads(message)
        data = event["d"] or {}
        for p in list(self.rooms[session]):
            leads = copy.state.get("owner") == p.member or copy.state.get(f"role:{p.member}") in LEADERS
            p.say(seen_by(message, leads, p.member))
            if event["t"] == "join" and f"{p.member}#{p.connection}" in data.get("taken", ()):
                p.say(TAKEN)
            elif event["t"] == "leave" and p.member == data.get("target", data.get("m")):
                if data.get("why") != "lease":
                    p.say(REMOVED)
                else:  # its heartbeats came too late, and it is still here
                    tasks.add(asyncio.create_task(self.enter(p)))

    async def take(self, p: Player, given: Mapping[str, Any]) -> None:
        if given["t"] in ("at", "view"):
            return await self.show(p)
        op, about = str(given["op"]), dict(given.get("d") or {})
        try:
            done = await self.run(self.act.asked(str(given["k"]), p.session, p.member, about, f"{p.member}:{op}"))
            p.say(word("~done", op=op, status=done.status, v=done.version))
        except (RedisError, OSError):
            p.say(word("~unknown", op=op))
        except Exception as error:  # nobody may ask for that
            p.say(word("~done", op=op, status="refused", why=str(error)))
        return None

    async def beat(self) -> None:
        """Renew every lease, and say the position, so that a lost last message shows."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for session, players in list(self.rooms.items()):
                copy = self.copies.get(session)
                for p in list(players):
                    try:
                        if await self.operations.heartbeat(session, p.member, p.connection) == "lapsed":
                            await self.enter(p)
                    except (RedisError, OSError):
                        continue
                    if copy is not None and copy.mode == "live":
                        p.say(word("~at", e=copy.epoch, v=copy.version))


game: Game
tasks: set[asyncio.Task[None]] = set()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    global game  # noqa: PLW0603  # one game a process
    game = Game()
    async with game.driver:
        tasks.add(asyncio.create_task(game.beat()))
        yield
    await game.link.drop()


app = FastAPI(lifespan=lifespan)


@app.websocket("/")
async def play(socket: WebSocket) -> None:
    await socket.accept()  # a close before it would reach a browser as 1006, without its code
    player = game.admit(socket, json.loads(await socket.receive_text()))
    if player is None:
        return await socket.close(*REMOVED)
    session, sending = player.session, asyncio.create_task(player.send())
    try:
        if session not in game.copies:
            game.copies[session] = await game.driver.follow(session, game.heard)
        status = await game.enter(player)
        if status not in ("ok", "duplicate", "ended"):
            player.say(CLOSES.get(status, word("~refused", why=status)))
        else:
            game.rooms[session].add(player)
            await game.show(player)
        while True:
            await game.take(player, json.loads(await socket.receive_text()))
    except (WebSocketDisconnect, RuntimeError):  # its seat stays for the lease
        game.rooms[session].discard(player)
        sending.cancel()


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
