"""Lines: what could be a statement of demand, and the marks by which one is told from what merely stands there.

A mark is a fact about a line that needs no understanding: how it is set, how long it is, what it opens and ends with, which cues of
the lexicon it holds, and how its list and its document are made. Marks and meaning (``encoder``) together are what the learnt
models judge by; the two lists of names here are the order of the features in their weights.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redis_plan.brief.ids import identified
from redis_plan.brief.learnt import Matrix
from redis_plan.brief.lexicon import UNSPACED, Lexicon
from redis_plan.brief.outline import Block, Section
from redis_plan.brief.sections import ORDER, Roles
from redis_plan.brief.spelt import has_digit

_CHECKBOX = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+\[[ xX]\]")
_BOLD_LABEL = re.compile(r"^\s*(?:(?:[-*+•]|\d+[.)])\s+)?(?:\[[ xX]\]\s+)?\*\*[^*]{1,60}\*\*")
_LABEL = re.compile(r"^[^:：]{1,40}[:：]\s*\S")
_EARS = re.compile(r"^\W*(?:WHEN|IF|WHILE|WHERE|THE)\b.*\b(?:SHALL|MUST)\b")
_GIVEN = re.compile(r"^\W*(?:given|when|then|scenario|zakładając|gegeben|dado|étant donné|前提)\b", re.IGNORECASE)
_STORY = re.compile(
    r"^\W*(?:as an?\b|as the\b|jako\b|als\b|como\b|en tant que\b|come\b)|^.{1,20}(?:として|으로서)", re.IGNORECASE
)
_CODE = re.compile(r"`[^`]+`|\b[a-z]+(?:_[a-z]+)+\b|\b[a-z]+[A-Z]\w+|[{}<>]|/\w+/|\w\(\)|=>|->")
_PLACEHOLDER = re.compile(r"\{[^{}]*\||\[(?:[A-Z][A-Z _-]+|[^\]]*…[^\]]*)\]|\bTODO\b|\bTBD\b|<[a-z ]+>|_{3,}")
#: No placeholder is without one of these, and most lines are without all of them.
_OF_PLACEHOLDERS = ("{", "[", "TODO", "TBD", "<", "___")
_ARROW = re.compile(r"→|⟶|=>|->")
_STATUS = re.compile(r"^\W*(?:status|stan|estado|状态|状態|상태)\b|✅|☑|🔄|#\d+\b|\b[0-9a-f]{7,40}\b", re.IGNORECASE)
_SENTENCE_END = (".", "!", "。", "！")
_QUESTION_END = ("?", "？", "か。")

_KINDS = ("item", "paragraph", "row")

#: Groups of the lexicons whose presence is a mark.
CUES = (
    "modal", "negation", "quality", "constraint", "realtime.strong", "realtime.share", "realtime.not", "verb.live",
    "verb.change", "section.non-functional", "section.out-of-scope", "later", "condition",
)  # fmt: skip
SHAPES = (
    "item", "paragraph", "row", "heading", "label only", "depth 1", "deeper", "ordered", "check box", "bold label", "label",
    "ends in colon", "ends a sentence", "question", "id", "one word", "few words", "many words", "log words", "digit", "EARS",
    "given", "story", "code", "placeholder", "arrow", "status", "position", "titles", "log list", "list: modal", "list: question",
    "list: id", "list: words", "list: label", "list: code", "list: digits", "list follows colon", "under an item", "notes", "document: items",
    "document: ids", "document: modal", "document: demanding", "document: story", "columns", "first cell short", "alone under title",
    "live title", "list: live", "list: shared", "document: live", "document: shared",
)  # fmt: skip
#: Roles as the lexicon cues them, of the nearest title, and anywhere above.
ROLES = (*ORDER, "summary", "")
MARKS = (*SHAPES, *CUES, *(f"role {role}" for role in ROLES), *(f"above {role}" for role in ROLES))
_AT = {name: n for n, name in enumerate(MARKS)}
#: Sections of these roles demand something.
_DEMANDING = ("functional", "non-functional", "constraint", "stories")

#: Marks that need a lexicon of the document's language.
LEXICAL = frozenset(MARKS) - frozenset(SHAPES) | {"list: modal", "document: modal", "document: demanding", "live title", "list: live", "list: shared", "document: live", "document: shared"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A candidate: its block, what stands over it, and which list it belongs to (the blocks of one list share it)."""

    block: Block
    heading: str
    siblings: int


@dataclass(frozen=True, slots=True)
class Lines:
    """The candidates of one document, with one row of marks each."""

    lines: tuple[Line, ...]
    marks: Matrix

    @property
    def texts(self) -> list[str]:
        """What is encoded of each line."""
        return [line.block.text for line in self.lines]

    @property
    def headings(self) -> list[str]:
        """What is encoded of the titles over each line."""
        return [line.heading for line in self.lines]


def heading_of(block: Block) -> str:
    """Return the titles nearest to ``block`` as one text: what the list is called, under what it stands."""
    titles = [*block.section.titles[1:], *block.section.labels] or list(block.section.titles)
    return " · ".join(titles[-2:])


