"""A title: what the product is called, told from the kind of document that it stands on, and the slug made of it.

>>> name_in("Product Requirements Document (PRD) — Tram Live"), name_in("Feature Specification: Live Boards (Phase 4)")
('Tram Live', 'Live Boards')
>>> name_in("1) Product Overview")
''
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from redis_plan import resources
from redis_plan.brief.lexicon import UNSPACED, fold
from redis_plan.brief.outline import Block, clean

#: A title and its subtitle: "Fan Out: a game", "Fan Out — a game"; a hyphen divides only between blanks.
_PARTS = re.compile(r"\s+[-|·•~]\s+|\s*[—–|：]\s*|:\s+|:$")
_BRACKETS = re.compile(r"\s*[(（\[【][^()（）\[\]【】]*[)）\]】]\s*")
_NUMBER = re.compile(r"^\s*(?:\d{1,2}(?:\.\d{1,2})+\s|\d{1,2}(?:\.\d{1,2})*\s*[.)、:]|#+|§)\s*(?=\S)")
_VERSION = re.compile(r"(?:^|\s+)v?\.?\d+(?:\.\d+)+\s*$|(?:^|\s+)[vV]\d+\s*$|(?:phase|faza|etap|fase|mvp|sprint|release)\s*\d*\s*$", re.IGNORECASE)  # fmt: skip
_EDGES = re.compile(r"^[\W_]+|[^\w!?%+）)]+$")
#: Between a kind and a name: "Requirements for Tram Live"
_OF = re.compile(r"^(?:for|of|and|und|y|et|e|i|en|&|dla|für|fuer|para|pour|per|voor|del|de|des|di|do|da|для|of the|for the)\s+(?:the\s+)?", re.IGNORECASE)  # fmt: skip
_ORDINAL = re.compile(r"^\s*\d+(?!\S)")
_ARTICLE = re.compile(r"^(?:the|our)\s+", re.IGNORECASE)
_LETTERS = re.compile(r"(?:[^\W\d_].?){2}")
_QUOTES = "\"'“”„«»「」『』*_` "
#: A heading stands over the whole document when it opens it.
OPENING_LINES, OPENING_BLOCKS = 30, 40
NAME_CHARS = 60


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((resources.catalog_dir() / "titles.toml").read_text(encoding="utf-8"))


@cache
def _known(group: str) -> tuple[str, ...]:
    """Return a list of the catalogue, folded, the longest first, so that "requirements document" is found whole."""
    top, _, rest = group.partition(".")
    words = _data()[top][rest] if rest else _data()[top]
    return tuple(sorted({fold(word) for word in words}, key=lambda w: (-len(w), w)))


def read_title(documents: Sequence[tuple[Sequence[Block], Sequence[str]]], project: Path) -> str:
    """Return the product's name; ``documents`` are their blocks and lines, the requirements first.

    The first of these that gives a name: a label ("Product name: …"), the title, a sentence that defines the
    product, then the same of the companions, at last the folder's name.
    """
    return next((name for name in _names(documents) if name), project.resolve().name)


def _names(documents: Sequence[tuple[Sequence[Block], Sequence[str]]]) -> Iterator[str]:
    (first, lines), *others = documents
    text = "\n".join(block.text for block in first[1:400])
    yield from _labelled(first, lines, "fields.sure")
    yield from _titled(first, lines, text)
    yield from _labelled(first, lines, "fields.likely")
    yield from _defined(first)
    for blocks, lines in others:
        yield from _labelled(blocks, lines, "fields.sure")
        yield from _labelled(blocks, lines, "fields.likely")
        yield from (
            name for name in _titled(blocks, lines, text) if text.count(name) >= 2
        )  # else it names a file of theirs


def _labelled(blocks: Sequence[Block], lines: Sequence[str], fields: str) -> Iterator[str]:
    """Yield what a label gives: on its line, in its row, or below it as a heading of its own."""
    for label, value in _fields(blocks, lines):
        if 1 < len(value.strip()) <= NAME_CHARS + 20 and fold(label.strip(_QUOTES)) in _known(fields):
            yield name_in(value)


def _fields(blocks: Sequence[Block], lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines[: 2 * OPENING_BLOCKS]:
        if line.startswith("##"):  # "### Title: Cancel a booking" names a story
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.lstrip().startswith("|") and len(cells) > 1:
            yield clean(cells[0]), clean(cells[1])
        else:
            label, mark, value = clean(line[:300].lstrip("#->+* ")).replace("：", ":").partition(":")
            if mark:
                yield label, value
    for heading, after in pairwise(blocks[:OPENING_BLOCKS]):
        if heading.kind == "heading" and after.kind == "paragraph":
            yield _NUMBER.sub("", heading.text), after.text


def _titled(blocks: Sequence[Block], lines: Sequence[str], text: str) -> Iterator[str]:
    """Yield what the headings that open a document give: two of them may stand one over the other."""
    headings = [b for b in blocks[:OPENING_BLOCKS] if b.kind == "heading" and b.line <= OPENING_LINES]
    if blocks and blocks[0].kind == "paragraph" and blocks[0].line <= OPENING_LINES:
        opening = clean(lines[blocks[0].line - 1])  # without a mark, it is a title where it says what the document is
        parts = _parts(opening)
        kind = len(parts) < len([part for part in _PARTS.split(opening) if part])
        if parts and len(opening) <= 100 and (kind or not headings):
            yield _choose(parts, text)
    top = min((heading.depth for heading in headings[:2]), default=0)
    for heading in headings[:2]:
        if heading.depth == top and not _NUMBER.match(heading.text):
            yield _choose(_parts(heading.text), text)


def _defined(blocks: Sequence[Block]) -> Iterator[str]:
    """Yield the subjects of the first sentences that say what something is: "Tram Live is a board of departures"."""
    for block in blocks[:OPENING_BLOCKS]:
        if block.kind not in ("paragraph", "item") or block.label_only:
            continue
        name = _subject(block.text)
        if name and fold(name) not in _known("generic"):
            yield name


def _subject(text: str) -> str:
    folded = fold(text[:120])
    ends = [at for verb in _known("defines.before") if (at := folded.find(f" {verb} ")) > 0]
    if UNSPACED.search(folded):
        ends += [at for verb in _known("defines.unspaced") if (at := folded.find(verb)) > 1]
    if not ends:
        return ""
    subject = text[: min(ends)].strip(" *_`—–-")
    name = _without(_ARTICLE.sub("", subject), "software").strip(_QUOTES)
    words = name.split()
    if not words or len(words) > 4 or any(mark in name for mark in ",;.:()?!"):
        return ""
    proper = all(w[:1].isupper() or not w[:1].isalpha() or not w.isascii() for w in words if len(w) > 3)
    return name if proper or (len(words) == 1 and subject == name) else ""


def name_in(title: str, *, text: str = "") -> str:
    """Return the name in one title, or "" where it names a kind of document or a part of one."""
    return _choose(_parts(title), text)


def _parts(title: str) -> list[str]:
    """Return the parts of a title that may be a name."""
    bare = _NUMBER.sub("", title[:200]).strip(_QUOTES)
    bare = _BRACKETS.sub(" ", bare).strip() or bare
    parts = (_part(part) for part in _PARTS.split(bare) if part)
    return [part for part in parts if _LETTERS.search(part) and fold(part) not in _known("generic")]


def _part(part: str) -> str:
    """Return a part of a title without what says only what kind of document, stage or software it is."""
    while True:
        before = part
        part = _OF.sub("", _EDGES.sub("", part).strip(_QUOTES) + " ").rstrip()
        part = _VERSION.sub("", part)
        for group in ("kinds", "qualifiers", "software"):
            part = _without(part, group)
        if part == before:
            return part


def _without(part: str, group: str) -> str:
    """Return ``part`` without a word of ``group`` at its end, or, for what is no software, at its beginning."""
    folded = fold(part)
    for word in _known(group):
        size = len(word)
        glued = bool(UNSPACED.search(word))
        if folded.endswith(word) and (glued or not folded[-size - 1 : -size].isalnum()):
            return part[:-size].rstrip()
        if group != "software" and folded.startswith(word) and (glued or not folded[size : size + 1].isalnum()):
            rest = part[size:].lstrip()
            if rest[:1].isalpha() and len(word) > 4 and " " not in word and not glued and not _OF.match(rest):
                continue  # "Document Signer" is a name, "Document for signers" is not
            return _OF.sub("", _ORDINAL.sub("", part[size:]).lstrip())
    return part


def _choose(parts: Sequence[str], text: str) -> str:
    """Return the part that is the name: the first, unless the text never says it and often another one."""
    if not parts:
        return ""
    first = parts[0]
    if text.count(first) == 0:
        said = [p for p in parts[1:] if text.count(p) >= 2 and len(p.split()) <= 4]
        first = said[0] if said else first
    return re.sub(r"[\s!.,;:]+$", "", " ".join(first.split()))[:NAME_CHARS].strip()


#: Words of a title that would say nothing in a key
_SILENT = ("real", "time", "realtime", "the", "a", "my")
#: A slug ends at a word's end; it stands in every key.
SLUG_BYTES = 32


#: What a name cut short must not end with: "tracking-for", "anzeige-fur".
_LINKING = re.compile(
    r"(?:-(?:for|of|and|the|with|in|on|to|fur|fuer|und|der|die|das|von|mit|im|de|del|la|el|los|las|y|para|con|du|des|et|le|les|pour|di|della|per|e|do|da|dos|van|voor|en|met|dla|i|z|w|na|do|dlya))+$"
)


def slug_of(title: str, project: Path) -> str:
    """Return a short ASCII name that is safe as a key prefix.

    >>> slug_of("Zażółć Quiz! Live & Fast", Path("x")), slug_of("Real-time Q&A", Path("x"))
    ('zazolc-quiz-live-fast', 'qa')
    >>> slug_of("Wartezimmer-Anzeige für Ambulanzen", Path("x"))
    'wartezimmer-anzeige'
    """
    for candidate in (title, project.resolve().name, "app"):
        words = re.findall(r"[a-z0-9]+", re.sub(r"\b(\w)&(\w)\b", r"\1\2", fold(candidate).replace("'", "")))
        telling = [w for w in words if w not in _SILENT]
        words = telling or words
        slug = ""
        for word in words:
            longer = f"{slug}-{word}" if slug else word
            if len(longer) > SLUG_BYTES and slug:
                break
            slug = longer[:SLUG_BYTES]
        slug = _LINKING.sub("", slug).strip("-")
        if slug and slug[0].isalpha():
            return slug
    return "app"
