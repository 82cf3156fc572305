"""Leases of members: a TTL on each hash field where the server has that, against a sorted set and against a key each."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures, units
from redis_plan.measure import serverside
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.server import Server

SCORED, SCORED_WITH_DATA, FIELD, KEYS = "sorted set", "sorted set and hash", "hash with field TTL", "key each"
_POLL_S = 0.002
#: What a sweeper does for a session: it names who has lapsed and removes them from both keys (one is enough for SCORED).
_SWEEP = """
local lapsed = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
for _, name in ipairs(lapsed) do redis.call('ZREM', KEYS[1], name) redis.call('HDEL', KEYS[2], name) end
return lapsed
"""


@dataclass
class _Trial:
    structure: str
    server: Server
    bytes: float = 0.0
    seconds: float = 0.0
    counted: int = 0
    named: int = 0
    away_s: float = float("nan")


def leases(lab: Lab, *, members: int) -> Finding:
    """Keep the same leases in each structure; compare bytes, cost of a renewal, and what is known after all have lapsed."""
    count, sessions = max(2, min(200, members)), lab.by_profile(40, 300, 2_000)
    window_s = lab.by_profile(0.8, 5.0, 30.0)
    lacking = lab.server.lacks("hash-field-ttl") if lab.server.ours else ""
    with ExitStack() as own:
        trials = [_Trial(name, own.enter_context(lab.own())) for name in (SCORED, SCORED_WITH_DATA, FIELD, KEYS)]
        if lacking := lacking or trials[2].server.lacks("hash-field-ttl"):
            trials = [trial for trial in trials if trial.structure != FIELD]
        for trial in trials:
            _fill(trial, sessions, count)
        deadline = time.time() + 0.15
        for trial in trials:
            _lapse(trial, sessions, count, deadline)
        time.sleep(max(0.0, deadline - time.time()) + 0.003)
        for trial in trials:
            trial.counted = _counted(trial, sessions)
            if trial.structure in (SCORED, SCORED_WITH_DATA):
                began = time.time()
                trial.named = _sweep(trial, sessions)
                trial.away_s = time.time() - began
        _await_removal([t for t in trials if t.structure in (FIELD, KEYS)], deadline, window_s)
    return _finding(trials, sessions, count, lacking)


def _fill(trial: _Trial, sessions: int, count: int) -> None:
    client, filler = trial.server.client(), trial.server.client()
    names = [f"c{n:06d}" for n in range(count)]
    before = int(client.info("memory")["used_memory"])
    for s in range(sessions):
        with filler.pipeline(transaction=False) as pipe:
            for name in names:
                _set(pipe, trial.structure, f"s{s}", name, 60_000)
            pipe.execute()
    filler.close()  # what it has buffered must not count
    client.ping()
    trial.bytes = (int(client.info("memory")["used_memory"]) - before) / sessions / count
    stats = serverside.command_stats(client)
    with client.pipeline(transaction=False) as pipe:
        for s in range(sessions):
            for name in names:
                _renew(pipe, trial.structure, f"s{s}", name, 60_000)
        pipe.execute()
    spent = serverside.since(stats, serverside.command_stats(client))
    trial.seconds = serverside.total_seconds(spent) / sessions / count


def _set(pipe: redis.client.Pipeline, structure: str, session: str, name: str, lease_ms: int) -> None:
    """Take a lease, with a few bytes about the member."""
    data = "gateway-07"
    if structure in (SCORED, SCORED_WITH_DATA):
        pipe.execute_command("ZADD", session, int(time.time() * 1000) + lease_ms, name)
        if structure == SCORED_WITH_DATA:
            pipe.execute_command("HSET", f"{session}:data", name, data)
    elif structure == FIELD:
        pipe.execute_command("HSET", session, name, data)
        pipe.execute_command("HPEXPIRE", session, lease_ms, "FIELDS", 1, name)
    else:
        pipe.execute_command("SET", f"{session}:{name}", data, "PX", lease_ms)


def _renew(pipe: redis.client.Pipeline, structure: str, session: str, name: str, lease_ms: int) -> None:
    if structure in (SCORED, SCORED_WITH_DATA):
        pipe.execute_command("ZADD", session, int(time.time() * 1000) + lease_ms, name)
    elif structure == FIELD:
        pipe.execute_command("HPEXPIRE", session, lease_ms, "FIELDS", 1, name)
    else:
        pipe.execute_command("PEXPIRE", f"{session}:{name}", lease_ms)


def _lapse(trial: _Trial, sessions: int, count: int, deadline: float) -> None:
    """Set every lease to the same deadline."""
    at = int(deadline * 1000)
    with trial.server.client().pipeline(transaction=False) as pipe:
        for s in range(sessions):
            for n in range(count):
                name = f"c{n:06d}"
                if trial.structure in (SCORED, SCORED_WITH_DATA):
                    pipe.execute_command("ZADD", f"s{s}", at, name)
                elif trial.structure == FIELD:
                    pipe.execute_command("HPEXPIREAT", f"s{s}", at, "FIELDS", 1, name)
                else:
                    pipe.execute_command("PEXPIREAT", f"s{s}:{name}", at)
        pipe.execute()


def _counted(trial: _Trial, sessions: int) -> int:
    """Return how many members the structure's own counter still says there are (for a key each: DBSIZE)."""
    client = trial.server.client()
    if trial.structure == KEYS:
        return int(client.dbsize())
    command = "HLEN" if trial.structure == FIELD else "ZCARD"
    with client.pipeline(transaction=False) as pipe:
        for s in range(sessions):
            pipe.execute_command(command, f"s{s}")
        return sum(pipe.execute())


