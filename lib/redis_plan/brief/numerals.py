"""Numerals: how people write numbers, scales, ranges and bounds, and what only looks like a number."""

from __future__ import annotations

import re

from redis_plan.brief.model import Comparator
from redis_plan.brief.units import find_unit

NUM = r"\d{1,3}(?:[ ,.\u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?"
SCALE = r"(?:[kK](?![A-Za-z])|M(?![A-Za-z])|\s?(?:mln|millions?|mio\.?|millionen|millones|mill[oó]n|milh[õo]es|milh[aã]o|milion[ie]|miljoen|tys\.?|tysięcy|thousands?|tausend|tsd\.?|duizend|mille|mila|mil|mld|billion|тыс\.?|тысяч\w?|млн\.?|миллион\w*)(?![^\W\d_])|\s?(?:십만|백만|천만|만|천|억|十万|百万|千万|万|萬|千|億|亿|億))"
_DASH = r"\s?[-–—~〜～]\s?|\s?\.\.\.?\s?|\s?(?:到|至|から|에서|부터)\s?"
NUMBER = re.compile(
    rf"(?P<op>[<>]=?|[≤≥~≈±∼]|=)?\s?(?P<cur>[$€£¥₩])?\s?(?P<a>{NUM})(?P<sa>{SCALE})?"
    rf"(?:(?P<dash>{_DASH})(?P<cur2>[$€£¥₩])?(?P<b>{NUM})(?P<sb>{SCALE})?)?(?P<plus>\s?\+)?"
)
SCALES = {"millions": 1e6, "mio": 1e6, "millionen": 1e6, "millones": 1e6, "millón": 1e6, "millon": 1e6, "milhões": 1e6, "milhoes": 1e6, "milhão": 1e6,
          "milhao": 1e6, "milioni": 1e6, "milione": 1e6, "miljoen": 1e6, "thousands": 1e3, "tausend": 1e3, "tsd": 1e3, "duizend": 1e3, "mille": 1e3, "mila": 1e3,
          "mil": 1e3, "тыс": 1e3, "тысяч": 1e3, "тысячи": 1e3, "тысяча": 1e3, "млн": 1e6, "миллион": 1e6, "миллиона": 1e6, "миллионов": 1e6, "십만": 1e5, "백만": 1e6,
          "천만": 1e7, "十万": 1e5, "百万": 1e6, "千万": 1e7, "萬": 1e4,
          "k": 1e3, "m": 1e6, "mln": 1e6, "million": 1e6, "tys": 1e3, "tysięcy": 1e3, "thousand": 1e3, "mld": 1e9,
           "billion": 1e9, "만": 1e4, "万": 1e4, "천": 1e3, "千": 1e3, "억": 1e8, "億": 1e8, "亿": 1e8}  # fmt: skip
CURRENCY = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₩": "KRW"}
SYMBOL_OPS: dict[str, Comparator] = {"<": "<", "<=": "<=", "≤": "<=", ">": ">", ">=": ">=", "≥": ">=", "~": "~",
                                      "≈": "~", "∼": "~", "±": "~", "=": "="}  # fmt: skip
