"""A hall: one server, delivered gateways, an audience and actors, each a process; what a measurement of fan-out needs."""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from redis_plan.brief.model import Brief
from redis_plan.delivery import action_clients, clients, library, syncing
from redis_plan.keyspace import naming
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure import histogram, serverside
from redis_plan.remembered import remembered
from redis_plan.rig.children import Child, Line, Twins
from redis_plan.rig.feeds import delivered_client
from redis_plan.server import Server

SECRET = "of this run only"
#: A process, or a machine, that computes this part of the time has none left.
BUSY = 0.9
#: Before clients are judged, nothing has come to them for so many seconds; they are waited for so long at most.
QUIET_S, LATE_S = 0.2, 20.0


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

    ``cost_s`` is a gateway's CPU time for one delivery and ``server_s`` the server's for one change, until the last was
    out. ``faults`` are what its clients went through, by kind (verdict.FAULTS); ``delays_ns`` how late each change was on
    its last client, where that was kept.
    """

    phase: Phase
    members: float
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
    server_s: float = 0.0
    faults: Mapping[str, int] = field(default_factory=dict)
    delays_ns: tuple[int, ...] = ()

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


def opened(folder: Path, server: Server, sessions: Sequence[str]) -> ModuleType:
    """Load the functions that were delivered to ``folder``, create the sessions, and return the delivered client."""
    client = server.client()
    client.function_load((folder / "functions.lua").read_text("utf-8"), replace=True)
    delivered = delivered_client(folder)
    operations = delivered.Operations(client, delivered.Keys(naming.ENVIRONMENT))
    for session in sessions:
        operations.create(session)
    return delivered


def lay(folder: Path, brief: Brief, keyspace: Keyspace) -> Path:
    """Write what a gateway and its functions are delivered as; return the folder. The design has sessions."""
    for name, text in _delivered(brief, keyspace).items():
        (folder / name).write_text(text, "utf-8")
    return folder


@remembered
def _delivered(brief: Brief, keyspace: Keyspace) -> Mapping[str, str]:
    found = {library.FILE: library.compose(brief, keyspace), clients.PYTHON: clients.python_client(brief, keyspace)}
    found |= {artefact.path: artefact.text for artefact in syncing.artefacts(brief, keyspace)}
    found |= {action_clients.PYTHON: text} if (text := action_clients.python_module(brief, keyspace)) else {}
    return found


@dataclass(frozen=True, slots=True)
class Called:
    """The processes of a hall before they are told anything: each imports what it needs."""

    gateways: Twins
    audience: Child
    actors: Child


def called(held: ExitStack, gateways: int) -> Called:
    """Start the processes of a hall, while its files and its server are made; ``held`` ends them."""
    serving = Twins("redis_plan.rig.serving", "gateways", gateways)
    held.callback(serving.end)
    return Called(serving, *seats(held))


def seats(held: ExitStack) -> tuple[Child, Child]:
    """Start an audience and actors; ``held`` ends them."""
    started = []
    for role in ("audience", "actors"):
        started.append(Child(f"redis_plan.rig.{role}", role, {}))
        held.callback(started[-1].end)
    audience, actors = started
    return audience, actors


def started(gateways: Twins, folder: Path, server: Server, feeds: Sequence[str]) -> list[tuple[Line, int]]:
    """Have each of ``gateways`` serve by one of ``feeds`` on a server of our own with a port; lines to them, and their ports."""
    environment = {"REDIS_URL": f"redis://127.0.0.1:{server.address[-1]}", "GATEWAY_SECRET": SECRET}
    gateways.tell(folder=str(folder), environment=environment, feeds=list(feeds))
    return [(line, int(line.answer().rpartition(":")[2])) for line in gateways.lines]


@contextmanager
def gateway(
    folder: Path, urls: Sequence[str], *, environment: Mapping[str, str] | None = None, **given: Any
) -> Iterator[tuple[Child, int]]:  # Any: JSON
    """Run the gateway that was delivered to ``folder``, with more in its ``environment``; the process and its port."""
    child = Child("redis_plan.rig.serving", "gateway", {})
    try:
        known = {"REDIS_URL": ",".join(urls), "GATEWAY_SECRET": SECRET, **(environment or {})}
        child.tell(folder=str(folder), environment=known, **given)
        yield child, int(child.answer().rpartition(":")[2])
    finally:
        child.end()


@dataclass(frozen=True, slots=True)
class Room:
    """One session of a hall: how many clients are in it, the number of their gateway, and what that is fed by."""

    session: str
    members: int
    gateway: int = 0
    feed: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What one phase took, before anybody has looked at what came; CPU seconds of a gateway and of the server."""

    phase: Phase
    members: float
    said: Mapping[str, Any]
    shares: Mapping[str, float]
    gateway_s: float
    server_s: float
    gateways: int
    behind: bool


