"""The plan's own text of section 1: what its template needs beside the design and the findings."""

from __future__ import annotations

from redis_plan.brief.model import Brief
from redis_plan.chapters.naming import registry_tables
from redis_plan.chapters.naming.findings import Naming
from redis_plan.keyspace import naming as names
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words
from redis_plan.words.tables import listed


def naming(brief: Brief, keyspace: Keyspace, found: Naming) -> str:
    """Return the running text of section 1."""
    first = keyspace.keys[0].template if keyspace.keys else ""
    example = names.example(first) if first else ""
    return words.render(
        "chapters/naming/naming", brief, keyspace, found=found, indexes=listed(registry_tables.listing(keyspace)), example=example,
        app_where=f" ({brief.name_prefix_where})" if brief.name_prefix_where else "",
    )  # fmt: skip
