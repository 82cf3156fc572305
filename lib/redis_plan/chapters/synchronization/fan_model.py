"""The fan-out model: rooms × members × rate × size → writes, bytes, the CPU time of gateways and of the server.

A gateway pays for each time that it wakes up, each message that it hears and each byte of it, and each piece that it writes to
a client, whatever its size. What comes within TURN_S of each other is heard in one go, and frames of a room that wait are
written together, every COALESCE_S at most, so a busy gateway pays less a message. The server pays for waking up, changes and
bytes likewise. The prices are fitted to a part of the measured configurations, and held against the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from redis_plan.delivery.redis_plan_gateway import Limits
from redis_plan.rig.hall import Phase, Seen

#: Frames of a room are written together at most every so many seconds, as delivered.
COALESCE_S = float(Limits._field_defaults["coalesce_s"])
#: Messages so close to each other are heard at one wake-up: about a turn of a busy event loop.
TURN_S = 0.001
#: A core that computes more of the time has no room for a burst: what a gateway is planned for.
PLANNED_SHARE = 0.6
#: Rooms and members of each, on one gateway.
SHAPES = ((16, 2), (8, 8), (4, 24), (1, 96))
#: How often the ramp is climbed, but for a quick look.
RAMP_TIMES = 3
#: Bytes of an envelope without its filling, and of a frame's head: what the rig's changes have.
ENVELOPE_BYTES = len('{"e":"0123456789abcdef","v":100,"ts":1795411145171,"t":"move","op":"","d":{"p":10,"at":1234567890123456,"x":""}}') + 4  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planned:
    """One configuration: the number of its shape, what is offered, and whether the prices are fitted to it."""

    shape: int
    phase: Phase
    fitted: bool


def plans(profile: str) -> list[Planned]:
    """Return the configurations of a profile: those fitted to, those held out, and a ramp, held out as well.

    The ramp is climbed several times, each time shorter: a moment in which the machine did something else is in one of them.
    """
    seconds = {"quick": 0.15, "standard": 1.0, "full": 3.0}[profile]
    fitted = [(0, 400, 16), (1, 100, 480), (1, 1000, 16), (2, 50, 16), (2, 300, 480), (3, 30, 480), (1, 4000, 16)]
    fitted += [(0, 100, 480), (0, 3000, 16), (3, 120, 16)] if profile != "quick" else []
    others = [(1, 300, 200), (2, 150, 200), (3, 60, 200)]
    ramp = [(1, rate, 16) for rate in ((2000, 7500) if profile == "quick" else (1500, 2500, 5000, 7500, 10_000))]
    times = 1 if profile == "quick" else RAMP_TIMES
    return [
        Planned(shape, Phase(float(rate), seconds / (times if given is ramp else 1), payload=payload), given is fitted)
        for given in (fitted, others, *[ramp] * times)
        for shape, rate, payload in given
    ]


def pieces_per_s(rooms: float, members: float, rate_per_s: float) -> float:
    """Return the pieces that a gateway writes a second: to each member of a room, once for all frames that waited.

    Of changes at random moments, ``rate_per_s`` in all rooms. A room that wrote waits for COALESCE_S, and where nothing
    came meanwhile (e^-rc), 1/r longer.

    >>> round(pieces_per_s(1, 10, 1)), round(pieces_per_s(1, 10, 10_000))
    (10, 500)
    """
    each = rate_per_s / rooms
    return rooms * members / (COALESCE_S + math.exp(-each * COALESCE_S) / each) if each else 0.0


def table(planned: Sequence[Planned], seen: Sequence[Seen]) -> pd.DataFrame:
    """Return a row a configuration: what it was, and the CPU seconds a second that it took.

    What was measured several times is told by medians, and by the time in the middle of its p99.
    """
    times: dict[Planned, list[Seen]] = {}
    for plan, s in zip(planned, seen, strict=True):
        times.setdefault(plan, []).append(s)
    return pd.DataFrame([_row(plan, found) for plan, found in times.items()])


def _row(plan: Planned, times: Sequence[Seen]) -> dict[str, Any]:  # Any: a column's type
    rooms, members = SHAPES[plan.shape]
    rates = [s.changes / plan.phase.seconds for s in times]
    middle = sorted(times, key=lambda s: s.p99_s)[len(times) // 2]
    return {
        "rooms": rooms, "members": members, "rate_per_s": float(np.mean(rates)), "bytes": plan.phase.payload + ENVELOPE_BYTES,
        "fitted": plan.fitted, "whole": all(s.whole for s in times),
        "gateway": float(np.median([s.cost_s * s.members * rate for s, rate in zip(times, rates, strict=True)])),
        "server": float(np.median([s.server_s * rate for s, rate in zip(times, rates, strict=True)])),
        "p99_s": middle.p99_s if middle.latency.count else float("nan"), "late_s": middle.late_s, "bottleneck": middle.bottleneck,
    }  # fmt: skip


def wakes_per_s(rate_per_s: float) -> float:
    """Return how often a process wakes up for messages: once for all that come within TURN_S.

    >>> round(wakes_per_s(10)), round(wakes_per_s(9000))
    (10, 900)
    """
    return rate_per_s / (1 + rate_per_s * TURN_S)


@dataclass(frozen=True, slots=True)
class Prices:
    """CPU seconds, none below zero.

    Of a gateway: for a second without messages, a wake-up, a message that it hears, a piece that it writes, a byte that it hears.
    Of the server: for a second without changes, a wake-up, a change, a byte of it.
    """

    idle_s: float
    wake_s: float
    message_s: float
    piece_s: float
    byte_s: float
    server_idle_s: float
    server_wake_s: float
    change_s: float
    change_byte_s: float

    def gateway(self, rooms: float, members: float, rate_per_s: float, size: float) -> float:
        """Return the CPU seconds a second of one gateway that has all members of its rooms."""
        return self.one_of(1, rooms, members, rate_per_s, size)

    def server(self, rate_per_s: float, size: float) -> float:
        """Return the CPU seconds a second of the server's main thread."""
        prices = (self.server_idle_s, self.server_wake_s, self.change_s, self.change_byte_s)
        return _paid(prices, _of_server(rate_per_s, size))

    def one_of(self, gateways: int, rooms: float, members: float, rate_per_s: float, size: float) -> float:
        """Return the same of one of several gateways, over which the members of each room are spread."""
        here = 1 - (1 - 1 / gateways) ** members  # rooms of which somebody is here
        prices = (self.idle_s, self.wake_s, self.message_s, self.piece_s, self.byte_s)
        return _paid(prices, _of_gateway(rooms * here, members / gateways / here, rate_per_s * here, size))

    def gateways(self, rooms: float, members: float, rate_per_s: float, size: float, most: int = 10_000) -> int:
        """Return how many gateways carry it, each computing PLANNED_SHARE of the time; ``most`` where no number does."""
        low, high = 1, most
        while low < high:
            middle = (low + high) // 2
            carried = self.one_of(middle, rooms, members, rate_per_s, size) <= PLANNED_SHARE
            low, high = (low, middle) if carried else (middle + 1, high)
        return low


