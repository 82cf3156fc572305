"""Real-time synchronisation over real WebSockets: ways of feeding a gateway × rooms × clients, beside a gateway in C.

    python -m tests.benchmarks.sync                       # everything, about half an hour
    python -m tests.benchmarks.sync 1000 8,50 pubsub      # clients, rooms (all: one room), ways; each a list with commas
    python -m tests.benchmarks.sync 1000 50 picows,websockets,starlette,asyncio   # least gateways with each library
    python -m tests.benchmarks.sync 1000 50 "pubsub,socket.io classic,socket.io sharded,socket.io streams"

One gateway process, the delivered one; one process with all the clients, one that acts at intended times through the
delivered function. The yardstick is the least that a gateway can be (yardstick.c, one frame a write), measured in turn.
A row says how many deliveries a second all arrived, in order and once, with p99 from intended time to the last client of
the room under 100 ms, and under 2 s; which process was the bottleneck beyond; and what clients went through there, by kind: a
gateway that is behind closes who does not read (slow), and gives a room its state in place of events that a beacon missed
(snapshot). Where the load side was the bottleneck, the row is not published. Wanted: WANTED below, and none of that before the
gateway had no time left.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis_plan import server
from redis_plan.keyspace import naming
from redis_plan.rig import hall
from redis_plan.rig.children import Child
from redis_plan.rig.feeds import KEYSPACE
from redis_plan.rig.hall import BUSY, Phase, Seen
from redis_plan.rig.verdict import FAULTS
from redis_plan.server import Server
from redis_plan.server.fingerprint import machine
from tests.benchmarks import sync_libraries, sync_socketio
from tests.delivery import made

#: Ways by name: the feed of the gateway, and what differs in its bounds.
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "pubsub": ("pubsub", {}),
    "one frame a write": ("pubsub", {"coalesce_s": 0.0}),
    "sharded": ("sharded", {}),
    "streams": ("streams", {}),
    "woken": ("woken", {}),
    "notified": ("notified", {}),
    "tracked": ("tracked", {}),
}
YARDSTICK = "C"
#: Gateways that are no way of feeding the delivered one: the least in C, with each library, and Socket.IO with its adapters.
LEAST = (YARDSTICK, *sync_libraries.installed(), *sync_socketio.installed())
#: Deliveries a second that are offered one after the other, until a gateway no longer keeps up.
LADDER = (
    *(25_000, 35_000, 50_000, 60_000, 75_000, 100_000, 150_000, 250_000, 500_000, 750_000, 1_000_000, 1_500_000),
    *(2_500_000, 4_000_000, 6_000_000),
)
SECONDS, SETTLE_S = 4.0, 1.5
#: Deliveries of one phase at most, but for its first second: each is looked at afterwards.
MOST_DELIVERIES = 500_000
#: Ways that are measured at the smallest number of clients alone.
ONCE = ("sharded", "streams", "woken", "notified", "tracked", *sync_socketio.WAYS)
SOON_S, LATE_S = 0.1, 2.0
#: What a gateway does not even when it is behind: lose within what it gave, repeat, or go back.
NEVER = ("gap", "repeated", "backward")
#: Least deliveries a second of one gateway with 10,000 clients: with p99 under 100 ms (or so much of the yardstick's), under 2 s.
WANTED, WANTED_OF_YARDSTICK, WANTED_LATE = 100_000, 0.6, 150_000
#: Least ratio of what goes with coalescing to what goes without, at 1,000 to 5,000 clients, each under 2 s: what waits for a
#: common write can't be under 100 ms where every client has few messages a second.
WANTED_COALESCED = 10.0
#: Changes a second that the acting side and the server's function are asked for at most: beyond, they are what is measured.
MOST_CHANGES = 15_000


@dataclass(frozen=True)
class Row:
    """What one way came to in one shape."""

    way: str
    clients: int
    room: int
    seen: list[Seen]
    counts: dict[str, int]

    def most(self, p99_s: float) -> Seen | None:
        """Return the phase with the most deliveries a second that all arrived within ``p99_s`` at p99."""
        good = [s for s in self.seen if s.whole and s.p99_s < p99_s]
        return max(good, key=lambda s: s.deliveries_per_s, default=None)

    def rate(self, p99_s: float) -> float:
        found = self.most(p99_s)
        return found.deliveries_per_s if found else 0.0

    @property
    def offered(self) -> float:
        """The most deliveries a second of any phase."""
        return max((s.deliveries_per_s for s in self.seen), default=0.0)

    @property
    def end(self) -> Seen:
        """The phase that showed the limit, or the last one."""
        return next((s for s in self.seen if not s.whole or s.p99_s >= SOON_S), self.seen[-1])

    @property
    def bottleneck(self) -> str:
        if self.end.whole and self.end.p99_s < SOON_S:
            return "not reached"
        return self.end.bottleneck

    @property
    def beyond(self) -> str:
        """What clients went through, by kind: where it is not 0, a phase without it is published all the same."""
        found = {name: n for name, n in self.counts.items() if name.startswith(FAULTS)}
        missing = sum(s.changes - s.complete for s in self.seen)
        words = [f"{n:,} {name}" for name, n in sorted(found.items())] + [f"{missing:,} not on all"] * bool(missing)
        return ", ".join(words) or "0"


def measure(way: str, clients: int, room: int, folder: Path, seconds: float, ladder: Sequence[int] = LADDER) -> Row:
    rooms = max(1, clients // room)
    phases = [
        Phase(rate / room, min(seconds, max(1.0, MOST_DELIVERIES / rate)))
        for rate in ladder
        if rate / room <= MOST_CHANGES
    ]
    sessions = [f"r{number}" for number in range(rooms)]
    config = {"port": "auto", "client-output-buffer-limit": "pubsub 256mb 64mb 60"}
    if way == "notified":
        config["notify-keyspace-events"] = KEYSPACE
    with server.open_own(config) as own:
        feed, limits = WAYS.get(way, ("", {}))
        delivered = hall.opened(folder, own, sessions)
        seat = room <= delivered.CAPACITY and way not in LEAST
        if way in sync_socketio.WAYS:
            functions = (folder / "functions.lua").read_text("utf-8")
            own.client().function_load(sync_socketio.retold(functions, way), replace=True)
        urls = [f"redis://127.0.0.1:{own.address[2]}"]
        started = least(way, own, delivered) if way in LEAST else hall.gateway(folder, urls, feed=feed, limits=limits)
        with started as gateway:
            halls = [hall.Room(session, room, feed=feed) for session in sessions]
            dialect = sync_socketio.DIALECT if way in sync_socketio.WAYS else ""
            seen, counts = hall.fan_out(
                folder, own, halls, phases, [gateway], seat=seat, settle_s=SETTLE_S, dialect=dialect
            )
    return Row(way, clients, room, seen, counts)


@contextmanager
def least(way: str, own: Server, delivered: Any) -> Iterator[tuple[Child, int]]:
    """Run the least gateway in C, which is compiled, with a library, or Socket.IO with an adapter."""
    before, _, after = delivered.Keys(naming.ENVIRONMENT).events("ROOM").partition("ROOM")
    told = [str(own.address[-1]), before, after]
    with tempfile.TemporaryDirectory(prefix="redis-plan-") as folder:
        command = [sys.executable, "-m", "tests.benchmarks.sync_libraries", way, *told]
        if way in sync_socketio.WAYS:
            command = sync_socketio.command(way, int(own.address[-1]))
        elif way == YARDSTICK:
            program, source = f"{folder}/yardstick", Path(__file__).with_name("yardstick.c")
            subprocess.run([str(compiler()), "-O2", "-o", program, str(source)], check=True)
            command = [program, *told]
        child = Child("", "", {}, command)
        try:
            yield child, int(child.answer().rpartition(":")[2])
        finally:
            child.end()


def compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def line(row: Row, c_rate: float) -> str:
    if row.bottleneck == "load side":
        return f"{row.way:>18} {row.clients:>7,} {row.room:>6,}  not published: the load side was the bottleneck"
    soon = row.most(SOON_S)
    ratio = f"{row.rate(SOON_S) / c_rate:.2f}" if c_rate else "–"
    end = row.end
    return (
        f"{row.way:>18} {row.clients:>7,} {row.room:>6,} {row.rate(SOON_S):>11,.0f} {row.rate(LATE_S):>11,.0f} {ratio:>6} "
        f"{1e3 * soon.p99_s if soon else float('nan'):>7.1f} {1e6 * end.cost_s:>8.1f} {end.gateway:>7.2f} {end.server:>6.2f} "
        f"{max(end.audience, end.actors):>5.2f}  {row.bottleneck:<12} {row.beyond}"
    )


def inexcusable(seen: Seen) -> dict[str, int]:
    """Return the faults that no overload explains: all of them where the gateway kept up, else those of order and loss."""
    behind = seen.gateway >= BUSY or seen.complete < seen.changes or seen.p99_s >= LATE_S
    return {name: n for name, n in seen.faults.items() if not behind or name in NEVER}


def published(rows: list[Row]) -> dict[tuple[str, int, int], Row]:
    """Return rows by way, clients and size of a room: those whose limit was not the load side's."""
    return {(r.way, r.clients, r.room): r for r in rows if r.bottleneck != "load side"}


