"""Citing: whether the lines that a ``redis-plan.toml`` cites exist and say what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from redis_plan import units
from redis_plan.brief.facts import catalogue
from redis_plan.brief.lexicon import fold
from redis_plan.brief.model import Quantity
from redis_plan.brief.overrides import Overrides
from redis_plan.brief.overrides.loading import Amount
from redis_plan.brief.overrides.positions import Path as Keys
from redis_plan.brief.overrides.schema import Cited
from redis_plan.brief.units import SIZE_BYTES, TIME_SECONDS, base

Fault = tuple[int, str]
Lines = Mapping[str, Sequence[str]]

_NUMBER = re.compile(r"\d[\d,. _\u00a0]*(?<=\d)|\d")
_MARKS = re.compile(r"[*_`#>|~\s]+")
#: What a number of a text may be in thousands: 5k, 3 million, 2万, 1億.
_GROUPS = (1.0, 1e3, 1e4, 1e6, 1e8)
#: A value that is off by less than one in so many is the same number, rounded.
_SAME = 0.005


def split(error: str) -> Fault:
    """Return the line and the text of an error that names its place."""
    found = re.match(r"(?:.*?redis-plan\.toml)(?::(\d+))?: (.*)", error, re.DOTALL)
    return (int(found[1] or 1), found[2]) if found else (1, error)


def wrong_citations(given: Overrides, lines: Lines, quantities: Sequence[Quantity]) -> Iterator[Fault]:
    """Yield every citation that names no line, quotes what doesn't stand there, or gives another number."""
    for path, entry in _cited(given):
        at = given.line(*path)
        if not entry.cite:
            continue
        fault = _place_fault(entry.cite, lines)
        if fault:
            yield at, fault
            continue
        text = _text(entry.cite, lines)
        if entry.quote and _plain(entry.quote) not in _plain(text):
            yield (
                at,
                f"“{entry.quote}” does not stand at {entry.cite}, which says “{_short(text)}”; quote that, or cite the right line",
            )
        if (
            path[0] == "facts"
            and (amount := given.amounts.get(str(path[1])))
            and not given.file.facts[str(path[1])].because
        ):
            yield from _wrong_number(at, str(path[1]), amount, entry.cite, text, _read_at(entry.cite, quantities))
    for n, demand in enumerate(given.file.demands.add):
        if fault := _place_fault(demand.line, lines):
            yield given.line("demands", "add", n), fault


def _cited(given: Overrides) -> Iterator[tuple[Keys, Cited]]:
    """Yield every entry of the file that may cite, with its path."""
    file = given.file
    yield ("session",), file.session
    if file.fit is not None:
        yield ("fit",), file.fit
    lists: Mapping[Keys, Sequence[Cited]] = {
        ("entities", "add"): file.entities.add,
        ("uses", "take"): file.uses.take,
        ("uses", "drop"): file.uses.drop,
        ("demands", "add"): file.demands.add,
        ("keys", "refuse"): file.keys.refuse,
        ("keys", "declare"): file.keys.declare,
        ("actions",): file.actions,
    }
    for path, entries in lists.items():
        yield from (((*path, n), entry) for n, entry in enumerate(entries))
    tables: Mapping[Keys, Mapping[str, Cited]] = {
        ("facts",): file.facts,
        ("entities", "set"): file.entities.set,
        ("demands", "set"): file.demands.set,
    }
    for path, named in tables.items():
        yield from (((*path, name), entry) for name, entry in named.items())


def _place_fault(place: str, lines: Lines) -> str:
    """Return what is wrong with a place such as ``prd.md:31-34``, or ""."""
    file, _, span = place.partition(":")
    if file not in lines:
        return f"cites {place}, and there is no {file}; the documents are {', '.join(lines)}"
    first, last = _span(span)
    if last > len(lines[file]):
        return f"cites {place}, and {file} ends at line {len(lines[file])}; cite the line that says so"
    if last < first:
        return f"cites {place}, which ends before it begins; write the first line first"
    return "" if _text(place, lines).strip() else f"cites {place}, which is empty; cite the line that says so"


def _span(span: str) -> tuple[int, int]:
    first, _, last = span.partition("-")
    return int(first), int(last or first)


def _text(place: str, lines: Lines) -> str:
    file, _, span = place.partition(":")
    first, last = _span(span)
    return "\n".join(lines[file][first - 1 : last])


def _plain(text: str) -> str:
    """Return text without marks of Markdown, blanks and case, so that a quotation across them is found."""
    return _MARKS.sub(" ", fold(text)).strip()


def _short(text: str, limit: int = 90) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"


def _wrong_number(at: int, name: str, amount: Amount, cite: str, text: str, read: Sequence[float]) -> Iterator[Fault]:
    """Yield a fault where none of the amount's numbers stands in ``text``, in any unit of its kind."""
    unit = catalogue()[name].unit
    numbers = _numbers(text)
    for value in dict.fromkeys(v for v in (amount.value, amount.low, amount.high) if v is not None):
        meant = [*read, *(number * scale for number in numbers for scale in _scales(unit))]
        if not any(abs(one - value) <= _SAME * value for one in meant):
            middle = amount.low is not None and amount.high is not None and amount.low <= value <= amount.high
            if middle and value == amount.value and value not in (amount.low, amount.high):
                continue  # inside of the range that the line gives
            yield (
                at,
                f"{name} is {units.write(value, unit)}, and {cite} has no such number: “{_short(text)}”; "
                "correct one of them, or say in because = how it follows",
            )


def _scales(unit: str) -> list[float]:
    if unit == "s":
        return sorted(set(TIME_SECONDS.values()))
    if unit == "B":
        return sorted({*SIZE_BYTES.values(), 1024.0**4})
    if unit.endswith("/s"):
        return [group / seconds for seconds in TIME_SECONDS.values() for group in _GROUPS]
    return list(_GROUPS)


def _numbers(text: str) -> list[float]:
    """Return every number that the digits of ``text`` may mean, whatever separates them."""
    found: list[float] = []
    for match in _NUMBER.finditer(text):
        digits = re.sub(r"[ _\u00a0]", "", match[0])
        forms = (digits.replace(",", ""), digits.replace(".", "").replace(",", "."), re.sub(r"[.,]", "", digits))
        found += [float(form) for form in forms if form.count(".") <= 1]
        found += [float(part) for part in re.findall(r"\d+", digits)]
    return found


def _read_at(cite: str, quantities: Sequence[Quantity]) -> list[float]:
    """Return the numbers that were read on the cited lines, in base units: also those that are written in words."""
    file, _, span = cite.partition(":")
    first, last = _span(span)
    here = [q for q in quantities if q.file == file and first <= q.line <= last]
    return [base(value, q.unit)[1] for q in here for value in (q.value, q.value_max) if value is not None]
