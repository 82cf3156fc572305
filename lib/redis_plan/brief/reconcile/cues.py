"""Cues: which quantities may become a fact that is no fact of scale, and how well each fits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from redis_plan.brief.reconcile.catalogue import Cue, Entry, Take
from redis_plan.brief.reconcile.setting import Setting
from redis_plan.brief.reconcile.vocabulary import concepts, cues, hits, said

#: What a word is worth less that stands not beside the number but elsewhere in its sentence, or only above it.
IN_SENTENCE, ABOVE = 0.1, 0.4
#: What a word of another subject in the same part takes from a match.
WEAKER = 0.45
#: Below this nothing is read.
LEAST = 0.2
_AFTER = re.compile(r"^\s?(?:ごと|毎|마다|간격|間隔)|^\s(?:cadence|intervals?)\b")


@dataclass(frozen=True, slots=True)
class Match:
    """A quantity that may become a fact: the value that a design takes of it, with the ends of a range."""

    setting: Setting
    score: float
    value: float
    low: float | None
    high: float | None
    states: bool  # whether the quantity stands where it says something of the product


def matches(entry: Entry, found: Sequence[Setting]) -> list[Match]:
    """Return the quantities that may become the fact ``entry``, best first; among equals the first in the documents."""
    best: dict[int, Match] = {}
    for cue in entry.cues:
        for setting in found:
            if setting.dimension != cue.dimension or not cue.at_least <= setting.value <= cue.at_most:
                continue
            score = _score(cue, setting)
            known = best.get(setting.order)
            if score >= LEAST and (known is None or score > known.score):
                best[setting.order] = _match(cue, setting, score)
    return sorted(best.values(), key=lambda m: (-m.score, m.setting.order))


def _score(cue: Cue, setting: Setting) -> float:
    if cue.noun and not said(cue.noun, f"{setting.quantity.unit} {setting.quantity.text}"):
        return 0.0
    places = ((setting.span, 0.0), (setting.sentence, IN_SENTENCE), (setting.above, ABOVE))
    off = next((off for text, off in places if said(cue.words, text)), None)
    if off is None or said(cue.without, setting.span) or (off != ABOVE and said(cue.without, _own(setting))):
        return 0.0
    if cue.also and not any(said(cue.also, text) for text in (setting.span, setting.sentence, setting.above)):
        return 0.0
    if (cue.before and not _stands_before(cue.before, setting)) or _stands_before(cue.not_before, setting):
        return 0.0
    if not cue.interval and is_interval(setting):
        return 0.0
    if not cue.of_people and "people" in (spoken := concepts(_own(setting))) and "containers" not in spoken:
        return 0.0
    if cue.bounded and setting.quantity.op not in ("<", "<="):
        return 0.0
    if cue.ranged and setting.top is None:
        return 0.0
    if not cue.lower_bound and setting.quantity.op in (">", ">="):
        return 0.0
    return cue.weight - off - (WEAKER if cue.weaker and said(cue.weaker, setting.span) else 0.0)


def _stands_before(names: tuple[str, ...], setting: Setting) -> bool:
    """Whether one of the words stands straight before the number: "in the last 10 seconds"."""
    lead = setting.span[: setting.at].rstrip(" *_~<≤")
    return bool(names) and any(hit.end >= len(lead) for hit in cues(names).hits(lead))


def _own(setting: Setting) -> str:
    """The words that must not deny a cue: the sentence where the number is alone in it, else its part."""
    return setting.sentence if setting.span == setting.sentence else setting.span


def is_interval(setting: Setting) -> bool:
    """Whether the number says how often something happens: "every 4 seconds", "4秒ごと"."""
    before = setting.span[max(0, setting.at - 16) : setting.at]
    ended = len(before.rstrip())
    return any(hit.end >= ended for hit in hits(before, "interval")) or bool(_AFTER.match(setting.span[setting.end :]))


def _match(cue: Cue, setting: Setting, score: float) -> Match:
    scale = _binary(setting.quantity.unit) if cue.binary else 1.0
    top = setting.top * scale if setting.top is not None else None
    # a setting in a code block states what a sentence there doesn't: ``maxmemory 512mb``
    states = setting.standing in ("demand", "metric" if cue.metric else "", "code" if cue.binary else "")
    return Match(setting, score, *_pick(cue.take, setting.value * scale, top), states)


def _pick(take: Take, value: float, top: float | None) -> tuple[float, float | None, float | None]:
    """Return the design's value of a range, with its ends: the upper end, the lower one, or the middle."""
    if top is None:
        return value, None, None
    picked = {"upper": top, "lower": value, "middle": (value + top) / 2}[take]
    return picked, value, top


def _binary(unit: str) -> float:
    """What a decimal unit is short of the binary one of its name: RAM and Redis's ``maxmemory 512mb`` count in 1024s."""
    return {"kB": 1.024, "MB": 1.024**2, "GB": 1.024**3, "TB": 1.024**4}.get(unit, 1.0)


def words_of(entry: Entry) -> Iterable[str]:
    """Return the words that speak of the fact."""
    return (word for cue in entry.cues for word in cue.words)
