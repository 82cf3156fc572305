"""Allocators: how many bytes a request of ``n`` bytes really takes.

``used_memory`` is the sum of the usable sizes of all live blocks, so an allocator is one function: requested bytes to
usable bytes. All functions take and return NumPy arrays.

>>> jemalloc(16)(np.array([1, 21, 33, 100, 1025])).tolist()
[8, 32, 48, 112, 1280]
>>> glibc(np.array([1, 24, 25, 200_000])).tolist()
[24, 24, 40, 200688]
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Usable = Callable[[NDArray[np.int64]], NDArray[np.int64]]

#: Requests up to here are looked up in the table of size classes; above it 4 classes a doubling are computed.
_TABLE_TOP = 1 << 16


@cache
def size_classes(quantum: int, top: int = _TABLE_TOP) -> tuple[int, ...]:
    """Return jemalloc's size classes up to at least ``top`` bytes.

    Source: jemalloc 5.3.0, ``src/sc.c``: 8, then multiples of the quantum up to 4 quanta, then 4 classes a doubling.
    The jemalloc bundled with Redis and Valkey has quantum 8 (``deps/Makefile``, ``--with-lg-quantum=3``), the system
    library that Debian links has quantum 16.
    """
    classes = sorted({8, *(quantum * k for k in (1, 2, 3, 4))})
    base = 4 * quantum
    while classes[-1] < top:
        classes += [base + base // 4 * k for k in (1, 2, 3, 4)]
        base *= 2
    return tuple(classes)


@cache
def jemalloc(quantum: int) -> Usable:
    """Return the usable-size function of jemalloc with ``quantum`` 8 or 16 (bytes)."""
    classes = np.array(size_classes(quantum), dtype=np.int64)

    def usable(requested: NDArray[np.int64]) -> NDArray[np.int64]:
        requested = np.maximum(np.asarray(requested, dtype=np.int64), 1)
        small = classes[np.searchsorted(classes, np.minimum(requested, _TABLE_TOP))]
        # above the table: 4 classes a doubling, the step is a quarter of the power of two below
        power = np.exp2(np.ceil(np.log2(np.maximum(requested, 2))) - 1).astype(np.int64)
        step = np.maximum(power // 4, 1)
        large = -(-requested // step) * step
        return np.where(requested <= _TABLE_TOP, small, large)

    return usable


def glibc(requested: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the usable size of glibc's malloc on 64-bit: 16-byte chunks with an 8-byte header, mapped from 128 KiB.

    Source: glibc 2.36, ``malloc/malloc.c`` (``request2size``, ``DEFAULT_MMAP_THRESHOLD``). Not modelled: a block that
    keeps a 16-byte remainder (0.1 to 2 % of blocks), and the mapping threshold, which grows with what was freed.
    """
    requested = np.asarray(requested, dtype=np.int64)
    heap = np.maximum(((requested + 8 + 15) & ~15) - 8, 24)
    chunk = heap + 8
    mapped = -(-(chunk + 8) // 4096) * 4096 - 16
    return np.asarray(np.where(chunk >= 128 * 1024, mapped, heap), dtype=np.int64)


def by_name(name: str) -> Usable:
    """Return the allocator called ``jemalloc-q8``, ``jemalloc-q16`` or ``libc``; raises ``KeyError``."""
    return {"jemalloc-q8": jemalloc(8), "jemalloc-q16": jemalloc(16), "libc": glibc}[name]


NAMES = ("jemalloc-q8", "jemalloc-q16", "libc")
