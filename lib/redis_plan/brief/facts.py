"""Facts: the numbers a design is computed from, each from the best quantity of the documents, or assumed.

``data/catalog/facts.toml`` says for each fact which quantities may become it (cues): what dimension, which words must
stand on the line, which must not, and how well it then fits. A documented fact carries file and line; an assumed one
the TOML line that replaces it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from redis_plan import resources
from redis_plan.brief.lexicon import fold
from redis_plan.brief.model import Fact, Quantity
from redis_plan.brief.units import base

#: A line longer than this is no statement: its words say nothing about one number in it.
LONG_LINE = 3000


@cache
def catalogue() -> Mapping[str, Mapping[str, Any]]:
    """Return the catalogue of facts by name."""
    return tomllib.loads((resources.catalog_dir() / "facts.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class _Match:
    score: float
    quantity: Quantity
    value: float
    low: float | None
    high: float | None


def toml_line(name: str, value: float) -> str:
    """Return the line of ``[facts]`` in redis-plan.toml that sets ``name``."""
    return f"[facts] {name} = {int(value) if float(value).is_integer() else value}"


def read_facts(
    quantities: Sequence[Quantity], lines: Mapping[str, Sequence[str]], overrides: Mapping[str, tuple[float, int]]
) -> tuple[Fact, ...]:
    """Return every fact of the catalogue; ``overrides`` are the team's (value, line in redis-plan.toml)."""
    candidates = _candidates(quantities, lines)
    known: dict[str, float] = {}  # a fact may lean on one before it: the cap of a session on its usual size
    found: list[Fact] = []
    for name, entry in catalogue().items():
        found.append(_fact(name, entry, candidates, lines, overrides.get(name), known))
        known[name] = found[-1].value
    return tuple(found)


def default(entry: Mapping[str, Any], known: Mapping[str, float]) -> float:
    """Return what is assumed where the documents are silent: a constant, or the value of another fact."""
    return float(known.get(entry.get("default_as", ""), entry["default"]))


def _fact(
    name: str,
    entry: Mapping[str, Any],
    candidates: Sequence[_Candidate],
    lines: Mapping[str, Sequence[str]],
    override: tuple[float, int] | None,
    known: Mapping[str, float],
) -> Fact:
    unit = entry["unit"]
    if override is not None:
        value, line = override
        return Fact(name, value, unit, "documented", "set by the team", toml_line(name, value), "redis-plan.toml", line)
    best = _best(entry, candidates, known)
    if best is None:
        value = default(entry, known)
        return Fact(name, value, unit, "assumed", entry["because"], toml_line(name, value))
    q = best.quantity
    because = f"“{q.text}”: {_excerpt(lines[q.file][q.line - 1])}"
    return Fact(
        name, best.value, unit, "documented", because, toml_line(name, best.value), q.file, q.line, best.low, best.high
    )


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A quantity as the cues see it: in base units, with the folded text around it."""

    quantity: Quantity
    order: int
    dimension: str
    value: float
    top: float | None
    text: str
    subject: str
    noun: str


def _candidates(quantities: Sequence[Quantity], lines: Mapping[str, Sequence[str]]) -> list[_Candidate]:
    found = []
    folded: dict[str, str] = {}  # a line may hold many quantities
    for order, q in enumerate(q for q in quantities if q.design_relevant):
        dimension, value = base(q.value, q.unit)
        top = base(q.value_max, q.unit)[1] if q.value_max is not None else None
        line = lines[q.file][q.line - 1]
        text = (
            folded.get(line) or folded.setdefault(line, _wording(line)) if len(line) <= LONG_LINE else _wording(q.text)
        )
        found.append(_Candidate(q, order, dimension, value, top, text, fold(q.subject), _wording(f"{q.unit} {q.text}")))
    return found


def _wording(text: str) -> str:
    """The folded text with every number the same: what is said of many numbers is looked at once."""
    return _DIGITS.sub("0", fold(text))


_DIGITS = re.compile(r"(?<![a-z\d])\d[\d.,]*")  # "p95" is a word


def _best(entry: Mapping[str, Any], candidates: Sequence[_Candidate], known: Mapping[str, float]) -> _Match | None:
    best: _Match | None = None
    for cue in entry.get("cue", ()):
        low, high = cue.get("at_least", 0), cue.get("at_most", float("inf"))
        low = known[low] if isinstance(low, str) else low
        for c in candidates:
            if best and cue["weight"] - c.order * 1e-6 <= best.score:
                break  # among equals the first in the documents wins, so nothing later can
            if cue["dimension"] != c.dimension or not low <= c.value <= high:
                continue
            score = _score(cue, c) - c.order * 1e-6
            if score > (best.score if best else 0.0):
                scale = _binary(c.quantity.unit) if cue.get("binary") else 1.0
                top = c.top * scale if c.top is not None else None
                best = _Match(score, c.quantity, *_pick(cue.get("take", "upper"), c.value * scale, top))
    return best


def _score(cue: Mapping[str, Any], c: _Candidate) -> float:
    """Return how well a quantity fits a cue, below 0 where it doesn't."""
    if cue.get("noun") and not _any(cue["noun"], c.noun):
        return -1.0
    said = not cue.get("words") or _any(cue["words"], c.text)
    if (not said and not _any(cue["words"], c.subject)) or _any(cue.get("without", ()), c.text):
        return -1.0
    # what only the heading says about a number is weaker than what its own line says
    return float(cue["weight"]) - (0.0 if said else 0.35)


def _pick(take: str, value: float, top: float | None) -> tuple[float, float | None, float | None]:
    """Return the design's value of a range, with its ends: the upper end, the lower one, or the middle."""
    if top is None:
        return value, None, None
    picked = {"upper": top, "lower": value, "middle": (value + top) / 2}[take]
    return picked, value, top


def _binary(unit: str) -> float:
    """What a decimal unit is short of the binary one of its name: RAM and Redis's ``maxmemory 512mb`` count in 1024s."""
    return {"kB": 1.024, "MB": 1.024**2, "GB": 1.024**3, "TB": 1.024**4}.get(unit, 1.0)


def _any(cues: Sequence[str], text: str) -> bool:
    return bool(cues) and _said(tuple(cues), text)


@lru_cache(maxsize=2048)
def _said(cues: tuple[str, ...], text: str) -> bool:
    return any(part in text for part in _parts(cues)) and _pattern(cues).search(text) is not None


@cache
def _parts(cues: tuple[str, ...]) -> tuple[str, ...]:
    """Return of each cue the first word: a text that holds none of them is soon done with."""
    return tuple({fold(cue).split(" ")[0].rstrip("*") for cue in cues})


@cache
def _pattern(cues: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_one(fold(cue)) for cue in cues))


def _one(cue: str) -> str:
    """Return the expression of one cue: stems end in ``*``, words may be joined by blanks or hyphens."""
    words = [re.escape(word.rstrip("*")) + (r"\w*" if word.endswith("*") else "") for word in cue.split(" ")]
    end = "" if cue.endswith("*") or not cue[-1].isascii() else r"s?(?![a-z])"
    return (r"(?<![a-z])" if cue[0].isascii() else "") + r"[\s-]+".join(words) + end


def _excerpt(line: str) -> str:
    line = line[:400]
    text = " ".join(line.strip(" -*|#>").replace("**", "").replace("`", "").split())
    return text if len(text) <= 110 else text[:109].rsplit(" ", 1)[0] + "…"
