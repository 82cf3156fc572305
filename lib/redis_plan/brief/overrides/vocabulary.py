"""Vocabulary: the uses of Redis that the catalog knows, and the guards and effects that a declared action is made of."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from redis_plan import resources


@dataclass(frozen=True, slots=True)
class UseWord:
    """A use's name, what it is for (in the catalog's words, ``$noun`` and the like filled in), and what it needs."""

    use: str
    title: str
    purpose: str
    needs: str  # session, no-session or any


@dataclass(frozen=True, slots=True)
class ActionWord:
    """A guard or effect: its name, what it asks or does, and the kind of each option (optional with a ``?``)."""

    name: str
    says: str
    options: Mapping[str, str]


@cache
def action_words(form: str) -> Mapping[str, ActionWord]:
    """Return every ``guard`` or ``effect`` of the vocabulary of actions."""
    read = tomllib.loads((resources.catalog_dir() / "functions" / "vocabulary.toml").read_text("utf-8"))
    return {name: ActionWord(name, entry["says"], entry["options"]) for name, entry in read[form].items()}


@cache
def use_words() -> Mapping[str, UseWord]:
    """Return every use of ``data/catalog/patterns`` in the order in which a design considers them."""
    read = [
        tomllib.loads(path.read_text("utf-8")) for path in sorted((resources.catalog_dir() / "patterns").glob("*.toml"))
    ]
    read.sort(key=lambda entry: (entry["order"], entry["use"]))
    return {
        entry["use"]: UseWord(entry["use"], entry["title"], _plain(entry["purpose"]), entry["needs"]) for entry in read
    }


def _plain(text: str) -> str:
    """Fill the catalog's words in as long as no project lends its own."""
    for word, plain in (("$nouns", "sessions"), ("$noun", "session"), ("$members", "members"), ("$member", "member"), ("$entities", "entries"), ("$entity", "entry")):  # fmt: skip
        text = text.replace(word, plain)
    return text
