"""Load: the project's own mix of reads and writes over many connections, from its peak rate to the knee."""

from __future__ import annotations

from dataclasses import dataclass, replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from redis_plan import figures
from redis_plan.brief.model import Brief
from redis_plan.chapters.structures.structures import contested
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure import statistics
from redis_plan.measure.crowd import CrowdLoad, Share, offer_crowd
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.measure.respwire import pack
from redis_plan.rig.pool import cpu_seconds
from redis_plan.rig.workload import mix, rates, target_rate
from redis_plan.server.visit import clean

__all__ = ["load_curve", "plot_load", "target_rate"]

CONNECTIONS = 50  # a few gateways' pools together
MOST_PER_S = 50_000.0  # beyond this one generator process measures itself
PING_PER_S = 50.0  # beside the mix, as the baseline that every latency holds


@dataclass(frozen=True, slots=True)
class Run:
    """One offered rate: the load that was seen, the server's CPU meanwhile, and how often it had to be offered."""

    load: CrowdLoad
    cpu_s: float
    attempts: int

    @property
    def cpu_per_command_s(self) -> float:
        """Server CPU seconds of one command of the mix."""
        return self.cpu_s / len(self.load.latency_s)

    @property
    def core_share(self) -> float:
        """Per cent of one core that the server used."""
        return 100 * self.cpu_per_command_s * self.load.achieved_per_s

    @property
    def kept_up(self) -> bool:
        """Whether replies came as fast as commands were sent."""
        return self.load.achieved_per_s > 0.95 * self.load.offered_per_s


