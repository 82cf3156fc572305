"""Leave one project out: its score read with what was learnt from the others alone.

What is learnt: the weights (trained again without the project and without the documents of our own that resemble it, ``training.nearness``), and the words that cue something, in the lexicons, facts, claims,
nouns and use patterns of the catalog. A cue is supported by a project when it fires in one of its documents. A cue that fires in one
project alone, and neither in the sample project nor in our own examples (ordinary sentences), may have been written
for that project: it is dropped while that project is read. Other documents that are at hand count as use too (``--support``):
the fewer there are, the more of a language's ordinary words look like one project's own. Names of technologies are
knowledge about the world and stay.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from redis_plan import resources
from redis_plan.brief import entities, examples, lexicon


class Cue(NamedTuple):
    """One cue: the file of the catalog that holds it, where in it, and its text."""

    file: str
    group: str
    text: str


#: The files whose lists of words are cues, and the keys of those lists; None: every list.
FILES: dict[str, frozenset[str] | None] = {
    "facts.toml": None,
    "claims.toml": None,
    "nouns.toml": None,
    "patterns/*.toml": frozenset({"entities", "verbs"}),
    "lexicons/*.toml": frozenset({"cues", "names", "not_entity_phrases"}),
}
#: Files whose words are beginnings of words.
STEMS = ("patterns/", "nouns.toml")
#: A longer string is a sentence.
LONGEST = 40


def _paths() -> list[tuple[Path, str, frozenset[str] | None]]:
    root = resources.catalog_dir()
    return [(p, str(p.relative_to(root)), keys) for glob, keys in FILES.items() for p in sorted(root.glob(glob))]


def all_cues() -> list[Cue]:
    """Return every cue of the catalog, each once a file and place."""
    found = []
    for path, name, keys in _paths():
        found += [Cue(name, group, text) for group, text in _walk(tomllib.loads(path.read_text("utf-8")), keys)]
    return list(dict.fromkeys(found))


def _walk(tree: Any, keys: frozenset[str] | None, group: str = "", inside: bool = False) -> Iterator[tuple[str, str]]:
    if isinstance(tree, dict):
        here = f"{group}.{tree['group']}" if isinstance(tree.get("group"), str) else group
        for key, value in tree.items():
            yield from _walk(value, keys, f"{here}.{key}", inside or keys is None or key in keys)
    elif isinstance(tree, list):
        for value in tree:
            if isinstance(value, str):
                if inside and len(value) <= LONGEST and not value.startswith("@"):
                    yield group, value
            else:
                yield from _walk(value, keys, group, inside)


def _pruned(tree: Any, dropped: frozenset[tuple[str, str]], group: str = "") -> Any:
    """Return ``tree`` without the words ``dropped``; what loses all its words goes with them."""
    if isinstance(tree, dict):
        here = f"{group}.{tree['group']}" if isinstance(tree.get("group"), str) else group
        return {key: _pruned(value, dropped, f"{here}.{key}") for key, value in tree.items()}
    if not isinstance(tree, list):
        return tree
    kept = []
    for value in tree:
        if isinstance(value, str) and (group, value) in dropped:
            continue
        new = _pruned(value, dropped, group)
        if not _is_emptied(value, new):
            kept.append(new)
    return kept


def _is_emptied(old: Any, new: Any) -> bool:
    if isinstance(old, list):  # an entity's spellings: the first is its name, and stays while another does
        return bool(old) and not new
    return isinstance(old, dict) and any(isinstance(v, list) and v and not new[key] for key, v in old.items())


def firing(cues: list[Cue], lines: Sequence[str]) -> frozenset[Cue]:
    """Return the cues that fire in ``lines``."""
    made = lexicon.Lexicon((), {})
    for number, cue in enumerate(cues):
        stem = cue.file.startswith(STEMS) and not cue.text.endswith("*")
        made.add(str(number), cue.text + "*" * stem)
    made.finish()
    return frozenset(cues[int(hit.group)] for line in lines for hit in made.hits(line[:5000]))


def documents(folder: Path) -> list[str]:
    """Return the lines of the Markdown documents in ``folder``."""
    return _lines(sorted(folder.glob("*.md")))


def _lines(paths: Sequence[Path]) -> list[str]:
    return [line for path in paths for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line]


def _own_sentences() -> list[str]:
    folder = resources.catalog_dir() / "examples"
    listed = [e.text for path in sorted(folder.glob("*.toml")) for e in examples.examples(path.stem)]
    return [*listed, *(line.partition("|")[2] for line in _lines(sorted(folder.glob("*/*.txt"))))]


def _examples_of(tree: Any) -> Iterator[str]:
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree if isinstance(tree, list) else ()):
        if key == "example" and isinstance(value, str):
            yield value
        else:
            yield from _examples_of(value)


def lone_cues(corpus: Path, support: Sequence[Path] = ()) -> dict[str, frozenset[Cue]]:
    """Return for each project the cues that it alone supports; ``support`` are folders of further documents."""
    cues = all_cues()
    by_project = {gold.parent.name: firing(cues, documents(gold.parent)) for gold in sorted(corpus.glob("*/gold.json"))}
    of_lexicons = [(e["group"], e["example"]) for data in lexicon.lexicons().values() for e in data.get("cue", ())]
    others = [path for folder in support for path in sorted(folder.rglob("*.md"))]
    of_files = [
        tomllib.loads(path.read_text("utf-8")) for path, name, _ in _paths() if not name.startswith("lexicons/")
    ]
    ordinary = [*documents(resources.sample_project() / "ai"), *_lines(others), *_own_sentences()]
    general = firing(cues, [*ordinary, *(e for tree in of_files for e in _examples_of(tree))]) | {
        cue
        for group, text in of_lexicons
        for cue in firing([c for c in cues if not c.group.endswith(f".{group}.cues")], [text])
    }
    return {
        name: mine - general - frozenset().union(*(other for n, other in by_project.items() if n != name))
        for name, mine in by_project.items()
    }


@contextmanager
def reading_without(dropped: frozenset[Cue]) -> Iterator[None]:
    """Read as if the cues ``dropped`` had never been written."""
    loads = tomllib.loads
    instead = {}
    for path, name, _ in _paths():
        mine = frozenset((cue.group, cue.text) for cue in dropped if cue.file == name)
        if mine:
            text = path.read_text("utf-8")
            instead[text] = _pruned(loads(text), mine)
    try:
        tomllib.loads = lambda text, **options: instead[text] if text in instead else loads(text, **options)
        _forget()
        yield
    finally:
        tomllib.loads = loads
        _forget()


def _forget() -> None:
    """Empty what the modules remember of the catalog."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("redis_plan.brief", "redis_plan.keyspace", "redis_plan.choice")):
            for value in list(vars(module).values()):
                clear = getattr(value, "cache_clear", None)
                if clear is not None and getattr(value, "__name__", "") != "_encoder":
                    clear()
    entities._LEXICONS.clear()
