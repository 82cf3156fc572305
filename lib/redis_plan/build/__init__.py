"""A study from start to end: the notebooks run, compared and assembled."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(module: str) -> Iterator[None]:
    """Let imports find no ``module``, as where it is not installed."""
    there = sys.modules.get(module)
    sys.modules[module] = None  # type: ignore[assignment]  # what import takes for missing
    try:
        yield
    finally:
        del sys.modules[module]
        if there is not None:
            sys.modules[module] = there
