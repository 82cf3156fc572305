"""Structures: the candidates of a key pattern run side by side with the project's own sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from redis_plan import figures
from redis_plan.keyspace.model import Candidate, KeyPattern, Keyspace
from redis_plan.measure import serverside, statistics
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.interleave import AGAIN, Commands, Timed, interleaved, run_batch
from redis_plan.measure.lab import Lab
from redis_plan.measure.respwire import Wire
from redis_plan.rig.filler import Filler, Shape, is_document
from redis_plan.rig.pool import cpu_seconds
from redis_plan.server.capabilities import missing
from redis_plan.server.visit import clean


def contested(keyspace: Keyspace, most: int) -> tuple[KeyPattern, ...]:
    """Return the key patterns with two candidates or more, those that most access patterns use first."""
    found = [p for p in keyspace.keys if len(p.candidates) > 1]
    ranked = sorted(found, key=lambda p: (-len(p.access_patterns) - len(p.functions), keyspace.patterns.index(p)))
    return tuple(sorted(ranked[:most], key=keyspace.patterns.index))


def compare(lab: Lab, *, pattern: KeyPattern, payload_bytes: float) -> Finding:
    """Run every candidate of ``pattern`` interleaved: client-seen latency, server time, bytes, encoding.

    Ratios are to the naive candidate (the first one where none is marked), with an A/A run of it as the noise floor.
    """
    shape = Shape.of(pattern, payload_bytes)
    client, root = lab.server.client(), f"{lab.server.prefix}structures:{pattern.name}"
    usable = [
        c for c in pattern.candidates if c.type != "channel" and (not c.feature or c.feature in lab.server.capabilities)
    ]
    skipped = [f"{c.name}: {missing(c.feature)}" for c in pattern.candidates if c.feature and c not in usable]
    naive = next((c for c in usable if c.naive), usable[0])
    fillers = {c.name: Filler(f"{root}:{c.name}", c, shape, lab.rng(c.name)) for c in usable}
    rows: list[dict[str, object]] = []
    values: list[Value] = []
    encodings: list[str] = []
    try:
        with Wire(lab.server) as wire:
            for candidate in usable:
                _build(wire, fillers[candidate.name], shape)
                values.append(Value(f"{candidate.name} bytes", _bytes(client, f"{root}:{candidate.name}"), "B", 1))
                if (seen := client.object("ENCODING", f"{root}:{candidate.name}")) is not None:
                    encodings.append(f"{candidate.name} {seen.decode()}")
            stopped = []
            for kind in ("read", "write"):  # reads first: some candidates grow with each write
                seen, timed = _timed(lab, wire, client, kind, usable, naive, fillers, rows)
                values += seen
                stopped.append(f"{kind}: {timed.stopped} after {timed.seconds:.2g} s")
    finally:
        clean(client, root)
    best = {k: min(usable, key=lambda c: _find(values, f"{c.name} {k} server")).name for k in ("write", "read")}
    return Finding(
        question=f"Which structure serves `{pattern.name}` at {shape.elements:,} element{'s' * (shape.elements != 1)} of {shape.value_bytes} B?",
        hypothesis=f"{pattern.chosen or usable[0].name} needs less server time than the naive {naive.name}.",
        method="Each candidate's own commands, interleaved A B A B on one connection after warm-up; server time from commandstats, CPU with system calls from INFO cpu",
        values=tuple(values),
        samples=pd.DataFrame(rows),
        conclusion=f"Least server time: {best['write']} to write, {best['read']} to read."
        + (f" Not run: {'; '.join(skipped)}." if skipped else ""),
        conditions={
            "loop": "closed, depth 1",
            "connections": 1,
            "elements": shape.elements,
            "value": f"{shape.value_bytes} B",
            "encodings": "; ".join(encodings),
            "stopped": "; ".join(stopped),
            "server time": "of our commands alone" if lab.server.ours else "of every client of this shared server",
        },
    )


def _build(wire: Wire, filler: Filler, shape: Shape) -> None:
    """Fill a candidate's key with its elements by its own write commands."""
    for member in range(1 if is_document(filler.candidate) else shape.elements):
        commands = filler.commands(filler.candidate.write, member)
        reply = wire.ask(b"".join(commands), len(commands))
        if isinstance(reply, Exception):
            raise redis.ResponseError(f"{filler.candidate.name}: {reply}")


