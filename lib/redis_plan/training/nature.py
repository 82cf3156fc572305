"""What kind of project a document describes: from the corpus, our own annotated documents, and short ones that say little."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from redis_plan.brief import gathering, nature
from redis_plan.brief.examples import examples
from redis_plan.brief.reader import Text, evidence_lines
from redis_plan.training import annotated
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import Rows, together
from redis_plan.training.gathering import text_of

NAME = nature.MODEL
LABELS = nature.KINDS
EXCLUSIVE = True
#: Some two hundred documents against some fifty features.
STRENGTH = 3.0
#: A few lines say less than a document.
OF_FEW_LINES = 0.5


def rows(project: Project) -> Rows:
    """Return the one row of a corpus project."""
    design, needs = project.gold.get("design") or {}, project.gold["needs_redis"]
    kind = "session" if design.get("session") else "neither" if needs == "no" else "live"
    return _row(project.texts, kind)


def own_rows(without: Collection[str] = ()) -> Rows:
    """Return a row for each document of ours whose nature is known, and for each of the short ones."""
    kinds = kinds_of_documents()
    found = [
        _of_document(path, kinds[path.stem])
        for path in annotated.own_documents("live", "kinds")
        if path.stem in kinds and path.name not in without
    ]
    short = [(example.text, next(iter(example.labels))) for example in examples(NAME)]
    short += [(one.text, "session") for one in examples(gathering.NAME) if one.labels and one.text not in without]
    return together([*found, *(_of_short(text, kind) for text, kind in short)])


def kinds_of_documents() -> dict[str, str]:
    """Return of each document of ours whose nature is known which it is."""
    told = annotated.nature()
    others = {name: kind for kind, names in told["others"].items() for name in names}
    return others | dict.fromkeys(told["session"], "session")


@cache
def _of_document(path: Path, kind: str) -> Rows:
    _, text, _ = annotated.cut(path)
    return _row([text], kind)


@cache
def _of_short(text: str, kind: str) -> Rows:
    return _row([text_of(text)], kind, OF_FEW_LINES)


def _row(texts: Sequence[Text], kind: str, weight: float = 1.0) -> Rows:
    nouns = gathering.count([(text.blocks, text.roles) for text in texts])
    features = nature.features(evidence_lines(texts, ()), nouns)
    labels = np.array([[float(kind == label) for label in LABELS]], dtype=np.float32)
    return Rows.of(features[None, :], labels, weight)
