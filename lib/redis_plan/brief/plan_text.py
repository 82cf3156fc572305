"""Plan text from a Brief: what a session is in this project, and the workload that everything is sized for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from redis_plan import units
from redis_plan.brief.explore import source, span
from redis_plan.brief.model import Brief, Entity, Requirement

_LIFETIMES = {
    "connection": "one connection",
    "session": "the session",
    "temporary": "until its TTL",
    "durable": "durable: the team's database owns it",
    "unknown": "not said",
}
_CITED = 4
#: Facts that size a small part of Redis, in a project that could do without it.
_SMALL = (
    "sessions_peak",
    "members_per_session",
    "events_per_session",
    "sync_latency",
    "gateway_nodes",
    "memory_budget",
)


def session_section(brief: Brief, session: Entity | None) -> str:
    """Return the Markdown of "what a session is in this project": entities, lifetimes, demands with their lines.

    ``session`` is the entity that the design takes for it.
    """
    if brief.fit == "no" or not brief.entities:
        return "### What people share in this project\n\nNothing in the documents is shared live: no demand speaks of something that several people are in at once.\n"
    # a project may be live without having sessions: prices that everybody watches
    opening = (
        f"What people share is a **{session.name}** ({_at(session)}): it is created, joined, changed by its members in real time, and it ends."
        if session
        else "The documents name no thing that people join and leave together; the live entities below share one scope."
    )
    kept = [e for e in brief.entities if e.realtime or e.lifetime in ("session", "temporary", "connection")]
    rows = [
        (f"**{e.name}**", _lives(e, session), "yes" if e.realtime else "no", _cite(_speaking_of(e, brief)), _at(e))
        for e in kept[:14]
    ]
    durable = ", ".join(f"{e.name} ({_at(e)})" for e in brief.entities if e not in kept)
    parts = [
        "### What people share in this project",
        opening,
        _table(("Entity", "Lives as long as", "Others watch it change", "Demanded by", "First said"), rows),
    ]
    if durable:
        parts.append(f"Not in Redis, or only as a copy: {durable}.")
    names = ("members_per_session", "session_capacity", "session_lifetime", "idle_ttl", "reconnect_grace")
    bounds = [brief.fact(n) for n in names]
    lines = [f"- `{f.name}`: {units.write(f.value, f.unit)} ({f.where})" for f in bounds]
    if session:
        parts.append("What bounds a session:\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _lives(entity: Entity, session: Entity | None) -> str:
    """Say how long an entity lives in Redis, where the database may have it for longer."""
    if entity is session:
        return "as itself" + ("; its record stays in the database" if entity.lifetime == "durable" else "")
    return (
        "in the database; Redis has what is live of it" if entity.lifetime == "durable" else _LIFETIMES[entity.lifetime]
    )


def workload_section(brief: Brief) -> str:
    """Return the Markdown table of the workload: each fact with range and source, then what follows from them."""
    rows = [
        (f"`{f.name}`", units.write(f.value, f.unit), span(f) or "–", f.grade, source(f) if f.file else f"`{f.toml}`")
        for f in brief.facts
        if brief.fit != "no" or f.grade == "documented" or f.name in _SMALL
    ]
    sessions, members = brief.value("sessions_peak"), brief.value("members_per_session")
    events, payload = brief.value("events_per_session"), brief.value("payload_bytes")
    derived = [
        ("connections at peak", sessions * members, "connections", "sessions_peak × members_per_session"),
        ("state changes", sessions * events, "/s", "sessions_peak × events_per_session"),
        ("deliveries to members", sessions * events * members, "/s", "state changes × members_per_session"),
        ("payload to members", sessions * events * members * payload, "B/s", "deliveries × payload_bytes"),
        ("heartbeats", sessions * members / brief.value("heartbeat"), "/s", "connections ÷ heartbeat"),
        ("joins and leaves", 2 * sessions * members / brief.value("session_lifetime"), "/s", "2 × connections ÷ session_lifetime"),
    ]  # fmt: skip
    if brief.fit == "no":  # nobody is connected and nothing is delivered: what is left is a rate of requests
        derived = [("requests that write", sessions * events, "/s", "sessions_peak × events_per_session")]
    rows += [(name, units.write(value, unit), "–", "modelled", formula) for name, value, unit, formula in derived]
    table = _table(
        ("Fact", "Value", "Low – high", "Grade", "Source, or the line of redis-plan.toml that sets it"), rows
    )
    assumed = len(brief.assumptions)
    note = (
        f"{assumed} of {len(brief.facts)} facts are assumed, and set in `ai/redis-plan.toml` under `[facts]`; those that this design rests on are the plan's *Assumptions*."
        if assumed
        else ""
    )
    conflicts = [f"- {r.text}" for r in brief.remarks if r.kind == "conflict"][:6]
    parts = ["### The workload", table, note]
    if conflicts:
        parts.append("The documents contradict themselves here; the first was used:\n\n" + "\n".join(conflicts))
    return "\n\n".join(p for p in parts if p) + "\n"


def _speaking_of(entity: Entity, brief: Brief) -> list[Requirement]:
    names = {n.lower() for n in (entity.name, *entity.aliases)}
    return [
        r
        for r in brief.requirements
        if r.kind != "out-of-scope" and r.parent_line is None and any(n in r.text.lower() for n in names)
    ]


def _cite(requirements: Sequence[Requirement]) -> str:
    ordered = sorted(requirements, key=lambda r: (not r.realtime, r.line))
    cited = ", ".join(r.cited for r in ordered[:_CITED])
    return cited + (f" and {len(ordered) - _CITED} more" if len(ordered) > _CITED else "") if cited else "–"


def _at(item: Entity | Requirement) -> str:
    return f"{item.file}:{item.line}"


def _table(columns: tuple[str, ...], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "|".join(":--" for _ in columns) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
