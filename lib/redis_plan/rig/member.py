"""A member as a client would be written: the delivered rule on a WebSocket, back after every loss, no change sent twice."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from redis_plan.delivery.redis_plan_sync import SyncClient


@dataclass(frozen=True, slots=True)
class Answer:
    """What a gateway answers to join and at, as SyncClient takes it."""

    kind: str
    version: int
    epoch: str = ""
    events: Sequence[str] = ()
    state: Mapping[str, str] | None = None


class _Socket(WSListener):
    def __init__(self, member: Member) -> None:
        self.member = member

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.member.hear(frame.get_payload_as_utf8_text())
        elif frame.msg_type == WSMsgType.CLOSE:
            code: Any = frame.get_close_code()
            self.member.counts[f"closed {int(code)}"] += 1
            transport.disconnect()


class Member:
    """One client: ``urls`` are those of the gateways, of which each connection takes one; ``hello`` is its first word.

    ``backoff_s`` and its cap bound the waits between connections, with full jitter. With ``catches_up`` false it is the
    control: it takes the state once and each event as it comes, as if none could be lost.
    """

    def __init__(
        self, urls: Sequence[str], hello: Mapping[str, Any], rng: random.Random, *, backoff_s: float = 0.05, cap_s: float = 1.0, catches_up: bool = True
    ) -> None:  # fmt: skip
        self.urls, self.hello, self.rng = urls, dict(hello), rng
        self.backoff_s, self.cap_s, self.catches_up = backoff_s, cap_s, catches_up
        self.copy = SyncClient()
        self.counts: Counter[str] = Counter()
        self.acked: dict[str, int] = {}
        self.transport: WSTransport | None = None
        self._asked: dict[str, asyncio.Future[Mapping[str, Any]]] = {}
        self._over = False

    async def live(self) -> None:
        """Be connected, again and again, until :meth:`stop`."""
        attempt = 0
        while not self._over:
            with suppress(OSError, TimeoutError, asyncio.TimeoutError, Exception):
                transport, _ = await ws_connect(
                    lambda: _Socket(self), self.rng.choice(self.urls), websocket_handshake_timeout=5
                )
                self._join(transport)
                before = self.counts["answers"]
                await transport.wait_disconnected()
                attempt = 0 if self.counts["answers"] > before else attempt
            self.transport = None
            self.counts["lost"] += 1
            for asked in self._asked.values():
                if not asked.done():
                    asked.set_result({"t": "~unknown"})
            if not self._over:
                await asyncio.sleep(self.rng.uniform(0, min(self.cap_s, self.backoff_s * 2.0 ** min(attempt, 20))))
            attempt += 1

    def _join(self, transport: WSTransport) -> None:
        self.transport = transport
        if self.catches_up:
            self.copy.disconnected()
        self._say(**self.hello, **self._position)

    @property
    def _position(self) -> dict[str, Any]:
        return {"e": self.copy.epoch, "v": self.copy.version, "ts": self.copy.changed_at}

    def _say(self, **words: Any) -> None:
        if self.transport is not None and not self.transport.is_disconnected:
            self.transport.send(WSMsgType.TEXT, json.dumps(words).encode())

    def hear(self, text: str) -> None:
        """Take what the gateway says."""
        if not text.startswith('{"t":"~'):
            self._step(self.copy.receive(text))
            return
        said = json.loads(text)
        match said["t"]:
            case "~snapshot":
                self.counts["answers"] += 1
                if self.catches_up or not self.copy.epoch:
                    self._step(self.copy.caught_up(Answer("snapshot", said["v"], said["e"], state=said["d"])))
            case "~delta":
                self.counts["answers"] += 1
                if self.catches_up:
                    self._step(self.copy.caught_up(Answer("delta", said["v"], events=said["events"])))
            case "~at":
                self._step(self.copy.beacon(said["e"], said["v"]))
            case "~done" | "~unknown" if said["op"] in self._asked and not self._asked[said["op"]].done():
                self._asked[said["op"]].set_result(said)

    def _step(self, step: str) -> None:
        if step == "catch up" and self.catches_up:
            self._say(t="at", **self._position)

    async def act(self, op: str, kind: str, fields: Mapping[str, str], *, wait_s: float = 2.0) -> str:
        """Make a change: the same operation id until somebody says what became of it; the status."""
        while not self._over:
            self._asked[op] = asyncio.get_running_loop().create_future()
            self._say(t="act", op=op, k=kind, set=fields)
            said: Mapping[str, Any] = {"t": "~unknown"}
            with suppress(TimeoutError):
                said = await asyncio.wait_for(asyncio.shield(self._asked[op]), wait_s)
            if said["t"] == "~done":
                del self._asked[op]
                if said["status"] in ("ok", "duplicate"):
                    self.acked[op] = int(said["v"])
                return str(said["status"])
            self.counts["again"] += 1
            await asyncio.sleep(self.rng.uniform(0.01, 0.1))
        return "over"

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as the member knows."""
        return self.transport is not None and not self.transport.is_disconnected

    def drop(self) -> None:
        """Lose the connection without a word."""
        if self.transport is not None:
            self.transport.disconnect(False)

    def stall(self, seconds: float) -> None:
        """Read nothing for so long."""
        if self.transport is not None and not self.transport.is_disconnected:
            under = self.transport.underlying_transport
            with suppress(RuntimeError):
                under.pause_reading()
                asyncio.get_running_loop().call_later(seconds, _resume, under.resume_reading)

    def stop(self) -> None:
        """Come back no more."""
        self._over = True
        self.drop()


def _resume(read: Callable[[], None]) -> None:
    with suppress(RuntimeError):
        read()
