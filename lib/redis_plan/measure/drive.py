"""Driving: a closed loop at a given pipeline depth over given connections, as fast as the C tools.

Batches of prepacked commands go over plain sockets, and of the replies only the number is looked at. That is as much as
a generator in Python may do per batch without measuring itself; ``make bench`` holds it against ``redis-benchmark``.

A closed loop finds the capacity, never the latency that users see: it stops asking while the server stalls.
"""

from __future__ import annotations

import gc
import select
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import hiredis

from redis_plan.measure.respwire import connect
from redis_plan.server import Address, Server


class WrongReplyError(Exception):
    """A command was not answered by the reply that was announced; the message holds what came."""


@dataclass(frozen=True, slots=True)
class Driven:
    """What a closed-loop run did: commands, seconds, and the CPU seconds that the generator itself used."""

    commands: int
    seconds: float
    client_cpu_s: float
    pipeline: int
    connections: int

    @property
    def per_s(self) -> float:
        """Commands per second."""
        return self.commands / self.seconds

    @property
    def client_share(self) -> float:
        """The part of the time in which the generator's process was computing, 0–1."""
        return self.client_cpu_s / self.seconds


def drive(
    target: Address | Server, command: bytes, reply: bytes, *, pipeline: int = 1, connections: int = 1, commands: int
) -> Driven:
    """Send ``command`` at least ``commands`` times; connecting is not counted.

    Every connection has one batch of ``pipeline`` commands on the way and sends the next when that is answered.
    ``reply`` shows what each answer looks like. Statuses, integers and nulls are counted by their bytes, which all
    answers must have alike; bulk strings by their line ends, since a server's ids differ in length. Raises
    :class:`WrongReplyError` where the answers are others, ``OSError`` where connecting fails.
    """
    batch = command * pipeline
    batches = -(-commands // (pipeline * connections)) * connections
    measure: Callable[[bytes], int] = len if reply[:1] != b"$" else _line_ends
    size = measure(reply) * pipeline
    room = min(1 << 16, 64 + 2 * len(reply) * pipeline)  # what is asked for is allocated: not more than can come
    with ExitStack() as held:
        poll = held.enter_context(select.epoll()) if hasattr(select, "epoll") else None
        links = [held.enter_context(connect(target)) for _ in range(connections)]
        _check(links[0], command, reply, measure)
        gc.disable()  # a collection in the middle would be the generator's own time
        try:
            cpu, started = time.process_time(), time.perf_counter()
            if connections == 1:
                last = _alone(links[0], batch, batches, size, room, measure)
            elif poll is None:
                last = _in_turn(links, batch, batches, size, room, measure)
            else:
                last = _polled(poll, links, batch, batches, size, room, measure)
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        finally:
            gc.enable()
    if last.rfind(b"-ERR") >= 0 or not last.endswith(b"\r\n"):
        raise WrongReplyError(f"answers like {reply!r} were announced; the last that came was {last[-80:]!r}")
    return Driven(batches * pipeline, seconds, cpu, pipeline, connections)


def _line_ends(received: bytes) -> int:
    return received.count(b"\n")


def _check(link: socket.socket, command: bytes, reply: bytes, measure: Callable[[bytes], int]) -> None:
    """Ask once and compare: an error or a reply of another kind would make the counting a fiction."""
    link.sendall(command)
    got, reader = b"", hiredis.Reader()
    while reader.gets() is False:
        received = link.recv(1 << 16) or _closed()
        reader.feed(received)
        got += received
    if measure(got) != measure(reply) or got[:1] != reply[:1]:
        raise WrongReplyError(f"answers like {reply!r} were announced, but {got[:200]!r} came")


def _alone(
    link: socket.socket, batch: bytes, batches: int, size: int, room: int, measure: Callable[[bytes], int]
) -> bytes:
    send, receive, received = link.sendall, link.recv, b""
    for _ in range(batches):
        send(batch)
        missing = size
        while missing > 0:
            received = receive(room) or _closed()
            missing -= measure(received)
    return received


def _in_turn(
    links: Sequence[socket.socket],
    batch: bytes,
    batches: int,
    size: int,
    room: int,
    measure: Callable[[bytes], int],
) -> bytes:
    """Serve the connections in turn, where there is no epoll."""
    received = b""
    for _ in range(batches // len(links)):
        for link in links:
            link.sendall(batch)
        for link in links:
            missing = size
            while missing > 0:
                received = link.recv(room) or _closed()
                missing -= measure(received)
    return received


def _polled(
    poll: select.epoll,
    links: Sequence[socket.socket],
    batch: bytes,
    batches: int,
    size: int,
    room: int,
    measure: Callable[[bytes], int],
) -> bytes:
    """Serve whichever connection has answers; a connection stops when all batches have been sent."""
    missing, ends, received = {}, {}, b""
    for link in links:
        poll.register(link, select.EPOLLIN)
        missing[link.fileno()] = size
        ends[link.fileno()] = (link.recv, link.sendall)
    for link in links:
        link.sendall(batch)
    unsent, left, wait = batches - len(links), batches, poll.poll
    while left:
        for number, _ in wait():
            receive, send = ends[number]
            received = receive(room) or _closed()
            rest = missing[number] - measure(received)
            if rest > 0:
                missing[number] = rest
                continue
            left -= 1
            missing[number] = size
            if unsent:
                unsent -= 1
                send(batch)
    return received


def _closed() -> bytes:
    raise ConnectionError("the server closed the connection")
