"""Phrases: the nouns and compounds that a document uses again and again, in any language, with where they stand.

No word list of entities is needed for it: what divides phrases and what bends nouns stands for each language in
``data/catalog/nouns_in_text.toml``; Chinese and Japanese runs end at their own function words.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from redis_plan import resources
from redis_plan.brief.lexicon import UNSPACED, fold
from redis_plan.brief.outline import Block

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|[A-Za-z]\w*_\w+")
_RUN = re.compile(
    r"[\u30a1-\u30faー]{2,12}|[\u4e00-\u9fff々]{2,12}|(?:[\u30a1-\u30faー]|[\u4e00-\u9fff々]){3,14}|[A-Za-z]{3,20}"
)
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
#: "**Room**: …", "Room - …", "`room`: …": what a line begins with and then tells about
_LABEL = re.compile(r"^[\W_]*(?P<label>[^:：|(]{2,40}?)\s*(?:[:：]|\s[-–—]\s|\()")
#: "RNF2.1", "FR-7": letters and the number that they open
_ID = re.compile(r"\b(?P<prefix>[A-Z]{2,5})-?\d+(?:\.\d+)*\b")
#: A phrase of more words is a sentence's piece.
MOST_WORDS = 3
#: So many phrases, the most frequent, are judged; so many statements are read for them.
MOST_PHRASES, MOST_BLOCKS = 260, 4000


@dataclass(slots=True)
class Phrase:
    """A noun or compound and how the documents use it."""

    stem: str
    words: int
    first: tuple[str, int]
    total: int = 0
    demanded: int = 0
    headed: int = 0
    labelled: int = 0
    opening: int = 0
    last: int = 0  # times that it ends its phrase: "the price *feed*"
    capital: int = 0
    no_noun: int = 0  # times that it stands as a verb does, or opens an id: "can *archive*", "*NFR* 2.1"
    forms: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """The form that is said most, the shorter first; in Korean without its particle."""
        if _HANGUL.search(self.stem):
            return self.stem
        return min(self.forms, key=lambda form: (-self.forms[form], len(form), form))


@cache
def _languages() -> Mapping[str, Any]:
    return tomllib.loads(
        (resources.catalog_dir() / "nouns_in_text.toml").read_text(encoding="utf-8")
    )  # Any: a TOML tree


@cache
def _divides(language: str) -> frozenset[str]:
    own = _languages().get(language, {}).get("divides", ())
    return frozenset(fold(word) for word in (*own, *_languages()["en"]["divides"]))


@cache
def _cuts(language: str) -> re.Pattern[str]:
    words = sorted(_languages().get(language, {}).get("cuts", ()), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words)) or r"(?!)")


@cache
def _verbs(language: str) -> tuple[tuple[str, ...], frozenset[str], frozenset[str]]:
    """Return how infinitives end, what they follow ("can"), and what joins them ("and"); nothing where verbs are told by no ending."""
    own = _languages().get(language, {})
    return tuple(own.get("infinitives", ())), frozenset(own.get("modals", ())), frozenset(own.get("joins", ()))


@cache
def _endings(language: str) -> tuple[str, ...]:
    return tuple(fold(ending) for ending in _languages().get(language, _languages()["en"])["endings"])


def stem(word: str, language: str) -> str:
    """Return what the forms of one noun share: "rooms" → "room", "aukcjami" → "aukcj"; never less than three letters."""
    word = fold(word)
    if word.isascii() and language not in ("pl", "de", "nl", "it"):
        if word.endswith("ies") and len(word) > 4:
            return word[:-3] + "y"
        if word.endswith(("sses", "ches", "shes", "xes")):
            return word[:-2]
        if word.endswith(("ss", "us", "is")):
            return word
    for ending in _endings(language if language in _languages() and "endings" in _languages()[language] else "en"):
        if word.endswith(ending) and len(word) - len(ending) >= (2 if _HANGUL.search(word) else 3):
            return word[: -len(ending)]
    return word


def phrases(documents: Sequence[tuple[Sequence[Block], str]], demanded: set[tuple[str, int]]) -> list[Phrase]:
    """Return the phrases of all ``documents`` (blocks and language) that occur twice, the most frequent first."""
    found: dict[str, Phrase] = {}
    for blocks, language in documents:
        for block in blocks[:MOST_BLOCKS]:
            _read(block, language, (block.file, block.line) in demanded, found)
    often = [p for p in found.values() if p.total >= 2 or p.labelled or p.headed]
    often.sort(key=lambda p: (-p.total, p.first, p.stem))
    return often[:MOST_PHRASES]


def _read(block: Block, language: str, demanded: bool, found: dict[str, Phrase]) -> None:
    text = block.text[:1500]
    match = _LABEL.match(block.cells[0] + ":" if block.cells else text)
    label = fold(match.group("label").strip(" *`_\"'")) if match else ""
    seen: set[str] = set()
    elsewhere = _no_nouns(text, language)
    for words, ends, opens in _groups(text, language):
        key = " ".join(stem(word, language) for word in words)
        form = " ".join(words)
        phrase = found.get(key)
        if phrase is None:
            phrase = found[key] = Phrase(key, len(words), (block.file, block.line))
        phrase.forms[form.lower()] += 1
        phrase.total += 1
        phrase.last += ends
        phrase.capital += form[:1].isupper() and not opens
        phrase.no_noun += fold(words[0]) in elsewhere
        if key not in seen:
            seen.add(key)
            phrase.demanded += demanded
            phrase.headed += block.kind == "heading"
            phrase.labelled += fold(form) == label
            phrase.opening += opens


def _no_nouns(text: str, language: str) -> frozenset[str]:
    """Return the words of ``text`` that are no nouns where they stand: infinitives, and what opens an id.

    >>> sorted(_no_nouns("Listar pedidos y cerrar; la gerente puede anular y reabrir un pedido (RNF2.1)", "es"))
    ['anular', 'listar', 'reabrir', 'rnf']
    """
    endings, modals, joins = _verbs(language)
    found = {fold(match.group("prefix")) for match in _ID.finditer(text)}
    before, joined_to, end = "", "", 0
    for match in _WORD.finditer(text) if endings else ():
        word = fold(match.group())
        opens = match.start() < 3 and text[match.end() : match.end() + 2].strip().isalpha()
        follows = before in modals or (before in joins and joined_to in found)
        if word.endswith(endings) and (opens or (follows and text[end : match.start()] == " ")):
            found.add(word)
        joined_to, before, end = before, word, match.end()
    return frozenset(found)


def _groups(text: str, language: str) -> Iterator[tuple[tuple[str, ...], bool, bool]]:
    """Yield the phrases in ``text``: their words, whether they end the group that they stand in, and open the text."""
    if UNSPACED.search(text) and not _HANGUL.search(text):
        for run in _RUN.finditer(text):
            for piece in _cuts(language).split(run.group()):
                if len(piece) >= 2:
                    yield (piece,), True, run.start() < 3
        return
    divides, end, start = _divides(language), 0, 0
    group: list[str] = []
    matches: list[re.Match[str] | None] = [*_WORD.finditer(text), None]
    for match in matches:
        word = match.group() if match else ""
        joined = match is not None and text[end : match.start()] in (" ", " `", "` ")
        breaks = not word or fold(word) in divides or len(word) < 2
        if group and (breaks or not joined):
            yield from _within(group, start)
            group = []
        if match is not None and not breaks:
            if not group:
                start = match.start()
            group.append(" ".join(_CAMEL.sub(" ", word).replace("_", " ").split()) if "_" in word else word)
        end = match.end() if match else end
    return


def _within(group: Sequence[str], start: int) -> Iterator[tuple[tuple[str, ...], bool, bool]]:
    for size in range(1, min(MOST_WORDS, len(group)) + 1):
        for at in range(len(group) - size + 1):
            words = tuple(group[at : at + size])
            if size > 1 or len(words[0]) > 2:
                yield words, at + size == len(group), start < 3 and at == 0
