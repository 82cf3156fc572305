"""Played: which actions of a project a run has carried out on a live server, by the evidence that says so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from redis_plan.brief import documents
from redis_plan.evidence.store import Evidence
from redis_plan.measure.lab import Profile
from redis_plan.run import Run, default_folder

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


def in_project(project: Path) -> tuple[str, dict[str, str]]:
    """Return the newest run of ``project`` that has played its actions, as a path inside the project, with what it played."""
    root = documents.find_folder(project).parent
    runs = [Run(root, default_folder(root, profile)) for profile in get_args(Profile)]
    ran = [(path.stat().st_mtime, run) for run in runs if (path := run.evidence.folder / f"{RECORDS[0]}.json").exists()]
    if not ran:
        return "", {}
    newest = max(ran, key=lambda found: found[0])[1]
    return str(newest.folder.relative_to(root)), of_run(newest)
