"""Decisions of notebook 08: what is written to disk, and how clients get right again."""

from __future__ import annotations

from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.chapters.recovery.findings import Recovery
from redis_plan.evidence.decision import Decision, Guard
from redis_plan.keyspace.model import Keyspace
from redis_plan.words.deciding import decided


def decisions(brief: Brief, stories: Stories, found: Recovery) -> list[Decision]:
    """Return the decisions of section 9 that this run's evidence can carry."""
    b, c = found.with_file, found.without_file
    if b is None or c is None:
        return []
    latest, limit = max(b.slowest.value, c.slowest.value), brief.value("sync_latency")
    guards = (
        Guard("clients in a wrong state", b.wrong.value + c.wrong.value, "<=", 0, "clients"),
        Guard("time from the server's return to the last right client", latest, "<=", limit, "s"),
    )
    serving = stories.served_by("availability", "session.catch_up", "session.renew")
    return [decided("chapters/recovery/d08b", guards, serving, found=found)]


def durability_decisions(keyspace: Keyspace, stories: Stories, found: Recovery) -> list[Decision]:
    """Return the decision of section 8 that this run's evidence can carry: nothing on disk where every key comes back."""
    if (a := found.survival) is None:
        return []
    needed = sum(p.authoritative for p in keyspace.keys)
    lost = Guard("acknowledged changes lost to a process kill", a.everysec_lost.value, "<=", 0, "changes")
    guard = lost if needed else Guard("authoritative key patterns", needed, "<=", 0, "patterns")
    serving = stories.served_by("availability")
    return [decided("chapters/recovery/d08a", (guard,), serving, found=found, needed=needed, keys=len(keyspace.keys))]
