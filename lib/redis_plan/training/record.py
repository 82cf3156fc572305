"""The record of the weights: what they were learnt from, how, and how well they judge projects that they did not see."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from redis_plan.brief import vectors
from redis_plan.training import fitting
from redis_plan.training.corpus import Project
from redis_plan.training.tasks import TASKS

FILE = "record.json"


def write(folder: Path, projects: Sequence[Project], encoded: int, curve: Mapping[int, Mapping[str, float]]) -> None:
    """Write the record of the weights in ``folder``; the scores of the record before stay where the weights did.

    ``curve`` has a row for each number of projects that were seen: F1 by line (demand, realtime), share right (kind).
    """
    weights = digest(folder)
    record = {
        "corpus": {project.slug: project.digest for project in projects},
        "method": f"logistic regression, L2 (strength {fitting.STRENGTH} where a task has none of its own), L-BFGS",
        "tasks": [task.NAME for task in TASKS],
        "vectors": f"{encoded} sentences of our own by {vectors.version()}",
        "weights": weights,
        "curve": {str(size): _rounded(scores) for size, scores in curve.items()},
    }
    before = _load(folder).get("scores", {})
    if before.get("weights") == weights:
        record["scores"] = before
    _save(folder, record)


def note_scores(folder: Path, plain: Mapping[str, float], left_out: Mapping[str, float]) -> None:
    """Add what ``make score`` found to the record: with the weights as they are, and with each project left out."""
    scores = {"weights": digest(folder), "plain": _rounded(plain), "left out": _rounded(left_out)}
    _save(folder, _load(folder) | {"scores": scores})


def digest(folder: Path) -> str:
    """Return what tells these weights from others."""
    found = hashlib.sha256()
    for task in TASKS:
        for suffix in (".npy", ".json"):
            path = folder / f"{task.NAME}{suffix}"
            found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()[:16]


def _rounded(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: round(score, 3) for name, score in scores.items()}


def _load(folder: Path) -> dict[str, Any]:  # Any: the JSON file's tree
    path = folder / FILE
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return found


def _save(folder: Path, record: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
