"""Players of an evening: what each saw, heard and was told, whatever carries it."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from redis_plan.rig.member import Member


@dataclass
class Screen:
    """What a player looks at: the copy by the delivered rule, the last view, why sockets were closed, every text that came."""

    mode: str = ""
    version: int = 0
    state: Mapping[str, str] = field(default_factory=dict)
    view: Mapping[str, Any] = field(default_factory=dict)
    closes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


class Player(Protocol):
    """One player at one device."""

    name: str

    async def come(self) -> None:
        """Connect and join, and again after each loss."""

    async def ask(self, op: str, kind: str, **about: Any) -> str:
        """Ask for an action with this operation id until its outcome is known; the status."""

    async def look(self, *, anew: bool = False, texts: bool = False) -> Screen:
        """Return the screen, with the view anew and with every text that came where asked for."""

    async def lose(self) -> None:
        """Lose the connection without a word."""

    async def stop(self) -> None:
        """Come back no more."""


class AskingMember(Member):
    """A member on a plain WebSocket that keeps its views, what it was refused with, and every text that came."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.views: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.texts: list[str] = []

    @property
    def heard(self) -> list[dict[str, Any]]:
        return [event for event in map(json.loads, self.texts) if not event["t"].startswith("~")]

    def hear(self, text: str) -> None:
        self.texts.append(text)
        said = json.loads(text)
        if said["t"] == "~view":
            self.views.append(said)
        elif said["t"] == "~refused":
            self.refused.append(said["why"])
        super().hear(text)

    def say(self, **words: Any) -> None:
        self._say(**words)

    async def ask(self, op: str, kind: str, **about: Any) -> str:
        while not self._over:
            self._asked[op] = asyncio.get_running_loop().create_future()
            self._say(t="act", op=op, k=kind, d=about)
            said: Mapping[str, Any] = {"t": "~unknown"}
            with suppress(TimeoutError):
                said = await asyncio.wait_for(asyncio.shield(self._asked[op]), 3)
            if said["t"] == "~done":
                del self._asked[op]
                return str(said["status"])
            await asyncio.sleep(0.1)
        return "over"


class SocketPlayer:
    """A player on a plain WebSocket."""

    def __init__(self, name: str, urls: list[str], hello: Mapping[str, Any]) -> None:
        self.name, self.member = name, AskingMember(urls, hello, random.Random(name))
        self._life: asyncio.Task[None] | None = None

    async def come(self) -> None:
        self._life = asyncio.create_task(self.member.live())

    async def ask(self, op: str, kind: str, **about: Any) -> str:
        return await self.member.ask(op, kind, **about)

    async def look(self, *, anew: bool = False, texts: bool = False) -> Screen:
        m = self.member
        if anew:
            before = len(m.views)
            m.say(t="view")
            while len(m.views) == before:
                await asyncio.sleep(0.01)
        closes = [name.removeprefix("closed ") for name in m.counts if name.startswith("closed ")]
        view = m.views[-1] if m.views else {}
        return Screen(m.copy.mode, m.copy.version, m.copy.state, view, closes, m.refused, m.texts if texts else [])

    async def lose(self) -> None:
        self.member.drop()

    async def stop(self) -> None:
        self.member.stop()
        if self._life is not None:
            await self._life


class Bridge:
    """The players of a Node program: each line to it is a word to one of them, its answer has the same number."""

    def __init__(self, command: list[str]) -> None:
        self.command, self._numbers = command, itertools.count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def __aenter__(self) -> Bridge:
        self.process = await asyncio.create_subprocess_exec(
            *self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 24
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        await self.process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self.process.stdout
        while line := await self.process.stdout.readline():
            said = json.loads(line)
            self._waiting.pop(said.pop("n")).set_result(said)

    async def tell(self, **words: Any) -> dict[str, Any]:
        assert self.process.stdin
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        self.process.stdin.write(json.dumps({"n": number, **words}).encode() + b"\n")
        return await asyncio.wait_for(self._waiting[number], 60)


class BridgedPlayer:
    """A player of a bridge."""

    def __init__(self, bridge: Bridge, name: str, url: str, hello: Mapping[str, Any]) -> None:
        self.bridge, self.name, self.id = bridge, name, f"{name}-{id(self)}"
        self.come_in = {"url": url, "hello": dict(hello)}

    async def come(self) -> None:
        await self.bridge.tell(do="come", name=self.id, **self.come_in)

    async def ask(self, op: str, kind: str, **about: Any) -> str:
        return str((await self.bridge.tell(do="ask", name=self.id, op=op, kind=kind, about=about))["status"])

    async def look(self, *, anew: bool = False, texts: bool = False) -> Screen:
        return Screen(**await self.bridge.tell(do="look", name=self.id, anew=anew, texts=texts))

    async def lose(self) -> None:
        await self.bridge.tell(do="lose", name=self.id)

    async def stop(self) -> None:
        await self.bridge.tell(do="stop", name=self.id)