def judged(rows: list[Row]) -> list[str]:
    """Return what was wanted and not reached."""
    by = published(rows)
    wrong = [
        f"{r.way}, {r.clients:,} clients, rooms of {r.room}: {', '.join(f'{n:,} {name}' for name, n in found.items())} at {s.deliveries_per_s:,.0f}/s"
        for r in by.values()
        for s in r.seen
        if r.way not in LEAST and (found := inexcusable(s))
    ]
    for (way, clients, room), row in by.items():
        least = by.get((YARDSTICK, clients, room))
        if way == "pubsub" and clients >= 10_000 and room in (8, 50):
            wanted = min(WANTED, WANTED_OF_YARDSTICK * least.rate(SOON_S)) if least else WANTED
            if row.rate(SOON_S) < wanted:
                wrong.append(
                    f"{clients:,} clients, rooms of {room}: {row.rate(SOON_S):,.0f}/s under 100 ms, wanted {wanted:,.0f}"
                )
            if row.rate(LATE_S) < WANTED_LATE and (
                not least or row.rate(LATE_S) < WANTED_OF_YARDSTICK * least.rate(LATE_S)
            ):
                wrong.append(
                    f"{clients:,} clients, rooms of {room}: {row.rate(LATE_S):,.0f}/s under 2 s, wanted {WANTED_LATE:,}"
                )
    return wrong + [
        f"{clients:,} clients: coalescing gains {gain:.1f} times at most, wanted {WANTED_COALESCED:g}"
        for clients, gain in gains(by).items()
        if gain < WANTED_COALESCED
    ]


