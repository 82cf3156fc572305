"""Expiry: when a key is really gone, what refreshing a TTL costs, and which commands take a TTL away."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.measure import serverside, statistics
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.server import Server

#: Keys that one active-expire run samples at effort 1, and runs a second at hz 10 (redis 7.0.15 src/expire.c,
#: ACTIVE_EXPIRE_CYCLE_KEYS_PER_LOOP 20; EXPERT F1 measured 200–240 keys/s).
KEYS_PER_RUN = 20.0


def expected_lag_s(volatile_keys: float, hz: float) -> float:
    """Return the mean time from a key's deadline to its removal in seconds: half a sweep over all volatile keys.

    Valid while fewer than 10 % of the volatile keys are past their deadline (EXPERT F1, formula 6).
    """
    return volatile_keys / (2 * KEYS_PER_RUN * hz)


def active_lag(lab: Lab) -> Finding:
    """Let few keys fall due among many live ones and note when the server reports each as expired."""
    sizes = lab.by_profile((0, 150, 400), (0, 500, 2_000, 6_000), (0, 2_000, 10_000, 50_000))
    window_s = lab.by_profile(2.6, 35.0, 280.0)
    rows: list[dict[str, object]] = []
    with ExitStack() as own:
        servers = [own.enter_context(lab.own({"notify-keyspace-events": "Ex"})) for _ in sizes]
        due: dict[int, dict[bytes, float]] = {}
        watchers = [server.client().pubsub(ignore_subscribe_messages=True) for server in servers]
        for watcher in watchers:
            watcher.subscribe("__keyevent@0__:expired")
            watcher.get_message(timeout=1)
        for size, server in zip(sizes, servers, strict=True):
            due[size] = _place_probes(server, size)
        started = time.time()
        while time.time() < started + window_s:
            for size, watcher in zip(sizes, watchers, strict=True):
                while (message := watcher.get_message()) is not None:
                    if (deadline := due[size].pop(message["data"], None)) is not None:
                        rows.append({"volatile": size, "lag_s": time.time() - deadline, "seen": True})
            if not any(due.values()):
                break
            time.sleep(0.002)
        rows += [{"volatile": n, "lag_s": window_s, "seen": False} for n, left in due.items() for _ in left]
        hz = float(servers[0].setting("hz"))
    samples = pd.DataFrame(rows)
    return _lag_finding(lab, samples, sizes, hz, window_s)


def _place_probes(server: Server, size: int) -> dict[bytes, float]:
    """Fill the server with live volatile keys and a few (under 8 %) that fall due in 200 ms; return their deadlines."""
    client, probes = server.client(), max(20, int(size * 0.08))
    deadline_ms = int(time.time() * 1000) + 200
    with client.pipeline(transaction=False) as pipe:
        for n in range(size):
            pipe.set(f"live:{n}", "x", ex=7200)
        for n in range(probes):
            pipe.set(f"probe:{n}", "x", pxat=deadline_ms)
        pipe.execute()
    return {f"probe:{n}".encode(): deadline_ms / 1000 for n in range(probes)}


def _lag_finding(lab: Lab, samples: pd.DataFrame, sizes: tuple[int, ...], hz: float, window_s: float) -> Finding:
    values: list[Value] = []
    for size in sizes:
        lags = samples.loc[samples["volatile"] == size, "lag_s"]
        e = statistics.median(lags, lab.seed)
        values.append(Value(f"p50 among {size}", e.value, "s", e.n, e.low, e.high))
        values.append(
            Value(f"seen among {size}", 100 * float(samples.loc[samples["volatile"] == size, "seen"].mean()), "%", e.n)
        )
    largest = statistics.median(samples.loc[samples["volatile"] == sizes[-1], "lag_s"], lab.seed)
    values += [
        Value("lag_p50", largest.value, "s", largest.n, largest.low, largest.high),
        Value("volatile keys", sizes[-1], "keys", largest.n),
        Value("expected", expected_lag_s(sizes[-1], hz), "s", grade="modelled"),
        Value("hz", hz, "runs/s"),
    ]
    return Finding(
        question="How long after its deadline is a key removed, and its event sent, while nobody reads it?",
        hypothesis=f"About N / (40 × hz): {expected_lag_s(sizes[-1], hz):.2g} s among {sizes[-1]:,} live volatile keys.",
        method="Probes with one deadline among N live keys with TTLs on servers of our own, expired events received; nobody reads a probe",
        values=tuple(values),
        samples=samples,
        conclusion="The lag grows with the number of live keys that have a TTL, not with the number that are due.",
        conditions={
            "hz": hz,
            "effort": "1",
            "window": f"{window_s:g} s",
            "probes": "8 % of the live keys, 20 at least",
        },
    )


def lazy(lab: Lab) -> Finding:
    """Read keys past their deadline while active expiry is off: nobody may see one, though the server still holds them."""
    count = lab.by_profile(500, 2_000, 20_000)
    with lab.own({"enable-debug-command": "yes"}) as own:
        client = own.client()
        client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        with client.pipeline(transaction=False) as pipe:
            for n in range(count):
                pipe.set(f"k{n}", "x", px=1)
            pipe.execute()
        time.sleep(0.02)
        held = int(client.dbsize())
        with client.pipeline(transaction=False) as pipe:
            for n in range(count):
                pipe.get(f"k{n}")
            seen = sum(value is not None for value in pipe.execute())
        after = int(client.dbsize())
    return Finding(
        question="Does a reader ever see a key whose TTL has run out?",
        hypothesis="No: a read past the deadline answers nil and removes the key.",
        method="Keys with PX 1 on a server with active expiry off, each read once after its deadline",
        values=(
            Value("past their deadline", count, "keys", count),
            Value("still in memory", held, "keys", count),
            Value("seen by a reader", seen, "keys", count),
            Value("left after the reads", after, "keys", count),
        ),
        samples=pd.DataFrame([{"count": count, "held": held, "seen": seen, "after": after}]),
        conclusion="Expiry is exact for readers; for memory, DBSIZE and events it is not.",
    )


def sliding(lab: Lab, *, state_bytes: int, ttl_s: int) -> Finding:
    """Compare ways to keep a session alive with each write: bytes of the append-only file and server time an update."""
    count = lab.by_profile(2_000, 10_000, 50_000)
    every, text = 50, "x" * max(8, min(64, state_bytes))
    ttl_ms = ttl_s * 1000

    def write(pipe: redis.client.Pipeline, n: int) -> None:
        pipe.hset("h", f"f{n % 10}", f"{text}{n % 10}")

    def each(pipe: redis.client.Pipeline, n: int) -> None:
        write(pipe, n)
        pipe.pexpire("h", ttl_ms)

    def threshold(pipe: redis.client.Pipeline, n: int) -> None:
        write(pipe, n)
        if n % every == 0:
            pipe.pexpire("h", ttl_ms)

    def plain_read(pipe: redis.client.Pipeline, n: int) -> None:
        pipe.get("s")

    def getex(pipe: redis.client.Pipeline, n: int) -> None:
        pipe.getex("s", px=ttl_ms)

    variants = {
        "HSET": write,
        "HSET + PEXPIRE": each,
        "HSET + PEXPIRE below half": threshold,
        "GET": plain_read,
        "GETEX": getex,
    }
    rows = []
    with lab.own({"appendonly": "yes", "appendfsync": "no", "auto-aof-rewrite-percentage": "0"}) as own:
        client = own.client()
        client.set("s", text, px=ttl_ms)
        for turn in range(3):
            for name, add in variants.items():
                size, usec = _cost(client, add, count // 3)
                rows.append({"variant": name, "round": turn, "bytes": size, "seconds": usec})
    samples = pd.DataFrame(rows)
    middle = samples.groupby("variant", sort=False)[["bytes", "seconds"]].median()
    values = [v for name in variants for v in (
        Value(f"{name} bytes", float(middle.loc[name, "bytes"]), "B", count),  # type: ignore[arg-type]
        Value(f"{name} server", float(middle.loc[name, "seconds"]), "s", count),  # type: ignore[arg-type]
    )]  # fmt: skip
    by_name = {v.name: v.value for v in values}
    values += [
        Value("amplification", by_name["HSET + PEXPIRE bytes"] / by_name["HSET bytes"], "x", count),
        Value(
            "amplification below half", by_name["HSET + PEXPIRE below half bytes"] / by_name["HSET bytes"], "x", count
        ),
    ]
    return Finding(
        question="What does it cost to refresh a TTL with every write?",
        hypothesis="It about doubles the bytes that go to the append-only file and to replicas; refreshing rarely costs next to nothing.",
        method="Pipelined updates on a server with an append-only file, its growth and commandstats taken around each variant, three rounds in turn",
        values=tuple(values),
        samples=samples,
        conclusion="Refresh when less than half of the TTL is left, in the same atomic step as the write.",
        conditions={"updates": count, "value": f"{len(text)} B", "refresh below half": f"one in {every} updates"},
    )


def _cost(client: redis.Redis, add: Callable[[redis.client.Pipeline, int], None], count: int) -> tuple[float, float]:
    """Return bytes of append-only file and server seconds an update."""
    before, grown = serverside.command_stats(client), _aof_bytes(client)
    with client.pipeline(transaction=False) as pipe:
        for n in range(count):
            add(pipe, n)
        pipe.execute()
    costs = serverside.since(before, serverside.command_stats(client))
    return (_aof_bytes(client) - grown) / count, serverside.total_seconds(costs) / count


def _aof_bytes(client: redis.Redis) -> int:
    info: Any = client.info("persistence")
    return int(info["aof_current_size"]) + int(info.get("aof_buffer_length", 0))


#: Write command → how it is run on a key that has a TTL; the key to look at afterwards is "k".
_SURVIVAL: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "SET": (("SET", "k", "v"), ("SET", "k", "w")),
    "SET … KEEPTTL": (("SET", "k", "v"), ("SET", "k", "w", "KEEPTTL")),
    "GETSET": (("SET", "k", "v"), ("GETSET", "k", "w")),
    "APPEND": (("SET", "k", "v"), ("APPEND", "k", "w")),
    "INCR": (("SET", "k", "1"), ("INCR", "k")),
    "HSET": (("HSET", "k", "f", "v"), ("HSET", "k", "f", "w")),
    "HDEL of one field": (("HSET", "k", "f", "v", "g", "v"), ("HDEL", "k", "g")),
    "RPUSH": (("RPUSH", "k", "v"), ("RPUSH", "k", "w")),
    "ZADD": (("ZADD", "k", "1", "m"), ("ZADD", "k", "2", "m")),
    "XADD": (("XADD", "k", "*", "f", "v"), ("XADD", "k", "*", "f", "w")),
    "RENAME from a key without TTL": (("SET", "k", "v"), ("SET", "other", "w"), ("RENAME", "other", "k")),
    "COPY … REPLACE from a key without TTL": (("SET", "k", "v"), ("SET", "other", "w"), ("COPY", "other", "k", "REPLACE")),
    "ZUNIONSTORE onto it": (("ZADD", "k", "1", "m"), ("ZADD", "other", "1", "m"), ("ZUNIONSTORE", "k", "1", "other")),
    "SUNIONSTORE onto it": (("SADD", "k", "m"), ("SADD", "other", "m"), ("SUNIONSTORE", "k", "other")),
    "PERSIST": (("SET", "k", "v"), ("PERSIST", "k")),
    "DEL, then HSET": (("HSET", "k", "f", "v"), ("DEL", "k"), ("HSET", "k", "f", "v")),
}  # fmt: skip


def survival(lab: Lab) -> Finding:
    """Run each write command on a key with a TTL and look whether the TTL is still there."""
    rows = []
    with lab.own() as own:
        client = own.client()
        for name, (first, *rest) in _SURVIVAL.items():
            client.flushdb()
            client.execute_command(*first)
            client.pexpire("k", 60_000)
            for command in rest:
                client.execute_command(*command)
            rows.append({"command": name, "kept": int(client.pttl("k")) > 0})
    samples = pd.DataFrame(rows)
    lost = list(samples.loc[~samples["kept"], "command"])
    return Finding(
        question="Which write commands take a key's TTL away?",
        hypothesis="Those that replace the key as a whole; those that change an element keep it.",
        method="Each command on a key with PEXPIRE 60 s on a server of our own, PTTL asked afterwards",
        values=(
            Value("commands", len(rows), "commands", len(rows)),
            Value("lose the TTL", len(lost), "commands", len(rows)),
        ),
        samples=samples,
        conclusion=f"Lost by: {', '.join(lost)}.",
    )


def plot_lag(samples: pd.DataFrame) -> Figure:
    """Draw the share of due keys that are gone against the time since their deadline, one line a number of live keys."""
    figure, axes = plt.subplots()
    for order, ((size, rows), colour) in enumerate(zip(samples.groupby("volatile"), figures.PALETTE, strict=False)):
        lags = np.sort(rows["lag_s"].clip(lower=0.001))
        share = np.arange(1, len(lags) + 1) / len(lags) * 100
        seen = np.sort(rows["seen"].to_numpy())[::-1]
        axes.step(lags[seen], share[seen], where="post", color=colour, linewidth=2)
        if seen.any():  # each label a step higher than the one before, so that close lines do not share a place
            level = int(np.searchsorted(share[seen], 15 + 20 * order).clip(max=seen.sum() - 1))
            axes.annotate(f"  {size:,} live keys", (lags[level], share[level]), color=colour, fontsize=10, va="top")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("time since the deadline (s, log scale)")
    axes.set_ylabel("due keys removed (%)")
    axes.set_ylim(0, 104)
    axes.margins(x=0.25)
    axes.set_title("Removal of due keys among live keys with a TTL")
    return figure
