"""A hall: one server, delivered gateways, an audience and actors, each a process; what a measurement of fan-out needs."""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import redis

from redis_plan.keyspace import naming
from redis_plan.measure import histogram, serverside
from redis_plan.rig.children import Child
from redis_plan.rig.feeds import fit
from redis_plan.server import Server

SECRET = "of this run only"
#: A process, or a machine, that computes this part of the time has none left.
BUSY = 0.9


@dataclass(frozen=True, slots=True)
class Phase:
    """What is offered at once: changes a second by all rooms together, their shape and the bytes of their filling."""

    rate_per_s: float
    seconds: float
    shape: str = "steady"
    payload: int = 16


@dataclass(frozen=True, slots=True)
class Seen:
    """What one phase came to. Shares are CPU time by wall time of a process, over the phase.

    ``cost_s`` is a gateway's CPU time for one delivery, until the last of them was out. ``faults`` are what its clients
    went through, by kind (verdict.FAULTS).
    """

    phase: Phase
    members: int
    changes: int
    complete: int
    latency: histogram.Histogram
    late_s: float
    took_s: float
    errors: int
    cost_s: float
    gateway: float
    server: float
    audience: float
    actors: float
    faults: Mapping[str, int] = field(default_factory=dict)

    @property
    def deliveries_per_s(self) -> float:
        """Messages that were to reach clients a second, as offered."""
        return self.phase.rate_per_s * self.members

    @property
    def bottleneck(self) -> str:
        """What kept the rest waiting: gateway, server, load side, the cores of the machine, or other work on them.

        The load side is it as well where it did not act in time, whoever had the processors then.
        """
        if self.late_s > max(0.002, self.p99_s / 2):
            return "load side"
        shares = {"gateway": self.gateway, "server": self.server, "load side": max(self.audience, self.actors)}
        busiest = max(shares, key=lambda name: shares[name])
        if shares[busiest] > BUSY:
            return busiest
        together = self.gateway + self.server + self.audience + self.actors
        return "cores" if together > BUSY * (os.cpu_count() or 1) else "other work"

    @property
    def p99_s(self) -> float:
        """Intended time to last client, 99th percentile in seconds; infinite where no change was complete."""
        return self.latency.percentile(99) if self.latency.count else float("inf")

    @property
    def whole(self) -> bool:
        """Whether every change reached every client, in order and once, and nobody lost a connection."""
        return self.complete == self.changes > 0 and not self.errors and not self.faults


def signed(session_id: str, member: str, role: str = "player", **more: Any) -> dict[str, Any]:  # Any: JSON
    """Return the first word of a client whom the delivered gateway admits."""
    text = "\n".join((session_id, member, role)).encode()
    ticket = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
    return {"t": "join", "s": session_id, "m": member, "c": "1", "r": role, "k": ticket, **more}


def opened(folder: Path, server: Server, sessions: Sequence[str], feed: str = "") -> ModuleType:
    """Load the functions that were delivered to ``folder``, create the sessions, and return the delivered client."""
    client = server.client()
    client.function_load((folder / "functions.lua").read_text("utf-8"), replace=True)
    spec = importlib.util.spec_from_file_location("redis_plan_client_of_the_rig", folder / "redis_plan_client.py")
    assert spec is not None
    assert spec.loader is not None
    delivered = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(delivered)
    fit(feed, delivered)
    operations = delivered.Operations(client, delivered.Keys(naming.ENVIRONMENT))
    for session in sessions:
        operations.create(session)
    return delivered


@contextmanager
def gateway(folder: Path, urls: Sequence[str], **given: Any) -> Iterator[tuple[Child, int]]:  # Any: JSON
    """Run the gateway that was delivered to ``folder``; the process and its port."""
    child = Child("redis_plan.rig.serving", "gateway", {})
    try:
        environment = {"REDIS_URL": ",".join(urls), "GATEWAY_SECRET": SECRET}
        child.tell(folder=str(folder), environment=environment, **given)
        yield child, int(child.answer().rpartition(":")[2])
    finally:
        child.end()


