"""A slug: the short ASCII name of a product that stands first in every key.

A title in letters that ASCII has no form of is spelt (Cyrillic) or, word by word, called in English (Japanese, Chinese, Korean),
as teams call their repositories; where too little of it is understood, the folder's name serves.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from redis_plan import resources
from redis_plan.brief.lexicon import UNSPACED, fold

#: Words of a title that would say nothing in a key
_SILENT = ("real", "time", "realtime", "the", "a", "my")
#: A slug ends at a word's end; it stands in every key.
SLUG_BYTES = 32
#: So much of a title's letters must be understood to be called in English.
UNDERSTOOD = 0.7

#: What a name cut short must not end with: "tracking-for", "anzeige-fur".
_LINKING = re.compile(
    r"(?:-(?:for|of|and|the|with|in|on|to|fur|fuer|und|der|die|das|von|mit|im|de|del|la|el|los|las|y|para|con|du|des|et|le|les|pour|di|della|per|e|do|da|dos|van|voor|en|met|dla|i|z|w|na|do|dlya))+$"
)
_UNSPACED_RUN = re.compile(r"[぀-ヿ一-鿿가-힣々〆]+")


def slug_of(title: str, project: Path) -> str:
    """Return a short ASCII name that is safe as a key prefix.

    >>> slug_of("Zażółć Quiz! Live & Fast", Path("x")), slug_of("Real-time Q&A", Path("x"))
    ('zazolc-quiz-live-fast', 'qa')
    >>> slug_of("Wartezimmer-Anzeige für Ambulanzen", Path("x")), slug_of("Шахматный клуб", Path("x"))
    ('wartezimmer-anzeige', 'shakhmatnyy-klub')
    >>> slug_of("オンライン投票システム", Path("x")), slug_of("실시간 퀴즈 게임", Path("x"))
    ('online-voting-system', 'quiz-game')
    >>> slug_of("3D Chess", Path("x")), slug_of("24 hours", Path("x")), slug_of("2048", Path("x"))
    ('3d-chess', 'hours', 'x')
    """
    for candidate in (_in_latin(title), project.resolve().name, "app"):
        words = re.findall(r"[a-z0-9]+", re.sub(r"\b(\w)&(\w)\b", r"\1\2", fold(candidate).replace("'", "")))
        telling = [w for w in words if w not in _SILENT]
        words = telling or words
        while len(words) > 1 and words[0].isdigit():
            words = words[1:]  # "24 hours" of a title goes
        slug = ""
        for word in words:
            longer = f"{slug}-{word}" if slug else word
            if len(longer) > SLUG_BYTES and slug:
                break
            slug = longer[:SLUG_BYTES]
        slug = _LINKING.sub("", slug).strip("-")
        if re.match(r"[0-9]*[a-z]", slug):
            return slug
    return "app"


def _in_latin(title: str) -> str:
    """Return ``title`` in Latin letters, as far as it can be told; "" where most of it can't."""
    if UNSPACED.search(title):
        latin = re.findall(r"[A-Za-z][A-Za-z0-9]{2,}", title)
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
    data = tomllib.loads((resources.catalog_dir() / "titles.toml").read_text(encoding="utf-8"))["english"]
    found = dict.fromkeys(data["silent"], "")
    found |= {spelling: english for english, spellings in data["words"].items() for spelling in spellings}
    return dict(sorted(found.items(), key=lambda pair: (-len(pair[0]), pair[0])))


@cache
def _cyrillic() -> dict[int, str]:
    """Return how Cyrillic letters are spelt in Latin ones (BGN/PCGN)."""
    data = tomllib.loads((resources.catalog_dir() / "titles.toml").read_text(encoding="utf-8"))["cyrillic"]
    return str.maketrans(data)
