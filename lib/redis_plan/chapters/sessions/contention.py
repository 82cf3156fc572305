"""Contention: 1 to 64 connections write to one session. What does each way of writing get done, and what does it cost?"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from redis_plan import figures, units
from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions import stepcost
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.pool import PROCESSES, pool, unfit
from redis_plan.rig.session import Session, start

#: Ways of writing: name, the move of :mod:`moves`, the form of the functions in it.
WAYS = (
    ("function", "apply", "function"),
    ("script", "apply", "eval"),
    ("WATCH", "watch", "eval"),
    ("SET IFEQ", "cas", "eval"),
    ("single commands", "single", "eval"),
    ("unguarded", "lose", "eval"),
)
GUARDED = ("function", "script", "WATCH", "SET IFEQ")
_COLOURS = dict(zip((way for way, _, _ in WAYS), (*figures.PALETTE[:3], figures.PALETTE[4], figures.PALETTE[9], figures.CONTEXT), strict=True))  # fmt: skip


def writers(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Let 1 to 64 connections change one session by a function, EVALSHA, WATCH, SET IFEQ, single and unguarded commands."""
    question = "How does each way of writing hold up when several write to one session?"
    if reason := unfit(lab, keyspace):
        return Finding(question, "", "", (), not_run=f"Contending writers do not apply: {reason}.")
    client = lab.server.client(decode_responses=True)
    library = start(lab.server)
    seconds = lab.by_profile(0.06, 0.25, 5.0)
    counts = lab.by_profile((1, 8, 64), (1, 2, 4, 8, 16, 32, 64), (1, 2, 4, 8, 16, 32, 64))
    session = Session.of(brief, keyspace, library, "writers", lab.server.prefix)
    session = replace(session, rules=replace(session.rules, log_max=session.rules.log_max.split()[0]))
    absent = {"function"} if library.form == "eval" else set()
    absent |= set() if "set-ifeq" in lab.server.capabilities else {"SET IFEQ"}
    ways = [way for way in WAYS if way[0] not in absent]
    rows = []
    with pool(lab, library.form) as workers:
        workers.run("apply", 0.02, 2, form="eval", **_job(client, session))  # warm-up: scripts compiled, code paths hot
        session.end(client)
        for count in counts:
            for name, move, form in ways:
                job = _job(client, session)
                outcome = workers.run(move, seconds, count, form=form, **job)
                done, version, disorder = outcome.counts["done"], *_written(client, session, name == "SET IFEQ")
                session.end(client)
                rows.append(
                    {
                        "way": name, "writers": count, "done": done, "attempts": outcome.counts["attempts"],
                        "goodput_per_s": outcome.per_s, "attempts_per_success": outcome.counts["attempts"] / max(1, done),
                        "p50_s": outcome.percentile_s(50), "p99_s": outcome.percentile_s(99), "max_s": outcome.percentile_s(100),
                        "server_cpu_s": outcome.server_cpu_s / max(1, done), "lost": done - version, "disorder": disorder,
                    }
                )  # fmt: skip
    client.unlink(f"{session.keys['state']}:document")
    samples = pd.DataFrame(rows)
    cost = stepcost.steps(lab, client, brief, keyspace, library)
    most = max(counts)
    at = samples[samples["writers"] == most].set_index("way")
    best = "function" if "function" in at.index else "script"
    guarded = samples[samples["way"].isin(GUARDED)]
    values = [Value("writers", most, "writers")]
    for name in at.index:
        row, key = at.loc[name], str(name).lower().replace(" ", "_")
        n = int(row["done"])
        values += [
            Value(f"{key}_goodput", float(row["goodput_per_s"]), "changes/s", n),
            Value(f"{key}_attempts", float(row["attempts_per_success"]), "x", int(row["attempts"])),
            Value(f"{key}_p50", float(row["p50_s"]), "s", n),
            Value(f"{key}_p99", float(row["p99_s"]), "s", n),
            Value(f"{key}_cpu", float(row["server_cpu_s"]), "s", n),
        ]
    for prefix, rows_of in (("", guarded), ("unguarded_", samples[samples["way"] == "unguarded"])):
        values.append(Value(f"{prefix}lost", int(rows_of["lost"].sum()), "updates", int(rows_of["done"].sum())))
    alone = samples[samples["way"] == "single commands"]
    values.append(Value("single_commands_disorder", int(alone["disorder"].sum()), "events", int(alone["done"].sum())))
    values.append(Value("disorder", int(guarded[guarded["way"] != "SET IFEQ"]["disorder"].sum()), "events", int(guarded["done"].sum())))  # fmt: skip
    values += [*cost, Value("best_over_watch", float(at.at[best, "goodput_per_s"]) / max(1.0, float(at.at["WATCH", "goodput_per_s"])), "x")]  # type: ignore[arg-type]  # fmt: skip
    return Finding(
        question=question,
        hypothesis="A function and a script stay flat and equal; WATCH needs more attempts for each success as writers "
        "are added, about one winner a round; single commands lose nothing but mix the order of events.",
        method="Closed loop: each connection changes the same session again and again; version + 1, log, publish each time. "
        "Latency counts from the first attempt to the success. Server CPU from INFO cpu around each run; server time of a step "
        "from INFO commandstats around blocks in turns, nobody else writing",
        values=tuple(values),
        samples=samples,
        conclusion=f"With {most} writers WATCH needs {float(at.at['WATCH', 'attempts_per_success']):.1f} attempts a success "  # type: ignore[arg-type]
        f"and takes {1e3 * float(at.at['WATCH', 'p99_s']):.0f} ms at p99, a {best} {1e3 * float(at.at[best, 'p99_s']):.1f} ms."  # type: ignore[arg-type]
        + (f" Not run here: {', '.join(sorted(absent))}." if absent else ""),
        conditions={"seconds each": seconds, "processes": PROCESSES[lab.profile], "loop": "closed"},
    )