def fan_out(
    folder: Path,
    server: Server,
    sessions: Sequence[str],
    members: int,
    phases: Sequence[Phase],
    *,
    ports: Sequence[int],
    gateways: Sequence[Child],
    feed: str = "",
    seat: bool = True,
    slow: Sequence[int] = (),
    settle_s: float = 2.5,
    seed: int = 20261129,
) -> tuple[list[Seen], dict[str, int]]:
    """Seat ``members`` clients in each session, carry out the phases one after the other, and judge what came.

    A phase after which the gateway is still behind when ``settle_s`` are over is the last one.

    The sessions exist; their keys are those of the delivered client. Rooms are dealt to the gateways in turn, and all
    clients of a room sit at one gateway.
    """
    clients = [
        ((("127.0.0.1", ports[number % len(ports)])), session, signed(session, f"m{member}", seat=seat))
        for number, session in enumerate(sessions)
        for member in range(members)
    ]
    with ExitStack() as held:
        audience = Child("redis_plan.rig.audience", "audience", {})
        held.callback(audience.end)
        audience.tell(clients=clients, slow=list(slow))
        actors = Child("redis_plan.rig.actors", "actors", {})
        held.callback(actors.end)
        actors.tell(
            folder=str(folder),
            environment=naming.ENVIRONMENT,
            address=list(server.address),
            sessions=list(sessions),
            feed=feed,
        )
        audience.ready()
        actors.ready()
        client = server.client()
        looked = []
        for number, phase in enumerate(phases, 1):
            before = _cpu(client, audience, gateways)
            done = actors.ask(phase=number, shape=phase.shape, rate_per_s=phase.rate_per_s, seconds=phase.seconds,
                              payload=phase.payload, seed=seed)  # fmt: skip
            after = _cpu(client, audience, gateways)
            time.sleep(settle_s)  # what is late comes late, and is not the next phase's
            rested = _cpu(client, audience, gateways)
            shares = {name: _share(before[name], after[name]) for name in after}
            looked.append((done, shares, rested["gateway"][0] - before["gateway"][0]))
            if _share(after["gateway"], rested["gateway"]) > 0.5:  # still behind: the next phase would measure this one
                break
        verdict = audience.finish()
    seen = []
    for number, (phase, (done, shares, spent)) in enumerate(zip(phases, looked, strict=False), 1):
        found = verdict["phases"].get(str(number), {"complete": 0, "hdr": "", "faults": {}})
        latency = histogram.decode(found["hdr"]) if found["hdr"] else histogram.of([])
        seen.append(
            Seen(phase, members, int(done["changes"]), int(found["complete"]), latency, done["late_s"], done["took_s"],
                 int(done["errors"]), cost_s=spent / max(1, done["changes"] * members / len(gateways)), actors=done["busy_s"] / done["took_s"], faults=found["faults"], **shares)
        )  # fmt: skip
    return seen, verdict["counts"] | verdict["faults"]


def _cpu(client: redis.Redis, audience: Child, gateways: Sequence[Child]) -> dict[str, tuple[float, float]]:
    """Return the CPU seconds of each process so far and when it was so; of several gateways those of the busiest."""
    server = serverside.main_thread_cpu(client), time.monotonic()
    said = [child.ask() for child in gateways]  # a busy one answers late, and says when it did
    heard = audience.ask()
    busiest = max(said, key=lambda answer: float(answer["cpu_s"]))
    return {
        "gateway": (busiest["cpu_s"], busiest["at_s"]), "server": server, "audience": (heard["cpu_s"], heard["at_s"]),
    }  # fmt: skip


def _share(before: tuple[float, float], after: tuple[float, float]) -> float:
    return (after[0] - before[0]) / max(1e-9, after[1] - before[1])
