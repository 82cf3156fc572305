"""Load: the hot write of the project under an open loop, from the target rate to the knee."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.brief.model import Brief
from redis_plan.experiments.session import Session, start
from redis_plan.experiments.structures import Filler, Shape, contested
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure import openloop, serverside, statistics
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.measure.respwire import Wire, pack
from redis_plan.server.visit import clean

MULTIPLES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
ATTEMPTS = 3  # a rate at which the generator was late is offered again before it is left out
SESSIONS = 40  # sessions that the load is spread over; more would only change the keyspace's size
MOST_PER_S = 60_000.0  # beyond this one Python generator measures itself


def target_rate(brief: Brief) -> float:
    """Return the state changes per second that the project has at peak."""
    return max(1.0, brief.value("sessions_peak") * brief.value("events_per_session"))


def load_curve(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Offer the hot write at multiples of the target rate until the server, or the generator, falls behind."""
    question = "How much room is there above the project's own rate of writes?"
    if functions.missing(keyspace) and not any(pattern.candidates for pattern in keyspace.keys):
        reason = "the keyspace has no key that is written"
        return Finding(question, "", "Open loop over the hot write of the project", (), not_run=reason)
    target, seconds = target_rate(brief), lab.by_profile(0.15, 2.0, 10.0)
    client, root = lab.server.client(), f"{lab.server.prefix}load:"
    rows: list[dict[str, object]] = []
    try:
        name, commands = _hot_write(lab, brief, keyspace, root)
        with Wire(lab.server.address) as wire:
            for _ in range(50):
                wire.ask(next(commands))
            before = serverside.command_stats(client)
            for multiple in MULTIPLES:
                rate = target * multiple
                if rate > MOST_PER_S:
                    break
                load, attempts = _offered(wire, commands, rate, seconds)
                p = np.percentile(load.latency_s, [50, 95, 99])
                p99 = statistics.percentile(load.latency_s, 99, lab.seed)
                kept = load.achieved_per_s > 0.95 * rate
                rows.append(
                    {
                        "multiple": multiple, "offered": rate, "achieved": load.achieved_per_s, "n": len(load.latency_s),
                        "p50": p[0], "p95": p[1], "p99": p[2], "p99_low": p99.low, "p99_high": p99.high,
                        "max": float(load.latency_s.max()), "late_send_p99": load.late_send_s,
                        "attempts": attempts, "headroom": load.has_headroom, "kept_up": kept,
                    }
                )  # fmt: skip
                if not kept:
                    break
            costs = serverside.since(before, serverside.command_stats(client))
    finally:
        clean(client, root)
    samples = pd.DataFrame(rows)
    good = samples[samples["kept_up"] & samples["headroom"]]
    sent = int(samples["n"].sum())
    entry = [c for k, c in costs.items() if k.startswith(("fcall", "evalsha"))]
    server_s = (sum(c.usec for c in entry) / 1e6 if entry else serverside.total_seconds(costs)) / max(1, sent)
    at_target = good[good["multiple"] == 1.0]
    values = [Value("target", target, "/s"), Value("server time", server_s, "s", sent)]
    if len(at_target):
        row = at_target.iloc[0]
        values += [
            Value("p50 at target", float(row["p50"]), "s", int(row["n"])),
            Value(
                "p99 at target", float(row["p99"]), "s", int(row["n"]), float(row["p99_low"]), float(row["p99_high"])
            ),
            Value("achieved at target", float(row["achieved"]), "/s", int(row["n"])),
        ]
    if len(good):
        values.append(Value("kept up to", float(good["offered"].max()), "/s", int(good["n"].sum())))
        values.append(Value("headroom", float(good["offered"].max()) / target, "x"))
    values.append(Value("core share at target", 100 * target * server_s, "%", sent, grade="modelled"))
    last = samples.iloc[-1]
    ended = (
        "the generator fell behind its own schedule, so the knee is further right"
        if not last["headroom"]
        else "the server fell behind"
        if not last["kept_up"]
        else "one generator process can't offer more"
    )
    discarded = int((~samples["headroom"]).sum())
    return Finding(
        question=f"How much room is there above the project's own rate of {name}?",
        hypothesis="At the target rate p99 is far below the sync target, and the knee is several times further.",
        method="Open loop on one pipelined connection, latency from the intended send time, rates doubled until something falls behind",
        values=tuple(values),
        samples=samples,
        conclusion=f"The curve ends where {ended}."
        + (f" {discarded} rates are left out: the generator was late." if discarded else ""),
        conditions={
            "loop": "open",
            "connections": 1,
            "seconds a rate": seconds,
            "sessions": SESSIONS,
            "operation": name,
        },
    )


