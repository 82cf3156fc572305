"""Quantities of a document: its lines are scanned one by one (``scanner``), each with what it stands in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from redis_plan.brief.counted import Context
from redis_plan.brief.model import Quantity
from redis_plan.brief.numerals import parse_number
from redis_plan.brief.outline import Block
from redis_plan.brief.scanner import scan
from redis_plan.brief.spelt import has_number

#: Characters of a line that are looked at as one: longer than any sentence.
LONG_LINE = 1500
#: A document with more quantities than this holds data in it: what follows is not looked at.
MOST = 10_000
_BOX = re.compile(r"[\u2500-\u259f]")


def _pieces(line: str) -> Iterator[str]:
    """Cut a very long line at blanks, so that what looks back and ahead along it stays cheap."""
    start = 0
    while len(line) - start > LONG_LINE:
        cut = line.rfind(" ", start, start + LONG_LINE)
        cut = cut if cut > start else start + LONG_LINE
        yield line[start:cut]
        start = cut
    yield line[start:] if start else line


#: "100,000+" on a line of its own, the value of the label above it.
LONE_NUMBER = re.compile(r"\s*[<>≤≥~]{0,2}\s?\d[\d,.]*\s?[kKM]?\s?\+?\s*")


def label_above(lines: Sequence[str], number: int) -> str:
    """Return the label on the line above line ``number`` ("Concurrent users:"), or ""."""
    above = lines[number - 2].strip(" *_#") if number >= 2 else ""
    return above[:-1] if above.endswith((":", "：")) and len(above) <= 60 else ""


def read_quantities(
    lines: Sequence[str], blocks: Sequence[Block], file: str, language: str, stands_in: Callable[[int], Context]
) -> tuple[Quantity, ...]:
    """Return the quantities of a document, :data:`MOST` or a few more; ``stands_in`` says what a line stands in, by its number."""
    found: list[Quantity] = []
    joined = {n for b in blocks if b.kind in ("paragraph", "item") for n in range(b.line, b.end)}
    for number, line in enumerate(lines, 1):
        if len(found) >= MOST:
            break
        if not has_number(line, language):
            continue
        context = stands_in(number)
        if LONE_NUMBER.fullmatch(line) and (label := label_above(lines, number)):
            context = replace(context, label=label)
        if context.code and _BOX.search(line) and not re.search(r"\d\s?[KM]\b", line):
            continue
        following = lines[number] if number in joined and number < len(lines) else ""
        for piece in _pieces(line):
            after = following if piece == line or line.endswith(piece) else ""
            found += scan(piece, language, context, after, file, number)
    return tuple(found)


__all__ = ["Context", "parse_number", "read_quantities", "scan"]
