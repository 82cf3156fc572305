"""What an audience received, judged: every client's versions in order, and each change's way to the last of its room."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from redis_plan.delivery.redis_plan_websocket import CLOSING
from redis_plan.measure import histogram
from redis_plan.rig import wire


class Received(Protocol):
    """One client's stream of bytes, and when each piece of it came."""

    room: str
    received: bytearray
    ends: Any
    times: Any
    over: bool


#: What a client may go through, by name; "closed" goes on with why. All of them are 0 in a run without faults.
FAULTS = ("gap", "repeated", "backward", "closed", "cut", "snapshot")
#: Why a gateway closes a socket, by its code; other codes are those of the protocol or of the library.
_WHY = {code: why for why, (code, _) in CLOSING.items()}


def judged(
    seats: Iterable[Received], keep: bool = False, acted: Iterable[tuple[str, int, int, int]] = ()
) -> dict[str, Any]:  # Any: JSON
    """Return the counts of all clients, and for each phase its changes, their latencies and what went wrong.

    A change is complete when every client of its room has it. Changes carry ``"p"``, the phase, and ``"at"``,
    the intended time in ns of the monotonic clock; those of phase 0 are warm-up. A project's own action carries neither:
    ``acted`` has its room, version, phase and intended time. What went wrong is counted by its kind
    (FAULTS) in the phase of the change that showed it, or of the client's last change before it.
    """
    meant = {(room, version): (phase, at) for room, version, phase, at in acted}
    counts: Counter[str] = Counter()
    members: Counter[str] = Counter()
    last: dict[tuple[str, int], list[int]] = {}  # room and version → phase, intended, clients, the last one's time
    faults: dict[int, Counter[str]] = defaultdict(Counter)
    for seat in seats:
        members[seat.room] += 1
        _follow(seat, counts, last, faults, meant)
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
                "faults": +faults[phase],
                "delays_ns": [ns for ns, whole in rows if whole] if keep else [],
            }
            for phase, rows in phases.items()
            if phase
        },
        "faults": sum(faults.values(), Counter()),
    }


def _follow(
    seat: Received,
    counts: Counter[str],
    last: dict[tuple[str, int], list[int]],
    faults: dict[int, Counter[str]],
    meant: Mapping[tuple[str, int], tuple[int, int]],
) -> None:
    data, version, first, phase = bytes(seat.received), -1, True, 0
    closed = False
    counts["pieces"] += len(seat.ends)
    counts["bytes"] += len(data)
    for opcode, begin, end in wire.frames(data, data.find(b"\r\n\r\n") + 4):
        if opcode == wire.CLOSE:
            code = int.from_bytes(data[begin : begin + 2], "big")
            faults[phase][f"closed: {_WHY.get(code, code)}"] += 1
            closed = True
            continue
        if opcode != wire.TEXT:
            continue
        payload = data[begin:end]
        if payload.startswith(b"4"):  # Socket.IO: a packet's type, the event's name, what it says
            payload = payload[payload.find(b",") + 1 : -1]
        if not payload.startswith(b"{"):
            continue
        if payload.startswith(b'{"t":"~'):
            said = json.loads(payload)
            if said["t"] == "~snapshot" or (said["t"] == "~delta" and first):
                faults[phase]["snapshot"] += not first
                version, first = int(said["v"]), False
            continue
        number = _number(payload, b'"v":')
        counts["events"] += 1
        of, intended = meant.get((seat.room, number)) or (_number(payload, b'"p":'), _number(payload, b'"at":'))
        phase = max(phase, of) if intended >= 0 else phase
        if version >= 0 and number != version + 1:
            faults[phase]["gap" if number > version else "repeated" if number == version else "backward"] += 1
        version = number
        if intended >= 0:
            came = seat.times[bisect_left(seat.ends, end)]
            row = last.setdefault((seat.room, number), [phase, intended, 0, 0])
            row[2] += 1
            row[3] = max(row[3], came)
    faults[phase]["cut"] += seat.over and not closed


def _number(payload: bytes, name: bytes) -> int:
    """Return the number that follows a name in an envelope; -1 where the name is not there."""
    found = re.search(name + rb"(\d+)", payload)
    return int(found[1]) if found else -1
