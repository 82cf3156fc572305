"""Spelt numbers: "up to twenty players". They count after a bound only, since elsewhere "one" and "two" seldom state a size."""

from __future__ import annotations

import re
from functools import cache

from redis_plan.brief.lexicon import Lexicon, lexicon

#: A bound stands so many characters before its number at most.
REACH = 28


@cache
def _numbers(language: str) -> dict[str, int]:
    return dict(lexicon(language).data.get("numbers", {}))


@cache
def _pattern(language: str) -> re.Pattern[str]:
    every = sorted(_numbers(language), key=lambda word: (-len(word), word))
    return re.compile(
        rf"(?<=\s)(?:{'|'.join(map(re.escape, every))})(?=\s[^\W\d_])" if every else r"(?!)", re.IGNORECASE
    )


_DIGIT = re.compile(r"[0-9]")


def has_digit(text: str) -> bool:
    """Whether ``text`` holds a digit of any script."""
    return _DIGIT.search(text) is not None or (not text.isascii() and any(map(str.isdigit, text)))


def has_number(text: str, language: str) -> bool:
    """Whether ``text`` holds a digit or, in ``language``, a number in words."""
    return has_digit(text) or _pattern(language).search(text) is not None


def in_digits(line: str, words: Lexicon) -> str:
    """Return ``line`` with the numbers in words that follow a bound in digits, each ending where its word does.

    >>> in_digits("up to twenty players, two at a time", lexicon("en"))
    'up to     20 players, two at a time'
    """
    language = words.languages[0]
    made = line
    for match in _pattern(language).finditer(line):
        before = line[max(0, match.start() - REACH) : match.start()].rstrip()
        value = str(_numbers(language)[match.group().lower()])
        bounds = (hit for hit in words.hits(before) if hit.group.startswith("op."))
        if len(value) <= len(match.group()) and any(hit.end == len(before) for hit in bounds):
            made = made[: match.start()] + value.rjust(len(match.group())) + made[match.end() :]
    return made
