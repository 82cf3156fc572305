"""Removal: what others feel when much goes at once, and how members with a lease of their own are kept."""

from __future__ import annotations

import random
import threading
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.measure import openloop, serverside
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.measure.respwire import Wire, pack
from redis_plan.server import Server

_PROBE_RATE = 1_000.0


def _felt(server: Server, seconds: float) -> openloop.Load:
    """Return what another client feels: PING at 1,000 a second, open loop."""
    with Wire(server.address) as wire:
        return openloop.offer(wire, iter(lambda: pack("PING"), None), _PROBE_RATE, seconds)


def mass_expiry(lab: Lab) -> Finding:
    """Let many keys fall due at one moment, and the same number with jitter, while another client asks PING."""
    count, spread_s = lab.by_profile((5_000, 0.3), (100_000, 5.0), (400_000, 20.0))
    rows: list[pd.DataFrame] = []
    values: list[Value] = []
    for name, jitter_s in (("no keys due", 0.0), ("all due at once", 0.0), ("due with jitter", spread_s)):
        with lab.own() as own:
            due = _fill(own.client(), count if name != "no keys due" else 0, jitter_s, lab.rng(name))
            time.sleep(max(0.0, due - time.time() - 0.1))
            load = _felt(own, 0.4 + jitter_s)
        rows.append(pd.DataFrame({"case": name, "latency_s": load.latency_s}))
        for q, label in ((99, "p99"), (100, "max")):
            values.append(Value(f"{name} {label}", float(np.percentile(load.latency_s, q)), "s", len(load.latency_s)))
    return Finding(
        question="What do other clients feel when many sessions expire at the same moment?",
        hypothesis="Slices of up to 25 % of a core a cycle; with jitter less.",
        method="Keys with one PXAT deadline, then spread, on servers of our own; another client asks PING at 1,000/s, open loop",
        values=tuple(values),
        samples=pd.concat(rows, ignore_index=True),
        conclusion=_jitter_conclusion({v.name: v.value for v in values}),
        conditions={"loop": "open", "probe rate": _PROBE_RATE, "keys": count, "jitter": f"{spread_s:g} s"},
    )


def _jitter_conclusion(value: dict[str, float]) -> str:
    """Say whether jitter helped in this run; a few milliseconds from one run each are no ground to promise it."""
    at_once, jitter = value["all due at once max"], value["due with jitter max"]
    if jitter < 0.8 * at_once:
        return "Spreading the deadlines shortened the longest wait."
    return "No gain from spreading the deadlines was seen at this size."


def _fill(client: redis.Redis, count: int, jitter_s: float, rng: random.Random) -> float:
    """Set ``count`` keys that fall due from a moment half a second ahead on; return that moment."""
    due = time.time() + 0.3 + count / 60_000
    for first in range(0, count, 20_000):
        with client.pipeline(transaction=False) as pipe:
            for n in range(first, min(count, first + 20_000)):
                pipe.set(f"k{n}", "x" * 32, pxat=int((due + rng.random() * jitter_s) * 1000))
            pipe.execute()
    return due


def big_key(lab: Lab) -> Finding:
    """Remove one big sorted set by DEL, UNLINK and expiry (with lazyfree and without) while another client asks PING."""
    members = lab.by_profile(40_000, 200_000, 1_000_000)
    rows, values = [], []
    for name, config in (
        ("nothing (control)", {}),
        ("DEL", {"lazyfree-lazy-user-del": "no"}),
        ("UNLINK", {}),
        ("expiry, lazyfree no", {"lazyfree-lazy-expire": "no"}),
        ("expiry, lazyfree yes", {"lazyfree-lazy-expire": "yes"}),
    ):
        with lab.own(config) as own:
            client = own.client()
            _big(client, members)
            found: list[openloop.Load] = []
            other = threading.Thread(target=lambda own=own, found=found: found.append(_felt(own, 0.16)))
            other.start()
            time.sleep(0.1)
            if name.startswith("expiry"):
                client.pexpire("big", 1)
                time.sleep(0.05)
                client.exists("big")  # a read past the deadline removes it, at the latest now
            elif not name.startswith("nothing"):
                client.execute_command(name, "big")
            other.join()
        waits = found[0].latency_s
        rows.append({"way": name, "stall_s": float(waits.max()), "p50_s": float(np.median(waits))})
        values.append(Value(f"{name} longest wait", float(waits.max()), "s", len(waits)))
    samples = pd.DataFrame(rows)
    return Finding(
        question="What do other clients feel when one big key goes?",
        hypothesis="DEL and plain expiry block for as long as freeing takes; UNLINK and lazy freeing do not.",
        method="A sorted set removed in each way while another client asks PING at 1,000/s, open loop; the longest wait counts",
        values=tuple(values),
        samples=samples,
        conclusion="The control shows what a wait is without any removal on this machine.",
        conditions={"members": members, "loop": "open"},
    )


