"""Examples: sentences of our own with what they are, ``data/catalog/examples/<task>.toml`` and ``<task>/*.toml``.

They are training data that ships, in many domains and languages, and the reason that a person can check: of a
judgement the nearest example is shown.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from redis_plan import resources
from redis_plan.brief import encoder


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence of our own: its labels (none: a near miss), and the heading it stands under, if that matters."""

    text: str
    labels: frozenset[str]
    heading: str = ""


@cache
def examples(task: str) -> tuple[Example, ...]:
    """Return the examples of ``task``; a file's ``[[example]]`` has ``labels`` (or ``label``), ``texts``, ``heading``."""
    folder = resources.catalog_dir() / "examples"
    found = []
    for path in (folder / f"{task}.toml", *sorted((folder / task).glob("*.toml"))):
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["example"] if path.is_file() else ():
            labels = frozenset(entry.get("labels", ())) | ({entry["label"]} if entry.get("label") else frozenset())
            found += [Example(text, labels, entry.get("heading", "")) for text in entry["texts"]]
    return tuple(found)


#: What the letter before the bar says of a line of our own documents; a capital one, that it is about shared live state.
KIND_OF = {"f": "functional", "n": "non-functional", "c": "constraint", "x": "out-of-scope"}


@cache
def lines_of_documents() -> tuple[Example, ...]:
    """Return the lines of our own documents, ``examples/documents/*.txt``: the kind of each, none for no demand, and "live"."""
    found = []
    for path in sorted((resources.catalog_dir() / "examples" / "documents").glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            mark, _, text = line.partition("|")
            kind, words = KIND_OF.get(mark.strip().lower(), ""), text.strip(" -*#|>•\t")
            if words and not text.lstrip().startswith("#"):
                found.append(Example(words, frozenset({kind, *(("live",) if mark.strip().isupper() else ())} - {""})))
    return tuple(found)


def most_alike(texts: Sequence[str]) -> list[tuple[Example, float]]:
    """Return for each of ``texts`` the line of our own documents that is most like it, and how alike they are."""
    known = lines_of_documents()
    alike = encoder.encode(texts) @ encoder.encode([example.text for example in known]).T
    return [(known[int(row.argmax())], float(row.max())) for row in alike]


def nearest(task: str, text: str, label: str) -> tuple[str, float] | None:
    """Return the example of ``label`` that is most like ``text``, and how alike they are (1: the same)."""
    known = [example.text for example in examples(task) if label in example.labels]
    if not known:
        return None
    alike = encoder.encode(known) @ encoder.encode([text])[0]
    best = int(alike.argmax())
    return known[best], float(alike[best])
