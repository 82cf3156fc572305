"""Tables and sentences of the plan's memory section, computed from samples, the keyspace and the Brief."""

from __future__ import annotations

import pandas as pd

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.memory import capacity, model, project
from redis_plan.memory.layout import Build
from redis_plan.plan.evidence import Evidence


def _bytes(value: float) -> str:
    return units.write(round(value), "B")


def pattern_table(keyspace: Keyspace, samples: pd.DataFrame, build: Build, evidence: str) -> str:
    """Return the table of bytes by key pattern: predicted, measured, at the bound, a session."""
    costs = {cost.pattern: cost for cost in project.costs(keyspace, build)}
    by_name = {str(row["pattern"]): row for row in samples.to_dict("records")}
    lines = [
        "| Key pattern | Encoding | Elements | Keys a session | Predicted a key | Measured a key | At its bound | A session | Grade |",
        "|:--|:--|--:|--:|--:|--:|--:|--:|:--|",
    ]
    order = sorted(keyspace.keys, key=lambda p: -float(by_name[p.name]["bytes_per_session"]))
    for pattern in order:
        cost, row = costs[pattern.name], by_name[pattern.name]
        measured = float(row["measured_bytes"]) / float(row["keys"])
        session = _bytes(float(row["bytes_per_session"])) if pattern.scope != "global" else "global"
        keys = (
            units.significant(pattern.per_session)
            if pattern.scope != "global"
            else f"{pattern.per_session:,.0f} in all"
        )
        elements = f"{pattern.typical_elements:,.0f} of {pattern.max_elements:,.0f}"
        lines.append(
            f"| `{pattern.template}` | {row['encoding']} | {elements} | {keys} | {_bytes(cost.bytes_per_key)} | {_bytes(measured)} "
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
    head = " | ".join(f"{int(row['scale'])}x: {int(row['sessions']):,} sessions" for row in samples.to_dict("records"))
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
            f"| `{pattern.template}` | {encoding} | {shape.n_elem:,} / {entries:,} | {longest} B / {f'{longest_allowed} B' if longest_allowed else '–'} | {compact} |"
        )
    return "\n".join(lines)


def _encoding(load: project.Load, build: Build) -> str:
    return model.predict(load.shape, build).encoding


def big_keys(keyspace: Keyspace, build: Build) -> list[tuple[KeyPattern, float]]:
    """Return the patterns whose keys are largest at their bound, with those bytes, largest first."""
    costs = {cost.pattern: cost.bytes_at_bound for cost in project.costs(keyspace, build)}
    return sorted(((p, costs[p.name]) for p in keyspace.keys), key=lambda item: -item[1])


def session_section(keyspace: Keyspace, samples: pd.DataFrame, build: Build, fit: Evidence) -> str:
    """Return the text on bytes a session: the sum, the table by pattern, the model's error."""
    noun = keyspace.session_noun
    if fit.not_run:
        return f"### What one {noun} costs\n\nNot measured: {fit.not_run}."
    rows = {str(row["pattern"]): row for row in samples.to_dict("records")}
    own = [p for p in keyspace.keys if p.scope != "global"]
    terms = " + ".join(f"{float(rows[p.name]['bytes_per_session']):,.0f} (`{p.name}`)" for p in own)
    largest = max(own, key=lambda p: float(rows[p.name]["bytes_per_session"]))
    share = 100 * float(rows[largest.name]["bytes_per_session"]) / fit["bytes_per_session"].value
    server = f"{fit.server.product} {fit.server.version}, {build.allocator}"
    return "\n".join(
        [
            f"### What one {noun} costs",
            "",
            f"One {noun} takes {fit.cite('bytes_per_session')} of `used_memory` on this server ({server}), its share of the "
            "keyspace's tables included:",
            "",
            f"`bytes = {terms}`",
            "",
            f"(bytes, measured [{fit.id}]; each pattern alone, so the sum may differ from the whole by the tables' steps.) "
            f"`{largest.name}` is the largest term, {share:.0f} % of one {noun} (measured [{fit.id}]): a saving there counts first.",
            "",
            pattern_table(keyspace, samples, build, fit.id),
            "",
            f"The prediction was made before loading, from struct sizes and the server's own limits. For all keys together it is "
            f"{fit.cite('error_all')} off the growth of `used_memory`, for the worst single pattern {fit.cite('error_worst_pattern')}. "
            f"The server's own `MEMORY USAGE`, summed over the same keys, is {fit.cite('memory_usage_error_all')} off: it leaves "
            "out the keyspace's tables and the allocator's rounding. Budget with the table, not with `MEMORY USAGE`.",
        ]
    )


