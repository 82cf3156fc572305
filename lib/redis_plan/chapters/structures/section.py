"""The plan's own text of sections 2 and 6: what their templates need beside the design and the findings."""

from __future__ import annotations

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.structures.findings import Structures
from redis_plan.keyspace.cues import plural
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words
from redis_plan.words.tables import clause, field_names, table


def structures(brief: Brief, keyspace: Keyspace, found: Structures) -> str:
    """Return the running text of section 2, with the fields of every key that has more than one."""
    rows = [
        [f"`{p.name}`", p.type, field_names(p), clause(p.at_bound) or "–"] for p in keyspace.keys if len(p.fields) > 1
    ]
    shown = table(["Key", "Type", "Fields", "At the bound"], rows) if rows else ""
    return words.render("chapters/structures/structures", brief, keyspace, found=found, fields=shown)


def benchmarks(brief: Brief, keyspace: Keyspace, found: Structures) -> str:
    """Return the running text of section 6."""
    return words.render(
        "chapters/structures/benchmarks", brief, keyspace, found=found, workload=_workload(brief, keyspace),
        threshold=brief.value("sync_latency") / 100,
    )  # fmt: skip


def _workload(brief: Brief, keyspace: Keyspace) -> str:
    """Return what the peak is taken as; what of it is assumed stands on the first page."""
    if not keyspace.session_entity:
        return f"The peak is taken as {words.fact(brief.fact('total_rate_per_s'))}."
    peak, members = brief.fact("sessions_peak"), brief.value("members_per_session")
    rate = peak.value * brief.value("events_per_session")
    return (
        f"The peak is {units.write(peak.value, '')} {plural(keyspace.session_noun)} ({peak.where}) with "
        f"{units.write(peak.value * members, 'connections')}, {units.write(rate, 'changes/s')} and "
        f"{units.write(rate * members, 'deliveries/s')} (modelled)."
    )
