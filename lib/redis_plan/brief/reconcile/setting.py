"""Settings: what a number stands in, so that it can be told what it says and whether it says anything at all.

A number's *sentence* is what ends before the next full stop, cell or arrow; its *span* is the part of the sentence that
is about this number alone where the sentence holds several of one dimension ("route lookup < 3 s; end to end < 2 s").
What stands *above* it are the headings, labels and the column that it belongs to.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from redis_plan.brief.lexicon import fold
from redis_plan.brief.model import Quantity
from redis_plan.brief.outline import Block, clean
from redis_plan.brief.quantities import label_above
from redis_plan.brief.reconcile.vocabulary import concepts
from redis_plan.brief.sections import Roles
from redis_plan.brief.stack import technology_words
from redis_plan.brief.units import base

#: Why a number states nothing of the product.
Standing = Literal[
    "demand",
    "metric",
    "result",
    "scenario",
    "template",
    "example",
    "options",
    "excluded",
    "question",
    "superseded",
    "code",
]

#: A line that is nothing but a value: its label stands on the line above.
VALUE_LINE = re.compile(r"\s*[<>≤≥~]{0,2}\s?\d[\d,.]*\s?[^\W\d_]{0,12}\s?\+?\s*")
#: A statement longer than this holds data, and its words say nothing about one number in it.
LONG_STATEMENT = 3000
#: Lines of prose that are broken at a margin are longer than this on average.
SHORT_LINE = 50
#: A document with more quantities than this holds data in it: the rest is not looked at.
MOST = 4000
_STOP = re.compile(r"(?<=[^\W\d])[.!?;]\s+|(?<=[\d)%])[.!?;]\s+(?=[^\W\da-z])|[。！？；;]\s*|\s[—–]\s|\s-\s")
_PART = re.compile(r",\s|[，、()（）]|\s(?:and|but|while|oraz|a|i|und|y|et|ou|e|en|и|или|then)\s|\s[/+]\s|\.\s")
#: "24 h → 90 s": the first number is no longer true.
_SUPERSEDED = re.compile(r"\s*(?:→|->|=>)\s*[~<≤≥>]?\s?\d")
_NAMES = re.compile(r"[a-z][a-z0-9.+#]+")
_WORDS = re.compile(r"[^\W\d_]{3,}")
_QUESTION = re.compile(r"[?？]\s*$")
_ANSWER = re.compile(r"(?:→|->|=>|\ba:|\banswer|\bresolved|\bdecided|[?？]\s*[*_]*\s*(?:yes|no|we|\d))", re.IGNORECASE)
#: "{Proposed | Accepted}", "[number]", "<N> seconds", "TBD": a form to fill in.
_TEMPLATE = re.compile(r"\{\s*[\w ]+(?:\|[\w ]+)+\}|\[(?:number|value|n|x|todo|tbd|insert[^\]]*)\]|<(?:n|x|number|value)>|\btbd\b|\b(?:xx|nn)\b", re.IGNORECASE)  # fmt: skip


class Place(NamedTuple):
    """Where a line stands: its block and the roles of the sections around it, nearest first."""

    block: Block
    roles: tuple[str, ...]
    parent: str  # the text of the list item above


@dataclass(frozen=True, slots=True)
class Setting:
    """A quantity in base units with what it stands in; every text is folded."""

    quantity: Quantity
    order: int
    dimension: str
    value: float
    top: float | None
    span: str
    sentence: str
    above: str
    at: int  # where in ``span`` the quantity starts
    end: int
    standing: Standing

    @property
    def upper(self) -> float:
        """The upper end of a range, else the value."""
        return self.value if self.top is None else self.top


def places(blocks: Sequence[Block], roles: Roles, file: str) -> dict[tuple[str, int], Place]:
    """Return the place of each line of one document that may hold a number."""
    items = {b.line: b.text for b in blocks if b.kind in ("item", "paragraph")}
    found: dict[tuple[str, int], Place] = {}
    for block in blocks:
        chain = roles.chain(block.section)
        role = roles.of(block)
        parent = items.get(block.parent or 0, "")
        place = Place(block, (role, *chain) if role else chain, parent[:120])
        for line in range(block.line, max(block.line, block.end) + 1):
            found.setdefault((file, line), place)
    return found


def settings(
    quantities: Sequence[Quantity], lines: Mapping[str, Sequence[str]], around: Mapping[tuple[str, int], Place]
) -> list[Setting]:
    """Return the setting of each quantity that a fact may be read from, in the order of the documents."""
    found: list[Setting] = []
    by_line: dict[tuple[str, int], list[Quantity]] = {}
    for quantity in quantities:
        if quantity.kind not in ("price", "percent", "date"):
            by_line.setdefault((quantity.file, quantity.line), []).append(quantity)
    for (file, line), here in by_line.items():
        if len(found) >= MOST:
            break
        text, place = lines[file][line - 1], around.get((file, line))
        label = label_above(lines[file], line) if VALUE_LINE.fullmatch(text) else ""
        found += _of_line(here, f"{label}: {text}" if label else text, None if label else place, len(found))
    return found


def _of_line(here: Sequence[Quantity], line: str, place: Place | None, order: int) -> Iterator[Setting]:
    statement, above = _statement(line, place)
    if len(statement) > LONG_STATEMENT:
        return
    measured = [(q, *base(q.value, q.unit)) for q in here]
    # "1 room" in "8 people in 1 room" says of what the other number is
    counting = [(q, d) for q, d, v in measured if v != 1 or d]
    cursor = 0
    for number, (quantity, dimension, value) in enumerate(measured):
        text = _plain(quantity.text)
        at = statement.find(text, cursor)
        at = statement.find(text) if at < 0 else at
        if at < 0:
            statement, at = text, 0
        cursor = at
        begin, end = _sentence(statement, at, at + len(text))
        sentence = statement[begin:end]
        several = Counter(d for q, d in counting if _plain(q.text) in sentence)[dimension] > 1
        left, right = (0, len(sentence))
        if several:
            others = [_plain(q.text) for q, d in counting if d == dimension and q is not quantity]
            left, right = _part(sentence, at - begin, at - begin + len(text), others)
        cells = _cells(place, text)
        span = f"{cells} {sentence[left:right]}".strip() if cells else sentence[left:right]
        shift = len(span) - len(sentence[left:right])
        top = base(quantity.value_max, quantity.unit)[1] if quantity.value_max is not None else None
        start = at - begin - left + shift
        standing = _standing(place, fold(sentence), fold(statement), fold(above))
        standing = "superseded" if _SUPERSEDED.match(statement, at + len(text)) else standing
        yield Setting(quantity, order + number, dimension, value, top, fold(span), fold(sentence), fold(above), start,
                      start + len(text), standing)  # fmt: skip


def _plain(text: str) -> str:
    return clean(text.replace("|", " "))


def _statement(line: str, place: Place | None) -> tuple[str, str]:
    """Return the whole statement that a line is part of, and what stands above it."""
    if place is None:
        return _plain(line), ""
    block = place.block
    whole = block.kind in ("item", "paragraph", "heading") and not _is_list(block)
    text = block.text if whole else clean(line)
    if block.kind == "row":
        text = " | ".join(block.cells)
    titles = block.section.titles if block.kind != "heading" else block.section.titles[:-1]
    near = [*titles[-2:], *block.section.labels[-1:], place.parent if len(place.parent) < 80 else ""]
    return text or _plain(line), " · ".join(part for part in near if part)


def _is_list(block: Block) -> bool:
    """Whether the lines of a paragraph are short statements of their own, as a word processor exports a list."""
    lines = block.end - block.line + 1
    return block.kind == "paragraph" and lines >= 3 and len(block.text) < SHORT_LINE * lines


def _sentence(text: str, at: int, end: int) -> tuple[int, int]:
    if _ANSWER.search(text):  # "How many? → A: 50": question and answer are one statement
        before, after = text.rfind("|", 0, at) + 1, text.find("|", end)
        return before, len(text) if after < 0 else after
    begin, stop = 0, len(text)
    for match in _STOP.finditer(text):
        if match.end() <= at:
            begin = match.end()
        elif match.start() >= end:
            stop = match.end() if match.group().strip()[:1] in ("?", "？") else match.start()
            break
    begin = max(begin, text.rfind("|", 0, at) + 1)
    bar = text.find("|", end)
    return begin, min(stop, bar if bar >= 0 else stop)


def _part(sentence: str, at: int, end: int, others: Sequence[str]) -> tuple[int, int]:
    """Return the part of ``sentence`` around a number, at least a word beside it, without the ``others`` of its kind."""
    cuts = [(m.start(), m.end()) for m in _PART.finditer(sentence)]
    begin = max((b for _, b in cuts if b <= at), default=0)
    stop = min((a for a, _ in cuts if a >= end), default=len(sentence))
    beside = re.sub(r"[\W\d_]+", "", sentence[begin:at] + sentence[end:stop])
    if len(beside) < 3 and len(_WORDS.findall(sentence[at:end])) < 2:
        further = max((b for _, b in cuts if b < begin), default=0)
        begin = begin if any(other in sentence[further:begin] for other in others) else further
    for other in others:
        after, before = sentence.find(other, end), sentence.rfind(other, 0, at)
        stop = after if end <= after < stop else stop
        begin = before + len(other) if begin <= before and before + len(other) <= at else begin
    return begin, stop


def _cells(place: Place | None, text: str) -> str:
    """Return what names a table's cell: the first cell of its row and the header of its column."""
    if place is None or place.block.kind != "row" or not place.block.cells:
        return ""
    cells, header = place.block.cells, place.block.header
    index = next((i for i, cell in enumerate(cells) if text in cell), 0)
    named = [cells[0] if index else "", header[index] if index < len(header) else ""]
    return " · ".join(part for part in named if part)


def _standing(place: Place | None, sentence: str, statement: str, above: str) -> Standing:
    """Return whether a number states something of the product, by its section and by its own sentence."""
    roles = place.roles if place else ()
    own = concepts(sentence)
    if "out-of-scope" in roles or "rejected" in roles:
        return "excluded"
    if place and place.block.kind == "code":
        return "code"
    if place and place.block.kind == "row" and _compares(place.block.header):
        return "options"
    if _QUESTION.search(sentence) and not _ANSWER.search(statement):
        return "question"
    if _TEMPLATE.search(statement):
        return "template"
    over = concepts(above)
    if ("metrics" in roles or "metric" in over) and "performance" not in over:
        return "metric"
    if "result" in own:
        return "result"
    if "scenario" in own or ("scenario" in over and "load" not in sentence):
        return "scenario"
    return "example" if "example" in own else "demand"


def _compares(header: Sequence[str]) -> bool:
    """Whether a table's columns are technologies: what it says of each is no target of the product."""
    named = [cell for cell in header if any(word in technology_words() for word in _NAMES.findall(fold(cell)))]
    return len(named) >= 2
