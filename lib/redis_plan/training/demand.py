"""Is a line a statement of demand? Learnt from every line that could be one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from redis_plan.brief import demands
from redis_plan.training import annotated
from redis_plan.training.annotated import Annotated
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import Rows, none, together

NAME = "demand"
LABELS = ("demand",)
EXCLUSIVE = False
STRENGTH = 4.0
#: A third: a demand that was missed costs more than a line too many, which a person drops in a second.
THRESHOLDS = (0.35,)
#: A project counts as if it had so many lines, however many it has: half its size, in powers.
USUAL_LINES = 250


def rows(project: Project) -> Rows:
    """Return the candidates of one corpus project."""
    return _rows(annotated.of_project(project), USUAL_LINES)


def own_rows(without: Collection[str] = ()) -> Rows:
    """Return the lines of our own documents but those named in ``without``."""
    return _rows(annotated.own(without=without), 0)


def _rows(parts: Sequence[Annotated], usual: int) -> Rows:
    if not parts:
        return none(demands.WIDTH, 1)
    found = []
    for part in parts:
        said = np.array([[kind in demands.KINDS] for kind in part.kinds], dtype=np.float32).reshape(-1, 1)
        weights = np.array(part.weights, dtype=np.float32)
        found.append(Rows(part.features, said, weights))
    made = together(found)
    size = float(made.weights.sum())
    scale = (usual / max(usual / 4, size)) ** 0.5 if usual else 1.0
    return annotated.also_unaided(Rows(made.features, made.labels, made.weights * np.float32(scale)))
