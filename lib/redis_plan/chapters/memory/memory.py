"""Memory experiments: the model's prediction against the server, for the project's own keys."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pandas as pd
import redis

from redis_plan import server as servers
from redis_plan.chapters.memory import loading
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.memory import model, project
from redis_plan.memory.layout import Build
from redis_plan.memory.live import build_of
from redis_plan.memory.shape import Shape

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


def measured_growth(
    client: redis.Redis, server: servers.Server, loads: tuple[project.Load, ...], build: Build, before: loading.Memory
) -> tuple[float, float, loading.Memory]:
    """Load ``loads`` on top of ``before``; return the predicted and the measured growth, and the memory afterwards."""
    predicted = predict_growth(loads, build, before, server.prefix)
    fill(server, loads)
    keys = before.keys + sum(load.shape.n_keys for load in loads)
    after = loading.settle(client, server.ours, quiet_s=quiet_after(server, keys))
    return predicted, float(after.data - before.data), after


def cleared(client: redis.Redis, server: servers.Server, loads: tuple[project.Load, ...]) -> loading.Memory:
    """Remove the keys of ``loads`` and return the memory at rest."""
    loading.unlink(server, key_names(loads, server.prefix))
    return loading.settle(client, server.ours, quiet_s=quiet_after(server, sum(load.shape.n_keys for load in loads)))


def baseline(client: redis.Redis, server: servers.Server) -> loading.Memory:
    """Warm ``server`` up and return its memory at rest, on a connection whose buffers have found their size."""
    loading.warm_up(server, server.prefix)
    loading.settle(client, server.ours)
    return loading.settle(client, server.ours, quiet_s=0.04 if server.ours else 0.15)


def predict_growth(loads: tuple[project.Load, ...], build: Build, before: loading.Memory, prefix: str = "") -> float:
    """Return the predicted growth when ``loads`` come on top of the keys that are there, under a ``prefix``."""
    shapes = [replace(load.shape, key_len=load.shape.key_len + len(prefix)) for load in loads]
    return project.growth(shapes, build, before.keys, before.volatile)


def sessions_to_load(lab: Lab, keyspace: Keyspace, keys: tuple[int, int, int], at_most: tuple[int, int, int]) -> int:
    """Return how many sessions to load so that about ``keys`` (by profile) keys are made, at most ``at_most``."""
    per_session = sum(pattern.per_session for pattern in keyspace.keys if pattern.scope != "global") or 1.0
    return max(lab.by_profile(4, 30, 30), min(lab.by_profile(*at_most), int(lab.by_profile(*keys) / per_session)))


def predicted_against_measured(lab: Lab, *, keyspace: Keyspace) -> Finding:
    """Predict the growth of used_memory for each key pattern, load its keys, and compare; one after the other, then the sum.

    The server's MEMORY USAGE, summed over every key, is compared with the same truth. A pattern's share is its growth less
    what the keyspace's tables grew by just then.
    """
    question = "Does the model predict what the project's own keys cost on this server?"
    if not keyspace.keys:
        return Finding(question, "", "", (), not_run="this keyspace has no keys")
    build = build_of(lab.server)
    sessions = sessions_to_load(lab, keyspace, (3_500, 100_000, 400_000), (300, 2_000, 10_000))
    loads = project.loads(_fewer_globals(keyspace, lab.by_profile(500, 5_000, 50_000)), sessions)
    rows: list[dict[str, float | str]] = []
    with loading.target(lab) as server, server.client() as client:
        before = start = baseline(client, server)
        try:
            for load in loads:
                shape = moved(load.shape, server.prefix)
                predicted, growth, after = measured_growth(client, server, (load,), build, before)
                tables = predicted - model.predict(shape, build).per_key * shape.n_keys
                encoding = client.object("encoding", next(project.keys(load, 0, 1, server.prefix)))
                rows.append(
                    {
                        "pattern": load.pattern.name,
                        "encoding": encoding.decode() if isinstance(encoding, bytes) else str(encoding),
                        "predicted_encoding": model.predict(shape, build).encoding,
                        "keys": shape.n_keys,
                        "predicted_bytes": predicted,
                        "measured_bytes": growth,
                        "tables_bytes": tables,
                        "per_session": load.per_session,
                        "bytes_per_session": (growth - tables) / sessions if load.per_session else 0.0,
                    }
                )
                before = after
            for row, load in zip(rows, loads, strict=True):
                names = project.keys(load, 0, load.shape.n_keys, server.prefix)
                row["memory_usage_bytes"] = float(sum(loading.usage(client, names)))
        finally:
            loading.unlink(server, key_names(loads, server.prefix))
    columns = ("keys", "predicted_bytes", "measured_bytes", "tables_bytes", "memory_usage_bytes", "bytes_per_session")
    total: dict[str, float | str] = {name: sum(float(row[name]) for row in rows) for name in columns}
    total |= {"pattern": "all", "encoding": "", "predicted_encoding": "", "per_session": 1.0}
    total["measured_bytes"] = float(before.data - start.data)
    rows.append(total)
    samples = pd.DataFrame(rows)
    for name in ("predicted", "memory_usage"):
        off = 100 * (samples[f"{name}_bytes"] - samples.measured_bytes) / samples.measured_bytes.abs().clip(lower=1.0)
        samples["error_percent" if name == "predicted" else "memory_usage_error_percent"] = off
    return _comparison(samples, sessions, conditions(lab, build, sessions=sessions))


def _fewer_globals(keyspace: Keyspace, most: int) -> Keyspace:
    """Return the keyspace with at most so many small keys of a global pattern: they belong to all sessions of the peak."""
    patterns = tuple(
        replace(p, per_session=min(p.per_session, most)) if p.scope == "global" and p.type == "string" else p
        for p in keyspace.patterns
    )
    return replace(keyspace, patterns=patterns)


def moved(shape: Shape, prefix: str) -> Shape:
    """Return ``shape`` with the key's name longer by ``prefix``."""
    return replace(shape, key_len=shape.key_len + len(prefix))


