"""MEMORY USAGE: what the server would report for one key, which is not what the key costs.

The report leaves out the keyspace's tables and the TTL's entry. Up to Redis 8.2 it rounds no fixed struct and guesses the radix
trees of streams; Redis 8.4 and later add up what they have kept account of, and count listpacks without what they were given
beyond their need; Valkey 9.1 asks the allocator. Sources: ``src/object.c`` (objectComputeSize, kvobjAllocSize, memoryCommand).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redis_plan.memory import model
from redis_plan.memory.layout import Build
from redis_plan.memory.shape import Shape

#: By report and kind of block: the request ("size"), what it takes ("usable"), nothing (""), or a string's own account ("sds").
_SEEN = {
    "classic-6": {
        "usable": "usable", "compact": "size", "size": "size", "struct": "size", "node": "usable", "sds": "usable",
        "phantom": "size",
    },
    "classic": {
        "usable": "usable", "compact": "usable", "size": "size", "struct": "size", "node": "usable", "sds": "usable",
        "phantom": "size",
    },
    "allocated": {
        "usable": "usable", "compact": "usable", "size": "size", "struct": "size", "node": "usable", "sds": "usable",
        "tracked": "usable", "phantom": "size",
    },
    "accounted": {
        "usable": "size", "compact": "size", "size": "size", "struct": "usable", "node": "usable", "sds": "sds",
        "tracked": "usable", "owned": "usable", "phantom": "size",
    },
}  # fmt: skip

#: A string of fewer bytes (header and zero included) has no field for what it was given (SDS_TYPE_5, src/sds.h, Redis 7.0.15).
_ACCOUNTED_SDS = 36


def memory_usage(shape: Shape, build: Build) -> float:
    """Return the mean of ``MEMORY USAGE key SAMPLES 0`` over keys of ``shape``, in bytes."""
    _, blocks = model.key_blocks(shape, build)
    seen = _SEEN[str(build.layout.rules["report"])]
    total = 0.0
    for item in blocks:
        how = seen.get(item.counted, "")
        if not how:
            continue
        sizes = item.size if how == "size" else build.usable(item.size)
        if how == "sds":
            sizes = np.where(item.size >= _ACCOUNTED_SDS, sizes, item.size)
        total += _sum(sizes, item.count)
    return total


def _sum(sizes: NDArray[np.int64], count: NDArray[np.float64]) -> float:
    return float((sizes * count).sum())
