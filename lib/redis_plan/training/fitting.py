"""Fitting: regularised logistic regression, deterministic, by L-BFGS on numpy alone.

The loss is convex, so its minimum depends on the rows and on nothing else; no random number is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redis_plan.brief.learnt import Matrix, Model

Vector = NDArray[np.float64]

#: How strongly large weights are held back, per feature; a sentence's vector has unit length.
STRENGTH = 1.0
MOST_STEPS, CLOSE_ENOUGH, REMEMBERED = 300, 1e-4, 12
#: Thresholds that are tried.
STEPS = tuple(round(0.1 + 0.02 * n, 2) for n in range(41))


@dataclass(frozen=True, slots=True)
class Rows:
    """Lines to learn from: features and labels (1, 0) a row each; ``weights`` say how much each counts."""

    features: Matrix
    labels: Matrix
    weights: Matrix

    @classmethod
    def of(cls, features: Matrix, labels: Matrix, weight: float = 1.0) -> Rows:
        """Return rows that count ``weight`` each."""
        return cls(features, labels, np.full(len(features), weight, dtype=np.float32))


def none(width: int, labels: int) -> Rows:
    """Return no rows: what a task has that learns nothing from a project."""
    return Rows.of(np.zeros((0, width), dtype=np.float32), np.zeros((0, labels), dtype=np.float32))


def together(parts: Sequence[Rows]) -> Rows:
    """Return the rows of all ``parts``, in order; parts without a row are passed over."""
    filled = [part for part in parts if len(part.features)]
    return Rows(
        np.concatenate([p.features for p in filled]),
        np.concatenate([p.labels for p in filled]),
        np.concatenate([p.weights for p in filled]),
    )


def fit(name: str, labels: Sequence[str], rows: Rows, *, exclusive: bool = False, strength: float = STRENGTH) -> Model:
    """Return the model of least loss over ``rows``; its thresholds are a half."""
    wide = np.hstack([rows.features, np.ones((len(rows.features), 1), dtype=np.float32)])
    held_back = np.full((wide.shape[1], 1), strength, dtype=np.float64)
    held_back[-1] = 0.01 * strength
    shape = (wide.shape[1], len(labels))
    weight = rows.weights[:, None]

    def loss(flat: Vector) -> tuple[float, Vector]:
        weights = flat.reshape(shape)
        scores = wide @ weights.astype(np.float32)
        if exclusive:
            scores = scores - scores.max(axis=1, keepdims=True)
            logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
            costs, wrong = -(rows.labels * logs), np.exp(logs) - rows.labels
        else:
            costs = np.logaddexp(0, scores) - rows.labels * scores
            wrong = 1 / (1 + np.exp(-np.clip(scores, -30, 30))) - rows.labels
        total = float((costs * weight).sum(dtype=np.float64) + 0.5 * (held_back * weights**2).sum())
        slope = (wide.T @ (wrong * weight)).astype(np.float64) + held_back * weights
        return total, slope.ravel()

    found = _minimise(loss, np.zeros(shape[0] * shape[1]))
    # the weights as they are stored: what is scored and tuned is what ships
    stored = found.reshape(shape).astype(np.float16).astype(np.float32)
    return Model(name, tuple(labels), stored, (0.5,) * len(labels), exclusive)


def _minimise(loss: Callable[[Vector], tuple[float, Vector]], start: Vector) -> Vector:
    """Limited-memory BFGS with a backtracking line search (Nocedal and Wright, Numerical Optimization, 7.4)."""
    x, (value, slope) = start, loss(start)
    steps: list[tuple[Vector, Vector]] = []
    for _ in range(MOST_STEPS):
        if float(np.abs(slope).max()) < CLOSE_ENOUGH * max(1.0, float(np.abs(x).max())):
            break
        direction = -_two_loops(slope, steps)
        downhill = float(direction @ slope)
        rate = 1.0 if steps else min(1.0, 1.0 / float(np.abs(slope).sum()))
        for _ in range(30):
            following, (new_value, new_slope) = x + rate * direction, loss(x + rate * direction)
            if new_value <= value + 1e-4 * rate * downhill:
                break
            rate *= 0.5
        else:
            break
        moved, turned = following - x, new_slope - slope
        if float(moved @ turned) > 1e-10:
            steps = [*steps[-REMEMBERED + 1 :], (moved, turned)]
        done = value - new_value <= 1e-7 * max(1.0, abs(value))
        x, value, slope = following, new_value, new_slope
        if done:
            break
    return x


def _two_loops(slope: Vector, steps: Sequence[tuple[Vector, Vector]]) -> Vector:
    direction, used = slope.copy(), []
    for moved, turned in reversed(steps):
        rho = 1.0 / float(moved @ turned)
        alpha = rho * float(moved @ direction)
        direction = direction - alpha * turned
        used.append((rho, alpha))
    if steps:
        moved, turned = steps[-1]
        direction *= float(moved @ turned) / float(turned @ turned)
    for (moved, turned), (rho, alpha) in zip(steps, reversed(used), strict=True):
        direction = direction + (alpha - rho * float(turned @ direction)) * moved
    return direction


def best_thresholds(probabilities: Sequence[Matrix], labels: Sequence[Matrix]) -> tuple[float, ...]:
    """Return for each label the threshold of the best mean F1 over projects.

    ``probabilities`` and ``labels`` have one matrix a project; the probabilities come from a model that did not see it.
    """
    count = labels[0].shape[1]
    return tuple(_best([p[:, n] for p in probabilities], [y[:, n] > 0.5 for y in labels]) for n in range(count))


def _best(probabilities: Sequence[Matrix], truths: Sequence[NDArray[np.bool_]]) -> float:
    def mean(threshold: float) -> float:
        return float(np.mean([f1(p >= threshold, t) for p, t in zip(probabilities, truths, strict=True)]))

    return max(STEPS, key=lambda step: (round(mean(step), 4), -abs(step - 0.5)))


def f1(said: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Return the F1 of what was said against what is true; 1 where neither says anything."""
    hits, wrong = int((said & true).sum()), int((said ^ true).sum())
    return 1.0 if not hits + wrong else 2 * hits / (2 * hits + wrong)
