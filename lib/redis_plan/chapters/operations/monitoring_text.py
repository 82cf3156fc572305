"""Section 10 in words: indicators, alerts, and what is polled how often."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from redis_plan import resources, units
from redis_plan.brief.model import Brief
from redis_plan.chapters.operations.findings import Metrics
from redis_plan.keyspace import naming, settings
from redis_plan.keyspace.model import Keyspace
from redis_plan.keyspace.settings import Alert

POLLS_ALT = (
    "Dot plot of the time of one monitoring poll for INFO, INFO commandstats, CLIENT LIST and SLOWLOG GET on a log "
    "scale, the median of each marked."
)


def indicators(brief: Brief, keyspace: Keyspace) -> str:
    """Return what the application must export, with the objective."""
    conditions = settings.conditions_of(keyspace)
    rows = [
        f"| `{i['name']}` | {i['kind']} | {i['says']} | {i['labels'] or '–'} |"
        for i in resources.catalog("indicators.toml")["indicator"]
        if conditions.get(i.get("needs", ""), True)
    ]
    target = brief.fact("sync_latency")
    objective = (
        f"**Objective.** 99 % of accepted changes reach every connected client within {units.write(target.value, 's')} "
        f"({target.where}), over 28 days. Page when a burn rate of 14 would use up 2 % of the budget within an hour (documented: "
        "the multi-window method of Google's SRE workbook, chapter 5)."
        if keyspace.channels
        else f"**Objective.** 99 % of commands answer within {units.write(target.value / 10, 's')} (modelled: a tenth of the sync target)."
    )
    return "\n".join(
        [
            "### Indicators of the application",
            "",
            objective,
            "",
            "| Metric | Kind | Says | Labels |",
            "|:--|:--|:--|:--|",
            *rows,
        ]
    )


def alert_table(wanted: Sequence[Alert], metrics: Metrics, samples: pd.DataFrame) -> str:
    """Return the alerts with computed thresholds, and whether each server metric exists on this build."""
    present = dict(zip(samples["name"], samples["value"], strict=True))
    lines = [
        "### Alerts",
        "",
        f"{metrics.present.value:.0f} of {metrics.fields.value:.0f} server fields named here exist on the server that "
        f"ran [{metrics.id}]. {metrics.record.conclusion} Thresholds are modelled from the facts of section 6 and from section 5.",
        "",
        "| Alert | Expression | Threshold | For | Severity | First step | Because |",
        "|:--|:--|--:|--:|:--|:--|:--|",
    ]
    for alert in wanted:
        absent = [field for field in alert.info if not present.get(field, 0.0)]
        name = alert.name + (f" (not on this build: {', '.join(absent)})" if absent else "")
        lines.append(
            f"| {name} | `{alert.expression}` | {alert.op} {alert.threshold} | {units.write(alert.for_s, 's')} "
            f"| {alert.severity} | {alert.first} | {alert.because} |"
        )
    lines += ["", f"*Source: [{metrics.id}]; formulas in the catalog's alerts.toml.*"]
    return "\n".join(lines)


def collection(metrics: Metrics, keyspace: Keyspace) -> str:
    """Return how often to poll, with what each poll costs, and what never to run."""
    rows = [
        f"| `{poll}` | {cost.linked} | {every} |"
        for (poll, cost), every in zip(metrics.polls.items(), ("5 s", "15 s", "60 s", "60 s"), strict=True)
    ]
    first = keyspace.keys[0].template if keyspace.keys else ""
    sessions = keyspace.use("state") is not None
    per = f"live {keyspace.session_noun}" if sessions else "key (`DBSIZE`)"
    trace = (
        "the op id, so that one click can be followed from the socket through Redis and back"
        if sessions
        else "the request's id, so that one request can be followed to Redis and back"
    )
    return "\n".join(
        [
            "### Collection",
            "",
            "[figure 10-poll-cost]",
            "",
            "| Poll | Cost seen by the client | Every (assumed) |",
            "|:--|--:|--:|",
            *rows,
            "",
            "**On the dashboard, without an alert** (documented: INFO, since 7.0): `mem_clients_normal`, `allocator_frag_ratio` and "
            "`allocator_rss_ratio` (section 5); `expired_stale_perc` and `expired_time_cap_reached_count` (section 3, a hint only); "
            "`total_eviction_exceeded_time`; `rdb_last_bgsave_status`; `errorstat_*` by prefix (section 9); `instantaneous_ops_per_sec` "
            "and `used_cpu_user` + `used_cpu_sys` against the load of section 6; `used_memory` by "
            + per
            + " against section 5: "
            "plan the next size when either trend meets it within a month.",
            "",
            "Never in production: `KEYS`, `MONITOR`, an unbounded `SCAN` on the primary. `LATENCY HISTOGRAM` gives server time a "
            "command or function, `SLOWLOG` and the latency monitor have the thresholds of section 8. Every connection sets its "
            f"name; every log line carries {trace}.",
            "",
            f"**Leak check** (CI after the test run, and hourly on a replica): `SCAN` by the registry of section 1 (such as `{naming.acl_pattern(first)}`) "
            "must find no key that matches no pattern, none of another type than the registry says, and none with TTL -1 outside its allow-list.",
        ]
    )
