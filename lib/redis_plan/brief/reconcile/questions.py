"""Open questions of the team that an assumption answers for now: "How long do we keep the seat of a lost guest?"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from redis_plan.brief.lexicon import fold
from redis_plan.brief.model import Fact, Note
from redis_plan.brief.reconcile.catalogue import catalogue
from redis_plan.brief.reconcile.cues import words_of
from redis_plan.brief.reconcile.vocabulary import concepts, said

#: How a question asks for a number.
_HOW_MUCH = re.compile(
    r"how (?:many|much|long|often|large|big|fast|soon)|what (?:is the )?(?:max|limit|size|timeout|ttl|retention|interval|capacity|latency|number)|which (?:limit|timeout|ttl)|\bttl\b|timeout|limit|ile|jak (?:dlugo|czesto|duz)|wie (?:viele|lange|oft|gross|schnell)|cuant|durante cuanto|combien|quant[oiae]\b|hoe (?:veel|lang|vaak|groot)|сколько|как (?:долго|часто)|何人|何秒|何分|どのくらい|どれくらい|いくつ|多少|多久|多长|几个|얼마나|몇"
)
_LOST = re.compile(r"\b(?:lost|drop\w*|disconnect\w*|gone|leaves?|left|offline|reconnect\w*|come back)\b.*|.*\b(?:seat|place|spot|slot)\b")  # fmt: skip
#: The concepts that a question about a fact of scale speaks of, all of one set.
_SCALE = {
    "members_per_session": ({"people", "containers"}, {"size_label", "containers"}),
    "session_capacity": ({"people", "containers", "capacity"}, {"size_label", "containers", "capacity"}),
    "sessions_peak": ({"containers", "concurrent"},),
    "concurrent_users": ({"people", "concurrent"},),
}


def answered(fact: Fact, notes: Sequence[Note]) -> Note | None:
    """Return the first open question that asks for ``fact``."""
    for note in notes:
        if note.kind == "open-question" and asks_for(fact.name, fold(note.text)):
            return note
    return None


def asks_for(name: str, question: str) -> bool:
    """Whether a folded ``question`` asks for the fact ``name``."""
    if not _HOW_MUCH.search(question):
        return False
    if name in _SCALE:
        spoken = concepts(question)
        return any(wanted <= spoken for wanted in _SCALE[name]) and not re.search(
            r"how long|wie lange|jak dlugo", question
        )
    if name == "reconnect_grace" and re.search(r"keep|kept|hold|reserve", question) and _LOST.search(question):
        return bool(re.search(r"seat|place|spot|slot", question))
    return said(tuple(words_of(catalogue()[name])), question)
