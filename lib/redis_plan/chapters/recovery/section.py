"""The plan's own text of section 9: what its template needs beside the design and the findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis_plan import resources
from redis_plan.brief.model import Brief
from redis_plan.chapters.recovery.findings import Recovery
from redis_plan.keyspace import functions, settings
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words
from redis_plan.words.tables import clause, table


def every_error() -> Sequence[Mapping[str, Any]]:  # Any: TOML
    """Return every error of the catalog, in its order."""
    known: Sequence[Mapping[str, Any]] = resources.catalog("errors.toml")["error"]
    return known


def file_bytes(brief: Brief, keyspace: Keyspace) -> float:
    """Return how long the append-only file is when it is rewritten."""
    return settings.quantities(brief, keyspace, 0.0, 0.0)["file_least"]


def read_s(brief: Brief, keyspace: Keyspace, found: Recovery) -> float:
    """Return how long a restart reads that file, in seconds, about, by the measured rate; 0 where none was measured."""
    rate = found.survival.read_rate if found.survival else None
    return float(f"{file_bytes(brief, keyspace) / rate.value:.1g}") if rate and rate.value else 0.0


def errors(brief: Brief, keyspace: Keyspace, found: Recovery) -> str:
    """Return the running text of section 9, with the errors that every service meets."""
    sessions = not functions.missing(keyspace)
    rows = [
        [f"`{e['code']}`", e["class"], clause(e["action"] if sessions else e.get("without_sessions", e["action"]))]
        for e in every_error()
        if e.get("first") and (sessions or e.get("needs") != "functions")
    ]
    return words.render(
        "chapters/recovery/errors", brief, keyspace, found=found, errors=table(["Error", "Class", "Do"], rows),
        authoritative=settings.conditions_of(keyspace)["authoritative"], read=read_s(brief, keyspace, found),
    )  # fmt: skip
