"""What another system owns, what some may never see, who takes no place: learnt from our own examples alone."""

from __future__ import annotations

import numpy as np

from redis_plan.brief import encoder, restrictions
from redis_plan.brief.examples import examples
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import Rows

NAME = restrictions.MODEL
LABELS = ("elsewhere", "hidden", "no-place")
EXCLUSIVE = False
STRENGTH = 0.02
#: What an example of a restriction counts beside one of a use, of which there are ten times as many.
OWN = 3.0


def rows(project: Project) -> Rows:
    """Return no rows: the gold does not mark restrictions."""
    return Rows.of(np.zeros((0, encoder.SIZE), np.float32), np.zeros((0, len(LABELS)), np.float32))


def own_rows() -> Rows:
    """Return the examples, and those of the uses of Redis as sentences that restrict nothing."""
    known = examples(restrictions.TASK)
    others = examples("uses")
    labels = np.array([[label in one.labels for label in LABELS] for one in (*known, *others)], dtype=np.float32)
    weights = np.array([OWN] * len(known) + [1.0] * len(others), dtype=np.float32)
    return Rows(encoder.encode([one.text for one in (*known, *others)]), labels, weights)
