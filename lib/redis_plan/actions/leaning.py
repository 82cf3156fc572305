"""Leaning: how likely the text of a demand calls for the uses of Redis that a kind of action works on.

It is the judgement by which the design takes a use (``brief.evidence``), asked of one demand: what led to a use is what its
mechanic's actions are for. It helps a likeness and makes none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from redis_plan.actions import ability, catalog, vocabulary
from redis_plan.brief import encoder, evidence, learnt
from redis_plan.brief.learnt import Matrix
from redis_plan.keyspace.catalog import use_patterns


class Leaning:
    """The demands of one project, each with how likely its text calls for each use."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Judge all ``texts`` at once."""
        model = learnt.model(evidence.LINE_MODEL)
        likely = model.probabilities(encoder.encode(texts)) if model is not None and texts else ()
        labels = model.labels if model is not None else ()
        by_text = dict(zip(texts, likely, strict=False))
        self._rows: Mapping[str, int] = {text: n for n, text in enumerate(by_text)}
        self._to = {
            id: _most([*by_text.values()], [n for n, use in enumerate(labels) if use in uses_of(id)])
            for id in catalog.kinds()
        }

    def to(self, id: str, text: str) -> float:
        """Return how likely ``text`` calls for one of the uses of the kind ``id``, 0 to 1; 0 where it was not judged."""
        row = self._rows.get(text)
        return 0.0 if row is None else self._to[id][row]


def _most(rows: Sequence[Matrix], columns: Sequence[int]) -> list[float]:
    """Return for each row the largest number in these columns, 0 where there are none."""
    if not rows or not columns:
        return [0.0] * len(rows)
    return [float(number) for number in np.array(rows)[:, columns].max(axis=1)]


@cache
def uses_of(id: str) -> frozenset[str]:
    """Return the uses that the kind ``id`` of the catalog works on: of its keys, and of the fields of the state that hold one."""
    kind = catalog.kinds()[id]
    own = {kind.use, *(use for use, _ in kind.keys.values())} - {ability.SESSION}
    named = vocabulary.names_in_state([kind])
    return frozenset(own | {p.use for p in use_patterns() if named & set(p.in_state)})
