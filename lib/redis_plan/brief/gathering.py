"""A gathering: what several people are in at the same time and see change together, such as a room or an auction.

Which noun it is, and whether there is one at all, is judged from the documents as a whole: who joins, leaves and
opens what, what is counted for each of it, which live demands speak of it. The counts are features of a small model (``make train``);
the nouns and verbs stand in ``data/catalog/gatherings.toml``.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redis_plan import resources
from redis_plan.brief import learnt, signs
from redis_plan.brief.evidence import Said
from redis_plan.brief.fit import several
from redis_plan.brief.learnt import Matrix
from redis_plan.brief.lexicon import UNSPACED, Lexicon, fold
from redis_plan.brief.model import Gathering, UseEvidence
from redis_plan.brief.outline import Block
from redis_plan.brief.sections import Roles

NAME = "gathering"
#: How far a verb may stand from its noun, in characters, before it and, where verbs come last, behind it.
REACH, REACH_BEHIND = 42, 14
#: A noun of this prior nearly always means something shared; where people join it, so much of the usual chance is enough:
#: a short document says little of anything.
ALWAYS_SHARED, LESS_WHERE_JOINED = 2, 0.7
#: A noun of this prior means something shared only where the documents say that people come into it.
SELDOM_SHARED = 0
#: So sure is it that there is no session where no noun speaks for one.
NOTHING_SHARED = 0.9
#: Evidence for a use that tells what people are in.
TELLING = 0.5
#: Letters of a noun that a compound ends with.
SHORTEST_IN_COMPOUND = 4
#: Chances that differ by so little tell nothing.
AS_LIKELY = 0.15
#: So many lines that say that people come in with a code, and how far the code may stand from the verb, in characters.
ENTERED_BY_CODE, CODE_REACH = 2, 32
#: So often a word that is no noun of the catalogue is what somebody opens, where it is what people come into with a code.
OPENED = 2
_NUMBER = re.compile(r"\d")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
#: Of so many statements the first ones say what people share.
MOST_BLOCKS = 4000
#: Parts of documents that speak of what is not built.
_CLOSED = ("out-of-scope", "rejected", "questions")


@dataclass(slots=True)
class Counts:
    """What the documents say of one noun."""

    noun: str
    prior: int
    first: tuple[str, int] = ("", 0)
    total: int = 0
    joined: int = 0
    left: int = 0
    hosted: int = 0
    per: int = 0
    people: int = 0
    live: int = 0
    headed: int = 0
    titled: int = 0
    owning: int = 0
    sized: int = 0  # times that a number of people is said of one: "at most 5 people in one workspace"
    several: int = 0  # times that it is called one for several at once: "a multiplayer game"
    spellings: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Nouns:
    lexicon: Lexicon
    priors: Mapping[str, int]
    alike: Mapping[str, str]
    talk: frozenset[str]  # the nouns for what people talk in
    elsewhere: Mapping[str, Mapping[str, str]]  # language -> spelling -> the noun that it is there
    done_there: Mapping[str, str]  # noun -> the use that people make of it by its nature
    done_in: Mapping[str, str]  # use -> what people are in who make it


@cache
def _nouns() -> _Nouns:
    data: Mapping[str, Any] = tomllib.loads((resources.catalog_dir() / "gatherings.toml").read_text(encoding="utf-8"))
    made, priors = Lexicon((), {}), {}
    for entry in data["noun"]:
        for name, *spellings in entry["names"]:
            priors[name] = entry["prior"]
            for spelling in (name, *spellings):
                made.add(f"noun.{name}", spelling)
    for phrase in data["masks"]["phrases"]:
        made.add("mask", phrase)
    for group, cues in data["cues"].items():
        for cue in cues:
            made.add(group, cue)
    for cue in several():
        made.add("several", cue)
    made.finish()
    return _Nouns(
        made,
        priors,
        data["alike"],
        frozenset(data["talk"]["nouns"]),
        data["elsewhere"],
        data["done_there"],
        data["done_in"],
    )


def count(documents: Sequence[tuple[Sequence[Block], Roles]]) -> list[Counts]:
    """Return what the documents say of each noun for a gathering that they use, in the order of the catalogue."""
    found: dict[str, Counts] = {}
    priors = _nouns().priors
    for blocks, roles in documents:
        for number, block in enumerate(blocks[:MOST_BLOCKS]):
            if block.kind == "code" or roles.of(block) in _CLOSED:
                continue
            _count_block(block, roles.words, number < 3, found)
    for one, other in _nouns().alike.items():
        if one in found and other in found:
            _merge(found, one, other)
    return [found[noun] for noun in priors if noun in found]


def _merge(found: dict[str, Counts], one: str, other: str) -> None:
    """Count two names of one thing as one, under the name that is said more often."""
    less, more = sorted((found[one], found[other]), key=lambda c: c.total)
    for name in (*_COUNTED, "titled"):
        setattr(more, name, getattr(more, name) + getattr(less, name))
    more.prior = max(more.prior, less.prior)
    for spelling, times in less.spellings.items():
        more.spellings[spelling] = more.spellings.get(spelling, 0) + times
    del found[less.noun]


def _count_block(block: Block, words: Lexicon, opens: bool, found: dict[str, Counts]) -> None:
    places: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    text = block.text[:2000]
    for hit in _nouns().lexicon.hits(text):
        places[hit.group].append((hit.start, hit.end))
    nouns = list(_unmasked(places))
    if not nouns:
        return
    live = bool(places["live"]) or not words.groups(text).isdisjoint(("realtime.strong", "realtime.share"))
    turned = bool(UNSPACED.search(text))
    elsewhere = _nouns().elsewhere.get(words.languages[0], {})
    for one, start, end in nouns:
        noun = elsewhere.get(text[start:end].lower(), one)
        counts = found.setdefault(noun, Counts(noun, _nouns().priors[noun], (block.file, block.line)))
        counts.total += 1
        spelling = text[start:end].lower()
        counts.spellings[spelling] = counts.spellings.get(spelling, 0) + 1
        behind = REACH if turned else REACH_BEHIND
        counts.joined += _near(places["join"], start, end, REACH, behind)
        counts.left += _near(places["leave"], start, end, REACH, behind)
        counts.hosted += _near(places["host"], start, end, REACH, behind)
        counts.per += (each := _near(places["per"], start, end, 3, 0))
        counts.people += (people := _near(places["people"], start, end, 60, 60))
        counts.sized += people and each and bool(_NUMBER.search(text))
        counts.owning += _near(places["after"], start, end, 0, 2)
        counts.several += _near(places["several"], start, end, REACH, REACH_BEHIND)
        counts.live += live
        counts.headed += block.kind == "heading"
        counts.titled += opens


def _unmasked(places: Mapping[str, Sequence[tuple[int, int]]]) -> Iterator[tuple[str, int, int]]:
    masks = places.get("mask", ())
    every = sorted(
        (start, -end, group[5:]) for group, spans in places.items() if group[:5] == "noun." for start, end in spans
    )
    done = -1
    for start, minus_end, noun in every:
        if start < done or any((a <= start and -minus_end <= b) or a < -minus_end <= b for a, b in masks):
            continue
        done = -minus_end
        yield noun, start, done


def _near(spans: Sequence[tuple[int, int]], start: int, end: int, before: int, behind: int) -> bool:
    """Whether one of the sorted ``spans`` ends shortly before ``start`` or begins shortly after ``end``."""
    ends = [b for _, b in spans]
    at = bisect_right(ends, start)
    if at and start - ends[at - 1] <= before:
        return True
    starts = [a for a, _ in spans]
    at = bisect_left(starts, end)
    return at < len(starts) and starts[at] - end <= behind and behind > 0


def features(every: Sequence[Counts]) -> Matrix:
    """Return a row for each noun: how much is said of it, by itself and among the others."""
    total = sum(c.total for c in every) or 1
    joined = sum(c.joined for c in every)
    live = sum(c.live for c in every)
    most = {name: max((getattr(c, name) for c in every), default=0) or 1 for name in _COUNTED}
    rows = []
    for c in every:
        alone = [np.log1p(getattr(c, name)) / 3 for name in _COUNTED]
        among = [getattr(c, name) / most[name] for name in _COUNTED]
        share = [
            c.total / total,
            c.joined / (c.total + 2),
            c.live / (c.total + 2),
            c.people / (c.total + 2),
            float(c.titled > 0),
        ]
        whole = [np.log1p(joined) / 3, np.log1p(live) / 4]
        both = [float(c.joined > 0 and c.live > 0), float(c.joined > 0) * c.live / most["live"]]
        rows.append([*alone, *among, *share, *whole, *both, float(c.prior == 2), float(c.prior == 0)])
    return np.array(rows, dtype=np.float32).reshape(len(rows), WIDTH)


_COUNTED = ("total", "joined", "left", "hosted", "per", "people", "live", "headed", "owning", "sized")
WIDTH = 2 * len(_COUNTED) + 11


def chances(every: Sequence[Counts]) -> Matrix:
    """Return for each noun how likely it is what people share; zeros where no model judges it."""
    model = learnt.model(NAME)
    if model is None or not every:
        return np.zeros(len(every), dtype=np.float32)
    return np.asarray(model.probabilities(features(every))[:, 0])


def find_gathering(
    documents: Sequence[tuple[Sequence[Block], Roles]],
    live: bool = True,
    title: str = "",
    talk: bool = False,
    by_nature: bool = False,
    doing: str = "",
) -> Gathering | None:
    """Return what people share live by these documents; an empty noun where they share nothing, None where no model judges it.

    ``live`` says whether any of their demands is live: where none is, a session is somebody's own, such as a workout. Terse
    documents never say who joins what: there the product's ``title`` tells it ("Harbour Auctions"), that it is for several at once
    ("a multiplayer game"), that people ``talk``, or that a session is likeliest ``by_nature`` of all that is asked, and the use that people make of it most clearly (``doing``).
    """
    model = learnt.model(NAME)
    if model is None:
        return None
    every = count(documents) if live else []
    likely = chances(every)
    ranked = [every[int(n)] for n in likely.argsort()[::-1]]
    chance = float(likely.max()) if every else 0.0
    if every:
        c = every[_best(every, likely)]
        joined = c.prior == ALWAYS_SHARED and c.joined > 0
        somebody_s = c.prior == SELDOM_SHARED and not c.joined and not c.left
        if not somebody_s and chance >= model.thresholds[0] * (LESS_WHERE_JOINED if joined else 1):
            return _told(c, chance)
    if not live:
        return Gathering("", "", 0, NOTHING_SHARED)
    told = [counts for counts in ranked if _titled(counts, title) or _for_several(counts)]
    told = (
        told
        or [counts for counts in ranked if talk and counts.noun in _nouns().talk]
        or _entered(ranked, documents)
        or _by_signs(ranked, documents)
        or (_by_nature(ranked, documents, title, doing) if by_nature else [])
    )
    return (
        _told(told[0], model.thresholds[0])
        if told
        else Gathering("", "", 0, round(1 - chance, 2) if every else NOTHING_SHARED)
    )


def _by_nature(
    ranked: Sequence[Counts], documents: Sequence[tuple[Sequence[Block], Roles]], title: str, doing: str
) -> list[Counts]:
    """Return what people share where all that is asked says that they do: by the product's name, the likeliest noun, or what they do in it."""
    told = _statements(documents)
    where = (told[0].file, told[0].line) if told else ("", 0)
    words = [fold(word) for word in re.findall(r"\w+", _CAMEL.sub(" ", title))]
    spelt = {c.noun: [fold(name) for name in (c.noun, *c.spellings)] for c in ranked}
    called = [c for c in ranked if any(_ends(word, name) for word in words for name in spelt[c.noun])]
    likely = [c for c in ranked if c.prior != SELDOM_SHARED or c.joined]
    done = [Counts(_nouns().done_in[doing], 1, where)] if doing in _nouns().done_in else []
    return called or likely or done or list(ranked) or [Counts("session", 1, where)]


