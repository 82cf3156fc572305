"""Open loop: commands leave when they were meant to, whether or not the server kept up.

Latency counts from the *intended* send time, so a stall shows in every command that it delayed (no coordinated
omission). A closed loop would stop sampling exactly while the server is slow.
"""

from __future__ import annotations

import gc
import select
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redis_plan.measure.respwire import Wire


@dataclass(frozen=True, slots=True)
class Load:
    """What an open-loop run saw. ``latency_s`` is one value a command, in the order sent.

    ``late_send_s`` is how late the generator itself was at p99: when that is a large share of the latency, the
    generator was the bottleneck and the run must not be published.
    """

    offered_per_s: float
    achieved_per_s: float
    latency_s: NDArray[np.float64]
    late_send_s: float

    @property
    def has_headroom(self) -> bool:
        """Whether the generator kept its schedule: p99 lateness under 2 ms or half of the p99 latency."""
        return self.late_send_s < max(0.002, float(np.percentile(self.latency_s, 99)) / 2)


def offer(wire: Wire, commands: Iterator[bytes], rate_per_s: float, seconds: float) -> Load:
    """Send ``commands`` at ``rate_per_s`` for ``seconds`` on one pipelined connection, and wait for every reply."""
    count = max(1, int(rate_per_s * seconds))
    payloads = [next(commands) for _ in range(count)]
    sent, done = np.empty(count), np.empty(count)
    interval = 1.0 / rate_per_s
    gc.disable()  # a collection in the middle would be the generator's own lateness
    try:
        return _run(wire, payloads, interval, sent, done)
    finally:
        gc.enable()


def _run(
    wire: Wire, payloads: list[bytes], interval: float, sent: NDArray[np.float64], done: NDArray[np.float64]
) -> Load:
    link, clock, count = wire.socket, time.perf_counter, len(payloads)
    sending = receiving = 0
    start = clock() + 0.002
    while receiving < count:
        now = clock()
        if sending < count:
            due = min(count, int((now - start) / interval) + 1) if now >= start else 0
            if due > sending:
                link.sendall(b"".join(payloads[sending:due]))
                sent[sending:due] = clock()
                sending = due
            wait = max(0.0, start + sending * interval - clock()) if sending < count else 0.05
        else:
            wait = 0.05
        if select.select([link], [], [], min(wait, 0.05))[0]:
            received = link.recv(1 << 20)
            if not received:
                raise ConnectionError("the server closed the connection")
            answered = wire.replies_so_far(received)
            done[receiving : receiving + answered] = clock()
            receiving += answered
    intended = start + np.arange(count) * interval
    span = max(done[-1] - start, count * interval)
    return Load(1.0 / interval, count / span, done - intended, float(np.percentile(sent - intended, 99)))
