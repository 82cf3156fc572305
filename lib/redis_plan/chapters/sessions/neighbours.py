"""Neighbours: one session at a hundred times its rate. Do the others feel it, and what does the rate limit change?"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.brief.model import Brief
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure import statistics
from redis_plan.measure.crowd import Share, offer_crowd
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.later import left_out
from redis_plan.rig.pool import unfit
from redis_plan.rig.workload import applies, target_rate
from redis_plan.server.visit import clean

TIMES = 100  # what the noisy session sends, against its share
LIMIT = 5  # what section 7's token bucket lets through: 5 x events_per_session
MOST_PER_S = 8_000.0  # others and noise together; beyond this one generator process measures itself
LEAST_PER_S = 500.0
CONNECTIONS = 20
#: Name of a case and how much the noisy session sends in it.
CASES = {"alone": 0, "noisy": TIMES, "limited": LIMIT}
_SAID = {"alone": "alone", "noisy": f"at {TIMES} times its rate", "limited": f"limited to {LIMIT} times"}


def noisy_neighbour(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Offer the project's own rate of changes with one session quiet, at 100 times its rate, and at the rate limit."""
    question = "Does one session at a hundred times its rate slow the others down?"
    if reason := unfit(lab, keyspace):
        return Finding(question, "", "", (), not_run=f"The noisy neighbour does not apply: {reason}.")
    if early := left_out(lab, question):
        return early
    each = max(1.0, brief.value("events_per_session"))
    # a small project's own rate gives too few samples for a p99, a large one's is more than one generator can offer
    share = min(max(1.0, LEAST_PER_S / target_rate(brief)), MOST_PER_S / (target_rate(brief) + TIMES * each))
    others, seconds = target_rate(brief) * share, lab.by_profile(0.2, 0.3, 1.0)
    client, root = lab.server.client(), f"{lab.server.prefix}neighbours:"
    values, late = [], False
    try:
        crowd, noisy = (applies(lab, brief, keyspace, f"{root}{name}:", count) for name, count in (("o", 40), ("n", 1)))
        seen: dict[str, list[float]] = {case: [] for case in CASES}
        for turn in range(lab.by_profile(2, 4, 10)):  # in turns, so that the machine's own noise falls on all alike
            for case, times in list(CASES.items())[:: 1 if turn % 2 == 0 else -1]:
                noise = max(each * share * times, 1e-9)
                load = offer_crowd(lab.server, {"others": Share(crowd, others), "noisy": Share(noisy, noise)},
                                   others + noise, seconds, connections=CONNECTIONS, seed=lab.seed + turn)  # fmt: skip
                late |= not load.has_headroom
                seen[case] += load.of("others").tolist()
    finally:
        clean(client, root)
    rows = [{"case": case, "latency_s": spent} for case, found in seen.items() for spent in found]
    for case, found in seen.items():
        e = statistics.percentile(found, 99, lab.seed)
        values += [
            Value(f"{case}_p50", float(np.percentile(found, 50)), "s", len(found)),
            Value(f"{case}_p99", e.value, "s", e.n, e.low, e.high),
        ]
    at = {v.name: v.value for v in values}
    return Finding(
        question=question,
        hypothesis="At the project's rate the server has room, so the others' p99 stays within twice its quiet value.",
        method=f"Open loop over {CONNECTIONS} connections: every other session at its own rate, one at 1, {TIMES} and {LIMIT} "
        "times; latency of the others only, from the intended send time",
        values=tuple(values),
        samples=pd.DataFrame(rows),
        conclusion=f"p99 of the others: {1e3 * at['alone_p99']:.1f} ms alone, {1e3 * at['noisy_p99']:.1f} ms beside {TIMES} "
        f"times, {1e3 * at['limited_p99']:.1f} ms beside {LIMIT} times."
        + (" The generator itself was late in one of the runs, so the tail is not the server's alone." if late else ""),
        conditions={
            "loop": "open", "connections": CONNECTIONS, "others": f"{others:,.0f}/s",
            "scaled to": f"{100 * share:.0f} % of the project's rate", "seconds each": seconds, "turns": lab.by_profile(2, 4, 10),
        },
    )  # fmt: skip


def plot_neighbours(samples: pd.DataFrame) -> Figure:
    """Draw the share of the other sessions' changes that took longer than a given time, one line a case."""
    figure, axes = plt.subplots()
    colours = (figures.CONTEXT, figures.PALETTE[1], figures.HIGHLIGHT)
    for (case, group), colour, place in zip(samples.groupby("case", sort=False), colours, range(3), strict=False):
        spent = np.sort(group["latency_s"].to_numpy()) * 1e3
        above = 100 * (1 - np.arange(len(spent)) / len(spent))
        axes.step(spent, above, color=colour, linewidth=1.6)
        axes.annotate(f"neighbour {_SAID[str(case)]}", (0.02, 0.24 - 0.09 * place), xycoords="axes fraction", color=colour, va="top")  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="latency of the other sessions (ms, log scale)",
             ylabel="changes that took longer (%)", title="What a noisy neighbour costs the others")  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    return figure