def done_most(evidence: Sequence[UseEvidence]) -> str:
    """Return the use that the sentences call for most among those that tell what people are in; "" where they call for none clearly."""
    telling = [one for one in evidence if one.use in _nouns().done_in and one.strength >= TELLING]
    return max(telling, key=lambda one: one.strength).use if telling else ""


def _ends(word: str, name: str) -> bool:
    """Whether ``word`` is ``name``, or a compound of it: "Kneipenquiz"."""
    return word == name or (len(name) >= SHORTEST_IN_COMPOUND and word.endswith(name))


def _told(counts: Counts, chance: float) -> Gathering:
    aliases = sorted(counts.spellings, key=lambda s: (-counts.spellings[s], s))
    others = tuple(alias for alias in aliases if fold(alias) != counts.noun)
    return Gathering(counts.noun, *counts.first, round(chance, 2), others)


def _best(every: Sequence[Counts], chances: NDArray[np.float32]) -> int:
    """Return the number of the likeliest noun; of those that are as likely, the one that people come into and that is counted by.

    Where polls are held in an event, more is said of polls; one joins the event, and limits are said of each.
    """
    near = [int(n) for n in np.flatnonzero(chances >= chances.max() - AS_LIKELY)]
    return max(near, key=lambda n: (every[n].joined + every[n].left + every[n].per + every[n].sized, chances[n]))