def linearity_section(line: Evidence, fit: Evidence, steps: list[tuple[int, float]]) -> str:
    """Return the text on growth with sessions: slope, intercept, residual, RSS, steps, and what came back."""
    if line.not_run:
        return f"### Growth with sessions\n\nNot measured: {line.not_run}. The budget below counts the keys there are."
    merged: dict[int, float] = {}
    for count, size in steps:
        merged[count] = merged.get(count, 0.0) + size
    shown = [f"{count:,} (+{_bytes(size)})" for count, size in merged.items() if size >= 65_536][-6:]
    where = (
        f"Steps larger than 64 KiB on the way there: at {', '.join(shown)} sessions (modelled). "
        if shown
        else "Below the measured range no step is larger than 64 KiB (modelled). "
    )
    return "\n".join(
        [
            "### Growth with sessions",
            "",
            f"`used_memory = {line['intercept'].value:,.0f} B + {line['slope'].value:,.0f} B × sessions` "
            f"(measured up to {line.number('sessions_top')}). The largest distance from the line is {line.cite('residual_max')} of "
            f"the peak, and it is no noise: a keyspace table doubles. {where}"
            f"The model, which knows the steps, is at most {line.cite('prediction_error_max')} off.",
            "",
            f"RSS grows by {line.cite('rss_slope')} a session with an intercept of {line.number('rss_intercept')} (residual "
            f"{line.number('rss_residual_max')}); at the top it is {line.cite('rss_ratio')} of `used_memory` growth. The empty "
            f"server starts at {line.number('startup')} used and {line.number('startup_rss')} RSS.",
            "",
            "**CI check.** The test suite loads 100 sessions through the service and fails when the growth of `used_memory` a "
            f"session exceeds {units.write(1.1 * fit['bytes_per_session'].value, 'B')}: the measured "
            f"{fit.number('bytes_per_session')} and 10 %.",
        ]
    )


def budget_section(brief: Brief, samples: pd.DataFrame, budget: Evidence, clients: Evidence, line: Evidence) -> str:
    """Return the text on the memory budget: formula, growth table, what drives it, what to do next."""
    available = brief.value("memory_budget")
    fact, peak = brief.fact("memory_budget"), brief.fact("sessions_peak")
    ten, hundred = (samples[samples.scale == scale].iloc[0] for scale in (10, 100))
    fits = budget["sessions_in_budget"].value
    share = capacity.ADMISSION_SHARE
    return "\n".join(
        [
            "### Memory budget",
            "",
            "`counted = base + dataset × (1 + stale) + table doubling + connections × c_conn + sessions × gateways × channels × "
            "c_sub + gateways × output-buffer limit`  ",
            f"`maxmemory = counted / {share:g}`, rounded up to 16 MiB  ",
            "`host = maxmemory × RSS ratio + backlog + append-only buffer + copy-on-write + 128 MiB for the system`",
            "",
            f"with c_conn = {clients.cite('connection')}, c_sub = {clients.cite('subscription')}, RSS ratio "
            f"{line.cite('rss_ratio') if not line.not_run else '1.1 (assumed)'}, counted as at least 1.03; stale = 10 % (documented: `active-expire-effort 1` tolerates that share of expired keys, "
            f"src/expire.c, Redis 7.0.15); peak {peak.value:,.0f} sessions ({peak.where}); budget "
            f"{units.write(available, 'B')} ({fact.where}). The backlog holds 60 s of writes and at least 1 MiB; a fork is "
            "assumed to write 100 MB/s while each event dirties six pages of 4 KiB (assumed; `INFO persistence` "
            "`current_cow_peak` replaces it).",
            "",
            growth_table(samples, available, budget.id),
            "",
            f"- **At the peak**: `maxmemory {round(budget['maxmemory'].value)}` ({budget.number('maxmemory')}), a host with "
            f"{budget.number('host_memory')}; at twice the peak the host needs {budget.number('host_memory_2x')} (modelled).",
            f"- **The budget** of {units.write(available, 'B')} carries {budget.number('sessions_in_budget')} (modelled). "
            f"Plan the next size at {0.7 * fits:,.0f} live sessions, 70 % of that (modelled [{budget.id}]).",
            *_over_budget(brief, budget),
            f"- **At ten times the peak** {driver(samples)} is the largest counted term; the host needs "
            f"{_bytes(float(ten.host))} (modelled [{budget.id}]): {_action(float(ten.host), available)}.",
            f"- **At a hundred times** {_bytes(float(hundred.host))} (modelled [{budget.id}]): "
            f"{_action(float(hundred.host), available)}.",
        ]
    )


