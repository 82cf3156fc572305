"""One line and its quantities: numbers with their units, told apart from versions, ids, dates and places in an order.

Every number of a line is looked at once. It counts when a known unit follows (time, size, percent, rate, money), when
a counted noun follows (``1k concurrent bidders``), or when a label says so (``Max players: 8``).

>>> [(q.text, q.value, q.value_max, q.unit) for q in scan("Updates arrive within 1-2 seconds.", "en")]
[('1-2 seconds', 1.0, 2.0, 'second')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from redis_plan.brief.counted import Context, Line
from redis_plan.brief.lexicon import UNSPACED, fold, lexicon
from redis_plan.brief.model import Comparator, Quantity, QuantityKind
from redis_plan.brief.numerals import (
    CURRENCY,
    NUMBER,
    RATE_TIMES,
    SYMBOL_OPS,
    TO_UNSPACED,
    UNSPACED_RATE,
    parse_number,
)
from redis_plan.brief.ranges import REACH, between, bound_after, makes_range, opening, says_between, upper_end
from redis_plan.brief.stack import technology_words
from redis_plan.brief.units import Unit, find_rate, find_unit

#: Characters that a number may have before its first digit
_LEAD = 5
_DECIMAL = re.compile(r"\d+\.\d+")
_SECTION = re.compile(r"\d+(?:\.\d+)+")
_ANY_PATCH = re.compile(r"\.[xX*]|[xX](?!\w)")
_ORDERED = re.compile(r"[.)]\s|[.)]?\d")
_A_WORD = re.compile(r"\s+[^\W\d_]")
_AFTER_HYPHEN = re.compile(r"-([a-z]{3,20})\b")
_DIGIT = re.compile(r"\d")
#: "Retry 3 times": a count, unlike "3 times faster".
_TIMES = re.compile(
    r"\s(?:times|attempts|tries)\b(?!\s(?:the|as|more|less|fewer|faster|slower|larger|bigger|smaller|higher|lower|cheaper|better))"
)
_EVERY = re.compile(r"\s+(?:every|co|alle)\s+\d")
_WORD_BEFORE = re.compile(r"([^\W\d_]+)[.\s]*$")
_NAME_BEFORE = re.compile(r"([A-Z][\w.+#/-]*)\*{0,2}\s\(?v?$")
_LIST_GAP = re.compile(r"\W{0,3}[,/、|]\W{0,3}(?:or\s|and\s|lub\s|i\s|oraz\s)?")
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


#: Characters before a number that say what it is.
LOOK_BACK = 200
#: Signs that make a limit of a bare number: "a large number of participants (>10,000)".
_LIMITS = ("<=", ">=", "<", ">")
#: What a number makes of these words with a hyphen is a property, not a count: "2-way", "5-step".
_HYPHENATED = ("based", "d", "bit", "factor", "way", "tier", "axis", "step", "click")
_BOUNDS = ("<", "<=", ">", ">=", "≤", "≥")
#: A line with more quantities holds data, not demands: what follows is not looked at.
MOST_IN_A_LINE = 12
#: So many values of one kind in a row, with commas between, are the choices of a menu and no quantities.
MENU = 4
#: Languages that part thousands by dots.
_DOTTED = frozenset({"de", "es", "it", "pt", "nl", "ru", "fr"})
NOWHERE = Context()


def scan(
    line: str, language: str, context: Context = NOWHERE, following: str = "", file: str = "", number: int = 0
) -> list[Quantity]:
    """Return the quantities of one ``line``, which is line ``number`` of ``file``.

    ``following`` is the next line of the same statement, for a number that ends the line and has its unit there.
    """
    scanner = _Scanner(line, following, lexicon(language), context)
    scanner.place = (file, number)
    found = list(scanner.run())
    return _without_menus(found, line) if len(found) >= MENU else found


def _without_menus(found: Sequence[Quantity], line: str) -> list[Quantity]:
    """Drop four or more values of one kind that only commas part: "1 week, 2 weeks, 1 month, 3 months" is a menu."""
    kept: list[Quantity] = []
    run: list[Quantity] = []
    position = end = 0
    for quantity in found:
        start = line.find(quantity.text, position)
        between = line[end:start]
        if run and (quantity.kind != run[-1].kind or not _LIST_GAP.fullmatch(between)):
            kept += run if len(run) < MENU else []
            run = []
        run.append(quantity)
        position = end = start + len(quantity.text)
    return kept + (run if len(run) < MENU else [])


class _Scanner(Line):
    """One line under scrutiny."""

    place = ("", 0)

    def run(self) -> Iterator[Quantity]:
        """Yield the quantities in order; a rate of an unspaced script (``1시간 5회``) is taken whole and first."""
        unspaced = not self.masked.isascii() and UNSPACED.search(self.masked)
        for match in UNSPACED_RATE.finditer(self.masked) if unspaced else ():
            per = RATE_TIMES.get(match.group("word") or "") or find_unit(match.group("time") or "", 0)
            name = per if isinstance(per, str) else per.name if per else "second"
            times = float(match.group("n") or 1)
            value, op = parse_number(match.group("count")) / times, self._word_op(match.start())
            yield self._made(value, None, f"{match.group('noun')}/{name}", "rate", op, *match.span())
            self.masked = (
                self.masked[: match.start()] + "\x01" * (match.end() - match.start()) + self.masked[match.end() :]
            )
        masked, position, left = self.masked, 0, MOST_IN_A_LINE
        while (digit := _DIGIT.search(masked, position)) is not None:
            number = NUMBER.search(
                masked, max(position, digit.start() - _LEAD)
            )  # a sign, a currency and blanks at most
            if number is None:
                return
            quantity, end = self._read(number)
            position = max(end, number.end("a") if quantity is None else number.end(), number.start() + 1)
            if quantity is not None:
                yield quantity
                left -= 1
                if not left:
                    return

    def _is_version(self, start: int) -> bool:
        """Whether the word before is a technology: ``Astro 5 pozwala`` counts nothing."""
        name = _NAME_BEFORE.search(self.masked[max(0, start - 40) : start])
        return name is not None and fold(name.group(1)) in technology_words()

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
            return self._money(CURRENCY[money], value, value_max, op, start, end)
        unit = find_unit(self.masked, unit_at, ttl=self.ttl)
        wraps = False
        if unit is None and self.following and not self.masked[unit_at:].strip(" *_"):
            unit = find_unit(self.following, 0, ttl=self.ttl)
            wraps = unit is not None
        rate = None if wraps else find_rate(self.masked, unit.end if unit else unit_at)
        if unit is None and rate is None:
            return self._counted(match, value, value_max, op, start, unit_at)
        if rate is not None and (unit is None or unit.kind != "time"):
            noun = unit.name if unit else rate.noun
            kind: QuantityKind = "percent" if noun == "percent" else "rate"  # "grows by 20 % a month" happens seldom
            return self._made(value, value_max, f"{noun}/{rate.per}", kind, op, start, rate.end), rate.end
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
        if after[:1] == "." and _DECIMAL.fullmatch(digits) and after[1:].isdigit():
            return True  # 1.2.3
        if after[:1] in (".", "x", "X") and _ANY_PATCH.match(after) and not after.startswith("x "):
            return True  # 7.x
        start = match.start("a")
        if start > self.opening:
            return False
        prefix = self.masked[:start]
        heading = self.context.heading or self.line.startswith("#")
        opens = not prefix.strip(" \t#>*-")
        if opens and _SECTION.fullmatch(digits) and self._title_follows(match.end("a")):
            return True  # ### 5.2 Rooms, or the same without marks
        if not prefix.strip(" \t#>*-|") and _ORDERED.match(self.masked, match.end("a")):
            return True  # an ordered item, a numbered heading
        return heading and not prefix.strip(" \t#*") and find_unit(self.masked, match.end()) is None

    def _title_follows(self, end: int) -> bool:
        """Whether a blank and a word that is no unit follow: "5.2 Rooms", "1.1 项目背景"."""
        follows = _A_WORD.match(self.masked[end : end + 8])
        return bool(follows) and (self.context.heading or find_unit(self.masked, end) is None)

    def _values(self, match: re.Match[str]) -> tuple[float, float | None, int, int]:
        scale_a, scale_b = match.group("sa"), match.group("sb")
        dotted = self.words.languages[0] in _DOTTED
        value, value_max, end = (
            parse_number(match.group("a"), scale_a or (scale_b if match.group("b") else None), dotted),
            None,
            match.end(),
        )
        if match.group("b"):
            value_max = parse_number(match.group("b"), scale_b, dotted)
            if match.group("a") and value_max < value and scale_b and not scale_a:
                value = parse_number(match.group("a"))
            if value_max <= value:
                return parse_number(match.group("a"), scale_a), None, match.end("a"), match.end("a")
        else:
            lead = self.masked[max(0, match.start("a") - 24) : match.start("a")]
            language = self.words.languages[0]
            opens = lead[-1:].isspace() and opening(language).search(lead)
            unit = find_unit(self.masked, end) if opens else None
            to = upper_end(language).match(self.masked, unit.end if unit else end)
            top = parse_number(to.group("b"), to.group("sb")) if to else 0.0
            if to and top > value:
                ranges = makes_range(to.group("word"), language)
                if (opens or self._says_what(to.end())) if ranges else between(language).search(lead):
                    return value, top, to.end(), to.end()
            if not self.masked[end : end + 4].isascii() and (range_ := self._unspaced_range(value, end)):
                return value, *range_
        return value, value_max, end, end

    def _unspaced_range(self, value: float, end: int) -> tuple[float, int, int] | None:
        """Return the upper end of a range that repeats its unit, and where it ends: "3人から12人", "3명에서 12명"."""
        unit = find_unit(self.masked, end)
        to = TO_UNSPACED.match(self.masked, unit.end) if unit else None
        if unit is None or to is None:
            return None
        top, again = parse_number(to.group("b"), to.group("sb")), find_unit(self.masked, to.end())
        return (top, to.end(), to.end()) if top > value and again and again.name == unit.name else None

    def _says_what(self, end: int) -> bool:
        return find_unit(self.masked, end) is not None or bool(self._noun(end)[0])

    def _symbol(self, match: re.Match[str]) -> Comparator | None:
        return SYMBOL_OPS.get(match.group("op") or "")

    def _word_op(self, start: int) -> Comparator | None:
        before = self.masked[max(0, start - 28) : start]
        if not before.strip():
            return None
        said = before.rstrip(" -–(*_:`")
        if not self.words.may_end("op.", said):
            return None
        hits, tail = self.words.hits(before), len(said)
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
            low = self.folded
            cue = any(w in low for w in _LATENCY_WORDS)
            bounded = op in ("<", "<=") and not any(w in low for w in ("ttl", "expir", "timeout", "inactiv", "wygas"))
            return "latency" if unit.name == "ms" or (total <= 10 and (cue or bounded)) else "duration"
        if unit.kind == "percent":
            return "percent"
        return "size" if unit.kind == "size" else "other" if unit.kind == "other" else "count"

    def _counted(
        self, match: re.Match[str], value: float, top: float | None, op: Comparator | None, start: int, end: int
    ) -> tuple[Quantity | None, int]:
        skip = None, end
        before = self.masked[max(0, match.start("a") - LOOK_BACK) : match.start("a")].rstrip(" *_(~<>≤≥=\"'")
        previous = _word_before(before[-40:])
        if self._is_name(match, value, top, op, fold(previous.group(1)) if previous else "", end):
            return skip
        hyphen = _AFTER_HYPHEN.match(self.masked[end : end + 24])
        noun, stop = (hyphen.group(1), end + hyphen.end()) if hyphen else self._noun(end)
        times = _TIMES.match(self.masked, end) if not noun else None
        noun, stop = ("time", times.end()) if times else (noun, stop)
        if (self.context.code and not (match.group("sa") and noun)) or (hyphen and noun in _HYPHENATED):
            return skip
        beyond = bound_after(self.masked, end, self.words.languages[0]) if not noun else None
        if beyond and (behind := self._noun(beyond[1]))[0]:  # "8 o más jugadores"
            op, (noun, stop) = op or beyond[0], behind
        if not hyphen and noun.endswith("ed") and len(noun) > 4 and self.words.languages[0] == "en":
            noun, stop = "", end
        if not noun:
            return self._bare(match, value, top, op, start, end, before)
        if self._named_before(previous, before[-40:], op):
            return skip
        kind: QuantityKind = "limit" if op in _LIMITS and not match.group("plus") else "count"
        rate = find_rate(self.masked, stop)
        if rate is not None:
            return self._made(value, top, f"{noun}/{rate.per}", "rate", op, start, rate.end), rate.end
        if _EVERY.match(self.masked, stop):
            return None, stop  # "1 ping every 3 s": the period says it all
        return self._made(value, top, noun, kind, op, start, stop), stop

    def _is_name(
        self, match: re.Match[str], value: float, top: float | None, op: Comparator | None, previous: str, end: int
    ) -> bool:
        """Whether the number names something: a year, a place in an order, a version, a status code."""
        plain = match.group("a").isdigit() and not match.group("sa") and top is None
        year = plain and 1990 <= value <= 2060 and not (value == 2000 and _A_WORD.match(self.masked, end))
        if self.context.version or year or (previous in self.words.words("ordinal_words") and not op):
            return True
        if 100 <= value < 600 and value.is_integer() and self._is_status(end):
            return True
        return not op and self._is_version(match.start("a"))

    def _bare(
        self,
        match: re.Match[str],
        value: float,
        top: float | None,
        op: Comparator | None,
        start: int,
        end: int,
        before: str,
    ) -> tuple[Quantity | None, int]:
        """A number that counts no noun: alone in a table's cell, after a bound, or under a label that asks for one."""
        if self.context.row and self._alone_in_cell(match.start(), end):
            return self._made(value, top, self._row_noun(), "count", op, start, end), end
        if self.context.code:
            return None, end
        if self.context.label:
            names = re.findall(r"[^\W\d_]{3,}", fold(self.context.label))
            return self._made(value, top, names[-1] if names else "", "count", op, start, end), end
        spoken = op in ("<=", ">=") and not match.group("op") and self._spoken_op(match.start())
        spoken = spoken or (value > 1 and self._bounded(match, end, top))
        signed = match.group("op") in _BOUNDS and value > 1
        labelled = self._labelled(before) and not self.masked[end:].strip(" *_.|;,)")
        labelled = labelled or self._limit_of(match.start("a"), end) or self._in_cell_of_limit(match, end, top)
        if spoken or signed or labelled:
            return self._made(value, top, "", "limit", op, start, end), end
        return None, end

    def _bounded(self, match: re.Match[str], end: int, top: float | None) -> bool:
        """Whether a bound follows a number that counts no noun, or it is a range "between": "600 at most", "hay entre 40 y 70"."""
        language = self.words.languages[0]
        bound = bound_after(self.masked, end, language) if self.masked[end : end + 1] == " " else None
        lead = self.masked[max(0, match.start("a") - REACH) : match.start("a")]
        said = top is not None and says_between(self.masked[match.start("a") : end], language)
        return (bound is not None and bound[0] == "<=") or (said and between(language).search(lead) is not None)

    def _in_cell_of_limit(self, match: re.Match[str], end: int, top: float | None) -> bool:
        """A range that ends the cell of a row which a limit opens: ``| max_players | Number | from 2 - 8 |``."""
        if top is None or not self.line.lstrip().startswith("|") or self.masked[end:].strip()[:1] not in ("", "|"):
            return False
        return self._labelled(self.masked.strip().strip("|").partition("|")[0].replace("_", " ").strip() + ":")

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
        if self.masked[start : start + 1].isdigit() and not self.line[start].isdigit():  # a number in words
            lead = len(self.masked[:start].rstrip(" "))
            start = lead + len(self.line[lead:start]) - len(self.line[lead:start].lstrip())
        text = self.line[start:end].strip()
        if op is None:
            beyond = bound_after(self.masked, end, self.words.languages[0])
            op = beyond[0] if beyond else None
        relevant = self._relevant(kind, unit)
        file, number = self.place
        return Quantity(text, value, unit, kind, file, number, top, op, self.context.subject, self.at_peak, relevant)


def _word_before(text: str) -> re.Match[str] | None:
    """Return the last word of ``text``; looking for its beginning first is quicker than searching from the left."""
    start = len(text.rstrip(". \t\n\xa0"))
    while start > 0 and text[start - 1].isalpha():
        start -= 1
    return _WORD_BEFORE.match(text, start)
