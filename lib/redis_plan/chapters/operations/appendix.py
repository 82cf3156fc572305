"""The texts of sections 8 and 10 in the appendix: what their templates need beside the design and the findings."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence, Set
from dataclasses import dataclass

import pandas as pd

from redis_plan import resources, units
from redis_plan.brief.model import Brief
from redis_plan.chapters.operations import section
from redis_plan.chapters.operations.client_library import client
from redis_plan.chapters.operations.findings import Operations
from redis_plan.delivery import acl
from redis_plan.delivery import configuration as conf
from redis_plan.delivery.acl import AclUser
from redis_plan.delivery.configuration import Target
from redis_plan.keyspace import naming, settings
from redis_plan.keyspace.model import Keyspace
from redis_plan.keyspace.settings import Alert, Setting
from redis_plan.server import Fingerprint
from redis_plan.words import failover, words
from redis_plan.words.tables import table


@dataclass(frozen=True, slots=True)
class Granted:
    """A user of the access rules, in words: what it is for, which keys it may touch, and its commands a line or more."""

    name: str
    purpose: str
    granted: str
    commands: str


def server(
    brief: Brief,
    keyspace: Keyspace,
    found: Operations,
    chosen: Sequence[Setting],
    tried: pd.DataFrame,
    ran: Fingerprint,
) -> str:
    """Return version, configuration, users, failover, changes and client; ``tried`` are the samples of ``found.in_force``."""
    target = brief.value("sync_latency")
    return words.render(
        "chapters/operations/server", brief, keyspace, found=found, ran=ran, file=conf.FILE,
        versions=resources.catalog("versions.toml"),
        named=", ".join(section.named(c) for c in section.servers(brief)),
        lines=[setting.line for setting in conf.choose(chosen, Target(ran.product, ran.version)).kept],
        directives=_directives(chosen, tried), users=_users(keyspace), durable=settings.conditions_of(keyspace)["authoritative"],
        replicated=settings.replicated(brief), topologies=failover.topologies(), fast=failover.within(target),
        target=units.write(target, "s"), client=client(brief, keyspace),
    )  # fmt: skip


def _directives(chosen: Sequence[Setting], tried: pd.DataFrame) -> str:
    """Return every directive with its value, default and reason, and how each was verified."""
    seen = tried.fillna("").astype(str).set_index("name") if len(tried) else pd.DataFrame()
    rows = []
    for setting in chosen:
        row = dict(seen.loc[setting.name]) if setting.name in seen.index else {}
        default = _readable(row["default"]) if row else "–"
        in_force = _yes(row["took_effect"]) if row else "not tried"
        changed = _yes(row["settable_at_run_time"], "CONFIG SET", "restart") if row else "–"
        rows.append([f"`{setting.name}`", _readable(setting.value), default, in_force, changed, setting.because])
    return table(["Directive", "Value", "Default here", "In force", "At run time", "Because"], rows)


def _readable(value: str) -> str:
    """Write large byte numbers with a prefix beside the plain form; an empty value as such."""
    if not value:
        return '`""`'
    if value.isdigit() and int(value) >= 65_536:
        return f"`{value}` ({units.write(float(value), 'B')})"
    return f"`{value}`"


def _yes(flag: str, yes: str = "yes", no: str = "**no**") -> str:
    return yes if flag in ("True", "true") else no


def _users(keyspace: Keyspace) -> list[Granted]:
    """Return what each user may; the rules themselves are in ``users.acl``."""
    users = acl.users(keyspace)
    every = {rule for user in users for rule in user.rules if rule[0] in "~%&"} - {"~*", "&*"}
    return [Granted(user.name, user.purpose, _granted(user, every), _commands(user)) for user in users]


def _granted(user: AclUser, every: Set[str]) -> str:
    """Say which keys and channels a user may touch: all of section 1's patterns, all but a few, or these."""
    mine = [rule for rule in user.rules if rule[0] in "~%&"]
    if "~*" in mine:
        return ""
    if not mine:
        return ": no key; the commands"
    without = sorted(every - set(mine))
    if not without and len(mine) > 3:
        return ": every key and channel of *ACL patterns* in section 1, with the commands"
    if len(mine) > 3 and len(without) <= 4 and all(rule[0] != "%" for rule in (*mine, *without)):
        return f": every key and channel of *ACL patterns* in section 1 but {', '.join(f'`{r}`' for r in without)}, with the commands"
    return f": {', '.join(f'`{rule}`' for rule in mine)}, with the commands"


def _commands(user: AclUser) -> str:
    """Return a user's commands, lines broken where a reader would; "" where it may run all."""
    if "+@all" in user.rules:
        return ""
    told = " ".join(rule.removeprefix("+") for rule in user.rules if rule[0] == "+")
    return textwrap.fill(told, 100, break_long_words=False, break_on_hyphens=False)


def watching(brief: Brief, keyspace: Keyspace, found: Operations, alerts: Sequence[Alert], asked: pd.DataFrame) -> str:
    """Return indicators, alerts and what is polled; ``asked`` are the samples of ``found.metrics``."""
    return words.render(
        "chapters/operations/watching", brief, keyspace, found=found, objective=section.objective(brief, keyspace),
        indicators=section.indicators(keyspace), alerts=_alerts(alerts, asked), every=section.POLLED_S,
        uses={p.use for p in keyspace.patterns},
        pattern=naming.acl_pattern(keyspace.keys[0].template) if keyspace.keys else "",
    )  # fmt: skip


def _alerts(wanted: Sequence[Alert], asked: pd.DataFrame) -> str:
    """Return the alerts with computed thresholds, and which server metric is missing on this build."""
    present = dict(zip(asked["name"], asked["value"], strict=True)) if len(asked) else {}
    rows = []
    for a in wanted:
        absent = [field for field in a.info if present and not present.get(field, 0.0)]
        name = a.name + (f" (not on this build: {', '.join(absent)})" if absent else "")
        limit = f"{a.op} {a.threshold}"
        rows.append([name, f"`{a.expression}`", limit, units.write(a.for_s, "s"), a.severity, a.first, a.because])
    header = ["Alert", "Expression", "Threshold", "For", "Severity", "First step", "Because"]
    return table(header, rows, right=(2, 3))
