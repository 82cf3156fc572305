"""A shape: many keys of one kind, declared by sizes and counts, with no data and no server.

>>> Shape("hash", key_len=32, n_elem=12, fsize="8", vsize="20", n_keys=1000).sizes.mean
20.0
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from redis_plan.errors import InputError
from redis_plan.memory import encodings

ValueType = Literal["string", "hash", "list", "set", "zset", "stream"]
Score = Literal["", "idx", "ts", "half", "big", "rand17"]

#: Largest string of Redis (proto-max-bulk-len, 512 MB).
LARGEST_BYTES = 512 * 1024 * 1024
#: Keys of a server, and elements of a key, that are still predicted.
MOST_KEYS, MOST = 1 << 40, 50_000_000

#: Ranges of the integer classes and the bytes of their listpack entry (encoding and back length).
INTEGERS: Mapping[str, tuple[int, int, int]] = {
    "int7": (0, 127, 2),
    "int13": (128, 4095, 3),
    "int16": (5000, 32767, 4),
    "int24": (40_000, 8_388_607, 5),
    "int32": (9_000_000, 2_147_483_647, 6),
    "int64": (3_000_000_000, 9_000_000_000_000_000_000, 10),
    "shared": (0, 9999, 3),
}


@dataclass(frozen=True)
class Sizes:
    """The sizes of many values, declared by a short text.

    ``"20"``: all alike. ``"uni:8:40"``: evenly spread. ``"int32"``: decimal integers of that many bits.
    ``"each:16,i6,12"``: one after the other, again and again; ``i6`` is a decimal integer of 6 digits.
    """

    text: str

    @classmethod
    def parse(cls, text: str | int) -> Sizes:
        """Return the sizes that ``text`` declares; raises :class:`InputError`."""
        text = str(text).strip() or "0"
        sizes = cls(text)
        try:
            low, high = sizes.bounds
        except ValueError:
            raise InputError(
                f"size {text!r} is not a number of bytes, uni:low:high, each:a,b,… or one of {', '.join(INTEGERS)}"
            ) from None
        if not 0 <= low <= high <= LARGEST_BYTES:
            raise InputError(f"size {text!r} must lie between 0 B and 512 MB, low end first")
        return sizes

    @property
    def integers(self) -> bool:
        """Whether all values are decimal integers, which servers store in binary."""
        return self.text in INTEGERS

    @property
    def _items(self) -> tuple[str, ...]:
        return tuple(self.text[5:].split(",")) if self.text.startswith("each:") else ()

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest size in bytes as text."""
        if self.integers:
            low, high, _ = INTEGERS[self.text]
            return len(str(low)), len(str(high))
        if self._items:
            lengths = [int(item.removeprefix("i")) for item in self._items]
            return min(lengths), max(lengths)
        if self.text.startswith("uni:"):
            _, low_text, high_text = self.text.split(":")
            return int(low_text), int(high_text)
        return int(self.text), int(self.text)

    @property
    def mean(self) -> float:
        """The mean size in bytes as text."""
        if self._items:
            return float(self.lengths(len(self._items)).mean())
        low, high = self.bounds
        return (low + high) / 2

    def lengths(self, count: int) -> NDArray[np.int64]:
        """Return the sizes in bytes, as text, of ``count`` values."""
        if self._items:
            lengths = np.array([int(item.removeprefix("i")) for item in self._items], dtype=np.int64)
            return np.resize(lengths, count)
        low, high = self.bounds
        if self.integers:
            first, last, _ = INTEGERS[self.text]
            spread = first + (np.arange(count) + 0.5) / count * (last - first)
            return np.floor(np.log10(np.maximum(spread, 1))).astype(np.int64) + 1
        if low == high:
            return np.full(count, high, dtype=np.int64)
        return low + ((np.arange(count) + 0.5) * (high - low + 1) / count).astype(np.int64)

    def entries(self, count: int, lengths: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Return the bytes of each value's listpack entry; ``lengths`` replaces the sizes where given."""
        if self.integers:
            return np.full(count, INTEGERS[self.text][2], dtype=np.int64)
        entries = encodings.listpack_string(self.lengths(count) if lengths is None else lengths)
        if self._items:
            number = np.resize(np.array([item.startswith("i") for item in self._items]), count)
            typical = 5 * 10 ** (np.minimum(self.lengths(count), 18) - 1)
            entries = np.where(number, encodings.listpack_integer(typical), entries)
        return entries

    def values(self, count: int) -> NDArray[np.int64]:
        """Return ``count`` integers evenly spread over the class; only for sizes that are :attr:`integers`."""
        first, last, _ = INTEGERS[self.text]
        step = max(1, (last - first) // max(count, 1))
        return first + np.arange(count, dtype=np.int64) * step % (last - first + 1)

    @property
    def varies(self) -> bool:
        """Whether the values of two keys differ in size."""
        return self.text.startswith("uni:") and self.bounds[0] != self.bounds[1]

    def within(self, largest: int) -> float:
        """Return the share of values of at most ``largest`` bytes."""
        low, high = self.bounds
        return min(1.0, max(0.0, (largest - low + 1) / (high - low + 1)))

    def spread(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the distinct sizes and the share of values that have each."""
        low, high = self.bounds
        if self.varies:
            sizes = np.arange(low, high + 1, dtype=np.int64)
            return sizes, np.full(len(sizes), 1 / len(sizes))
        sizes, counts = np.unique(self.lengths(max(1, len(self._items))), return_counts=True)
        return sizes, counts / counts.sum()


@lru_cache(maxsize=4096)
def _sizes(text: str) -> Sizes:
    return Sizes.parse(text)


@dataclass(frozen=True, slots=True)
class Shape:
    """``n_keys`` keys of one type. Sizes in bytes; the names are the columns of a declaration table.

    ``fsize`` is the size of a hash or stream field's name or of a sorted set's member; ``vsize`` that of a value, set
    member or list element. ``batch`` is the number of elements a command (0: all in one), which decides how large a
    table is made; ``ttl`` and ``hfe`` say whether every key, and every hash field, expires.
    ``alike``: all keys have the same members, so that their tables are in one state and not in a mixture of states.
    """

    type: ValueType
    key_len: int
    n_elem: int = 1
    fsize: str = "0"
    vsize: str = "0"
    nfields: int = 1
    score: Score = ""
    step_ms: int = 1
    groups: int = 0
    pending: int = 0
    batch: int = 0
    load: str = "pipe"
    ttl: bool = False
    hfe: bool = False
    n_keys: int = 1
    alike: bool = False

    @property
    def sizes(self) -> Sizes:
        """The sizes of the values."""
        return _sizes(self.vsize)

    @property
    def names(self) -> Sizes:
        """The sizes of the field names, or of a sorted set's members."""
        return _sizes(self.fsize)

    def check(self) -> Shape:
        """Return this shape; raises :class:`InputError` naming the first impossible column."""
        if self.type not in get_args(ValueType):
            raise InputError(f"type {self.type!r} is unknown; known: {', '.join(get_args(ValueType))}")
        if self.score not in get_args(Score):
            raise InputError(f"score {self.score!r} is unknown; known: {', '.join(get_args(Score)[1:])}")
        for name in ("key_len", "groups", "pending", "batch", "n_keys", "step_ms"):
            value = getattr(self, name)
            if value < 0:
                raise InputError(f"{name} is {value}; it must not be negative")
        for name in ("n_elem", "nfields"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for name, most in (
            ("n_keys", MOST_KEYS),
            ("n_elem", MOST),
            ("nfields", MOST),
            ("groups", MOST),
            ("pending", MOST),
        ):
            if getattr(self, name) > most:
                raise InputError(f"{name} is {getattr(self, name):,}; more than {most:,} is beyond this model")
        if self.key_len > LARGEST_BYTES:
            raise InputError("a key's name is at most 512 MB")
        _sizes(self.vsize)
        _sizes(self.fsize)
        return self

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Shape:  # Any: a row of a CSV table
        """Return the shape that a table's ``row`` declares; unknown columns are ignored, empty ones are defaults."""
        given: dict[str, Any] = {}
        for field in fields(cls):
            raw = row.get(field.name)
            text = "" if raw is None or str(raw) == "nan" else str(raw).strip()
            if field.name == "alike" and not text:
                text = "1"  # a declaration table describes keys of one kind
            if text == "":
                continue
            if field.name in ("type", "vsize", "fsize", "score", "load"):
                given[field.name] = text.removesuffix(".0") if field.name in ("vsize", "fsize") else text
                continue
            try:
                number = int(float(text))
            except (ValueError, OverflowError):
                raise InputError(f"column {field.name}: {text!r} is not a number") from None
            given[field.name] = bool(number) if field.name in ("ttl", "hfe", "alike") else number
        for name in ("type", "key_len"):
            if name not in given:
                raise InputError(f"column {name} is missing")
        return cls(**given).check()
