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

from redis_plan.brief.ids import identified
from redis_plan.brief.learnt import Matrix
from redis_plan.brief.lexicon import UNSPACED, Lexicon
from redis_plan.brief.outline import Block
from redis_plan.brief.sections import ORDER, Roles

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
    words = roles.words
    kept = [b for b in blocks if b.text and (b.kind in _KINDS or (b.kind == "heading" and identified(b)))]
    lists = _lists(kept)
    rows = [_shape(block, source, words) for block in kept]
    means = _list_means(rows, lists)
    sizes = Counter(lists)
    document = _document(kept, rows, roles)
    last = max((block.line for block in blocks), default=1)
    marks = np.zeros((len(kept), len(MARKS)), dtype=np.float32)
    at = {name: n for n, name in enumerate(MARKS)}
    for n, block in enumerate(kept):
        found = {**rows[n], **means[lists[n]], **document}
        found["position"] = block.line / last
        found["titles"] = len(block.section.titles) / 4
        found["log list"] = math.log2(sizes[lists[n]]) / 5
        found["alone under title"] = float(sizes[lists[n]] == 1)
        found["live title"] = float(any("realtime.strong" in words.groups(t) for t in block.section.titles[1:]))
        found["notes"] = float(roles.part == "notes")
        chain = roles.chain(block.section)
        found[f"role {roles.of(block)}"] = 1.0
        for role in chain or ("",):
            found[f"above {role}"] = 1.0
        for name, value in found.items():
            marks[n, at[name]] = value
    made = tuple(Line(b, heading_of(b), number) for b, number in zip(kept, lists, strict=True))
    return Lines(made, marks)


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
        "digit": any(c.isdigit() for c in text),
        "EARS": bool(_EARS.match(text)),
        "given": bool(_GIVEN.match(text)),
        "story": bool(_STORY.match(text)),
        "code": bool(_CODE.search(raw)),
        "placeholder": bool(_PLACEHOLDER.search(raw)),
        "arrow": bool(_ARROW.search(text)),
        "status": bool(_STATUS.search(text)),
        "under an item": block.parent is not None,
        "columns": len(block.cells) / 6,
        "first cell short": bool(block.cells) and len(block.cells[0].split()) <= 3,
    }
    marks.update({cue: cue in groups for cue in CUES})
    return {name: float(value) for name, value in marks.items() if value}


_SHARED = (("modal", "modal"), ("question", "question"), ("id", "id"), ("words", "log words"), ("label", "label"), ("code", "code"), ("digits", "digit"), ("live", "realtime.strong"), ("shared", "realtime.share"))  # fmt: skip


def _list_means(rows: Sequence[dict[str, float]], lists: Sequence[int]) -> dict[int, dict[str, float]]:
    sums: dict[int, Counter[str]] = {}
    for row, number in zip(rows, lists, strict=True):
        total = sums.setdefault(number, Counter())
        total["n"] += 1
        for name, mark in _SHARED:
            total[name] += row.get(mark, 0.0)  # type: ignore[assignment]
    return {number: {f"list: {name}": s[name] / s["n"] for name, _ in _SHARED} for number, s in sums.items()}


def _document(blocks: Sequence[Block], rows: Sequence[dict[str, float]], roles: Roles) -> dict[str, float]:
    size = max(1, len(blocks))
    demanding = sum(roles.of(b) in ("functional", "non-functional", "constraint", "stories") for b in blocks)
    return {
        "document: items": sum(b.kind == "item" for b in blocks) / size,
        "document: ids": sum("id" in row for row in rows) / size,
        "document: modal": sum("modal" in row for row in rows) / size,
        "document: demanding": demanding / size,
        "document: live": sum("realtime.strong" in row for row in rows) / size,
        "document: shared": sum("realtime.share" in row for row in rows) / size,
        "document: story": float(any("story" in row for row in rows)),
    }
