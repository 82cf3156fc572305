"""Examples: sentences of our own with what they are, ``data/catalog/examples/<task>.toml``.

They are training data that ships, in many domains and languages, and the reason that a person can check: of a
judgement the nearest example is shown.
"""

from __future__ import annotations

import tomllib
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
    """Return the examples of ``task``; the file's ``[[example]]`` has ``labels`` (or ``label``), ``texts``, ``heading``."""
    path = resources.catalog_dir() / "examples" / f"{task}.toml"
    if not path.is_file():
        return ()
    found = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["example"]:
        labels = frozenset(entry.get("labels", ())) | ({entry["label"]} if entry.get("label") else frozenset())
        found += [Example(text, labels, entry.get("heading", "")) for text in entry["texts"]]
    return tuple(found)


def nearest(task: str, text: str, label: str) -> tuple[str, float] | None:
    """Return the example of ``label`` that is most like ``text``, and how alike they are (1: the same)."""
    known = [example.text for example in examples(task) if label in example.labels]
    if not known:
        return None
    alike = encoder.encode(known) @ encoder.encode([text])[0]
    best = int(alike.argmax())
    return known[best], float(alike[best])
