"""What goes wrong on purpose: how long until every member is back in sync, and what was lost, over real WebSockets.

    python -m tests.benchmarks.sync_events               # 200 members in rooms of 8, every event, about two minutes
    python -m tests.benchmarks.sync_events 400 storm,cut # members, events; a list with commas

Two delivered gateways, a server with the recommended durability; every member makes a change about each 0.7 s and keeps
sending one whose outcome it does not know. Times count from the end of the event to the moment at which a member has what the
server had then. Wanted: nobody wrong for good, nothing acknowledged lost, and the last one back within the longest waits that
stand between (the client's; where the server was away the gateway's, too) and the sync target.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from redis_plan import server
from redis_plan.keyspace import naming, periods
from redis_plan.rig import hall
from redis_plan.rig.children import Child
from redis_plan.rig.events import Recovery, recover
from redis_plan.rig.member import Member
from redis_plan.rig.proxy import Wire
from redis_plan.server import Server
from redis_plan.server.fingerprint import machine
from redis_plan.server.process import free_port
from tests.delivery import made

ROOM, GATEWAYS, CUT_S, STALL_LIMIT = 8, 2, 10.0, 1 << 18
#: What the plan recommends for the server, and a small buffer for subscribers, so that a stalled one meets its bound.
CONFIG = {"appendonly": "yes", "appendfsync": "always", "client-output-buffer-limit": f"pubsub {STALL_LIMIT} 0 0"}
#: Waits between a member's connections: the delivered defaults of a client would hide what the gateway does.
BACKOFF_S, BACKOFF_CAP_S = 0.1, 1.0
#: Events after which gateways look for the server again.
AWAY = ("restart", "cut")


class Stage:
    """A server, gateways on ports that they keep, and members of all of them."""

    def __init__(self, held: ExitStack, folder: Path, count: int) -> None:
        self.folder, self.held = folder, held
        self.own: Server = held.enter_context(server.open_own({"port": "auto", **CONFIG}))
        self.sessions = [f"r{number}" for number in range(max(1, count // ROOM))]
        self.delivered = hall.opened(folder, self.own, self.sessions)
        self.ports = [free_port() for _ in range(GATEWAYS)]
        self.nodes: list[Child] = []
        self.members = [
            Member(
                [f"ws://127.0.0.1:{port}/" for port in self.ports],
                hall.signed(self.sessions[n % len(self.sessions)], f"m{n}"),
                random.Random(n),
                backoff_s=BACKOFF_S,
                cap_s=BACKOFF_CAP_S,
            )
            for n in range(count)
        ]

    def start(self, redis_port: int) -> None:
        """Start the gateways, on the server or on a wire to it."""
        self.redis_port = redis_port
        self.nodes = [self._node(port) for port in self.ports]

    def _node(self, port: int) -> Child:
        child = Child("redis_plan.rig.serving", "gateway", {})
        self.held.callback(child.end)
        environment = {"REDIS_URL": f"redis://127.0.0.1:{self.redis_port}", "GATEWAY_SECRET": hall.SECRET}
        child.tell(folder=str(self.folder), environment=environment, port=port)
        child.answer()
        return child

    def again(self, number: int) -> None:
        """Kill a gateway, and start it again on its port."""
        self.nodes[number].end()
        self.nodes[number] = self._node(self.ports[number])

    def state_of(self, session: str) -> dict[str, str]:
        key = self.delivered.Keys(naming.ENVIRONMENT).state(session)
        found: Any = self.own.client(decode_responses=True).hgetall(key)
        return found


async def storm(stage: Stage, _: Wire) -> None:
    """Every connection is lost at once, and all come back."""
    for member in stage.members:
        member.drop()


async def crash(stage: Stage, _: Wire) -> None:
    """A gateway is killed, and started again on its port."""
    await asyncio.to_thread(stage.again, 0)


async def restart(stage: Stage, _: Wire) -> None:
    """The server is killed, and starts again from its file."""
    await asyncio.to_thread(stage.own.kill)
    await asyncio.to_thread(stage.own.start)


async def cut(_: Stage, wire: Wire) -> None:
    """The network between gateways and server carries nothing for 10 s."""
    await wire.cut(CUT_S)


async def stall(stage: Stage, _: Wire) -> None:
    """A gateway does not run until the server has cut its subscription at the output-buffer limit."""
    operations = stage.delivered.Operations(stage.own.client(), stage.delivered.Keys(naming.ENVIRONMENT))
    channel = stage.delivered.Keys(naming.ENVIRONMENT).events(stage.sessions[0])
    client = stage.own.client()
    before = dict(client.pubsub_numsub(channel))[channel.encode()]
    stage.nodes[0].process.send_signal(signal.SIGSTOP)
    try:
        until = time.monotonic() + 30
        while dict(client.pubsub_numsub(channel))[channel.encode()] >= max(1, before) and time.monotonic() < until:
            fill = {"pad": "x" * 20_000}
            await asyncio.to_thread(operations.apply, stage.sessions[0], "fill", fill, fields={"pad": "y"})
    finally:
        stage.nodes[0].process.send_signal(signal.SIGCONT)


EVENTS: dict[str, Callable[[Stage, Wire], Awaitable[None]]] = {
    "storm": storm, "crash": crash, "restart": restart, "cut": cut, "stall": stall,
}  # fmt: skip


async def play(stage: Stage, name: str) -> Recovery:
    wire = Wire(int(stage.own.address[-1]))
    await wire.open()
    try:
        await asyncio.to_thread(stage.start, wire.port if name == "cut" else wire.target)
        return await recover(
            stage.members, lambda: EVENTS[name](stage, wire), stage.state_of, random.Random(20261130), limit_s=60
        )
    finally:
        await wire.close()


def main() -> None:
    """Print the table; the exit code is 1 where something wanted was not reached."""
    given = [*sys.argv[1:], "", ""][:2]
    count, names = int(given[0] or "200"), [n for n in EVENTS if not given[1] or n in given[1].split(",")]
    wrong: list[str] = []
    print(f"{machine()}; {count} members in rooms of {ROOM}, {GATEWAYS} gateways; s from the end of the event")
    print(f"{'event':>8} {'took':>6} {'p50':>6} {'p99':>6} {'last':>6} {'acted':>7} {'lost':>5} {'wrong':>6} {'deltas':>7} {'snapshots':>9} {'again':>6}  what")  # fmt: skip
    for name in names:
        with tempfile.TemporaryDirectory(prefix="redis-plan-") as path, ExitStack() as held:
            sample = made.of(made.SAMPLE, Path(path))
            stage = Stage(held, made.write(sample.artefacts, Path(path) / "delivered"), count)
            found = asyncio.run(play(stage, name))
        p50, p99, last = (float(s) for s in np.percentile(found.back_s, [50, 99, 100], method="higher"))
        print(
            f"{name:>8} {found.event_s:>6.2f} {p50:>6.2f} {p99:>6.2f} {last:>6.2f} {found.acted:>7,} {len(found.lost):>5} {len(found.wrong):>6} "
            f"{found.counts['delta']:>7,} {found.counts['snapshot']:>9,} {found.counts['again']:>6,}  {(EVENTS[name].__doc__ or '').strip()}",
            flush=True,
        )
        wrong += [f"{name}: {len(found.lost)} acknowledged changes lost"] * bool(found.lost)
        wrong += [f"{name}: {len(found.wrong)} members wrong at the end"] * bool(found.wrong)
        wanted = BACKOFF_CAP_S + sample.brief.value("sync_latency")
        if name in AWAY:
            wanted += sum(periods.seconds(sample.brief, each) for each in ("gateway_backoff_cap", "command"))
        wrong += [f"{name}: the last one was back after {last:.2f} s, wanted {wanted:g}"] * (last > wanted)
    print("\n" + ("\n".join(["NOT reached:", *wrong]) if wrong else "all that was wanted was reached"))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
