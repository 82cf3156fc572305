"""Is a demand about state that several people share live? Learnt from the statements alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from redis_plan.training import annotated
from redis_plan.training.annotated import Annotated
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import Rows

NAME = "realtime"
LABELS = ("realtime",)
EXCLUSIVE = False
STRENGTH = 2.0
#: Less than a half: a live demand that was missed costs a design more than one too many. Tuned on so few projects it came out worse.
THRESHOLDS = (0.3,)
#: A line of ours counts as one of a document of usual length does.
OWN = 1.0
#: As for ``demand``: long documents don't drown short ones.
USUAL_LINES = 60


def rows(project: Project) -> Rows:
    """Return the statements of one corpus project."""
    return _rows(annotated.of_project(project), USUAL_LINES)


def own_rows(without: Collection[str] = ()) -> Rows:
    """Return the statements of our own documents and of those annotated for what is live, but those named in ``without``."""
    return _rows(annotated.own("live", without=without), 0)


def _rows(parts: Sequence[Annotated], usual: int) -> Rows:
    features, _, live = annotated.statements(parts)
    labels = np.array(live, dtype=np.float32).reshape(-1, 1)
    weight = (usual / max(usual / 4, len(live))) ** 0.5 if usual else OWN
    return annotated.also_unaided(Rows.of(features, labels, weight))
