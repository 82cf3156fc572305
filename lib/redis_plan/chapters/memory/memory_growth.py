"""Growth: memory as sessions are added and removed again, against a line and against the model."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
import pandas as pd

from redis_plan.chapters.memory import loading
from redis_plan.chapters.memory.memory import conditions, fill, key_names, predict_growth, sessions_to_load
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.memory import model, project, remains
from redis_plan.memory.layout import Build
from redis_plan.memory.live import build_of

#: Counts of sessions as shares of the largest; the quick profile takes four.
_SHARES = (0.05, 0.1, 0.2, 0.333, 0.6, 1.0)


def linearity(lab: Lab, *, keyspace: Keyspace) -> Finding:
    """Load sessions in growing counts (1 : 3 : 10), fit a line, end all of them, and see what stays; three times over.

    The steps of the keyspace's tables are predicted; used_memory and RSS are read at rest after each count.
    """
    question = "Does memory grow in a line, and does it come back when all is ended?"
    if not any(pattern.scope != "global" for pattern in keyspace.keys):
        return Finding(question, "", "", (), not_run="no key of this keyspace grows in number with sessions")
    build = build_of(lab.server)
    # global keys do not grow in number with sessions
    keyspace = replace(keyspace, patterns=tuple(p for p in keyspace.keys if p.scope != "global"))
    top = max(10, sessions_to_load(lab, keyspace, (7_000, 300_000, 2_000_000), (2_000, 10_000, 30_000)))
    counts = sorted({max(1, round(top * share)) for share in lab.by_profile((0.1, 0.333, 0.6, 1.0), _SHARES, _SHARES)})
    rows: list[dict[str, float | str]] = []
    remain: list[float] = []
    with loading.target(lab) as server, server.client() as client:
        loading.warm_up(server, server.prefix)
        start = loading.settle(client, server.ours)

        def seen(phase: str, sessions: int, predicted: float) -> loading.Memory:
            now = loading.settle(client, server.ours)
            rows.append(
                {
                    "phase": phase,
                    "sessions": sessions,
                    "used_memory": now.data - start.data,
                    "rss": now.rss - start.rss,
                    "predicted": predicted,
                    "keys": now.keys - start.keys,
                }
            )
            return now

        done: dict[str, int] = {}
        for count in counts:
            loads = project.loads(keyspace, count)
            for load in loads:
                first = done.get(load.pattern.name, 0)
                loading.send(server, project.commands(load, first, load.shape.n_keys, server.prefix))
                done[load.pattern.name] = load.shape.n_keys
            seen("grow", count, predict_growth(loads, build, start, server.prefix))
        for left in (round(top * 0.5), max(1, round(top * 0.1))):
            loading.unlink(server, _sessions_from(loads, left, server.prefix))
            placed = remains.after_end(keyspace, counts[-1], left, build, len(server.prefix))
            seen("end", left, placed.used_memory - least_tables(start, build))
        loading.unlink(server, key_names(loads, server.prefix))
        after = seen("end", 0, 0.0)
        remain.append(after.data - start.data)
        for _ in range(2):
            small = project.loads(keyspace, counts[0])
            fill(server, small)
            loading.unlink(server, key_names(small, server.prefix))
            remain.append(loading.settle(client, server.ours).data - start.data)
        final = loading.read(client)
    samples = pd.DataFrame(rows)
    return _line(samples, start, after, final, remain, conditions(lab, build, counts=", ".join(map(str, counts))))


def _sessions_from(loads: tuple[project.Load, ...], first: int, prefix: str) -> chain[str]:
    """Return the names of the keys of the sessions from number ``first`` on."""
    own = [load for load in loads if load.pattern.scope != "global"]
    return chain.from_iterable(
        project.keys(load, round(load.per_session * first), load.shape.n_keys, prefix) for load in own
    )


def least_tables(start: loading.Memory, build: Build) -> float:
    """Return the bytes of the keyspace's tables that were there before the first of our keys."""
    least = 0 if build.layout.rules["keyspace"] == "hashtable" else 1
    return model.keyspace_tables(max(start.keys, least), max(start.volatile, least), build)


def _line(
    samples: pd.DataFrame,
    start: loading.Memory,
    after: loading.Memory,
    final: loading.Memory,
    remains: list[float],
    about: dict[str, str | float],
) -> Finding:
    ended = samples[(samples.phase == "end") & (samples.sessions > 0)]
    samples_all, samples = samples, samples[samples.phase == "grow"]
    sessions = samples.sessions.to_numpy(dtype=float)
    slope, intercept = np.polyfit(sessions, samples.used_memory.to_numpy(dtype=float), 1)
    rss_slope, rss_intercept = np.polyfit(sessions, samples.rss.to_numpy(dtype=float), 1)
    residual = samples.used_memory - (slope * sessions + intercept)
    peak = float(samples.used_memory.iloc[-1])
    errors = (100 * (samples.predicted - samples.used_memory) / samples.used_memory).abs()
    n = len(samples)
    values: tuple[Value, ...] = (
        Value("slope", float(slope), "B", n=n),
        Value("intercept", float(intercept), "B", n=n),
        Value("residual_max", 100 * float(residual.abs().max()) / peak, "%", n=n),
        Value("prediction_error_max", round(float(errors.max()), 3), "%", n=n),
        Value("rss_slope", float(rss_slope), "B", n=n),
        Value("rss_intercept", float(rss_intercept), "B", n=n),
        Value("rss_ratio", float(samples.rss.iloc[-1]) / peak, "x"),
        Value("rss_residual_max", 100 * float((samples.rss - (rss_slope * sessions + rss_intercept)).abs().max())
              / max(float(samples.rss.iloc[-1]), 1.0), "%", n=n),
        Value("startup", float(start.used), "B"),
        Value("startup_rss", float(start.rss), "B"),
        Value("left_after_end", 100 * max(remains[0], 0.0) / peak, "%"),
        Value("left_after_cycles", 100 * max(remains[-1], 0.0) / peak, "%", n=len(remains)),
        Value("left_after_end_bytes", remains[0], "B"),
        Value("rss_left_after_end", 100 * (after.rss - start.rss) / max(float(samples.rss.iloc[-1]), 1.0), "%"),
        Value("keys_left", float(final.keys - start.keys), "keys"),
        Value("sessions_top", float(sessions[-1]), "sessions"),
    )  # fmt: skip
    if len(ended):
        left = ended.used_memory.to_numpy(dtype=float)
        off = 100 * np.abs(ended.predicted.to_numpy(dtype=float) - left) / left
        values += (
            Value("left_at_half", float(left[0]), "B"),
            Value("left_at_tenth", float(left[-1]), "B"),
            Value("left_error_max", round(float(off.max()), 3), "%", n=len(ended)),
        )
    return Finding(
        question="Does memory grow in a line, and does it come back when all is ended?",
        hypothesis="a line with steps where a keyspace table doubles; explicit end gives used_memory back, RSS later",
        method=f"sessions loaded up to {int(sessions[-1]):,} in {n} counts, used_memory and RSS at rest; then half, most and all ended by UNLINK; three cycles",
        values=values,
        samples=samples_all,
        conclusion=(
            f"{slope:,.0f} B a session; the largest distance from the line is "
            f"{100 * float(residual.abs().max()) / peak:.1f} % of the peak, and {100 * max(remains[0], 0.0) / peak:.2f} % of it "
            "stays in used_memory after all sessions ended."
        ),
        conditions=about,
    )
