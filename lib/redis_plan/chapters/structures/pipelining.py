"""Pipelining: what depth and payload do to throughput and to the server's CPU for each command."""

from __future__ import annotations

from statistics import median

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.measure.drive import drive
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.measure.respwire import pack
from redis_plan.rig.pool import cpu_seconds
from redis_plan.server.visit import clean

_BATCH_MOST = 4 << 20  # bytes on the way in one batch: beyond this the socket's buffers are measured
ENOUGH = 0.8  # the depth that gets this share of the best throughput is deep enough


def depth_and_payload(lab: Lab) -> Finding:
    """SET and GET at pipeline depths 1 to 100 and payloads 64 B to 64 KiB on one connection."""
    depths = lab.by_profile((1, 10, 100), (1, 2, 5, 10, 20, 50, 100), (1, 2, 5, 10, 20, 50, 100))
    sizes = lab.by_profile((64, 1024, 65536), (64, 256, 1024, 4096, 16384, 65536), (64, 256, 1024, 4096, 16384, 65536))
    seconds, rounds = lab.by_profile(0.02, 0.03, 0.3), lab.by_profile(2, 3, 9)
    client, root = lab.server.client(), f"{lab.server.prefix}pipeline"
    rows = []
    pace: dict[tuple[str, int, int], float] = {}
    try:
        for round in range(rounds):
            for size in sizes:
                body = "x" * size
                for depth in depths:
                    if depth > 1 and depth * size > _BATCH_MOST:
                        continue
                    for kind, command, reply in (
                        ("SET", pack("SET", f"{root}:{size}", body), b"+OK\r\n"),
                        ("GET", pack("GET", f"{root}:{size}"), b"$%d\r\n%b\r\n" % (size, body.encode())),
                    ):
                        # as many commands as the last pace fills the time with, ten batches at least
                        count = max(10 * depth, int(seconds * pace.get((kind, size, depth), 5_000)))
                        before = cpu_seconds(client)
                        driven = drive(lab.server, command, reply, pipeline=depth, commands=count)
                        cpu = (cpu_seconds(client) - before) / driven.commands
                        pace[kind, size, depth] = driven.per_s
                        rows.append((kind, round, size, depth, driven.per_s, cpu, driven.client_share))
    finally:
        clean(client, root)
    samples = pd.DataFrame(rows, columns=["command", "round", "size", "depth", "per_s", "server_cpu_s", "client_share"])
    values = []
    for size in (sizes[0], sizes[-1]):
        seen = [row for row in rows if row[0] == "SET" and row[2] == size]
        per_s = {
            depth: median(row[4] for row in seen if row[3] == depth) for depth in dict.fromkeys(r[3] for r in seen)
        }
        cpu_s = {depth: median(row[5] for row in seen if row[3] == depth) for depth in per_s}
        best = max(per_s.values())
        for name, depth in (("1", 1), ("most", max(per_s))):
            values += [
                Value(f"{size} B at depth {name} throughput", per_s[depth], "/s", rounds),
                Value(f"{size} B at depth {name} cpu", cpu_s[depth], "s", rounds),
            ]
        values.append(Value(f"{size} B gain", best / per_s[1], "x"))
        values.append(Value(f"{size} B enough", min(d for d, n in per_s.items() if n >= ENOUGH * best), "commands"))
    at = {v.name: v.value for v in values}
    small, large = sizes[0], sizes[-1]
    return Finding(
        question="What does pipelining gain, and until which payload?",
        hypothesis="With small values most of the cost is the round trip and the system calls, which a batch shares; with large "
        "ones it is the copying, which it does not.",
        method="Closed loop on one connection, batches of prepacked SET and GET; server CPU from INFO cpu around each run",
        values=(*values, Value("smallest", small, "B"), Value("largest", large, "B")),
        samples=samples,
        conclusion=f"Depth gains {at[f'{small} B gain']:.0f} times at {small} B and {at[f'{large} B gain']:.1f} times at "
        f"{large // 1024} KiB; {at[f'{small} B enough']:.0f} commands a batch give {100 * ENOUGH:.0f} % of it.",
        conditions={"loop": "closed", "connections": 1, "seconds each": seconds, "rounds": rounds},
    )  # fmt: skip


def plot_depth(samples: pd.DataFrame) -> Figure:
    """Draw throughput and server CPU a command against the pipeline depth, one line a payload, for SET."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5))
    middle = samples[samples["command"] == "SET"].groupby(["size", "depth"])[["per_s", "server_cpu_s"]].median()
    sizes = list(dict.fromkeys(middle.index.get_level_values("size")))
    for place, size in enumerate(sizes):
        rows, colour = middle.loc[size], figures.PALETTE[place % len(figures.PALETTE)]
        label = f"{size} B" if size < 1024 else f"{size // 1024} KiB"
        for axes, column, factor in ((left, "per_s", 1e-3), (right, "server_cpu_s", 1e6)):
            axes.plot(rows.index, rows[column] * factor, f"-{'osD^vp'[place % 6]}", color=colour, ms=5)
            axes.annotate(f" {label}", (rows.index[-1], rows[column].iloc[-1] * factor), xytext=(4, 0), textcoords="offset points",
                          color=colour, fontsize=9, va="center")  # fmt: skip
    left.set(ylabel="thousand commands/s (log scale)", title="Throughput of SET on one connection")
    right.set(ylabel="server CPU a command (µs, log scale)", title="What one SET costs the server")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel="pipeline depth (log scale)")
        axes.margins(x=0.22)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:,g}")
            axis.set_minor_formatter(lambda *_: "")
    return figure
