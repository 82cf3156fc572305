"""Tables of the memory appendix: bytes a pattern, and the budget's terms as the peak grows; what moves the dataset most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.memory.findings import Swing
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.memory import project
from redis_plan.memory.layout import Build
from redis_plan.words import levers
from redis_plan.words.memory_words import Words

#: Patterns with less than this share of the whole at the peak have no row of their own.
_SMALL = 0.003
#: Growth below this can't be told on a server that others use, in bytes.
_TOLD = 50_000
#: A host larger than this is a reason for several primaries.
_LARGEST_NODE = 32 * 1024**3


def told_of_levers(steps: Sequence[tuple[str, dict[str, float]]]) -> dict[str, str]:
    """Return ``alt`` and ``caption`` of the figure of a session's bytes, as designed and after the further ``steps``, if any."""
    across = levers.ACROSS in steps[0][1]
    bytes_of = f"the bytes of one session by key{', with its share of the keys across sessions' if across else ''}"
    if len(steps) > 1:
        alt = f"Stacked bars of {bytes_of}, as designed and after each change of the design that the peak needs"
        caption = "The first bar is measured, the others modelled, each with the changes above it"
    else:
        alt, caption = f"Stacked bar of {bytes_of}", "Measured; the peak fits as it is designed"
    shared = "; the share of the keys across sessions is modelled for the peak" if across else ""
    return {"alt": f"{alt}, against the most that lets the peak fit.", "caption": f"{caption}{shared}."}


def written(value: float) -> str:
    """Write bytes for a person."""
    return units.write(round(value), "B")


def pattern_table(keyspace: Keyspace, brief: Brief, samples: pd.DataFrame, build: Build, shared: bool) -> str:
    """Return the table of bytes by key pattern, largest share of the whole first.

    On a ``shared`` server a small growth drowns in what others allocate meanwhile.
    """
    words, peak = Words.of(keyspace), brief.value("sessions_peak")
    costs = {cost.pattern: cost for cost in project.costs(keyspace, build)}
    by_name = {str(row["pattern"]): row for row in samples.to_dict("records")}
    last = words.a_one.capitalize() if words.sessions else "At the peak"
    lines = [
        f"| Key pattern | Encoding | Elements, bound | Predicted a key | Measured a key | At its bound | {last} |",
        "|:--|:--|--:|--:|--:|--:|--:|",
    ]
    rows: list[tuple[float, str, str]] = []
    for pattern in keyspace.keys:
        cost, row = costs[pattern.name], by_name[pattern.name]
        count = cost.keys_per_session * peak if pattern.scope != "global" else pattern.per_session
        share = _share(pattern, row, cost, peak, words)
        told = shared and float(row["measured_bytes"]) < _TOLD
        elements = f"{pattern.typical_elements:,.0f}, {pattern.max_elements:,.0f}"
        rows.append(
            (
                cost.bytes_per_key * count,
                f"`{pattern.name}` {written(cost.bytes_per_key)}",
                f"| `{pattern.template}` | {row['encoding']} | {elements} | {written(cost.bytes_per_key)} "
                f"| {'below the noise' if told else written(_each(row))} | {written(cost.bytes_at_bound)} | {share} |",
            )
        )
    rows.sort(reverse=True)
    least = _SMALL * sum(size for size, _, _ in rows)
    shown = max(5, sum(size >= least for size, _, _ in rows))
    lines += [line for _, _, line in rows[:shown]]
    if rest := rows[shown:]:
        lines.append(f"\nUnder {100 * _SMALL:.1f} % each, a key: {', '.join(short for _, short, _ in rest)}.")
    return "\n".join(lines)


def _each(row: dict[Any, Any]) -> float:
    return (float(row["measured_bytes"]) - float(row["tables_bytes"])) / float(row["keys"])