def _for_several(counts: Counts) -> bool:
    """Whether the documents call it one that several are in at the same time, and something of it is live."""
    return counts.prior == ALWAYS_SHARED and counts.several > 0 and counts.live > 0


def _titled(counts: Counts, title: str) -> bool:
    """Whether the product is called after such a thing that is live in it."""
    words = {fold(word) for word in re.findall(r"\w+", _CAMEL.sub(" ", title))}
    named = words & {fold(name) for name in (counts.noun, *counts.spellings)}
    return bool(named) and counts.live > 0 and counts.prior > 0


def _entered(ranked: Sequence[Counts], documents: Sequence[tuple[Sequence[Block], Roles]]) -> list[Counts]:
    """Return what somebody opens and people come into with a code: the code tells that there is such a thing, not its noun."""
    told = _statements(documents)
    if sum(_by_code(block.text[:2000]) for block in told) < ENTERED_BY_CODE:
        return []
    return [c for c in ranked if c.prior == ALWAYS_SHARED and c.hosted > 1] or _by_signs(ranked, documents, opened=True)


def _statements(documents: Sequence[tuple[Sequence[Block], Roles]]) -> list[Block]:
    return [
        block
        for blocks, roles in documents
        for block in blocks[:MOST_BLOCKS]
        if block.kind != "code" and roles.of(block) not in _CLOSED
    ]