class Hall:
    """An audience that is seated, and actors who make changes in some of the rooms or in all."""

    def __init__(
        self, server: Server, rooms: Sequence[Room], gateways: Sequence[Line], audience: Child, actors: Child
    ) -> None:
        self.rooms, self.gateways, self.audience, self.actors = rooms, gateways, audience, actors
        self.done: list[Done] = []
        self._client = server.client()

    def act(self, phase: Phase, settle_s: float, chosen: Sequence[int] = (), *, seed: int = 20261129) -> Done:
        """Carry out a phase in the rooms with the numbers ``chosen``, all where none are, and wait for what comes late.

        What comes after ``settle_s`` is another phase's; a gateway that is busy even then is behind.
        """
        given = {
            "shape": phase.shape,
            "rate_per_s": phase.rate_per_s,
            "seconds": phase.seconds,
            "payload": phase.payload,
        }
        rooms = [self.rooms[number] for number in chosen] or self.rooms
        return self._done(phase, settle_s, rooms, seed=seed, rooms=list(chosen), **given)

    def carry_out(
        self, phase: Phase, settle_s: float, chosen: Sequence[int], commands: Sequence[tuple[str, float, Sequence[Any]]]
    ) -> Done:  # Any: text and numbers
        """Have commands sent in the rooms with the numbers ``chosen``, as :meth:`actors.Actors.carry_out` takes them."""
        done = self._done(phase, settle_s, [self.rooms[number] for number in chosen], commands=list(commands))
        self.audience.ask(acted=done.said["acted"])
        return done

    def _done(self, phase: Phase, settle_s: float, among: Sequence[Room], **asked: Any) -> Done:  # Any: JSON
        gateways = [self.gateways[number] for number in sorted({room.gateway for room in among})]
        before = self._cpu(gateways)
        said = self.actors.ask(phase=len(self.done) + 1, **asked)
        after = self._cpu(gateways)
        time.sleep(settle_s)
        rested = self._cpu(gateways)
        shares = {name: _share(before[name], after[name]) for name in after}
        gateway_s, server_s = (rested[name][0] - before[name][0] for name in ("gateway", "server"))
        behind = _share(after["gateway"], rested["gateway"]) > 0.5
        members = sum(room.members for room in among) / len(among)
        self.done.append(Done(phase, members, said, shares, gateway_s, server_s, len(gateways), behind))
        return self.done[-1]

    def judge(self) -> tuple[list[Seen], dict[str, int]]:
        """Let everybody go when all has come, and return what each phase came to, and what all clients counted."""
        self._hear_out()
        verdict = self.audience.finish()
        seen = []
        for number, done in enumerate(self.done, 1):
            found = verdict["phases"].get(str(number), {"complete": 0, "hdr": "", "faults": {}, "delays_ns": []})
            latency = histogram.decode(found["hdr"]) if found["hdr"] else histogram.of([])
            changes = int(done.said["changes"])
            seen.append(
                Seen(done.phase, done.members, changes, int(found["complete"]), latency, done.said["late_s"], done.said["took_s"],
                     int(done.said["errors"]), cost_s=done.gateway_s / max(1, changes * done.members / done.gateways),
                     server_s=done.server_s / max(1, changes), actors=done.said["busy_s"] / done.said["took_s"], faults=found["faults"],
                     delays_ns=tuple(found.get("delays_ns", ())), **done.shares)
            )  # fmt: skip
        return seen, verdict["counts"] | verdict["faults"]

    def _hear_out(self) -> None:
        """Wait for what is on its way: on a busy machine it may come long after the last phase, and is not lost."""
        every = sum(int(done.said["changes"]) * done.members for done in self.done)
        before, until = -1, time.monotonic() + LATE_S
        while (heard := self.audience.ask(count=True)["events"]) not in (before, every) and time.monotonic() < until:
            before = heard
            time.sleep(QUIET_S)

    def _cpu(self, gateways: Sequence[Line]) -> dict[str, tuple[float, float]]:
        """Return the CPU seconds of each process so far and when it was so; of several gateways those of the busiest."""
        server = serverside.main_thread_cpu(self._client), time.monotonic()
        said = [line.ask() for line in gateways]  # a busy one answers late, and says when it did
        heard = self.audience.ask()
        busiest = max(said, key=lambda answer: float(answer["cpu_s"]))
        return {
            "gateway": (busiest["cpu_s"], busiest["at_s"]), "server": server, "audience": (heard["cpu_s"], heard["at_s"]),
        }  # fmt: skip


def _share(before: tuple[float, float], after: tuple[float, float]) -> float:
    return (after[0] - before[0]) / max(1e-9, after[1] - before[1])


@contextmanager
def seated(
    folder: Path,
    server: Server,
    rooms: Sequence[Room],
    gateways: Sequence[tuple[Line, int]],
    *,
    seat: bool = True,
    keep: bool = False,
    dialect: str = "",
    here: Called | None = None,
) -> Iterator[Hall]:
    """Seat everybody, and have actors ready, as processes of their own or as those that are ``here``. The sessions exist.

    With ``keep`` the delay of every change is kept, not only their histogram; ``dialect`` is one of audience.DIALECTS.
    """
    clients = [
        (("127.0.0.1", gateways[room.gateway][1]), room.session, signed(room.session, f"m{member}", seat=seat))
        for room in rooms
        for member in range(room.members)
    ]
    with ExitStack() as held:
        audience, actors = (here.audience, here.actors) if here else seats(held)
        audience.tell(clients=clients, keep=keep, dialect=dialect)
        acting = [(room.feed, room.session) for room in rooms]
        actors.tell(folder=str(folder), environment=naming.ENVIRONMENT, address=list(server.address), rooms=acting)
        audience.ready()
        actors.ready()
        yield Hall(server, rooms, [line for line, _ in gateways], audience, actors)


def fan_out(
    folder: Path,
    server: Server,
    rooms: Sequence[Room],
    phases: Sequence[Phase],
    gateways: Sequence[tuple[Line, int]],
    *,
    seat: bool = True,
    settle_s: float = 2.5,
    dialect: str = "",
) -> tuple[list[Seen], dict[str, int]]:
    """Carry out the phases one after the other in all rooms, and judge what came.

    A phase after which a gateway is behind is the last one: the next would measure it.
    """
    with seated(folder, server, rooms, gateways, seat=seat, dialect=dialect) as hall:
        for phase in phases:
            if hall.act(phase, settle_s).behind:
                break
        return hall.judge()
