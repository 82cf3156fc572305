"""Quantities: numbers with their units, told apart from versions, ids, dates and places in an order.

Every number of a line is looked at once. It counts when a known unit follows (time, size, percent, rate, money), when
a counted noun follows (``1k concurrent bidders``), or when a label says so (``Max players: 8``).

>>> [(q.text, q.value, q.value_max, q.unit) for q in scan("Updates arrive within 1-2 seconds.", "en")]
[('within 1-2 seconds', 1.0, 2.0, 'second')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from redis_plan.brief.lexicon import UNSPACED, Lexicon, fold, lexicon
from redis_plan.brief.model import Comparator, Quantity, QuantityKind
from redis_plan.brief.outline import Block
from redis_plan.brief.units import UNIT, RATE_WORDS, Unit, find_rate, find_unit

_NUM = r"\d{1,3}(?:[ ,.\u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?"
_SCALE = (
    r"(?:[kK](?![A-Za-z])|M(?![A-Za-z])|\s?(?:mln|million|tys\.?|tysięcy|thousand|mld|billion)\b|(?:만|천|억|万|千|億))"
)
_DASH = r"\s?[-–—~〜]\s?|\s?\.\.\.?\s?"
NUMBER = re.compile(
    rf"(?P<op>[<>]=?|[≤≥~≈±∼]|=)?\s?(?P<cur>[$€£¥₩])?\s?(?P<a>{_NUM})(?P<sa>{_SCALE})?"
    rf"(?:(?P<dash>{_DASH})(?P<cur2>[$€£¥₩])?(?P<b>{_NUM})(?P<sb>{_SCALE})?)?(?P<plus>\s?\+)?"
)
_SCALES = {"k": 1e3, "m": 1e6, "mln": 1e6, "million": 1e6, "tys": 1e3, "tysięcy": 1e3, "thousand": 1e3, "mld": 1e9,
           "billion": 1e9, "만": 1e4, "万": 1e4, "천": 1e3, "千": 1e3, "억": 1e8, "億": 1e8}  # fmt: skip
_CURRENCY = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₩": "KRW"}
_SYMBOL_OPS: dict[str, Comparator] = {"<": "<", "<=": "<=", "≤": "<=", ">": ">", ">=": ">=", "≥": ">=", "~": "~",
                                      "≈": "~", "∼": "~", "±": "~", "=": "="}  # fmt: skip
_OPS: tuple[Comparator, ...] = ("<=", ">=", "<", ">", "~")
_URL = re.compile(r"\]\([^()\s]*(?:\s[^()]*)?\)|https?://\S+|www\.\S+|[\w.+-]{1,60}@[\w-]{1,60}\.[\w.]{2,20}")
_DATE = re.compile(
    r"\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\bQ[1-4]\b|(?<!\d)\d{4}년(?:\s?\d{1,2}월)?(?:\s?\d{1,2}일)?"
    r"|\b\d{1,2}:\d{2}(?::\d{2})?(?:\s?[-–~]\s?\d{1,2}:\d{2}(?::\d{2})?)?|\b24/7\b|\b\d{4}-\d{2}\b(?!\d)"
)
_CODE_SPAN = re.compile(r"`[^`]*`")
_NOUN = re.compile(r"[^\W\d_][^\W\d_'’-]*(?:[-'’/][^\W\d_]+)*")
_BOX = re.compile(r"[\u2500-\u259f]")
_BETWEEN = re.compile(r"(?:between|from|od|pomiędzy|między)\s+$", re.IGNORECASE)
_TO = re.compile(rf"\s+(?:to|and|do|a|i|bis|und)\s+(?P<b>{_NUM})(?P<sb>{_SCALE})?", re.IGNORECASE)
_UNSPACED_RATE = re.compile(
    r"(?:(?P<n>\d+)\s?(?P<time>시간|분|초|時間|分|秒|小时|分钟)(?:마다|당|에|に|ごとに|내)?\s?|(?P<word>하루|일일|매일|분당|초당|시간당|每秒|每分钟|每天|每小时|毎秒|毎分|1日に?))\s?"
    r"(?:최대\s?|最多|最大)?(?P<count>\d[\d,]*)\s?(?P<noun>회|번|건|개|次|回|件|個|个)"
)
_RATE_TIMES = {"하루": "day", "일일": "day", "매일": "day", "분당": "minute", "초당": "second", "시간당": "hour", "每秒": "second", "每分钟": "minute",
               "每天": "day", "每小时": "hour", "毎秒": "second", "毎分": "minute", "1日に": "day", "1日": "day"}  # fmt: skip
_LATENCY_WORDS = (
    "latency",
    "within",
    "response",
    "opoznien",
    "w ciagu",
    "delay",
    "deliver",
    "visible",
    "in sync",
    "p95",
    "p99",
)
_STATUS = re.compile(
    r"\b(?:http|status|error|code|kod|błąd|returns?|zwraca|respond\w*|응답|거부|반환)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a line stands in: its block, the table header of each cell, whether its section excludes demand."""

    code: bool = False
    ttl: bool = False
    version: bool = False
    heading: bool = False
    excluded: bool = False
    relevant: bool | None = None
    subject: str = ""
    row: bool = False  # a table row whose header says that a column holds values


