"""Which uses of Redis a project needs: one row a project and use of the corpus, and few weights, held back strongly."""

from __future__ import annotations

from typing import Any

import numpy as np

from redis_plan.brief import evidence
from redis_plan.brief.model import Entity
from redis_plan.brief.reader import evidence_lines
from redis_plan.keyspace import deciding
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import Rows

NAME = deciding.MODEL
LABELS = ("needed",)
EXCLUSIVE = False
STRENGTH = 1.0
#: Stated, not tuned.
THRESHOLDS = (deciding.TAKEN_FROM,)
#: A use that a careful reader may have or leave out says little, and neither for nor against.
DEFENSIBLE, COUNTS = 0.5, 0.1


def rows(project: Project) -> Rows:
    """Return a row for each use pattern, in the setting (session, fit, entities) that the gold names."""
    gold = project.gold["design"]
    strength = {one.use: one.strength for one in evidence.read_evidence(evidence_lines(project.texts, ()))}
    has_session = bool(gold["session"]) and any(use["use"] == "state" for use in gold["uses"])
    entities = [_entity(one) for one in project.gold["entities"]]
    features = deciding.features(strength, entities, has_session, project.gold["needs_redis"])
    must = {use["use"] for use in gold["uses"] if use["need"] == "must"}
    may = {use["use"] for use in gold["uses"]} - must
    names = [pattern.use for pattern in deciding.decided()]
    labels = np.array([[DEFENSIBLE if name in may else float(name in must)] for name in names], dtype=np.float32)
    weights = np.array([COUNTS if name in may else 1.0 for name in names], dtype=np.float32)
    return Rows(features, labels, weights)


def own_rows() -> Rows:
    """Return no rows: an example is a sentence, and here a row is a project."""
    width = deciding.features({}, (), False, "no").shape[1]
    return Rows.of(np.zeros((0, width), np.float32), np.zeros((0, 1), np.float32))


def _entity(one: dict[str, Any]) -> Entity:  # Any: the JSON file's tree
    names = tuple(one.get("aliases") or ())
    return Entity(one["name"], "prd.md", 1, names, one.get("lifetime", "unknown"), bool(one.get("realtime")))
