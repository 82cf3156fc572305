"""Tasks: what is learnt. Each is a module of this package (the package's text says what it holds).

A task may use the models of the tasks before it in the list: it then sees those that were trained on the same projects.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Sequence
from dataclasses import replace
from types import ModuleType

from redis_plan.brief import learnt
from redis_plan.brief.learnt import Model
from redis_plan.training import (
    demand,
    entities,
    fitting,
    gathering,
    kind,
    nature,
    realtime,
    restrictions,
    sections,
    use_lines,
    uses,
)
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import Rows

TASKS: tuple[ModuleType, ...] = (
    sections,
    demand,
    kind,
    realtime,
    gathering,
    entities,
    use_lines,
    nature,
    uses,
    restrictions,
)
#: Thresholds are chosen on projects that the model did not see: so many groups, each left out once.
GROUPS = 6


def train(
    projects: Sequence[Project], tasks: Sequence[ModuleType] | None = None, without: Collection[str] = ()
) -> dict[str, Model]:
    """Return the models of ``tasks`` (all of them if None), trained on ``projects`` and our own examples.

    ``without`` names documents of our own that are left out (see ``nearness``).
    """
    models: dict[str, Model] = {}
    for task in TASKS if tasks is None else tasks:
        with learnt.using(models):
            found = _train(task, projects, without)
        if found is not None:
            models[task.NAME] = found
    return models


#: What was made of a project before, and of our own texts. Scoring trains once for each project that it leaves out, and what is said of the
#: others hardly changes by that: cues that it alone supports fire in none of them, and models that it didn't teach judge their demands alike.
_MADE: dict[tuple[str, str], Rows] = {}


def _rows(task: ModuleType, project: Project) -> Rows:
    key = (task.NAME, project.digest)
    if key not in _MADE:
        _MADE[key] = task.rows(project)
    return _MADE[key]


def own_rows(task: ModuleType, without: Collection[str] = ()) -> Rows:
    """Return what ``task`` learns from examples of our own, but for the documents named in ``without``."""
    # only some tasks learn from whole documents; the others from sentences, which are of no project
    of_documents = bool(inspect.signature(task.own_rows).parameters)
    key = (task.NAME, "\0".join(sorted(without)) if of_documents else "")
    if key not in _MADE:
        _MADE[key] = task.own_rows(without) if of_documents else task.own_rows()
    return _MADE[key]


def _train(task: ModuleType, projects: Sequence[Project], without: Collection[str]) -> Model | None:
    own = own_rows(task, without)
    parts = [_rows(task, project) for project in projects]
    if not len(own.features) and not any(len(part.features) for part in parts):
        return None
    model = _fit(task, [own, *parts])
    if stated := getattr(task, "THRESHOLDS", None):
        return replace(model, thresholds=tuple(float(t) for t in stated))
    if task.EXCLUSIVE or not projects:
        return model
    kept = [part for part in parts if len(part.features)]
    if not kept:
        return model
    held_out = []
    for group in range(min(GROUPS, len(kept))):
        seen = [part for n, part in enumerate(kept) if n % GROUPS != group]
        other = _fit(task, [own, *seen])
        held_out += [(other.probabilities(part.features), part.labels) for part in kept[group::GROUPS]]
    choose = getattr(task, "thresholds", fitting.best_thresholds)
    thresholds = choose([p for p, _ in held_out], [y for _, y in held_out])
    return replace(model, thresholds=tuple(float(t) for t in thresholds))


def _fit(task: ModuleType, parts: Sequence[Rows]) -> Model:
    strength = getattr(task, "STRENGTH", fitting.STRENGTH)
    return fitting.fit(task.NAME, task.LABELS, fitting.together(parts), exclusive=task.EXCLUSIVE, strength=strength)