def _job(client: redis.Redis, session: Session) -> dict[str, object]:
    session.create(client)
    client.set(f"{session.keys['state']}:document", "0:start", ex=60)
    return {
        "keys": functions.keys_of(session.keyspace, "session_apply", session.keys), "given": session.given,
        "topic": session.channel or f"{session.keys['state']}:events",
    }  # fmt: skip


def _written(client: redis.Redis, session: Session, document: bool) -> tuple[int, int]:
    """Return the version that the session is at, and how many entries of its log do not follow the one before."""
    if document:
        version = int(str(client.get(f"{session.keys['state']}:document")).partition(":")[0])
    else:
        version = int(client.hget(session.keys["state"], "version") or 0)
    seen = [int(json.loads(entry)["v"]) for entry in client.lrange(session.keys["log"], 0, -1)]
    return version, sum(after != before + 1 for before, after in pairwise(seen))


def plot_writers(samples: pd.DataFrame) -> Figure:
    """Draw successes a second, p99 until success and server CPU a success against writers, one line a way."""
    figure, panels = plt.subplots(1, 3, figsize=(9.4, 3.5))
    shown = [way for way in dict.fromkeys(samples["way"]) if way != "unguarded"]
    columns = (
        ("goodput_per_s", 1e-3, "thousand changes/s"),
        ("p99_s", 1e3, "ms, log scale"),
        ("server_cpu_s", 1e6, "µs, log scale"),
    )
    for axes, (column, factor, _) in zip(panels, columns, strict=True):
        for place, way in enumerate(shown):
            group = samples[samples["way"] == way]
            axes.plot(group["writers"], group[column] * factor, f"-{'osD^v'[place]}", color=_COLOURS[str(way)], ms=5)
    for axes, (column, _, unit), title in zip(
        panels, columns, ("Successes", "p99 until success", "Server CPU a success"), strict=True
    ):
        axes.set(xscale="log", xlabel="writers (log scale)", ylabel=unit, title=title)
        if column != "goodput_per_s":
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.set_xticks(sorted(samples["writers"].unique()))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes.minorticks_off()
    panels[0].set_ylim(0, None)
    _label(panels[0], samples, shown)
    return figure


def writers_alt(samples: pd.DataFrame) -> str:
    """Return what the figure shows, in words: where each way ends up with the most writers."""
    ends = samples[(samples["way"] != "unguarded") & (samples["writers"] == samples["writers"].max())].set_index("way")

    def at(column: str, unit: str) -> str:
        return ", ".join(f"{way} {units.write(float(value), unit)}" for way, value in ends[column].items())

    return (
        f"Three line charts against writers, {samples['writers'].min():g} to {samples['writers'].max():g}, one line a way: "
        f"successes a second, p99 until success, server CPU a success; the last ends at {at('server_cpu_s', 's')}."
    )


def _label(axes: Axes, samples: pd.DataFrame, shown: list[str]) -> None:
    """Write each way beside the end of its line, apart from the next one."""
    last = {way: float(samples[samples["way"] == way]["goodput_per_s"].iloc[-1]) / 1e3 for way in shown}
    step, floor = 0.075 * axes.get_ylim()[1], -1.0
    for way in sorted(shown, key=lambda w: last[w]):
        at = max(last[way], floor + step)
        axes.annotate(way, (samples["writers"].max(), at), xytext=(7, 0), textcoords="offset points", color=_COLOURS[way],
                      fontsize=9, va="center", annotation_clip=False)  # fmt: skip
        floor = at
