"""The plan's own text of sections 8 and 10: what their templates need beside the design and the findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redis_plan import resources, units
from redis_plan.brief.model import Brief, Component
from redis_plan.chapters.operations.client_library import client
from redis_plan.chapters.operations.findings import Operations
from redis_plan.delivery import acl
from redis_plan.delivery.acl import AclUser
from redis_plan.keyspace import settings
from redis_plan.keyspace.model import Keyspace
from redis_plan.keyspace.settings import Alert
from redis_plan.server import Fingerprint
from redis_plan.words import failover, words
from redis_plan.words.tables import cell, counted

#: Seconds between two polls of each kind (assumed): the cheap ones often, what walks every client rarely.
POLLED_S = {"INFO": 5, "INFO commandstats": 15, "CLIENT LIST": 60, "SLOWLOG GET": 60}


def servers(brief: Brief) -> Sequence[Component]:
    """Return what the stack names of Redis and Valkey."""
    return [c for c in brief.stack if c.name.lower() in ("redis", "valkey") and c.status in ("chosen", "later")]


def named(server: Component) -> str:
    """Return a server as the stack names it, with its place."""
    return f"{server.name} {server.version or 'without a version'} ({server.file}:{server.line})"


def configuration(brief: Brief, keyspace: Keyspace, found: Operations, ran: Fingerprint) -> str:
    """Return the running text of section 8; ``ran`` is the server that the configuration was tried on."""
    first = next(iter(servers(brief)), None)
    product = first.name.lower() if first else "valkey" if ran.product == "valkey" else "redis"
    return words.render(
        "chapters/operations/configuration", brief, keyspace, found=found, ran=ran,
        named=named(first) if first else "",
        advice=resources.catalog("versions.toml")[product]["advice"],
        durable=settings.conditions_of(keyspace)["authoritative"], replicated=settings.replicated(brief),
        failover=failover.told(), fast=failover.within(brief.value("sync_latency")),
        target=units.write(brief.value("sync_latency"), "s"),
        users=[{"name": u.name, "purpose": cell(u.purpose), "may": _may(u)} for u in acl.users(keyspace)],
        client=client(brief, keyspace),
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
    told = [f"`{name.strip()}`" for i in indicators(keyspace) for name in i["name"].split(",")]
    tickets = (a.name + (f" ({a.op} {a.threshold})" if a.limit else "") for a in alerts if a.severity == "ticket")
    return words.render(
        "chapters/operations/monitoring", brief, keyspace, found=found, objective=objective(brief, keyspace),
        indicators=", ".join(told), tickets="; ".join(tickets), every=POLLED_S,
    )  # fmt: skip


def indicators(keyspace: Keyspace) -> Sequence[Mapping[str, str]]:
    """Return what the application must export: entries of ``indicators.toml``."""
    conditions = settings.conditions_of(keyspace)
    return [i for i in resources.catalog("indicators.toml")["indicator"] if conditions.get(i.get("needs", ""), True)]


def objective(brief: Brief, keyspace: Keyspace) -> str:
    """Return what is promised, and over which time."""
    target = brief.fact("sync_latency")
    if not keyspace.channels:
        return f"**Objective.** 99 % of commands answer within {units.write(target.value / 10, 's')} (modelled: a tenth of the sync target)."
    return f"**Objective.** 99 % of accepted changes reach every connected client within {words.fact(target)}, over 28 days."
