"""A corpus: folders with the documents of a project and ``gold.json``, what a careful reader found in them."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis_plan.brief.reader import Text, read_texts

#: What a corpus calls a document, and what a project calls it.
NAMES = {"prd.md": "prd.md", "tech-stack.md": "tech-stack.md", "notes.md": "redis_planning_summary.md"}


@dataclass(frozen=True, slots=True)
class Project:
    """One project of the corpus: its texts as the reader cuts them, and its gold."""

    slug: str
    texts: tuple[Text, ...]
    gold: dict[str, Any]  # Any: the JSON file's tree
    digest: str

    def gold_name(self, text: Text) -> str:
        """Return how the gold calls the file of ``text``."""
        called = {target: source for source, target in NAMES.items()}
        return called.get(text.document.name, text.document.name)


def lay_out(source: Path, target: Path) -> Path:
    """Copy the documents of one corpus project into the layout that users have, and return its folder."""
    (target / "ai").mkdir(parents=True)
    for name, called in NAMES.items():
        if (source / name).exists():
            (target / "ai" / called).write_bytes((source / name).read_bytes())
    return target


def load(corpus: Path) -> tuple[Project, ...]:
    """Return the projects of ``corpus`` in order of their names."""
    with tempfile.TemporaryDirectory(prefix="redis-plan-training-") as folder:
        return tuple(_project(gold, Path(folder)) for gold in sorted(corpus.glob("*/gold.json")))


def _project(gold: Path, folder: Path) -> Project:
    laid_out = lay_out(gold.parent, folder / gold.parent.name)
    raw = [path.read_bytes() for path in sorted(laid_out.glob("ai/*"))] + [gold.read_bytes()]
    digest = hashlib.sha256(b"\0".join(raw)).hexdigest()[:16]
    return Project(gold.parent.name, tuple(read_texts(laid_out)), json.loads(gold.read_text("utf-8")), digest)


def without(projects: Sequence[Project], slug: str) -> list[Project]:
    """Return ``projects`` without the one named ``slug``."""
    return [project for project in projects if project.slug != slug]
