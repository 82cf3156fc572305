"""Entities: the things whose state the application keeps, merged across spellings and documents.

Three sources, the surest first: declarations (a domain model's bold names, tables, key patterns), nouns that the
lexicon knows, and nouns that the documents create, join, submit or delete without the lexicon knowing them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from redis_plan.brief.lexicon import WORD, Lexicon, fold
from redis_plan.brief.model import Attribute, Entity, Lifetime, Relation
from redis_plan.brief.outline import Block
from redis_plan.brief.sections import Roles

_DECLARED = re.compile(
    r"^\s*(?:[-*+]|\d+\.)?\s*(?:\*\*|`)(?P<name>[A-Z][A-Za-z]*(?:[/ ][A-Z][A-Za-z]*)?)(?:\*\*|`)\s*(?:\((?P<attrs>[^)]*)\)|:|[-–—])"
)
_TABLE_OF = re.compile(
    r"\b(?:tabel\w+|tables?|encj\w+|entit\w+|collection)\s+(?:pomocnicz\w+\s+)?`?(?P<name>[A-Z][A-Za-z]+|[a-z]+_[a-z_]+)`?"
)
_KEY = re.compile(r"`(?P<key>[a-z_]+(?::[a-z_{}<>]+)+)`")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(slots=True)
class _Candidate:
    name: str
    lifetime: Lifetime
    live: bool
    first: tuple[str, int] = ("", 0)
    mentions: int = 0
    demanded: int = 0
    spellings: Counter[str] = field(default_factory=Counter)
    declared: bool = False
    attributes: tuple[Attribute, ...] = ()


def folded_name(text: str) -> str:
    """Return a name for comparison: folded, camelCase split, plural s dropped."""
    words = WORD.findall(fold(_CAMEL.sub(" ", text)).replace("_", " "))
    return " ".join(
        w[:-3] + "y"
        if len(w) > 4 and w.endswith("ies")
        else w[:-1]
        if len(w) > 3 and w.endswith("s") and not w.endswith("ss")
        else w
        for w in words
    )


def entity_lexicon(words: Lexicon) -> Lexicon:
    """Return the entity nouns of the languages of ``words``; the cue's group is ``life|live|Name``."""
    made = Lexicon(words.languages, words.data)
    for entry in words.data.get("entity", []):
        for name, *spellings in entry["names"]:
            group = f"{entry['life']}|{int(entry['live'])}|{name}"
            for spelling in (name, *spellings):
                made.add(group, spelling)
    made.finish()
    return made


def read_entities(
    documents: Sequence[tuple[Sequence[Block], Roles]], words: Lexicon, demanded_lines: set[tuple[str, int]]
) -> tuple[Entity, ...]:
    """Return the entities of all documents, the most spoken of first."""
    nouns = entity_lexicon(words)
    table: dict[str, _Candidate] = {}
    for blocks, roles in documents:
        for block in blocks:
            role = roles.of(block)
            if block.kind == "code" or role in ("out-of-scope", "rejected"):
                continue
            _declared(block, role, table)
            if roles.part == "stack" or role in ("metrics", "stack", "plan"):
                continue
            _spoken(block, role, nouns, table, (block.file, block.line) in demanded_lines)
    return tuple(_choose(table))


def _spoken(block: Block, role: str, nouns: Lexicon, table: dict[str, _Candidate], demanded: bool) -> None:
    hits = nouns.hits(block.text)
    longest: list[tuple[int, int, str, str]] = []
    for hit in sorted(hits, key=lambda h: (h.start, -(h.end - h.start))):
        if longest and hit.start < longest[-1][1]:
            continue
        longest.append((hit.start, hit.end, hit.group, block.text[hit.start : hit.end]))
    for _, _, group, spelling in longest:
        life, live, name = group.split("|")
        candidate = table.setdefault(name, _Candidate(name, life, live == "1"))  # type: ignore[arg-type]
        if not candidate.mentions:
            candidate.first = (block.file, block.line)
        candidate.mentions += 1
        candidate.demanded += demanded
        candidate.spellings[spelling] += 1


def _declared(block: Block, role: str, table: dict[str, _Candidate]) -> None:
    if role == "data" and block.kind == "item" and block.depth == 0:
        match = re.match(
            r"(?P<name>[A-Z][A-Za-z]*(?:/[A-Z][A-Za-z]*)?)\s*(?:\((?P<attrs>[^)]*)\)|$|:|[-–—])", block.text
        )
        if match and (match.group("attrs") is not None or len(match.group("name")) > 2):
            if match.group("attrs") is None:
                return
            _declare(table, match.group("name"), block, match.group("attrs") or "")
    for match in _TABLE_OF.finditer(block.text):
        if block.file and role in ("data", "decisions", "recommendations", "summary", "functional", ""):
            _declare(table, match.group("name"), block, "")


def _declare(table: dict[str, _Candidate], name: str, block: Block, attrs: str) -> None:
    key = next((k for k in table if folded_name(k) == folded_name(name)), None)
    if key is None:
        key = next((k for k, c in table.items() if folded_name(name) in {folded_name(s) for s in c.spellings}), name)
    candidate = table.setdefault(key, _Candidate(name, "durable", False, (block.file, block.line)))
    candidate.declared = True
    candidate.spellings[name] += 1
    candidate.mentions += 1
    if attrs:
        candidate.attributes = tuple(Attribute(a.split(":")[0].strip()) for a in attrs.split(",") if a.strip())[:40]


def _choose(table: dict[str, _Candidate]) -> Iterable[Entity]:
    kept = [c for c in table.values() if c.declared or c.demanded >= 2 or (c.demanded and c.mentions >= 3)]
    kept.sort(key=lambda c: (-c.mentions, c.first))
    for c in kept:
        aliases = tuple(dict.fromkeys(s for s, _ in c.spellings.most_common(12) if s != c.name))
        confidence = 0.95 if c.declared else min(0.9, 0.4 + 0.1 * c.demanded)
        yield Entity(c.name, c.first[0], c.first[1], aliases, c.lifetime, c.live, c.attributes, round(confidence, 2))


def read_relations(entities: Sequence[Entity], blocks: Sequence[Block]) -> tuple[Relation, ...]:
    """Return who has whom, from attributes that end in another entity's id and from "X per Y"."""
    by_name = {folded_name(e.name): e.name for e in entities}
    for entity in entities:
        for alias in entity.aliases:
            by_name.setdefault(folded_name(alias), entity.name)
    found: dict[tuple[str, str], Relation] = {}
    for entity in entities:
        for attribute in entity.attributes:
            match = re.fullmatch(r"(\w+?)_?[iI]d", attribute.name)
            owner = by_name.get(folded_name(match.group(1))) if match else None
            if owner and owner != entity.name:
                found.setdefault((owner, entity.name), Relation(owner, entity.name, True, entity.file, entity.line))
    singles = defaultdict(list)
    for key, name in by_name.items():
        if " " not in key and key.isascii() and len(key) > 2:
            singles[name].append(key)
    per = re.compile(r"\b([a-z]+?)s?\s+(?:per|in (?:a|an|the|each|every)|of (?:a|the)|join (?:a|the))\s+([a-z]+?)s?\b")
    for block in blocks:
        for match in per.finditer(fold(block.text)):
            part, whole = by_name.get(folded_name(match.group(1))), by_name.get(folded_name(match.group(2)))
            if part and whole and part != whole:
                found.setdefault((whole, part), Relation(whole, part, True, block.file, block.line))
    return tuple(found.values())
