"""Remembered: what follows from a Brief or a design is worked out once, while the same one is asked about.

Both are frozen, and so large that to hash one takes longer than some answers. They are known by identity, therefore, and
the last few that were asked about are held, so that none is taken for another in its place.

>>> asked = []
>>> @remembered
... def length(words: tuple[str, ...]) -> int:
...     asked.append(words)
...     return len(words)
>>> words = ("a", "b")
>>> length(words), length(words), len(asked)
(2, 2, 1)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

#: How many answers of each function are kept: those of a build's design, its variants, and a neighbour or two.
KEPT = 16


def remembered(function: Callable[P, T]) -> Callable[P, T]:
    """Return ``function`` with a memory; its arguments change no more, nor does what it returns."""
    known: dict[tuple[object, ...], tuple[tuple[Any, ...], T]] = {}  # Any: held, so that no other object gets their ids

    @wraps(function)
    def asked(*args: P.args, **named: P.kwargs) -> T:
        given = (*args, *named.values())
        key: tuple[object, ...] = (*map(id, given), *named)
        if key not in known:
            answer = function(*args, **named)
            while len(known) >= KEPT:
                known.pop(next(iter(known)), None)
            known[key] = (given, answer)
        return known[key][1]

    return asked
