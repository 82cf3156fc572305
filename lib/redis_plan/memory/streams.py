"""Streams: a radix tree of listpack nodes, and the radix trees of consumer groups.

Source: ``src/t_stream.c`` (streamAppendItem, streamCreateCG, streamCreateNACK) of Redis 7.0.15.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redis_plan.memory import encodings
from redis_plan.memory.blocks import Block, Counted, Value, block
from redis_plan.memory.compact import key_draws
from redis_plan.memory.layout import Build
from redis_plan.memory.shape import Shape

#: STREAM_LISTPACK_MAX_PRE_ALLOCATE and STREAM_LISTPACK_MAX_SIZE, src/t_stream.c and src/stream.h.
_PREALLOCATED, _LARGEST_NODE = 4096, 1 << 30
#: First id of a predicted stream, in milliseconds; only its distance to the next ids matters.
_EPOCH_MS = 1_760_000_000_000


def stream_value(shape: Shape, build: Build) -> Value:
    """Return the value of a stream of ``n_elem`` entries that share their field names."""
    sizes, inline = build.layout.sizes, build.layout.rules.get("rax_leaf") == "inline"
    node_limit = build.number("stream-node-max-bytes") or _LARGEST_NODE
    entry_limit = build.number("stream-node-max-entries") or 1 << 60
    draws = [
        _nodes(shape, lengths.reshape(shape.n_elem, shape.nfields), node_limit, entry_limit)
        for lengths in key_draws(shape.sizes, shape.n_elem * shape.nfields)
    ]
    last = np.array([max(int(nodes[-1]), min(_PREALLOCATED, node_limit)) for nodes, _ in draws])
    full = np.concatenate([nodes[:-1] for nodes, _ in draws])
    firsts = draws[0][1]
    report = build.layout.rules["report"]
    tree = encodings.rax_bytes([_id(i * shape.step_ms) for i in firsts], inline)
    blocks: list[Block] = [
        block("value", sizes["stream"], counted="struct"),
        block("value", sizes["rax"], counted="tracked"),
        block("value", tree, counted="tracked"),
        block("fields", last, 1 / len(draws), "none" if report == "accounted" else "usable"),
        block("fields", full, 1 / len(draws)),
    ]
    if report == "accounted":
        # the preallocated end of the last node is not in the report
        blocks.append(block("fields", [int(nodes[-1]) for nodes, _ in draws], 1 / len(draws), "phantom"))
    elif str(report).startswith("classic"):
        blocks.append(block("value", _reported_tree(len(firsts), len(tree)), counted="phantom"))
    if shape.groups:
        blocks += _groups(shape, build)
    return Value("stream", tuple(blocks))


def _nodes(
    shape: Shape, length: NDArray[np.int64], node_limit: int, entry_limit: int
) -> tuple[NDArray[np.int64], list[int]]:
    """Return the bytes of each node, and the index of its first entry, after appending entries one by one."""
    integer = encodings.listpack_integer
    values = shape.sizes.entries(length.size, length.ravel()).reshape(length.shape)
    names = shape.names.lengths(shape.nfields)
    raw = (length.sum(axis=1) + int(names.sum())).tolist()
    payload = values.sum(axis=1).tolist()
    offsets = integer(np.arange(shape.n_elem) * shape.step_ms).tolist()
    head = encodings.LISTPACK_FRAME + 6 + int(integer(shape.nfields))
    head += int(encodings.listpack_string(names).sum())
    tail = 4 + int(integer(shape.nfields + 3))
    nodes, firsts, current, held = [], [0], head, 0
    for index in range(shape.n_elem):
        if held and (current + raw[index] >= node_limit or held >= entry_limit):
            nodes.append(current)
            firsts.append(index)
            current, held = head, 0
        current += tail + offsets[index - firsts[-1]] + payload[index]
        held += 1
        if held == 128:
            current += 1  # the node's count no longer fits the one-byte integer
    return np.array([*nodes, current], dtype=np.int64), firsts


def _id(offset_ms: int, sequence: int = 0) -> bytes:
    return (_EPOCH_MS + offset_ms).to_bytes(8, "big") + sequence.to_bytes(8, "big")


def _groups(shape: Shape, build: Build) -> list[Block]:
    """Return the blocks of consumer groups, each with one consumer, called "consumer", that holds ``pending`` entries.

    Leaves are inline in trees of ids alone: names differ in length, and their trees are as they were.
    """
    sizes, rules = build.layout.sizes, build.layout.rules
    inline, classic = rules.get("rax_leaf") == "inline", str(rules["report"]).startswith("classic")
    names = sorted(f"g{number}".encode() for number in range(shape.groups))
    pending = [_id(i * shape.step_ms) for i in range(min(shape.pending, shape.n_elem))]
    each = float(shape.groups)
    tree = encodings.rax_bytes(pending, inline)
    reported = block("groups", _reported_tree(len(pending), len(tree)), each, "phantom")
    blocks = [
        block("groups", sizes["rax"], counted="owned"),
        block("groups", encodings.rax_bytes(names), counted="owned"),
        block("groups", sizes["stream_group"], each, "struct"),
        *_tree(sizes["rax"], tree, each, "tracked"),
        *([reported] if classic else []),
    ]
    if rules.get("pending_by_time"):
        delivered = [b"\1" * 8 + id for id in pending]
        blocks += _tree(sizes["rax"], encodings.rax_bytes(delivered, inline, values=False), each, "owned")
    if not pending:
        return [*blocks, *_tree(sizes["rax"], encodings.rax_bytes([]), each, "owned")]
    if rules.get("pending_references"):
        # from an id to the groups that it is pending in: a list for each id, a list node for each group
        blocks += _tree(sizes["rax"], tree, 1.0, "owned")
        blocks.append(block("groups", sizes["list"], len(pending), "none"))
        blocks.append(block("groups", sizes["list_node"], each * len(pending), "none"))
    named = rules["report"] == "accounted"
    return [
        *blocks,
        *_tree(sizes["rax"], encodings.rax_bytes([b"consumer"]), each, "owned"),
        block("groups", sizes["stream_consumer"], each, "struct"),
        block("groups", encodings.sds(8), each, "sds" if named else "none"),
        block("groups", 0 if named else 8, each, "phantom"),
        *_tree(sizes["rax"], tree, each, "tracked"),
        *([reported] if classic else []),
        block("groups", sizes["stream_nack"], each * len(pending), "struct" if named else "size"),
    ]


def _tree(head: int, nodes: list[int], count: float, counted: Counted) -> list[Block]:
    """Return the blocks of ``count`` radix trees of ``nodes``."""
    return [block("groups", head, count, counted), block("groups", nodes, count, counted)]


def _reported_tree(keys: int, nodes: int) -> int:
    """Return what MEMORY USAGE says of a radix tree: 16 B a key, 4 B and 30 words a node (streamRadixTreeMemoryUsage)."""
    return 16 * keys + nodes * (4 + 30 * 8)
