"""Leave one project out: its score read with lexicons that hold no cue which only that project supports.

A cue is supported by a project when it fires in one of its documents. A cue that fires in one project alone, and
neither in the sample project nor in the lexicons' own examples (ordinary sentences), may have been written for that
project: it is dropped while that project is read. Other documents that are at hand count as use too (``--support``):
the fewer there are, the more of a language's ordinary words look like one project's own. Names of technologies are knowledge about the world and stay.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from redis_plan import resources
from redis_plan.brief import entities, lexicon


class Cue(NamedTuple):
    """One cue of one lexicon file: ``group`` is the cue's, the entity's name, or the key of a plain list."""

    language: str
    group: str
    text: str


def all_cues(files: Mapping[str, Mapping[str, Any]]) -> list[Cue]:
    """Return every cue, entity spelling and phrase of the lexicons."""
    found = []
    for language, data in files.items():
        found += [Cue(language, e["group"], cue) for e in data.get("cue", ()) for cue in e["cues"]]
        found += [Cue(language, n[0], cue) for e in data.get("entity", ()) for n in e["names"] for cue in n]
        found += [Cue(language, "not_entity_phrases", cue) for cue in data.get("not_entity_phrases", ())]
    return found


def firing(cues: list[Cue], lines: list[str]) -> frozenset[Cue]:
    """Return the cues that fire in ``lines``."""
    made = lexicon.Lexicon((), {})
    for number, cue in enumerate(cues):
        made.add(str(number), cue.text)
    made.finish()
    return frozenset(cues[int(hit.group)] for line in lines for hit in made.hits(line[:5000]))


def documents(folder: Path) -> list[str]:
    """Return the lines of the Markdown documents in ``folder``."""
    return _lines(sorted(folder.glob("*.md")))


def _lines(paths: Sequence[Path]) -> list[str]:
    return [line for path in paths for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line]


def lone_cues(corpus: Path, support: Sequence[Path] = ()) -> dict[str, frozenset[Cue]]:
    """Return for each project the cues that it alone supports; ``support`` are folders of further documents."""
    files = lexicon.lexicons()
    cues = all_cues(files)
    by_project = {gold.parent.name: firing(cues, documents(gold.parent)) for gold in sorted(corpus.glob("*/gold.json"))}
    examples = [(e["group"], e["example"]) for data in files.values() for e in data.get("cue", ())]
    others = [path for folder in support for path in sorted(folder.rglob("*.md"))]
    general = firing(cues, [*documents(resources.sample_project() / "ai"), *_lines(others)]) | {
        cue for group, text in examples for cue in firing([c for c in cues if c.group != group], [text])
    }
    return {
        name: mine - general - frozenset().union(*(other for n, other in by_project.items() if n != name))
        for name, mine in by_project.items()
    }


def without(files: Mapping[str, Mapping[str, Any]], dropped: frozenset[Cue]) -> dict[str, dict[str, Any]]:
    """Return a copy of the lexicon files that lacks the cues ``dropped``."""
    pruned = copy.deepcopy({name: dict(data) for name, data in files.items()})
    for language, data in pruned.items():
        for entry in data.get("cue", ()):
            entry["cues"] = [c for c in entry["cues"] if Cue(language, entry["group"], c) not in dropped]
        for entry in data.get("entity", ()):
            names = [[s for s in n if Cue(language, n[0], s) not in dropped or s == n[0]] for n in entry["names"]]
            gone = {n[0] for n in names if len(n) == 1 and Cue(language, n[0], n[0]) in dropped}
            entry["names"] = [n for n in names if n[0] not in gone]
        if "not_entity_phrases" in data:
            data["not_entity_phrases"] = [
                c for c in data["not_entity_phrases"] if Cue(language, "not_entity_phrases", c) not in dropped
            ]
    return pruned


@contextmanager
def reading_with(files: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
    """Read with ``files`` in place of the catalogue's lexicons."""
    kept = lexicon._files
    try:
        lexicon._files = lambda: dict(files)
        _forget()
        yield
    finally:
        lexicon._files = kept
        _forget()


def _forget() -> None:
    lexicon.lexicons.cache_clear()
    lexicon.lexicon.cache_clear()
    entities._LEXICONS.clear()