def parse_number(text: str, scale: str | None = None) -> float:
    """Return the value of a written number: ``1,000``, ``1 000``, ``1.5``, ``0,5``, ``10`` with scale ``k``.

    >>> parse_number("3,000"), parse_number("1 000"), parse_number("0,5"), parse_number("99.9"), parse_number("10", "k")
    (3000.0, 1000.0, 0.5, 99.9, 10000.0)
    """
    digits = re.sub(r"[ \u00a0\u202f]", "", text)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        digits = digits.replace(",", "")
    elif re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3}){2,}(?:,\d+)?", digits):
        digits = digits.replace(".", "").replace(",", ".")
    else:
        digits = digits.replace(",", ".") if digits.count(",") == 1 and "." not in digits else digits.replace(",", "")
    try:
        value = float(digits)
    except ValueError:
        value = float(re.sub(r"\D", "", digits))
    return value * _SCALES.get((scale or "").strip(" .").lower(), 1.0)


def scan(line: str, language: str, context: Context = Context(), following: str = "") -> list[Quantity]:
    """Return the quantities of one ``line``; ``following`` is the next line of the same statement, for a number that
    ends the line and has its unit there. Files and line numbers are the caller's to fill in.
    """
    return list(_Scanner(line, following, lexicon(language), context).run())


