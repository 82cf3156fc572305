"""Nearness: which documents of our own resemble a project so much that they may have been written with it in mind.

A model that learnt from them has seen a shadow of the project. Whoever asks how well a project is read that nothing was learnt from
leaves them out with it. How near texts are is the mean, over the lines of one, of its likeness to the most alike line of
the other, by the vectors of the sentence encoder. The threshold is measured: the texts of two teams that never heard of each other are alike as
far as their subjects and languages are. What is nearer to a project than every other project of the corpus is counts as its shadow.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from redis_plan.brief import encoder, gathering, nature
from redis_plan.brief.examples import examples
from redis_plan.brief.learnt import Matrix
from redis_plan.training import annotated
from redis_plan.training.annotated import Annotated
from redis_plan.training.corpus import Project


def shadows(projects: Sequence[Project]) -> dict[str, frozenset[str]]:
    """Return for each project the documents of our own that resemble it: names of files, and texts of short ones."""
    theirs = {project.slug: _lines(annotated.of_project(project)) for project in projects}
    ours = {part.lines.lines[0].block.file: _lines([part]) for part in annotated.own("live")}
    short = (*examples(gathering.NAME), *examples(nature.MODEL))
    ours |= {one.text: _encoded(one.text.splitlines()) for one in short}
    found = {}
    for slug, lines in theirs.items():
        others = [nearness(other, lines) for name, other in theirs.items() if name != slug]
        found[slug] = frozenset(name for name, own in ours.items() if nearness(own, lines) > max(others, default=1.0))
    return found


def nearness(text: Matrix, other: Matrix) -> float:
    """Return how near ``text`` is to ``other``, each a row a line: 1 where every line stands there too; nothing is near an empty text."""
    return float((text @ other.T).max(axis=1).mean()) if len(text) and len(other) else 0.0


def _lines(parts: Sequence[Annotated]) -> Matrix:
    return _encoded([line.block.text for part in parts for line in part.lines.lines])


def _encoded(lines: Sequence[str]) -> Matrix:
    said = [line for line in lines if line.strip()]
    return encoder.encode(said) if said else np.zeros((0, encoder.SIZE), np.float32)
