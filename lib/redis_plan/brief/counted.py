"""Counted nouns: whether the words around a bare number make it a count, a version, a status code or nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from redis_plan.brief.lexicon import UNSPACED, Lexicon, fold
from redis_plan.brief.model import Comparator, QuantityKind
from redis_plan.brief.numerals import mask
from redis_plan.brief.reconcile.vocabulary import concepts
from redis_plan.brief.spelt import in_digits

_NOUN = re.compile(r"[^\W\d_][^\W\d_'’-]*(?:[-'’/][^\W\d_]+)*")
#: What scripts without blanks count straight after a number: "1000ユーザー"; not dates, places in an order or generations.
_GLUED = re.compile(
    r"(?![月号號日章节節条條項项版期階级級代次世度点點時时つ])(?:[\u30a0-\u30ff]{2,10}|[\u4e00-\u9fff]{1,4})"
)
#: Endings in s of words that are no plural: "10,000 simultaneous users" counts users.
_NO_PLURAL = ("ss", "ous")
#: "1.000.000 de visitas", "2 millions d'utilisateurs"
_PARTICLE = re.compile(r"\s(?:(?:de|di)\s|d['’])(?=[^\W\d_]{4,})")
_BLANKS = re.compile(r"[ \u00a0]+")
_STATUS = re.compile(
    r"\b(?:http|status|errors?|code|kod|błąd|błęd\w+|redirects?|przekierow\w+|returns?|zwraca|responds?|fehler\w*|erreur|código|codice|ошибк\w+)\b"
    r"|응답|거부|반환|重定向|拦截|返回|エラー|ステータス",
    re.IGNORECASE,
)
_LIMIT_WORD = re.compile(
    r"(?:\b(?:limit|cap|capacity|maximum|max|quota|size)|\b(?:max(?:imum)?|min(?:imum)?|number of)\s[^\W\d_]+(?:\s[^\W\d_]+)?)$",
    re.IGNORECASE,
)
_LIMIT_SET = re.compile(
    r"\b(?:limit|cap|capacity|maximum|max|size)\w*(?:\s\w+)?(?:\s+(?:is|to|of)|\s*=)\s*\**$", re.IGNORECASE
)
#: "Limit 5 per room": a limit straight before the number, and what it is a limit of each of
_LIMIT_BARE = re.compile(r"\b(?:limit|cap|maximum|l[ií]mite|limite|limiet|лимит)\s+\**$", re.IGNORECASE)
_OF_EACH = re.compile(r"\**\s+(?:per|each|na|pro|por|par|in each|на)\s+(?=[^\W\d_])", re.IGNORECASE)
_TIMELY = re.compile(
    r"ttl|expir|timeout|time-out|window|short-lived|interval|every|cache|retention|grace|inactiv|idle|lease"
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
    label: str = ""  # the line above, where this line is nothing but its value
    row: bool = False  # a table row whose header says that a column holds values


class Line:
    """One line under scrutiny."""

    def __init__(self, line: str, following: str, words: Lexicon, context: Context) -> None:
        self.line = line
        self.context = context
        self.words = words
        self.masked = in_digits(mask(line, context.code), words)
        #: up to here the line holds only marks of lists, headings and tables
        self.opening = len(self.masked) - len(self.masked.lstrip(" \t#>*-|"))
        self.following = following.lstrip("> \t*_")
        self.groups: frozenset[str] | None = None
        #: whether a lone ``m`` is a minute here
        self.ttl = context.ttl or _TIMELY.search(line.lower()) is not None

    def _groups(self) -> frozenset[str]:
        if self.groups is None:
            self.groups = self.words.groups(self.line)
        return self.groups

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

    def _limit_of(self, start: int, end: int) -> bool:
        """``limit (500)``, ``cap = 15``, ``set the default capacity to 50``, ``limit 5 per room``: it names the bare number after it."""
        before, after = self.masked[:start], self.masked[end : end + 3].strip(" *_")
        if before.endswith("("):
            return after.startswith(")") and _LIMIT_WORD.search(before[-40:-1].rstrip()) is not None
        if _LIMIT_BARE.search(before[-24:]) and _OF_EACH.match(self.masked[end : end + 24]):
            return True
        return _LIMIT_SET.search(before[-48:]) is not None and not after.startswith("%")

    def _spoken_op(self, start: int) -> bool:
        said = fold(self.masked[max(0, start - 40) : start].rstrip(" *_(~"))
        return said.endswith(tuple(self.words.words("bare_bounds")))

    def _labelled(self, before: str) -> bool:
        if not before.rstrip(" *\t").endswith((":", "|", "=")):
            return False
        label = re.search(r"([^\W\d_][\w\s/-]{1,60})\**\s?[:|=]\s*\**\s*$", before + " ") or re.search(
            r"(\w[\w ]{1,40})\|$", before
        )
        if not label:
            return False
        heads = self.words.data.get("label_heads", ())
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
        while position < end + 2 and self.masked[position : position + 1] == "*":
            position += 1
        romance = self.words.languages[0] in ("es", "pt", "fr", "it")
        particle = _PARTICLE.match(self.masked, position) if romance else None
        if particle and (counted := _NOUN.match(self.masked, particle.end())):
            return fold(counted.group()), counted.end()
        uncounted = self.words.words("uncounted")
        glued = _GLUED.match(self.masked, position)
        if glued:
            return fold(glued.group()), glued.end()
        # "- 4 Main Rounds": a number that opens a statement counts what follows, capitals or not
        opens = end <= self.opening + 40 and not self.masked[:end].strip(" \t-*+>#|0123456789.,–~").strip()
        nouns_are_capital = self.words.languages[0] == "de" or opens
        while limit and (gap := _BLANKS.match(self.masked, position)) is not None:
            match = _NOUN.match(self.masked, gap.end())
            if match is None:
                break
            word = match.group()
            named = word[0].isupper() and not (nouns_are_capital or self.masked.isupper())
            if fold(word) in uncounted or named or (not noun and len(word) < 3 and not UNSPACED.match(word)):
                break
            if noun and limit < 3 and not self._may_continue(noun):
                break
            if UNSPACED.match(word):  # no blank says where the noun ends
                return fold(word)[:4], min(match.end(), match.start() + 4)
            noun, stop, position = fold(word), match.end(), match.end()
            limit -= 1
            if noun.endswith("s") and not noun.endswith(_NO_PLURAL) and len(noun) > 3:
                break
            if self.words.languages[0] == "pl" and not noun.endswith(("ych", "ich", "nia", "ne", "owe")):
                break
        return noun, stop

    @staticmethod
    def _may_continue(noun: str) -> bool:
        return not noun.endswith("s") or noun.endswith(_NO_PLURAL)

    @cached_property
    def folded(self) -> str:
        """The line in lower case without diacritics."""
        return fold(self.line)

    @cached_property
    def at_peak(self) -> bool:
        """Whether the line's numbers are said of what goes on at one time."""
        return "at_one_time" in concepts(self.folded)

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
