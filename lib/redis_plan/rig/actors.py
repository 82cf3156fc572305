"""Actors: changes at intended times (open loop) in the shape of a project, by the delivered function over one connection.

``python -m redis_plan.rig.actors actors FOLDER`` reads a line of JSON a phase from stdin, carries it out, and answers
with what it offered and how late it was itself. FOLDER has the delivered client, which names the keys and arguments.
A phase is changes of their own making, or commands that the parent hands over, each with its time.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hiredis
import numpy as np
from numpy.typing import NDArray

from redis_plan.measure import replies, respwire
from redis_plan.rig.feeds import delivered_client

#: Times in seconds from the start, in order, and the number of the room of each.
Schedule = tuple[NDArray[Any], NDArray[Any]]
#: The first command of a phase is due so long after all are packed.
LEAD_NS = 5_000_000
#: A client that draws or drags sends so many positions a second.
DRAG_HZ = 30.0


def steady(rate_per_s: float, seconds: float, rooms: int, rng: np.random.Generator) -> Schedule:
    """Return times and rooms of independent changes."""
    times = np.cumsum(rng.exponential(1 / rate_per_s, int(rate_per_s * seconds)))
    return times, rng.integers(0, rooms, len(times))


def bursts(rate_per_s: float, seconds: float, rooms: int, rng: np.random.Generator) -> Schedule:
    """Return times and rooms of answers after questions: each second a tenth of the rooms opens one, answers follow in 2 s."""
    count = int(rate_per_s * seconds)
    opened = rng.integers(0, max(1, int(seconds)), count)
    asking = [rng.choice(rooms, max(1, rooms // 10), replace=False) for _ in range(max(1, int(seconds)))]
    times = opened + np.minimum(rng.exponential(0.5, count), 2.0)
    order = np.argsort(times)
    chosen = np.array([rng.choice(asking[second]) for second in opened], dtype=np.int64)
    return times[order], chosen[order]


def drags(rate_per_s: float, seconds: float, rooms: int, rng: np.random.Generator) -> Schedule:
    """Return times and rooms of drags at 30 Hz, in as many rooms as the rate allows."""
    dragging = max(1, round(rate_per_s / DRAG_HZ))
    starts = rng.random(dragging) / DRAG_HZ
    times = (starts[:, None] + np.arange(int(seconds * DRAG_HZ))[None, :] / DRAG_HZ).ravel()
    chosen = np.repeat(rng.integers(0, rooms, dragging), int(seconds * DRAG_HZ))
    order = np.argsort(times, kind="stable")
    return times[order], chosen[order]


def ticker(rate_per_s: float, seconds: float, rooms: int, rng: np.random.Generator) -> Schedule:
    """Return times and rooms of ticks: every room at the same moments, as often as the rate allows."""
    period = rooms / rate_per_s
    times = np.repeat(np.arange(max(1, int(seconds / period))) * period, rooms)
    return times, np.tile(rng.permutation(rooms), len(times) // rooms)


SHAPES: dict[str, Callable[..., Schedule]] = {
    "steady": steady, "bursts": bursts, "drags": drags, "ticker": ticker,
}  # fmt: skip


class Actors:
    """One pipelined connection on which changes are made: by the delivered Calls of each room's feed, in its session."""

    def __init__(self, rooms: Sequence[tuple[Any, str]], address: Sequence[Any]) -> None:
        self.link = respwire.connect((address[0], address[1]) if len(address) == 2 else tuple(address))
        made = [calls.apply(session, "move", {"mark": 0}) for calls, session in rooms]
        self.before, self.after = [], []
        for call in made:  # only the event's data differs from change to change
            packed = respwire.pack(*call.command)
            head, _, tail = packed.partition(b'$10\r\n{"mark":0}\r\n')
            self.before.append(head)
            self.after.append(tail)

    def act(
        self, phase: int, shape: str, rate_per_s: float, seconds: float, payload: int, seed: int, rooms: Sequence[int] = ()
    ) -> dict[str, float]:  # fmt: skip
        """Make the changes of one phase, and wait for their answers; times in seconds.

        ``rooms`` are the numbers of those in which they are made; all where there are none.
        """
        rng = np.random.default_rng([seed, phase])
        chosen = np.array(rooms or range(len(self.before)))
        times, places = SHAPES[shape](rate_per_s, seconds, len(chosen), rng)
        start = time.monotonic_ns() + LEAD_NS + 20_000 * len(times)  # after they are packed
        intended = start + (times * 1e9).astype(np.int64)
        packed = [
            self._packed(int(room), phase, int(at), payload) for room, at in zip(chosen[places], intended, strict=True)
        ]
        counter = replies.parsed()
        said = offered(self.link, packed, start, intended, counter.feed)
        return {"changes": len(packed), "errors": counter.errors, **said}

    def carry_out(
        self, phase: int, commands: Sequence[tuple[str, float, Sequence[str]]]
    ) -> dict[str, Any]:  # Any: JSON
        """Send each command of a room so many seconds from the start, in their order, and wait for their answers.

        A command answers ``[version, result]``. ``acted`` has a row for each that was done: its room, the version that it
        made, the phase, and the intended time in ns of the monotonic clock.
        """
        packed = [respwire.pack(*words) for _, _, words in commands]
        start = time.monotonic_ns() + LEAD_NS
        intended = start + (np.array([after_s for _, after_s, _ in commands]) * 1e9).astype(np.int64)
        answers: list[Any] = []
        reader = hiredis.Reader()

        def feed(received: bytes) -> int:
            reader.feed(received)
            before = len(answers)
            while (reply := reader.gets()) is not False:
                answers.append(reply)
            return len(answers) - before

        said = offered(self.link, packed, start, intended, feed)
        acted = [
            (room, int(reply[0]), phase, int(at))
            for (room, _, _), reply, at in zip(commands, answers, intended, strict=False)
            if isinstance(reply, list) and reply[1] == b"ok"
        ]
        wrong = sum(isinstance(reply, Exception) for reply in answers)
        return {"changes": len(acted), "errors": wrong, "acted": acted, **said}

    def _packed(self, room: int, phase: int, at: int, payload: int) -> bytes:
        data = b'{"p":%d,"at":%d,"x":"%s"}' % (phase, at, b"x" * payload)
        return self.before[room] + b"$%d\r\n%b\r\n" % (len(data), data) + self.after[room]


