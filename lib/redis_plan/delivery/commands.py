"""Commands: what each user of the server sends by use pattern and type, and what is counted where it may not be read.

The table is ``data/catalog/delivery/commands.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

from redis_plan.keyspace.model import KeyPattern
from redis_plan.resources import catalog_dir

#: What counts the elements of a key, by its type.
COUNTS = {"hash": "HLEN", "zset": "ZCARD", "set": "SCARD", "list": "LLEN", "stream": "XLEN"}


@cache
def table() -> dict[str, Any]:  # Any: a TOML table
    """Return the table as it stands in the file."""
    return tomllib.loads((catalog_dir() / "delivery" / "commands.toml").read_text("utf-8"))


@cache
def uses() -> Mapping[tuple[str, str], Mapping[str, Any]]:  # Any: lists of commands, and steps of two words
    """Return what the catalog says of each use and type."""
    return {(entry["use"], kind): entry for entry in table()["use"] for kind in entry["types"]}


def reads(command: str) -> bool:
    """Whether a command of the catalog only reads its key."""
    return command in table()["reads"]


def counted(pattern: KeyPattern) -> str:
    """Return the command by which a snapshot counts what nobody may see yet, or "" where it reads the key whole.

    Hidden is what the documents forbid to show, and what the catalog hides before a reveal.
    """
    catalog = str(uses().get((pattern.use, pattern.type), {}).get("hidden", ""))
    return catalog or (COUNTS.get(pattern.type, "") if pattern.hidden else "")
