"""Side by side: the same commands on two servers that run at the same time, round by round in turn."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from redis_plan.measure import statistics
from redis_plan.measure.interleave import Operation, interleaved
from redis_plan.measure.respwire import Wire, pack
from redis_plan.server import Server
from redis_plan.server.visit import clean

_VALUE = "x" * 64
_FIELDS, _MEMBERS = 16, 100
_ROOT = "side:"
A, B = "A", "B"


@dataclass(frozen=True, slots=True)
class Side:
    """One command on both servers: client-seen seconds, the ratio B / A with its interval, and what counts as noise."""

    command: str
    a_s: float
    b_s: float
    ratio: float
    low: float
    high: float
    rounds: int
    noise: float
    verdict: statistics.Verdict
    stopped: str


def commands(root: str) -> Mapping[str, tuple[bytes, ...]]:
    """Return the commands by name; a key is built by the first of its name that runs."""
    fields = [word for n in range(_FIELDS) for word in (f"field{n:02d}", _VALUE)]
    return {
        "PING": (pack("PING"),),
        "SET 64 B": (pack("SET", f"{root}string", _VALUE),),
        "GET 64 B": (pack("GET", f"{root}string"),),
        f"HSET {_FIELDS} fields": (pack("HSET", f"{root}hash", *fields),),
        f"HGETALL {_FIELDS} fields": (pack("HGETALL", f"{root}hash"),),
        f"ZADD into {_MEMBERS}": tuple(pack("ZADD", f"{root}zset", n, f"member{n:03d}") for n in range(_MEMBERS)),
        "ZRANGE 10": (pack("ZRANGE", f"{root}zset", 0, 9, "REV", "WITHSCORES"),),
        "XADD MAXLEN ~ 100": (pack("XADD", f"{root}stream", "MAXLEN", "~", 100, "*", "e", _VALUE),),
        "EVAL, a loop of 2,000": (pack("EVAL", "local x = 0 for i = 1, 2000 do x = x + i end return x", 0),),
    }


def side_by_side(a: Server, b: Server, budget_s: float, seed: int = 0) -> tuple[Side, ...]:
    """Compare both servers command by command within ``budget_s`` each; keys go with the end.

    What a client sees is compared, with the way to the server: a local server against one over the network shows the
    network.
    """
    found = []
    try:
        with Wire(a) as wire_a, Wire(b) as wire_b:
            ours, theirs = commands(f"{a.prefix}{_ROOT}"), commands(f"{b.prefix}{_ROOT}")
            for name in ours:
                makers = {A: _endless(ours[name]), B: _endless(theirs[name])}
                timed = interleaved({A: wire_a, B: wire_b}, makers, budget_s, again=True)
                ratio = timed.ratio(B, seed)
                at = {label: statistics.median(timed.operations[label], seed).value for label in (A, B)}
                found.append(
                    Side(name, at[A], at[B], ratio.value, ratio.low, ratio.high, timed.count, timed.noise(seed) or 0.0,
                         timed.verdict(B, seed), timed.stopped)
                )  # fmt: skip
    finally:
        for server in (a, b):
            clean(server.client(), f"{server.prefix}{_ROOT}")
    return tuple(found)


def _endless(packed: tuple[bytes, ...]) -> Callable[[], Iterator[Operation]]:
    return lambda: ((command,) for command in itertools.cycle(packed))
