"""What a section is for: learnt from headings of our own alone, since no corpus names it."""

from __future__ import annotations

import numpy as np

from redis_plan.brief import encoder
from redis_plan.brief.examples import examples
from redis_plan.brief.meaning import PURPOSES, bare
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import Rows, none

NAME = "sections"
LABELS = PURPOSES
EXCLUSIVE = True
STRENGTH = 0.1


def rows(project: Project) -> Rows:
    """Return nothing: a corpus does not say what its sections are for."""
    return none(encoder.SIZE, len(LABELS))


def own_rows() -> Rows:
    """Return our own headings."""
    known = examples(NAME)
    labels = np.array([[label in e.labels for label in LABELS] for e in known], dtype=np.float32)
    return Rows.of(encoder.encode([bare(e.text) for e in known]), labels)
