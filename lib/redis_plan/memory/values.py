"""Values: the blocks that one key's value is made of, by type and encoding.

Each function returns an encoding and a list of blocks; a block is a request to the allocator (its size may be an array
of sizes) with the number of times a key makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from redis_plan.memory import encodings, lists, tables
from redis_plan.memory.blocks import Block, Value, block
from redis_plan.memory.compact import compact, encoding_name, entries_of, listpack_block, ziplist
from redis_plan.memory.indexes import ebuckets, volatile_set
from redis_plan.memory.layout import Build
from redis_plan.memory.shape import INTEGERS, Shape

#: Probability that a skiplist node has 1, 2, 3 … levels (ZSKIPLIST_P 0.25, src/server.h, Redis 7.0.15).
_LEVELS = np.arange(1, 20)
_LEVEL_SHARE = 0.75 * 0.25 ** (_LEVELS - 1)


def of(shape: Shape, build: Build) -> Value:
    """Return the value of one key of ``shape`` on ``build``, without the key's name and the keyspace's tables."""
    if shape.type == "hash":
        return _mixed_hash(shape, build)
    makers: dict[str, Callable[[Shape, Build], Value]] = {
        "set": set_value,
        "zset": zset_value,
        "list": lists.list_value,
    }
    return makers[shape.type](shape, build)


def value_spread(shape: Shape) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the sizes of a key's values as text, and how many of them a key has on average."""
    if shape.sizes.varies:
        sizes, share = shape.sizes.spread()
        return sizes, share * shape.n_elem
    return shape.sizes.lengths(shape.n_elem), np.ones(shape.n_elem)


def _integer_class(shape: Shape) -> tuple[int, int, int]:
    return INTEGERS[shape.vsize]


def _presize(rule: object, at_conversion: int, in_command: int, limit: int) -> int:
    """Return how many entries a new table is made for."""
    if rule == "none":
        return 0
    if rule == "conversion-or-command" and in_command > limit:
        return in_command
    return at_conversion


def _table_blocks(
    shape: Shape, build: Build, kind: str, presized: int, extra: int = 0
) -> tuple[list[Block], tables.Table]:
    """Return the blocks of a value's hash table: struct, buckets, chained entries."""
    rules, sizes = build.layout.rules, build.layout.sizes
    if rules["value_tables"] == "hashtable":
        table = tables.hashtable_after(shape.n_elem, presized, int(rules[f"{kind}_steps"]), shape.hfe)
        metadata = sizes.get(f"{kind}_metadata", 0)
        parts = [
            block("table", sizes["hashtable"] + metadata + extra, counted="size"),
            block("table", table.size * tables.BUCKET_BYTES, counted="size"),
            block("table", tables.BUCKET_BYTES, table.children, "size"),
        ]
        if table.old:
            parts.append(block("table", table.old * tables.BUCKET_BYTES, table.rehashing, "size"))
        return parts, table
    table = tables.dict_after(shape.n_elem, presized, str(rules[f"{kind}_insert"]))
    if shape.hfe:  # a deadline looks its field up, and each look moves a bucket
        table = tables.settled(table.size, shape.n_elem)
    parts = [
        block("table", sizes["dict"] + (extra or sizes.get(f"{kind}_metadata", 0)), counted="none"),
        block("table", sizes["dict"], counted="phantom"),
    ]
    parts.append(block("table", 8 * table.size, counted="size"))
    if table.old:
        unmoved = round(table.rehashing) if shape.alike else table.rehashing
        parts.append(block("table", 8 * table.old, unmoved, "size"))
    return parts, table


def _mixed_hash(shape: Shape, build: Build) -> Value:
    """Return a hash whose values straddle the listpack limit: some keys stay listpacks, the others have tables."""
    limit = build.number("hash-max-listpack-value")
    low, high = shape.sizes.bounds
    if not shape.sizes.varies or not low <= limit < high or shape.n_elem > build.number("hash-max-listpack-entries"):
        return hash_value(shape, build)
    share = shape.sizes.within(limit) ** shape.n_elem
    if share < 1e-6:
        return hash_value(shape, build)
    small = hash_value(replace(shape, vsize=f"uni:{low}:{limit}"), build)
    # what is left for the tables: all values less those that sit in listpacks
    sizes, count = value_spread(shape)
    in_listpacks = share * shape.n_elem / (limit - low + 1) * (sizes <= limit)
    large = hash_value(shape, build, (sizes, (count - in_listpacks) / (1 - share)))
    blocks = [Block(b.part, b.size, b.count * share, b.counted) for b in small.blocks]
    blocks += [Block(b.part, b.size, b.count * (1 - share), b.counted) for b in large.blocks]
    return Value(large.encoding, tuple(blocks), large.table)


