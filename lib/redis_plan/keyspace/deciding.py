"""Deciding: how likely it is that a project needs a use of Redis, from what its documents say as a whole.

Three things count: how strongly sentences call for the use (``brief.evidence``), whether an entity is made for it, and what
kind of project it is (a session that people share or none, how much Redis is worth to it), since a shared session alone makes a state, a roster
and their events near certain. A small linear model weighs them; it is trained on the annotated projects, and the same for every use but for one number each, how common it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from redis_plan.brief import evidence as sentences
from redis_plan.brief import learnt
from redis_plan.brief.gathering import done_in
from redis_plan.brief.learnt import Matrix
from redis_plan.brief.model import Brief, Entity, UseEvidence
from redis_plan.keyspace import cues, own
from redis_plan.keyspace.catalog import UsePattern, use_patterns

MODEL = "uses"
#: Below it a use is passed over. A use that is missed costs more than one that can be left out, so less than a half.
TAKEN_FROM = 0.35
#: ... but for one that only saves work: it takes memory, and nothing is wrong without it. So many sentences that call for it do as well.
OPTIONAL_FROM, OPTIONAL_LINES = 0.5, 2
#: How likely a use is for which the team's documents hold a key, or state a number of its own: it decided on it.
DECIDED = 0.9
#: How likely at least what people do by its nature in what they share is: the bids of an auction, however tersely it is described.
BY_NATURE = 0.6
_LEAST, _MOST = 0.001, 0.999


def decided() -> tuple[UsePattern, ...]:
    """Return the use patterns that are decided upon, in the order of the model's features: all but the machinery."""
    return tuple(p for p in use_patterns() if not p.machinery)


def evidence_of(brief: Brief) -> Mapping[str, UseEvidence]:
    """Return what the sentences of ``brief`` say, by use; worked out where the Brief was not read from documents."""
    return {one.use: one for one in brief.evidence or sentences.of_demands(brief.requirements)}


def called_for(pattern: UsePattern, chance: float, said: UseEvidence | None) -> bool:
    """Whether a use that is so likely is worth its keys."""
    if not pattern.optional or (said is not None and said.lines >= OPTIONAL_LINES):
        return chance >= TAKEN_FROM
    return chance >= OPTIONAL_FROM


def chances(brief: Brief, has_session: bool) -> dict[str, float]:
    """Return for each use pattern but the machinery how likely it is that the project needs it."""
    model = learnt.model(MODEL)
    if model is None:
        return {}
    strength = {use: one.strength for use, one in evidence_of(brief).items()}
    likely = model.probabilities(features(strength, brief.entities, has_session, brief.fit))[:, 0]
    found = {pattern.use: float(chance) for pattern, chance in zip(decided(), likely, strict=True)}
    if has_session and brief.gathering and (done := done_in(brief.gathering.noun)):
        found[done] = max(BY_NATURE, found.get(done, 0.0))
    settled = (*own.named_uses(brief), *_with_stated_numbers(brief))
    return found | {use: max(DECIDED, found.get(use, 0.0)) for use in settled}


def _with_stated_numbers(brief: Brief) -> list[str]:
    stated = {fact.name for fact in brief.facts if fact.grade == "documented"}
    return [pattern.use for pattern in decided() if not stated.isdisjoint(pattern.stated)]


def features(strength: Mapping[str, float], entities: Sequence[Entity], has_session: bool, fit: str) -> Matrix:
    """Return one row for each of :func:`decided`: evidence, an entity, the kind of project, and which use it is."""
    patterns = decided()
    rows = np.zeros((len(patterns), 9 + len(patterns)), dtype=np.float32)
    for number, pattern in enumerate(patterns):
        said = min(_MOST, max(_LEAST, strength.get(pattern.use, _LEAST)))
        fitting = has_session, pattern.needs
        rows[number, :9] = (
            (math.log(said / (1 - said)) + 2) / 1.5,
            any(entity.realtime and cues.fit(pattern, entity).strength > 0 for entity in entities),
            fitting == (True, "session"),
            fitting == (False, "no-session"),
            fitting == (True, "any"),
            fitting == (False, "any"),
            fit == "no" and not pattern.small,
            fit == "core",
            pattern.when == "core" and has_session,
        )
        rows[number, 9 + number] = 1
    return rows
