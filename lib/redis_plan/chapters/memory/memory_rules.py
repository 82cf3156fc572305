"""Rules of the plan's memory section: a full server, compact encodings, savings, big and dead keys."""

from __future__ import annotations

from redis_plan.chapters.memory.findings import Cliffs, Memory
from redis_plan.chapters.memory.memory_text import written
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.memory import capacity, model, project
from redis_plan.memory.layout import Build
from redis_plan.words.capacity import Fit
from redis_plan.words.memory_words import Words

#: Names are worth shortening from this share of the dataset on, in per cent.
_WORTH = 5.0
_COMPACT = ("listpack", "intset", "listpackex")


def eviction_section(keyspace: Keyspace, found: Memory) -> str:
    """Return what eviction would do to each class of keys, and the admission rule as code."""
    words = Words.of(keyspace)
    only = [f"`{p.name}`" for p in keyspace.keys if p.authoritative]
    rebuilt = [f"`{p.name}`" for p in keyspace.keys if not p.authoritative]
    half = f"a live {words.one} loses half of its keys, silently" if words.sessions else "the data is gone, silently"
    full = found.full
    measured = (
        f"Not tested on a full server here: {found.why_not('full')}."
        if full is None
        else f"Measured on a full server [{full.id}]: reads, UNLINK and PUBLISH worked under all three policies; volatile-ttl left "
        f"{full.broken_by_ttl.value:.0f} {words.groups} broken, and refuses like noeviction once no key has a TTL."
    )
    lines = ["### When memory runs out", "", "| Keys | If evicted | When full |", "|:--|:--|:--|"]
    if only:
        lines.append(f"| {', '.join(only)}: Redis holds the only copy | {half} | writes are refused (OOM), visibly |")
    if rebuilt:
        full_up = "writes are refused (OOM)" if only else "the least recently used keys go"
        lines.append(f"| {', '.join(rebuilt)}: can be rebuilt | rebuilt at the next use | {full_up} |")
    lines += ["", measured]
    if words.sessions:
        lines[-1] += (
            f" Functions that end {words.a_one} carry the flag `allow-oom`: without it a full server refuses exactly the cleanup "
            "(documented: Redis manual, Lua API, script flags; 7.0)."
        )
    if not only or found.budget is None:
        return "\n".join(lines)
    lines += [
        "",
        f"Admission where {f'{words.a_one} is' if words.sessions else 'new keys are'} created:",
        "",
        "```js",
        f"const ADMIT_BELOW = {found.budget.admission:.0f}; // {100 * capacity.ADMISSION_SHARE:.0f} % of maxmemory",
        "async function mayCreate(redis, cache) {",
        "  if (Date.now() - cache.at > 1000) { // one INFO a second",
        "    cache.used = Number(/^used_memory:(\\d+)/m.exec(await redis.info('memory'))[1]);",
        "    cache.at = Date.now();",
        "  }",
        f"  return cache.used < ADMIT_BELOW; // false: 503 with Retry-After{', those that live go on' if words.sessions else ''}",
        "}",
        "```",
    ]
    return "\n".join(lines)


def encoding_section(keyspace: Keyspace, build: Build, cliffs: Cliffs) -> str:
    """Return which keys leave the compact encoding at their bound, the measured cliffs, and the test that holds the others."""
    limits = ", ".join(
        f"`{name} {build.settings.get(name, value)}`"
        for name, value in build.layout.settings.items()
        if name.startswith(("hash-max", "zset-max", "set-max"))
    )
    keys = [load for load in project.loads(keyspace, 1, full=True) if load.shape.type in ("hash", "zset", "set")]
    if not keys:
        return "### Compact encodings\n\nNo key of this keyspace is a hash, set or sorted set: nothing has a compact encoding to lose."
    compact = [load for load in keys if model.predict(load.shape, build).encoding in _COMPACT]
    wide = [load for load in keys if load not in compact]
    lines = [
        "### Compact encodings",
        "",
        f"This server's limits: {limits} (documented: its CONFIG). One step past them multiplies a key's bytes for good: one field more "
        f"{cliffs.hash_entries.full}, one value a byte too long {cliffs.hash_value.full}, one element more in a sorted set "
        f"{cliffs.zset_entries.full}.",
    ]
    if wide:
        lines += [
            "",
            "At their bound these leave it (modelled): " + "; ".join(_why(load, build) for load in wide) + ".",
        ]
    if compact:
        example = min(compact, key=lambda load: _room(load, build))
        near = ", ".join(
            f"`{load.pattern.name}` {_used(load, build)}" for load in sorted(compact, key=lambda x: _room(x, build))[:3]
        )
        encoding = model.predict(example.shape, build).encoding
        lines += [
            "",
            f"The others stay compact; nearest to a limit: {near}. A test fills each to its bound with its longest values and asserts",
            "",
            "```sh",
            f"test \"$(redis-cli --user admin OBJECT ENCODING '{next(project.keys(example, 0, 1))}')\" = {encoding}",
            "```",
        ]
    return "\n".join(lines)


