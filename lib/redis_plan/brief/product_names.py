"""Product names outside titles: in sentences that call something by its name, and in code (a package, a repository, a folder)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from redis_plan import resources
from redis_plan.brief.lexicon import fold
from redis_plan.brief.outline import Block
from redis_plan.brief.stack import technologies

#: A name is said where a document opens.
OPENING_BLOCKS = 40
CLOSING_BLOCKS = 12
#: A label has so many words at most.
LABEL_WORDS = 4
#: Up to four words that begin with a capital, a digit or hold one: "Tide Table 2", "iPing".
_PROPER = r"(?:[A-ZÀ-ÖØ-ÞŁŚŻŹĆ][\w'’&-]*|[a-z]+[A-Z]\w*)(?:\s+(?:[A-ZÀ-ÖØ-ÞŁŚŻŹĆ0-9][\w'’&-]*)){0,3}"
_QUOTED = r"[\"“„«「『]\s*(?P<quoted>[^\"”“»」』]{2,40}?)\s*[\"”“»」』]"
#: A folder over others: lines lead to them, or they are indented.
_TREE = re.compile(r"^\s*\.?/?([A-Za-z][\w.-]{2,40})(?:/?\s*(?:#.*)?\n\s*[│├└|+]|/\s*(?:#.*)?\n(?: {2,}|\t)[\w.@-]+/)")
_PACKAGE = re.compile(r"^\s*\{?\s*\"name\"\s*:\s*\"(?:@[\w-]+/)?([\w.-]{3,40})\"", re.MULTILINE)
_CLONE = re.compile(r"\bgit clone\s+\S*?[/:]([\w.-]+?)(?:\.git)?(?:\s|$)")


@cache
def _data() -> Mapping[str, Any]:
    data: Mapping[str, Any] = tomllib.loads((resources.catalog_dir() / "titles.toml").read_text(encoding="utf-8"))
    return data["names"]  # type: ignore[no-any-return]


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    def either(group: str) -> str:
        return "|".join(re.escape(word) for word in sorted(_data()[group], key=lambda w: (-len(w), w)))

    name = rf"(?:{_QUOTED}|(?P<name>{_PROPER}))"
    return (
        re.compile(rf"(?<!\w)(?i:{either('calling')})\s+{name}"),
        re.compile(rf"(?<!\w)(?i:{either('about')})\s+(?i:the\s+)?{name}(?=\s*(?:[,.;(–—-]|$))"),
        re.compile(rf"(?<!\w)(?:{either('articles')})\s+(?P<name>{_PROPER})\s+(?:{either('things')})(?!\w)"),
        re.compile(
            rf"(?<!\w)(?:{either('before_compounds')})\s+(?P<name>{_PROPER}?)-(?:{either('in_compounds')})(?!\w)"
        ),
        re.compile(rf"(?<!\w)(?:{either('things')})\s+{name}"),
        re.compile(rf"^{name}\s+[–—-]\s+(?i:{either('a')})(?!\w)"),
    )


def named(blocks: Sequence[Block]) -> Iterator[str]:
    """Yield what the sentences that open or close a document call by a name: "requirements for Tram Live, a live map of …"."""
    ends = blocks[:OPENING_BLOCKS], blocks[OPENING_BLOCKS:][-CLOSING_BLOCKS:]
    opening, closing = ([b for b in end if b.kind in ("paragraph", "item") and _says_something(b)] for end in ends)
    yield from _named(opening, _patterns())
    yield from _named(closing, _patterns()[2:3])  # "The Tram Live platform …": a summary says it once more


def _says_something(block: Block) -> bool:
    """Whether a block is more than a label: "Tram Live - a map of trams that shows:" is."""
    return not block.label_only or len(block.text.split()) > LABEL_WORDS


def _named(blocks: Sequence[Block], patterns: Sequence[re.Pattern[str]]) -> Iterator[str]:
    for pattern in patterns:
        for block in blocks:
            for match in pattern.finditer(block.text[:400]):
                found = match.groupdict()
                name = found.get("quoted") or found.get("name") or ""
                words = {fold(name), fold(name.split()[0])}
                if words.isdisjoint(_data()["never"]) and fold(name) not in technologies()[0]:
                    yield name


def in_code(blocks: Sequence[Block]) -> Iterator[str]:
    """Yield what a document's code is called by: its package, the repository that is cloned, the folder over all others."""
    code = [block.text for block in blocks if block.kind == "code"]
    for pattern in (_PACKAGE, _CLONE, _TREE):
        for text in code:
            for name in pattern.findall(text[:4000]):
                if fold(name) not in _data()["folders"]:
                    yield name
