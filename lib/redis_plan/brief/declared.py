"""Declared entities: what a domain model, a table list, a schema or a diagram names as kept, with its attributes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from redis_plan.brief.lexicon import Lexicon, fold
from redis_plan.brief.outline import Block, Section

#: "Room (id, name)", "**Room**: holds players", "`rooms` (id, host_id)", "Room - a place", "Task (업무)"
_ITEM = re.compile(
    r"(?P<name>[A-Z]\w*(?:[/ ][A-Z]?\w+){0,2}|[a-z]+(?:_[a-z]+)*)\s*(?:\((?P<attrs>[^)]*)\)|$|(?P<sign>[:：]|\s[-–—]\s))"
)
_ATTRIBUTE = re.compile(r"([a-z]+[A-Z]\w*|[a-z]+(?:_[a-z]+)+|id|status|score|name|title|state)\s*[:(]")
_IDENTIFIERS = re.compile(r"(?:[a-z]+(?:_[a-z0-9]+|[A-Z]\w*)*\s*(?:[:(][^,]*)?,\s*){1,}")
_TITLE = re.compile(r"[A-Z][\w/]*(?: [A-Z]?[\w/]+){0,3}")
_TABLE_OF = re.compile(
    r"\b(?:[Tt]abel\w+|tables?|[Ee]ncj\w+|entit\w+|collection)\s+(?:pomocnicz\w+\s+)?`?(?P<name>[A-Z][A-Za-z]+|[a-z]+_[a-z_]+)`?"
)
#: SQL, Prisma, TypeScript, Python and Mermaid: what opens the declaration of a stored thing in code
_CODE = re.compile(
    r"^\s*(?:create table (?:if not exists )?[`\"\[]?(?:\w+\.)?(?P<sql>\w+)|model (?P<prisma>[A-Z]\w+) *\{"
    r"|(?:export )?(?:interface|type) (?P<ts>[A-Z]\w+)\s*(?:=\s*)?\{|class (?P<py>[A-Z]\w+)\s*(?:\((?:Base|Model|BaseModel|models\.Model|db\.Model)\))?:"
    r"|(?P<er>[A-Z][A-Z_]+) +[|}o]{1,2}--[|{o]{1,2} +(?P<er2>[A-Z][A-Z_]+))",
    re.MULTILINE | re.IGNORECASE,
)
#: "Guest 1:N Booking 1:1 Bill", "Guest (1) — (N) Booking, Review": how many of one there are of the other
_MANY = r"\(?(?:1|[NnMm*]|[01]\.\.[1Nn*])\)?"
_RELATED = re.compile(
    rf"\b(?P<one>[A-Z][A-Za-z]+)\s+{_MANY}\s*(?::|[-–—]+>?)\s*{_MANY}\s+(?=(?P<others>[A-Z][A-Za-z]+(?:, [A-Z][A-Za-z]+)*))"
)
#: "Add `typingSessions` table (id, userId, …)": a task that makes a table
_MADE = re.compile(
    r"(?:add|create|define|dodaj|utw[oó]rz\w*)\s+(?:tabel\w+\s+)?(?P<name>[A-Za-z]\w+)\s+(?:table|collection|model|entity)?\s*\((?P<attrs>[^)]*)\)",
    re.IGNORECASE,
)
#: "Bid (id, lotId, amount)", "Room: id, name, host_id": a name with its fields, an id among them
_RECORD = re.compile(
    r"`?[A-Za-z][\w/]*(?: [A-Z]\w*){0,2}`?\s*[(:{]\s*(?P<attrs>(?:[a-z]\w*\??(?:\s*:[^,]*)?,\s*)+[a-z]\w*[^,]*)"
)
#: "Lot(id, title, reserve)", a line of its own in a block of code that is in no language
_LINE_OF_FIELDS = re.compile(
    r"^ *(?P<name>[A-Z]\w+) ?\((?P<attrs>[a-z]\w*[^()\n]*,[^()\n]*)\) *(?:$|//|#|--)", re.MULTILINE
)
_AN_ID = re.compile(r"\bid\b|\w[a-z]Id\b|\w_id\b")
#: So many records in one section make it a data model, whatever its heading says.
RECORDS = 3
_SPOKEN = ("data", "decisions", "recommendations", "summary", "functional", "")
#: Endings of names in code that carry state over a wire or configure it, and keep nothing.
_NOT_KEPT = ("props", "request", "response", "dto", "options", "config", "params", "payload", "service", "controller", "event", "error", "result")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Declaration:
    """A name that the documents declare; ``attributes`` as they list them, ``alias`` the name in another language."""

    name: str
    block: Block
    attributes: str = ""
    alias: str = ""


def record_sections(blocks: Sequence[Block]) -> frozenset[Section]:
    """Return the sections that list records: they declare what is kept, in any language and under any heading."""
    counts = Counter(
        block.section
        for block in blocks
        if block.kind == "item" and (m := _RECORD.match(block.text)) and _AN_ID.search(m.group("attrs"))
    )
    return frozenset(section for section, count in counts.items() if count >= RECORDS)


def declarations(block: Block, after: Block | None, role: str, words: Lexicon) -> Iterator[Declaration]:
    """Yield what ``block`` declares; ``after`` is the block that follows it."""
    yield from _related(block)
    titles = block.section.titles
    listed = "section.entities" in words.groups(titles[-1]) if titles else False
    if block.kind == "code":
        if role == "data":
            yield from _in_code(block)
        return
    made = _MADE.match(block.text) if block.kind == "item" else None
    if made and re.search(r"\bid\b|\w+Id\b|_id\b", made.group("attrs")):
        yield Declaration(made.group("name"), block, made.group("attrs"))
    elif role == "data" and block.kind == "item" and block.depth == 0:
        plain = words.words("not_entities")
        for found in _item(block, after, listed):
            if listed or found.attributes or not {fold(found.name), fold(found.name).removesuffix("s")} & plain:
                yield found
        attribute = _ATTRIBUTE.match(block.text)
        if attribute and len(titles) > 1 and _TITLE.fullmatch(titles[-1]) and not listed:
            yield Declaration(titles[-1], block, attribute.group(1))
    if role == "data" and block.kind == "row" and block.header and "entity-column" in words.groups(block.header[0]):
        name = block.cells[0]
        if re.fullmatch(r"[A-Za-z][\w ]{2,30}", name):
            yield Declaration(name, block)
    if block.file and role in _SPOKEN:
        for match in _TABLE_OF.finditer(block.text):
            yield Declaration(match.group("name"), block)


def _item(block: Block, after: Block | None, listed: bool) -> Iterator[Declaration]:
    match = _ITEM.match(block.text)
    if match is None:
        return
    name, attrs = match.group("name"), match.group("attrs")
    if attrs is not None:
        code = "_" in attrs or "," in attrs or re.search(r"\bid\b", attrs)
        if name[0].isupper() or (code and re.search(r"\bid\b", attrs)):
            yield Declaration(name, block, attrs if code else "", "" if code else attrs)
        return
    if not name[0].isupper() or len(name) < 3:
        return
    under = after is not None and after.parent == block.line and _IDENTIFIERS.match(after.text)
    if under and after is not None:
        yield Declaration(name, block, after.text)
    elif listed or (match.group("sign") and _IDENTIFIERS.match(block.text[match.end() :].lstrip())):
        yield Declaration(name, block)


def _related(block: Block) -> Iterator[Declaration]:
    """Yield both sides of each relation that says its numbers, wherever it stands."""
    for match in _RELATED.finditer(block.text[:4000]):
        for name in (match.group("one"), *match.group("others").split(", ")):
            yield Declaration(name, block)


def _in_code(block: Block) -> Iterator[Declaration]:
    records = [m for m in _LINE_OF_FIELDS.finditer(block.text) if _AN_ID.search(m.group("attrs"))]
    if len(records) >= RECORDS:
        yield from (Declaration(m.group("name"), block, m.group("attrs")) for m in records)
    for match in _CODE.finditer(block.text):
        for name in (n for n in match.groups() if n):
            if not name.lower().endswith(_NOT_KEPT):
                yield Declaration(name.capitalize() if name.isupper() else name, block)


def spellings_of(name: str) -> Sequence[str]:
    """Return the other names in a double one: ``SessionToken/Device`` is also ``SessionToken`` and ``Device``."""
    return [part.strip() for part in name.split("/") if part.strip()] if "/" in name else []
