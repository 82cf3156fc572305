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
from functools import cache
from typing import Any

from redis_plan import resources
from redis_plan.brief.lexicon import fold
from redis_plan.brief.model import Fact, Quantity
from redis_plan.brief.units import base

_FILE_RANK = {"prd": 0.2, "notes": 0.3, "stack": 0.0}


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
    return tuple(_fact(name, entry, quantities, lines, overrides.get(name)) for name, entry in catalogue().items())


def _fact(
    name: str,
    entry: Mapping[str, Any],
    quantities: Sequence[Quantity],
    lines: Mapping[str, Sequence[str]],
    override: tuple[float, int] | None,
) -> Fact:
    unit = entry["unit"]
    if override is not None:
        value, line = override
        return Fact(name, value, unit, "documented", "set by the team", toml_line(name, value), "redis-plan.toml", line)
    best = max(_matches(entry, quantities, lines), key=lambda m: m.score, default=None)
    if best is None:
        default = float(entry["default"])
        return Fact(name, default, unit, "assumed", entry["because"], toml_line(name, default))
    q = best.quantity
    because = f"“{q.text}”: {_excerpt(lines[q.file][q.line - 1])}"
    return Fact(
        name, best.value, unit, "documented", because, toml_line(name, best.value), q.file, q.line, best.low, best.high
    )


def _matches(
    entry: Mapping[str, Any], quantities: Sequence[Quantity], lines: Mapping[str, Sequence[str]]
) -> list[_Match]:
    found = []
    dimensions = {cue["dimension"] for cue in entry.get("cue", ())}
    for order, quantity in enumerate(quantities):
        if not quantity.design_relevant:
            continue
        dimension, value = base(quantity.value, quantity.unit)
        if dimension not in dimensions:
            continue
        top = base(quantity.value_max, quantity.unit)[1] if quantity.value_max is not None else None
        text = fold(lines[quantity.file][quantity.line - 1])
        subject = fold(quantity.subject)
        for cue in entry.get("cue", ()):
            if cue["dimension"] != dimension or not cue.get("at_least", 0) <= value <= cue.get("at_most", float("inf")):
                continue
            noun = fold(f"{quantity.unit} {quantity.text}")
            if cue.get("noun") and not _any(cue["noun"], noun):
                continue
            said = not cue.get("words") or _any(cue["words"], text)
            if not said and not _any(cue["words"], subject):
                continue
            if _any(cue.get("without", ()), text):
                continue
            scale = _binary(quantity.unit) if cue.get("binary") else 1.0
            picked, low, high = _pick(cue.get("take", "upper"), value * scale, top * scale if top is not None else None)
            # what only the heading says about a number is weaker than what its own line says
            score = cue["weight"] - (0.0 if said else 0.35) - order * 1e-6
            found.append(_Match(score, quantity, picked, low, high))
            break
    return found


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
    return any(_pattern(cue).search(text) for cue in cues)


@cache
def _pattern(cue: str) -> re.Pattern[str]:
    folded = fold(cue)
    body = re.escape(folded.rstrip("*")).replace(r"\ ", r"[\s-]+")
    return re.compile(
        (r"(?<![a-z])" if folded[0].isascii() else "")
        + body
        + ("" if folded.endswith("*") or not folded[-1].isascii() else r"s?(?![a-z])")
    )


def _excerpt(line: str) -> str:
    text = " ".join(line.strip(" -*|#>").replace("**", "").replace("`", "").split())
    return text if len(text) <= 110 else text[:109].rsplit(" ", 1)[0] + "…"