def _share(pattern: KeyPattern, row: dict[Any, Any], cost: project.Cost, peak: float, words: Words) -> str:
    """Return the last column: bytes of one session, or of all keys at the peak."""
    if not words.sessions:
        count = pattern.per_session * (peak if pattern.scope != "global" else 1.0)
        return f"{written(cost.bytes_per_key * count)} ({count:,.0f} keys)"
    if pattern.scope == "global":
        return f"{pattern.per_session:,.0f} in all"
    many = f" ({units.significant(pattern.per_session)} keys)" if pattern.per_session != 1 else ""
    return written(float(row["bytes_per_session"])) + many


def budget_table(samples: pd.DataFrame, available: float, words: Words) -> str:
    """Return the budget's terms at 1, 2, 10 and 100 times the peak."""
    sums = samples.assign(
        data=samples.dataset + samples.stale + samples.rehash,
        clients=samples.connections + samples.subscriptions,
        outside=samples.aof + samples.replica_buffer + samples.lua_vm,
    )
    terms = (
        ("dataset, expired keys, doubling table", "data"), ("server, functions, histograms", "base"),
        ("connections and subscriptions", "clients"), ("output buffers, every subscriber stalled", "output_buffers"),
        ("replication backlog", "backlog"), ("**counted by maxmemory**", "counted"), ("**maxmemory**", "maxmemory"),
        ("append-only and replica buffers, Lua", "outside"), ("fragmentation", "fragmentation"),
        ("copied by a fork", "copy_on_write"), ("**host memory**", "host"),
    )  # fmt: skip
    head = " | ".join(
        f"{int(row['scale'])}x: {words.count(float(row['sessions']))}" for row in samples.to_dict("records")
    )
    lines = [f"| Term | {head} |", "|:--|" + "--:|" * len(samples)]
    lines += [f"| {label} | " + " | ".join(written(float(v)) for v in sums[name]) + " |" for label, name in terms]
    ranges = zip(samples.host_low, samples.host_high, strict=True)
    lines.append("| host, range | " + " | ".join(f"{written(low)} – {written(high)}" for low, high in ranges) + " |")
    fits = [f"fits {written(available)}" if float(v) <= available else _action(float(v)) for v in samples.host]
    drivers = [driver(samples, int(scale)) for scale in samples.scale]
    lines.append("| largest term | " + " | ".join(drivers) + " |")
    lines.append("| action | " + " | ".join(fits) + " |")
    return "\n".join(lines)


def driver(samples: pd.DataFrame, scale: int) -> str:
    """Return the name of the largest counted term at ``scale`` times the peak."""
    row = samples[samples.scale == scale].iloc[0]
    names = {
        "dataset": "dataset", "base": "server", "connections": "connections", "subscriptions": "subscriptions",
        "output_buffers": "output buffers", "rehash": "table doubling", "backlog": "backlog",
    }  # fmt: skip
    return names[max(names, key=lambda name: float(row[name]))]


def _action(host: float) -> str:
    return "a smaller design or a larger node" if host <= _LARGEST_NODE else "several primaries, spread by hash tag"


def swing_line(keyspace: Keyspace, samples: pd.DataFrame, swing: Swing) -> str:
    """Return one sentence on what moves the dataset most, and what hardly does."""
    rows = sorted(samples.to_dict("records"), key=lambda row: -abs(float(row["high"]) - float(row["low"])))
    base = float(samples.base.iloc[0])
    most = rows[0]
    unit = str(most["unit"]) if keyspace.session_entity or most["unit"] != "sessions" else ""
    low, high = (units.write(float(most[end]), unit) for end in ("from", "to"))
    small = [f"`{row['fact']}`" for row in rows if abs(float(row["high"]) - float(row["low"])) < 0.02 * base]
    return (
        f"`{most['fact']}` moves the dataset of {written(base)} most: {low} – {high} make it {written(float(most['low']))} – "
        f"{written(float(most['high']))} (modelled [{swing.id}]; {most['where']})."
        + (f" Under 2 %: {', '.join(small)}." if small else "")
    )
