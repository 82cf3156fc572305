"""What the texts about sessions share: whether a project has any, what its clients speak, which demands a text serves."""

from __future__ import annotations

import re

from redis_plan.brief.model import Brief
from redis_plan.evidence.store import Evidence
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import KeyPattern, Keyspace

_SCRIPTED = re.compile(
    r"\b(javascript|typescript|node(\.?js)?|react|vue|nuxt|svelte(kit)?|angular|next(\.?js)?|astro|socket\.io|ws|nest(js)?)\b"
)


def is_scripted(brief: Brief) -> bool:
    """Whether the project's stack speaks JavaScript or TypeScript."""
    return any(
        _SCRIPTED.search(c.name.lower()) for c in brief.stack if c.status in ("chosen", "mentioned", "alternative")
    )


def applies(keyspace: Keyspace) -> bool:
    """Whether the project has sessions that the functions keep in sync."""
    return not functions.missing(keyspace)


def tail(evidence: Evidence) -> str:
    """Return the highest percentile that this evidence has samples for."""
    return next((name for name in ("p99", "p95", "max") if name in evidence), "max")


def not_run(*evidence: Evidence) -> str:
    """Return the experiments that did not run, a line for each reason, or ""."""
    reasons: dict[str, list[str]] = {}
    for e in evidence:
        if e.not_run:
            reasons.setdefault(e.not_run.rpartition(": ")[2].rstrip("."), []).append(f"[{e.id}]")
    return "\n".join(f"*Not run: {', '.join(ids)}; {reason}.*" for reason, ids in reasons.items())


def events_of(keyspace: Keyspace) -> KeyPattern:
    """Return the channel of a session's events, or the design's first channel."""
    return keyspace.use("events") or keyspace.channels[0]
