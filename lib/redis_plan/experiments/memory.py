"""Memory experiments: the model's prediction against the server, for the project's own keys."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
import pandas as pd

from redis_plan import server as servers
from redis_plan.experiments import loading
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.memory import model, project
from redis_plan.memory.layout import Build
from redis_plan.memory.live import build_of

#: Counts of sessions as shares of the largest; the quick profile takes four.
_SHARES = (0.05, 0.1, 0.2, 0.333, 0.6, 1.0)
_NOISY = "a shared server: other clients allocate too, and the prefix of our keys costs memory that the design does not"


def conditions(lab: Lab, build: Build, **more: str | float) -> dict[str, str | float]:
    """Return what is needed to repeat a measurement: allocator, layout, whose server it was."""
    shared = {} if lab.server.ours else {"caution": _NOISY}
    return (
        {"allocator": build.allocator, "layout": build.layout.family, "server": "own" if not shared else "shared"}
        | shared
        | more
    )


def key_names(loads: tuple[project.Load, ...], prefix: str) -> chain[str]:
    """Return the names of all keys of ``loads``."""
    return chain.from_iterable(project.keys(load, 0, load.shape.n_keys, prefix) for load in loads)


def fill(server: servers.Server, loads: tuple[project.Load, ...]) -> int:
    """Make all keys of ``loads`` and return the number of commands."""
    return loading.send(
        server,
        chain.from_iterable(project.commands(load, 0, load.shape.n_keys, server.prefix) for load in loads),
    )


def predict_growth(loads: tuple[project.Load, ...], build: Build, before: loading.Memory, prefix: str = "") -> float:
    """Return the predicted growth when ``loads`` come on top of the keys that are there, under a ``prefix``."""
    shapes = [replace(load.shape, key_len=load.shape.key_len + len(prefix)) for load in loads]
    return project.growth(shapes, build, before.keys, before.volatile)


def sessions_to_load(lab: Lab, keyspace: Keyspace, keys: tuple[int, int, int], at_most: tuple[int, int, int]) -> int:
    """Return how many sessions to load so that about ``keys`` (by profile) keys are made, at most ``at_most``."""
    per_session = sum(pattern.per_session for pattern in keyspace.keys if pattern.scope != "global") or 1.0
    return max(lab.by_profile(5, 30, 30), min(lab.by_profile(*at_most), int(lab.by_profile(*keys) / per_session)))


def predicted_against_measured(lab: Lab, *, keyspace: Keyspace) -> Finding:
    """Predict the growth of used_memory for each key pattern, load its keys, and compare; then all together.

    Each pattern is loaded alone and removed again, so its growth is its own. The server's MEMORY USAGE, summed over
    the same keys, is compared with the same truth.
    """
    question = "Does the model predict what the project's own keys cost on this server?"
    if not keyspace.keys:
        return Finding(question, "", "", (), not_run="this keyspace has no keys")
    build = build_of(lab.server)
    sessions = sessions_to_load(lab, keyspace, (3_500, 100_000, 400_000), (300, 2_000, 10_000))
    rows: list[dict[str, float | str]] = []
    with loading.target(lab) as server, server.client() as client:
        loading.warm_up(server, server.prefix)
        loads = project.loads(keyspace, sessions)
        for group in [*((load,) for load in loads), loads]:
            before = loading.settle(client, server.ours)
            predicted = predict_growth(group, build, before, server.prefix)
            fill(server, group)
            after = loading.settle(client, server.ours)
            sample = [list(project.keys(load, 0, min(load.shape.n_keys, 200), server.prefix)) for load in group]
            reported = sum(
                float(np.mean(loading.usage(client, names))) * load.shape.n_keys
                for names, load in zip(sample, group, strict=True)
            )
            encoding = client.object("encoding", sample[0][0]) if len(group) == 1 else b""
            loading.unlink(server, key_names(group, server.prefix))
            growth = float(after.used - before.used)
            per_session = group[0].per_session if len(group) == 1 else 1.0
            rows.append(
                {
                    "pattern": group[0].pattern.name if len(group) == 1 else "all",
                    "encoding": encoding.decode() if isinstance(encoding, bytes) else str(encoding),
                    "predicted_encoding": model.predict(group[0].shape, build).encoding if len(group) == 1 else "",
                    "keys": sum(load.shape.n_keys for load in group),
                    "predicted_bytes": predicted,
                    "measured_bytes": growth,
                    "memory_usage_bytes": reported,
                    "error_percent": 100 * (predicted - growth) / growth,
                    "memory_usage_error_percent": 100 * (reported - growth) / growth,
                    "per_session": per_session,
                    "bytes_per_session": growth / sessions if per_session else 0.0,
                }
            )
    samples = pd.DataFrame(rows)
    return _comparison(samples, sessions, conditions(lab, build, sessions=sessions))


def _comparison(samples: pd.DataFrame, sessions: int, about: dict[str, str | float]) -> Finding:
    each, total = samples[samples.pattern != "all"], samples[samples.pattern == "all"].iloc[0]
    # a handful of keys measures the allocator's mood, not the model: the worst is sought where bytes are
    large = each[each.measured_bytes >= 0.01 * float(total.measured_bytes)]
    worst = float(large.error_percent.abs().max())
    globally = float(each[each.per_session == 0].measured_bytes.sum())
    values = [
        Value("bytes_per_session", (float(total.measured_bytes) - globally) / sessions, "B", n=sessions),
        Value("error_all", abs(float(total.error_percent)), "%"),
        Value("error_worst_pattern", worst, "%", n=len(large)),
        Value("memory_usage_error_all", abs(float(total.memory_usage_error_percent)), "%"),
        Value("measured_all", float(total.measured_bytes), "B"),
        Value("predicted_all", float(total.predicted_bytes), "B", grade="modelled"),
        Value("keys_loaded", float(total["keys"]), "keys"),
    ]
    values += [
        Value(f"{name}_bytes_per_key", float(measured) / int(keys), "B", n=int(keys))
        for name, measured, keys in zip(each["pattern"], each["measured_bytes"], each["keys"], strict=True)
    ]
    closer = abs(total.error_percent) <= abs(total.memory_usage_error_percent)
    return Finding(
        question="Does the model predict what the project's own keys cost on this server?",
        hypothesis="within 0.1 % of used_memory growth with jemalloc, 1 % with glibc malloc",
        method=f"prediction first; then {sessions:,} sessions loaded pattern by pattern and together, used_memory at rest",
        values=tuple(values),
        samples=samples,
        conclusion=(
            f"The prediction is {abs(total.error_percent):.3f} % off for all keys together; the server's own MEMORY USAGE, "
            f"summed, is {abs(total.memory_usage_error_percent):.1f} % off"
            + ("." if closer else ": here the model is not the closer one.")
        ),
        conditions=about,
    )


def linearity(lab: Lab, *, keyspace: Keyspace) -> Finding:
    """Load sessions in growing counts (1 : 3 : 10), fit a line, end all of them, and see what stays; three times over.

    The steps of the keyspace's tables are predicted; used_memory and RSS are read at rest after each count.
    """
    question = "Does memory grow in a line with sessions, and does it come back when they end?"
    if not any(pattern.scope != "global" for pattern in keyspace.keys):
        return Finding(question, "", "", (), not_run="no key of this keyspace grows in number with sessions")
    build = build_of(lab.server)
    top = sessions_to_load(lab, keyspace, (9_000, 300_000, 2_000_000), (3_000, 10_000, 30_000))
    counts = sorted({max(3, round(top * share)) for share in lab.by_profile((0.1, 0.333, 0.6, 1.0), _SHARES, _SHARES)})
    rows: list[dict[str, float]] = []
    remains: list[float] = []
    with loading.target(lab) as server, server.client() as client:
        loading.warm_up(server, server.prefix)
        start = loading.settle(client, server.ours)
        done: dict[str, int] = {}
        for count in counts:
            loads = project.loads(keyspace, count)
            for load in loads:
                first = done.get(load.pattern.name, 0)
                loading.send(server, project.commands(load, first, load.shape.n_keys, server.prefix))
                done[load.pattern.name] = load.shape.n_keys
            now = loading.settle(client, server.ours)
            rows.append(
                {
                    "sessions": count,
                    "used_memory": now.used - start.used,
                    "rss": now.rss - start.rss,
                    "predicted": predict_growth(loads, build, start, server.prefix),
                    "keys": now.keys - start.keys,
                }
            )
        everything = project.loads(keyspace, counts[-1])
        loading.unlink(server, key_names(everything, server.prefix))
        after = loading.settle(client, server.ours)
        remains.append(after.used - start.used)
        for _ in range(2):
            small = project.loads(keyspace, counts[0])
            fill(server, small)
            loading.unlink(server, key_names(small, server.prefix))
            remains.append(loading.settle(client, server.ours).used - start.used)
        final = loading.read(client)
    samples = pd.DataFrame(rows)
    return _line(samples, start, after, final, remains, conditions(lab, build, counts=", ".join(map(str, counts))))


def _line(
    samples: pd.DataFrame,
    start: loading.Memory,
    after: loading.Memory,
    final: loading.Memory,
    remains: list[float],
    about: dict[str, str | float],
) -> Finding:
    sessions = samples.sessions.to_numpy(dtype=float)
    slope, intercept = np.polyfit(sessions, samples.used_memory.to_numpy(dtype=float), 1)
    rss_slope, rss_intercept = np.polyfit(sessions, samples.rss.to_numpy(dtype=float), 1)
    residual = samples.used_memory - (slope * sessions + intercept)
    peak = float(samples.used_memory.iloc[-1])
    errors = (100 * (samples.predicted - samples.used_memory) / samples.used_memory).abs()
    n = len(samples)
    values = (
        Value("slope", float(slope), "B", n=n),
        Value("intercept", float(intercept), "B", n=n),
        Value("residual_max", 100 * float(residual.abs().max()) / peak, "%", n=n),
        Value("prediction_error_max", float(errors.max()), "%", n=n),
        Value("rss_slope", float(rss_slope), "B", n=n),
        Value("rss_intercept", float(rss_intercept), "B", n=n),
        Value("rss_ratio", float(samples.rss.iloc[-1]) / peak, "x"),
        Value("rss_residual_max", 100 * float((samples.rss - (rss_slope * sessions + rss_intercept)).abs().max())
              / float(samples.rss.iloc[-1]), "%", n=n),
        Value("startup", float(start.used), "B"),
        Value("startup_rss", float(start.rss), "B"),
        Value("left_after_end", 100 * max(remains[0], 0.0) / peak, "%"),
        Value("left_after_cycles", 100 * max(remains[-1], 0.0) / peak, "%", n=len(remains)),
        Value("left_after_end_bytes", remains[0], "B"),
        Value("rss_left_after_end", 100 * (after.rss - start.rss) / max(float(samples.rss.iloc[-1]), 1.0), "%"),
        Value("keys_left", float(final.keys - start.keys), "keys"),
        Value("sessions_top", float(sessions[-1]), "sessions"),
    )  # fmt: skip
    return Finding(
        question="Does memory grow in a line with sessions, and does it come back when they end?",
        hypothesis="a line with steps where a keyspace table doubles; explicit end gives used_memory back, RSS later",
        method=f"sessions loaded up to {int(sessions[-1]):,} in {n} counts, used_memory and RSS at rest; then all ended by UNLINK, three cycles",
        values=values,
        samples=samples,
        conclusion=(
            f"{slope:,.0f} B a session; the largest distance from the line is "
            f"{100 * float(residual.abs().max()) / peak:.1f} % of the peak, and {100 * max(remains[0], 0.0) / peak:.2f} % of it "
            "stays in used_memory after all sessions ended."
        ),
        conditions=about,
    )
