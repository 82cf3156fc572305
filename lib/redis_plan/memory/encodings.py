"""Encodings: bytes of the building blocks that versions share: SDS strings, listpacks and ziplists, intsets, radix trees.

Sources: ``src/sds.c`` (sdsReqType, sdsHdrSize), ``src/listpack.c`` (lpEncodeGetType, lpEncodeBacklen),
``src/intset.c``, ``src/rax.c`` (raxNodeCurrentLength) of Redis 7.0.15; unchanged up to Redis 8 and Valkey 9.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

#: Header (4 B total bytes, 2 B count) and end byte of a listpack.
LISTPACK_FRAME = 7
#: Header (4 B total bytes, 4 B tail, 2 B count) and end byte of a ziplist (``src/ziplist.c``, Redis 6.2.16).
ZIPLIST_FRAME = 11
#: Fixed part of an intset: encoding and length.
INTSET_HEADER = 8


def sds(length: Integers | int, header_at_least: int = 0) -> Integers:
    """Return the bytes requested for an SDS string: header, text, terminating zero.

    The empty string uses the 3-byte header, because it is likely to grow.
    """
    length = np.asarray(length, dtype=np.int64)
    header = np.select([length == 0, length < 32, length < 256, length < 65536], [3, 1, 3, 5], 9)
    return np.asarray(np.maximum(header, header_at_least) + length + 1, dtype=np.int64)


def listpack_string(length: Integers | int) -> Integers:
    """Return the bytes of a listpack entry that holds text of ``length`` bytes."""
    length = np.asarray(length, dtype=np.int64)
    encoded = length + np.select([length < 64, length < 4096], [1, 2], 5)
    return np.asarray(encoded + backlen(encoded), dtype=np.int64)


def listpack_integer(value: Integers | int) -> Integers:
    """Return the bytes of a listpack entry that holds the integer ``value``."""
    value = np.asarray(value, dtype=np.int64)
    encoded = np.select(
        [
            (value >= 0) & (value <= 127),
            (value >= -4096) & (value <= 4095),
            (value >= -32768) & (value <= 32767),
            (value >= -8_388_608) & (value <= 8_388_607),
            (value >= -2_147_483_648) & (value <= 2_147_483_647),
        ],
        [1, 2, 3, 4, 5],
        9,
    )
    return encoded + 1


def ziplist_string(length: Integers | int) -> Integers:
    """Return the bytes of a ziplist entry that holds text of ``length`` bytes, without the length of the one before."""
    length = np.asarray(length, dtype=np.int64)
    return np.asarray(length + np.select([length < 64, length < 16384], [1, 2], 5), dtype=np.int64)


def mstr(length: Integers | int) -> Integers:
    """Return the request for a hash field's name of ``length`` bytes (mstr, src/mstr.h, Redis 7.4 to 8.4), without metadata.

    The headers are those of an SDS but for names of 256 B and more, whose header takes 3 B and not 5.
    """
    length = np.asarray(length, dtype=np.int64)
    return np.asarray(length + 1 + np.select([length < 32, length < 65536], [1, 3], 9), dtype=np.int64)


#: Bytes of the flags before the metadata of an mstr (mstrFlags, src/mstr.h, Redis 7.4.1).
MSTR_FLAGS = 2


def ziplist_integer(value: Integers | int) -> Integers:
    """Return the bytes of a ziplist entry that holds the integer ``value``, without the length of the one before."""
    value = np.asarray(value, dtype=np.int64)
    steps = [(value >= 0) & (value <= 12)]
    steps += [(value >= -(1 << bits)) & (value < 1 << bits) for bits in (7, 15, 23, 31)]
    return np.asarray(np.select(steps, [1, 2, 3, 4, 5], 9), dtype=np.int64)


def ziplist_entries(raw: Integers) -> Integers:
    """Return the bytes of ziplist entries in their order: each starts with the length of the one before, in 1 or 5 bytes."""
    whole, before = [], 0
    for size in raw.tolist():
        before = size + (5 if before >= 254 else 1)
        whole.append(before)
    return np.array(whole, dtype=np.int64)


def backlen(encoded: Integers) -> Integers:
    """Return the bytes of an entry's back length."""
    return np.select([encoded <= 127, encoded < 16383, encoded < 2097151], [1, 2, 3], 4)


def rax_bytes(keys: Sequence[bytes], inline_leaves: bool = False, values: bool = True) -> list[int]:
    """Return the bytes requested for each node of a radix tree that holds ``keys`` (sorted, distinct), head included.

    A node takes 4 bytes, its characters padded so that the pointers behind them are aligned, a pointer a child (one
    for a compressed run), and 8 for a value (``values``). ``inline_leaves``: a leaf's value stands in its parent (Redis 8.10).
    """
    nodes: list[int] = []

    def node(size: int, children: int, value: bool) -> None:
        pad = -(4 + size) % 8
        nodes.append(4 + size + pad + 8 * children + (8 if value and values else 0))

    def walk(low: int, high: int, depth: int) -> None:
        ends_here = len(keys[low]) == depth
        value = ends_here
        if ends_here and high - low == 1:
            if not inline_leaves:
                node(0, 0, value)
            return
        first, last = keys[low + ends_here], keys[high - 1]
        run = depth
        while run < len(first) and run < len(last) and first[run] == last[run]:
            run += 1
        if run - depth > 1 or (run - depth == 1 and run == len(first)):
            # a common run: one compressed node (a run of one character is an ordinary node with one child)
            node(run - depth, 1, value)
            walk(low + ends_here, high, run)
            return
        if run - depth == 1:
            node(1, 1, value)
            walk(low + ends_here, high, run)
            return
        starts = [low + ends_here]
        for index in range(low + ends_here + 1, high):
            if keys[index][depth] != keys[index - 1][depth]:
                starts.append(index)
        node(len(starts), len(starts), value)
        for start, stop in zip(starts, [*starts[1:], high], strict=True):
            walk(start, stop, depth + 1)

    if not keys:
        return [8]  # an empty head: raxNewNode(0, 0) asks for 4 bytes and 4 of padding
    walk(0, len(keys), 0)
    return nodes
