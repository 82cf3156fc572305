"""A title: what the product is called, told from the kind of document that it stands on.

>>> name_in("Product Requirements Document (PRD) — Tram Live"), name_in("Feature Specification: Live Boards (Phase 4)")
('Tram Live', 'Live Boards')
>>> name_in("1) Product Overview")
''
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from redis_plan import resources
from redis_plan.brief.lexicon import UNSPACED, fold
from redis_plan.brief.outline import Block, clean
from redis_plan.brief.product_names import in_code, named
from redis_plan.brief.slug import linking
from redis_plan.brief.stack import technologies

#: A title and its subtitle: "Fan Out: a game", "Fan Out — a game"; a hyphen divides only between blanks.
_PARTS = re.compile(r"\s+[-|·•~]\s+|\s*[—–|：]\s*|:\s+|:$")
_BRACKETS = re.compile(r"\s*[(（\[【][^()（）\[\]【】]*[)）\]】]\s*")
_PATH = re.compile(r"^@?[\w.-]+/([\w.-]+)$")
_H1 = re.compile(r"^\s*<h1\b", re.IGNORECASE)
_NUMBER = re.compile(r"^\s*(?:\d{1,2}(?:\.\d{1,2})+\s|\d{1,2}(?:\.\d{1,2})*\s*[.)、:]|#+|§)\s*(?=\S)")
_VERSION = re.compile(r"(?:^|\s+)v?\.?\d+(?:\.\d+)+\s*$|(?:^|\s+)[vV]\d+\s*$|(?:phase|faza|etap|fase|mvp|sprint|release)\s*\d*\s*$", re.IGNORECASE)  # fmt: skip
_EDGES = re.compile(r"^[\W_]+|[^\w!?%+）)]+$")
_ORDINAL = re.compile(r"^\s*\d+(?!\S)")
_ARTICLE = re.compile(r"^(?:the|our)\s+", re.IGNORECASE)
#: What a subject that names nothing begins with in other languages: "Das Projekt ist eine …"
_ANY_ARTICLE = re.compile(
    r"^(?:this|unser[ea]?|der|die|das|dies(?:er|es|e)|el|la|los|este|esta|le|les|ce|cette|il|lo|questo|questa|o|a|ten|ta|to|nasz[ae]?|het|de|dit|deze)\s+",
    re.IGNORECASE,
)
#: A title that is the file's own name: "prd.md"
_SUFFIX = re.compile(r"\.(?:md|markdown|txt|docx?|pdf)$", re.IGNORECASE)
#: A name in a program, which a sentence defines: "userId is …"
_FIELD = re.compile(r"^[a-z]+(?:[A-Z][a-z]*)+$|^[a-z]+_[a-z_]+$")
_LETTERS = re.compile(r"(?:[^\W\d_].?){2}")
_QUOTES = "\"'“”„«»「」『』*_` "
#: A heading stands over the whole document when it opens it.
OPENING_LINES, OPENING_BLOCKS = 30, 40
NAME_CHARS = 60
#: What a label is followed by is a name, unless it is a sentence about one.
MOST_WORDS = 6


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((resources.catalog_dir() / "titles.toml").read_text(encoding="utf-8"))


@cache
def _known(group: str) -> tuple[str, ...]:
    """Return a list of the catalogue, folded, the longest first, so that "requirements document" is found whole."""
    top, _, rest = group.partition(".")
    words = _data()[top][rest] if rest else _data()[top]
    return tuple(sorted({fold(word) for word in words}, key=lambda w: (-len(w), w)))


@cache
def _of() -> re.Pattern[str]:
    """Match what stands between a kind and a name: "Requirements *for* Tram Live", "Architecture *du* Tramway"."""
    joins = "|".join(map(re.escape, sorted(_data()["joins"], key=len, reverse=True)))
    return re.compile(rf"^(?:{joins})(?:\s+|(?<=['’]))(?:the\s+)?", re.IGNORECASE)


def read_title(documents: Sequence[tuple[Sequence[Block], Sequence[str]]], project: Path) -> str:
    """Return the product's name; ``documents`` are their blocks and lines, the requirements first.

    The first of these that gives a name: a label ("Product name: …"), the title, a sentence that defines or names the
    product, then the same of the companions, a name in their code (a package, a repository), at last the folder's name.
    """
    return next((name for name in _names(documents) if name), project.resolve().name)


def _names(documents: Sequence[tuple[Sequence[Block], Sequence[str]]]) -> Iterator[str]:
    (first, lines), *others = documents
    text = "\n".join(block.text for block in first[1:400])
    yield from _labelled(first, lines, "fields.sure")
    yield from _titled(first, lines, text)
    yield from _labelled(first, lines, "fields.likely")
    yield from _defined(first)
    yield from (name_in(name) for name in named(first))
    for blocks, lines in others:
        yield from _labelled(blocks, lines, "fields.sure")
        yield from _labelled(blocks, lines, "fields.likely")
        yield from (
            name for name in _titled(blocks, lines, text) if text.count(name) >= 2
        )  # else it names a file of theirs
    for blocks, _ in documents:
        yield from in_code(blocks)


def _labelled(blocks: Sequence[Block], lines: Sequence[str], fields: str) -> Iterator[str]:
    """Yield what a label gives: on its line, in its row, or below it as a heading of its own."""
    for label, value in _fields(blocks, lines):
        short = 1 < len(value.strip()) <= NAME_CHARS + 20 and len(value.split()) <= MOST_WORDS
        if short and fold(label.strip(_QUOTES)) in _known(fields):
            yield name_in(value)


def _fields(blocks: Sequence[Block], lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    repeated = _repeated(lines)
    front = lines[1 : lines.index("---", 1)] if "---" in lines[1:20] and lines[0] == "---" else []
    for line in front:
        if line.startswith("name:"):
            yield "title", line[5:]
    for line in lines[: 2 * OPENING_BLOCKS]:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.lstrip().startswith("|") and len(cells) > 1:
            yield clean(cells[0]), clean(cells[1])
        else:
            label, mark, value = clean(line[:300].lstrip("#->+* ")).replace("：", ":").partition(":")
            titled = line.startswith(
                "##"
            )  # "### Title: Cancel a booking" names a story, "## Project: Tram Live" does not
            of_part = titled and (line.startswith("###") or fold(label) in _known("fields.of_parts"))
            if mark and not of_part and fold(label.strip(_QUOTES)) not in repeated:
                yield label, value
    for heading, after in pairwise(blocks[:OPENING_BLOCKS]):
        if heading.kind == "heading" and after.kind == "paragraph":
            yield _NUMBER.sub("", heading.text), after.text


def _repeated(lines: Sequence[str]) -> set[str]:
    """Return the labels that stand more than once: "Title:" of each story names the story."""
    begun = Counter(
        fold(line[:80].lstrip("#->+* ").replace("：", ":").partition(":")[0].strip(_QUOTES)) for line in lines
    )
    return {label for label in _known("fields.of_parts") if begun[label] > 1}


def _titled(blocks: Sequence[Block], lines: Sequence[str], text: str) -> Iterator[str]:
    """Yield what the headings that open a document give: two of them may stand one over the other."""
    headings = [b for b in blocks[:OPENING_BLOCKS] if b.kind == "heading" and b.line <= OPENING_LINES]
    if blocks and blocks[0].kind == "paragraph" and blocks[0].line <= OPENING_LINES:
        yield from _opened(lines[blocks[0].line - 1 :], text, bool(headings))
    top = min((heading.depth for heading in headings), default=0)
    # a second one may stand over the same document; more of them stand over its parts
    parts = sum(block.kind == "heading" and block.depth == top for block in blocks) > 2
    for heading in [heading for heading in headings if heading.depth == top][: 1 if parts else 2]:
        if not _NUMBER.match(heading.text) and not _says_what_must_be(heading.text):
            yield _choose(_parts(heading.text), text)
    if len(headings) > 1 and blocks[:2] == (headings[0], headings[1]):
        yield _subtitle(headings[1].text, text)  # "# Product Requirements Document" and under it "## Tram Live"


def _opened(lines: Sequence[str], text: str, headed: bool) -> Iterator[str]:
    """Yield what a title without a mark gives: the first line where it says what the document is, else the one below it."""
    opening = clean(lines[0])
    if _says_what_must_be(opening):
        return
    parts = _parts(opening)
    kind = len(parts) < len([part for part in _PARTS.split(opening) if part])
    if parts and len(opening) <= 100 and (kind or not headed or _H1.match(lines[0]) or _is_name(opening)):
        yield _choose(parts, text)
    below = clean(lines[1]) if len(lines) > 1 else ""
    label, mark, value = below.replace("：", ":").partition(":")
    below = value.strip() if mark and fold(label) in (*_known("fields.sure"), *_known("fields.likely")) else below
    if kind and not parts and below and len(below.split()) <= 5 and not below.endswith((".", ":", "：")):
        yield _choose(_parts(below), text)


def _is_name(opening: str) -> bool:
    """Whether a line over everything else is a name, as an export leaves it: few words, each with a capital."""
    words = opening.split()
    return 1 < len(words) <= MOST_WORDS and all(word[:1].isupper() for word in words if len(word) > 3)


def _says_what_must_be(title: str) -> bool:
    """Whether a title is a sentence that demands something: "Your Shop Must Have 3 Screens" names no shop."""
    said = f" {' '.join(fold(title).split())} "
    return any(f" {word} " in said for word in _known("of_sentences"))


def _subtitle(heading: str, text: str) -> str:
    """Return what a heading straight under a title gives: a name that the text says, or one that it explains."""
    if _NUMBER.match(heading):
        return ""
    before, parts = [part for part in _PARTS.split(heading) if part], _parts(heading)
    explains = len(before) > 1 and len(parts) == len(before)
    name = _choose(parts[:1], "")
    return name if name and name[:1].isupper() and (explains or text.count(name) > 2) else ""


def _defined(blocks: Sequence[Block]) -> Iterator[str]:
    """Yield the subjects of the first sentences that say what something is: "Tram Live is a board of departures"."""
    text = "\n".join(block.text for block in blocks[:400])
    for block in blocks[:OPENING_BLOCKS]:
        if block.kind not in ("paragraph", "item") or block.label_only:
            continue
        name = _subject(block.text)
        if UNSPACED.search(name) and not re.search(r"[A-Za-z]{3}", name) and text.count(name) < 2:
            continue  # where no capital tells a name, it is one that is said again
        folded = {fold(name), fold(_ANY_ARTICLE.sub("", name))}
        if name and folded.isdisjoint(_known("generic")) and folded.isdisjoint(technologies()[0]):
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
    if _FIELD.match(name):
        return ""
    if not words or len(words) > 4 or any(mark in name for mark in ",;.:()?!。、「」"):
        return ""
    proper = all(w[:1].isupper() or not w[:1].isalpha() or not w.isascii() for w in words if len(w) > 3)
    return name if proper or (len(words) == 1 and subject == name) else ""


def name_in(title: str, *, text: str = "") -> str:
    """Return the name in one title, or "" where it names a kind of document or a part of one."""
    return _choose(_parts(title), text)


def _parts(title: str) -> list[str]:
    """Return the parts of a title that may be a name."""
    bare = _NUMBER.sub("", title[:200]).strip(_QUOTES)
    if path := _PATH.match(bare):
        bare = path.group(1)  # "@harbour/tram-live" is the package of an organisation
    outside = _BRACKETS.sub(" ", bare).strip()
    inside = " — ".join(found.strip(" ()（）[]【】") for found in _BRACKETS.findall(bare))
    # of a name in two scripts the one in Latin letters can be written in a key
    latin = [word for word in re.findall(r"[A-Za-z]{2,}", outside) if word.lower() not in linking()]
    turned = bool(UNSPACED.search(outside)) and not latin
    for bared in (inside, outside) if turned else (outside, inside):
        parts = (_part(part) for part in _PARTS.split(bared) if part)
        found = [part for part in parts if _LETTERS.search(part) and fold(part) not in _known("generic")]
        if found and not (turned and bared is inside and not re.search(r"[A-Za-z]{3}", found[0])):
            return found
    return []


def _part(part: str) -> str:
    """Return a part of a title without what says only what kind of document, stage or software it is.

    What joins a kind to a name goes with the kind alone: a name may begin with such a word ("Van Life", "D'Artagnan").
    """
    while True:
        before = part
        part = _SUFFIX.sub("", _EDGES.sub("", part).strip(_QUOTES))
        part = _VERSION.sub("", part)
        for group in ("kinds", "qualifiers", "software", "software_before"):
            part = _without(part, group)
        if part == before:
            return part


def _without(part: str, group: str) -> str:
    """Return ``part`` without a word of ``group`` at its end, or, for what is no software, at its beginning.

    Software stands before a name in the languages that put the noun first: "Aplikacja Tramwaj".
    """
    folded = fold(part)
    for word in _known(group):
        size = len(word)
        glued = bool(UNSPACED.search(word))
        before = folded[-size - 1 : -size]
        if folded.endswith(word) and (glued or not (before.isalnum() or before == "_")):
            return part[:-size].rstrip()
        if group == "software_before" and folded.startswith(f"{word} ") and part[size:].lstrip()[:1].isupper():
            return part[size:].lstrip()
        if (
            not group.startswith("software")
            and folded.startswith(word)
            and (glued or not folded[size : size + 1].isalnum())
        ):
            rest = part[size:].lstrip()
            if rest[:1].isalpha() and word in _known("of_names") and not _of().match(rest) and not _of_kind(rest):
                continue  # "Document Signer" is a name, "Document for signers" is not, nor is "Alpha specification"
            return _of().sub("", _ORDINAL.sub("", part[size:]).lstrip() + " ").rstrip()
    return part


def _of_kind(part: str) -> bool:
    """Whether ``part`` begins with a kind of document or a stage, so that what stands before it says which one."""
    words = (*_known("kinds"), *_known("qualifiers"))
    return any(fold(part).startswith(word) and not fold(part)[len(word) : len(word) + 1].isalnum() for word in words)


def _choose(parts: Sequence[str], text: str) -> str:
    """Return the part that is the name: the first, unless the text never says it and often another one."""
    if not parts:
        return ""
    first = parts[0]
    if text.count(first) == 0:
        said = [p for p in parts[1:] if text.count(p) >= 2 and len(p.split()) <= 4]
        first = said[0] if said else first
    return re.sub(r"[\s!.,;:]+$", "", " ".join(first.split()))[:NAME_CHARS].strip()