def hash_value(
    shape: Shape, build: Build, spread: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None
) -> Value:
    """Return the value of a hash: one listpack, or a table of fields (``spread`` replaces the values' sizes)."""
    rules, sizes = build.layout.rules, build.layout.sizes
    longest = max(shape.names.bounds[1], shape.sizes.bounds[1])
    limit = build.number("hash-max-listpack-entries")
    field_ttl = str(rules["hash_field_ttl"]) if shape.hfe else ""
    small = shape.n_elem <= limit and longest <= build.number("hash-max-listpack-value")
    if small and field_ttl not in ("entry-8",):
        total = compact(build, (shape.names, shape.n_elem), (shape.sizes, shape.n_elem))
        if field_ttl:
            deadline = int(encodings.listpack_integer(1_790_000_000_000))
            total += shape.n_elem * deadline
            return Value("listpackex", (block("value", sizes["listpack_ex"]), listpack_block("value", total, shape)))
        return Value(encoding_name(build), (listpack_block("value", total, shape),))
    in_command = shape.n_elem if shape.batch == 0 else min(shape.batch, shape.n_elem)
    by_size = longest > build.number("hash-max-listpack-value")
    at_conversion = 0 if by_size else limit + 1
    if field_ttl == "entry-8" and shape.n_elem <= limit:
        at_conversion = shape.n_elem  # the first deadline makes a table of what was a listpack
    presized = _presize(rules["hash_presize"], at_conversion, in_command, limit)
    indexed = sizes.get("field_ttl_metadata", 0) if field_ttl else 0
    parts, table = _table_blocks(shape, build, "hash", presized, extra=indexed)
    if field_ttl == "listpack-ex":
        parts += ebuckets(shape.n_elem, build)
    elif field_ttl == "entry-8":
        parts += volatile_set(shape.n_elem, build)
    names, (lengths, count) = shape.names.lengths(shape.n_elem), spread or value_spread(shape)
    if shape.sizes.varies:
        names = np.full(len(lengths), round(shape.names.mean))
    expiry = 8 if field_ttl == "entry-8" else 0
    if rules["hash_entry"] == "entry-128":
        if rules["value_tables"] == "dict":
            parts.append(block("fields", sizes["set_entry"], table.children, "none"))
            parts.append(block("fields", sizes["reported_entry"], shape.n_elem, "phantom"))
        if field_ttl == "listpack-ex":
            expiry = sizes["expire_meta"]
        parts += _embedded_entries(names, lengths, count, expiry)
    else:
        metadata = sizes.get("expire_meta", 0) + encodings.MSTR_FLAGS if field_ttl else 0
        named = encodings.mstr(names) if rules.get("hash_field") == "mstr" else encodings.sds(names)
        parts += [
            block("fields", sizes["dict_entry"], shape.n_elem, "size"),
            block("fields", named + metadata, count, "node"),
            block("fields", encodings.sds(lengths), count, "sds"),
        ]
    return Value("hashtable", tuple(parts), table)


def _embedded_entries(
    field: NDArray[np.int64], lengths: NDArray[np.int64], count: NDArray[np.float64], expiry: int
) -> list[Block]:
    """Return the entries that hold field and value in one block of up to 128 B (src/entry.c, Valkey 9.1)."""
    field_size = encodings.sds(field, 3 if expiry else 0)
    together = field_size + expiry + encodings.sds(lengths, 3)
    inside = together <= 128
    pointed = encodings.sds(field, 3) + expiry + 8
    entry = np.where(inside, together, pointed)
    blocks = [block("fields", entry, count)]
    if not inside.all():
        blocks.append(block("fields", encodings.sds(lengths[~inside]), count[~inside], "sds"))
    return blocks


def set_value(shape: Shape, build: Build) -> Value:
    """Return the value of a set: an intset, a listpack, or a table of members."""
    rules, sizes = build.layout.rules, build.layout.sizes
    limit = build.number("set-max-intset-entries")
    if shape.sizes.integers and shape.n_elem <= limit:
        _, high, _ = _integer_class(shape)
        width = 2 if high <= 32767 else 4 if high <= 2_147_483_647 else 8
        return Value("intset", (block("value", encodings.INTSET_HEADER + width * shape.n_elem, counted="compact"),))
    in_command = shape.n_elem if shape.batch == 0 else min(shape.batch, shape.n_elem)
    at_conversion = limit + 1 if shape.sizes.integers else 0
    if rules["set_listpack"]:
        entries, longest = build.number("set-max-listpack-entries"), build.number("set-max-listpack-value")
        fits = shape.sizes.bounds[1] <= longest
        if shape.n_elem <= entries and fits:
            return Value("listpack", (listpack_block("value", float(entries_of(shape).sum())),))
        if not shape.sizes.integers:
            limit = entries
            at_conversion = entries + 1 if fits else 0
    presized = _presize(rules["set_presize"], at_conversion, in_command, limit)
    parts, table = _table_blocks(shape, build, "set", presized)
    if rules["set_entry_rule"] == "entry":
        parts.append(block("fields", sizes["set_entry"], shape.n_elem, "size"))
    elif rules["set_entry_rule"] == "chained":
        parts.append(block("fields", sizes["set_entry"], table.children, "none" if sizes["reported_entry"] else "size"))
        parts.append(block("fields", sizes["reported_entry"], shape.n_elem, "phantom"))
    parts.append(block("fields", encodings.sds(shape.sizes.lengths(shape.n_elem)), counted="sds"))
    return Value("hashtable", tuple(parts), table)


