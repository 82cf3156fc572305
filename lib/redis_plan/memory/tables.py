"""Hash tables: how large they are after n inserts, and whether the old table is still there.

Two designs: ``dict`` (Redis; Valkey up to 8.0): an array of 8-byte buckets, doubled when there are as many entries as
buckets, moved one non-empty bucket at a time; ``hashtable`` (Valkey from 8.1): 64-byte buckets of 7 entries with
chained child buckets, doubled when full, moved one bucket at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from redis_plan.memory import rehash

DICT_SMALLEST = 4  # DICT_HT_INITIAL_SIZE, src/dict.h, Redis 7.0.15
SLOTS = 16_384  # CLUSTER_SLOTS, src/cluster.h, Redis 7.0.15
BUCKET_ENTRIES = 7  # ENTRIES_PER_BUCKET, src/hashtable.c, Valkey 9.1
BUCKET_BYTES = 64  # HASHTABLE_BUCKET_SIZE, src/hashtable.h, Valkey 9.1


@dataclass(frozen=True, slots=True)
class Table:
    """A table after loading: ``size`` buckets, and ``old`` buckets with probability ``rehashing``.

    ``children`` is the expected number of child buckets (hashtable) or of entries behind another one (dict).
    """

    size: int
    old: int = 0
    rehashing: float = 0.0
    children: float = 0.0


@lru_cache(maxsize=512)
def slots_by_keys(keys: int) -> tuple[tuple[int, float], ...]:
    """Return how many of the 16,384 slots are expected to hold 1, 2, 3 … of ``keys`` keys whose names fall evenly."""
    mean = keys / SLOTS
    first, last = max(1, int(mean - 8 * math.sqrt(mean))), int(mean + 8 * math.sqrt(mean) + 12)
    chances = [math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(first, last)]
    return tuple((n, SLOTS * chance) for n, chance in enumerate(chances, start=first) if chance > 1e-12)


def power_at_least(size: int, smallest: int = DICT_SMALLEST) -> int:
    """Return the smallest power of two that is at least ``size`` (and ``smallest``)."""
    return max(smallest, 1 << max(0, math.ceil(size) - 1).bit_length())


@lru_cache(maxsize=8192)
def dict_after(entries: int, presized: int = 0, insert: str = "sequential add") -> Table:
    """Return the table of a ``dict`` value after ``entries`` inserts.

    ``presized`` is the number of entries it was made for, ``insert`` how the version adds one (see :func:`rehash.walk`).
    ``children`` of the table are the entries that share a bucket: the only ones that some tables need an entry for.
    """
    size = power_at_least(presized) if presized else DICT_SMALLEST
    start = size
    while size < entries:
        size *= 2
    old = size // 2
    if size == start or old < start:
        return settled(size, entries)
    moving, chained = rehash.walk(old, insert).at(entries - old, old)
    return Table(size, old, moving, chained)


def settled(size: int, entries: int) -> Table:
    """Return the table of a ``dict`` of ``size`` buckets that has no old one."""
    return Table(size, children=dict_expected_chained(entries, size))


def dict_expected_chained(entries: float, buckets: int) -> float:
    """Return how many of ``entries`` keys share a bucket with another one that came first."""
    if entries <= 0:
        return 0.0
    return entries - buckets * -math.expm1(entries * math.log1p(-1 / buckets)) if buckets > 1 else entries - 1


def hashtable_buckets(capacity: int) -> int:
    """Return the buckets of a ``hashtable`` made for ``capacity`` entries (nextBucketExp: 5 buckets per 32 entries)."""
    needed = (capacity * 5 - 1) // 32 + 1 if capacity > 0 else 1
    return power_at_least(needed, smallest=1)


@lru_cache(maxsize=4096)
def hashtable_children(entries: float, buckets: int) -> float:
    """Return the expected number of child buckets: a chain of c of them holds 7 + 6 c entries."""
    if entries <= 0:
        return 0.0
    mean = entries / buckets
    if buckets == 1:
        return float(max(0, -(-(int(entries) - BUCKET_ENTRIES) // 6)))
    top = int(mean + 12 * math.sqrt(mean) + 30)
    # binomial(entries, 1 / buckets), by its recurrence from zero
    n, p = entries, 1 / buckets
    probability = math.exp(n * math.log1p(-p))
    above = 1.0 - probability
    children = 0.0
    for j in range(1, top):
        probability *= max(n - j + 1, 0.0) / j * p / (1 - p)
        above -= probability
        if (j - BUCKET_ENTRIES) % 6 == 0 and j >= BUCKET_ENTRIES:
            children += max(above, 0.0)
    return children * buckets


@lru_cache(maxsize=4096)
def hashtable_after(entries: int, presized: int = 0, steps_per_insert: int = 1, settled: bool = False) -> Table:
    """Return the table of a ``hashtable`` after ``entries`` inserts.

    Each insert while rehashing moves ``steps_per_insert`` buckets, empty or not, so the state is certain. ``settled``:
    the server's cron has finished moving (the keyspace's own tables).
    """
    buckets = hashtable_buckets(presized) if presized else 1
    start = buckets
    while buckets * BUCKET_ENTRIES < entries:
        # doubling asks for one entry more than fits now; 5/32 rounds it up to the next power of two
        buckets = hashtable_buckets(buckets * BUCKET_ENTRIES + 1)
    old = buckets // 2
    moved = steps_per_insert * (entries - old * BUCKET_ENTRIES - 1)
    if settled or buckets == start or old < start or moved >= old:
        return Table(buckets, children=hashtable_children(entries, buckets))
    remain = 1 - max(moved, 0) / old
    before = hashtable_children(old * BUCKET_ENTRIES, old) * remain
    return Table(buckets, old, 1.0, before + _children_while_moving(entries, buckets, old, remain))


def _children_while_moving(entries: int, buckets: int, old: int, remain: float) -> float:
    """Return the expected child buckets of the new table while a share ``remain`` of the old one is not yet moved."""
    late = entries - old * BUCKET_ENTRIES
    # the moved half of the key space has its full load, the rest only what came since
    full = hashtable_children(entries, buckets) * (1 - remain)
    fresh = hashtable_children(late, buckets) * remain if late else 0.0
    return full + fresh