def _limits(load: project.Load, build: Build) -> tuple[int, int, int, int]:
    """Return elements and limit, longest value and limit (0: no limit) of a key at its bound."""
    kind, shape = load.pattern.type, load.shape
    entries = build.number(f"{kind}-max-listpack-entries") or build.number("set-max-intset-entries")
    longest = max(shape.names.bounds[1] if kind != "set" else 0, shape.sizes.bounds[1] if kind != "zset" else 0)
    return shape.n_elem, entries, longest, build.number(f"{kind}-max-listpack-value")


def _room(load: project.Load, build: Build) -> float:
    elements, entries, longest, limit = _limits(load, build)
    return 1 - max(elements / max(entries, 1), longest / limit if limit else 0.0)


def _used(load: project.Load, build: Build) -> str:
    elements, entries, longest, limit = _limits(load, build)
    if limit and longest / limit >= elements / max(entries, 1):
        return f"({longest} of {limit} B)"
    return f"({elements:,} of {entries:,})"


def _why(load: project.Load, build: Build) -> str:
    elements, entries, longest, limit = _limits(load, build)
    if elements > entries:
        reason = f"{elements:,} elements of {entries:,}"
    elif limit and longest > limit:
        reason = f"a value of {longest} B, {limit} allowed"
    else:
        reason = "this version has no compact set of text"
    return f"`{load.pattern.name}` ({reason})"


def savings_section(found: Memory) -> str:
    """Return what shorter names, gathered keys and compression would save, each with its price."""
    lines = ["### What would save memory", ""]
    names, small, packed = found.names, found.small, found.packed
    if names:
        lines.append(
            f"- **Names**: one letter a word in keys saves {names.short_keys.full}, two letters a field "
            f"{names.short_fields.linked}"
            + (": not worth unreadable names" if max(names.short_keys.value, names.short_fields.value) < _WORTH else "")
            + f". UUIDs as text in keys would cost {names.uuid_keys.linked}."
        )
    if small:
        pattern = small.record.condition("pattern")
        lines.append(
            f"- **Small keys**: `{pattern}` takes {small.key_each.full} as {small.keys_each.linked}, "
            f"{small.hash_a_session.linked} as one hash, {small.buckets.linked} in buckets of {small.record.condition('fields')} fields "
            f"({small.record.condition('encoding')}): {small.saved.linked} less. Price: no TTL for each (before Redis 7.4 and "
            "Valkey 9), and the function trims the bucket."
        )
    if packed:
        lines.append(
            f"- **Compression**: {packed.record.condition('method')} brings a value of `{packed.record.condition('pattern')}` from "
            f"{packed.plain.linked} to {packed.best.linked} and saves {packed.saved.full} of the key, for "
            f"{packed.write.linked} of CPU a write and {packed.read.linked} a read "
            f"({packed.core.linked} of one core at the peak). Worth it only where memory is the limit."
        )
    if len(lines) == 2:
        lines.append("Nothing of size: few names, no small keys in numbers, no long values.")
    return "\n".join(lines)


def keys_section(keyspace: Keyspace, build: Build, fit: Fit | None) -> str:
    """Return the rules for big keys, for dead ones, and for defragmentation."""
    words = Words.of(keyspace)
    largest = big_keys(keyspace, build)[:3]
    names = "; ".join(f"`{p.template}` {written(size)}" for p, size in largest)
    dead = (
        f"- {words.a_one.capitalize()} that died without its end waits for the sweeper, at most for its TTL: the 10 % in the budget. "
        f"Alert when `used_memory / live {words.many}` is a quarter above {fit.session.linked} for 10 minutes."
        if words.sessions and fit
        else "- An expired key stays until it is touched or swept: the 10 % in the budget. Alert when `used_memory / DBSIZE` is a "
        "quarter above its usual value for 10 minutes."
    )
    return "\n".join(
        [
            "### Big keys, dead keys, fragmentation",
            "",
            f"- Largest at their bound: {names} (modelled{f' [{fit.id}]' if fit else ''}). UNLINK always, `lazyfree-lazy-expire yes`; once a day "
            "`redis-cli --user admin --memkeys --memkeys-samples 0` on a replica: above twice its bound is a bug.",
            dead,
            "- Watch `allocator_frag_ratio` and `allocator_rss_ratio`; `activedefrag yes` above 1.4 with more than 100 MiB wasted, where "
            "the build has it (assumed; redis.conf `active-defrag-ignore-bytes 100mb`).",
            "- Not seen here: slack of trimmed lists and rewritten fields, other tenants, a cluster's 8 to 18 B a key."
            + (
                f" The server is shared: {fit.record.conditions['caution']}."
                if fit and fit.record.conditions.get("caution")
                else ""
            ),
        ]
    )


def big_keys(keyspace: Keyspace, build: Build) -> list[tuple[KeyPattern, float]]:
    """Return the patterns whose keys are largest at their bound, with those bytes, largest first."""
    costs = {cost.pattern: cost.bytes_at_bound for cost in project.costs(keyspace, build)}
    return sorted(((p, costs[p.name]) for p in keyspace.keys), key=lambda item: -item[1])
