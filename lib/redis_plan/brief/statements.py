"""Statements: where a paragraph is several of them, and which short line names those below it.

A paragraph of a word processor's export has a statement a line; one of a hand-wrapped text has one over several lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

NUMBERED = re.compile(r"^ {0,4}(?P<number>\d{1,2}(?:\.\d{1,2}){0,3})(?P<dot>[.)、]?)\s+(?P<title>\S.{1,59})$")
NOT_TITLE = (".", ";", ",", ":", "。", "；", "，", "：", "?", "!")
#: An id that opens a line opens a statement, whatever the line before it ends in.
_OPENS_WITH_ID = re.compile(r"^\W*[A-Z]{1,8}(?:-[A-Z]{1,6})?-\d{1,4}\b")
#: A line of no more words, with a colon or straight before a list, names what follows.
LABEL_WORDS = 5


def names_a_list(text: str) -> bool:
    """Whether a plain line reads as a title: "UX details", "P0 must-haves", "3.8 Performance"."""
    numbered = NUMBERED.match(text)
    text = numbered.group("title") if numbered else text
    return text[:1].isupper() and len(text.split()) <= LABEL_WORDS and not text.endswith(NOT_TITLE)


#: A line that was wrapped is about as long as the page is wide; shorter ones were ended on purpose.
UNWRAPPED = 60


def is_list_without_marks(raw: Sequence[str]) -> bool:
    """Whether the lines of a paragraph are entries, as a word processor exports a list: short, and each begins anew."""
    if any(len(line) > UNWRAPPED for line in raw):
        return False
    begin = [line.lstrip("*_`\"'([ ")[:1] for line in raw]
    return sum(b.isupper() or b.isdigit() or not b.isascii() for b in begin) >= 0.7 * len(raw)


def is_titled(raw: Sequence[str]) -> bool:
    """Whether the first of several short lines names the others: a word or two over lines that say more."""
    counts = [len(line.split()) for line in raw]
    return len(raw) > 2 and counts[0] <= 3 and sum(counts[1:]) >= 2 * counts[0] * len(counts[1:])


def statements(raw: list[str]) -> Iterator[tuple[int, int]]:
    """Split a paragraph where its lines are statements of their own, else give it whole.

    Lines are statements when they end in a hard break, or when most lines of at least two begin a sentence and the
    line before each ends one.
    """
    if len(raw) == 1:
        yield 0, 1
        return
    if is_list_without_marks(raw):
        yield from ((n, n + 1) for n in range(len(raw)))
        return
    cuts = [0]
    starts = 0
    for n in range(1, len(raw)):
        before, line = raw[n - 1], raw[n].lstrip("*_`\"'([ ")
        ended = before.endswith(("  ", "\\")) or before.rstrip(" *_`").endswith(
            (".", "?", "!", ":", ";", "。", "？", "！", "；")
        )
        capital = bool(line[:1].isupper() or not line[:1].isascii() or line[:1].isdigit())
        labelled = raw[n].lstrip().startswith("**") or bool(_OPENS_WITH_ID.match(raw[n]))
        starts += ended and capital
        titled = len(before.split()) <= LABEL_WORDS and before.rstrip().endswith((":", "："))
        title = len(raw[n].split()) <= LABEL_WORDS and raw[n].rstrip().endswith((":", "：")) and capital
        if (ended and capital) or labelled or titled or title:
            cuts.append(n)
    marked = any(r.lstrip().startswith("**") or _OPENS_WITH_ID.match(r) for r in raw[1:])
    if len(cuts) - 1 < 0.5 * (len(raw) - 1) and not marked:
        cuts = [0]
    yield from zip(cuts, [*cuts[1:], len(raw)], strict=True)
