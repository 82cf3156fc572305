"""The words of claims: which concepts a text speaks of, in every language at once.

``data/catalog/claims.toml`` lists the words of each concept (people, containers, concurrent, propagation …).

>>> sorted(concepts("up to 8 players per room"))[:3]
['capacity', 'containers', 'holding']
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from redis_plan import resources
from redis_plan.brief.lexicon import Hit, Lexicon, fold

#: Concepts whose English words are nouns, found in the plural as well.
_NOUNS = ("people", "devices", "containers", "not_containers", "instances")
#: Concepts whose words mean nothing by themselves: patterns are made of them.
_PARTS = frozenset({"per_before", "classifier", "per_after", "topic"})


@cache
def lists() -> Mapping[str, Sequence[str]]:
    """Return the cues of each concept, of all languages together."""
    found: dict[str, list[str]] = {}
    for concept, languages in _read().items():
        for language, cues in languages.items():
            plural = concept in _NOUNS and language == "en"
            found.setdefault(concept, []).extend(cues)
            found[concept] += [_plural(cue) for cue in cues if not cue.endswith("*")] if plural else []
    return found


def _read() -> Mapping[str, Mapping[str, Sequence[str]]]:
    return tomllib.loads((resources.catalog_dir() / "claims.toml").read_text(encoding="utf-8"))


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh", "z")) else "s")


@cache
def _lexicon() -> Lexicon:
    made = Lexicon((), {})
    for concept, cues in ((name, found) for name, found in lists().items() if name not in _PARTS):
        for cue in cues:
            made.add(concept, cue)
    made.finish()
    return made


#: Endings of nouns for people, after a vowel that falls away in some languages: drivers, Gutachterinnen, śpiewacy, vigilantes.
_ENDINGS = ("s", "es", "n", "en", "e", "er", "in", "innen", "i", "y", "ow", "om", "a", "ze", "nen")


def _forms(noun: str) -> list[str]:
    stem = noun[:-1] if noun[-1] in "aeoky" and len(noun) > 4 else noun
    return [noun, _plural(noun), *(stem + ending for ending in (*_ENDINGS, "cy", "kow"))]


#: What one project calls its containers, beside the words of the catalogue, while its facts are read.
_OWN: ContextVar[Lexicon | None] = ContextVar("own", default=None)


@contextmanager
def containers(nouns: Iterable[str], people: Iterable[str] = ()) -> Iterator[None]:
    """Count the ``nouns`` for what people of this project share among the containers: "25 drivers in a shift"; and its ``people``."""
    known, nouns = _lexicon(), list(nouns)
    own, added = Lexicon((), {}), False
    for concept, words in (("containers", nouns), ("people", people)):
        for word in dict.fromkeys(words):
            if (
                word
                and not known.groups(word) & {concept, "containers", "instances"}
                and (concept == "containers" or word not in map(fold, nouns))
            ):
                added = True
                for form in (word, _plural(word)) if concept == "containers" else _forms(word):
                    own.add(concept, form)
    for noun in filter(None, nouns):
        added = True
        own.add("shared", noun)
        own.add("shared", _plural(noun))
    own.finish()
    token = _OWN.set(own if added else None)
    try:
        yield
    finally:
        _OWN.reset(token)


def concepts(text: str) -> frozenset[str]:
    """Return the concepts of which ``text`` holds a word."""
    own = _OWN.get()
    return _lexicon().groups(text) | own.groups(text) if own else _lexicon().groups(text)


def hits(text: str, *wanted: str) -> list[Hit]:
    """Return where ``text`` speaks of the concepts ``wanted``, in order."""
    own = _OWN.get()
    found = [hit for hit in _lexicon().hits(text) if hit.group in wanted]
    if own:
        also = [hit for hit in own.hits(text) if hit.group in wanted]
        found = sorted([*found, *also], key=lambda hit: hit.start) if also else found
    return found


def straight_before(text: str, concept: str) -> Hit | None:
    """Return the word of ``concept`` that ``text`` ends with, blanks aside.

    >>> straight_before("you can invite up to ", "bound_between").cue
    'up to'
    """
    end = len(text.rstrip())
    return next((hit for hit in hits(text, concept) if hit.end == end), None) if end < len(text) else None


@cache
def cues(names: tuple[str, ...]) -> Lexicon:
    """Return a lexicon of the cues ``names``; a name with ``@`` before it stands for the list of that concept."""
    made = Lexicon((), {})
    for name in names:
        for cue in lists()[name[1:]] if name.startswith("@") else (name,):
            made.add("cue", cue)
    made.finish()
    return made


def said(names: tuple[str, ...], text: str) -> bool:
    """Whether ``text`` holds one of the cues ``names`` (see :func:`cues`)."""
    return bool(names) and bool(cues(names).groups(text))


__all__ = ["concepts", "containers", "cues", "fold", "hits", "lists", "said", "straight_before"]