def _over_budget(brief: Brief, budget: Evidence) -> list[str]:
    """Return the line that says what a session may cost where the budget does not carry the peak."""
    fits, peak = budget["sessions_in_budget"].value, brief.value("sessions_peak")
    if fits >= peak:
        return []
    target = budget["bytes_per_session"].value * fits / peak
    return [
        f"- **The budget does not carry the peak** of {peak:,.0f} sessions ({brief.fact('sessions_peak').where}). Either a larger "
        f"node, or a session of at most {_bytes(target)} in place of {budget.number('bytes_per_session')} (modelled): the "
        "largest terms of the sum above first, which are set by `reconnect_grace` and `events_per_session` where they are "
        "`log` and `idem`."
    ]


def _action(host: float, available: float) -> str:
    if host <= available:
        return "it fits the budget, no action"
    if host <= 32 * 1024**3:
        return "a larger node; the keyspace needs no change"
    return "several primaries; all keys of a session share one hash tag, so sessions spread over the slots as they are"


def eviction_section(keyspace: Keyspace, budget: Evidence, full: Evidence) -> str:
    """Return the table of key classes, and the admission rule as code."""
    measured = (
        f"Not tested here: {full.not_run}."
        if full.not_run
        else f"Measured on a full server: UNLINK and PUBLISH still worked under all three policies; volatile-ttl left "
        f"{full.number('volatile_ttl_broken')} broken."
    )
    return "\n".join(
        [
            "### When memory runs out",
            "",
            measured
            + " A Function that ends a session must be registered with the `allow-oom` flag, or a full server refuses "
            "exactly the cleanup that would help (documented: Redis manual, Lua API, script flags; 7.0).",
            "",
            eviction_table(keyspace),
            "",
            "Admission, in the service that creates one (one `INFO memory` a second, cached):",
            "",
            "```js",
            f"const ADMIT_BELOW = {round(budget['admission_bytes'].value)}; // {capacity.ADMISSION_SHARE:.0%} of maxmemory",
            "async function mayCreate(redis, cache) {",
            "  if (Date.now() - cache.at > 1000) {",
            "    const info = await redis.info('memory');",
            "    cache.used = Number(/^used_memory:(\\d+)/m.exec(info)[1]);",
            "    cache.at = Date.now();",
            "  }",
            "  return cache.used < ADMIT_BELOW; // false: answer 503 with Retry-After, existing sessions go on",
            "}",
            "```",
        ]
    )


def encoding_section(keyspace: Keyspace, build: Build, cliffs: Evidence) -> str:
    """Return the table of encodings at their bound, the measured cliffs and the test that holds them."""
    limits = ", ".join(
        f"`{name} {build.settings.get(name, value)}`"
        for name, value in build.layout.settings.items()
        if "stream" not in name
    )
    keys = [load for load in project.loads(keyspace, 1, full=True) if load.shape.type in ("hash", "zset", "set")]
    compact = [load for load in keys if _encoding(load, build) in ("listpack", "intset")]
    wide = [load for load in keys if load not in compact]
    lines = [
        "### Compact encodings and their cliffs",
        "",
        f"Limits read from this server: {limits} (documented: its CONFIG). One step past a limit multiplies a key's bytes: one "
        f"more field in a full hash by {cliffs.cite('hash_entries')}, one value a byte too long by {cliffs.cite('hash_value')}, "
        f"one more member in a full sorted set by {cliffs.cite('zset_entries')}. The key never turns back.",
        "",
        encoding_table(keyspace, build),
        "",
        "*Modelled from the keyspace's bounds and the server's limits.*",
        "",
    ]
    if wide:
        names = ", ".join(f"`{load.pattern.name}`" for load in wide)
        lines += [f"At their bound {names} leave the compact encoding; the budget's last row counts them so.", ""]
    if compact:
        example = compact[0]
        lines += [
            "A test holds them there: fill each key to its bound with its longest values, then assert, for example",
            "",
            "```sh",
            f"test \"$(redis-cli OBJECT ENCODING '{next(project.keys(example, 0, 1))}')\" = {_encoding(example, build)}",
            "```",
        ]
    return "\n".join(lines)


