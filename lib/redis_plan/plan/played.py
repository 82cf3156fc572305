"""Played: what a run shows of a project's demands: which actions it has carried out, and what its numbers contradict."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from redis_plan import units
from redis_plan.actions import matrix
from redis_plan.actions.matrix import Stories
from redis_plan.brief import documents
from redis_plan.evidence.store import Evidence
from redis_plan.measure.lab import Profile
from redis_plan.run import Run, default_folder
from redis_plan.words.capacity import Capacity

#: The records of notebook 07 in which each action has a value of its own, from the closest look to the widest.
RECORDS = ("E-07k", "E-07m")
#: What the name of such a value begins with; the action and its kind follow.
VALUE = "played"


def by_action(records: Iterable[Evidence]) -> dict[str, str]:
    """Return the id of the evidence that shows an action at work, by the action's name; a check that broke shows nothing."""
    found: dict[str, str] = {}
    for record in records:
        for value in record.values:
            word, _, rest = value.name.partition(" ")
            if word == VALUE and value.n and value.value == value.n:
                found.setdefault(rest.rpartition(" ")[0], record.id)
    return found


def of_run(run: Run) -> dict[str, str]:
    """Return the same for a run; empty where it has not played."""
    every = run.evidence.all()
    return by_action(every[id] for id in RECORDS if id in every)


def shown(found: Stories, run: Run) -> Stories:
    """Return the story matrix as ``run`` shows it."""
    return matrix.shown_by(matrix.refuted(found, too_small(run)), of_run(run))


def too_small(run: Run) -> dict[str, str]:
    """Return why the memory that the documents state does not do, by the places that ask for it; empty where it does."""
    budget = Capacity.of(run.evidence.all()).budget
    brief = run.load_brief()
    peak, memory = brief.fact("sessions_peak"), brief.fact("memory_budget")
    if budget is None or budget.carries.value >= peak.value:
        return {}
    why = (
        f"the memory of {units.write(memory.value, 'B')} carries {100 * budget.carries.value / peak.value:.0f} % of the peak [{budget.id}]; "
        "section 5 has what makes it fit"
    )
    return {fact.where: why for fact in (peak, memory) if fact.grade == "documented"}


def of_project(found: Stories, project: Path) -> tuple[str, Stories]:
    """Return the newest run of ``project`` that has played its actions, as a path inside the project, and what it shows."""
    root = documents.find_folder(project).parent
    runs = [Run(root, default_folder(root, profile)) for profile in get_args(Profile)]
    ran = [(path.stat().st_mtime, run) for run in runs if (path := run.evidence.folder / f"{RECORDS[0]}.json").exists()]
    if not ran:
        return "", found
    newest = max(ran, key=lambda found: found[0])[1]
    return str(newest.folder.relative_to(root)), shown(found, newest)