def offered(
    link: socket.socket, packed: Sequence[bytes], start: int, intended: NDArray[np.int64], feed: Callable[[bytes], int]
) -> dict[str, float]:
    """Send each packed command at its intended time, whatever has been answered, until all are; times in seconds.

    ``start`` and ``intended`` are ns of the monotonic clock. ``feed`` takes what comes back, and returns how many answers that completes.
    """
    late: list[int] = []
    sent, count = 0, len(packed)
    busy = time.process_time()
    answered, heard = 0, time.monotonic()
    while answered < count and time.monotonic() - heard < 20:
        now = time.monotonic_ns()
        due = int(np.searchsorted(intended, now, side="right"))
        if due > sent:
            link.sendall(b"".join(packed[sent:due]))
            late += [max(0, now - int(at)) for at in intended[sent:due]]
            sent = due
        wait = (int(intended[sent]) - time.monotonic_ns()) / 1e9 if sent < count else 0.05
        if select.select([link], [], [], max(0.0, min(wait, 0.05)))[0]:
            answered += feed(link.recv(1 << 18))
            heard = time.monotonic()
    return {
        "answered": answered, "late_s": float(np.percentile(late or [0], 99)) / 1e9,
        "took_s": (time.monotonic_ns() - start) / 1e9, "busy_s": time.process_time() - busy,
    }  # fmt: skip


def main() -> None:
    """Carry out the phases that the parent names."""
    given = json.loads(sys.stdin.readline())
    calls = {}
    for feed in {feed for feed, _ in given["rooms"]}:
        delivered = delivered_client(Path(given["folder"]), feed)
        calls[feed] = delivered.Calls(delivered.Keys(given["environment"]))
    actors = Actors([(calls[feed], session) for feed, session in given["rooms"]], given["address"])
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(actors.carry_out(**asked) if "commands" in asked else actors.act(**asked)), flush=True)
    print("{}", flush=True)


if __name__ == "__main__":
    main()
