"""Versions: which server the team's stack names, and what it offers."""

from __future__ import annotations

import re

from redis_plan.brief.model import Brief
from redis_plan.keyspace.model import Candidate

#: What we assume where the stack names no version: the oldest line that the embedded and Debian servers share.
ASSUMED = (7, 0)

#: First Valkey version of features that Redis got after the fork (Valkey 7.2): valkey-doc fe8f96a.
VALKEY_SINCE = {"hash-field-ttl": (9, 0), "hash-field-setex": (9, 0)}

#: The server itself, not a client library: "Redis", "Redis Stack", "Valkey 8", but not "node-redis" or "Upstash client".
_SERVER = re.compile(
    r"(?:aws elasticache (?:for )?|elasticache (?:for )?|amazon memorydb (?:for )?|upstash |azure cache for |managed )?"
    r"(redis|valkey)(?: (?:server|stack|oss|open source|cluster|cloud|enterprise|pub/sub|streams?))?(?: v?[\d.x+]+)?"
)


def stack_server(brief: Brief) -> tuple[str, tuple[int, ...]]:
    """Return the product ("redis" or "valkey") and version that the documents chose; what was rejected doesn't count."""
    stated = _stated(brief)
    found = [entry for entry in stated if entry[1]]
    product, version = (found or stated or [("redis", ())])[0]
    return product, version or ASSUMED


def is_stated(brief: Brief) -> bool:
    """Whether the documents name a version of the server, so that what it lacks is no guess."""
    return any(version for _, version in _stated(brief))


def _stated(brief: Brief) -> list[tuple[str, tuple[int, ...]]]:
    return [
        (match[1], parse_version(component.version))
        for component in brief.stack
        if component.status not in ("rejected", "superseded")
        and (match := _SERVER.fullmatch(component.name.strip().lower()))
    ]


def parse_version(text: str | None) -> tuple[int, ...]:
    """Return ``"7.2.4"`` as ``(7, 2, 4)``; empty where there is no number. A bare major means its first minor."""
    numbers = re.search(r"\d+(?:\.\d+)*", text or "")
    parts = tuple(int(n) for n in numbers[0].split(".")) if numbers else ()
    return parts if len(parts) != 1 else (*parts, 0)


def offers(brief: Brief, candidate: Candidate) -> bool:
    """Whether the stack's server has what ``candidate`` needs."""
    return offered_by(*stack_server(brief), candidate)


def offered_by(product: str, version: tuple[int, ...], candidate: Candidate) -> bool:
    """Whether this version of ``product`` has what ``candidate`` needs."""
    if product == "valkey":
        return version >= VALKEY_SINCE.get(candidate.feature, (0,))
    return version >= parse_version(candidate.since)


def needed(candidate: Candidate) -> str:
    """Return the first versions that have what ``candidate`` needs: ``"Redis 7.4, Valkey 9.0"``."""
    valkey = VALKEY_SINCE.get(candidate.feature)
    return f"Redis {candidate.since}" + (f", Valkey {'.'.join(map(str, valkey))}" if valkey else "")
