"""Cells and tables: how the keys of a design, their fields and lifetimes are written in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from redis_plan import units
from redis_plan.keyspace.cues import plural
from redis_plan.keyspace.model import Field, KeyPattern


def cell(text: str) -> str:
    """Return ``text`` fit for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def counted(number: int, noun: str) -> str:
    """Return ``"1 channel"`` or ``"2 channels"``."""
    return f"{number} {noun if number == 1 else plural(noun)}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return a Markdown table; the columns whose index is in ``right`` are numbers."""
    rule = ["--:" if i in right else ":--" for i in range(len(header))]
    return "\n".join("| " + " | ".join(map(cell, row)) + " |" for row in [header, rule, *rows])


def lifetime(pattern: KeyPattern) -> str:
    """Return the TTL as a word for a table."""
    if pattern.type == "channel":
        return "–"
    if pattern.ttl.seconds is None:
        return "none"
    return f"{units.write(pattern.ttl.seconds, 's')}, {pattern.ttl.policy}"


def clause(text: str) -> str:
    """Return the first clause of a registry's sentence, which can stand alone in a cell.

    >>> clause("answers of one round: player id, hidden; hidden (prd.md:10): in no snapshot")
    'answers of one round: player id, hidden'
    """
    return text.split(";", maxsplit=1)[0].split(", which ", maxsplit=1)[0].strip()


def listed(patterns: Iterable[KeyPattern]) -> str:
    """Return the names of keys in one line."""
    return ", ".join(f"`{p.name}`" for p in patterns)


def folded(fields: tuple[Field, ...]) -> list[tuple[str, Field]]:
    """Return the fields by name, numbered ones of one kind as one: ``setting_1 … setting_5``."""
    plain = [(f.name, f) for f in fields if not f.name.startswith("setting_")]
    numbered = [f for f in fields if f.name.startswith("setting_")]
    if numbered:
        name = numbered[0].name if len(numbered) == 1 else f"{numbered[0].name} … {numbered[-1].name}"
        plain.append((name, numbered[0]))
    return plain


def field_names(pattern: KeyPattern) -> str:
    """Return the names of a key's fields or members in one line."""
    return f"`{', '.join(name for name, _ in folded(pattern.fields))}`"