def return_section(keyspace: Keyspace, build: Build, line: Evidence, fit: Evidence) -> str:
    """Return the text on what comes back when sessions end, and on big keys."""
    if line.not_run:
        return f"### Return of memory, and big keys\n\nNot measured: {line.not_run}. Keys are removed by UNLINK."
    largest = big_keys(keyspace, build)[:3]
    names = "; ".join(f"`{p.template}` {_bytes(size)}" for p, size in largest)
    return "\n".join(
        [
            "### Return of memory, and big keys",
            "",
            f"After all sessions ended by UNLINK {line.cite('left_after_end')} of the peak stayed in `used_memory` "
            f"({line.number('keys_left')} left), after three cycles {line.cite('left_after_cycles')}. Of the RSS "
            f"{line.cite('rss_left_after_end')} stayed: freed pages go back to the allocator first. Watch "
            "`allocator_frag_ratio` and `allocator_rss_ratio` (INFO memory), not `mem_fragmentation_ratio` alone; turn "
            "`activedefrag yes` on above 1.4 with more than 100 MiB wasted, where the build supports it (assumed thresholds, "
            "redis.conf `active-defrag-ignore-bytes 100mb`).",
            "",
            f"The largest keys at their bound: {names} (modelled; [{fit.id}] checks the model). Every key is removed by UNLINK, "
            "and `lazyfree-lazy-expire yes` frees expired ones off the main thread. Once a day "
            "`redis-cli --memkeys --memkeys-samples 0` (or `--bigkeys`) on a replica; a key above twice its bound is a bug.",
            "",
            "Dead sessions: those that ended without `session_end` are found by the sweeper's index and wait at most their TTL; "
            "the budget's row of expired keys is their share. Alert when `used_memory / live sessions` exceeds the bytes a "
            "session by a quarter for 10 minutes.",
        ]
    )


def sensitivity_section(samples: pd.DataFrame, swing: Evidence) -> str:
    """Return the table of what each fact does to the dataset at peak."""
    lines = [
        "### What would change the numbers",
        "",
        "| Fact | From – to | Dataset at peak | Source |",
        "|:--|:--|--:|:--|",
    ]
    rows = sorted(samples.to_dict("records"), key=lambda row: -abs(float(row["high"]) - float(row["low"])))
    for row in rows:
        low, high = (units.write(float(row[end]), str(row["unit"])) for end in ("from", "to"))
        lines.append(
            f"| `{row['fact']}` | {low} – {high} | {_bytes(float(row['low']))} – {_bytes(float(row['high']))} | {row['where']} |"
        )
    base = _bytes(float(samples.base.iloc[0]))
    lines += ["", f"*As planned: {base}. All modelled [{swing.id}]; one fact moved at a time, the design made anew.*"]
    return "\n".join(lines)


def limits_section(fit: Evidence, line: Evidence) -> str:
    """Return what this measurement did not show."""
    if line.not_run:
        return f"### Limits of the memory figures\n\nGrowth with sessions was not measured: {line.not_run}."
    caution = fit.conditions.get("caution")
    shared = f" The server is shared: {caution}." if caution else ""
    return (
        "### Limits of the memory figures\n\n"
        f"Keys were loaded fresh, up to {line.number('sessions_top')}; a long life of trimmed lists and rewritten fields leaves "
        "slack that this run has not seen. Copy-on-write, backlog and append-only buffer are computed, not measured. A cluster "
        "adds 8 to 18 B a key for its slots (not measured here)." + shared
    )