def load_curve(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Offer the project's mix at multiples of its peak until the server, or the generator, falls behind.

    It is offered to a server that persists as the plan configures it; on somebody else's server, as that one persists.
    """
    if not lab.server.ours:
        return _load_curve(lab, brief, keyspace)
    lasting = any(pattern.authoritative for pattern in keyspace.keys)
    config = {"appendonly": "yes" if lasting else "no", "appendfsync": "everysec", "save": ""}
    with lab.own(config) as own:
        return _load_curve(replace(lab, server=own), brief, keyspace)


def _load_curve(lab: Lab, brief: Brief, keyspace: Keyspace) -> Finding:
    question = "How much room is there above the project's own rate of reads and writes?"
    if functions.missing(keyspace) and not any(pattern.candidates for pattern in keyspace.keys):
        reason = "the keyspace has no key that is written"
        return Finding(question, "", "Open loop over the project's mix", (), not_run=reason)
    wanted = rates(brief, keyspace)
    peak, seconds = sum(rate.per_s for rate in wanted), lab.by_profile(0.25, 1.0, 10.0)
    client, root = lab.server.client(), f"{lab.server.prefix}load:"
    rows: list[dict[str, object]] = []
    at_peak: Run | None = None
    crowds: dict[int, Run] = {}
    try:
        patterns = contested(keyspace, 1) or tuple(p for p in keyspace.keys if p.candidates)[:1]
        name, commands = mix(lab, brief, keyspace, root, patterns)
        commands["ping"] = Share(iter(lambda: pack("PING"), None), PING_PER_S)
        _offered(lab, commands, min(peak, 2_000.0), 0.05, CONNECTIONS, 1)  # warm-up
        for multiple in _multiples(peak):
            run = _offered(lab, commands, peak * multiple, seconds, CONNECTIONS, 4 if multiple == 1.0 else 2)
            rows.append(_row(lab, run, multiple))
            if multiple == 1.0:
                at_peak = run
            if not run.kept_up:
                break
        for count in lab.by_profile((), (1, 10, 200), (1, 10, 200, 1_000)):
            crowds[count] = _offered(lab, commands, min(peak, MOST_PER_S / 2), seconds, count, 2)
    finally:
        clean(client, root)
    samples = pd.DataFrame(rows)
    good = samples[samples["kept_up"] & samples["headroom"]]
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
        question=question,
        hypothesis="At the peak p99 is far below the sync target, the server is busy for a small part of one core, and the knee "
        "is several times further.",
        method=f"Open loop over {CONNECTIONS} connections, kinds drawn by their rates, latency from the intended send time; rates "
        "doubled until something falls behind; server CPU from INFO cpu around each",
        values=(*_values(lab, peak, samples, good, at_peak), *_crowd_values(crowds)),
        samples=samples,
        conclusion=f"The curve ends where {ended}."
        + (f" Left out, because the generator was late: {discarded} of {len(samples)} rates." if discarded else ""),
        conditions={
            "loop": "open", "connections": CONNECTIONS, "seconds a rate": seconds, "operation": name,
            "persistence": f"appendonly {lab.server.fingerprint.settings.get('appendonly', 'unknown')}",
            "mix": ", ".join(f"{rate.kind} {rate.per_s:,.0f}/s ({rate.formula})" for rate in wanted),
        },
    )  # fmt: skip


def _multiples(peak: float) -> tuple[float, ...]:
    """Return the multiples of the peak to offer: from 1 up, or fractions where the peak itself is beyond the generator."""
    most = MOST_PER_S / peak
    found = [2.0**n for n in range(-8, 9) if 2.0**n <= most and (2.0**n >= 1 or most < 1)]
    return tuple(found[-2:] if most < 1 else found[:6]) or (most,)


def _offered(lab: Lab, commands: dict[str, Share], rate: float, seconds: float, connections: int, attempts: int) -> Run:
    """Offer one rate, again where the generator itself was late; return the last run and how many there were."""
    client, made = lab.server.client(), 0
    while True:
        made += 1
        before = cpu_seconds(client)
        load = offer_crowd(lab.server, commands, rate, seconds, connections=connections, seed=lab.seed + made)
        run = Run(load, cpu_seconds(client) - before, made)
        if load.has_headroom or made >= attempts:
            return run


def _row(lab: Lab, run: Run, multiple: float) -> dict[str, object]:
    load = run.load
    p50, p95 = np.percentile(load.latency_s, [50, 95])
    p99 = statistics.percentile(load.latency_s, 99, lab.seed)
    return {
        "multiple": multiple, "offered": load.offered_per_s, "achieved": load.achieved_per_s, "n": len(load.latency_s),
        "p50": p50, "p95": p95, "p99": p99.value, "p99_low": p99.low, "p99_high": p99.high, "max": float(load.latency_s.max()),
        "core_share": run.core_share, "server_cpu_s": run.cpu_per_command_s, "late_send_p99": load.late_send_s,
        "attempts": run.attempts, "headroom": load.has_headroom, "kept_up": run.kept_up,
    }  # fmt: skip


def _values(lab: Lab, peak: float, samples: pd.DataFrame, good: pd.DataFrame, at_peak: Run | None) -> list[Value]:
    sent = int(samples["n"].sum())
    cpu_s = float((samples["server_cpu_s"] * samples["n"]).sum()) / sent
    values = [Value("target", peak, "/s", grade="modelled"), Value("server cpu", cpu_s, "s", sent)]
    if at_peak and at_peak.load.has_headroom:
        load = at_peak.load
        e = statistics.percentile(load.latency_s, 99, lab.seed)
        values += [
            Value("p50 at target", float(np.percentile(load.latency_s, 50)), "s", e.n),
            Value("p99 at target", e.value, "s", e.n, e.low, e.high),
            Value("achieved at target", load.achieved_per_s, "/s", e.n),
        ]
        for kind in load.labels:
            seen = load.of(kind)
            for q in (50, 95, 99) if seen.size >= 200 else (50,) * bool(seen.size):
                values.append(Value(f"{kind} p{q}", float(np.percentile(seen, q)), "s", int(seen.size)))
    if at_peak:
        values.append(Value("core share at target", at_peak.core_share, "%", len(at_peak.load.latency_s)))
    else:
        values.append(Value("core share at target", 100 * peak * cpu_s, "%", sent, grade="modelled"))
    if len(good):
        values.append(Value("kept up to", float(good["offered"].max()), "/s", int(good["n"].sum())))
        values.append(Value("headroom", float(good["offered"].max()) / peak, "x"))
    return values


def _crowd_values(crowds: dict[int, Run]) -> list[Value]:
    """Return p99 at the peak by the number of connections."""
    return [
        Value(
            f"p99 over {count:,} connections",
            float(np.percentile(run.load.latency_s, 99)),
            "s",
            len(run.load.latency_s),
        )
        for count, run in crowds.items()
        if run.load.has_headroom
    ]


def plot_load(samples: pd.DataFrame, target_per_s: float, budget_s: float) -> Figure:
    """Draw latency percentiles against the offered rate, with the project's own rate and the budget marked."""
    if samples.empty:
        return Figure()
    figure, axes = plt.subplots()
    floor = 0.0
    for name, colour, marker in zip(("p50", "p95", "p99"), figures.PALETTE, "os^", strict=False):
        axes.plot(samples["offered"], samples[name] * 1e3, marker=marker, color=colour, linewidth=1.5, markersize=5)
        floor = max(samples[name].iloc[-1] * 1e3, 1.5 * floor)
        axes.annotate(name, (samples["offered"].iloc[-1], floor), xytext=(7, 0), textcoords="offset points", color=colour,
                      va="center", fontsize=10, annotation_clip=False)  # fmt: skip
    axes.axvline(target_per_s, color=figures.CONTEXT, linewidth=0.9, linestyle="--")
    axes.annotate(
        " the project at peak",
        (target_per_s, 0.88),
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
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(lambda value, _: f"{value:,g}")
        axis.set_minor_formatter(lambda *_: "")
    axes.set_xlabel("offered rate (commands/s, log scale)")
    axes.set_ylabel("latency (ms, log scale)")
    axes.set_title("Latency of the project's mix against offered rate (open loop)")
    axes.margins(x=0.1)
    return figure