def _scores(shape: Shape) -> tuple[bool, NDArray[np.int64]]:
    """Return whether scores are stored as integers, and the integers or the lengths of their text."""
    index = np.arange(shape.n_elem, dtype=np.int64)
    if shape.score == "half":
        return False, np.floor(np.log10(100 + index)).astype(np.int64) + 3
    first, step = {"ts": (1_760_000_000, 37), "big": (1_760_000_000_000, 1009)}.get(shape.score, (0, 1))
    return True, first + step * index


def _small_zset(shape: Shape, build: Build) -> float:
    """Return the bytes of a listpack's (or ziplist's) entries: every member and its score."""
    members = shape.names.lengths(shape.n_elem)
    old = encoding_name(build) == "ziplist"
    if shape.score == "rand17":
        # %.17g of a random double below 1000: 17 digits, the point, sometimes fewer; the shortest form: 16 or 17 digits
        mean = 19.89 if build.layout.rules["double_text"] == "%.17g" else 19.16
        text = encodings.ziplist_string(members) + 1 if old else encodings.listpack_string(members)
        return float(text.sum()) + shape.n_elem * mean + (4 if old else 0)
    whole, values = _scores(shape)
    if old:
        scores = encodings.ziplist_integer(values) if whole else encodings.ziplist_string(values)
        return ziplist(np.stack([encodings.ziplist_string(members), scores], axis=1).ravel())
    scores = encodings.listpack_integer(values) if whole else encodings.listpack_string(values)
    return float(encodings.listpack_string(members).sum() + scores.sum())


def zset_value(shape: Shape, build: Build) -> Value:
    """Return the value of a sorted set: one listpack, or a skiplist with a table of members."""
    rules, sizes = build.layout.rules, build.layout.sizes
    limit, longest = build.number("zset-max-listpack-entries"), build.number("zset-max-listpack-value")
    members = shape.names.lengths(shape.n_elem)
    fits = shape.names.bounds[1] <= longest
    if shape.n_elem <= limit and fits:
        total = _small_zset(shape, build)
        if shape.score == "rand17":
            each = 0.14 if rules["double_text"] == "%.17g" else 0.55  # variance of the digits of a random double
            return Value(encoding_name(build), (listpack_block("value", total, variance=each * shape.n_elem),))
        return Value(encoding_name(build), (listpack_block("value", total),))
    in_command = shape.n_elem if shape.batch == 0 else min(shape.batch, shape.n_elem)
    at_conversion = limit + 1 if fits else in_command  # a long first member makes a skiplist at once
    presized = _presize(rules["zset_presize"], at_conversion, in_command, limit)
    parts, table = _table_blocks(shape, build, "zset", presized)
    parts.insert(0, block("value", sizes["zset"], counted="size"))
    # where the header is the skiplist itself, the report takes its sizeof (zslGetAllocSize, src/t_zset.c, Valkey 9.1.2)
    parts.append(block("value", sizes["skiplist_header"], counted="node" if sizes["zskiplist"] else "size"))
    if sizes["zskiplist"]:
        parts.append(block("value", sizes["zskiplist"], counted="struct"))
    nodes = sizes["skiplist_node"] + 16 * _LEVELS
    share = _LEVEL_SHARE * shape.n_elem
    if rules["zset_node"] == "embedded":
        lengths, of_length = shape.names.spread()
        nodes = (nodes[:, None] + sizes["skiplist_prefix"] + encodings.sds(lengths)[None, :]).ravel()
        share = (share[:, None] * of_length[None, :]).ravel()
    else:
        parts.append(block("fields", encodings.sds(members), counted="sds"))
    if rules["value_tables"] == "dict":
        chained = rules.get("zset_entry") == "chained"
        count = table.children if chained else float(shape.n_elem)
        parts.append(
            block("fields", sizes["set_entry" if chained else "dict_entry"], count, "none" if chained else "size")
        )
        if chained:
            parts.append(block("fields", sizes["reported_entry"], shape.n_elem, "phantom"))
    parts.append(block("fields", nodes, share, "node"))
    return Value("skiplist", tuple(parts), table)
