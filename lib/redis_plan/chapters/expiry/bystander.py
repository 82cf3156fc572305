"""A bystander: another client that asks PING at a steady rate and notes what it waits, whatever others do meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from redis_plan.measure import openloop
from redis_plan.measure.respwire import Wire, pack
from redis_plan.server import Server

#: Questions a second; one a millisecond sees every stall that is longer than a millisecond.
RATE = 1_000.0


def felt(server: Server, seconds: float) -> openloop.Load:
    """Return what another client feels for ``seconds``: PING at 1,000 a second, open loop."""
    with Wire(server.address) as wire:
        return openloop.offer(wire, iter(lambda: pack("PING"), None), RATE, seconds)


@contextmanager
def beside(server: Server, seconds: float) -> Iterator[list[openloop.Load]]:
    """Let a bystander ask for ``seconds`` beside the body; what it felt is in the list after the body."""
    found: list[openloop.Load] = []
    other = threading.Thread(target=lambda: found.append(felt(server, seconds)))
    other.start()
    try:
        yield found
    finally:
        other.join()