def _timed(
    lab: Lab, wire: Wire, client: redis.Redis, kind: str, usable: Sequence[Candidate], naive: Candidate,
    fillers: dict[str, Filler], rows: list[dict[str, object]],
) -> tuple[list[Value], Timed]:  # fmt: skip
    templates = {c.name: c.write if kind == "write" else c.read for c in usable}
    makers = {name: fillers[name].endless(commands) for name, commands in templates.items()}
    budget = lab.by_profile(0.08, 0.4, 3.0) * (len(makers) + 1) / 2
    timed = interleaved(wire, makers, budget, baseline=naive.name, again=True)
    rows += [
        {"kind": kind, "candidate": r.label, "round": r.round, "seconds": r.seconds} for r in timed.rounds.itertuples()
    ]
    values: list[Value] = []
    for c in usable:
        for q in (50, 95, 99):
            e = statistics.percentile(timed.operations[c.name], q, lab.seed)
            values.append(Value(f"{c.name} {kind} p{q}", e.value, "s", e.n, e.low, e.high))
        r = timed.ratio(c.name, lab.seed)
        values.append(Value(f"{c.name} {kind} ratio", r.value, "x", r.n, r.low, r.high))
        server_s, cpu_s, count = _server_time(lab, wire, client, makers[c.name]())
        values.append(Value(f"{c.name} {kind} server", server_s, "s", count))
        values.append(Value(f"{c.name} {kind} cpu", cpu_s, "s", count))
    values.append(Value(f"{kind} noise floor", 100 * (timed.noise(lab.seed) or 0.0), "%", timed.count))
    return values, timed


def _server_time(lab: Lab, wire: Wire, client: redis.Redis, operations: Iterator[Commands]) -> tuple[float, float, int]:
    """Return what one operation (all its commands) costs the server: in its commands, and in CPU with system calls.

    The first is from commandstats, the second from INFO cpu, both around a run of its own. Depth 1, as the application
    sends it: replies that pile up in one output buffer would be charged to the command.
    """
    first = next(operations)
    # a large document is sent less often: ten megabytes a candidate are enough for a mean
    most = max(20, 10_000_000 // max(1, sum(len(command) for command in first)))
    count = min(lab.by_profile(200, 1_000, 5_000), most)
    before, used = serverside.command_stats(client), cpu_seconds(client)
    run_batch(wire, operations, count)
    cpu = cpu_seconds(client) - used
    spent = serverside.total_seconds(serverside.since(before, serverside.command_stats(client)))
    return spent / count, cpu / count, count


def _bytes(client: redis.Redis, root: str) -> float:
    """Return MEMORY USAGE (every element counted) of the key and of the further keys below it."""
    names = [root.encode(), *client.scan_iter(match=f"{root}:*", count=1000)]
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.memory_usage(name, samples=0)
        return float(sum(size or 0 for size in pipe.execute()))


def _find(values: Sequence[Value], name: str) -> float:
    return next(v.value for v in values if v.name == name)


def plot_candidates(frames: Mapping[str, pd.DataFrame], chosen: Mapping[str, str]) -> Figure:
    """Draw one panel a pattern: the spread of each candidate's time per write (filled) and read (hollow), the chosen one in blue."""
    if not frames:
        return Figure()
    shown = [(name, frame[~frame["candidate"].str.endswith(AGAIN)]) for name, frame in frames.items()]
    pairs = [shown[at : at + 2] for at in range(0, len(shown), 2)]
    heights = [max(frame["candidate"].nunique() for _, frame in pair) + 1 for pair in pairs]
    figure, panels = plt.subplots(
        len(pairs), 2, figsize=(9.4, 0.9 + 0.45 * sum(heights)), sharex=True, squeeze=False, height_ratios=heights
    )
    for axes in panels.flat[len(shown) :]:
        axes.set_visible(False)
    for (name, frame), axes in zip(shown, panels.flat, strict=False):
        _draw_times(axes, frame, chosen.get(name, ""))
        axes.set_title(name, fontsize=11)
        axes.tick_params(labelbottom=True)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    for axes in panels.flat[max(0, len(shown) - 2) : len(shown)]:
        axes.set_xlabel("time of a write (filled) and a read (hollow), µs, log scale", fontsize=9)
    return figure


def _draw_times(axes: Axes, frame: pd.DataFrame, chosen: str) -> None:
    """Draw a line of the middle 90 % and a dot at the median for the writes of each candidate, and below it for its reads."""
    names = list(dict.fromkeys(frame["candidate"]))[::-1]
    for position, candidate in enumerate(names):
        colour, marker = (figures.HIGHLIGHT, "o") if candidate == chosen else (figures.CONTEXT, "s")
        for kind, aside, fill in (("write", 0.18, colour), ("read", -0.18, "white")):
            times = frame.loc[(frame["candidate"] == candidate) & (frame["kind"] == kind), "seconds"] * 1e6
            at = position + aside
            axes.plot(
                times.quantile([0.05, 0.95]), [at] * 2, color=colour, linewidth=3, alpha=0.45, solid_capstyle="round"
            )
            axes.plot(times.median(), at, marker, color=colour, markerfacecolor=fill, markersize=6)
            axes.annotate(f"{times.median():.0f}", (times.quantile(0.95), at), xytext=(5, 0), textcoords="offset points",
                          va="center", fontsize=8, color=colour)  # fmt: skip
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xscale("log")
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
