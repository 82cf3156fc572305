"""Discovered entities: nouns that no lexicon knows and that the documents speak of as kept.

What is looked at is grammar, so that it holds for any product: the head of what is created, joined or sent ("can place
a bet", "może wysłać prośbę"), what is said to be stored ("bet history must be retained"), singular and plural of one
word (in Polish its inflected forms), and compounds of a head such as *history* or *code*.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from redis_plan.brief.lexicon import Lexicon, tokens
from redis_plan.brief.outline import Block

#: After these English words stands a verb: "can place a bet", "to submit estimates".
_BEFORE_VERB = frozenset(
    ("to", "can", "may", "must", "should", "shall", "will", "could", "cannot", "i", "we", "they", "who")
)
#: Before a noun: what comes after one of these is no verb.
_DETERMINERS = frozenset({"a", "an", "the", "each", "every", "per", "any", "all", "new", "own", "their", "his", "her", "its", "my", "our", "of", "one",
                          "multiple", "many", "several", "other", "same", "current", "active", "existing", "no", "this", "that", "these", "those"})  # fmt: skip
#: After these only a noun or its adjective stands.
_BEFORE_NOUN = _DETERMINERS | frozenset(("of", "for", "with", "from", "in", "on", "by", "between"))
_BETWEEN = re.compile(r"^[ '’-]*$")
_PASSIVE = frozenset(("is", "are", "be", "being", "was", "were", "been"))
_AUXILIARY = _PASSIVE | frozenset(("must", "should", "shall", "will", "can", "may"))
#: These make no compound with what follows: "shall log" is no log.
_VERBAL = _BEFORE_VERB | _AUXILIARY


@dataclass(frozen=True, slots=True)
class Found:
    """A noun that the documents keep, with the forms in which they say it and where they say it first."""

    name: str
    forms: tuple[str, ...]
    total: int
    acted: int  # times that it is the object of a verb
    stored: bool  # whether a demand says that it is stored
    first: tuple[str, int]


@dataclass(slots=True)
class _Seen:
    total: int = 0
    acted: int = 0
    verbal: int = 0
    nominal: int = 0  # times that only a noun can stand there: after an article, a preposition
    stored: int = 0
    forms: Counter[str] = field(default_factory=Counter)
    first: tuple[str, int] = ("~", 0)

    def note(self, form: str, place: tuple[str, int]) -> None:
        """Count one mention."""
        if not self.total:
            self.first = place
        self.total += 1
        self.forms[form] += 1


def singular(word: str) -> str:
    """Return the singular of an English plural, or "" for a word that is none."""
    for suffix, base in (("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("s", "")):
        if word.endswith(suffix) and len(word) > 3 and not word.endswith(("ss", "us", "is")):
            return word[: -len(suffix)] + base
    return ""


class English:
    """Nouns of English statements."""

    def __init__(self, words: Lexicon, heads: frozenset[str]) -> None:
        names = ("not_entities", "stopwords", "uncounted")
        self.strangers: frozenset[str] = frozenset().union(*(words.words(name) for name in names))
        self.function = words.words("stopwords") | words.words("uncounted") | _AUXILIARY
        self.compound_heads = words.words("compound_heads")
        self.storing = words.words("stored")
        self.heads = heads | self.compound_heads
        self.seen: defaultdict[str, _Seen] = defaultdict(_Seen)

    def read(self, block: Block, keeping: Sequence[int]) -> frozenset[int]:
        """Count the words of one demand; return where the nouns begin that it says are stored.

        ``keeping`` are the ends of its verbs of keeping.
        """
        folded, found = tokens(block.text)
        place = (block.file, block.line)
        acted = set(self._acted(folded, found, keeping))
        stored = set(self._stored(folded, found))
        before, ended = "", 0
        for n, (word, start, end) in enumerate(found):
            seen = self.seen[word]
            seen.note(word, place)
            seen.acted += n in acted
            seen.stored += n in stored
            seen.verbal += before in _BEFORE_VERB
            seen.nominal += before in _BEFORE_NOUN
            joined = bool(_BETWEEN.match(folded[ended:start]))
            if word in self.heads and joined and len(before) > 2 and before not in self.strangers | _VERBAL:
                compound = self.seen[f"{before} {word}"]
                compound.note(f"{before} {word}", place)
                compound.acted += n in acted
                compound.stored += n in stored
            before, ended = word, end
        return frozenset(found[n][1] for n in stored)

    def _acted(self, folded: str, found: list[tuple[str, int, int]], keeping: Sequence[int]) -> Iterator[int]:
        """Yield the heads of what verbs act on: the last word of the group that follows one."""
        kept = set(keeping)
        for n, (word, _, end) in enumerate(found):
            opens = end in kept or (n > 0 and found[n - 1][0] in _BEFORE_VERB and word not in self.function)
            if not opens:
                continue
            last = n
            for m in range(n + 1, min(n + 7, len(found))):
                if not _BETWEEN.match(folded[found[m - 1][2] : found[m][1]]):
                    break
                if found[m][0] in self.function and found[m][0] not in _DETERMINERS:
                    break
                last = m
            if last > n and found[last][0] not in self.function:
                yield last

    def _stored(self, folded: str, found: list[tuple[str, int, int]]) -> Iterator[int]:
        """Yield the nouns that "are stored": the head before the verb and those it is listed with."""
        for n, (word, _, _) in enumerate(found):
            if word not in self.storing or n < 2 or found[n - 1][0] not in _PASSIVE:
                continue
            m = n - 1
            while m >= 0 and found[m][0] in _AUXILIARY:
                m -= 1
            head, before = True, found[m + 1][1]
            while m >= 0 and found[m][0] not in self.function - {"and", "or"}:
                between = folded[found[m][2] : before].strip()
                if between not in ("", ","):
                    break
                listed = found[m][0] in ("and", "or") or between == ","
                if (head or listed) and found[m][0] not in ("and", "or"):
                    yield m
                head, before, m = found[m][0] in ("and", "or"), found[m][1], m - 1

    def results(self, known: Lexicon, few: bool = False) -> Iterator[Found]:
        """Yield the nouns worth keeping that the lexicon ``known`` doesn't have; where demands are ``few``, sooner."""
        for word in list(self.seen):
            if " " in word:
                yield from self._compound(word)
                continue
            one = singular(word)
            if word.endswith("ses") and word[:-2] in self.seen:
                one = word[:-2]  # buses
            if not one or one in self.strangers or word in self.strangers or one not in self.seen or known.hits(one):
                continue
            plural, single = self.seen[word], self.seen[one]
            total, acted = plural.total + single.total, plural.acted + single.acted
            verbal = plural.verbal + single.verbal
            short = len(word) <= 4
            if 2 * verbal > total or (short and total < 5) or len(one) < 3:
                continue
            nominal = plural.nominal + single.nominal
            if total >= 3 and (acted or (nominal and total >= (3 if few else 5))):
                first = min(plural.first, single.first)
                yield Found(one, (one, word), total, acted, bool(plural.stored + single.stored), first)

    def _compound(self, word: str) -> Iterator[Found]:
        many = singular(word) or word
        forms = tuple(dict.fromkeys(f for f in (many, word, many + "s") if f in self.seen))
        if word != forms[0]:
            return
        every = [self.seen[f] for f in forms]
        total = sum(s.total for s in every)
        stored = any(s.stored for s in every)
        if total >= 2 or stored:
            yield Found(many, forms, total, sum(s.acted for s in every), stored, min(s.first for s in every))