def quiet_after(server: servers.Server, keys: int) -> float:
    """Return how long ``used_memory`` must be at rest with ``keys`` keys: a table of the keyspace may be moving."""
    return 0.012 + keys / 1e6 if server.ours else 0.1 + keys / 2e5


def _comparison(samples: pd.DataFrame, sessions: int, about: dict[str, str | float]) -> Finding:
    each, total = samples[samples.pattern != "all"], samples[samples.pattern == "all"].iloc[0]
    # a handful of keys measures the allocator's mood, not the model: the worst is sought where bytes are
    large = each[each.measured_bytes >= 0.01 * float(total.measured_bytes)]
    worst = float(large.error_percent.abs().max())
    own = each[each.per_session > 0]
    # the tables belong to all keys alike
    share = float(total.tables_bytes) / float(total["keys"]) * float(own["keys"].sum()) / sessions
    values = [
        Value("bytes_per_session", float(own.bytes_per_session.sum()) + share, "B", n=sessions),
        Value("tables_per_session", share, "B", grade="modelled"),
        Value("error_all", round(abs(float(total.error_percent)), 3), "%"),
        Value("error_worst_pattern", round(worst, 3), "%", n=len(large)),
        Value("memory_usage_error_all", abs(float(total.memory_usage_error_percent)), "%"),
        Value("measured_all", float(total.measured_bytes), "B"),
        Value("predicted_all", float(total.predicted_bytes), "B", grade="modelled"),
        Value("keys_loaded", float(total["keys"]), "keys"),
    ]
    values += [
        Value(
            f"{row['pattern']}_bytes_per_key",
            (float(row["measured_bytes"]) - float(row["tables_bytes"])) / float(row["keys"]),
            "B",
            n=int(row["keys"]),
        )
        for row in each.to_dict("records")
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
