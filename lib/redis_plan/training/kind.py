"""Of which kind is a demand: functional, non-functional or a constraint? Learnt from the statements alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from redis_plan.brief import demands
from redis_plan.training import annotated
from redis_plan.training.annotated import Annotated
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import Rows

NAME = "kind"
LABELS = demands.KINDS
EXCLUSIVE = True
STRENGTH = 2.0
#: A line of ours counts twice: there are few of them, in many domains and languages.
OWN = 2.0
#: As for ``demand``: long documents don't drown short ones.
USUAL_LINES = 60


def rows(project: Project) -> Rows:
    """Return the statements of one corpus project."""
    return _rows(annotated.of_project(project), USUAL_LINES)


def own_rows(without: Collection[str] = ()) -> Rows:
    """Return the statements of our own documents but those named in ``without``."""
    return _rows(annotated.own(without=without), 0)


def _rows(parts: Sequence[Annotated], usual: int) -> Rows:
    features, kinds, _ = annotated.statements(parts)
    labels = np.array([[kind == label for label in LABELS] for kind in kinds], dtype=np.float32)
    weight = (usual / max(usual / 4, len(kinds))) ** 0.5 if usual else OWN
    return annotated.also_unaided(Rows.of(features, labels.reshape(-1, len(LABELS)), weight))