_URL = re.compile(r"\]\([^()\s]*(?:\s[^()]*)?\)|https?://\S+|www\.\S+|[\w.+-]{1,60}@[\w-]{1,60}\.[\w.]{2,20}")
_DATE_HINT = re.compile(r"\d[-/.:년]\d|Q\d|\d년|24/7")
_DATE = re.compile(
    r"\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\bQ[1-4]\b|(?<!\d)\d{4}년(?:\s?\d{1,2}월)?(?:\s?\d{1,2}일)?"
    r"|\b\d{1,2}:\d{2}(?::\d{2})?(?:\s?[-–~]\s?\d{1,2}:\d{2}(?::\d{2})?)?|\b24/7\b|\b\d{4}-\d{2}\b(?!\d)"
)
CODE_SPAN = re.compile(r"`[^`]*`")
#: The same after a unit or classifier of a script without blanks: "3人から12人", "3명에서 12명", "30秒到90秒".
TO_UNSPACED = re.compile(rf"\s?(?:から|에서|부터|到|至|[-–~〜～])\s?(?P<b>{NUM})(?P<sb>{SCALE})?")
UNSPACED_RATE = re.compile(
    r"(?:(?P<n>\d+)\s?(?P<time>시간|분|초|時間|分|秒|小时|分钟)(?:마다|당|에|に|ごとに|내)?\s?|(?P<word>하루|일일|매일|매주|매월|월|주|月に|毎月|每月|月|毎週|每周|분당|초당|시간당|每秒|每分钟|每天|每小时|毎秒|毎分|1日に?))\s?"
    r"(?:최대\s?|最多|最大)?(?P<count>\d[\d,]*)\s?(?P<noun>회|번|건|개|次|回|件|個|个)"
)
RATE_TIMES = {"매주": "week", "주": "week", "毎週": "week", "每周": "week", "매월": "month", "월": "month", "月に": "month", "毎月": "month", "每月": "month", "月": "month",
               "하루": "day", "일일": "day", "매일": "day", "분당": "minute", "초당": "second", "시간당": "hour", "每秒": "second", "每分钟": "minute",
               "每天": "day", "每小时": "hour", "毎秒": "second", "毎分": "minute", "1日に": "day", "1日": "day"}  # fmt: skip


_SURELY_DOTTED = re.compile(r"[1-9]\d{0,2}(?:(?:\.\d{3}){2,}(?:,\d+)?|\.000)")
_DOTTED = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?")


def parse_number(text: str, scale: str | None = None, dotted: bool = False) -> float:
    """Return the value of a written number: ``1,000``, ``1 000``, ``1.5``, ``0,5``, ``10`` with scale ``k``.

    ``dotted`` says that the language parts thousands by dots (1.500 is a thousand and a half); ``1.000`` always does.

    >>> parse_number("3,000"), parse_number("1 000"), parse_number("0,5"), parse_number("99.9"), parse_number("10", "k")
    (3000.0, 1000.0, 0.5, 99.9, 10000.0)
    """
    if text.isascii() and text.isdigit():
        return float(text) * (SCALES.get(scale.strip(" .").lower(), 1.0) if scale else 1.0)
    digits = re.sub(r"[ \u00a0\u202f]", "", text)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        digits = digits.replace(",", "")
    elif re.fullmatch(_DOTTED if dotted else _SURELY_DOTTED, digits):
        digits = digits.replace(".", "").replace(",", ".")
    else:
        digits = digits.replace(",", ".") if digits.count(",") == 1 and "." not in digits else digits.replace(",", "")
    try:
        value = float(digits)
    except ValueError:
        value = float(re.sub(r"\D", "", digits))
    return value * SCALES.get((scale or "").strip(" .").lower(), 1.0)


#: So many blanks in a code span make it a sentence that someone set in code: "`WHEN a user joins, THE SYSTEM …`".
PROSE_WORDS = 6


def mask(line: str, code: bool = False) -> str:
    """Return ``line`` of the same length with addresses, dates, clock times and code hidden.

    A lone quantity in a code span stays (`` `30s` ``), and so does everything where the whole line is ``code``.
    """

    def hide(match: re.Match[str]) -> str:
        return "\x01" * len(match.group())

    masked = _URL.sub(hide, line) if ("://" in line or "](" in line or "@" in line or "www." in line) else line
    if _DATE_HINT.search(masked):
        masked = _DATE.sub(hide, masked)
    if "`" in masked and not code:
        masked = CODE_SPAN.sub(lambda m: _mask_code(m.group()), masked)
    return masked


def _mask_code(span: str) -> str:
    inner = span[1:-1].strip()
    if inner.count(" ") >= PROSE_WORDS and not any(sign in inner for sign in ("=", "{", "}", "--")):
        return span
    match = NUMBER.match(inner)
    if match and find_unit(inner, match.end(), ttl=True):
        return span
    return "\x01" * len(span)
