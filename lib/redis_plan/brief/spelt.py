"""Spelt numbers: "up to twenty players", "thirty rooms". They count after a bound, and from ten on before people or what they share: smaller ones seldom state a size."""

from __future__ import annotations

import re
from functools import cache

from redis_plan.brief.lexicon import Lexicon, lexicon
from redis_plan.brief.reconcile.vocabulary import concepts

#: A bound stands so many characters before its number at most.
REACH = 28


@cache
def _numbers(language: str) -> dict[str, int]:
    return dict(lexicon(language).data.get("numbers", {}))


@cache
def _pattern(language: str) -> re.Pattern[str]:
    every = sorted(_numbers(language), key=lambda word: (-len(word), word))
    return re.compile(
        rf"(?<![^\s(])(?:{'|'.join(map(re.escape, every))})(?=\s[^\W\d_])" if every else r"(?!)", re.IGNORECASE
    )


#: From so many on, a number in words before a noun states how many there are.
A_SIZE = 10
_COUNTED = frozenset({"people", "containers"})


@cache
def _counted(language: str) -> re.Pattern[str]:
    """Match what follows a number that counts something: the other end of a range, and the noun."""
    every = "|".join(map(re.escape, sorted(_numbers(language), key=len, reverse=True))) or r"(?!)"
    return re.compile(
        rf"(?:\s(?:to|or|bis|oder|do|lub|a|o|à|ou|tot|of)\s(?:{every}))?\s(?P<noun>[^\W\d_]+)", re.IGNORECASE
    )


#: One and a half of a unit of time, which count after a bound: "within a second", "in weniger als einer Sekunde", "w ciągu pół sekundy".
_ONE = re.compile(
    r"(?<=\s)(?:(?P<half>half an?|pół|(?:einer?|einem) halben?|medi[oa]|mezz[oa]|een halve|meio|meia)|(?P<one>an?|one|eine[mr]?|jednej|una?|une|uma?|een))"
    r"(?=\s(?:second|minute|hour|sekund|minut|godzin|stunde|segundo|hora|seconde|heure|second[oi]|ora|minuu?t|uur)\w*)",
    re.IGNORECASE,
)


_DIGIT = re.compile(r"[0-9]")


def has_digit(text: str) -> bool:
    """Whether ``text`` holds a digit of any script."""
    return _DIGIT.search(text) is not None or (not text.isascii() and any(map(str.isdigit, text)))


def has_number(text: str, language: str) -> bool:
    """Whether ``text`` holds a digit or, in ``language``, a number in words."""
    return has_digit(text) or _pattern(language).search(text) is not None or _ONE.search(text) is not None


def in_digits(line: str, words: Lexicon) -> str:
    """Return ``line`` with the numbers in words that follow a bound in digits, each ending where its word does.

    >>> in_digits("up to twenty players, two at a time", lexicon("en"))
    'up to     20 players, two at a time'
    """
    language = words.languages[0]
    made = line
    numbers = _numbers(language)
    for match in _pattern(language).finditer(line):
        before = line[max(0, match.start() - REACH) : match.start()].rstrip()
        value = str(numbers[match.group().lower()])
        bounds = (hit for hit in words.hits(before) if hit.group.startswith("op."))
        counted = (
            numbers[match.group().lower()] >= A_SIZE
            and (after := _counted(language).match(line, match.end()))
            and concepts(after["noun"]) & _COUNTED
        )
        if len(value) <= len(match.group()) and (counted or any(hit.end == len(before) for hit in bounds)):
            made = made[: match.start()] + value.rjust(len(match.group())) + made[match.end() :]
    for match in _ONE.finditer(line):
        before = line[max(0, match.start() - REACH) : match.start()].rstrip()
        value = "0.5" if match["half"] else "1"
        if any(hit.end == len(before) for hit in words.hits(before) if hit.group.startswith("op.")):
            made = made[: match.start()] + value.rjust(len(match.group())) + made[match.end() :]
    return made
