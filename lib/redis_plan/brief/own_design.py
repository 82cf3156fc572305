"""The team's own design: keys (pattern, type, TTL, commands), settings and commands that its documents name.

A key is a word such as ``room:{id}:players``. Without a placeholder in it, or a command before it, it may be an event's
name or an image's tag, and without Redis in its line, its table or its headings it may be a room of a WebSocket library; neither is read.
The words are in ``data/catalog/own_design.toml``; what of it holds is judged later (``keyspace.own``).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from redis_plan import resources
from redis_plan.brief.lexicon import fold
from redis_plan.brief.model import OwnKey, OwnSetting, Quantity
from redis_plan.brief.outline import Block
from redis_plan.brief.units import base

_PLACEHOLDER = r"(?:\$?\{[\w .-]{1,40}\}|<[\w .-]{1,40}>|\[[\w .-]{1,40}\]|\*|%[sd])"
_SEGMENT = rf"(?:[\w-]|{_PLACEHOLDER})+"
#: A key: segments with colons between, not part of a path, an address or a time.
_KEY = re.compile(rf"(?<![\w/.@:$-])(?:[A-Za-z{{][\w{{}}-]*)(?::{_SEGMENT})+(?![\w/])")
_HAS_PLACEHOLDER = re.compile(_PLACEHOLDER)
_COMMAND = re.compile(r"(?<![\w-])([A-Z]{3,})\b")
_TTL = re.compile(
    r"\bttl\b|\bEX\b|\bexpir\w*|\bSETEX\b|wygas\w*|läuft\s.*ab|caduc\w*|expira\w*|有効期限|过期|만료", re.IGNORECASE
)
#: A lifetime as the argument of a command: EX 30, PX 30000, SETEX <key> 900.
_ARGUMENT = re.compile(r"\b(P?)(?:EX\s+(\d{1,9})|SETEX\s+\S+\s+(\d{1,9}))\b")
_NO_TTL = re.compile(
    r"^\W*(?:none|no(?: ttl| expir\w*)?|never|permanent|persistent|brak|kein\w*|sin|ninguno|なし|无|없음|-|–|—)\W*$",
    re.IGNORECASE,
)
#: Commands that take a pattern of many keys, which is no key of its own.
_LISTING = re.compile(r"\b(?:KEYS|SCAN|MATCH|PSUBSCRIBE)\b")
#: A line with more is a dump.
MOST_IN_A_LINE = 6
MOST_KEYS = 200


@cache
def knowledge() -> Mapping[str, Any]:
    """Return the catalog of what teams write about their own Redis design."""
    return tomllib.loads((resources.catalog_dir() / "own_design.toml").read_text(encoding="utf-8"))


def read_own_keys(
    blocks: Iterable[tuple[Block, bool]], lines: Mapping[str, Sequence[str]], quantities: Sequence[Quantity]
) -> tuple[OwnKey, ...]:
    """Return the keys that the documents declare; a key that several lines name is taken where most is said of it."""
    spans: dict[tuple[str, int], list[Quantity]] = {}
    for quantity in quantities:
        spans.setdefault((quantity.file, quantity.line), []).append(quantity)
    found: dict[str, OwnKey] = {}
    for block, excluded in blocks:
        if excluded or block.kind == "heading":
            continue
        for number in range(block.line, max(block.line, block.end) + 1):
            line = lines[block.file][number - 1] if number <= len(lines[block.file]) else ""
            if ":" not in line or len(line) > _LONGEST:
                continue
            for key in _keys_in(line, block, spans.get((block.file, number), ()), number):
                old = found.get(key.pattern)
                if old is None or _said(key) > _said(old):
                    found[key.pattern] = key
            if len(found) >= MOST_KEYS:
                return tuple(found.values())
    return tuple(found.values())


_LONGEST = 600


def read_own_settings(
    blocks: Iterable[tuple[Block, bool]], lines: Mapping[str, Sequence[str]]
) -> tuple[OwnSetting, ...]:
    """Return the settings and commands of the documents that a rule of the catalog knows, the first line of each."""
    found: dict[str, OwnSetting] = {}
    said = "\n".join(line.lower() for of_file in lines.values() for line in of_file)
    left = [rule for rule in _rules() if any(word in said for word in rule.holds)]
    for block, excluded in blocks:
        if not left:
            break
        if excluded:
            continue
        for number in range(block.line, max(block.line, block.end) + 1):
            line = lines[block.file][number - 1] if number <= len(lines[block.file]) else ""
            start = line[:_LONGEST]
            plain = start.lower()
            for rule in [r for r in left if any(word in plain for word in r.holds) and r.matches(start)]:
                found[rule.id] = OwnSetting(rule.id, line.strip(" -*`\t")[:120], block.file, number)
                left.remove(rule)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    holds: tuple[str, ...]
    pattern: re.Pattern[str]
    unless: re.Pattern[str]

    def matches(self, line: str) -> bool:
        """Whether ``line`` names the setting or command, and doesn't argue against it."""
        return self.pattern.search(line) is not None and self.unless.search(line) is None


