"""Spelt numbers: "up to twenty players", "two hundred rooms", "four moves a second", "an hour and a half".

They count after a bound, as a rate, before a unit of time, and from ten on before people or what they share: smaller ones seldom state
a size. The words stand in the lexicon of each language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from redis_plan.brief.lexicon import Lexicon, fold, lexicon
from redis_plan.brief.reconcile.vocabulary import concepts
from redis_plan.brief.units import find_rate, find_unit

#: A bound stands so many characters before its number at most.
REACH = 28
#: From so many on, a number in words before a noun states how many there are.
A_SIZE = 10
#: Units of time that are said of what goes on, in seconds: from a second to a day. Plans count weeks, products hardly do.
LONGEST_UNIT = 86400
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
    return re.compile(rf"{_OPENS}{one}(?:[ -](?:and |y |et |e )?{one})*(?=\s[^\W\d_])", re.IGNORECASE)


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
    """Return the value of a number in words, or None where several numbers only stand side by side.

    >>> _value("two hundred and fifty", _numbers("en")), _value("two three", _numbers("en"))
    (250, None)
    """
    total: float = 0
    current: float = 0
    for word in re.split(r"[ -]", text.lower()):
        value = numbers.get(word)
        if value is None:
            continue
        if value >= 100 and 0 < current < value:
            current *= value
            if value >= 1000:
                total, current = total + current, 0
        elif not current or current % 100 == 0 or (current % 100 >= 20 and current % 10 == 0 and value < 10):
            current += value
        else:
            return None
    return total + current


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
        if unit:
            more = _and_a_half(language).match(line, unit)
            value = "0.5" if match["half"] else "1.5" if more else "1"
            yield match.start(), match.end(), value, unit


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
        value = _value(match.group(), numbers)
        if value is None or not (
            _after_bound(line, match.start(), words) or _states(line, match.end(), value, language)
        ):
            continue
        digits = f"{value:g}" if value < 1e6 else str(int(value))
        if len(digits) <= len(match.group()):
            made = made[: match.start()] + digits.rjust(len(match.group())) + made[match.end() :]
    for start, end, digits, _ in _ones(line, language):
        if _after_bound(line, start, words) or _goes_on(line, start, words):
            made = made[:start] + digits.rjust(end - start - 1) + " " + made[end:]
    return made


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
