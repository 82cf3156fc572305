"""What kind of project a document describes: from the corpus, our own annotated documents, and short ones that say little.

Ours are short, and those of teams are not, so long ones are put together of several: whatever else is said beside what people share, they share it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cache

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
#: So many documents are put together for each kind, of so many of that kind at most; beside each there are one to three in which nothing is shared.
LONG_ONES, MOST_OF_A_KIND, MOST_BESIDE = 60, 8, 3


def rows(project: Project) -> Rows:
    """Return the one row of a corpus project."""
    design, needs = project.gold.get("design") or {}, project.gold["needs_redis"]
    kind = "session" if design.get("session") else "neither" if needs == "no" else "live"
    return _row(project.texts, kind)


def own_rows(without: Collection[str] = ()) -> Rows:
    """Return a row for each document of ours whose nature is known, for each of the short ones, and for long ones put together of both."""
    kinds = kinds_of_documents()
    paths = [path for path in annotated.own_documents("live", "kinds") if path.stem in kinds]
    short = [(one.text, next(iter(one.labels))) for one in examples(NAME)]
    short += [(one.text, "session") for one in examples(gathering.NAME) if one.labels]
    every = [(path.name, kinds[path.stem]) for path in paths] + short
    alone = [_of_own((name,), kind) for name, kind in every if name not in without]
    return together([*alone, *(_of_own(parts, kind) for parts, kind in _long(every) if not set(parts) & set(without))])


def _long(every: Sequence[tuple[str, str]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield of which documents long ones are put together, and of which kind each is."""
    of_kind = {label: [name for name, kind in every if kind == label] for label in LABELS}
    beside = of_kind["neither"]
    for label, names in of_kind.items():
        for n in range(LONG_ONES):
            count = 1 + n % MOST_OF_A_KIND
            others = count + n // MOST_OF_A_KIND % ((MOST_BESIDE - 1) * count + 1)
            chosen = [names[(7 * n + 3 * i) % len(names)] for i in range(count)]
            chosen += [beside[(11 * n + 5 * i) % len(beside)] for i in range(others)]
            yield tuple(dict.fromkeys(chosen)), label


def kinds_of_documents() -> dict[str, str]:
    """Return of each document of ours whose nature is known which it is."""
    told = annotated.nature()
    others = {name: kind for kind, names in told["others"].items() for name in names}
    return others | dict.fromkeys(told["session"], "session")


@cache
def _of_own(names: tuple[str, ...], kind: str) -> Rows:
    """Return the row of documents of ours put together; each is named by its file, or is its text."""
    few = len(names) == 1 and not names[0].endswith(".txt")
    return _row([_text(name) for name in names], kind, OF_FEW_LINES if few else 1.0)


@cache
def _text(name: str) -> Text:
    if not name.endswith(".txt"):
        return text_of(name)
    path = next(path for path in annotated.own_documents("live", "kinds") if path.name == name)
    return annotated.cut(path)[1]


def _row(texts: Sequence[Text], kind: str, weight: float = 1.0) -> Rows:
    nouns = gathering.count([(text.blocks, text.roles) for text in texts])
    features = nature.features(evidence_lines(texts, ()), nouns)
    labels = np.array([[float(kind == label) for label in LABELS]], dtype=np.float32)
    return Rows.of(features[None, :], labels, weight)
