"""Rehashing: what a ``dict`` looks like while its entries move to a table twice as large.

A value's table moves only when that key is touched, so a hash, set or sorted set can keep both tables for ever. When the old
one goes depends on how versions pick the bucket to move, and on the hash seed, which each process draws: the walk is played with
random hashes, and its mean and share are taken. Keys of one process that hold the same members are all in the same state.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import lru_cache

#: Buckets of the largest table that is played; larger ones behave alike, by the share of entries that came since.
_LARGEST = 2048
#: Empty buckets that one step passes at most (dictRehash, src/dict.c, Redis 7.0.15 to 8.6.3).
_EMPTY_VISITS = 10
#: Steps of each way to add an entry (see :func:`walk`).
_TURNS = {"add": 1, "find-add": 2, "link": 1}


@dataclass(frozen=True, slots=True)
class Walk:
    """By number of entries that came since a full table of ``buckets`` was doubled: is the old one still there, and how many chain.

    ``moving`` is a probability, ``chained`` the mean number of entries behind another one in their bucket, in both tables.
    """

    buckets: int
    moving: tuple[float, ...]
    chained: tuple[float, ...]

    def at(self, late: int, buckets: int) -> tuple[float, float]:
        """Return ``moving`` and ``chained`` for ``late`` entries in a table that had ``buckets``."""
        scale = buckets / self.buckets
        place = late / scale
        low = min(int(place), len(self.moving) - 1)
        high, part = min(low + 1, len(self.moving) - 1), place - int(place)
        moving = self.moving[low] * (1 - part) + self.moving[high] * part
        return moving, (self.chained[low] * (1 - part) + self.chained[high] * part) * scale


@lru_cache(maxsize=64)
def walk(buckets: int, insert: str) -> Walk:
    """Return the walk of a table of ``buckets`` that is full when it is doubled.

    ``insert`` is how the version adds an entry, two words: which bucket a step moves, and where the steps stand.
    ``sequential``: the next one that is not empty (up to 7.2); ``visited``: the entry's own, if it is not empty (7.4 and later).
    ``add``: one step before the entry; ``find-add``: two; ``link``: one, and one more when the table has just been doubled.
    """
    buckets = min(buckets, _LARGEST)
    runs = max(24, 12_000 // buckets)
    rng = random.Random(20261123)
    order, steps = insert.split(" ")
    moving, chained = [0] * (buckets + 1), [0] * (buckets + 1)
    for _ in range(runs):
        _play(buckets, order, steps, rng, moving, chained)
    # the two ends are known exactly, so what chance did to them is taken from what lies between
    first = chained[0] / runs - _chained(buckets, buckets)
    last = chained[-1] / runs - _chained(2 * buckets, 2 * buckets)
    means = []
    for late, count in enumerate(chained):
        moved = min(1.0, late * _TURNS[steps] / (buckets * (1 - math.exp(-1))))
        means.append(count / runs - (1 - moved) * first - moved * last)
    return Walk(buckets, tuple(n / runs for n in moving), tuple(means))


def _chained(entries: int, buckets: int) -> float:
    """Return the expected number of ``entries`` behind another one in ``buckets``."""
    return entries - buckets * -math.expm1(entries * math.log1p(-1 / buckets))


def _play(buckets: int, order: str, steps: str, rng: random.Random, moving: list[int], chained: list[int]) -> None:
    """Play one table from full to twice as full; adds to ``moving`` and ``chained`` by entries since."""
    draw = rng.getrandbits
    bits = buckets.bit_length() - 1
    old, new = [0] * buckets, [0] * (2 * buckets)
    for _ in range(buckets):
        old[draw(bits)] += 1
    left = buckets - old.count(0)  # buckets of the old table that hold something
    used = place = 0
    moving[0] += 1
    chained[0] += buckets - left

    def move(index: int) -> int:
        taken = 0
        for _ in range(old[index]):
            target = index + buckets * draw(1)
            taken += new[target] == 0
            new[target] += 1
        old[index] = 0
        return taken

    for late in range(1, buckets + 1):
        index = draw(bits)
        turns = _TURNS[steps]
        if late == 1:
            turns = 1 if steps == "link" else 0
        for _ in range(turns):
            if not left:
                break
            if order == "visited" and index >= place and old[index]:
                used += move(index)
                left -= 1
                continue
            passed = 0
            while not old[place] and passed < _EMPTY_VISITS:
                place += 1
                passed += 1
            if passed < _EMPTY_VISITS:
                used += move(place)
                left -= 1
                place += 1
        target = index + buckets * draw(1)
        used += new[target] == 0
        new[target] += 1
        moving[late] += left > 0
        chained[late] += buckets + late - left - used
