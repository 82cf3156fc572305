"""Signs of a gathering: a noun that no list holds is what people share where sentences say of it what is said of such things.

It is opened, joined and ended, lasts, holds so many, and so many go on side by side. ``data/catalog/signs.toml`` says how
languages put that; enough different kinds of signs make the noun what people share, in whatever trade.

>>> texts = ["A clerk opens a viewing.", "12 buyers in a viewing at most.", "A viewing lasts an hour."]
>>> found(texts, frozenset())[0].noun
'viewing'
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from redis_plan import resources
from redis_plan.brief.lexicon import UNSPACED, fold, lexicon
from redis_plan.brief.reconcile.vocabulary import concepts

#: Shorter words are articles and the like; the endings of a word are so long at most.
SHORTEST, ENDING = 3, 2
#: A stem is no shorter than this.
STEM = 4
#: What lasts is the subject, and so in the form of a dictionary: it counts for so many others.
AS_SUBJECT = 3
#: What is counted by, carried or used, and shared by nobody.
_NO_GATHERING = frozenset({"people", "devices", "not_containers", "instances"})


@dataclass(slots=True)
class Signs:
    """What was found of one noun: the kinds of signs with how often, its spellings, and its first statement."""

    stem: str
    first: int
    kinds: Counter[str] = field(default_factory=Counter)
    spellings: Counter[str] = field(default_factory=Counter)

    @property
    def noun(self) -> str:
        """The noun in the form that is a subject, or else is said most often; of forms said as often the shortest."""
        return min(self.spellings, key=lambda word: (-self.spellings[word], len(word), word))


@cache
def _patterns(part: str) -> Sequence[tuple[str, re.Pattern[str]]]:
    data: Mapping[str, Any] = _data()
    noun = "(?P<noun>[^\\W\\d_]{3,})" if part == "kinds" else "(?P<noun>__NOUN__)"
    made = []
    for kind, wordings in data[part].items():
        for wording in wordings:
            text = wording.replace("~", data["article"]).replace("#", rf"(?<!\w){data['number']}").replace("@", noun)
            made.append((kind, re.compile(text)))
    return made


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads((resources.catalog_dir() / "signs.toml").read_text(encoding="utf-8"))


def _spoken(texts: Sequence[str], nouns: frozenset[str]) -> Iterator[tuple[int, str, str]]:
    """Yield where a sign stands, of which kind it is, and the noun as it is spelt there."""
    turned = sorted((noun for noun in nouns if UNSPACED.search(noun)), key=len, reverse=True)
    listed = re.compile("|".join(map(re.escape, turned))) if turned else None
    for number, text in enumerate(texts):
        folded = fold(text)
        for kind, pattern in _patterns("kinds"):
            yield from ((number, kind, text[slice(*match.span("noun"))].lower()) for match in pattern.finditer(folded))
        if listed and UNSPACED.search(text):
            for noun in {match.group() for match in listed.finditer(folded)}:
                for kind, pattern in _patterns("unspaced"):
                    if re.search(pattern.pattern.replace("__NOUN__", re.escape(noun)), folded):
                        yield number, kind, noun


def found(texts: Sequence[str], nouns: frozenset[str], language: str = "en", enough: int | None = None) -> list[Signs]:
    """Return the nouns with enough kinds of signs in ``texts``, the likeliest first; ``nouns`` are those of the catalogue."""
    stop = lexicon(language).words("stopwords")
    every: dict[str, Signs] = {}
    for number, kind, noun in _spoken(texts, nouns):
        if len(noun) < SHORTEST and not UNSPACED.search(noun):
            continue
        if fold(noun) in stop or concepts(noun) & _NO_GATHERING:
            continue
        stem = noun if UNSPACED.search(noun) else fold(noun)[: max(STEM, len(noun) - ENDING)]
        known = next((key for key in every if key.startswith(stem) or stem.startswith(key)), stem)
        signs = every.setdefault(known, Signs(known, number))
        signs.kinds[kind] += 1
        signs.spellings[noun] += AS_SUBJECT if kind == "lasts" else 1
    least = _data()["enough"] if enough is None else enough
    return sorted(
        (s for s in every.values() if len(s.kinds) >= least),
        key=lambda signs: (-len(signs.kinds), -signs.kinds.total()),
    )


__all__ = ["Signs", "found"]
