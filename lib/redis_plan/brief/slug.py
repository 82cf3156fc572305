"""A slug: the short ASCII name of a product that stands first in every key.

A title in letters that ASCII has no form of is spelt (Cyrillic) or, word by word, called in English (Japanese, Chinese, Korean),
as teams call their repositories; where too little of it is understood, the folder's name serves.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from redis_plan import resources
from redis_plan.brief.lexicon import UNSPACED, fold

#: Words of a title that would say nothing in a key
_SILENT = ("real", "time", "realtime", "the", "a", "my")
#: A name of one word that is no name alone, "chat", keeps them.
_FEWEST_TELLING = 2
#: A slug ends at a word's end; it stands in every key. A longer name is rare, and cut short it is another one.
SLUG_BYTES = 44
#: So much of a title's letters must be understood to be called in English.
UNDERSTOOD = 0.7

_UNSPACED_RUN = re.compile(r"[぀-ヿ一-鿿가-힣々〆]+")


def slug_of(title: str, project: Path) -> str:
    """Return a short ASCII name that is safe as a key prefix.

    >>> slug_of("Zażółć Quiz! Live & Fast", Path("x")), slug_of("Real-time Q&A", Path("x"))
    ('zazolc-quiz-live-fast', 'real-time-qa')
    >>> slug_of("Wartezimmer-Anzeige und Aufrufsystem für Ambulanzen", Path("x")), slug_of("Шахматный клуб", Path("x"))
    ('wartezimmer-anzeige-und-aufrufsystem', 'shakhmatnyy-klub')
    >>> slug_of("オンライン投票システム", Path("x")), slug_of("실시간 퀴즈 게임", Path("x"))
    ('online-voting-system', 'quiz-game')
    >>> slug_of("3D Chess", Path("x")), slug_of("24 hours", Path("x")), slug_of("2048", Path("x"))
    ('3d-chess', 'hours', 'x')
    """
    for candidate in (_in_latin(title), project.resolve().name, "app"):
        words = re.findall(r"[a-z0-9]+", re.sub(r"\b(\w)&(\w)\b", r"\1\2", fold(candidate).replace("'", "")))
        telling = [w for w in words if w not in _SILENT]
        words = telling if len(telling) >= _FEWEST_TELLING else words
        while len(words) > 1 and words[0].isdigit():
            words = words[1:]  # "24 hours" of a title goes
        slug = ""
        for word in words:
            longer = f"{slug}-{word}" if slug else word
            if len(longer) > SLUG_BYTES and slug:
                break
            slug = longer[:SLUG_BYTES]
        while "-" in slug and slug.rpartition("-")[2] in linking():
            slug = slug.rpartition("-")[0]  # "tracking-for", "anzeige-fur"
        if re.match(r"[0-9]*[a-z]", slug):
            return slug
    return "app"


@cache
def linking() -> frozenset[str]:
    """Return the words that link others: no name ends with one, or is one."""
    return frozenset(_titles()["linking"])


def _in_latin(title: str) -> str:
    """Return ``title`` in Latin letters, as far as it can be told; "" where most of it can't."""
    if UNSPACED.search(title):
        latin = [word for word in re.findall(r"[A-Za-z][A-Za-z0-9]{2,}", title) if word.lower() not in linking()]
        return " ".join(latin) if latin else _in_english(title)
    return fold(title).translate(_cyrillic())


def _in_english(title: str) -> str:
    said, known, every = [], 0, 0
    for run in _UNSPACED_RUN.findall(title):
        every += len(run)
        at = 0
        while at < len(run):
            word = next((w for w in _words() if run.startswith(w, at)), "")
            if word:
                said.append(_words()[word])
            known += len(word)
            at += len(word) or 1
    return " ".join(dict.fromkeys(word for word in said if word)) if known >= UNDERSTOOD * every else ""


@cache
def _words() -> dict[str, str]:
    """Return the words of titles in English, the longest first; a word that says nothing in a name is "" there."""
    data = _titles()["english"]
    found = dict.fromkeys(data["silent"], "")
    found |= {spelling: english for english, spellings in data["words"].items() for spelling in spellings}
    return dict(sorted(found.items(), key=lambda pair: (-len(pair[0]), pair[0])))


@cache
def _cyrillic() -> dict[int, str]:
    """Return how Cyrillic letters are spelt in Latin ones (BGN/PCGN)."""
    return str.maketrans(_titles()["cyrillic"])


@cache
def _titles() -> dict[str, Any]:
    return tomllib.loads((resources.catalog_dir() / "titles.toml").read_text(encoding="utf-8"))
