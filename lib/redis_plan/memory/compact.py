"""Compact values: listpacks and, up to Redis 6.2, ziplists; their bytes where all keys are alike, and spread where sizes vary."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redis_plan.memory import encodings
from redis_plan.memory.blocks import Block, block
from redis_plan.memory.layout import Build
from redis_plan.memory.shape import Shape, Sizes

#: Above this many possible sums of a listpack's entries, their sum is taken to be normal.
_LARGEST_SUM = 1 << 17
#: A sum that is less likely is left out.
_UNLIKELY = 1e-9


def encoding_name(build: Build) -> str:
    """Return what the version calls the compact encoding: listpack, or ziplist up to 6.2."""
    return str(build.layout.rules.get("compact", "listpack"))


def listpack_block(part: str, entry_bytes: float, shape: Shape | None = None, variance: float = 0.0) -> Block:
    """Return one listpack of ``entry_bytes`` on average; sizes that vary among keys spread it over size classes."""
    mean = encodings.LISTPACK_FRAME + entry_bytes
    if shape is not None and shape.sizes.varies:
        lengths, share = shape.sizes.spread()
        entries = encodings.listpack_string(lengths)
        fixed = mean - float(entries_of(shape).sum())
        if (int(entries[-1] - entries[0]) + 1) * shape.n_elem <= _LARGEST_SUM:
            sums, chance = _sum_of(entries, share, shape.n_elem)
            return block(part, np.rint(fixed + sums), chance, counted="compact")
        average = float((entries * share).sum())
        mean, variance = fixed + average * shape.n_elem, float(((entries - average) ** 2 * share).sum()) * shape.n_elem
    if variance < 1:
        return block(part, round(mean), counted="compact")
    points = np.linspace(-4.5, 4.5, 1801)
    normal = np.exp(-(points**2) / 2)
    return block(part, np.rint(mean + points * np.sqrt(variance)), normal / normal.sum(), counted="compact")


def _sum_of(
    entries: NDArray[np.int64], share: NDArray[np.float64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the sums that ``count`` independent entries can make, and how likely each is."""
    low = int(entries.min())
    one = np.zeros(int(entries.max()) - low + 1)
    np.add.at(one, entries - low, share)
    length = (len(one) - 1) * count + 1
    chance = np.fft.irfft(np.fft.rfft(one, 2 * length) ** count, 2 * length)[:length]
    likely = chance > _UNLIKELY
    return (low * count + np.arange(length))[likely], chance[likely] / chance[likely].sum()


def compact(build: Build, *columns: tuple[Sizes, int]) -> float:
    """Return the bytes of a listpack's entries, or a ziplist's and what its frame has more: each column gives every element one.

    A column is sizes and a count; a ziplist's entries know the length of the one before, so their order counts.
    """
    if build.layout.rules.get("compact") != "ziplist":
        return float(sum(sizes.entries(count).sum() for sizes, count in columns))
    raw = np.stack([ziplist_raw(sizes, count) for sizes, count in columns], axis=1).ravel()
    return ziplist(raw)


def ziplist(raw: NDArray[np.int64]) -> float:
    """Return the bytes of a ziplist's entries, ``raw`` without the lengths of those before, and what its frame has more."""
    extra = encodings.ZIPLIST_FRAME - encodings.LISTPACK_FRAME
    return float(encodings.ziplist_entries(raw).sum() + extra)


def ziplist_raw(sizes: Sizes, count: int) -> NDArray[np.int64]:
    """Return the bytes of ``count`` ziplist entries without the length of the one before."""
    if sizes.integers:
        return encodings.ziplist_integer(sizes.values(count))
    return encodings.ziplist_string(sizes.lengths(count))


def entries_of(shape: Shape) -> NDArray[np.int64]:
    """Return the listpack bytes of each element's value."""
    return shape.sizes.entries(shape.n_elem)


def key_draws(sizes: Sizes, count: int) -> list[NDArray[np.int64]]:
    """Return the value sizes of one key, or of a sample of keys where sizes vary (seeded: the same at each call)."""
    if not sizes.varies:
        return [sizes.lengths(count)]
    draws = max(8, min(400, 40_000 // count))
    low, high = sizes.bounds
    # evenly spread over all draws, in random order: the mean is that of the range, to the byte
    spread = low + ((np.arange(draws * count) + 0.5) * (high - low + 1) / (draws * count)).astype(np.int64)
    np.random.default_rng(20261123).shuffle(spread)
    return list(spread.reshape(draws, count))
