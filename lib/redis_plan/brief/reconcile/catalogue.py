"""The catalogue of facts, ``data/catalog/facts.toml``, as typed entries."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from redis_plan import expressions, resources

Take = Literal["upper", "lower", "middle"]


@dataclass(frozen=True, slots=True)
class Cue:
    """Which quantities may become a fact; see the head of ``facts.toml`` for what each list does."""

    dimension: str
    words: tuple[str, ...]
    also: tuple[str, ...]
    without: tuple[str, ...]
    weaker: tuple[str, ...]
    noun: tuple[str, ...]
    before: tuple[str, ...]
    not_before: tuple[str, ...]
    at_least: float
    at_most: float
    take: Take
    weight: float
    interval: bool  # whether "every 5 s" may state the fact
    lower_bound: bool  # whether "more than 5 s" may state the fact
    bounded: bool  # whether only a bound ("within 5 s") may state the fact
    ranged: bool  # whether only a range ("5 to 60 s") may state the fact
    of_people: bool  # whether a sentence about people alone may state the fact
    binary: bool
    metric: bool  # whether a success metric may state the fact


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact: its unit, what is assumed where the documents are silent, and its cues."""

    name: str
    unit: str
    default: float
    default_from: str
    because: str
    meaning: str
    cues: tuple[Cue, ...]
    examples: tuple[str, ...]  # a sentence of our own for each cue
    most: float = float("inf")  # no design can be computed from more
    most_because: str = ""
    of_use: str = ""  # the use of Redis that it is about; without that use nothing rests on it

    def assumed(self, known: Mapping[str, float]) -> float:
        """Return what is assumed where no document says it, the facts above it being ``known``."""
        return float(expressions.evaluate(self.default_from, known)) if self.default_from else self.default


@cache
def catalogue() -> Mapping[str, Entry]:
    """Return the facts by name, in the order in which they may lean on each other."""
    return {name: _entry(name, entry) for name, entry in _read().items()}


def _read() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads((resources.catalog_dir() / "facts.toml").read_text(encoding="utf-8"))


def _entry(name: str, given: Mapping[str, Any]) -> Entry:
    cues = tuple(_cue(cue) for cue in given.get("cue", ()))
    default_from = given.get("default_from", "")
    numbers, words = (given["unit"], float(given["default"]), default_from), (given["because"], given["meaning"])
    examples = tuple(cue["example"] for cue in (given, *given.get("cue", ())) if "example" in cue)
    most = float(given.get("most", "inf"))
    return Entry(name, *numbers, *words, cues, examples, most, given.get("most_because", ""), given.get("of_use", ""))


def defaults(known: Mapping[str, float]) -> dict[str, float]:
    """Return every fact as it is assumed where only ``known`` are stated."""
    found: dict[str, float] = {}
    for name, entry in catalogue().items():
        found[name] = float(known.get(name, entry.assumed(found)))
    return found


def _cue(given: Mapping[str, Any]) -> Cue:
    lists = {
        key: tuple(given.get(key, ())) for key in ("words", "also", "without", "weaker", "noun", "before", "not_before")
    }
    return Cue(
        dimension=given["dimension"],
        **lists,
        at_least=float(given.get("at_least", 0)),
        at_most=float(given.get("at_most", float("inf"))),
        take=given.get("take", "upper"),
        weight=float(given["weight"]),
        interval=given.get("interval", True),
        lower_bound=given.get("lower_bound", True),
        bounded=given.get("bounded", False),
        ranged=given.get("ranged", False),
        of_people=given.get("of_people", True),
        binary=given.get("binary", False),
        metric=given.get("metric", False),
    )