def _by_signs(
    ranked: Sequence[Counts], documents: Sequence[tuple[Sequence[Block], Roles]], opened: bool = False
) -> list[Counts]:
    """Return what sentences speak of as of something shared, where people come into it or several go on at one time.

    Where a code leads into something, it is enough that it is ``opened`` more than once.
    """
    told = _statements(documents)
    texts = [block.text[:2000] for block in told]
    known = {fold(spelling): counts for counts in ranked for spelling in counts.spellings}
    language = next((roles.words.languages[0] for _, roles in documents), "en")
    found = signs.found(texts, frozenset(known), language, 1 if opened else None)
    if opened:
        meant = sorted((one for one in found if one.kinds["opened"] >= OPENED), key=lambda one: -one.kinds["opened"])
    else:
        come = any(hit.group == "join" for text in texts for hit in _nouns().lexicon.hits(text))
        meant = [one for one in found if come or one.kinds["joined"] or one.kinds["parallel"]]
    made = []
    for one in meant:
        block = told[one.first]
        new = Counts(one.noun, ALWAYS_SHARED, (block.file, block.line), spellings=dict(one.spellings))
        made.append(next((known[fold(word)] for word in one.spellings if fold(word) in known), new))
    return made


def come_by_code(lines: Sequence[Said]) -> list[Said]:
    """Return ``lines``, where several say that people come in with a code with what that calls for beside each of these."""
    by_code = [_by_code(one.text[:2000]) for one in lines]
    if sum(by_code) < ENTERED_BY_CODE:
        return list(lines)
    return [replace(one, uses=one.uses | {"join-code"}) if so else one for one, so in zip(lines, by_code, strict=True)]


def prior_of(noun: str) -> int:
    """Return how often a noun means something shared in documents at large: 2 nearly always, 1 often, 0 seldom or not listed."""
    return _nouns().priors.get(fold(noun), SELDOM_SHARED)


def done_in(noun: str) -> str:
    """Return the use of Redis that is what people do in such a thing by its nature: the bids of an auction; or ""."""
    return _nouns().done_there.get(noun, "")


def _by_code(text: str) -> bool:
    hits = list(_nouns().lexicon.hits(text))
    if any(hit.group == "other_code" for hit in hits):
        return False
    codes = sorted((hit.start, hit.end) for hit in hits if hit.group == "code")
    return any(_near(codes, hit.start, hit.end, CODE_REACH, CODE_REACH) for hit in hits if hit.group == "join")