@cache
def _rules() -> tuple[_Rule, ...]:
    return tuple(
        _Rule(
            r["id"],
            tuple(r["holds"]),
            re.compile(r["pattern"], re.IGNORECASE),
            re.compile(r.get("unless", "(?!)"), re.IGNORECASE),
        )
        for r in knowledge()["rule"]
    )


def _keys_in(line: str, block: Block, quantities: Sequence[Quantity], number: int) -> list[OwnKey]:
    line = line.replace("**", "  ")  # a word in bold and its colon are no key of any end
    columns = _columns(block.header)
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if columns else []
    commands = tuple(dict.fromkeys(c for c in _COMMAND.findall(line) if c in _types_of_commands()))
    about = " ".join((*block.section.titles, *block.section.labels, *block.header, line))
    if _LISTING.search(line) or not (commands or columns or _context().search(fold(about))):
        return []
    found = []
    matches = [
        m for m in _KEY.finditer(line) if not (cells and line.find(m[0]) > line.find("|", line.find(cells[0]) + 1) > 0)
    ]
    for match in matches[:MOST_IN_A_LINE]:
        pattern = match[0].rstrip(":")
        before = re.search(r"([A-Z]{3,})\W{1,3}$", line[: match.start()])
        commanded = before is not None and before[1] in _types_of_commands()
        if not (_HAS_PLACEHOLDER.search(pattern) or commanded or "key" in columns):
            continue
        rest = cells[columns["type"]] if columns.get("type", len(cells)) < len(cells) else line[match.end() :]
        kind = _types_of_commands()[before[1]] if before and commanded else _type(rest) or _by_commands(commands)
        found.append(OwnKey(pattern, kind, _ttl(line, cells, columns, quantities), commands, block.file, number))
    return found


@lru_cache(maxsize=256)
def _columns(header: tuple[str, ...]) -> dict[str, int]:
    """Return which columns of a table of keys hold the key, its type and its TTL; {} elsewhere."""
    found: dict[str, int] = {}
    for index, title in enumerate(header):
        for name, words in knowledge()["columns"].items():
            if fold(title).strip(" *`") in {fold(word) for word in words}:
                found.setdefault(name, index)
    return found if "key" in found and len(found) > 1 else {}


def _type(text: str) -> str:
    folded = fold(text)
    hits = [(m.start(), -len(w), t) for w, t in knowledge()["types"].items() if (m := _word(w).search(folded))]
    return min(hits)[2] if hits else ""


def _by_commands(commands: Sequence[str]) -> str:
    kinds = {_types_of_commands()[c] for c in commands}
    return kinds.pop() if len(kinds) == 1 else ""


@cache
def _word(word: str) -> re.Pattern[str]:
    folded = re.escape(fold(word))
    return re.compile(rf"(?<![a-z]){folded}(?![a-z])" if word.isascii() else folded)


@cache
def _types_of_commands() -> dict[str, str]:
    return {command: kind for kind, commands in knowledge()["commands"].items() for command in commands}


@cache
def _context() -> re.Pattern[str]:
    words = sorted((re.escape(fold(w)) for w in knowledge()["context"]), key=len, reverse=True)
    return re.compile(r"(?<![a-z])(?:" + "|".join(words) + r")(?![a-z])")


def _ttl(line: str, cells: Sequence[str], columns: Mapping[str, int], quantities: Sequence[Quantity]) -> float | None:
    if columns.get("ttl", len(cells)) < len(cells):
        cell = cells[columns["ttl"]]
        if _NO_TTL.match(cell) or not cell:
            return 0.0 if cell else None
        spoken = [q for q in quantities if q.text in cell]
    elif given := _ARGUMENT.search(line):
        return float(given[2] or given[3]) / (1000 if given[1] == "P" else 1)
    else:
        said = _TTL.search(line)
        spoken = [q for q in quantities if said and line.find(q.text) >= 0]
    times = [base(q.value, q.unit)[1] for q in spoken if base(q.value, q.unit)[0] == "s"]
    return times[0] if times else None


def _said(key: OwnKey) -> int:
    return bool(key.type) + (key.ttl_s is not None) + bool(key.commands)
