"""Tables and sentences of the plan's memory section: bytes a pattern, growth, budget; computed, and short."""

from __future__ import annotations

from typing import Any

import pandas as pd

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.memory.findings import Memory, Swing
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.memory import capacity, project
from redis_plan.memory.layout import Build
from redis_plan.words.memory_words import Words

#: Patterns with less than this share of the whole at the peak have no row of their own.
_SMALL = 0.003
#: Growth below this can't be told on a server that others use, in bytes.
_TOLD = 50_000
#: Below this share of used_memory RSS has not grown with the load but was there before.
_RSS_GREW = 0.7
LEVERS_ALT = (
    "Stacked bars of the bytes of one session by key, as designed and after each change of the design that the peak needs, "
    "against the most that lets the peak fit."
)
#: A host larger than this is a reason for several primaries.
_LARGEST_NODE = 32 * 1024**3


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


def bytes_section(keyspace: Keyspace, brief: Brief, samples: pd.DataFrame, build: Build, found: Memory) -> str:
    """Return the text on bytes: the sum, the table by pattern, who predicts it better, whether the layout fits."""
    words = Words.of(keyspace)
    title = f"### What one {words.one} costs" if words.sessions else "### What the keys cost"
    fit, layout = found.fit, found.layout
    if fit is None or layout is None:
        return f"{title}\n\nNot measured: {found.why_not('fit')}."
    server = f"{fit.record.server.product.capitalize()} {fit.record.server.version}, {build.allocator}"
    rows = {str(row["pattern"]): row for row in samples.to_dict("records")}
    own = [p for p in keyspace.keys if p.scope != "global"]
    lines = [title, ""]
    if words.sessions and own:
        terms = " + ".join(f"{float(rows[p.name]['bytes_per_session']):,.0f} ({p.name})" for p in own)
        largest = max(own, key=lambda p: float(rows[p.name]["bytes_per_session"]))
        share = 100 * float(rows[largest.name]["bytes_per_session"]) / fit.session.value
        lines += [
            f"{fit.session.full} of `used_memory` on {server}, {share:.0f} % of it `{largest.name}` (measured [{fit.id}]):",
            "",
            f"`bytes = {terms} + {fit.tables.value:,.0f} (tables of the keyspace)`",
            "",
        ]
    else:
        lines += [f"On {server}, largest share first; the tables of the keyspace come on top:", ""]
    checked = (
        "the layout fits this server, nothing was fitted"
        if not layout.corrections.value
        else f"the layout was fitted to this server first ({layout.error_before_median.value:.1f} % off before)"
    )
    lines += [
        pattern_table(keyspace, brief, samples, build, bool(fit.record.conditions.get("caution"))),
        "",
        f"*Measured and predicted before loading [{fit.id}]; the bound is modelled. All keys together: the prediction is "
        f"{fit.error_all.full} off the growth of `used_memory`, `MEMORY USAGE` summed over every key "
        f"{fit.memory_usage_error_all.full}: budget with this table. Probe of {layout.error_before_median.linked}: {checked}.*",
    ]
    return "\n".join(lines)


def growth_section(keyspace: Keyspace, found: Memory, steps: list[tuple[int, float]]) -> str:
    """Return the text on growth: slope, intercept, residual, RSS, steps, and what came back."""
    words = Words.of(keyspace)
    title = f"### Growth with {words.many}"
    line, fit = found.line, found.fit
    if line is None or fit is None:
        return f"{title}\n\nNot measured: {found.why_not('line')}. The budget below counts the keys there are."
    merged: dict[int, float] = {}
    for count, size in steps:
        merged[count] = merged.get(count, 0.0) + size
    shown = [f"{words.count(count)} (+{written(size)})" for count, size in merged.items() if size >= 65_536][-3:]
    slope, start = line.slope.value / words.keys_each, line.intercept.value
    top = words.count(line.top.value)
    lines = [
        title,
        "",
        f"- `used_memory = {slope:,.0f} B × {words.many} {'-' if start < 0 else '+'} {abs(start):,.0f} B`, measured up to {top} [{line.id}]; at most "
        f"{line.residual_max.full} of the peak off the line, because tables double"
        + (f" (at {', '.join(shown)}; modelled)" if shown else "")
        + f". The model knows the steps and is at most {line.prediction_error_max.linked} off.",
        f"- RSS: {written(line.rss_slope.value / words.keys_each)} {words.a_one} (intercept {line.rss_intercept.linked}, residual "
        f"{line.rss_residual_max.linked}), {line.rss_ratio.full} of `used_memory` at the top. Empty: {line.startup.linked} used, "
        f"{line.startup_rss.linked} RSS."
        if line.rss_ratio.value >= _RSS_GREW
        else f"- RSS did not grow with it ({line.rss_ratio.full} of `used_memory`): this server had pages to reuse. At the start it held "
        f"{line.startup.linked} used, {line.startup_rss.linked} RSS.",
        f"- Back: after all ended by UNLINK {line.left_after_end.full} of the peak stayed in `used_memory` "
        f"({line.keys_left.linked}), after three cycles {line.left_after_cycles.full}; of the RSS "
        f"{line.rss_left_after_end.linked}, as pages go back to the allocator first."
        + (
            f" Half way down {line.left_at_half.linked} were left, at a tenth {line.left_at_tenth.linked}: tables shrink only when "
            f"nearly empty, which the model knows ({line.left_error_max.linked} off at most)."
            if line.left_at_half and line.left_at_tenth and line.left_error_max
            else ""
        ),
        f"- CI: load 100 {words.many} through the service; fail when one takes more than "
        f"{written(1.1 * fit.session.value / words.keys_each)}, 10 % over the measured "
        f"{written(fit.session.value / words.keys_each)} [{fit.id}]; end them, fail unless `used_memory` is back to 5 %.",
    ]
    return "\n".join(lines)


