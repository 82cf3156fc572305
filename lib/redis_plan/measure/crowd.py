"""A crowd: open-loop load of mixed commands over many connections.

As in :mod:`~redis_plan.measure.openloop` a command leaves when it was meant to and its latency counts from then. A
command goes to the connection whose turn it is, even where that one still waits for a reply: in front of a server
that is slow for one client the others' commands keep coming.
"""

from __future__ import annotations

import gc
import random
import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from redis_plan.measure import replies
from redis_plan.measure.openloop import Load
from redis_plan.measure.respwire import connect
from redis_plan.server import Address, Server

#: A server that answers nothing for this long ends the run.
SILENCE_S = 30.0
#: A connection whose socket takes no more keeps its commands here; the rest of the crowd goes on.
_RECEIVE = 1 << 16


@dataclass(frozen=True, slots=True)
class Share:
    """One kind of command in the mix: an endless stream of packed commands, and its weight among all."""

    commands: Iterator[bytes]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class CrowdLoad(Load):
    """What a crowd saw: a :class:`Load` with the kind of each command, the connections, and how many errors came back."""

    kinds: NDArray[np.int64]
    labels: tuple[str, ...]
    connections: int
    errors: int

    def of(self, label: str) -> NDArray[np.float64]:
        """Return the latencies in seconds of one kind of command, in the order sent."""
        chosen: NDArray[np.float64] = self.latency_s[self.kinds == self.labels.index(label)]
        return chosen

    def samples(self) -> pd.DataFrame:
        """Return one row a command: its kind and its latency in seconds from the intended send time."""
        return pd.DataFrame({"kind": np.asarray(self.labels)[self.kinds], "latency_s": self.latency_s})


def offer_crowd(
    target: Address | Server,
    mix: Mapping[str, Share],
    rate_per_s: float,
    seconds: float,
    *,
    connections: int,
    counting: replies.Counting = replies.parsed,
    seed: int = 20261123,
) -> CrowdLoad:
    """Offer ``mix`` at ``rate_per_s`` for ``seconds`` over ``connections``, and wait for every reply.

    Kinds are drawn by weight from ``seed``, connections take turns. Every command has one reply. Raises ``OSError``
    where connecting fails, ``TimeoutError`` where the server falls silent.
    """
    count, labels = max(1, int(rate_per_s * seconds)), tuple(mix)
    shares = list(mix.values())
    kinds = random.Random(seed).choices(range(len(shares)), [s.weight for s in shares], k=count)
    payloads = [next(shares[kind].commands) for kind in kinds]
    with ExitStack() as held:
        poll = held.enter_context(select.epoll()) if hasattr(select, "epoll") else None  # first: a low descriptor
        links = [held.enter_context(connect(target)) for _ in range(connections)]
        run = _Run(links, payloads, 1.0 / rate_per_s, counting, poll)
        gc.disable()  # a collection in the middle would be the generator's own lateness
        try:
            run.go()
        finally:
            gc.enable()
    intended = run.start + np.arange(count) / rate_per_s
    span = max(float(run.done.max()) - run.start, count / rate_per_s)
    return CrowdLoad(
        rate_per_s,
        count / span,
        run.done - intended,
        float(np.percentile(run.sent - intended, 99)),
        np.asarray(kinds),
        labels,
        connections,
        sum(counter.errors for counter in run.counters),
    )


class _Run:
    """One run over connected sockets: what is due is sent, what arrives is counted."""

    def __init__(
        self,
        links: Sequence[socket.socket],
        payloads: Sequence[bytes],
        interval: float,
        counting: replies.Counting,
        poll: select.epoll | None,
    ) -> None:
        self.links, self.payloads, self.interval = links, payloads, interval
        self.counters = [counting() for _ in links]
        self.sent, self.done = np.empty(len(payloads)), np.empty(len(payloads))
        self.start = 0.0
        self._waiting: list[deque[int]] = [deque() for _ in links]  # commands without a reply, oldest first
        self._unsent: dict[int, bytes] = {}  # by connection: what its socket did not take yet
        self._poll = poll
        self._of = {link.fileno(): number for number, link in enumerate(links)}

    def go(self) -> None:
        """Send everything at its time and wait for all replies."""
        for link in self.links:
            link.setblocking(False)
            if self._poll:
                self._poll.register(link.fileno(), select.EPOLLIN)
        clock, count = time.perf_counter, len(self.payloads)
        sending = received = 0
        self.start = clock() + 0.002
        heard = self.start
        while received < count:
            now = clock()
            due = min(count, int((now - self.start) / self.interval) + 1) if now >= self.start else 0
            if due > sending:
                self._send(sending, due)
                sending = due
            for number in list(self._unsent):
                self._push(number, b"")
            wait = self.start + sending * self.interval - clock() if sending < count else 0.05
            ready = self._ready(0.001 if self._unsent else max(0.0, min(wait, 0.05)))
            for number in ready:
                received += self._receive(number)
            if ready or sending < count:
                heard = clock()
            elif clock() - heard > SILENCE_S:
                raise TimeoutError(f"no reply within {SILENCE_S:g} s")

    def _send(self, first: int, end: int) -> None:
        links = len(self.links)
        for start in range(first, min(end, first + links)):
            numbers = range(start, end, links)  # all that is due on one connection goes in one write
            connection = start % links
            self._waiting[connection].extend(numbers)
            self._push(connection, b"".join([self.payloads[n] for n in numbers]))
            now = time.perf_counter()
            for n in numbers:
                self.sent[n] = now

    def _push(self, connection: int, payload: bytes) -> None:
        payload = self._unsent.pop(connection, b"") + payload
        try:
            taken = self.links[connection].send(payload)
        except BlockingIOError:
            taken = 0
        if taken < len(payload):
            self._unsent[connection] = payload[taken:]

    def _ready(self, wait: float) -> list[int]:
        if self._poll:
            # epoll itself waits in whole milliseconds, select on its descriptor in microseconds
            if wait and not select.select([self._poll], [], [], wait)[0]:
                return []
            return [self._of[fd] for fd, _ in self._poll.poll(0)]
        return [self._of[link.fileno()] for link in select.select(self.links, [], [], wait)[0]]

    def _receive(self, number: int) -> int:
        try:
            received = self.links[number].recv(_RECEIVE)
        except (BlockingIOError, InterruptedError):
            return 0
        if not received:
            raise ConnectionError("the server closed the connection")
        answered, now = self.counters[number].feed(received), time.perf_counter()
        waiting = self._waiting[number]
        for _ in range(answered):
            self.done[waiting.popleft()] = now
        return answered
