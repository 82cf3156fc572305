"""Sliding TTLs: what it costs to keep something alive with each use, in commands, bytes and processor time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures, units
from redis_plan.errors import ServerError
from redis_plan.measure import serverside
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.server import Server, topology

#: A threshold refreshes once in so many updates here; a session that is changed more often refreshes more rarely still.
EVERY = 50

WRITE, WRITE_EXPIRE, WRITE_BELOW = "HSET", "HSET + PEXPIRE", "HSET + PEXPIRE below half"
READ, READ_GETEX, READ_BELOW = "GET", "GETEX", "GET, GETEX below half"

Add = Callable[[redis.client.Pipeline, int], None]


def _variants(text: str, ttl_ms: int) -> Mapping[str, Add]:
    def write(pipe: redis.client.Pipeline, n: int) -> None:
        pipe.hset("h", f"f{n % 10}", f"{text}{n % 10}")

    def write_expire(pipe: redis.client.Pipeline, n: int) -> None:
        write(pipe, n)
        pipe.pexpire("h", ttl_ms)

    def write_below(pipe: redis.client.Pipeline, n: int) -> None:
        write(pipe, n)
        if n % EVERY == 0:
            pipe.pexpire("h", ttl_ms)

    def read(pipe: redis.client.Pipeline, n: int) -> None:
        pipe.get("s")

    def read_getex(pipe: redis.client.Pipeline, n: int) -> None:
        pipe.getex("s", px=ttl_ms)

    def read_below(pipe: redis.client.Pipeline, n: int) -> None:
        read(pipe, n) if n % EVERY else read_getex(pipe, n)

    return {WRITE: write, WRITE_EXPIRE: write_expire, WRITE_BELOW: write_below,
            READ: read, READ_GETEX: read_getex, READ_BELOW: read_below}  # fmt: skip


def sliding(lab: Lab, *, state_bytes: int, ttl_s: int) -> Finding:
    """Compare ways to keep a session alive with each write or read: commands, bytes to file and replica, CPU an update."""
    count, rounds = lab.by_profile((1_000, 2), (10_000, 3), (50_000, 5))
    text = "x" * max(8, min(64, state_bytes))
    config = {"appendonly": "yes", "appendfsync": "no", "auto-aof-rewrite-percentage": "0"}
    rows, replicated = [], True
    with ExitStack() as stack:
        try:
            primary = stack.enter_context(topology.replicated(lab.server, 1, config)).primary
        except ServerError:  # no loopback ports, say: the file alone tells the same bytes
            primary, replicated = stack.enter_context(lab.own(config)), False
        client = primary.client()
        variants = _variants(text, ttl_s * 1000)
        client.set("s", text, px=ttl_s * 1000)
        for turn in range(rounds):
            for name, add in variants.items():
                rows.append({"variant": name, "round": turn} | _cost(client, primary, add, count // rounds))
    return _finding(pd.DataFrame(rows), list(variants), count, len(text), replicated)


def _cost(client: redis.Redis, server: Server, add: Add, count: int) -> dict[str, float]:
    """Return commands, bytes of append-only file and of the replication stream, and server time and CPU, an update."""
    before, file, stream = serverside.look(client), _file_bytes(client), _stream_bytes(client)
    with client.pipeline(transaction=False) as pipe:
        for n in range(count):
            add(pipe, n)
        commands = len(pipe)
        pipe.execute()
    spent = serverside.spent(before, serverside.look(client))
    return {
        "commands": commands / count,
        "bytes": (_file_bytes(client) - file) / count,
        "replica_bytes": (_stream_bytes(client) - stream) / count,
        "seconds": spent.server_s / count,
        "cpu_s": spent.cpu_s / count,
    }


def _file_bytes(client: redis.Redis) -> int:
    info: Any = client.info("persistence")
    return int(info["aof_current_size"]) + int(info.get("aof_buffer_length", 0))


def _stream_bytes(client: redis.Redis) -> int:
    info: Any = client.info("replication")
    return int(info.get("master_repl_offset", 0))


def _finding(samples: pd.DataFrame, names: list[str], count: int, size: int, replicated: bool) -> Finding:
    middle = samples.groupby("variant", sort=False)[["commands", "bytes", "replica_bytes", "seconds", "cpu_s"]].median()
    at = {str(name): {str(k): float(v) for k, v in row.items()} for name, row in middle.to_dict("index").items()}
    values = []
    for name in names:
        values += [
            Value(f"{name} bytes", at[name]["bytes"], "B", count),
            Value(f"{name} server", at[name]["seconds"], "s", count),
            Value(f"{name} CPU", at[name]["cpu_s"], "s", count),
            Value(f"{name} commands", at[name]["commands"], "commands", count),
        ]
        if replicated:
            values.append(Value(f"{name} replica bytes", at[name]["replica_bytes"], "B", count))
    values += [
        Value("amplification", at[WRITE_EXPIRE]["bytes"] / at[WRITE]["bytes"], "x", count),
        Value("amplification below half", at[WRITE_BELOW]["bytes"] / at[WRITE]["bytes"], "x", count),
    ]
    return Finding(
        question="What does it cost to refresh a TTL with every write, or with every read?",
        hypothesis="With each write it about doubles the bytes to file and replicas; GETEX turns every read into a write. "
        "Refreshing rarely costs next to nothing.",
        method="Pipelined updates on a primary with an append-only file and a replica; growth of the file and of the replication "
        "stream, commandstats and the main thread's CPU around each variant, in rounds",
        values=tuple(values),
        samples=samples,
        conclusion="Refresh when less than half of the TTL is left, in the same atomic step as the write.",
        conditions={
            "updates": count,
            "value": f"{size} B",
            "refresh below half": f"one in {EVERY} updates",
            "replica": "one, in sync" if replicated else "none could be started",
        },
    )


def plot_sliding(samples: pd.DataFrame) -> Figure:
    """Draw bytes to the append-only file and server time an update for each way to refresh."""
    middle = samples.groupby("variant", sort=False)[["bytes", "seconds"]].median().iloc[::-1]
    figure, axes = plt.subplots(1, 2, sharey=True)
    for axis, column, unit, label in ((axes[0], "bytes", "B", "bytes to file and replica"),
                                      (axes[1], "seconds", "s", "server time")):  # fmt: skip
        for place, (name, value) in enumerate(middle[column].items()):
            naive = name in (WRITE_EXPIRE, READ_GETEX)
            axis.barh(place, value, color=figures.PALETTE[1] if naive else figures.HIGHLIGHT, height=0.6)
            axis.annotate(f" {units.write(float(value), unit)}", (float(value), place), va="center", fontsize=9)
        axis.set_yticks(range(len(middle)), [str(name) for name in middle.index], fontsize=10)
        axis.set_title(label, fontsize=10)
        axis.set_xticks([])
        axis.set_xlim(0, float(middle[column].max()) * 1.35)
        axis.grid(axis="y", visible=False)
    figure.supxlabel("for one update or read", fontsize=10)
    return figure
