"""Side by side: the same commands on two servers that run at the same time, round by round in turn.

Two servers are two processes, and where the kernel puts a process changes what its clients see by a factor, for a second
or so. A against A in one run does not show that. So each command is run in several passes with everything else between
them, and a verdict needs every pass; and the servers' own time per call stands beside what a client sees.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from redis_plan.measure import serverside, statistics
from redis_plan.measure.interleave import Commands, Timed, interleaved
from redis_plan.measure.respwire import Wire, pack
from redis_plan.server import Server
from redis_plan.server.visit import clean

_VALUE = "x" * 64
_FIELDS, _MEMBERS = 16, 100
_ROOT = "side:"
A, B = "A", "B"
PASSES = 4


@dataclass(frozen=True, slots=True)
class Side:
    """One command on both servers: client-seen seconds, the ratio B / A with its interval, and what counts as noise.

    The interval spans those of the passes. ``server_a_s`` and ``server_b_s`` are server time (commandstats) of a call.
    """

    command: str
    a_s: float
    b_s: float
    server_a_s: float
    server_b_s: float
    ratio: float
    low: float
    high: float
    rounds: int
    noise: float
    verdict: statistics.Verdict


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
        "EVAL loop of 2,000": (pack("EVAL", "local x = 0 for i = 1, 2000 do x = x + i end return x", 0),),
    }


def side_by_side(a: Server, b: Server, budget_s: float, seed: int = 0) -> tuple[Side, ...]:
    """Compare both servers command by command within ``budget_s`` each; keys go with the end.

    What a client sees is compared, with the way to the server: a local server against one over the network shows the
    network.
    """
    passes: dict[str, list[Timed]] = {}
    costs: dict[str, list[tuple[float, float]]] = {}
    servers = (a, b)
    clients = tuple(server.client() for server in servers)
    try:
        with Wire(a) as wire_a, Wire(b) as wire_b:
            packed = [commands(f"{server.prefix}{_ROOT}") for server in servers]
            for _ in range(PASSES):
                for name in packed[0]:
                    makers = {A: _endless(packed[0][name]), B: _endless(packed[1][name])}
                    before = [serverside.command_stats(client) for client in clients]
                    timed = interleaved({A: wire_a, B: wire_b}, makers, budget_s / PASSES, again=True)
                    after = [serverside.command_stats(client) for client in clients]
                    passes.setdefault(name, []).append(timed)
                    word = name.split()[0].lower()
                    one, two = (serverside.since(old, new).get(word) for old, new in zip(before, after, strict=True))
                    if one and two:
                        costs.setdefault(name, []).append((one.seconds_per_call, two.seconds_per_call))
    finally:
        for server, client in zip(servers, clients, strict=True):
            clean(client, f"{server.prefix}{_ROOT}")
    return tuple(_side(name, runs, costs.get(name, []), seed) for name, runs in passes.items())


def _side(name: str, runs: list[Timed], costs: list[tuple[float, float]], seed: int) -> Side:
    """Judge one command by all its passes: it differs where every pass differs, in the same direction."""
    ratios = [run.ratio(B, seed) for run in runs]
    verdicts = {run.verdict(B, seed) for run in runs}
    a_s, b_s = (float(np.median(np.concatenate([run.operations[label] for run in runs]))) for label in (A, B))
    server_a, server_b = (float(v) for v in np.median(costs, axis=0)) if costs else (0.0, 0.0)
    return Side(
        command=name,
        a_s=a_s,
        b_s=b_s,
        server_a_s=server_a,
        server_b_s=server_b,
        ratio=float(np.exp(np.median(np.log([e.value for e in ratios])))),
        low=min(e.low for e in ratios),
        high=max(e.high for e in ratios),
        rounds=sum(run.count for run in runs),
        noise=max(run.noise(seed) or 0.0 for run in runs),
        verdict=verdicts.pop() if len(verdicts) == 1 else "no difference seen",
    )


def _endless(packed: tuple[bytes, ...]) -> Callable[[], Iterator[Commands]]:
    return lambda: ((command,) for command in itertools.cycle(packed))
