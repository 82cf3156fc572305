"""Entities: for each phrase that rules know nothing of whether the product keeps its state, from the corpus and from texts of our own.

Of our own are single nouns, and the documents that are annotated for demands: ``examples/documents/kept.toml`` says what each keeps.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from redis_plan import resources
from redis_plan.brief import encoder, keeping
from redis_plan.brief.entities import folded_name, read_entities
from redis_plan.brief.examples import examples
from redis_plan.brief.lexicon import Lexicon
from redis_plan.brief.phrases import stem
from redis_plan.brief.reader import demands_of, entities_by_rule
from redis_plan.training import annotated
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import Rows, together

NAME = keeping.NAME
LABELS = ("kept",)
EXCLUSIVE = False
STRENGTH = 1.5
#: The best mean F1 over the projects in languages without grammar, each left out (.15 to .35 hardly differ).
THRESHOLDS = (0.2,)
#: What a noun and a document of our own count beside a document of the corpus: they are short, and every noun of them is said once or twice.
OWN_NOUN, OWN_DOCUMENT = 0.5, 0.5
#: Another phrase for a thing that is found already is neither right nor quite wrong.
SPARE_WEIGHT = 0.4


def rows(project: Project) -> Rows:
    """Return a row for each noun of a project: 1 for the one that names an annotated entity best."""
    words, requirements = demands_of(project.texts)
    found, demanded = entities_by_rule(project.texts, words, requirements)
    every = keeping.candidates([(t.blocks, t.roles, t.language) for t in project.texts], found, demanded)
    names = [
        {folded_name(name) for name in (entity["name"], *entity.get("aliases", ()))}
        for entity in project.gold["entities"]
    ]
    return _rows(every, words, names, 1.0)


def _rows(every: Sequence[keeping.Candidate], words: Lexicon, named: Sequence[set[str]], weight: float) -> Rows:
    """Return the candidates that no rule found; ``named`` are the spellings of each thing that is kept."""
    labels = np.zeros((len(every), 1), dtype=np.float32)
    weights = np.ones(len(every), dtype=np.float32)
    spellings = [candidate.spellings | {p.stem for p in candidate.phrases} for candidate in every]
    for names in named:
        naming = [n for n, mine in enumerate(spellings) if mine & names]
        best = max(naming, key=lambda n: (every[n].entity is not None, every[n].total), default=None)
        for n in naming:
            labels[n] = max(labels[n], float(n == best))
            weights[n] = weights[n] if labels[n] else SPARE_WEIGHT
    weights[labels[:, 0] > 0] = 1.0
    unknown = np.array([candidate.entity is None for candidate in every], dtype=bool)
    return Rows(keeping.features(every, words)[unknown], labels[unknown], weights[unknown] * np.float32(weight))


def own_rows(without: Collection[str] = ()) -> Rows:
    """Return nouns of our own, each as it is usually said: twice or thrice, in demands; and the nouns of our own documents.

    Documents whose file is named in ``without`` are left out.
    """
    own = examples(NAME)
    usual = np.zeros((len(own), keeping.NUMBERS), dtype=np.float32)
    usual[:, :4] = (0.35, 0.2, 0.5, 0.3)
    usual[:, 8:10] = (0.1, 0.7)
    usual[:, 11] = 1.0
    labels = np.array([[float("kept" in example.labels)] for example in own], dtype=np.float32)
    nouns = Rows.of(np.hstack([usual, encoder.encode([example.text for example in own])]), labels, OWN_NOUN)
    return together([nouns, *_own_documents(without)])


def _own_documents(without: Collection[str]) -> list[Rows]:
    said = tomllib.loads((resources.catalog_dir() / "examples" / "documents" / "kept.toml").read_text("utf-8"))
    paths = [path for path in annotated.own_documents("live") if path.stem in said and path.name not in without]
    return [_of_document(path, tuple(said[path.stem])) for path in paths]


@cache
def _of_document(path: Path, kept: tuple[str, ...]) -> Rows:
    _, text, demanded = annotated.cut(path)
    words, language = text.roles.words, text.language
    by_rule = read_entities([(text.blocks, text.roles)], words, demanded)
    every = keeping.candidates([(text.blocks, text.roles, language)], by_rule, demanded)
    return _rows(every, words, [_spellings(one, language) for one in kept], OWN_DOCUMENT)


def _spellings(one: str, language: str) -> set[str]:
    """Return how ``one`` may be said: "lot/lots" is one thing in two words."""
    words = one.split("/")
    return {folded_name(w) for w in words} | {" ".join(stem(part, language) for part in w.split()) for w in words}
