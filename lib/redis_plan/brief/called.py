"""What a document's shape says of its nouns: a section is called after one, a glossary defines one as a kind of state.

>>> from redis_plan.brief.lexicon import lexicon
>>> list(subjects("4.2 Coupon system & refunds (beta)", lexicon("en")))
['Coupon', 'refunds']
>>> defined("Headway: The current number of minutes between two trams", lexicon("en"))
('Headway', 'The current number')
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from redis_plan.brief.lexicon import WORD, Lexicon, fold

_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_PIECES = re.compile(r"(\s+|[^\w'’-]+)")
_TERM = re.compile(r"\W*(?P<term>[^:：()]{2,40}?)\s*(?:\([^)]*\)\s*)?(?:[:：]|\s[-–—]\s)\s*(?P<said>\S.*)", re.DOTALL)
#: A definition says what kind of thing a term is in so many words.
FIRST_WORDS = 6


def subjects(title: str, words: Lexicon) -> Iterator[str]:
    """Yield what a heading is about, without its number and the words for any part of a product ("system", "management")."""
    divides, around = words.words("stopwords") | words.words("uncounted"), words.words("feature_words")
    parts: list[list[str]] = [[]]
    for piece in _PIECES.split(_BRACKETS.sub(" ", title)):
        if not piece or piece.isspace():
            continue
        if not any(map(str.isalpha, piece)) or fold(piece) in divides:
            parts.append([])
        else:
            parts[-1].append(piece)
    for part in parts:
        while part and fold(part[-1]) in around:
            part.pop()
        while part and fold(part[0]) in around:
            part.pop(0)
        if part:
            yield " ".join(part)


def defined(text: str, words: Lexicon) -> tuple[str, str] | None:
    """Return the term that a line of a glossary defines, and the words that say what kind of thing it is."""
    match = _TERM.match(text)
    if match is None:
        return None
    stop, kind = words.words("stopwords") | words.words("uncounted"), list[str]()
    for word in WORD.findall(match.group("said"))[:FIRST_WORDS]:
        if kind and not {fold(one) for one in kind} <= stop and fold(word) in stop:
            break
        if words.languages[0] == "en" and word.endswith("ing"):
            break  # "a record tracking …", "the process of …"
        kind.append(word)
    return match.group("term").strip(" *_`"), " ".join(kind)
