"""Entities: for each phrase that rules know nothing of whether the product keeps its state, from the corpus and nouns of our own."""

from __future__ import annotations

import numpy as np

from redis_plan.brief import encoder, keeping
from redis_plan.brief.entities import folded_name
from redis_plan.brief.examples import examples
from redis_plan.brief.reader import demands_of, entities_by_rule
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import Rows

NAME = keeping.NAME
LABELS = ("kept",)
EXCLUSIVE = False
STRENGTH = 1.5
#: The best mean F1 over the projects in languages without grammar, each left out (.12 to .22 hardly differ).
THRESHOLDS = (0.15,)
#: A noun of our own counts less than one that was met in a document.
OWN_WEIGHT = 1.0
#: Another phrase for a thing that is found already is neither right nor quite wrong.
SPARE_WEIGHT = 0.4


def rows(project: Project) -> Rows:
    """Return a row for each noun of a project: 1 for the one that names an annotated entity best."""
    words, requirements = demands_of(project.texts)
    found, demanded = entities_by_rule(project.texts, words, requirements)
    every = keeping.candidates([(t.blocks, t.roles, t.language) for t in project.texts], found, demanded)
    labels = np.zeros((len(every), 1), dtype=np.float32)
    weights = np.ones(len(every), dtype=np.float32)
    spellings = [candidate.spellings for candidate in every]
    for entity in project.gold["entities"]:
        names = {folded_name(name) for name in (entity["name"], *entity.get("aliases", ()))}
        naming = [n for n, mine in enumerate(spellings) if mine & names]
        best = max(naming, key=lambda n: (every[n].entity is not None, every[n].total), default=None)
        for n in naming:
            labels[n] = max(labels[n], float(n == best))
            weights[n] = weights[n] if labels[n] else SPARE_WEIGHT
    weights[labels[:, 0] > 0] = 1.0
    unknown = np.array([candidate.entity is None for candidate in every], dtype=bool)
    return Rows(keeping.features(every, words)[unknown], labels[unknown], weights[unknown])


def own_rows() -> Rows:
    """Return nouns of our own, each as it is usually said: twice or thrice, in demands."""
    own = examples(NAME)
    usual = np.zeros((len(own), keeping.NUMBERS), dtype=np.float32)
    usual[:, :4] = (0.35, 0.2, 0.5, 0.3)
    usual[:, 8:10] = (0.1, 0.7)
    usual[:, 11] = 1.0
    labels = np.array([[float("kept" in example.labels)] for example in own], dtype=np.float32)
    return Rows.of(np.hstack([usual, encoder.encode([example.text for example in own])]), labels, OWN_WEIGHT)
