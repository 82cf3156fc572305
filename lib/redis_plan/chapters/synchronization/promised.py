"""What the documents promise of a change's delivery by percentile, such as "p95 500 ms", held against what was measured."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from redis_plan.actions import catalog
from redis_plan.actions.matrix import Row, Stories
from redis_plan.brief.model import Brief

#: A clause ends here; a comma or a point within a number ends none.
_CLAUSE = re.compile(r"[;:]|[,.]\s|\s(?:and|und|y|i|et)\s|\n")
_PERCENTILE = re.compile(
    r"\bp\s?(50|95|99)\b(?!\.\d)|\b(50|95|99)(?:th|\.)?\s*(?:percentile|perzentil|percentyl|%|percent)", re.I
)
_TIME = re.compile(r"(\d+(?:[.,]\d+)?)\s*(ms|milliseconds?|s|sec|seconds?)\b", re.I)


@dataclass(frozen=True, slots=True)
class Promise:
    """A percentile ("p95") of the time to the last client, at most ``seconds``, and the line that states it."""

    percentile: str
    seconds: float
    place: str


def promises(brief: Brief, stories: Stories) -> tuple[Promise, ...]:
    """Return the strictest promise for each percentile that the documents state of what every client sees."""
    strictest: dict[str, Promise] = {}
    for text, place in _texts(brief, stories):
        for found in read(text, place):
            if found.percentile not in strictest or found.seconds < strictest[found.percentile].seconds:
                strictest[found.percentile] = found
    return tuple(strictest[name] for name in sorted(strictest))


def _texts(brief: Brief, stories: Stories) -> Iterator[tuple[str, str]]:
    """Yield the demands on what everybody sees, and the conditions beneath them, each with its place."""
    told = [row for row in stories.rows if "sync" in row.by or _announced(row)]
    heads = {(row.file, row.line) for row in told}
    yield from ((row.text, row.place) for row in told)
    for line in brief.requirements:
        if line.parent_line is not None and (line.file, line.parent_line) in heads:
            yield line.text, f"{line.file}:{line.line}"


def _announced(row: Row) -> bool:
    kinds = catalog.kinds()
    return any(kinds[name].announces for name in row.by if name in kinds)


def read(text: str, place: str) -> Iterator[Promise]:
    """Yield what the clauses of ``text`` promise: each with one percentile and one time.

    >>> [(p.percentile, p.seconds) for p in read("visible in < 2 s; p95 500 ms, p99 1 s in normal operation", "")]
    [('p95', 0.5), ('p99', 1.0)]
    >>> [(p.percentile, p.seconds) for p in read("seen within 2 seconds, 95% of them within 0.5 s", "")]
    [('p95', 0.5)]
    """
    for clause in _CLAUSE.split(text):
        shares, times = list(_PERCENTILE.finditer(clause)), list(_TIME.finditer(clause))
        if len(shares) == len(times) == 1:
            factor = 1e-3 if times[0][2].lower().startswith("m") else 1.0
            yield Promise(f"p{shares[0][1] or shares[0][2]}", float(times[0][1].replace(",", ".")) * factor, place)
