"""Versions: which server the team's stack names, and what it offers."""

from __future__ import annotations

import re

from redis_plan.brief.model import Brief
from redis_plan.keyspace.model import Candidate

#: What we assume where the stack names no version: the oldest line that the embedded and Debian servers share.
ASSUMED = (7, 0)

#: First Valkey version of features that Redis had later than the fork (Valkey 7.2): EXPERT table, valkey-doc fe8f96a.
VALKEY_SINCE = {"hash-field-ttl": (9, 0)}


def stack_server(brief: Brief) -> tuple[str, tuple[int, ...]]:
    """Return the product ("redis" or "valkey") and version that the documents chose."""
    for component in brief.stack:
        name = component.name.lower()
        if ("redis" in name or "valkey" in name) and component.status in ("chosen", "later", "mentioned"):
            product = "valkey" if "valkey" in name else "redis"
            return product, parse_version(component.version) or ASSUMED
    return "redis", ASSUMED


def parse_version(text: str | None) -> tuple[int, ...]:
    """Return ``"7.2.4"`` as ``(7, 2, 4)``; empty where there is no number. A bare major means its first minor."""
    numbers = re.search(r"\d+(?:\.\d+)*", text or "")
    parts = tuple(int(n) for n in numbers[0].split(".")) if numbers else ()
    return parts if len(parts) != 1 else (*parts, 0)


def offers(brief: Brief, candidate: Candidate) -> bool:
    """Whether the stack's server has what ``candidate`` needs."""
    product, version = stack_server(brief)
    if product == "valkey":
        return version >= VALKEY_SINCE.get(candidate.feature, (0,))
    return version >= parse_version(candidate.since)
