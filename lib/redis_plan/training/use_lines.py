"""Which use of Redis a sentence calls for: learnt from our own examples alone.

The lines that the corpus's gold cites were tried beside them and brought nothing (.78 to .79 of the uses, left out), so they are kept for the
decision about the whole document (``uses``), which must not see its own training lines judged too well.
"""

from __future__ import annotations

import numpy as np

from redis_plan.brief import encoder, evidence
from redis_plan.brief.examples import examples
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import Rows

NAME = evidence.LINE_MODEL
LABELS = tuple(sorted({label for example in examples(evidence.TASK) for label in example.labels}))
EXCLUSIVE = False
STRENGTH = 0.1


def rows(project: Project) -> Rows:
    """Return no rows: a corpus project teaches nothing here."""
    return Rows.of(np.zeros((0, encoder.SIZE), np.float32), np.zeros((0, len(LABELS)), np.float32))


def own_rows() -> Rows:
    """Return the examples: the vector of each, and the use that it calls for."""
    known = examples(evidence.TASK)
    labels = np.array([[label in example.labels for label in LABELS] for example in known], dtype=np.float32)
    return Rows.of(encoder.encode([example.text for example in known]), labels)
