"""Likeness: which of our own labelled sentences a text is most like, judged by all of them together.

Two views of one encoding are added. A kernel ridge regression over the examples weighs what sets a label's sentences apart
from all others, also where a label is said in several ways that are not like each other; the nearest two sentences of the
label keep a rare way of saying it. Both look at vectors without their common part, which is what all sentences about
software share. It is solved in closed form from the examples that ship: there are no weights to train, and the same
examples give the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redis_plan.brief import encoder

Matrix = NDArray[np.float64]

#: How strongly large weights are held back, and how fast an example's word fades with distance. Of our own examples, each left
#: out, a linear kernel finds .57; sharpness 2, 3 and 4 find .62, .61 and .61, with .1, .3, 1 and 3 for the ridge .62, .62, .61 and .59.
RIDGE, SHARPNESS = 0.3, 2.0
#: What the nearest sentences count beside the regression, whose output for a sure label is near 1.
NEAREST = 0.5
#: So many of the nearest sentences of a label are averaged: one alone may be an accident.
MOST_NEAR = 2
#: Texts whose likeness is remembered: a design asks several times for the same demands.
REMEMBERED = 8192


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much a text is like a label: ``strength`` ranks labels, ``alike`` is the cosine to the nearest ``example``."""

    label: str
    strength: float
    alike: float
    example: str

    def stronger(self, by: float) -> Likeness:
        """Return this likeness with ``by`` added to its strength."""
        return Likeness(self.label, self.strength + by, self.alike, self.example)


def _near(cosines: Matrix) -> Matrix:
    """Return how near two vectors are, 1 where they are the same: what is far from a sentence learns nothing of it."""
    return np.asarray(np.exp(SHARPNESS * (cosines - 1.0)))


class Labelled:
    """Sentences of our own under their labels."""

    def __init__(self, sentences: Mapping[str, Sequence[str]]) -> None:
        self.labels = tuple(label for label, texts in sentences.items() if texts)
        pairs = [(n, text) for n, label in enumerate(self.labels) for text in sentences[label]]
        self.texts = tuple(text for _, text in pairs)
        self._of = np.array([n for n, _ in pairs])
        self._members = [np.flatnonzero(self._of == n) for n in range(len(self.labels))]
        self._known: dict[tuple[str, ...], tuple[Likeness, ...]] = {}
        self._vectors = encoder.encode(self.texts).astype(np.float64)
        self._middle = self._vectors.mean(axis=0)
        self._apart = self._without_middle(self._vectors)
        truth = (self._of[:, None] == np.arange(len(self.labels))[None, :]).astype(np.float64)
        kernel = _near(self._apart @ self._apart.T) + RIDGE * np.eye(len(self.texts))
        self._weights = np.linalg.solve(kernel, truth - truth.mean(axis=0))

    def _without_middle(self, vectors: Matrix) -> Matrix:
        apart = vectors - self._middle
        return np.asarray(apart / np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-9))

    def of(self, views: Sequence[str]) -> tuple[Likeness, ...]:
        """Return every label with how much a text is like it, most first; ``views`` are wordings of that one text."""
        known = self._known.get(tuple(views))
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = self._known[tuple(views)] = self._compared(views)
        return known

    def _compared(self, views: Sequence[str]) -> tuple[Likeness, ...]:
        vectors = encoder.encode(views).astype(np.float64)
        apart = self._without_middle(vectors)
        closeness = (vectors @ self._vectors.T).max(axis=0)
        alike = apart @ self._apart.T
        near = alike.mean(axis=0)
        weighed = (_near(alike) @ self._weights).mean(axis=0)
        found = []
        for n, label in enumerate(self.labels):
            mine = self._members[n]
            first = mine[int(closeness[mine].argmax())]
            nearest = np.sort(near[mine])[-MOST_NEAR:].mean()
            strength = float(weighed[n] + NEAREST * nearest)
            found.append(Likeness(label, round(strength, 3), round(float(closeness[first]), 3), self.texts[first]))
        return tuple(sorted(found, key=lambda one: (-one.strength, one.label)))