def _offered(wire: Wire, commands: Iterator[bytes], rate: float, seconds: float) -> tuple[openloop.Load, int]:
    """Offer one rate, again where the generator itself was late; return the last run and how many there were."""
    attempts, load = 1, openloop.offer(wire, commands, rate, seconds)
    while attempts < ATTEMPTS and not load.has_headroom:
        attempts, load = attempts + 1, openloop.offer(wire, commands, rate, seconds)
    return load, attempts


def _hot_write(lab: Lab, brief: Brief, keyspace: Keyspace, root: str) -> tuple[str, Iterator[bytes]]:
    """Return the project's hot write and an endless stream of it: session_apply where there are sessions."""
    if functions.missing(keyspace):
        pattern = next(iter(contested(keyspace, 1)), None) or next(p for p in keyspace.keys if p.candidates)
        candidate = pattern.candidate or next(iter(pattern.candidates))
        filler = Filler(
            f"{root}{pattern.name}", candidate, Shape.of(pattern, brief.value("payload_bytes")), lab.rng("load")
        )
        return f"{candidate.name} write of `{pattern.name}`", (
            b"".join(c[:1]) for c in filler.endless(candidate.write[:1])()
        )
    return "session_apply", applies(lab, brief, keyspace, root, SESSIONS)


def applies(lab: Lab, brief: Brief, keyspace: Keyspace, root: str, count: int) -> Iterator[bytes]:
    """Make ``count`` sessions under ``root`` and yield packed calls of session_apply on them in turn, without end.

    Each call has its own operation id and the project's payload. The caller cleans ``root``.
    """
    client, library = lab.server.client(), start(lab.server)
    sessions = [Session.of(brief, keyspace, library, f"load{n}", prefix=root) for n in range(count)]
    data = json.dumps({"x": "y" * max(1, int(brief.value("payload_bytes")) - 90)})
    for session in sessions:
        session.create(client)
        session.apply(client, "warm", data)  # also loads the EVAL form where functions are not allowed
    function = functions.functions()["session_apply"]
    head = ("FCALL", function.name) if library.form == "function" else ("EVALSHA", function.sha)
    at = function.keys.index("idem")
    keys = [functions.keys_of(keyspace, function.name, session.keys) for session in sessions]
    rules = sessions[0].rules
    for number in itertools.count():
        mine, op = keys[number % count], f"op{number:09d}"
        named = [*mine[:at], f"{mine[at].rsplit(':', 1)[0]}:{op}", *mine[at + 1 :]]
        channel = sessions[number % count].channel_argument
        yield pack(
            *head, len(named), *named, channel, op, "", "load", data, rules.ttl_s, rules.log_max, rules.idem_ttl_s
        )


def plot_load(samples: pd.DataFrame, target_per_s: float, budget_s: float) -> Figure:
    """Draw latency percentiles against the offered rate, with the project's own rate and the budget marked."""
    if samples.empty:
        return Figure()
    figure, axes = plt.subplots()
    for name, colour, marker in zip(("p50", "p95", "p99"), figures.PALETTE, "os^", strict=False):
        axes.plot(samples["offered"], samples[name] * 1e3, marker=marker, color=colour, linewidth=1.5, markersize=5)
        axes.annotate(
            f" {name}",
            (samples["offered"].iloc[-1], samples[name].iloc[-1] * 1e3),
            color=colour,
            va="center",
            fontsize=10,
        )
    axes.axvline(target_per_s, color=figures.CONTEXT, linewidth=0.9, linestyle="--")
    axes.annotate(
        " the project at peak",
        (target_per_s, 0.98),
        xycoords=("data", "axes fraction"),
        va="top",
        fontsize=9,
        color="#555555",
    )
    axes.axhline(budget_s * 1e3, color="#b3261e", linewidth=0.9)
    axes.annotate(
        "budget", (0.01, budget_s * 1e3), xycoords=("axes fraction", "data"), va="bottom", fontsize=9, color="#b3261e"
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:,g}")
        axis.set_minor_formatter(lambda *_: "")
    axes.set_xlabel("offered rate (operations/s, log scale)")
    axes.set_ylabel("latency (ms, log scale)")
    axes.set_title("Latency of the hot write against offered rate (open loop)")
    axes.margins(x=0.1)
    return figure
