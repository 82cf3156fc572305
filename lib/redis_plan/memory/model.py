"""The model: growth of ``used_memory`` for keys of a shape, from declared sizes alone.

>>> from redis_plan.memory.layout import build
>>> from redis_plan.memory.shape import Shape
>>> growth = predict(Shape("string", key_len=60, vsize="1", n_keys=2490), build("7.0.15"))
>>> growth.used_memory, growth.encoding
(351488.0, 'embstr')
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from redis_plan.errors import InputError
from redis_plan.memory import encodings, indexes, residue, streams, tables, values
from redis_plan.memory.blocks import Block, Counted, block
from redis_plan.memory.layout import Build
from redis_plan.memory.shape import Shape

#: Valkey reserves the deadline's 8 B in objects whose key is at least this long (src/object.c 9.1.0).
_LONG_KEY = 128
#: A string at least this long, sent as one argument, takes over the query buffer (PROTO_MBULK_BIG_ARG, src/server.h).
_BIG_ARGUMENT = 32 * 1024


@dataclass(frozen=True, slots=True)
class Growth:
    """What ``n_keys`` keys of one shape add to ``used_memory``, in bytes.

    ``per_key`` is one key's share without the keyspace's tables, split by part in ``parts`` (key, value, fields, table,
    expires, groups); ``waste`` is the allocator's rounding in it; ``tables`` are the keyspace's tables, all keys together; ``left`` is
    what the load leaves behind in a fresh server that belongs to no key.
    """

    encoding: str
    per_key: float
    parts: dict[str, float]
    waste: float
    tables: float
    n_keys: int
    left: float = 0.0

    @property
    def used_memory(self) -> float:
        """Growth of ``used_memory`` for all keys."""
        return self.per_key * self.n_keys + self.tables + self.left


def predict(shape: Shape, build: Build) -> Growth:
    """Return the growth of ``used_memory`` when the keys of ``shape`` are loaded into an empty server of ``build``."""
    encoding, blocks = key_blocks(shape, build)
    usable = build.usable
    parts: dict[str, float] = {}
    requested = 0.0
    for item in blocks:
        if item.counted == "phantom":
            continue
        taken = float((usable(item.size) * item.count).sum())
        parts[item.part] = parts.get(item.part, 0.0) + taken
        requested += float((item.size * item.count).sum())
    per_key = sum(parts.values())
    if shape.hfe and build.layout.rules["hash_field_ttl"] == "listpack-ex":
        # the keyspace's own index of hashes with expiring fields: segments of 16
        index = sum(float((usable(b.size) * b.count).sum()) for b in indexes.ebuckets(shape.n_keys, build))
        parts["expires"] = parts.get("expires", 0.0) + index / max(shape.n_keys, 1)
        per_key = sum(parts.values())
    if extra := build.correction(shape.type, encoding, shape.n_elem, shape.ttl) if build.corrections else 0.0:
        parts["calibrated"] = extra
        per_key += extra
        requested += extra
    with_ttl = shape.n_keys if shape.ttl else 0
    field_tables = 0.0
    if shape.hfe and build.layout.rules["hash_field_ttl"] == "entry-8":
        field_tables = keyspace_tables(shape.n_keys, 0, build)  # the keyspace's table of keys with volatile fields
    return Growth(
        encoding,
        per_key,
        parts,
        per_key - requested,
        keyspace_tables(shape.n_keys, with_ttl, build) + field_tables,
        shape.n_keys,
        residue.pending_commands(shape, build),
    )


def key_blocks(shape: Shape, build: Build) -> tuple[str, tuple[Block, ...]]:
    """Return the encoding and the blocks of one key: name, object, value, and its entry in the expires table."""
    if shape.hfe and shape.type == "hash" and build.layout.rules["hash_field_ttl"] == "none":
        raise InputError(
            f"{build.layout.family} has no deadlines of hash fields (--field-ttl, column hfe); they came with Redis 7.4 and Valkey 9.0"
        )
    if build.layout.rules["objects"] in ("separate", "embedded-entry"):
        return _separate(shape, build)
    return _embedded(shape, build)


def _separate(shape: Shape, build: Build) -> tuple[str, tuple[Block, ...]]:
    """Redis up to 7.4 and Valkey 7.2: a name, an entry, an object."""
    sizes = build.layout.sizes
    entry = sizes["dict_entry"] + (sizes.get("cluster_entry", 0) if build.cluster else 0)
    blocks = [block("key", encodings.sds(shape.key_len)), block("key", entry, counted="size")]
    if build.layout.rules["objects"] == "embedded-entry":
        # the name keeps the header that it had as an argument, which is never the shortest
        blocks = [block("key", sizes["embedded_entry"] + encodings.sds(shape.key_len, 3))]
    if shape.ttl:
        blocks.append(block("expires", sizes["dict_entry"], counted="none"))
    if shape.type != "string":
        value = streams.stream_value(shape, build) if shape.type == "stream" else values.of(shape, build)
        return value.encoding, (*blocks, block("object", sizes["robj"], counted="size"), *value.blocks)
    if shape.sizes.integers:
        shared = shape.vsize in ("shared", "int7", "int13") and build.layout.rules["shared_integers"]
        if not shared or build.maxmemory_lru:
            blocks.append(block("object", sizes["robj"], counted="size"))
        else:
            blocks.append(block("object", sizes["robj"], counted="phantom"))  # shared: reported, and nowhere
        return "int", tuple(blocks)
    lengths, share = shape.sizes.spread()
    short = lengths <= 44  # OBJ_ENCODING_EMBSTR_SIZE_LIMIT
    if short.any():
        whole = sizes["robj"] + 3 + lengths[short] + 1
        guessed = build.layout.rules["report"] == "classic-6"  # sizeof(robj), the length, and two bytes
        blocks.append(block("object", whole, share[short], "none" if guessed else "usable"))
        blocks += [block("object", whole - 2, share[short], "phantom")] if guessed else []
    if (~short).any():
        blocks.append(block("object", sizes["robj"], float(share[~short].sum()), "size"))
        blocks.append(block("value", _argument(lengths[~short]), share[~short]))
    return "embstr" if short.all() else "raw", tuple(blocks)


def _argument(lengths: encodings.Integers) -> encodings.Integers:
    """Return the request of a string argument: a long one keeps the query buffer it came in, with its line end."""
    return np.where(lengths >= _BIG_ARGUMENT, encodings.sds(lengths + 2), encodings.sds(lengths))


def _embedded(shape: Shape, build: Build) -> tuple[str, tuple[Block, ...]]:
    """Valkey 9 and Redis 8: one object holds the name, the deadline and, if small, the value."""
    name = 1 + int(encodings.sds(shape.key_len))
    deadline = 8 if shape.ttl or shape.key_len >= _LONG_KEY else 0
    base = build.layout.sizes["robj"]
    pointed = base + deadline + name
    rules = build.layout.rules
    seen: Counted = "size" if rules["report_object"] == "requested" else "node"
    # a report that knows nothing of the name counts sizeof(robj) alone
    bare = (block("object", base, counted="phantom"),) if rules["report_object"] == "robj" else ()
    if bare:
        seen = "none"
    if shape.type != "string":
        value = streams.stream_value(shape, build) if shape.type == "stream" else values.of(shape, build)
        return value.encoding, (block("object", pointed, counted=seen), *bare, *value.blocks)
    if shape.sizes.integers:
        return "int", (block("object", pointed, counted=seen), *bare)
    lengths, share = shape.sizes.spread()
    text = encodings.sds(lengths, 3)
    if rules["objects"] in ("valkey-9", "valkey-8.1"):
        # the test at SET does not count the deadline; one that comes later, or with SET … EX, takes what is left of the
        # block, and only if nothing is left the test is made again with it (objectSetExpire)
        # 9.1 gives the value the place of its pointer; 8.1 does not, and stops at one cache line
        start, limit = (base - 8, 128) if rules["objects"] == "valkey-9" else (base, 64)
        plain = start + (8 if shape.key_len >= _LONG_KEY else 0) + name + text
        whole = start + deadline + name + text
        inside = (lengths <= 255) & (plain <= limit)
        inside &= (whole <= limit) | (build.usable(plain) >= whole)
    else:
        # the test takes the name's header for one byte; up to 8.4 it counts the deadline, which comes with a second test
        counted = 8 if shape.ttl and rules["embed_counts_deadline"] else 0
        inside = (lengths <= 44) & (base + counted + shape.key_len + 3 + lengths + 4 <= 64)
        whole = base + deadline + name + text
    blocks = []
    if inside.any():
        blocks.append(block("object", whole[inside], share[inside], "node"))
    if (~inside).any():
        apart = float(share[~inside].sum())
        blocks.append(block("object", pointed, apart, seen))
        blocks += [block("object", base, apart, "phantom")] if bare else []
        blocks.append(block("value", _argument(lengths[~inside]), share[~inside], "sds"))
    return "embstr" if inside.all() else "raw", tuple(blocks)


def keyspace_tables(keys: int, keys_with_ttl: int, build: Build) -> float:
    """Return the bytes of the keyspace's tables for ``keys`` keys, after the server's cron has finished moving them.

    A cluster node has a table for each slot where versions say so (``build.cluster``); it is taken to serve all slots, and names
    to fall on them evenly. Names that share a hash tag share a slot: fewer, larger tables, so this is an upper bound for them.
    """
    return _keyspace_table(keys, build) + _keyspace_table(keys_with_ttl, build, "expires_dict")


def _keyspace_table(count: int, build: Build, made: str = "keyspace_dict") -> float:
    rule = build.layout.rules["keyspace"]
    if not count:
        return 0.0
    if build.cluster and build.layout.rules["slot_tables"]:
        return sum(
            expected * _table(in_slot, rule, False, build, made) for in_slot, expected in tables.slots_by_keys(count)
        )
    return _table(count, rule, bool(build.layout.rules["eager_growth"]), build, made)


def _table(count: int, rule: str | int | bool, eager: bool, build: Build, made: str) -> float:
    """Return the bytes of one table of the keyspace: its struct, its buckets, and what chains in them."""
    if rule == "hashtable":
        table = tables.hashtable_after(count, settled=True)
        chained = table.children * _usable(build, tables.BUCKET_BYTES)
        return _usable(build, build.layout.sizes[made]) + _usable(build, table.size * tables.BUCKET_BYTES) + chained
    size = tables.power_at_least(count + eager)
    total = _usable(build, 8 * size) + _usable(build, build.layout.sizes.get(made, 0))
    if rule == "dict-kvobj":
        chained = tables.dict_expected_chained(count, size)
        total += chained * _usable(build, build.layout.sizes["set_entry"])
    return total


def _usable(build: Build, requested: int) -> float:
    if not requested:
        return 0.0
    return float(build.usable(np.array([requested]))[0])


def predict_keyspace(shapes: Iterable[Shape], build: Build) -> tuple[list[Growth], float]:
    """Return each shape's growth, and the growth of ``used_memory`` for all of them together (tables counted once)."""
    shapes = list(shapes)
    growths = [predict(shape, build) for shape in shapes]
    keys = sum(shape.n_keys for shape in shapes)
    volatile = sum(shape.n_keys for shape in shapes if shape.ttl)
    total = sum(growth.per_key * growth.n_keys for growth in growths) + keyspace_tables(keys, volatile, build)
    return growths, total