def _of_gateway(rooms: float, members: float, rate_per_s: float, size: float) -> tuple[float, ...]:
    pieces = pieces_per_s(rooms, members, rate_per_s)
    return 1.0, wakes_per_s(rate_per_s), rate_per_s, pieces, rate_per_s * size


def _of_server(rate_per_s: float, size: float) -> tuple[float, ...]:
    return 1.0, wakes_per_s(rate_per_s), rate_per_s, rate_per_s * size


def _paid(prices: Sequence[float], terms: Sequence[float]) -> float:
    return sum(price * term for price, term in zip(prices, terms, strict=True))


def configurations(rows: pd.DataFrame) -> list[tuple[float, float, float, float]]:
    """Return rooms, members, rate and size of each row."""
    found = rows[["rooms", "members", "rate_per_s", "bytes"]].to_numpy(dtype=np.float64)
    return [(float(rooms), float(members), float(rate), float(size)) for rooms, members, rate, size in found]


def fit(rows: pd.DataFrame) -> Prices:
    """Return the prices that explain the configurations best, by relative error."""
    gateway = [_of_gateway(*row) for row in configurations(rows)]
    changes = [_of_server(rate, size) for _, _, rate, size in configurations(rows)]
    return Prices(
        *_least(np.array(gateway), rows["gateway"].to_numpy()), *_least(np.array(changes), rows["server"].to_numpy())
    )


def _least(terms: NDArray[Any], spent: NDArray[Any]) -> list[float]:
    """Return the prices of the terms, none below zero: a term whose price is negative does without one."""
    weighted, used = terms / spent[:, None], list(range(terms.shape[1]))
    while True:
        prices = np.linalg.lstsq(weighted[:, used], np.ones(len(spent)), rcond=None)[0]
        if (prices >= 0).all() or len(used) == 1:
            break
        del used[int(np.argmin(prices))]
    found = [0.0] * terms.shape[1]
    for at, price in zip(used, prices, strict=True):
        found[at] = max(0.0, float(price))
    return found


def predicted(prices: Prices, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return the CPU seconds a second of the gateway in each configuration, by the model."""
    return np.array([prices.gateway(*row) for row in configurations(rows)])


def errors(prices: Prices, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return predicted by measured CPU of the gateway, less one, of each configuration."""
    measured: NDArray[np.float64] = rows["gateway"].to_numpy(dtype=np.float64)
    found: NDArray[np.float64] = predicted(prices, rows) / measured - 1
    return found
