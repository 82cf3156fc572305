"""The plan's own text of sections 6 to 10: what its templates need beside the design and the evidence."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

from redis_plan import resources, units
from redis_plan.brief.model import Brief
from redis_plan.chapters.recovery import recovery_text
from redis_plan.delivery.acl import AclUser
from redis_plan.evidence.store import Evidence
from redis_plan.keyspace import functions, seating, settings
from redis_plan.keyspace.cues import plural
from redis_plan.keyspace.model import Keyspace
from redis_plan.keyspace.settings import Alert
from redis_plan.plan.main_design import clause, facts_used
from redis_plan.server import Fingerprint
from redis_plan.words import availability_text, words
from redis_plan.words.keyspace_text import cell, counted, table


def benchmarks_section(brief: Brief, keyspace: Keyspace, load: Evidence, formats: Evidence, depth: Evidence) -> str:
    """Return the running text of section 6."""
    used = facts_used(brief, keyspace)
    assumed = (
        f"{sum(fact.grade == 'assumed' for fact in used)} of {len(used)} facts behind it are assumed, and listed below."
    )
    peak, each = brief.fact("sessions_peak"), brief.fact("events_per_session")
    if keyspace.session_entity:
        people = brief.value("sessions_peak") * brief.value("members_per_session")
        rate = peak.value * each.value
        workload = (
            f"The peak is {units.write(peak.value, '')} {plural(keyspace.session_noun)} ({peak.where}) with {units.write(people, 'connections')}, "
            f"{units.write(rate, 'changes/s')} and {units.write(rate * brief.value('members_per_session'), 'deliveries/s')} (modelled); "
            f"{assumed}"
        )
    else:
        workload = f"The peak is taken as {words.fact(brief.fact('total_rate_per_s'))}; {assumed}"
    return words.render(
        "benchmarks", brief, keyspace, load=load, formats=formats, depth=depth, workload=workload,
        threshold=brief.value("sync_latency") / 100,
    )  # fmt: skip


def sessions_section(brief: Brief, keyspace: Keyspace, invariants: Evidence) -> str:
    """Return the running text of section 7."""
    rate = f"{max(1.0, 5 * brief.value('events_per_session')):g}"
    return words.render(
        "sessions",
        brief,
        keyspace,
        invariants=invariants,
        rate=rate,
        missing=functions.missing(keyspace),
        connections=seating.connections(keyspace.actions),
    )


def configuration_section(
    brief: Brief, keyspace: Keyspace, ran: Fingerprint, users: Sequence[AclUser], in_force: Evidence, access: Evidence
) -> str:
    """Return the running text of section 8."""
    product = "valkey" if ran.product == "valkey" else "redis"
    table_of = tomllib.loads((resources.catalog_dir() / "versions.toml").read_text("utf-8"))
    named = [c for c in brief.stack if c.name.lower() in ("redis", "valkey") and c.status in ("chosen", "later")]
    product = named[0].name.lower() if named else product
    stack = (
        f"The stack names {named[0].name} {named[0].version or 'without a version'} ({named[0].file}:{named[0].line}), this study ran on {ran.version}."
        if named
        else f"The stack names none; this study ran on {ran.product} {ran.version}."
    )
    authoritative = settings.conditions_of(keyspace)["authoritative"]
    return words.render(
        "configuration", brief, keyspace, in_force=in_force, access=access, stack=stack,
        advice=table_of[product]["advice"],
        persistence="An append-only file with `fsync` every second, no snapshots beside it; a restart reads it."
        if authoritative
        else "None: every key comes back from its writers.",
        availability=availability_text.short(brief, keyspace),
        users=[{"name": u.name, "purpose": cell(u.purpose), "may": _may(u)} for u in users],
        client=availability_text.client(brief, keyspace),
    )  # fmt: skip


def _may(user: AclUser) -> str:
    """Say how much a user may do; the rules themselves stand in ``users.acl``."""
    commands = sum(rule[0] == "+" for rule in user.rules)
    if "+@all" in user.rules:
        return "everything"
    keys = sum(rule[0] in "~%" for rule in user.rules)
    channels = sum(rule[0] == "&" for rule in user.rules)
    touched = f" on {counted(keys, 'key pattern')}" if keys else ", no key"
    return f"{commands} commands{touched}{' and ' + counted(channels, 'channel') if channels else ''}"


def errors_section(brief: Brief, keyspace: Keyspace, replies: Evidence, with_file: Evidence, survival: Evidence) -> str:
    """Return the running text of section 9, with the errors that every service meets."""
    sessions = not functions.missing(keyspace)
    rows = [
        [f"`{e['code']}`", e["class"], clause(e["action"] if sessions else e.get("without_sessions", e["action"]))]
        for e in recovery_text.errors()
        if e.get("first") and (sessions or e.get("needs") != "functions")
    ]
    return words.render(
        "errors", brief, keyspace, replies=replies, with_file=with_file, survival=survival,
        authoritative=settings.conditions_of(keyspace)["authoritative"],
        errors=table(["Error", "Class", "Do"], rows),
    )  # fmt: skip


def monitoring_section(brief: Brief, keyspace: Keyspace, alerts: Sequence[Alert], metrics: Evidence) -> str:
    """Return the running text of section 10, with the alerts that open a ticket."""
    conditions = settings.conditions_of(keyspace)
    entries = tomllib.loads((resources.catalog_dir() / "indicators.toml").read_text("utf-8"))["indicator"]
    told = [
        f"`{name.strip()}`"
        for i in entries
        if conditions.get(i.get("needs", ""), True)
        for name in i["name"].split(",")
    ]
    target = brief.fact("sync_latency")
    objective = (
        f"**Objective.** 99 % of accepted changes reach every connected client within {words.fact(target)}, over 28 days."
        if keyspace.channels
        else f"**Objective.** 99 % of commands answer within {units.write(target.value / 10, 's')} (modelled: a tenth of the sync target)."
    )
    return words.render(
        "monitoring", brief, keyspace, metrics=metrics, objective=objective, indicators=", ".join(told),
        tickets="; ".join(a.name + (f" ({a.op} {a.threshold})" if a.limit else "") for a in alerts if a.severity == "ticket"),
    )  # fmt: skip


def alert_rows(alerts: Sequence[Alert], severity: str) -> str:
    """Return the alerts of one severity as a table: what, when, and the first step."""
    rows = [
        [
            a.name,
            f"`{a.expression}` {a.op} {a.threshold}" + (f" for {units.write(a.for_s, 's')}" if a.for_s else ""),
            a.first,
        ]
        for a in alerts
        if a.severity == severity
    ]
    return table(["Alert", "When", "First step"], rows)
