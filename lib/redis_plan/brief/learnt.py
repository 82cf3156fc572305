"""Learnt: small linear models that judge a line, trained by ``make train`` and shipped in ``data/catalog/weights/``.

A model is one weight for each feature and label. Its features are those that the module which uses it computes, in
that module's order, so that training and reading can't differ; its file is a ``.npy`` of the weights beside a ``.json`` that names labels and thresholds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from redis_plan import resources

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Model:
    """One logistic model a label: ``weights`` has a row a feature and, last, the bias; a column a label.

    ``exclusive`` labels compete (their probabilities add up to one); others are judged each on its own, and hold from
    their threshold on.
    """

    name: str
    labels: tuple[str, ...]
    weights: Matrix
    thresholds: tuple[float, ...]
    exclusive: bool = False

    def probabilities(self, features: Matrix) -> Matrix:
        """Return for each row of ``features`` the probability of each label."""
        scores = features @ self.weights[:-1] + self.weights[-1]
        if self.exclusive:
            scores = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
            return np.asarray(scores / scores.sum(axis=1, keepdims=True), dtype=np.float32)
        return np.asarray(1 / (1 + np.exp(-np.clip(scores, -30, 30))), dtype=np.float32)

    def holds(self, features: Matrix) -> NDArray[np.bool_]:
        """Return for each row which labels reach their threshold."""
        return np.asarray(self.probabilities(features) >= np.array(self.thresholds, dtype=np.float32))

    def save(self, folder: Path) -> None:
        """Write the two files of the model into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{self.name}.npy", self.weights.astype(np.float16), allow_pickle=False)
        head = {"labels": self.labels, "thresholds": self.thresholds, "exclusive": self.exclusive}
        (folder / f"{self.name}.json").write_text(json.dumps(head, indent=1, ensure_ascii=False) + "\n", "utf-8")


_MODELS: dict[str, Model] = {}
_INSTEAD: list[Mapping[str, Model]] = []


def model(name: str) -> Model | None:
    """Return the model ``name`` that is in force, or None where it was never trained."""
    for models in reversed(_INSTEAD):
        if name in models:
            return models[name]
    if name not in _MODELS:
        found = load(name, resources.catalog_dir() / "weights")
        if found is None:
            return None
        _MODELS[name] = found
    return _MODELS[name]


def load(name: str, folder: Path) -> Model | None:
    """Read the model ``name`` from ``folder``; None where it isn't there."""
    if not (folder / f"{name}.json").is_file():
        return None
    head = json.loads((folder / f"{name}.json").read_text("utf-8"))
    weights = np.load(folder / f"{name}.npy", allow_pickle=False).astype(np.float32)
    return Model(name, tuple(head["labels"]), weights, tuple(head["thresholds"]), head["exclusive"])


@contextmanager
def using(models: Mapping[str, Model]) -> Iterator[None]:
    """Judge by ``models`` in place of the shipped ones: those that were trained without the project at hand."""
    _INSTEAD.append(models)
    try:
        yield
    finally:
        _INSTEAD.pop()
