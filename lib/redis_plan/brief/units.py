"""Units as people write them: the spelling after a number, its canonical name, kind and size in base units."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal, NamedTuple

UnitKind = Literal["time", "size", "percent", "money", "rate", "length", "other"]


class Unit(NamedTuple):
    """A unit that was found in a text; ``seconds`` for times; ``end`` is where its spelling ends."""

    name: str
    kind: UnitKind
    seconds: float | None
    end: int


class Rate(NamedTuple):
    """``/s`` or ``per minute`` after a number or a noun; ``per`` is the canonical name of the time."""

    noun: str
    per: str
    end: int


TIME_SECONDS = {"ms": 1e-3, "second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0, "business day": 86_400.0,
                "week": 604_800.0, "month": 2_592_000.0, "year": 31_536_000.0}  # fmt: skip
SIZE_BYTES = {
    "B": 1.0,
    "kB": 1e3,
    "KiB": 1024.0,
    "MB": 1e6,
    "MiB": 1_048_576.0,
    "GB": 1e9,
    "GiB": 1_073_741_824.0,
    "TB": 1e12,
}

#: canonical name -> (kind, spellings as regular expressions)
_SPELLINGS: dict[str, tuple[UnitKind, str]] = {
    "ms": (
        "time",
        r"ms|msec|milliseconds?|milisekund\w*|millisekunden?|milisegundos?|millisecondes?|millisecond[oi]|milissegundos?|milliseconden|мс|миллисекунд\w*|밀리초|ミリ秒|毫秒",
    ),
    "second": (
        "time",
        r"s|secs?|seconds?|sek\.?|seg\.?|sekund\w*|segundos?|secondes?|second[oi]|seconden|сек\.?|секунд\w*|초|秒钟|秒間|秒(?!杀)",
    ),
    "minute": (
        "time",
        r"min\.?|mins|minutes?|minut\w*|minuten?|minuut|мин\.?|минут\w*|분|分钟|分鐘|分間|分(?![\u4e00-\u9fff])|分(?=以|毎|前|後|经|経)",
    ),
    "hour": (
        "time",
        r"h|hrs?|hours?|godz\.?|godzin\w*|stunden?|std\.?|horas?|heures?|or[ae]|uur|uren|ч\.?|час(?:ов|а|у)?|시간|小时|小時|時間",
    ),
    "business day": ("time", r"business days?|working days?|dni roboczych|영업일|営業日|工作日"),
    "day": (
        "time",
        r"d|days?|d[ií]as?|jours?|giorn[oi]|dag(?:en)?|дн\.?|дня|дней|день|сут(?:ки|ок)|dni|dzień|dzien|dniach|tage?n?|일(?:간)?(?![가-힣])|天|日間|日(?!期|志|历|本|常|付|記|记|程|時)",
    ),
    "week": (
        "time",
        r"w|wks?|weeks?|tydzień|tygodni\w*|tyg\.?|wochen?|semanas?|semaines?|settiman[ae]|weken|недел\w*|주(?:간|일)?(?![가-힣])|周(?![边围期末])|週間?",
    ),
    "month": (
        "time",
        r"months?|miesi[ąa]c\w*|miesi[ęe]cy|mies\.?|monate?n?|mes(?:es|i|e)?|m[êe]s|mois|maand(?:en)?|месяц\w*|개월|个月|か月|ヶ月",
    ),
    "year": (
        "time",
        r"years?|yrs?|lat|lata|rok|roku|jahre?n?|a[ñn]os?|ans|ann[oi]|années?|jaar|jaren|лет|год(?:а|ов)?|년(?:간)?|年間|年(?![度级级齢龄])",
    ),
    "percent": (
        "percent",
        r"%|％|percent|procent\w*|prozent|por ciento|por cento|pour cent|per cento|процент\w*|퍼센트",
    ),
    "kB": ("size", r"kb|kilobytes?|kilobajt\w*|ko|кб|килобайт\w*"),
    "KiB": ("size", r"kib"),
    "MB": ("size", r"mb|megabytes?|megabajt\w*|mo|мб|мегабайт\w*"),
    "MiB": ("size", r"mib"),
    "GB": ("size", r"gb|gigabytes?|gigabajt\w*|гб|гигабайт\w*"),
    "GiB": ("size", r"gib"),
    "TB": ("size", r"tb|terabytes?"),
    "B": ("size", r"bytes?|bajt\w*|octets?|байт\w*"),
    "GHz": ("other", r"ghz"),
    "MHz": ("other", r"mhz"),
    "Mbps": ("other", r"[mg]bps|mbit/s"),
    "pixel": ("other", r"px|pixels?|dpi|pt|rem|em"),
    "frame/second": ("rate", r"fps"),
    "request/second": ("rate", r"rps|req/s|reqs/s|qps|tps|ops/s|msg/s|msgs/s"),
    "request/minute": ("rate", r"rpm"),
    "kilometre": ("length", r"km|kilomet\w*"),
    "metre": ("length", r"m|met(?:er|re)s?|metr\w*"),
    "USD": ("money", r"usd|dollars?|dolar\w*|美元|ドル"),
    "EUR": ("money", r"eur|euros?|€"),
    "PLN": ("money", r"pln|zł|zl|złotych|złote"),
    "KRW": ("money", r"원|krw"),
    "JPY": ("money", r"円|jpy"),
    "CNY": ("money", r"元|cny|人民币"),
    "point": ("other", r"점(?![가-힣])"),
}
#: classifiers of languages that glue them to the number: spelling -> English noun
COUNTERS = {
    "종": "kind", "개": "item", "회": "time", "명": "person", "번": "time", "건": "case", "자리": "digit", "자": "character",
    "대": "unit", "팀": "team", "방": "room", "인": "person", "장": "sheet", "가지": "kind", "배속": "x", "배": "x", "라운드": "round", "문제": "question",
    "人": "person", "件": "case", "回": "time", "位": "person", "個": "item", "名": "person", "台": "unit", "文字": "character", "枚": "sheet",
    "줄": "line", "열": "column", "곳": "place", "단계": "step", "페이지": "page", "글자": "character",
    "个": "item", "次": "time", "条": "item", "款": "kind", "种": "kind", "倍": "x", "局": "round", "轮": "round",
}  # fmt: skip
#: What may follow a unit: no letter or digit, unless the unit is of a script without blanks ("24時間365日").
_ASCII_AFTER = r"(?:(?<=[\u3040-\ud7af])|(?![A-Za-z0-9À-ɏЀ-ӿ_]))"
UNIT = re.compile(
    r"[-\s\u00a0]?(?:"
    + "|".join(f"(?P<u{n}>(?:{pattern}))" for n, (_, pattern) in enumerate(_SPELLINGS.values()))
    + ")"
    + _ASCII_AFTER,
    re.IGNORECASE,
)
_NAMES = list(_SPELLINGS)
_COUNTER = re.compile(
    r"\s?(位(?=\s?[\u4e00-\u9fff])|" + "|".join(sorted(map(re.escape, COUNTERS), key=len, reverse=True)) + r")"
)
_PER = re.compile(
    r"(?:-(?=per-)|\s*)(?:(?:(?P<noun>[^\W\d_]+(?:\s[^\W\d_]+)?)\s*)?(?:/|\bper\b|\ba\b(?=\s(?:second|minute|hour|day|week|month))|\bna\b|\bw(?=\s(?:ciągu|miesi|tygod))(?:\sciągu)?|\bpro\b|\bpor\b|\bpar\b|\bal\b|\bв\b|\bза\b|\beach\b)[-\s]*)"
    r"(?P<times>\d{1,3}\s?(?=[a-z分秒小]))?(?P<per>s|sec|second|sek\w*|min|minute|minut\w*|h|hour|hr|godz\w*|day|dzień|dziennie|dobę|week|tydzień|tygodniu|month|mo|miesi[ąa]c\w*|year|rok"
    r"|sekunde|stunde|tag|woche|monat|jahr|segundo|seconde|secondo|seg|minuto|hora|heure|ora|uur|d[ií]a|jour|giorno|dag|semana|semaine|settimana|mes|m[êe]s|mois|mese|maand|сек(?:унд[уы])?|минуту|мин|час|день|сутки|неделю|месяц|초|분|시간|일|주|달|월|秒|分钟|分鐘|分|小时|時間|天|日|週|周|个月|月|年)"
    + _ASCII_AFTER,
    re.IGNORECASE,
)
_DAILY = re.compile(
    r"\s*(?P<noun>[^\W\d_]+\s)?(?P<per>daily|dziennie|weekly|tygodniowo|hourly|monthly|miesięcznie)\b", re.IGNORECASE
)
_PER_NAMES = {"s": "second", "sec": "second", "sek": "second", "min": "minute", "h": "hour", "hr": "hour", "god": "hour",
              "dzi": "day", "dob": "day", "day": "day", "dai": "day", "wee": "week", "tyd": "week", "tyg": "week",
              "stu": "hour", "tag": "day", "woc": "week", "jah": "year", "초": "second", "분": "minute", "시간": "hour", "일": "day",
              "주": "week", "달": "month", "월": "month", "週": "week", "周": "week", "个月": "month", "月": "month", "年": "year", "秒": "second", "分钟": "minute", "分鐘": "minute", "分": "minute", "小时": "hour", "時間": "hour", "天": "day", "日": "day",
              "seg": "second", "сек": "second", "мин": "minute", "час": "hour", "ден": "day", "сут": "day", "нед": "week", "мес": "month",
              "hor": "hour", "heu": "hour", "ora": "hour", "uur": "hour", "día": "day", "dia": "day", "jou": "day", "gio": "day", "sem": "week", "set": "week",
              "mes": "month", "mês": "month", "moi": "month", "maa": "month",
              "mon": "month", "mo": "month", "mie": "month", "yea": "year", "rok": "year", "hou": "hour"}  # fmt: skip
_CASED = {"s", "h", "d", "w", "m"}


#: First letters of Korean endings: what else follows a classifier makes it part of another word (``개발``).
_ENDINGS = frozenset("를을의이가는은로에씩당까부만도와과인마정미초보중단별내째제한간다였입며고라씩또할하")


def _inside_word(counter: str, after: str) -> bool:
    return "가" <= counter[0] <= "힣" and "가" <= after <= "힣" and after not in _ENDINGS


@cache
def _canonical(per: str) -> str:
    low = per.lower()
    return _PER_NAMES.get(low) or _PER_NAMES.get(low[:3], "second")


def _nothing_follows(text: str, position: int) -> bool:
    """Whether no unit can stand here: the end of the text, or another number or sign after one blank at most."""
    ahead = text[position : position + 2]
    first = ahead[1:] if ahead[:1] in (" ", "-", "\xa0", "\t") else ahead[:1]
    return first in _NO_UNIT


#: What no unit begins with; "" is the end of the text.
_NO_UNIT = frozenset({"", *"0123456789.,;:!?|()[]{}<>=+*\"'`_#~\x01"})


def find_unit(text: str, position: int, ttl: bool = False) -> Unit | None:
    """Return the unit that starts at ``position`` (a blank or a hyphen may stand before it), or None.

    ``ttl`` says that the number is a lifetime: then ``m`` is a minute, else a metre, and a lone ``d``, ``w`` or ``s``
    counts only when it is glued to the number.

    >>> find_unit("5m", 1, ttl=True).name, find_unit("150m", 3).name, find_unit("7-day", 1).name
    ('minute', 'metre', 'day')
    """
    if _nothing_follows(text, position):
        return None
    match = UNIT.match(text, position)
    if match is None:
        counter = _COUNTER.match(text, position)
        if counter and not _inside_word(counter.group(1), text[counter.end() : counter.end() + 1]):
            return Unit(
                COUNTERS[counter.group(1)],
                "other" if COUNTERS[counter.group(1)] == "x" else "length",
                None,
                counter.end(),
            )
        return None
    name = _NAMES[int(match.lastgroup[1:])] if match.lastgroup else ""
    spelt = match.group(match.lastgroup or 0)
    glued = match.start(match.lastgroup or 0) == position
    if spelt.lower() in _CASED and (not glued and spelt.lower() in ("d", "w", "m")):
        return None
    if spelt in ("M", "D", "W", "H", "S"):
        return None
    if name == "metre" and ttl and spelt == "m":
        name = "minute"
    kind = _SPELLINGS[name][0]
    return Unit(name, kind, TIME_SECONDS.get(name), match.end())


def find_rate(text: str, position: int) -> Rate | None:
    """Return the "per time" that starts at ``position`` (a counted noun may stand before it), or None.

    >>> find_rate("3,000 requests per second", 5)
    Rate(noun='requests', per='second', end=25)
    """
    if text[position : position + 1] == " " and text[position + 1 : position + 2] in _NO_UNIT:
        return None
    match = _PER.match(text, position) or _DAILY.match(text, position)
    if match is None:
        return None
    noun = (match.group("noun") or "").strip()
    times = (match.groupdict().get("times") or "").strip()
    per = _canonical(match.group("per"))
    return Rate(noun, f"{times} {per}" if times and times != "1" else per, match.end())


def base(value: float, unit: str) -> tuple[str, float]:
    """Return the dimension and the value in base units (seconds, bytes, per second, else a count).

    >>> base(500, "ms"), base(2, "hour"), base(60, "request/minute"), base(8, "player")
    (('s', 0.5), ('s', 7200.0), ('/s', 1.0), ('', 8))
    """
    if unit in TIME_SECONDS:
        return "s", value * TIME_SECONDS[unit]
    if unit in SIZE_BYTES:
        return "B", value * SIZE_BYTES[unit]
    if unit == "percent":
        return "%", value
    if "/" in unit:
        times, _, per = unit.rpartition("/")[2].rpartition(" ")  # "request/15 minute"
        if per in TIME_SECONDS:
            return "/s", value / TIME_SECONDS[per] / (float(times) if times.isdigit() else 1.0)
    return "", value
