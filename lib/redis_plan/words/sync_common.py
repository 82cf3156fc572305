"""What the texts about sessions share: whether a project has any, what its clients speak, which demands a text serves."""

from __future__ import annotations

import re

from redis_plan.brief.model import Brief
from redis_plan.evidence.findings import Findings
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


def not_run(found: Findings, *names: str) -> str:
    """Return the experiments that did not run, all of them or those in the fields ``names``, a line for each reason, or ""."""
    reasons: dict[str, list[str]] = {}
    for name in names or found.left_out:
        if reason := found.left_out.get(name):
            id, _ = found.declared()[name]
            reasons.setdefault(reason.rpartition(": ")[2].rstrip("."), []).append(f"[{id}]")
    return "\n".join(f"*Not run: {', '.join(ids)}; {reason}.*" for reason, ids in reasons.items())


def events_of(keyspace: Keyspace) -> KeyPattern:
    """Return the channel of a session's events, or the design's first channel."""
    return keyspace.use("events") or keyspace.channels[0]
