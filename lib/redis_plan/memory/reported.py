"""MEMORY USAGE: what the server would report for one key, which is not what the key costs.

Source: ``src/object.c`` (objectComputeSize, memoryCommand) of Redis 7.0.15 to 7.4.1 and Valkey 9.1. The report leaves out
the keyspace's tables and the TTL's entry, rounds no fixed struct, and (up to 7.4) guesses the radix trees of streams.
"""

from __future__ import annotations

import numpy as np

from redis_plan.memory import model
from redis_plan.memory.layout import Build
from redis_plan.memory.shape import Shape


def memory_usage(shape: Shape, build: Build) -> float:
    """Return the mean of ``MEMORY USAGE key SAMPLES 0`` over keys of ``shape``, in bytes."""
    _, blocks = model.key_blocks(shape, build)
    usable, report = build.usable, build.layout.rules["report"]
    total = 0.0
    for item in blocks:
        if item.counted == "none" or (item.counted == "index" and report == "classic"):
            continue
        sizes = usable(item.size) if item.counted in ("usable", "sds", "index") else item.size
        if report == "requested" and item.counted in ("usable", "index"):
            sizes = item.size
        elif report == "requested" and item.counted == "sds":
            # a string of 32 B or more keeps in its header what the allocator gave it
            sizes = np.where(item.size >= 36, sizes, item.size)
        total += float((sizes * item.count).sum())
    return total
