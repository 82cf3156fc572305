"""Sizes of what an entity holds, where a text names them: "a message has at most 500 characters", "avatars up to 2 MB".

The quantity says how much; the words of its line say of what: an entity, or a property of the entity the line is about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from redis_plan.brief.lexicon import Lexicon, fold, tokens
from redis_plan.brief.model import Attribute, Entity, Quantity, Relation
from redis_plan.brief.units import SIZE_BYTES

#: UTF-8 takes 1–4 bytes a character (RFC 3629); text of European languages seldom passes two on average.
BYTES_A_CHARACTER = 2
_CHARACTERS = re.compile(r"char|letter|symbol|znak|liter|zeichen|글자|자$|文字|字")
#: A larger size is a budget or a disk, not a part of one thing; so is any size on a line about memory.
LARGEST = 10_000_000
_BUDGET = re.compile(
    r"memory|pamie|\bram\b|storage|disk|dysk|budget|bandwidth|wire|retention|speicher|per (?:day|week|month)"
)
_LONG_LINE = 3000  # longer than any statement
#: The one that has many: "a room holds 8 players", "8 players per room", "8 graczy w pokoju".
_ONE = re.compile(r"\b(?:a|an|each|every|per|one|single|kazd\w+|na|w|jeden|jedn\w+)\s+([a-z]{3,})")
#: How many words before a number may name what it measures.
_REACH = 6


def with_sizes(
    entities: Sequence[Entity], quantities: Sequence[Quantity], lines: Mapping[str, Sequence[str]], words: Lexicon
) -> tuple[Entity, ...]:
    """Return the entities with an attribute for each size that the text gives for a part of them."""
    found: dict[str, dict[str, Attribute]] = {e.name: {fold(a.name): a for a in e.attributes} for e in entities}
    names = _by_name(entities)
    for quantity in quantities:
        size = size_of(quantity)
        line = lines[quantity.file][quantity.line - 1]
        if size is None or size > LARGEST or len(line) > _LONG_LINE or _BUDGET.search(fold(line)):
            continue
        before = [w for w, *_ in tokens(line[: max(0, line.find(quantity.text))])[1]]
        noun = _noun(before, words)
        nearest = [*reversed(before), *_all(line)]
        owner = next((names[_stem(w)] for w in (noun, *nearest) if _stem(w) in names), None)
        if noun and owner:
            name = "content" if names.get(_stem(noun)) == owner else noun
            known = found[owner].get(name)
            if known is None or known.size_bytes is None or known.size_bytes < size:
                found[owner][name] = Attribute(known.name if known else name, size)
    return tuple(replace(e, attributes=tuple(found[e.name].values())) for e in entities)


def size_of(quantity: Quantity) -> int | None:
    """Return the bytes that a size or a count of characters stands for; None for other quantities."""
    value = quantity.value_max or quantity.value
    if quantity.unit in SIZE_BYTES and value > 0:
        return round(value * SIZE_BYTES[quantity.unit])
    return round(value * BYTES_A_CHARACTER) if _CHARACTERS.match(fold(quantity.unit)) and value > 0 else None


def with_bounds(
    relations: Sequence[Relation], entities: Sequence[Entity], quantities: Sequence[Quantity], lines: Mapping[str, Sequence[str]]
) -> tuple[Relation, ...]:  # fmt: skip
    """Return the relations with how many at most, where a line counts the one thing and names the other."""
    names = _by_name(entities)
    bounds: dict[tuple[str, str], Quantity] = {}
    for quantity in quantities:
        part = names.get(_stem(quantity.unit.split("/")[0]))
        line = lines[quantity.file][quantity.line - 1]
        if part is None or quantity.kind not in ("count", "limit") or len(line) > _LONG_LINE:
            continue
        if quantity.op in (">", ">="):  # "50+ members per workspace" bounds nothing from above
            continue
        for match in _ONE.finditer(fold(line)):
            whole = names.get(_stem(match.group(1)))
            if whole and whole != part:
                bounds.setdefault((whole, part), quantity)
    known = {(r.source, r.target): r for r in relations}
    for pair in bounds:
        known.setdefault(pair, Relation(*pair, many=True))
    return tuple(_bounded(r, bounds.get(pair)) for pair, r in known.items())


def _bounded(relation: Relation, quantity: Quantity | None) -> Relation:
    if quantity is None or not relation.many:
        return relation
    return replace(relation, at_most=quantity.value_max or quantity.value, file=quantity.file, line=quantity.line)


def _by_name(entities: Sequence[Entity]) -> dict[str, str]:
    spellings = {_stem(n): e.name for e in entities for n in e.aliases if " " not in n}
    return spellings | {_stem(e.name): e.name for e in entities}


def _noun(before: Sequence[str], words: Lexicon) -> str:
    """Return the word nearest before a number that names a thing."""
    plain = words.words("stopwords") | words.words("uncounted")
    cues = {w for hit in words.hits(" ".join(before)) if hit.group.startswith("op.") or hit.group in ("modal", "constraint", "quality") for w in hit.cue.replace("*", "").split()}  # fmt: skip
    near = [w for w in before[-_REACH:] if len(w) > 2 and w.isalpha() and w not in plain and not any(w.startswith(c) for c in cues)]  # fmt: skip
    return near[-1] if near else ""


def _all(line: str) -> list[str]:
    return [w for w, *_ in tokens(line)[1]]


def _stem(word: str) -> str:
    folded = fold(word)
    return folded[:-1] if folded.endswith("s") and len(folded) > 3 else folded
