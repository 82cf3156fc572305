"""What people share live: for each noun of a document whether it is that, from the corpus and short documents of our own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from redis_plan.brief import gathering
from redis_plan.brief.documents import Document
from redis_plan.brief.examples import Example, examples
from redis_plan.brief.learnt import Matrix
from redis_plan.brief.lexicon import detect_language, fold, lexicon
from redis_plan.brief.outline import outline
from redis_plan.brief.reader import Text
from redis_plan.brief.sections import Roles
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import STEPS, Rows, together

NAME = gathering.NAME
LABELS = ("shared",)
EXCLUSIVE = False
#: Some dozens of projects against as many features.
STRENGTH = 3


def rows(project: Project) -> Rows:
    """Return a row for each noun of a project's documents."""
    session = (project.gold.get("design") or {}).get("session")
    names = (
        {fold(n) for n in (session["noun"], *session.get("aliases", ()), *session.get("also", ()))}
        if session
        else set()
    )
    every = gathering.count([(text.blocks, text.roles) for text in project.texts])
    return _rows(every, names)


def _rows(every: Sequence[gathering.Counts], names: set[str]) -> Rows:
    right = [c.noun in names or any(fold(s) in names for s in c.spellings) for c in every]
    # one thing may have two names in a text; the one that says it best is right
    labels = np.array(right, dtype=np.float32).reshape(-1, 1)
    return Rows.of(gathering.features(every), labels)


def own_rows(without: Collection[str] = ()) -> Rows:
    """Return the same of our own documents, each labelled with its noun or with nothing, but those that are ``without``."""
    return together([_of_example(example) for example in examples(NAME) if example.text not in without])


@cache
def _of_example(example: Example) -> Rows:
    text = text_of(example.text)
    return _rows(gathering.count([(text.blocks, text.roles)]), {fold(n) for n in example.labels})


def text_of(text: str) -> Text:
    """Return a short document of ours as the reader cuts it."""
    document = Document("prd", "prd.md", Path("prd.md"), text)
    language = detect_language([text])[0]
    return Text(document, tuple(outline(document)), text, Roles(lexicon(language), "prd"), document.lines, language)


def thresholds(probabilities: Sequence[Matrix], labels: Sequence[Matrix]) -> tuple[float, ...]:
    """Return the threshold around which most documents get their noun, or none where they have none."""

    def right(threshold: float) -> int:
        return sum(_right(p[:, 0], y[:, 0] > 0.5, threshold) for p, y in zip(probabilities, labels, strict=True))

    found = {step: right(step) for step in STEPS}
    # a few dozen documents: the middle of a plateau, not its luckiest step
    around = {step: sum(found.get(round(step + 0.02 * n, 2), 0) for n in range(-6, 7)) for step in STEPS[6:-6]}
    return (max(around, key=lambda step: (around[step], -abs(step - 0.5))),)


def _right(chances: Matrix, truth: NDArray[np.bool_], threshold: float) -> bool:
    best = int(chances.argmax())
    return bool(truth[best]) if chances[best] >= threshold else not truth.any()