def _big(client: redis.Redis, members: int) -> None:
    script = "for i = ARGV[1], ARGV[2] do redis.call('ZADD', KEYS[1], i, 'member:' .. i) end"
    for first in range(0, members, 20_000):
        client.eval(script, 1, "big", first, min(members, first + 20_000) - 1)


def leases(lab: Lab, *, members: int) -> Finding:
    """Compare leases of a session's connections: a sorted set by deadline, a hash with field TTLs, a key each."""
    question = "How should each connection's own lease be kept?"
    hypothesis = "Hash-field TTL saves memory, and HLEN still counts what has lapsed."
    method = "The same members in each structure on a server of our own; MEMORY USAGE and commandstats"
    lacking = lab.server.lacks("hash-field-ttl")
    if lacking:
        return Finding(question, hypothesis, method, (), not_run=lacking)
    count, sessions = max(2, min(200, members)), lab.by_profile(50, 300, 2_000)
    rows = []
    with lab.own({"enable-debug-command": "yes"}) as own:
        client = own.client()
        for name in ("sorted set by deadline", "hash with field TTL", "key each"):
            client.flushdb()
            before, stats = int(client.info("memory")["used_memory"]), serverside.command_stats(client)
            with client.pipeline(transaction=False) as pipe:
                for s in range(sessions):
                    _lease(pipe, name, f"s{s}", count)
                pipe.execute()
            used = int(client.info("memory")["used_memory"]) - before
            cost = serverside.total_seconds(serverside.since(stats, serverside.command_stats(client)))
            rows.append({"structure": name, "bytes": used / sessions / count, "seconds": cost / sessions / count})
        client.flushdb()
        client.execute_command("HSET", "h", "a", "1", "b", "1")
        client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        client.execute_command("HPEXPIRE", "h", "1", "FIELDS", "1", "a")
        time.sleep(0.005)
        counted = int(client.hlen("h"))
    values = [Value(f"{r['structure']} bytes", float(r["bytes"]), "B", sessions * count) for r in rows]
    values += [Value(f"{r['structure']} server", float(r["seconds"]), "s", sessions * count) for r in rows]
    values.append(Value("HLEN with one of two lapsed", counted, "fields"))
    return Finding(question, hypothesis, method, tuple(values), pd.DataFrame(rows),
                   conclusion="The sorted set also tells who has lapsed, which the sweep needs to publish each leave.",
                   conditions={"members a session": count, "sessions": sessions})  # fmt: skip


def _lease(pipe: redis.client.Pipeline, structure: str, session: str, count: int) -> None:
    names = [f"c{n:06d}" for n in range(count)]
    if structure == "sorted set by deadline":
        for n, name in enumerate(names):
            pipe.execute_command("ZADD", session, 1_790_000_000_000 + n, name)
    elif structure == "hash with field TTL":
        for name in names:
            pipe.execute_command("HSET", session, name, "1")
            pipe.execute_command("HPEXPIRE", session, "60000", "FIELDS", "1", name)
    else:
        for name in names:
            pipe.execute_command("SET", f"{session}:{name}", "1", "PX", "60000")


def plot_mass(samples: pd.DataFrame) -> Figure:
    """Draw the tail of what another client waits: share of probes that waited longer, for each case."""
    figure, axes = plt.subplots()
    for (case, rows), colour, dash in zip(
        samples.groupby("case", sort=False), (figures.CONTEXT, *figures.PALETTE), ("-", "-", "--"), strict=False
    ):
        waits = np.sort(rows["latency_s"].to_numpy()) * 1e3
        share = 100 * (1 - np.arange(len(waits)) / len(waits))
        axes.plot(waits, share, color=colour, linestyle=dash, linewidth=2)
        axes.annotate(f" {case}", (waits[-1], share[-1]), color=colour, fontsize=9, va="bottom")
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(lambda *_: "")
    axes.set_xlabel("wait (ms, log scale)")
    axes.set_ylabel("probes that waited longer (%, log scale)")
    axes.margins(x=0.3)
    axes.set_title("What another client waits while keys fall due")
    return figure
