"""Tables and sentences of the plan's memory section, computed from samples, the keyspace and the Brief."""

from __future__ import annotations

import pandas as pd

from redis_plan import units
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.memory import project
from redis_plan.memory.layout import Build


def _bytes(value: float) -> str:
    return units.write(round(value), "B")


def pattern_table(keyspace: Keyspace, samples: pd.DataFrame, build: Build, evidence: str) -> str:
    """Return the table of bytes by key pattern: predicted, measured, at the bound, a session."""
    costs = {cost.pattern: cost for cost in project.costs(keyspace, build)}
    by_name = samples.set_index("pattern")
    lines = [
        "| Key pattern | Encoding | Elements | Keys a session | Predicted a key | Measured a key | At its bound | A session | Grade |",
        "|:--|:--|--:|--:|--:|--:|--:|--:|:--|",
    ]
    order = sorted(keyspace.keys, key=lambda p: -float(by_name.bytes_per_session.get(p.name, 0.0)))
    for pattern in order:
        cost, row = costs[pattern.name], by_name.loc[pattern.name]
        measured = float(row.measured_bytes) / float(row["keys"])
        session = _bytes(float(row.bytes_per_session)) if pattern.scope != "global" else "global"
        keys = (
            units.significant(pattern.per_session)
            if pattern.scope != "global"
            else f"{pattern.per_session:,.0f} in all"
        )
        elements = f"{pattern.typical_elements:,.0f} of {pattern.max_elements:,.0f}"
        lines.append(
            f"| `{pattern.template}` | {row.encoding} | {elements} | {keys} | {_bytes(cost.bytes_per_key)} | {_bytes(measured)} "
            f"| {_bytes(cost.bytes_at_bound)} | {session} | measured [{evidence}]; prediction and bound modelled |"
        )
    return "\n".join(lines)


def growth_table(samples: pd.DataFrame, budget_bytes: float, evidence: str) -> str:
    """Return the budget's terms at 1, 2, 10 and 100 times the peak."""
    terms = (
        ("dataset, keys and tables", "dataset"), ("expired and not yet deleted (10 %)", "stale"),
        ("second table while rehashing", "rehash"), ("base: server, functions, histograms", "base"),
        ("connections", "connections"), ("subscriptions", "subscriptions"), ("output buffers, all stalled", "output_buffers"),
        ("**counted by maxmemory**", "counted"), ("**maxmemory**", "maxmemory"), ("replication backlog", "backlog"),
        ("append-only buffer", "aof"), ("fragmentation (RSS)", "fragmentation"), ("copy-on-write of a fork", "copy_on_write"),
        ("**host memory**", "host"), ("host, every key at its bound", "host_at_bound"),
    )  # fmt: skip
    head = " | ".join(f"{int(row.scale)}x: {int(row.sessions):,} sessions" for row in samples.itertuples())
    lines = [f"| Term | {head} |", "|:--|" + "--:|" * len(samples)]
    lines += [f"| {label} | " + " | ".join(_bytes(float(v)) for v in samples[name]) + " |" for label, name in terms]
    fits = ["yes" if float(v) <= budget_bytes else "no" for v in samples.host]
    lines.append(f"| fits {units.write(budget_bytes, 'B')} | " + " | ".join(fits) + " |")
    lines += ["", f"*All terms modelled [{evidence}]; the model's error is in [E-06a] and [E-06b].*"]
    return "\n".join(lines)


def driver(samples: pd.DataFrame) -> str:
    """Return the name of the largest counted term at ten times the peak."""
    row = samples[samples.scale == 10].iloc[0]
    names = {
        "dataset": "the dataset", "base": "the server's base", "connections": "connections",
        "subscriptions": "subscriptions", "output_buffers": "output buffers", "rehash": "table doubling",
    }  # fmt: skip
    return names[max(names, key=lambda name: float(row[name]))]


def policy(keyspace: Keyspace) -> str:
    """Return the eviction policy: none may go while any key is the only copy of live state."""
    return "noeviction" if any(pattern.authoritative for pattern in keyspace.keys) else "allkeys-lru"


def eviction_table(keyspace: Keyspace) -> str:
    """Return what would happen to each class of keys if the server evicted, and what a refused write does."""
    lines = [
        "| Key pattern | Copy elsewhere | If it were evicted | When the server is full |",
        "|:--|:--|:--|:--|",
    ]
    for pattern in keyspace.keys:
        copy = "none: Redis holds the only one" if pattern.authoritative else "can be rebuilt"
        gone = (
            "a live session loses part of its state, silently" if pattern.authoritative else "rebuilt at the next use"
        )
        lines.append(
            f"| `{pattern.template}` | {copy} | {gone} | writes are refused with OOM; reads, DEL and UNLINK work |"
        )
    return "\n".join(lines)


def encoding_table(keyspace: Keyspace, build: Build) -> str:
    """Return how far each pattern is from the limit of its compact encoding, elements and longest value."""
    lines = [
        "| Key pattern | Encoding at its bound | Elements at bound / limit | Longest value / limit | Stays compact |",
        "|:--|:--|--:|--:|:--|",
    ]
    for load in project.loads(keyspace, 1, full=True):
        pattern, shape = load.pattern, load.shape
        kind = {"hash": "hash", "zset": "zset", "set": "set"}.get(pattern.type)
        if kind is None:
            continue
        entries = build.number(f"{kind}-max-listpack-entries") or build.number("set-max-intset-entries")
        longest_allowed = build.number(f"{kind}-max-listpack-value") or 0
        longest = max(shape.names.bounds[1] if kind != "set" else 0, shape.sizes.bounds[1] if kind != "zset" else 0)
        encoding = _encoding(load, build)
        compact = "yes" if encoding in ("listpack", "intset", "listpackex") else "**no**"
        lines.append(
            f"| `{pattern.template}` | {encoding} | {shape.n_elem:,} / {entries:,} | {longest} B / {longest_allowed} B | {compact} |"
        )
    return "\n".join(lines)


def _encoding(load: project.Load, build: Build) -> str:
    from redis_plan.memory import model  # noqa: PLC0415

    return model.predict(load.shape, build).encoding


def big_keys(keyspace: Keyspace, build: Build) -> list[tuple[KeyPattern, float]]:
    """Return the patterns whose keys are largest at their bound, with those bytes, largest first."""
    costs = {cost.pattern: cost.bytes_at_bound for cost in project.costs(keyspace, build)}
    return sorted(((p, costs[p.name]) for p in keyspace.keys), key=lambda item: -item[1])


def formula(keyspace: Keyspace, samples: pd.DataFrame) -> str:
    """Return the sum of the session's bytes with every term's number."""
    by_name = samples.set_index("pattern").bytes_per_session
    terms = [f"{float(by_name[p.name]):,.0f} ({p.name})" for p in keyspace.keys if p.scope != "global"]
    return " + ".join(terms)
