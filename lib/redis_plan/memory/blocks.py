"""Blocks: the requests to the allocator that a key is made of, and how MEMORY USAGE sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from redis_plan.memory.tables import Table

Counted = Literal["usable", "size", "struct", "node", "sds", "compact", "tracked", "owned", "none", "phantom"]


@dataclass(frozen=True, slots=True)
class Block:
    """Requests of ``size`` bytes, each made ``count`` times a key; both may be arrays of one length.

    ``counted`` says how MEMORY USAGE sees them, which :mod:`redis_plan.memory.reported` spells out by version: "usable" (a block
    that holds a value), "size" (by ``sizeof``), "struct", "node" (skiplist), "sds", "compact" (a listpack, ziplist or intset), "tracked" (a radix tree: only where
    trees are asked), "owned" (only where the server keeps account of all its blocks), "none", or "phantom": something that is reported and does not exist.
    """

    part: str
    size: NDArray[np.int64]
    count: NDArray[np.float64]
    counted: Counted = "usable"


def block(part: str, size: object, count: object = 1.0, counted: Counted = "usable") -> Block:
    """Return a block; ``size`` and ``count`` may be numbers or arrays."""
    sizes = np.atleast_1d(np.asarray(size, dtype=np.int64))
    counts = np.broadcast_to(np.asarray(count, dtype=np.float64), sizes.shape)
    return Block(part, sizes, np.array(counts), counted)


@dataclass(frozen=True, slots=True)
class Value:
    """The encoding of a value, its blocks, and its hash table if it has one."""

    encoding: str
    blocks: tuple[Block, ...]
    table: Table | None = None
