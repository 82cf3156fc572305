"""The texts of section 3: what its templates need beside the design and the findings."""

from __future__ import annotations

import pandas as pd

from redis_plan.brief.model import Brief
from redis_plan.chapters.expiry import atomic_ttl, expiry_rules, field_ttl, removal, returned, session_cleanup
from redis_plan.chapters.expiry import sliding as refreshing
from redis_plan.chapters.expiry.findings import Big, Expiry, Lag, Leases
from redis_plan.keyspace import chain
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import command_block, words
from redis_plan.words.tables import listed, table


def expiry(brief: Brief, keyspace: Keyspace, found: Expiry) -> str:
    """Return the running text of section 3, with the commands of a timer's worker."""
    timers = expiry_rules.timer_commands(brief, keyspace)
    late = expiry_rules.late_s(brief, keyspace, found.lag.hz.value) if found.lag else 0.0
    longer = found.lag is not None and late > found.lag.p50.value
    return words.render(
        "chapters/expiry/expiry", brief, keyspace, found=found, links=chain.links(keyspace, brief),
        swept=chain.swept(keyspace), timers=command_block.block(timers) if timers else "",
        sliding=_slides(keyspace) and found.slide is not None,
        jitter=listed(p for p in keyspace.keys if p.use == "cache"),
        untimed=listed(p for p in keyspace.keys if p.ttl.policy == "none"),
        late=expiry_rules.in_short(brief, keyspace, found.lag.hz.value) if longer and found.lag else "",
        volatile=f"{expiry_rules.volatile_keys(brief, keyspace):,.0f}",
    )  # fmt: skip


def measured(brief: Brief, keyspace: Keyspace, found: Expiry, survival: pd.DataFrame) -> str:
    """Return what was measured of expiry, for the appendix; ``survival`` are the samples of ``found.survival``."""
    return words.render(
        "chapters/expiry/measured", brief, keyspace, found=found,
        keys=expiry_rules.volatile_keys(brief, keyspace),
        expected=expiry_rules.expected(brief, keyspace, found.lag) if found.lag else "",
        settings=_settings(found.lag) if found.lag else "",
        sliding=_slides(keyspace), write=refreshing.WRITE, write_expire=refreshing.WRITE_EXPIRE,
        read_getex=refreshing.READ_GETEX,
        lost=_commands(survival, kept=False), kept=_commands(survival, kept=True), one_command=atomic_ttl.ONE_COMMAND,
        rest=removal.REST, at_once=removal.AT_ONCE, jitter=removal.JITTER,
        removals=_removals(found.big) if found.big else "",
        one_hash=session_cleanup.HASH, listed=session_cleanup.LISTED, scanned=session_cleanup.SCANNED,
        by_ttl=session_cleanup.TTL, all_gone=returned.EXPIRED, mostly=returned.MOSTLY,
        leases=_leases(found.lease) if found.lease else "",
        field_ttl=found.lease is not None and field_ttl.FIELD in found.lease.bytes,
    )  # fmt: skip


def _slides(keyspace: Keyspace) -> bool:
    return any(p.ttl.policy == "sliding" for p in keyspace.keys)


def _settings(lag: Lag) -> str:
    """Say what a higher hz and effort did, and what load did; "" where nothing else was tried."""
    told = [
        f"{setting} brought the median to {lag.settings[name]}"
        for name, setting in (("100, effort 1, idle", "`hz 100`"), ("10, effort 10, idle", "`active-expire-effort 10`"))
        if name in lag.settings
    ]
    if loaded := lag.settings.get("10, effort 1, under load"):
        told.append(f"load on the server left it at {loaded}")
    return f" At the same size {', '.join(told)} [{lag.id}]." if told else ""


def _commands(survival: pd.DataFrame, *, kept: bool) -> str:
    """Return the commands that keep a TTL, or those that take it away."""
    return ", ".join(f"`{row['command']}`" for row in survival.to_dict("records") if row["kept"] == kept)


def _removals(big: Big) -> str:
    """Return the ways to remove a big key, each with what the server and another client felt."""
    ways = (removal.CONTROL, "DEL", "UNLINK", "expiry, lazyfree no", "expiry, lazyfree yes")
    rows = [[way, big.blocked[way].linked, big.longest[way].linked] for way in ways]
    return table(["One big key removed by", "Server busy", "Longest wait of another client"], rows, right=(1, 2))


def _leases(lease: Leases) -> str:
    """Return what each structure that keeps leases costs, and whom it tells."""
    rows = [
        [
            name,
            size.linked,
            lease.renewal[name].linked,
            lease.counted[name].linked,
            "the sweep" if lease.named[name].value else "nobody",
        ]
        for name, size in lease.bytes.items()
    ]
    header = ["Structure", "Bytes a member", "Renewal", "Counted after all lapsed", "Told who lapsed"]
    return table(header, rows, right=(1, 2, 3))