def _sweep(trial: _Trial, sessions: int) -> int:
    """Sweep every session once; return how many members were named, so that their leave could be published."""
    sweep: Callable[..., list[bytes]] = trial.server.client().register_script(_SWEEP)
    now = int(time.time() * 1000)
    return sum(len(sweep(keys=[f"s{s}", f"s{s}:data"], args=[now])) for s in range(sessions))


def _await_removal(trials: list[_Trial], deadline: float, window_s: float) -> None:
    """Note when the server itself has removed everything that lapsed."""
    clients = {trial.structure: trial.server.client() for trial in trials}
    waiting = list(trials)
    while waiting and time.time() < deadline + window_s:
        for trial in list(waiting):
            if int(clients[trial.structure].dbsize()) == 0:
                trial.away_s = time.time() - deadline
                waiting.remove(trial)
        time.sleep(_POLL_S)


def _finding(trials: list[_Trial], sessions: int, count: int, lacking: str) -> Finding:
    total = sessions * count
    values = []
    for trial in trials:
        values += [
            Value(f"{trial.structure} bytes", trial.bytes, "B", total),
            Value(f"{trial.structure} renewal", trial.seconds, "s", total),
            Value(f"{trial.structure} counted after", 100 * trial.counted / total, "%", total),
            Value(f"{trial.structure} named", 100 * trial.named / total, "%", total),
        ]
        if trial.away_s == trial.away_s:
            ended = "swept in" if trial.named else "removed after"
            values.append(Value(f"{trial.structure} {ended}", trial.away_s, "s", total))
    rows = [{"structure": t.structure, "bytes": t.bytes, "seconds": t.seconds, "counted": t.counted / total,
             "named": t.named / total, "away_s": t.away_s} for t in trials]  # fmt: skip
    return Finding(
        question="How should each connection's own lease be kept?",
        hypothesis="A TTL on each field needs less memory than a sorted set with a hash; its counter still counts what has lapsed, "
        "and nothing says who went.",
        method="The same leases on a server of our own each: memory, server time of a renewal; then all lapse at one moment: what the "
        "counter says, who is named by a sweep, when everything is gone",
        values=tuple(values),
        samples=pd.DataFrame(rows),
        conclusion="A sweep over the sorted set names who has lapsed; a TTL on fields or keys removes in silence."
        + (f" {FIELD} was not run: {lacking}." if lacking else ""),
        conditions={"members a session": count, "sessions": sessions}
        | ({"not run": f"{FIELD}: {lacking}"} if lacking else {}),
    )


def plot_leases(samples: pd.DataFrame) -> Figure:
    """Draw bytes a member and server time of a renewal for each structure."""
    order = samples.iloc[::-1]
    figure, axes = plt.subplots(1, 2, sharey=True)
    for axis, column, unit, label, colour in (
        (axes[0], "bytes", "B", "bytes a member", figures.HIGHLIGHT),
        (axes[1], "seconds", "s", "server time of a renewal (µs)", figures.PALETTE[2]),
    ):
        widths = order[column] * (1e6 if unit == "s" else 1)
        axis.barh(range(len(order)), widths, color=colour, height=0.6)
        for place, (width, value) in enumerate(zip(widths, order[column], strict=True)):
            axis.annotate(f" {units.write(float(value), unit)}", (width, place), va="center", fontsize=9)
        axis.set_yticks(range(len(order)), order["structure"], fontsize=10)
        axis.set_xlabel(label)
        axis.margins(x=0.3)
        axis.grid(axis="y", visible=False)
    axes[0].set_title("Leases of members: memory and cost")
    return figure
