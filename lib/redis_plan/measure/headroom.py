"""Headroom: whether a run measured the server or its own generator. What measured the generator is not published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import redis

from redis_plan.measure import serverside
from redis_plan.measure.drive import Driven, drive
from redis_plan.measure.openloop import Load
from redis_plan.server import Server

Bottleneck = Literal["server", "client", "neither"]
AnyLoad = TypeVar("AnyLoad", bound=Load)
ATTEMPTS = 3
#: A server whose main thread computes this part of the time is saturated.
SATURATED = 0.9
#: A generator that computes this much more of the time than the server is what the server waits for.
LEAD = 0.1


@dataclass(frozen=True, slots=True)
class Kept(Generic[AnyLoad]):
    """An open-loop run whose generator kept its schedule; ``load`` is None where none of the attempts did."""

    load: AnyLoad | None
    discarded: int
    reason: str = ""


def kept(run: Callable[[], AnyLoad], attempts: int = ATTEMPTS) -> Kept[AnyLoad]:
    """Run up to ``attempts`` times until the generator kept its schedule; the others are discarded.

    A generator that is late by more than two milliseconds and half of the p99 latency has measured itself.
    """
    late = []
    for attempt in range(attempts):
        load = run()
        if load.has_headroom:
            return Kept(load, attempt)
        late.append(load.late_send_s)
    return Kept(
        None, attempts, f"the generator itself was {1e3 * min(late):.1f} ms late at p99 in each of {attempts} runs"
    )


@dataclass(frozen=True, slots=True)
class Saturated:
    """A closed-loop run against a server, seen from both sides.

    ``server_s`` is server time (commandstats) and ``cpu_s`` main-thread CPU, both of one command in seconds.
    """

    driven: Driven
    server_s: float
    cpu_s: float
    server_share: float

    @property
    def bottleneck(self) -> Bottleneck:
        """Which side was computing while the other waited; ``neither`` where others had the processors."""
        if self.driven.client_share > self.server_share + LEAD and self.server_share < SATURATED:
            return "client"
        return "server" if self.server_share >= SATURATED else "neither"

    @property
    def publishable(self) -> bool:
        """Whether the figures are the server's."""
        return self.bottleneck != "client"


def saturate(
    server: Server,
    client: redis.Redis,
    command: bytes,
    reply: bytes,
    *,
    commands: int,
    pipeline: int = 16,
    connections: int = 16,
) -> Saturated:
    """Drive ``server`` with one command and read its counters around the run; see :func:`~.drive.drive`.

    Publish nothing of a result that is not ``publishable``. Commands of other clients of a shared server count too.
    """
    before = serverside.look(client)
    driven = drive(server, command, reply, pipeline=pipeline, connections=connections, commands=commands)
    seen = serverside.spent(before, serverside.look(client))
    calls = max(1, seen.calls)
    return Saturated(driven, seen.server_s / calls, seen.cpu_s / calls, min(1.0, seen.cpu_s / driven.seconds))
