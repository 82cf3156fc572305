"""Constants of the comparison, from ``data/catalog/choice.toml``: weights with their reasons, limits, CPU times."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from redis_plan import resources


@dataclass(frozen=True, slots=True)
class Weight:
    """How much one share counts, what it is a share of, and why it counts so much."""

    name: str
    value: float
    of: str
    because: str


@cache
def _table() -> dict[str, Any]:  # Any: a TOML table
    return tomllib.loads((resources.catalog_dir() / "choice.toml").read_text("utf-8"))


@cache
def weights() -> tuple[Weight, ...]:
    """Return the weights of the objective, in the order of the file."""
    return tuple(
        Weight(name, entry["value"], entry["of"], entry["because"]) for name, entry in _table()["weight"].items()
    )


@cache
def limit(name: str) -> float:
    """Return one of the limits and thresholds of the file, such as ``core_s`` or ``close``."""
    return float(_table()["limits"][name])


@cache
def cpu_s(name: str) -> float:
    """Return a CPU time of the fit in seconds: ``command``, ``pipelined``, ``scan``, ``level``, ``byte``, ``remove`` and others."""
    return float(_table()["cpu"][name]) * 1e-6


@cache
def verb_s(verb: str) -> tuple[float, float]:
    """Return the time of a command itself and of each element it returns, in seconds; 0.5 µs and none if unknown."""
    own, element = _table()["verb"].get(verb, (0.5, 0.0))
    return own * 1e-6, element * 1e-6