class _Scanner:
    """One line under scrutiny."""

    def __init__(self, line: str, following: str, words: Lexicon, context: Context) -> None:
        self.line = line
        self.context = context
        self.words = words
        self.masked = self._mask(line)
        self.following = following.lstrip("> \t*_")
        self.groups: frozenset[str] | None = None

    def _mask(self, line: str) -> str:
        def hide(match: re.Match[str]) -> str:
            return "\x01" * len(match.group())

        masked = _URL.sub(hide, line) if ("://" in line or "](" in line or "@" in line or "www." in line) else line
        if any(c.isdigit() for c in masked):
            masked = _DATE.sub(hide, masked)
        if "`" in masked and not self.context.code:
            masked = _CODE_SPAN.sub(lambda m: self._mask_code(m.group()), masked)
        return masked

    def _mask_code(self, span: str) -> str:
        inner = span[1:-1].strip()
        match = NUMBER.match(inner)
        if match and find_unit(inner, match.end(), ttl=True):
            return span
        return "\x01" * len(span)

    def run(self) -> Iterator[Quantity]:
        """Yield the quantities in order; a rate of an unspaced script (``1시간 5회``) is taken whole and first."""
        for match in _UNSPACED_RATE.finditer(self.masked) if UNSPACED.search(self.masked) else ():
            per = _RATE_TIMES.get(match.group("word") or "") or find_unit(match.group("time") or "", 0)
            name = per if isinstance(per, str) else per.name if per else "second"
            times = float(match.group("n") or 1)
            value, op = parse_number(match.group("count")) / times, self._word_op(match.start())
            yield self._made(value, None, f"{match.group('noun')}/{name}", "rate", op, *match.span())
            self.masked = (
                self.masked[: match.start()] + "\x01" * (match.end() - match.start()) + self.masked[match.end() :]
            )
        masked, position = self.masked, 0
        while match := NUMBER.search(masked, position):
            quantity, end = self._read(match)
            position = max(end, match.end("a") if quantity is None else match.end(), match.start() + 1)
            if quantity is not None:
                yield quantity

    # one number -----------------------------------------------------------------------------------------------------

    def _read(self, match: re.Match[str]) -> tuple[Quantity | None, int]:
        begin, end = match.start("a"), match.end()
        if self._glued(begin) or self._leading_zero(match):
            return None, match.end("a")
        value, value_max, end, unit_at = self._values(match)
        op = self._symbol(match) or self._word_op(match.start())
        if match.group("plus"):
            op = ">="
        start = match.start() if match.group("op") or match.group("cur") else begin
        money = match.group("cur") or match.group("cur2")
        if money:
            return self._money(_CURRENCY[money], value, value_max, op, start, end)
        unit = find_unit(self.masked, unit_at, ttl=self.context.ttl)
        wraps = False
        if unit is None and self.following and not self.masked[unit_at:].strip(" *_"):
            unit = find_unit(self.following, 0, ttl=self.context.ttl)
            wraps = unit is not None
        rate = None if wraps else find_rate(self.masked, unit.end if unit else unit_at)
        if unit is None and rate is None:
            return self._counted(match, value, value_max, op, start, unit_at)
        if rate is not None and (unit is None or unit.kind != "time"):
            noun = unit.name if unit else rate.noun
            return self._made(value, value_max, f"{noun}/{rate.per}", "rate", op, start, rate.end), rate.end
        assert unit is not None
        if unit.kind == "money":
            return self._money(unit.name, value, value_max, op, start, unit.end)
        if unit.kind == "rate":
            return self._made(value, value_max, unit.name, "rate", op, start, unit.end), unit.end
        stop = len(self.line) if wraps else unit.end
        made = self._made(value, value_max, unit.name, self._kind(unit, value, op), op, start, stop)
        return made, stop

    def _glued(self, begin: int) -> bool:
        """A number that is part of a word, an id, a version, a path or a decimal of another number."""
        before = self.masked[max(0, begin - 2) : begin]
        if not before:
            return False
        last = before[-1]
        if last.isalpha():
            return last.isascii() or fold(last).isascii()
        if last in "_#^@\x01&/\\%":
            return True
        if last in ".,:" and len(before) > 1 and before[0].isdigit():
            return True
        if last == "." and len(before) > 1 and (before[0].isalpha()):
            return True
        if last in "-–" and len(before) > 1 and (before[0].isalnum() or before[0] == "\x01"):
            word = re.search(r"([A-Za-z]+)[-–]$", self.masked[:begin])
            return not (word and word.group(1).lower() in ("sub", "under"))
        if last == ":" and not before[:-1].isspace() and self.context.code:
            return True
        return last in "([" and begin > 2 and self.masked[begin - 2] == "]"

    def _leading_zero(self, match: re.Match[str]) -> bool:
        digits = match.group("a")
        after = self.masked[match.end("a") : match.end("a") + 2]
        if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            return True
        if re.fullmatch(r"\d+\.\d+", digits) and re.match(r"\.\d", after):
            return True  # 1.2.3
        if re.match(r"\.[xX*]|[xX](?!\w)", after) and not after.startswith("x "):
            return True  # 7.x
        prefix = self.masked[: match.start("a")]
        if not prefix.strip(" \t#>*-|") and re.match(r"[.)]\s|[.)]?\d", self.masked[match.end("a") :]):
            return True  # an ordered item, a numbered heading
        return self.context.heading and not prefix.strip(" \t#*") and find_unit(self.masked, match.end()) is None

    def _values(self, match: re.Match[str]) -> tuple[float, float | None, int, int]:
        scale_a, scale_b = match.group("sa"), match.group("sb")
        value, value_max, end = (
            parse_number(match.group("a"), scale_a or (scale_b if match.group("b") else None)),
            None,
            match.end(),
        )
        if match.group("b"):
            value_max = parse_number(match.group("b"), scale_b)
            if match.group("a") and value_max < value and scale_b and not scale_a:
                value = parse_number(match.group("a"))
            if value_max <= value:
                return parse_number(match.group("a"), scale_a), None, match.end("a"), match.end("a")
        elif _BETWEEN.search(self.masked[: match.start()]) or find_unit(self.masked, end) is None:
            to = _TO.match(self.masked, end)
            unit_between = None
            if to is None and _BETWEEN.search(self.masked[: match.start()]):
                unit_between = find_unit(self.masked, end)
                to = _TO.match(self.masked, unit_between.end) if unit_between else None
            if (
                to
                and parse_number(to.group("b"), to.group("sb")) > value
                and (find_unit(self.masked, to.end()) or _BETWEEN.search(self.masked[: match.start()]))
            ):
                return value, parse_number(to.group("b"), to.group("sb")), to.end(), to.end()
        return value, value_max, end, end

    def _symbol(self, match: re.Match[str]) -> Comparator | None:
        return _SYMBOL_OPS.get(match.group("op") or "")

    def _word_op(self, start: int) -> Comparator | None:
        before = self.masked[max(0, start - 28) : start]
        if not before.strip():
            return None
        hits = self.words.hits(before)
        tail = len(before.rstrip(" -–(*_:`"))
        near = [h for h in hits if h.group.startswith("op.") and tail - h.end <= 1]
        if not near:
            return None
        best = max(near, key=lambda h: h.end - h.start)
        return best.group[3:]  # type: ignore[return-value]

    def _money(
        self, unit: str, value: float, top: float | None, op: Comparator | None, start: int, end: int
    ) -> tuple[Quantity | None, int]:
        rate = find_rate(self.masked, end)
        if rate:
            return self._made(value, top, f"{unit}/{rate.per}", "price", op, start, rate.end), rate.end
        return self._made(value, top, unit, "price", op, start, end), end

    def _kind(self, unit: Unit, value: float, op: Comparator | None) -> QuantityKind:
        if unit.kind == "time":
            total = (unit.seconds or 1.0) * value
            low = fold(self.line)
            cue = any(w in low for w in _LATENCY_WORDS)
            bounded = op in ("<", "<=") and not any(w in low for w in ("ttl", "expir", "timeout", "inactiv", "wygas"))
            return "latency" if unit.name == "ms" or (total <= 10 and (cue or bounded)) else "duration"
        if unit.kind == "percent":
            return "percent"
        return "size" if unit.kind == "size" else "other" if unit.kind == "other" else "count"

    def _groups(self) -> frozenset[str]:
        if self.groups is None:
            self.groups = self.words.groups(self.line)
        return self.groups

    # a counted noun -------------------------------------------------------------------------------------------------

    def _counted(
        self, match: re.Match[str], value: float, top: float | None, op: Comparator | None, start: int, end: int
    ) -> tuple[Quantity | None, int]:
        skip = None, end
        before = self.masked[: match.start("a")].rstrip(" *_(~<>≤≥=\"'")
        previous = re.search(r"([^\W\d_]+)[.\s]*$", before)
        prev = fold(previous.group(1)) if previous else ""
        year = 1990 <= value <= 2060 and "," not in match.group("a") and top is None and not match.group("sa")
        if self.context.version or year or (prev in self.words.words("ordinal_words") and not op):
            return skip
        if 100 <= value < 600 and value.is_integer() and (_STATUS.search(self.line) or not op) and self._is_status(end):
            return skip
        hyphen = re.match(r"-([a-z]{3,20})\b", self.masked[end : end + 24])
        noun, stop = (hyphen.group(1), end + hyphen.end()) if hyphen else self._noun(end)
        if self.context.code and not (match.group("sa") and noun):
            return skip
        if hyphen and noun in ("d", "bit", "factor", "way", "tier", "axis", "step", "click", "digit"):
            return skip
        every = re.match(r"\s+(?:every|co|alle)\s", self.masked[stop : stop + 10])
        if every:
            return None, stop
        if not hyphen and noun.endswith("ed") and len(noun) > 4 and self.words.languages[0] == "en":
            noun, stop = "", end
        if noun and self._named_before(previous, before, op):
            return skip
        if not noun and self.context.row and self._alone_in_cell(match.start(), end):
            return self._made(value, top, self._row_noun(), "count", op, start, end), end
        if not noun:
            if (
                op in ("<=", ">=")
                and not match.group("op")
                and self._spoken_op(match.start())
                and not self.context.code
            ):
                return self._made(value, top, "", "limit", op, start, end), end
            if self._labelled(before) and not self.masked[end:].strip(" *_.|;,)"):
                return self._made(value, top, "", "limit", op, start, end), end
            return skip
        kind: QuantityKind = "limit" if op in ("<=", ">=", "<", ">") and not match.group("plus") else "count"
        rate = find_rate(self.masked, stop)
        if rate is not None:
            return self._made(value, top, f"{noun}/{rate.per}", "rate", op, start, rate.end), rate.end
        return self._made(value, top, noun, kind, op, start, stop), stop

    def _alone_in_cell(self, start: int, end: int) -> bool:
        """Whether the number is all that its cell holds (words such as "up to" aside), and not in the first cell."""
        before, after = self.masked[:start], self.masked[end:]
        lead = before.rpartition("|")[2].strip(" *_~<>≤≥=")
        opens = not lead or any(h.group.startswith("op.") for h in self.words.hits(lead))
        return opens and before.count("|") >= 2 and not after.partition("|")[0].strip(" *_+")

    def _row_noun(self) -> str:
        first = self.masked.strip().strip("|").partition("|")[0]
        uncounted = self.words.words("uncounted")
        names = [w for w in re.findall(r"[^\W\d_]{3,}", fold(first)) if w not in uncounted]
        plural = next((w for w in names if w.endswith("s") and not w.endswith("ss")), "")
        return plural or (names[0] if names else "")

    def _is_status(self, end: int) -> bool:
        after = self.masked[end : end + 24].strip()
        return (
            bool(_STATUS.search(self.line))
            or after.startswith("\x01")
            or bool(re.match(r"(?:OK|Not|Bad|Un|Forb|Conf|Too|Int|Serv|Created|Accepted|No )", after))
        )

    def _spoken_op(self, start: int) -> bool:
        word = fold(self.masked[:start].rstrip(" *_(~"))
        return any(word.endswith(w) for w in ("at least", "at most", "up to", "maximum", "max", "minimum", "min",
                                              "co najmniej", "maksymalnie", "no more than", "limit of", "co najwyzej"))  # fmt: skip

    def _labelled(self, before: str) -> bool:
        label = re.search(r"([^\W\d_][\w\s/-]{1,40})[:|=]\s*\**\s*$", before + " ") or re.search(
            r"(\w[\w ]{1,40})\|$", before
        )
        if not label:
            return False
        heads = [h for h in self.words.data.get("label_heads", ())]
        return any(
            any(word.startswith(fold(h[:-1])) if h.endswith("*") else word == fold(h) for h in heads)
            for word in re.findall(r"[a-z]+", fold(label.group(1)))
        )

    def _named_before(self, previous: re.Match[str] | None, before: str, op: Comparator | None) -> bool:
        """``React 18 components``: a capitalised name before the number makes it a version, not a count."""
        if previous is None or op is not None:
            return False
        word, start = previous.group(1), previous.start(1)
        if not (word[0].isupper() and before.endswith(word)):
            return False
        lead = before[:start].strip(" \t-*_#>|[]().:`\"'")
        first = not lead or before[:start].rstrip(" *_").endswith(
            (".", ":", "!", "?", "|", ")", "-", "*", "(", "–", "—")
        )
        return not first or (word.isupper() and len(word) > 1)

    def _noun(self, end: int) -> tuple[str, int]:
        """Return the counted noun after position ``end`` and where it ends; ``("", end)`` when none follows."""
        position, noun, stop, limit = end, "", end, 3
        closing = re.match(r"\*{0,2}", self.masked[end:])
        position += closing.end() if closing else 0
        uncounted = self.words.words("uncounted")
        while limit and (gap := re.match(r"[ \u00a0]+", self.masked[position:])) is not None:
            match = _NOUN.match(self.masked, position + gap.end())
            if match is None:
                break
            word = match.group()
            if fold(word) in uncounted or (
                not noun and (len(word) < 3 or (word[0].isupper() and not self.masked.isupper()))
            ):
                break
            if noun and word[0].isupper():
                break
            if noun and limit < 3 and not self._may_continue(noun):
                break
            noun, stop, position = fold(word), match.end(), match.end()
            limit -= 1
            if noun.endswith("s") and not noun.endswith("ss") and len(noun) > 3:
                break
            if self.words.languages[0] == "pl" and not noun.endswith(("ych", "ich", "nia", "ne", "owe")):
                break
        return noun, stop

    @staticmethod
    def _may_continue(noun: str) -> bool:
        return not noun.endswith("s") or noun.endswith("ss")

    def _made(
        self,
        value: float,
        top: float | None,
        unit: str,
        kind: QuantityKind,
        op: Comparator | None,
        start: int,
        end: int,
    ) -> Quantity:
        text = self.line[start:end].strip()
        relevant = self._relevant(kind, unit)
        return Quantity(text, value, unit, kind, "", 0, top, op, self.context.subject, self._scope(), relevant)

    def _scope(self) -> str:
        low = fold(self.line)
        for scope, marks in (
            ("at peak", ("peak", "concurrent", "simultaneous", "szczyt", "jednoczes", "rownoczes")),
            ("per session", ("per session", "per room", "per game", "na sesj", "na pokoj", "w pokoju", "each room")),
            ("per user", ("per user", "per player", "per wallet", "each user", "na gracza", "na uzytkownika")),
        ):
            if any(mark in low for mark in marks):
                return scope
        return ""

    def _relevant(self, kind: QuantityKind, unit: str) -> bool:
        if self.context.excluded:
            return False
        if self.context.relevant is not None:
            return self.context.relevant
        groups = self._groups()
        if kind in ("price", "date", "other"):
            return False
        if kind in ("latency", "rate"):
            return True
        return "relevant" in groups and not ("irrelevant" in groups and kind in ("percent", "duration"))


def read_quantities(
    lines: Sequence[str], blocks: Sequence[Block], file: str, language: str, contexts: dict[int, Context]
) -> tuple[Quantity, ...]:
    """Return the quantities of a document; ``contexts`` says what each line stands in."""
    found: list[Quantity] = []
    joined = {n for b in blocks if b.kind in ("paragraph", "item") for n in range(b.line, b.end)}
    bare = Context()
    for number, line in enumerate(lines, 1):
        if not any(c.isdigit() for c in line):
            continue
        context = contexts.get(number, bare)
        if context.code and _BOX.search(line) and not re.search(r"\d\s?[KM]\b", line):
            continue
        following = lines[number] if number in joined and number < len(lines) else ""
        for quantity in scan(line, language, context, following):
            found.append(replace(quantity, file=file, line=number))
    return tuple(found)


__all__ = ["RATE_WORDS", "UNIT", "Context", "parse_number", "read_quantities", "scan"]
