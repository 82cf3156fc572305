"""The learning curve: how well lines of a project are judged by models that saw so many others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import ModuleType

import numpy as np

from redis_plan.brief import learnt
from redis_plan.training import demand, fitting, kind, realtime, sections, tasks
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import Rows
from redis_plan.training.nearness import shadows

#: How many projects are seen; of a corpus of 24 the last is all but the one that is judged.
SIZES = (8, 16, 24)
_TASKS = (demand, kind, realtime)


def curve(projects: Sequence[Project]) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield for each size the mean share of lines judged right (kind) or mean F1 (demand, realtime) on unseen projects."""
    with learnt.using(tasks.train([], [sections])):
        parts = {task.NAME: [task.rows(project) for project in projects] for task in _TASKS}
        apart = shadows(projects)
        own = {task.NAME: [tasks.own_rows(task, apart[project.slug]) for project in projects] for task in _TASKS}
    for size in SIZES:
        yield size, {task.NAME: _mean(task, parts[task.NAME], own[task.NAME], size) for task in _TASKS}


def _mean(task: ModuleType, parts: Sequence[Rows], own: Sequence[Rows], size: int) -> float:
    scores = []
    for n, part in enumerate(parts):
        others = [parts[(n + k) % len(parts)] for k in range(1, len(parts))][: min(size, len(parts) - 1)]
        if not len(part.features):
            continue
        model = fitting.fit(task.NAME, task.LABELS, fitting.together([own[n], *others]), exclusive=task.EXCLUSIVE, strength=task.STRENGTH)  # fmt: skip
        known = len(part.features) // 2  # the second half is the same lines without a lexicon
        said, true = model.probabilities(part.features[:known]), part.labels[:known] > 0.5
        if task.EXCLUSIVE:
            scores.append(float((said.argmax(axis=1) == true.argmax(axis=1)).mean()))
        else:
            scores.append(fitting.f1(said[:, 0] >= task.THRESHOLDS[0], true[:, 0]))
    return float(np.mean(scores))