def gains(by: dict[tuple[str, int, int], Row]) -> dict[int, float]:
    """Return by number of clients (1,000 to 5,000) how many times more goes under 2 s with coalescing, in the shape that shows most.

    Rooms of 8 and of 50 are limited by the changes a second that can be offered, long before the gateway is.
    """
    found: dict[int, float] = {}
    for (way, clients, room), row in by.items():
        single = by.get(("one frame a write", clients, room))
        if way == "pubsub" and single and 1_000 <= clients <= 5_000:
            found[clients] = max(found.get(clients, 0.0), row.rate(LATE_S) / max(1.0, single.rate(LATE_S)))
    return found


def main() -> None:
    """Print the table; the exit code is 1 where something wanted was not reached."""
    given = [*sys.argv[1:], "", "", "", ""][:4]
    counts = [int(n) for n in (given[0] or "1000,5000,10000").split(",")]
    shapes = (given[1] or "8,50,all").split(",")
    chosen = given[2].split(",") if given[2] else [*WAYS]
    ways = [way for way in (*LEAST[1:], *WAYS) if way in chosen]
    seconds = float(given[3] or SECONDS)
    with tempfile.TemporaryDirectory(prefix="redis-plan-") as folder:
        path = Path(folder)
        sample = made.of(made.SAMPLE, path)
        delivered = made.write(sample.artefacts, path / "delivered")
        print(f"{machine()}; one gateway; p99 from the intended time of a change to the last client of its room")
        print(
            f"{'way':>18} {'clients':>7} {'room':>6} {'<100 ms /s':>11} {'<2 s /s':>11} {'of C':>6} {'p99 ms':>7} {'µs each':>8} "
            f"{'gateway':>7} {'server':>6} {'load':>5}  {'bottleneck':<12} faults, by kind"
        )
        rows: list[Row] = []
        for clients in counts:
            for shape in shapes:
                room, c_rate = clients if shape == "all" else int(shape), 0.0
                these = [way for way in ways if way not in ONCE or clients == counts[0]]
                for way in [*([YARDSTICK] if compiler() else []), *these]:
                    rows.append(measure(way, clients, room, delivered, seconds))
                    c_rate = rows[-1].rate(SOON_S) if way == YARDSTICK else c_rate
                    print(line(rows[-1], c_rate), flush=True)
    wrong = judged(rows)
    if not compiler():
        print("no C compiler here, so there is no yardstick")
    for clients, gain in gains(published(rows)).items():
        print(
            f"{clients:,} clients: with coalescing {gain:.1f} times as many deliveries a second as with one frame a write"
        )
    print("\n" + ("\n".join(["NOT reached:", *wrong]) if wrong else "all that was wanted was reached"))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
