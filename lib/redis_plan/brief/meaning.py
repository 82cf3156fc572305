"""Meaning of sections: what the part under a heading is for, judged by likeness to headings of our own.

The lexicons know a heading's exact words in eleven languages; the encoder knows what headings of sixteen mean. The
first decides where it speaks, the second is a feature beside it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np

from redis_plan.brief import encoder, learnt
from redis_plan.brief.examples import examples
from redis_plan.brief.learnt import Matrix

#: What a section may be for, in the order of the model's columns; the examples are in ``examples/sections.toml``.
PURPOSES = (
    "functional", "non-functional", "constraint", "out-of-scope", "later", "stories", "criteria", "scenario", "metrics",
    "context", "actors", "decisions", "options", "questions", "glossary", "template", "data", "stack", "plan",
)  # fmt: skip


#: So many titles are understood.
MOST_TITLES = 600

_ORNAMENT = re.compile(r"^(?:[\W_]|\d+(?:\.\d+)*[.)]?\s|[IVX]+[.)]\s)+|[\W_]+$")


def bare(title: str) -> str:
    """Return a title without its number, signs and colon: they say nothing of what the section is for.

    >>> bare("❌ 3.2 Fuera del Alcance:")
    'Fuera del Alcance'
    """
    return _ORNAMENT.sub("", title) or title


def purposes(titles: Sequence[str]) -> Matrix:
    """Return for each title how probable each purpose is; zeros for an empty title, or where nothing was learnt.

    Of a document that has thousands of different titles, those after the first :data:`MOST_TITLES` mean nothing.
    """
    found = np.zeros((len(titles), len(PURPOSES)), dtype=np.float32)
    judge = learnt.model("sections")
    if judge is None or not titles:
        return found
    rows = encoder.encode([bare(title) for title in titles], MOST_TITLES)
    said = rows.any(axis=1)
    found[said] = judge.probabilities(rows[said])
    return found


def likeness(titles: Sequence[str], labels: Collection[str]) -> Matrix:
    """Return for each title how much it is like the heading of our own with one of ``labels`` that is most like it (1: the same)."""
    known = [bare(example.text) for example in examples("sections") if not example.labels.isdisjoint(labels)]
    if not known or not titles:
        return np.zeros(len(titles), dtype=np.float32)
    alike: Matrix = encoder.encode([bare(title) for title in titles]) @ encoder.encode(known).T
    return np.asarray(alike.max(axis=1))
