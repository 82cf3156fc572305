"""The plan's words on the team's own design: each key and setting adopted, or contradicted with the reason."""

from __future__ import annotations

from redis_plan import units
from redis_plan.keyspace.model import Keyspace, OwnVerdict
from redis_plan.words.tables import table


def own_design(keyspace: Keyspace) -> str:
    """Return the table of what the documents propose themselves; "" where they propose nothing."""
    if not keyspace.own:
        return ""
    rows = [
        [f"`{one.pattern}`", _said(one), f"`{one.ours}`" if one.ours else "–", one.verdict, f"{one.file}:{one.line}"]
        for one in keyspace.own
    ]
    reasons = [f"- {one.file}:{one.line}, {one.verdict}: {one.reason}." for one in keyspace.own if one.reason]
    head = ["### The team's own design", "", "Keys and settings that the documents name, and what became of each.", ""]
    return "\n".join([*head, table(["Documents", "As", "Here", "Verdict", "Said in"], rows), "", *reasons, ""])


def _said(one: OwnVerdict) -> str:
    life = "" if one.ttl_s is None else "no TTL" if one.ttl_s == 0 else f"TTL {units.write(one.ttl_s, 's')}"
    return ", ".join(part for part in (one.type, life) if part) or "–"
