"""Elsewhere: demands that no action carries out, because Redis has no part in them or because the design as a whole does.

Both are knowledge with examples of our own: ``data/catalog/outside.toml`` (export, accounts, payment …) and
``data/catalog/qualities.toml`` (in sync, isolated, available …).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from redis_plan.resources import catalog_dir

#: The kind of what asks for nothing live and is like no other kind.
LASTING = "lasting"


@dataclass(frozen=True, slots=True)
class Outside:
    """A kind of demand that Redis has no part in: where it belongs instead, and why."""

    title: str
    where: str
    why: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """A demand on the whole: how the design meets it, on the keys of which uses, and the evidence that measures it.

    ``facts`` are the numbers that such a demand states: the line that one was read from asks for this quality.
    """

    title: str
    how: str
    uses: tuple[str, ...]
    evidence: str
    examples: tuple[str, ...]
    facts: tuple[str, ...] = ()


@cache
def outside() -> Mapping[str, Outside]:
    """Return every kind of demand that belongs elsewhere, by name."""
    table = tomllib.loads((catalog_dir() / "outside.toml").read_text("utf-8"))["kind"]
    return {name: Outside(e["title"], e["where"], e["why"], tuple(e["examples"])) for name, e in table.items()}


@cache
def qualities() -> Mapping[str, Quality]:
    """Return every demand on the whole that the design meets, by name."""
    table = tomllib.loads((catalog_dir() / "qualities.toml").read_text("utf-8"))["quality"]
    return {
        name: Quality(
            e["title"], e["how"], tuple(e["uses"]), e["evidence"], tuple(e["examples"]), tuple(e.get("facts", ()))
        )
        for name, e in table.items()
    }
