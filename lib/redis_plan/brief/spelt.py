"""Spelt numbers: "up to twenty players", "two hundred rooms", "four moves a second", "an hour and a half".

They count after a bound, as a rate, before a unit of time, and from ten on before people or what they share: smaller ones seldom state
a size. The words stand in the lexicon of each language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from redis_plan.brief.lexicon import Lexicon, fold, lexicon
from redis_plan.brief.ranges import between
from redis_plan.brief.reconcile.vocabulary import concepts
from redis_plan.brief.units import find_rate, find_unit

#: A bound stands so many characters before its number at most.
REACH = 28
#: From so many on, a number in words before a noun states how many there are.
A_SIZE = 10
#: Units of time that are said of what goes on, in seconds: from a second to a day. Plans count weeks, products hardly do.
LONGEST_UNIT = 86400
#: What joins the parts of a number, and the two ends of a range.
_JOINERS = "and|y|et|e"
_JOINED = re.compile(rf"\s(?P<word>{_JOINERS})\s", re.IGNORECASE)
#: Units that are written short where there is no room, and their forms that are ordinals as well.
_SHORT = {"second": "s", "minute": "min", "hour": "h", "day": "d", "week": "w"}
_ORDINALS = frozenset({"second", "seconde", "segundo", "segunda", "secondo"})
_COUNTED = frozenset({"people", "containers"})
_DIGIT = re.compile(r"[0-9]")
_WORD = re.compile(r"\s[^\W\d_]+")
#: Nothing but letters and their like stand before a number in words.
_OPENS = r"(?<![^\s('’])"


def _any_of(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word))) or r"(?!)"


@cache
def _numbers(language: str) -> dict[str, float]:
    return dict(lexicon(language).data.get("numbers", {}))


@cache
def _pattern(language: str) -> re.Pattern[str]:
    """Match a number in one or several words: "two hundred and fifty"."""
    one = f"(?:{_any_of([*_numbers(language)])})"
    return re.compile(rf"{_OPENS}{one}(?:[ -](?:(?:{_JOINERS}) )?{one})*(?=\s[^\W\d_])", re.IGNORECASE)


@cache
def _counted(language: str) -> re.Pattern[str]:
    """Match what follows a number that counts something: the other end of a range, and the noun."""
    every = _any_of([*_numbers(language)])
    return re.compile(
        rf"(?:\s(?:to|or|bis|oder|do|lub|a|o|à|ou|tot|of)\s(?:{every}))?\s(?P<noun>[^\W\d_]+)", re.IGNORECASE
    )


@cache
def _one(language: str) -> re.Pattern[str]:
    """Match one or a half straight before what may be a unit of time: "an hour", "mezz'ora", "une demi-heure"."""
    words = lexicon(language).data
    half, one = _any_of(list(words.get("halves", ()))), _any_of(list(words.get("ones", ())))
    return re.compile(rf"{_OPENS}(?:(?P<half>{half})(?:\s|(?<=['’-]))|(?P<one>{one})\s)(?=[^\W\d_])", re.IGNORECASE)


@cache
def _and_a_half(language: str) -> re.Pattern[str]:
    return re.compile(rf"\s(?:{_any_of(list(lexicon(language).data.get('and_a_half', ())))})(?!\w)", re.IGNORECASE)


def _value(text: str, numbers: dict[str, float]) -> float | None:
    """Return the value of a number in words that nothing joins, or None where several numbers only stand side by side.

    >>> _value("two hundred fifty", _numbers("en")), _value("two three", _numbers("en"))
    (250, None)
    """
    total: float = 0
    current: float = 0
    for word in re.split(r"[ -]", text.lower()):
        value = numbers.get(word)
        if value is None:
            continue
        if value in _SCALES and 0 < current < value:
            current *= value
            if value >= 1000:
                total, current = total + current, 0
        elif not current or _takes(current, value) or _is_tens(current, value):
            current += value
        else:
            return None
    return total + current


#: What a number before it is multiplied by: "two hundred", "cien mil".
_SCALES = (100, 1000, 1_000_000)


def _takes(many: float, rest: float) -> bool:
    """Whether ``rest`` completes ``many`` hundreds or thousands."""
    return any(many >= scale and many % scale == 0 and rest < scale for scale in _SCALES)


def _is_tens(tens: float, ones: float) -> bool:
    return tens % 100 >= 20 and tens % 10 == 0 and ones < 10


def _parts(match: re.Match[str], numbers: dict[str, float]) -> list[tuple[int, int, float | None]]:
    """Return the numbers of a match with their places: the two of "fifty and two hundred", the one of "cincuenta y dos"."""
    parts: list[tuple[int, int, float | None]] = []
    joined, start = "", match.start()
    for cut in [*_JOINED.finditer(match.group()), None]:
        end = match.start() + cut.start() if cut else match.end()
        value = _value(match.string[start:end], numbers)
        before = parts[-1] if parts else None
        if (
            before
            and value
            and before[2]
            and (_takes(before[2], value) or (joined != "and" and _is_tens(before[2], value)))
        ):
            parts[-1] = (before[0], end, before[2] + value)
        else:
            parts.append((start, end, value))
        if cut:
            joined, start = cut["word"].lower(), match.start() + cut.end()
    return parts


def has_digit(text: str) -> bool:
    """Whether ``text`` holds a digit of any script."""
    return _DIGIT.search(text) is not None or (not text.isascii() and any(map(str.isdigit, text)))


def has_number(text: str, language: str) -> bool:
    """Whether ``text`` holds a digit or, in ``language``, a number in words."""
    return has_digit(text) or _pattern(language).search(text) is not None or any(_ones(text, language))


def _ones(line: str, language: str) -> Iterator[tuple[int, int, str, int]]:
    """Yield where one or a half of a unit of time stands, its value, and where the unit begins."""
    for match in _one(language).finditer(line):
        unit = _time(line, match.end())
        if unit and not _is_ordinal(line, match.end(), unit, language):
            more = _and_a_half(language).match(line, unit)
            value = "0.5" if match["half"] else "1.5" if more else "1"
            yield match.start(), match.end(), value, unit


def _shortly(line: str, digits: str, position: int) -> str:
    """Return ``digits`` with the unit of time at ``position`` written short, "" where it has no such form."""
    unit = find_unit(line, position)
    return digits + _SHORT[unit.name] if unit and unit.name in _SHORT else ""


def _time(line: str, position: int) -> int:
    """Return where the unit of time ends that stands at ``position``, 0 where none does."""
    unit = find_unit(line, position)
    return unit.end if unit and unit.kind == "time" and (unit.seconds or 0) <= LONGEST_UNIT else 0


def in_digits(line: str, words: Lexicon) -> str:
    """Return ``line`` with the numbers in words that state something in digits, each ending where its words do.

    >>> in_digits("up to twenty players, two at a time", lexicon("en"))
    'up to     20 players, two at a time'
    >>> in_digits("A round takes half an hour", lexicon("en"))
    'A round takes     0.5 hour'
    """
    language = words.languages[0]
    numbers, made = _numbers(language), line
    for match in _pattern(language).finditer(line) if numbers else ():
        parts = _parts(match, numbers)
        states = [v is not None and (_after_bound(line, start, words) or _states(line, end, v, language)) for start, end, v in parts]  # fmt: skip
        opened = len(parts) == 2 and between(language).search(line[: match.start()])
        ends = opened and (states[1] or _states(line, match.end(), A_SIZE, language))
        for (start, end, value), so in zip(parts, states, strict=True):
            if value is None or not (so or ends):
                continue
            digits = f"{value:g}" if value < 1e6 else str(int(value))
            if len(digits) <= end - start:
                made = made[:start] + digits.rjust(end - start) + made[end:]
    for start, end, digits, unit in _ones(line, language):
        if not (_after_bound(line, start, words) or _goes_on(line, start, words)):
            continue
        if len(digits) < end - start:
            made = made[:start] + digits.rjust(end - start - 1) + " " + made[end:]
        elif (short := _shortly(line, digits, end)) and len(short) <= unit - start:
            made = made[:start] + short.rjust(unit - start) + made[unit:]
    return made


def _is_ordinal(line: str, start: int, end: int, language: str) -> bool:
    """Whether a noun follows what may be a second of time: "after a second failed attempt"."""
    noun = _WORD.match(line, end)
    known = lexicon(language)
    return (
        fold(line[start:end]) in _ORDINALS
        and noun is not None
        and fold(noun.group().strip()) not in known.words("stopwords") | known.words("uncounted")
    )


def _after_bound(line: str, start: int, words: Lexicon) -> bool:
    before = line[max(0, start - REACH) : start].rstrip()
    return any(hit.end == len(before) and hit.group.startswith("op.") for hit in words.hits(before))


def _goes_on(line: str, start: int, words: Lexicon) -> bool:
    """Whether the words before say how long something goes on, or after how long something happens."""
    before = fold(line[max(0, start - REACH) : start]).rstrip()
    return any(before.endswith(word) and not before[: -len(word)][-1:].isalnum() for word in words.words("lasting"))


def _states(line: str, end: int, value: float, language: str) -> bool:
    """Whether a number in words counts people or what they share, a time, or what happens in a time."""
    if _time(line, end):
        return True
    noun = _WORD.match(line, end)
    if noun and find_rate(line, noun.end()):
        return True
    counted = _counted(language).match(line, end) if value >= A_SIZE else None
    return counted is not None and bool(concepts(counted["noun"]) & _COUNTED)
