"""The plan's own text of section 7: what its template needs beside the design and the findings."""

from __future__ import annotations

from redis_plan.actions import matrix
from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions import limits
from redis_plan.chapters.sessions.findings import Sessions
from redis_plan.keyspace import functions, seating
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words


def sessions(brief: Brief, keyspace: Keyspace, found: Sessions) -> str:
    """Return the running text of section 7."""
    stories = matrix.stories(brief, keyspace)
    return words.render(
        "chapters/sessions/sessions", brief, keyspace, found=found,
        tries=limits.tries(brief, keyspace, stories.actions), ends=limits.ends(keyspace),
        missing=functions.missing(keyspace), shared=stories.shared if keyspace.use("state") is None else "",
        connections=seating.connections(keyspace.actions),
    )  # fmt: skip
