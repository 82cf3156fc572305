"""An audience: thousands of WebSocket clients in one process that only read and stamp while it counts.

``python -m redis_plan.rig.audience audience '<json>'`` joins them all, prints ``ready`` and reads; what came is looked
at afterwards. A line on stdin is answered with the CPU time so far, and may say when changes were meant to be that do not
say so themselves (``acted``), or ask how many events came (``count``). When stdin closes it prints what its clients have:
loss, repetition and order by version for each client, and for each phase how long a change took to the last of a room.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from array import array
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from redis_plan.rig import wire
from redis_plan.rig.children import allow_sockets
from redis_plan.rig.verdict import judged

#: A client shows that it lives once in so many seconds, so that a gateway need not ask; a hundredth of them at a time,
#: since signs that all come at once would keep both sides from everything else for a tenth of a second.
ALIVE_S, ALIVE_PARTS = 4.0, 100
#: What a server is asked for and what stands before a client's first word, by dialect: our own, and Socket.IO 4 (Engine.IO
#: protocol 4, packet 4 is a message; Socket.IO protocol 5, packet 0 is CONNECT with what the server gets as ``auth``).
DIALECTS = {"": ("/", ""), "socket.io": ("/socket.io/?EIO=4&transport=websocket", "40")}
#: Sockets that are being opened at once.
OPENING = 200
PONG = wire.masked(b"", wire.PONG)
_RECEIVE = 1 << 18
#: How an event's envelope begins, and no word of the gateway's own.
_EVENT = b'{"e":'


@dataclass(slots=True, eq=False)
class Seat:
    """One client: its room, its first word until that is said, and all that it received with the times of it."""

    room: str
    hello: bytes
    link: socket.socket | None = None
    #: The other side ended the connection.
    over: bool = False
    received: bytearray = field(default_factory=bytearray)
    #: For each piece that came: where it ended in what was received, and when, in ns of the monotonic clock.
    ends: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))


class Audience:
    """Every client of this process: ``clients`` are (address, room, first word) each."""

    def __init__(self, clients: Sequence[tuple[Sequence[Any], str, dict[str, Any]]], dialect: str = "") -> None:
        self.path, mark = DIALECTS[dialect]
        self.addresses = [(str(host), int(port)) for (host, port), _, _ in clients]
        self.seats = [Seat(room, wire.said(before=mark, **hello)) for _, room, hello in clients]
        self.selector = selectors.DefaultSelector()
        self.alive, self.part = 0.0, 0
        self.acted: list[tuple[str, int, int, int]] = []

    def join_all(self, limit_s: float = 120.0) -> None:
        """Open every socket and wait until every client has its first state; raises TimeoutError."""
        waiting, until = list(range(len(self.seats)))[::-1], time.monotonic() + limit_s
        opening: set[Seat] = set()
        while waiting or opening:
            while waiting and len(opening) < OPENING:
                number = waiting.pop()
                self._open(self.seats[number], self.addresses[number])
                opening.add(self.seats[number])
            self._read(0.02)
            opening -= {s for s in opening if b'"~snapshot"' in s.received or b'"~delta"' in s.received}
            if time.monotonic() > until:
                raise TimeoutError(f"{len(waiting) + len(opening)} clients had no state after {limit_s:g} s")

    def _open(self, seat: Seat, address: tuple[str, int]) -> None:
        seat.link = socket.create_connection(address, timeout=30)
        seat.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        seat.link.sendall(wire.handshake(address[0], self.path))
        seat.link.setblocking(False)
        self.selector.register(seat.link, selectors.EVENT_READ, seat)

    def _read(self, wait_s: float) -> bool:
        """Take what has come; whether the parent wants something."""
        if time.monotonic() > self.alive:
            self._show_life()
        clock, called = time.monotonic_ns, False
        for key, _ in self.selector.select(wait_s):
            seat = key.data
            if seat is None:
                called = True
                continue
            try:
                data = seat.link.recv(_RECEIVE)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if data:
                seat.times.append(clock())
                seat.received += data
                seat.ends.append(len(seat.received))
                if seat.hello and b"\r\n\r\n" in seat.received:  # the server's half of the handshake (RFC 6455, 4.1)
                    seat.link.send(seat.hello)
                    seat.hello = b""
            else:
                self.selector.unregister(seat.link)
                seat.over = True
        return called

    def listen(self) -> None:
        """Read until stdin closes."""
        self.selector.register(sys.stdin, selectors.EVENT_READ, None)
        while True:
            if self._read(ALIVE_S / ALIVE_PARTS):
                line = sys.stdin.readline()
                if not line:
                    return
                asked = json.loads(line)
                self.acted += asked.get("acted", [])
                said = {"cpu_s": time.process_time(), "at_s": time.monotonic()}
                said |= (
                    {"events": sum(seat.received.count(_EVENT) for seat in self.seats)} if asked.get("count") else {}
                )
                print(json.dumps(said), flush=True)

    def _show_life(self) -> None:
        """Let the next part of all clients show that they live."""
        self.alive = time.monotonic() + ALIVE_S / ALIVE_PARTS
        self.part = (self.part + 1) % ALIVE_PARTS
        for seat in self.seats[self.part :: ALIVE_PARTS]:
            if seat.link is not None and not seat.hello:
                with suppress(OSError):
                    seat.link.send(PONG)


def main() -> None:
    """Be the audience that the parent describes."""
    given = json.loads(sys.stdin.readline())
    allow_sockets(len(given["clients"]) + 100)
    audience = Audience(given["clients"], given.get("dialect", ""))
    audience.join_all()
    print("ready", flush=True)
    audience.listen()
    print(json.dumps(judged(audience.seats, given.get("keep", False), audience.acted)), flush=True)


if __name__ == "__main__":
    main()