def budget_table(samples: pd.DataFrame, available: float, words: Words) -> str:
    """Return the budget's terms at 1, 2, 10 and 100 times the peak."""
    sums = samples.assign(
        data=samples.dataset + samples.stale + samples.rehash,
        clients=samples.connections + samples.subscriptions,
        outside=samples.aof + samples.replica_buffer + samples.lua_vm,
    )
    terms = (
        ("dataset, 10 % expired keys, doubling table", "data"), ("server, functions, histograms", "base"),
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
    return "a larger node" if host <= _LARGEST_NODE else "several primaries, spread by hash tag"


def budget_section(keyspace: Keyspace, brief: Brief, samples: pd.DataFrame, found: Memory) -> str:
    """Return the text on the budget: the formula with its constants, the growth table, what the budget carries."""
    words, peak, available = Words.of(keyspace), brief.fact("sessions_peak"), brief.value("memory_budget")
    budget, clients, fork = found.budget, found.clients, found.fork
    if budget is None or clients is None:
        return f"### Memory budget\n\nNot modelled: {found.why_not('budget')}."
    fits = budget.carries.value
    ratio = found.line.rss_ratio.full if found.line else "1.1 (assumed)"
    rate = fork.save_rate.linked if fork and fork.save_rate else "100 MB/s (assumed)"
    pages = fork.pages_per_event.linked if fork and fork.pages_per_event else "8 pages (assumed)"
    forked = f"a child writes {rate} and an event copies {pages} of 4 KiB"
    lines = [
        "### Memory budget",
        "",
        "`counted = server + dataset × 1.1 + doubling + connections × c_conn + Σ channels × subscribers × c_sub + gateways × "
        f"output-buffer limit + backlog`; `maxmemory = counted / {capacity.ADMISSION_SHARE:g}`; `host = maxmemory × RSS ratio + append-only "
        "buffer + replica buffer + Lua + copy-on-write + 128 MiB`",
        "",
        f"c_conn {clients.connection.linked}, c_sub {clients.subscription.linked}, RSS ratio {ratio}, at least 1.03; {forked} "
        "(`current_cow_peak` of `INFO persistence` replaces it). Since 7.0 `maxmemory` counts the backlog where there is a replica (60 s of writes, at least "
        "1 MiB), but not a slow replica's surplus nor the append-only buffer (documented: src/evict.c, 7.0.15).",
        "",
        budget_table(samples, available, words),
        "",
        f"*Modelled [{budget.id}] from the peak ({peak.where}) and the measured constants; gateways grow with the load above the peak. The range is "
        "what the facts' own ranges leave open.*",
        "",
        f"- `maxmemory {round(budget.maxmemory.value)}` ({budget.maxmemory.linked}); the peak asks for {budget.for_peak.linked} on "
        f"a host with {budget.host.linked} (modelled; range {budget.host_low.linked} to {budget.host_high.linked}).",
        f"- The budget of {written(available)} ({brief.fact('memory_budget').where}) carries {words.count(fits)} (modelled [{budget.id}]); plan the "
        f"next size at {words.count(0.7 * fits)}, 70 % of that.",
    ]
    if fits < peak.value:
        session = found.fit.session.value if found.fit else budget.session.value
        lines.append(
            f"- **It does not carry the peak** of {words.count(peak.value)} ({peak.where}): take the larger node of D-06c, or bring one "
            f"{words.one} from {words.each(session)} to {words.each(session * fits / peak.value)} (modelled [{budget.id}])."
        )
    return "\n".join(lines)


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
