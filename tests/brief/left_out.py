"""Leave one project out: its score read with what was learnt from the others alone.

What is learnt: the weights (trained again without the project), and the words that cue something, in lexicons, facts
and use patterns. A cue is supported by a project when it fires in one of its documents. A cue that fires in one project alone, and
neither in the sample project nor in our own examples (ordinary sentences), may have been written for that
project: it is dropped while that project is read. Other documents that are at hand count as use too (``--support``):
the fewer there are, the more of a language's ordinary words look like one project's own. Names of technologies are knowledge about the world and stay.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from redis_plan import resources
from redis_plan.brief import entities, examples, lexicon
from redis_plan.brief.reconcile import catalogue as facts
from redis_plan.brief.reconcile import vocabulary
from redis_plan.keyspace import catalog


class Cue(NamedTuple):
    """One cue: the file that holds it (a lexicon's language, ``facts``, ``claims``, ``patterns``, ``nouns``), its group, its text."""

    file: str
    group: str
    text: str


#: The lists of a fact's cue that hold words.
FACT_LISTS = ("noun", "words", "also", "without", "weaker")
#: The lists of a use pattern, and of the nouns, that hold stems.
PATTERN_LISTS = ("entities", "text", "verbs")
NOUN_LISTS = ("session", "member", "not_session")


def all_cues() -> list[Cue]:
    """Return every cue of the lexicons, the facts and the use patterns."""
    found = []
    for language, data in lexicon.lexicons().items():
        found += [Cue(language, e["group"], cue) for e in data.get("cue", ()) for cue in e["cues"]]
        found += [Cue(language, n[0], cue) for e in data.get("entity", ()) for n in e["names"] for cue in n]
        found += [Cue(language, "not_entity_phrases", cue) for cue in data.get("not_entity_phrases", ())]
    for name, entry in facts._read().items():
        for n, cue in enumerate(entry.get("cue", ())):
            found += [Cue("facts", f"{name}.{n}.{key}", text) for key in FACT_LISTS for text in cue.get(key, ())]
    for concept, languages in vocabulary._read().items():
        found += [
            Cue("claims", f"{concept}.{language}", text) for language in languages for text in languages[language]
        ]
    for pattern in catalog.use_patterns():
        found += [Cue("patterns", f"{pattern.use}.{key}", t) for key in PATTERN_LISTS for t in _list(pattern, key)]
    found += [Cue("nouns", key, text) for key in NOUN_LISTS for text in _list(catalog.nouns(), key)]
    return found


def _list(owner: Any, key: str) -> tuple[str, ...]:
    return tuple(getattr(owner, key, ()))


def firing(cues: list[Cue], lines: Sequence[str]) -> frozenset[Cue]:
    """Return the cues that fire in ``lines``."""
    made = lexicon.Lexicon((), {})
    for number, cue in enumerate(cues):
        stem = cue.file in ("patterns", "nouns") and not cue.text.endswith("*")
        made.add(str(number), cue.text + "*" * stem)
    made.finish()
    return frozenset(cues[int(hit.group)] for line in lines for hit in made.hits(line[:5000]))


def documents(folder: Path) -> list[str]:
    """Return the lines of the Markdown documents in ``folder``."""
    return _lines(sorted(folder.glob("*.md")))


def _lines(paths: Sequence[Path]) -> list[str]:
    return [line for path in paths for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line]


def _own_sentences() -> list[str]:
    paths = sorted((resources.catalog_dir() / "examples").glob("*.toml"))
    return [example.text for path in paths for example in examples.examples(path.stem)]


def lone_cues(corpus: Path, support: Sequence[Path] = ()) -> dict[str, frozenset[Cue]]:
    """Return for each project the cues that it alone supports; ``support`` are folders of further documents."""
    cues = all_cues()
    by_project = {gold.parent.name: firing(cues, documents(gold.parent)) for gold in sorted(corpus.glob("*/gold.json"))}
    of_lexicons = [(e["group"], e["example"]) for data in lexicon.lexicons().values() for e in data.get("cue", ())]
    of_facts = [example for entry in facts.catalogue().values() for example in entry.examples]
    others = [path for folder in support for path in sorted(folder.rglob("*.md"))]
    ordinary = [*documents(resources.sample_project() / "ai"), *_lines(others), *_own_sentences(), *of_facts]
    general = firing(cues, ordinary) | {
        cue for group, text in of_lexicons for cue in firing([c for c in cues if c.group != group], [text])
    }
    return {
        name: mine - general - frozenset().union(*(other for n, other in by_project.items() if n != name))
        for name, mine in by_project.items()
    }


@contextmanager
def reading_without(dropped: frozenset[Cue]) -> Iterator[None]:
    """Read as if the cues ``dropped`` had never been written."""
    with ExitStack() as stack:
        stack.enter_context(_lexicons_without(dropped))
        stack.enter_context(_facts_without(dropped))
        stack.enter_context(_patterns_without(dropped))
        yield


@contextmanager
def _lexicons_without(dropped: frozenset[Cue]) -> Iterator[None]:
    kept = lexicon._files
    pruned = _pruned_lexicons(lexicon.lexicons(), dropped)
    try:
        lexicon._files = lambda: dict(pruned)
        _forget()
        yield
    finally:
        lexicon._files = kept
        _forget()


def _pruned_lexicons(files: Mapping[str, Mapping[str, Any]], dropped: frozenset[Cue]) -> dict[str, dict[str, Any]]:
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
def _facts_without(dropped: frozenset[Cue]) -> Iterator[None]:
    read, words = facts._read, vocabulary._read
    pruned = copy.deepcopy(dict(read()))
    for name, entry in pruned.items():
        for n, (cue, was) in enumerate(zip(entry.get("cue", ()), read()[name].get("cue", ()), strict=True)):
            for key in FACT_LISTS:
                if key in was:
                    cue[key] = [text for text in was[key] if Cue("facts", f"{name}.{n}.{key}", text) not in dropped]
        if "cue" in entry:  # a cue without words of its own would fire everywhere
            entry["cue"] = [c for c in entry["cue"] if c["words"]]
    lists = {
        concept: {
            language: [text for text in cues if Cue("claims", f"{concept}.{language}", text) not in dropped]
            for language, cues in languages.items()
        }
        for concept, languages in words().items()
    }
    try:
        facts._read, vocabulary._read = lambda: pruned, lambda: lists
        _forget_facts()
        yield
    finally:
        facts._read, vocabulary._read = read, words
        _forget_facts()


@contextmanager
def _patterns_without(dropped: frozenset[Cue]) -> Iterator[None]:
    read = catalog._read

    def pruned(kind: Any, name: str, text: str) -> Any:
        found = read(kind, name, text)
        file, prefix, keys = (
            ("nouns", "", NOUN_LISTS) if kind is catalog.Nouns else ("patterns", f"{found.use}.", PATTERN_LISTS)
        )
        lists = {key: tuple(t for t in _list(found, key) if Cue(file, prefix + key, t) not in dropped) for key in keys}
        return replace(found, **{key: value for key, value in lists.items() if hasattr(found, key)})

    try:
        catalog._read = pruned
        _forget_patterns()
        yield
    finally:
        catalog._read = read
        _forget_patterns()


def _forget() -> None:
    lexicon.lexicons.cache_clear()
    lexicon.lexicon.cache_clear()
    entities._LEXICONS.clear()


def _forget_facts() -> None:
    facts.catalogue.cache_clear()
    for cached in (vocabulary.lists, vocabulary._lexicon, vocabulary.cues):
        cached.cache_clear()


def _forget_patterns() -> None:
    catalog.use_patterns.cache_clear()
    catalog.nouns.cache_clear()
