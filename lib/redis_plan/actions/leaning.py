"""Leaning: how likely the text of a demand calls for the uses of Redis that a kind of action works on.

It is the judgement by which the design takes a use (``brief.evidence``), asked of one demand: what led to a use is what its
mechanic's actions are for. It helps a likeness and makes none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from redis_plan.actions import ability, catalog, vocabulary
from redis_plan.actions.model import Kind
from redis_plan.brief import encoder, evidence, learnt
from redis_plan.keyspace.catalog import use_patterns


class Leaning:
    """The demands of one project, each with how likely its text calls for each use."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Judge all ``texts`` at once."""
        model = learnt.model(evidence.LINE_MODEL)
        likely = model.probabilities(encoder.encode(texts)) if model is not None and texts else ()
        labels = model.labels if model is not None else ()
        self._by_text: Mapping[str, Mapping[str, float]] = {
            text: dict(zip(labels, map(float, row), strict=True)) for text, row in zip(texts, likely, strict=False)
        }

    def to(self, kind: Kind, text: str) -> float:
        """Return how likely ``text`` calls for one of the uses of ``kind``, 0 to 1; 0 where it was not judged."""
        of = self._by_text.get(text, {})
        return max((of.get(use, 0.0) for use in uses_of(kind.id)), default=0.0)


@cache
def uses_of(id: str) -> frozenset[str]:
    """Return the uses that the kind ``id`` of the catalog works on: of its keys, and of the fields of the state that hold one."""
    kind = catalog.kinds()[id]
    own = {kind.use, *(use for use, _ in kind.keys.values())} - {ability.SESSION}
    named = vocabulary.names_in_state([kind])
    return frozenset(own | {p.use for p in use_patterns() if named & set(p.in_state)})
