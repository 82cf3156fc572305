"""Logs: a list and a stream as the event log, from one entry to a thousand: bytes, append with trim, catch-up read."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.brief.model import Brief
from redis_plan.chapters.structures import shapes
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure import serverside
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.measure.respwire import Wire, pack
from redis_plan.rig.later import left_out
from redis_plan.server.visit import clean

LENGTHS = (1, 20, 100, 1000)
MISSED = 10  # events that a client which comes back has missed


def by_length(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Compare a list with RPUSH and LTRIM, a stream with an exact bound, and one with an approximate bound."""
    question = "From which length is a stream the better event log?"
    if early := left_out(lab, question):
        return early
    event = shapes.dumps(shapes.of(brief, keyspace, lab.rng("shapes")).envelope).decode()
    client, root = lab.server.client(), f"{lab.server.prefix}logs"
    calls, blocks = lab.by_profile(100, 300, 2_000), lab.by_profile(2, 5, 9)
    rows: list[tuple[str, int, int, float, float, float, int]] = []
    try:
        with Wire(lab.server) as wire:
            for length in LENGTHS:
                keys = {kind: f"{root}:{length}:{kind}" for kind in _APPENDS}
                for kind, key in keys.items():
                    _fill(client, kind, key, length, event)
                for block in range(blocks):
                    for kind, key in keys.items():
                        append, read = _APPENDS[kind](key, length, event), _READS[kind](key, length)
                        spent = _cost(client, wire, append, calls), _cost(client, wire, read, calls)
                        rows.append((kind, length, block, float(client.memory_usage(key, samples=0) or 0), *spent, _held(client, kind, key)))  # fmt: skip
    finally:
        clean(client, root)
    samples = pd.DataFrame(rows, columns=["log", "length", "block", "bytes", "append_s", "read_s", "held"])
    values = []
    for kind in _APPENDS:
        for length in LENGTHS:
            group = [row[3:] for row in rows if row[:2] == (kind, length)]
            values += [
                Value(f"{kind} {length} bytes", median(row[0] for row in group), "B", blocks),
                Value(f"{kind} {length} append", median(row[1] for row in group), "s", blocks * calls),
                Value(f"{kind} {length} catch-up", median(row[2] for row in group), "s", blocks * calls),
                Value(f"{kind} {length} held", float(max(row[3] for row in group)), "entries", blocks),
            ]
    at = {v.name: v.value for v in values}
    crossing = next((length for length in LENGTHS if at[f"stream {length} bytes"] <= at[f"list {length} bytes"]), 0)
    return Finding(
        question=question,
        hypothesis="A short stream pays for a whole node, so a list is smaller up to some dozens of entries; a range of a stream "
        "is found by id, the end of a list by position.",
        method=f"Logs of the project's own events; server time of an append at the bound and of reading the last {MISSED}, from "
        "commandstats, in turns; MEMORY USAGE of the key",
        values=tuple(values),
        samples=samples,
        conclusion=f"At {LENGTHS[0]} entry a stream takes {at['stream 1 bytes'] / at['list 1 bytes']:.0f} times the bytes of a list; "
        + (f"at {crossing:,} it is no larger." if crossing else f"it is larger up to {LENGTHS[-1]:,} too."),
        conditions={"event": f"{len(event)} B", "caught up": f"{MISSED} events"},
    )  # fmt: skip


Commands = tuple[bytes, ...]
_APPENDS: dict[str, Callable[[str, int, str], Commands]] = {
    "list": lambda key, length, event: (pack("RPUSH", key, event), pack("LTRIM", key, -length, -1)),
    "stream": lambda key, length, event: (pack("XADD", key, "MAXLEN", length, "*", "m", event),),
    "stream, ~": lambda key, length, event: (pack("XADD", key, "MAXLEN", "~", length, "*", "m", event),),
}
_READS: dict[str, Callable[[str, int], Commands]] = {
    "list": lambda key, length: (pack("LRANGE", key, -min(MISSED, length), -1),),
    "stream": lambda key, length: (pack("XREVRANGE", key, "+", "-", "COUNT", min(MISSED, length)),),
    "stream, ~": lambda key, length: (pack("XREVRANGE", key, "+", "-", "COUNT", min(MISSED, length)),),
}


def _fill(client: redis.Redis, kind: str, key: str, length: int, event: str) -> None:
    with client.pipeline(transaction=False) as pipe:
        for _ in range(length):
            if kind == "list":
                pipe.rpush(key, event)
            else:
                pipe.xadd(key, {"m": event})
        pipe.execute()


def _held(client: redis.Redis, kind: str, key: str) -> int:
    return int(client.llen(key)) if kind == "list" else int(client.xlen(key))


def _cost(client: redis.Redis, wire: Wire, commands: Commands, calls: int) -> float:
    """Return the server seconds of one run of ``commands``."""
    before = serverside.command_stats(client)
    for _ in range(calls):
        for command in commands:
            wire.ask(command)
    return serverside.total_seconds(serverside.since(before, serverside.command_stats(client))) / calls


def plot_logs(samples: pd.DataFrame) -> Figure:
    """Draw bytes, append and catch-up against the log's length, one line a structure."""
    figure, panels = plt.subplots(1, 3, figsize=(9.4, 3.3))
    middle = samples.groupby(["log", "length"], sort=False)[["bytes", "append_s", "read_s"]].median().reset_index()
    parts = (("bytes", 1 / 1024, "KiB, log scale", "Bytes of the key"), ("append_s", 1e6, "µs", "Append at the bound"),
             ("read_s", 1e6, "µs", f"Catch-up of {MISSED} events"))  # fmt: skip
    for axes, (column, factor, unit, title) in zip(panels, parts, strict=True):
        for place, (kind, rows) in enumerate(middle.groupby("log", sort=False)):
            axes.plot(rows["length"], rows[column] * factor, f"-{'os^'[place]}", color=figures.PALETTE[place], ms=5)
            if axes is panels[0]:
                axes.annotate(str(kind), (0.03, 0.97 - 0.1 * place), xycoords="axes fraction", va="top", color=figures.PALETTE[place])  # fmt: skip
        axes.set(xscale="log", xlabel="entries (log scale)", ylabel=unit, title=title)
        axes.set_xticks(LENGTHS)
        axes.set_ylim(0, None) if column != "bytes" else axes.set_yscale("log")
        axes.minorticks_off()
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:,g}")
    return figure
