"""What an audience received, judged: every client's versions in order, and each change's way to the last of its room."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from redis_plan.measure import histogram
from redis_plan.rig import wire


class Received(Protocol):
    """One client's stream of bytes, and when each piece of it came."""

    room: str
    slow: bool
    received: bytearray
    ends: Any
    times: Any


#: What a client went through, by name; all but pieces, events and bytes are 0 in a run without faults.
FAULTS = ("gaps", "repeated", "backward", "closed", "snapshots")


def judged(seats: Iterable[Received]) -> dict[str, Any]:  # Any: JSON
    """Return the counts of all clients that read, and for each phase the changes and their latencies.

    A change is complete when every client of its room that read has it. Changes carry ``"p"``, the phase, and ``"at"``,
    the intended time in ns of the monotonic clock; those of phase 0 are warm-up.
    """
    counts: Counter[str] = Counter()
    members: Counter[str] = Counter()
    last: dict[tuple[str, int], list[int]] = {}  # room and version → phase, intended, clients, the last one's time
    for seat in seats:
        if not seat.slow:
            members[seat.room] += 1
            _follow(seat, counts, last)
    phases: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for (room, _), (phase, intended, clients, at) in last.items():
        phases[phase].append((at - intended, clients == members[room]))
    return {
        "counts": counts,
        "phases": {
            phase: {
                "changes": len(rows),
                "complete": sum(whole for _, whole in rows),
                "hdr": histogram.of(np.array([max(0, ns) for ns, whole in rows if whole]) / 1e9).encode(),
            }
            for phase, rows in phases.items()
            if phase
        },
    }


def _follow(seat: Received, counts: Counter[str], last: dict[tuple[str, int], list[int]]) -> None:
    data, version, first = bytes(seat.received), -1, True
    counts["pieces"] += len(seat.ends)
    counts["bytes"] += len(data)
    for opcode, begin, end in wire.frames(data, data.find(b"\r\n\r\n") + 4):
        if opcode == wire.CLOSE:
            counts["closed"] += 1
            continue
        if opcode != wire.TEXT:
            continue
        payload = data[begin:end]
        if payload.startswith(b'{"t":"~'):
            said = json.loads(payload)
            if said["t"] == "~snapshot" or (said["t"] == "~delta" and first):
                counts["snapshots"] += not first
                version, first = int(said["v"]), False
            continue
        at = payload.find(b'"v":') + 4
        number = int(payload[at : payload.index(b",", at)])
        counts["events"] += 1
        if version >= 0 and number != version + 1:
            counts["gaps" if number > version else "repeated" if number == version else "backward"] += 1
        version = number
        at = payload.find(b'"at":') + 5
        if at > 4:
            phase = payload.find(b'"p":') + 4
            came = seat.times[bisect_left(seat.ends, end)]
            intended = int(payload[at : payload.index(b",", at)])
            row = last.setdefault(
                (seat.room, number), [int(payload[phase : payload.index(b",", phase)]), intended, 0, 0]
            )
            row[2] += 1
            row[3] = max(row[3], came)
