"""Latency histograms with three significant digits from a nanosecond to an hour, merged and kept as text.

The layout and the text are those of HdrHistogram (V2, compressed, base64), so that its viewers read what a run kept:
http://hdrhistogram.org, ``AbstractHistogram.java`` and ``EncodableHistogram.java`` of HdrHistogram 2.2. The package of
that name has no wheels for Linux on ARM, and an environment of ours must not need a compiler.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DIGITS = 3
LONGEST_S = 3600.0
_HIGHEST = int(LONGEST_S * 1e9)
_HALF_BITS = 10  # 2 × 10³ rounded up to a power of two is 2¹¹; each doubling after that adds half as many counters
_HALF = 1 << _HALF_BITS
_SIZE = (_HIGHEST.bit_length() - _HALF_BITS + 1) * _HALF
_PLAIN, _PACKED = 0x1C849303 | 0x10, 0x1C849304 | 0x10
_HEAD = struct.Struct(">iiiiqqd")


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts of durations. Durations go in and come out in seconds; a percentile is exact to 0.1 %."""

    counts: NDArray[np.int64]

    @property
    def count(self) -> int:
        """Number of durations."""
        return int(self.counts.sum())

    @property
    def max_s(self) -> float:
        """The longest, within 0.1 %; 0 without any."""
        return self.percentile(100) if self.count else 0.0

    def percentile(self, q: float) -> float:
        """Return the ``q``-th percentile (0–100) in seconds; raises ``ValueError`` without durations."""
        total = self.count
        if not total:
            raise ValueError("no durations")
        rank = max(1, int(np.ceil(q / 100 * total - 1e-9)))
        index = int(np.searchsorted(np.cumsum(self.counts), rank))
        return _highest(index) / 1e9

    def mean(self) -> float:
        """Return the mean in seconds, from the middle of each counter's range; raises ``ValueError`` without durations."""
        if not (total := self.count):
            raise ValueError("no durations")
        used = np.flatnonzero(self.counts)
        middle = np.array([(_lowest(int(i)) + _highest(int(i))) / 2 for i in used])
        return float((middle * self.counts[used]).sum() / total / 1e9)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and bool(np.array_equal(self.counts, other.counts))

    __hash__ = None  # type: ignore[assignment]  # counts are compared, and arrays have no hash

    def __add__(self, other: Histogram) -> Histogram:
        """Return both together."""
        return Histogram(self.counts + other.counts)

    def encode(self) -> str:
        """Return the histogram as text that HdrHistogram's tools read."""
        payload = b"".join(_numbers(self.counts))
        head = _HEAD.pack(_PLAIN, len(payload), 0, DIGITS, 1, _HIGHEST, 1.0)
        packed = zlib.compress(head + payload)
        return base64.b64encode(struct.pack(">ii", _PACKED, len(packed)) + packed).decode()


def of(seconds: ArrayLike) -> Histogram:
    """Count durations in seconds; raises ``ValueError`` for a negative one, one of more than an hour, and NaN."""
    values = np.asarray(seconds, dtype=float).ravel()
    if values.size and not (values.min() >= 0 and values.max() <= LONGEST_S):
        raise ValueError(f"durations from 0 to {LONGEST_S:g} s are counted, not {values.min()} … {values.max()}")
    nanoseconds = np.rint(values * 1e9).astype(np.int64)
    bucket = np.frexp((nanoseconds | (2 * _HALF - 1)).astype(float))[1] - (_HALF_BITS + 1)
    index = (bucket.astype(np.int64) << _HALF_BITS) + (nanoseconds >> bucket)
    return Histogram(np.bincount(index, minlength=_SIZE).astype(np.int64))


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """Return all of them together; an empty one where there are none."""
    total = np.zeros(_SIZE, dtype=np.int64)
    for each in histograms:
        total += each.counts
    return Histogram(total)


def decode(text: str) -> Histogram:
    """Return the histogram that ``encode`` wrote; raises ``ValueError`` for any other text or another resolution."""
    try:
        outer = base64.b64decode(text, validate=True)
        cookie, length = struct.unpack_from(">ii", outer)
        if cookie != _PACKED:
            raise ValueError("no compressed V2 histogram")
        inner = zlib.decompress(outer[8 : 8 + length])
        cookie, length, offset, digits, lowest, highest, _ = _HEAD.unpack_from(inner)
    except (struct.error, zlib.error) as error:
        raise ValueError(f"no histogram: {error}") from None
    if (cookie, offset, digits, lowest) != (_PLAIN, 0, DIGITS, 1) or highest > _HIGHEST:
        raise ValueError(f"a histogram of another resolution: {digits} digits, {lowest} to {highest} ns")
    return Histogram(_counts(inner[_HEAD.size : _HEAD.size + length]))


def _lowest(index: int) -> int:
    bucket = max(0, (index >> _HALF_BITS) - 1)
    return (index - (bucket << _HALF_BITS)) << bucket


def _highest(index: int) -> int:
    return _lowest(index) + (1 << max(0, (index >> _HALF_BITS) - 1)) - 1


def _numbers(counts: NDArray[np.int64]) -> Iterable[bytes]:
    """Yield counts as ZigZag LEB128; a run of zeros is one negative number."""
    before = -1
    for index in np.flatnonzero(counts):
        if (zeros := int(index) - before - 1) > 0:
            yield _zigzag(-zeros)
        yield _zigzag(int(counts[index]))
        before = int(index)


def _zigzag(number: int) -> bytes:
    value = (number << 1) ^ (number >> 63)
    out = bytearray()
    while value >= 0x80 and len(out) < 8:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)  # a ninth byte carries eight bits
    return bytes(out)


def _counts(payload: bytes) -> NDArray[np.int64]:
    counts = np.zeros(_SIZE, dtype=np.int64)
    index = place = 0
    while place < len(payload):
        value = shift = 0
        for n in range(9):
            byte = payload[place]
            place += 1
            value |= (byte if n == 8 else byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        number = (value >> 1) ^ -(value & 1)
        if number < 0:
            index -= number
        else:
            counts[index] = number
            index += 1
    return counts
