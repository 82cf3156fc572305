"""Ranges and bounds around a number, by the grammar of each language: "desde 2 hasta 8", "8 o más jugadores", "40 max".

The words stand in the lexicon of each language; a document of any of them may mix English in.
"""

from __future__ import annotations

import re
from functools import cache

from redis_plan.brief.lexicon import fold, lexicon
from redis_plan.brief.model import Comparator
from redis_plan.brief.numerals import NUM, SCALE

#: So far behind a number its bound begins and ends.
REACH = 24
#: Bounds of scripts without blanks stand straight after what they bound: "100人以上", "8명 이하".
_GLUED: tuple[tuple[re.Pattern[str], Comparator], ...] = (
    (re.compile(r"\s?(?:以下|以内|以內|之内|内(?![容部存])|まで|を超えない|を超えることは(?:ない|なく|あり)|이하|이내|까지|[을를]?\s?(?:넘지|초과하지))"), "<="),
    (re.compile(r"\s?(?:以上|이상)"), ">="),
    (re.compile(r"\s?(?:未満|미만)"), "<"),
    (re.compile(r"\s?(?:超(?:え|过)|초과)"), ">"),
)  # fmt: skip


@cache
def _forms(language: str, group: str) -> tuple[str, ...]:
    """Return the words of a ``group``, with and without diacritics, the longest first."""
    words = lexicon(language).data.get(group, ())
    return tuple(sorted({form for word in words for form in (word, fold(word))}, key=lambda word: (-len(word), word)))


def _any_of(*forms: str) -> str:
    return "|".join(map(re.escape, forms)) or r"(?!)"


@cache
def opening(language: str) -> re.Pattern[str]:
    """Match what opens a range at the end of a text: "between ", "desde "."""
    return re.compile(rf"(?<!\w)(?:{_any_of(*_forms(language, 'range_opens'))})\s+$", re.IGNORECASE)


@cache
def between(language: str) -> re.Pattern[str]:
    """Match what makes "and" join the two ends of a range at the end of a text; "de 10 segundos y 30 jugadores" is none."""
    return re.compile(rf"(?<!\w)(?:{_any_of(*_forms(language, 'between'))})\s+$", re.IGNORECASE)


@cache
def upper_end(language: str) -> re.Pattern[str]:
    """Match the upper end of a range after its lower one: " and 8", " hasta 8k"."""
    words = _any_of(*sorted((*_forms(language, "range_words"), *_forms(language, "and_words")), key=len, reverse=True))
    return re.compile(rf"\s+(?P<word>{words})\s+(?P<b>{NUM})(?P<sb>{SCALE})?", re.IGNORECASE)


def makes_range(word: str, language: str) -> bool:
    """Whether ``word`` makes a range of two numbers by itself; "and" needs a "between"."""
    return word.lower() in _forms(language, "range_words")


def says_between(text: str, language: str) -> bool:
    """Whether "and" joins the two ends of a range."""
    return any(f" {word} " in text.lower() for word in _forms(language, "and_words"))


@cache
def _after(language: str, group: str) -> re.Pattern[str]:
    return re.compile(rf"\s?\(?(?:{_any_of(*_forms(language, group))})(?!\w)")


def bound_after(text: str, position: int, language: str) -> tuple[Comparator, int] | None:
    """Return the bound that stands at ``position`` and where it ends, or None.

    >>> bound_after("8 o mas jugadores", 1, "es"), bound_after("8 jugadores", 1, "es")
    (('>=', 7), None)
    """
    ahead = text[position : position + REACH]
    for pattern, bound in _GLUED if not ahead.isascii() else ():
        if match := pattern.match(ahead):
            return bound, position + match.end()
    folded = fold(ahead)
    if match := _after(language, "or_fewer").match(folded):
        return "<=", position + match.end()
    if match := _after(language, "or_more").match(folded):
        return ">=", position + match.end()
    return None
