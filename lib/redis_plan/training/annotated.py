"""Annotated lines: those of the corpus, by their gold, and those of our own documents, by the mark before the bar."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from redis_plan import resources
from redis_plan.brief import demands
from redis_plan.brief.documents import Document
from redis_plan.brief.examples import KIND_OF
from redis_plan.brief.learnt import Matrix
from redis_plan.brief.lexicon import detect_language, lexicon
from redis_plan.brief.lines import LEXICAL, MARKS, Lines, candidates
from redis_plan.brief.outline import Block, parse
from redis_plan.brief.reader import Text
from redis_plan.brief.sections import Roles
from redis_plan.training.corpus import Project
from redis_plan.training.fitting import Rows

#: A line that the gold leaves out counts less where the annotation does not reach, since it may be a demand there.
BEYOND = 0.5


@dataclass(frozen=True, slots=True)
class Annotated:
    """The candidates of one document with what is known of each: kind ("" for no demand), live or not, how sure."""

    lines: Lines
    features: Matrix
    kinds: tuple[str, ...]
    live: tuple[bool, ...]
    weights: tuple[float, ...]


def of_project(project: Project) -> list[Annotated]:
    """Return the annotated documents of one corpus project."""
    known = _OF_PROJECT.get(project.digest)
    if known is None:
        known = _OF_PROJECT[project.digest] = list(_of_project(project))
    return known


_OF_PROJECT: dict[str, list[Annotated]] = {}


def _of_project(project: Project) -> list[Annotated]:
    complete = str(project.gold.get("coverage", {}).get("requirements", "")).startswith("complete")
    found = []
    for text in project.texts:
        name = project.gold_name(text)
        gold = [r for r in project.gold["requirements"] if r["file"] == name]
        if not gold or text.document.part == "stack":
            continue
        lines = candidates(text.blocks, text.roles, text.lines)
        said = matched([line.block for line in lines.lines], gold)
        first, last = min(r["line"] for r in gold), max(r["line"] for r in gold)
        under = {r["line"] for r in gold}
        kinds, live, weights = [], [], []
        for n, line in enumerate(lines.lines):
            statement = said.get(n)
            kinds.append(statement["kind"] if statement else "")
            live.append(bool(statement and statement["realtime"]))
            if statement:
                weights.append(1.0)
            elif not complete or line.block.parent in under:
                weights.append(0.0)
            else:
                weights.append(1.0 if first <= line.block.line <= last else BEYOND)
        found.append(Annotated(lines, demands.features(lines), tuple(kinds), tuple(live), tuple(weights)))
    return found


def matched(blocks: Sequence[Block], gold: Sequence[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """Return for the number of a block the statement of the gold that stands in it, or else one line beside it."""
    found: dict[int, Mapping[str, Any]] = {}
    used: set[int] = set()
    for slack in (0, 1):
        for number, statement in enumerate(gold):
            if number in used:
                continue
            for n, block in enumerate(blocks):
                end = block.end if slack == 0 else block.line + 1
                if n not in found and block.line - slack <= statement["line"] <= end:
                    found[n] = statement
                    used.add(number)
                    break
    return found


def own(*more: str, without: Collection[str] = ()) -> tuple[Annotated, ...]:
    """Return our own documents, ``data/catalog/examples/documents/*.txt`` and those of the folders ``more``, in order of their names.

    Those whose file is named in ``without`` are left out.
    """
    return tuple(of_text(path) for path in own_documents(*more) if path.name not in without)


def own_documents(*more: str) -> list[Path]:
    """Return the paths of our own documents, and of those in the folders ``more``."""
    root = resources.catalog_dir() / "examples"
    paths = [path for folder in ("documents", *more) for path in (root / folder).glob("*.txt")]
    return sorted(paths, key=lambda path: path.name)


@cache
def nature() -> Mapping[str, Any]:  # Any: the TOML file's tree
    """Return what ``examples/kinds/documents.toml`` says of our own documents as a whole."""
    path = resources.catalog_dir() / "examples" / "kinds" / "documents.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def of_text(path: Path) -> Annotated:
    """Read a document of ours: before the bar the mark, after it the line."""
    marks, text, _ = cut(path)
    lines = candidates(text.blocks, text.roles, text.lines)
    letters = [marks[line.block.line - 1] for line in lines.lines]
    kinds = tuple(KIND_OF.get(letter.lower(), "") for letter in letters)
    live = tuple(letter.isupper() for letter in letters)
    return Annotated(lines, demands.features(lines), kinds, live, (1.0,) * len(kinds))


def cut(path: Path) -> tuple[list[str], Text, set[tuple[str, int]]]:
    """Return the marks of a document of ours, the document as the reader cuts it, and the places of its demands."""
    raw = [line.partition("|") for line in path.read_text(encoding="utf-8").splitlines()]
    marks, text = [mark.strip() for mark, _, _ in raw], "\n".join(line for _, _, line in raw)
    document = Document("prd", path.name, path, text)
    blocks, visible = parse(document)
    language, _ = detect_language([text])
    roles = Roles(lexicon(language), "prd")
    roles.understand(blocks)
    asked = {(path.name, n) for n, mark in enumerate(marks, 1) if KIND_OF.get(mark.lower(), "") in demands.KINDS}
    return marks, Text(document, tuple(blocks), visible, roles, document.lines, language), asked


def unaided(features: Matrix) -> Matrix:
    """Return ``features`` as they are in a language that no lexicon knows: without a cue and without a role."""
    found = features.copy()
    found[:, [demands.WIDTH - len(MARKS) + n for n, mark in enumerate(MARKS) if mark in LEXICAL]] = 0.0
    return found


def also_unaided(rows: Rows) -> Rows:
    """Return ``rows`` twice, at half their weight: as they are, and as they are in a language that no lexicon knows."""
    features = np.vstack([rows.features, unaided(rows.features)])
    return Rows(features, np.vstack([rows.labels] * 2), np.tile(rows.weights * np.float32(0.5), 2))


def statements(parts: Sequence[Annotated]) -> tuple[Matrix, list[str], list[bool]]:
    """Return features, kind and liveness of the lines that are demands."""
    chosen = [(part, n) for part in parts for n, kind in enumerate(part.kinds) if kind in demands.KINDS]
    features = [part.features[n] for part, n in chosen]
    matrix = np.array(features, dtype=np.float32).reshape(len(chosen), demands.WIDTH)
    return matrix, [part.kinds[n] for part, n in chosen], [part.live[n] for part, n in chosen]
