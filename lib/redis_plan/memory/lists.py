"""Lists: one listpack, or a quicklist of nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redis_plan.memory import encodings
from redis_plan.memory.blocks import Value, block
from redis_plan.memory.compact import entries_of, key_draws, listpack_block, ziplist_raw
from redis_plan.memory.layout import Build
from redis_plan.memory.shape import Shape


def list_value(shape: Shape, build: Build) -> Value:
    """Return the value of a list: one listpack, or a quicklist of listpack nodes."""
    rules, sizes = build.layout.rules, build.layout.sizes
    fill = build.number("list-max-listpack-size")
    node_limit = {-1: 4096, -2: 8192, -3: 16384, -4: 32768, -5: 65536}.get(fill, 8192)
    entry_limit = fill if fill > 0 else 1 << 30
    if rules["list_listpack"] and _stays_listpack(shape, node_limit, entry_limit):
        return Value("listpack", (listpack_block("value", float(entries_of(shape).sum()), shape),))
    plain = rules["large_list_element"] == "plain"
    make = _ziplist_nodes if rules.get("compact") == "ziplist" else _list_nodes
    draws = [make(shape, lengths, node_limit, entry_limit, plain) for lengths in key_draws(shape.sizes, shape.n_elem)]
    nodes = np.concatenate(draws)
    parts = [
        block("value", sizes["quicklist"], counted="struct"),
        block("value", sizes["quicklist_node"], len(nodes) / len(draws), "struct"),
        block("fields", nodes, 1 / len(draws)),
    ]
    return Value("quicklist", tuple(parts))


def _stays_listpack(shape: Shape, node_limit: int, entry_limit: int) -> bool:
    """Whether no command finds the listpack's bytes and its own text above the limit (listTypeTryConvertListpack)."""
    if shape.n_elem > entry_limit:
        return False
    entries, lengths = entries_of(shape), shape.sizes.lengths(shape.n_elem)
    held, step = encodings.LISTPACK_FRAME, shape.batch or shape.n_elem
    for start in range(0, shape.n_elem, step):
        if held + int(lengths[start : start + step].sum()) > node_limit:
            return False
        held += int(entries[start : start + step].sum())
    return True


def _list_nodes(
    shape: Shape, lengths: NDArray[np.int64], node_limit: int, entry_limit: int, plain: bool
) -> NDArray[np.int64]:
    """Return the bytes of each quicklist node after appending values of ``lengths`` one by one.

    A node takes a value while its bytes, the value's and 8 of estimated overhead fit (src/quicklist.c,
    _quicklistNodeAllowInsert). ``plain``: a value above the limit gets a node without a listpack.
    """
    entries = shape.sizes.entries(len(lengths), lengths)
    nodes, node, held = [], 0, 0
    for entry, length in zip(entries.tolist(), lengths.tolist(), strict=True):
        if plain and length > node_limit:
            nodes += [node, length] if node else [length]
            node, held = 0, 0
            continue
        if node and (node + length + 8 > node_limit or held >= entry_limit):
            nodes.append(node)
            node, held = 0, 0
        node = (node or encodings.LISTPACK_FRAME) + entry
        held += 1
    return np.array([*nodes, node] if node else nodes, dtype=np.int64)


def _ziplist_nodes(
    shape: Shape, lengths: NDArray[np.int64], node_limit: int, entry_limit: int, plain: bool
) -> NDArray[np.int64]:
    """Return the bytes of each quicklist node of Redis 6.2, where a node is a ziplist (_quicklistNodeAllowInsert)."""
    del plain  # 6.2 knows no plain nodes
    raw = ziplist_raw(shape.sizes, len(lengths)) if shape.sizes.integers else encodings.ziplist_string(lengths)
    nodes, node, held, before = [], 0, 0, 0
    for size, length in zip(raw.tolist(), lengths.tolist(), strict=True):
        overhead = (1 if length < 254 else 5) + (1 if length < 64 else 2 if length < 16384 else 5)
        if node and (node + length + overhead > node_limit or held >= entry_limit):
            nodes.append(node)
            node, held, before = 0, 0, 0
        before = size + (5 if before >= 254 else 1)
        node = (node or encodings.ZIPLIST_FRAME) + before
        held += 1
    return np.array([*nodes, node] if node else nodes, dtype=np.int64)
