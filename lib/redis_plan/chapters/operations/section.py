"""The plan's own text of sections 8 and 10: what their templates need beside the design and the findings."""

from __future__ import annotations

from collections.abc import Sequence

from redis_plan import resources, units
from redis_plan.brief.model import Brief
from redis_plan.chapters.operations.findings import Operations
from redis_plan.delivery import acl
from redis_plan.delivery.acl import AclUser
from redis_plan.keyspace import settings
from redis_plan.keyspace.model import Keyspace
from redis_plan.keyspace.settings import Alert
from redis_plan.server import Fingerprint
from redis_plan.words import availability_text, words
from redis_plan.words.tables import cell, counted


def configuration(brief: Brief, keyspace: Keyspace, found: Operations, ran: Fingerprint) -> str:
    """Return the running text of section 8; ``ran`` is the server that the configuration was tried on."""
    named = [c for c in brief.stack if c.name.lower() in ("redis", "valkey") and c.status in ("chosen", "later")]
    product = named[0].name.lower() if named else "valkey" if ran.product == "valkey" else "redis"
    stack = (
        f"The stack names {named[0].name} {named[0].version or 'without a version'} ({named[0].file}:{named[0].line}), this study ran on {ran.version}."
        if named
        else f"The stack names none; this study ran on {ran.product} {ran.version}."
    )
    persistence = (
        "An append-only file with `fsync` every second, no snapshots beside it; a restart reads it."
        if settings.conditions_of(keyspace)["authoritative"]
        else "None: every key comes back from its writers."
    )
    return words.render(
        "chapters/operations/configuration", brief, keyspace, found=found, stack=stack, persistence=persistence,
        advice=resources.catalog("versions.toml")[product]["advice"],
        availability=availability_text.short(brief, keyspace),
        users=[{"name": u.name, "purpose": cell(u.purpose), "may": _may(u)} for u in acl.users(keyspace)],
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


def monitoring(brief: Brief, keyspace: Keyspace, found: Operations, alerts: Sequence[Alert]) -> str:
    """Return the running text of section 10, with the alerts that open a ticket."""
    conditions = settings.conditions_of(keyspace)
    told = [
        f"`{name.strip()}`"
        for i in resources.catalog("indicators.toml")["indicator"]
        if conditions.get(i.get("needs", ""), True)
        for name in i["name"].split(",")
    ]
    target = brief.fact("sync_latency")
    objective = (
        f"**Objective.** 99 % of accepted changes reach every connected client within {words.fact(target)}, over 28 days."
        if keyspace.channels
        else f"**Objective.** 99 % of commands answer within {units.write(target.value / 10, 's')} (modelled: a tenth of the sync target)."
    )
    tickets = (a.name + (f" ({a.op} {a.threshold})" if a.limit else "") for a in alerts if a.severity == "ticket")
    return words.render(
        "chapters/operations/monitoring", brief, keyspace, found=found, objective=objective,
        indicators=", ".join(told), tickets="; ".join(tickets),
    )  # fmt: skip
