"""Indexes of what expires: the structures that find fields by their deadline, beside the fields themselves."""

from __future__ import annotations

from redis_plan.memory import encodings, tables
from redis_plan.memory.blocks import Block, block
from redis_plan.memory.layout import Build


def volatile_set(items: int, build: Build) -> list[Block]:
    """Return Valkey's index of ``items`` fields that expire at one time.

    One is only a pointer, up to 127 are a vector of pointers, more are a hash table in a radix tree, because a window of
    16 ms that holds them all can't be split (src/vset.c, Valkey 9.1, VOLATILESET_VECTOR_BUCKET_MAX_SIZE).
    """
    if items <= 1:
        return []
    if items <= 127:
        return [block("expires", 8 + 8 * items, counted="tracked")]
    sizes = build.layout.sizes
    table = tables.hashtable_after(items)
    parts = [
        block("expires", [sizes["rax"], sizes["hashtable"], *encodings.rax_bytes([b"\1" * 8])], counted="tracked"),
        block("expires", table.size * tables.BUCKET_BYTES, counted="tracked"),
        block("expires", tables.BUCKET_BYTES, table.children, counted="tracked"),
    ]
    if table.old:
        parts.append(block("expires", table.old * tables.BUCKET_BYTES, table.rehashing, "tracked"))
    return parts


def ebuckets(items: int, build: Build) -> list[Block]:
    """Return the index of ``items`` that expire at one time: none up to 16, then a radix tree of segments of 16.

    Source: ``src/ebuckets.c`` of Redis 7.4.1 (EB_LIST_MAX_ITEMS, EB_SEG_MAX_ITEMS, FirstSegHdr, NextSegHdr).
    """
    if items <= 16:
        return []
    sizes = build.layout.sizes
    return [
        block(
            "expires", [sizes["rax"] + 8, sizes["ebuckets_first"], *encodings.rax_bytes([b"\1" * 6])], counted="none"
        ),
        block("expires", sizes["ebuckets_next"], -(-items // 16) - 1, counted="none"),
    ]
