"""Periods: how often, how long, how late, each computed from the Brief's facts and each with its reason.

The only place where a period is decided (``data/catalog/periods.toml``): functions' defaults, delivered clients,
walkthrough, prose and experiments read it here.

>>> Backoff(0.25, 10.0).waits(7)
(0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from redis_plan.brief.model import Brief
from redis_plan.expressions import evaluate
from redis_plan.remembered import remembered
from redis_plan.resources import catalog_dir


@dataclass(frozen=True, slots=True)
class Period:
    """One period in seconds: what happens once in it or at its end, how it is computed, and why."""

    name: str
    seconds: float
    formula: str
    says: str
    because: str
    grade: Literal["modelled", "chosen", "documented"]
    in_clients: bool = False

    @property
    def ms(self) -> int:
        """The period in milliseconds, as commands take it."""
        return round(1000 * self.seconds)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between attempts, in seconds: uniform from 0 to a bound that doubles up to a cap (full jitter)."""

    base_s: float
    cap_s: float

    def waits(self, attempts: int) -> tuple[float, ...]:
        """Return the upper bound of each of the first ``attempts`` waits."""
        return tuple(min(self.cap_s, self.base_s * 2**n) for n in range(attempts))


@cache
def _catalog() -> dict[str, dict[str, Any]]:  # Any: TOML
    return tomllib.loads((catalog_dir() / "periods.toml").read_text("utf-8"))


@remembered
def periods(brief: Brief) -> Mapping[str, Period]:
    """Return every period of a project by name."""
    names = {fact.name: fact.value for fact in brief.facts}
    found: dict[str, Period] = {}
    for name, entry in _catalog().items():
        names[name] = evaluate(entry["formula"], names)
        found[name] = Period(
            name, names[name], entry["formula"], entry["says"], entry["because"], entry["grade"], entry.get("client", False)
        )  # fmt: skip
    return found


def seconds(brief: Brief, name: str) -> float:
    """Return the period ``name`` in seconds."""
    return periods(brief)[name].seconds


def fixed(name: str) -> float:
    """Return the period ``name`` in seconds where it depends on no fact; raises ``ValueError`` where it does."""
    return evaluate(_catalog()[name]["formula"], {})


def backoff(brief: Brief, who: Literal["gateway", "client"]) -> Backoff:
    """Return the waits of a gateway before Redis, or of a client before a gateway."""
    found = periods(brief)
    return Backoff(found[f"{who}_backoff"].seconds, found[f"{who}_backoff_cap"].seconds)