def candidates(blocks: Sequence[Block], roles: Roles, source: Sequence[str]) -> Lines:
    """Return the blocks of a document that could be statements; ``source`` are its lines as they are written."""
    kept = [b for b in blocks if b.text and (b.kind in _KINDS or (b.kind == "heading" and identified(b)))]
    lists = _lists(kept)
    sizes = Counter(lists)
    last = max((block.line for block in blocks), default=1)
    marks = np.zeros((len(kept), len(MARKS)), dtype=np.float32)
    shared = np.zeros((len(kept), len(_SHARED)), dtype=np.float64)
    standing: dict[Section, dict[str, float]] = {}
    for n, block in enumerate(kept):
        found = _shape(block, source, roles.words)
        shared[n] = [found.get(mark, 0.0) for _, mark in _SHARED]
        found["position"] = block.line / last
        found["log list"] = math.log2(sizes[lists[n]]) / 5
        found["alone under title"] = float(sizes[lists[n]] == 1)
        if block.section not in standing:
            standing[block.section] = _standing(block.section, roles)
        found.update(standing[block.section])
        found[f"role {roles.of(block)}"] = 1.0
        for name, value in found.items():
            marks[n, _AT[name]] = value
    for name, means in zip((f"list: {name}" for name, _ in _SHARED), _list_means(shared, lists).T, strict=True):
        marks[:, _AT[name]] = means
    for name, share in _document(marks).items():
        marks[:, _AT[name]] = share
    made = tuple(Line(b, heading_of(b), number) for b, number in zip(kept, lists, strict=True))
    return Lines(made, marks)


def _standing(section: Section, roles: Roles) -> dict[str, float]:
    """Return the marks that the lines of a section share: what is over them, and for what."""
    titles = section.titles
    found = {
        "titles": len(titles) / 4,
        "live title": float(any("realtime.strong" in roles.words.groups(title) for title in titles[1:])),
        "notes": float(roles.part == "notes"),
    }
    return found | {f"above {role}": 1.0 for role in roles.chain(section) or ("",)}


def _lists(blocks: Sequence[Block]) -> list[int]:
    """Number the lists: blocks of one kind, depth and section that follow each other are one."""
    numbers: list[int] = []
    known: dict[tuple[object, ...], int] = {}
    for block in blocks:
        key = (block.kind, block.depth, block.parent if block.kind == "item" else None, block.section, block.label_only)
        numbers.append(known.setdefault(key, len(known)))
    return numbers


def _shape(block: Block, source: Sequence[str], words: Lexicon) -> dict[str, float]:
    text = block.text[:2000]
    raw = source[block.line - 1] if 0 < block.line <= len(source) else text
    count = len(text.split()) if not UNSPACED.search(text[:80]) else max(1, len(text) // 3)
    groups = words.groups(text)
    marks = {
        block.kind: 1.0,
        "label only": block.label_only,
        "depth 1": block.depth == 1,
        "deeper": block.depth > 1,
        "ordered": block.ordered,
        "check box": bool(_CHECKBOX.match(raw)),
        "bold label": bool(_BOLD_LABEL.match(raw)),
        "label": bool(_LABEL.match(text)),
        "ends in colon": text.endswith((":", "：")),
        "ends a sentence": text.endswith(_SENTENCE_END),
        "question": text.endswith(_QUESTION_END),
        "id": identified(block) is not None,
        "one word": count == 1,
        "few words": count <= 4,
        "many words": count > 40,
        "log words": math.log2(1 + count) / 6,
        "digit": has_digit(text),
        "EARS": bool(_EARS.match(text)),
        "given": bool(_GIVEN.match(text)),
        "story": bool(_STORY.match(text)),
        "code": bool(_CODE.search(raw)),
        "placeholder": any(sign in raw for sign in _OF_PLACEHOLDERS) and bool(_PLACEHOLDER.search(raw)),
        "arrow": bool(_ARROW.search(text)),
        "status": bool(_STATUS.search(text)),
        "under an item": block.parent is not None,
        "columns": len(block.cells) / 6,
        "first cell short": bool(block.cells) and len(block.cells[0].split()) <= 3,
    }
    marks.update({cue: cue in groups for cue in CUES})
    return {name: float(value) for name, value in marks.items() if value}


_SHARED = (("modal", "modal"), ("question", "question"), ("id", "id"), ("words", "log words"), ("label", "label"), ("code", "code"), ("digits", "digit"), ("live", "realtime.strong"), ("shared", "realtime.share"))  # fmt: skip


def _list_means(shared: NDArray[np.float64], lists: Sequence[int]) -> NDArray[np.float64]:
    """Return for each line what its list is like."""
    sums = np.zeros((max(lists, default=-1) + 1, shared.shape[1]), dtype=np.float64)
    np.add.at(sums, np.array(lists, dtype=np.intp), shared)
    counts = np.bincount(np.array(lists, dtype=np.intp), minlength=len(sums))
    return np.asarray((sums / counts[:, None])[np.array(lists, dtype=np.intp)])


def _document(marks: Matrix) -> dict[str, float]:
    """Return what the document is like as a whole: the share of its lines with some marks."""
    size = max(1, len(marks))

    def share(*names: str) -> float:
        return float((marks[:, [_AT[name] for name in names]] != 0).any(axis=1).sum()) / size

    return {
        "document: items": share("item"),
        "document: ids": share("id"),
        "document: modal": share("modal"),
        "document: demanding": share(*(f"role {role}" for role in _DEMANDING)),
        "document: live": share("realtime.strong"),
        "document: shared": share("realtime.share"),
        "document: story": float(share("story") > 0),
    }
