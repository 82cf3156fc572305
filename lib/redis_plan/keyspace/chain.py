"""The TTL chain: the inequalities between lifetimes that must hold, with the values of this project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from redis_plan.brief.model import Brief
from redis_plan.keyspace import periods
from redis_plan.keyspace.model import Keyspace


@dataclass(frozen=True, slots=True)
class Link:
    """One inequality in seconds: ``left`` ``op`` ``right``, and what breaks when it does not hold."""

    says: str
    left: float
    op: Literal[">", ">="]
    right: float
    because: str

    @property
    def holds(self) -> bool:
        """Whether the inequality holds with these values."""
        return self.left > self.right if self.op == ">" else self.left >= self.right


#: Share of the TTL for which an answer is remembered at least: LOOKS of LOOKS + 1 fifths (functions/kernel.lua).
REMEMBERED = 0.8


def retry_window(brief: Brief) -> float:
    """Return how long a client keeps retrying an operation, in seconds: at most while it may reconnect."""
    return periods.seconds(brief, "retry_window")


def lease(brief: Brief) -> float:
    """Return the lease of a connection in seconds: the reconnect grace, and never before its silence is shown."""
    return periods.seconds(brief, "lease")


def links(keyspace: Keyspace, brief: Brief) -> tuple[Link, ...]:
    """Return the inequalities that apply to ``keyspace`` (idempotency, presence, log, state, lock)."""
    ttl = {p.name: float(p.ttl.seconds) for p in keyspace.keys if p.ttl.seconds is not None}
    by_use = {p.use: float(p.ttl.seconds) for p in reversed(keyspace.keys) if p.ttl.seconds is not None}
    found: list[Link] = []
    if "idem" in ttl:
        found.append(
            Link(
                "4/5 of `idem` TTL > retry window",
                REMEMBERED * ttl["idem"],
                ">",
                retry_window(brief),
                "a retry after it is applied twice",
            )
        )
    if "idempotency" in by_use:
        found.append(
            Link(
                "`idempotency` TTL > retry window",
                by_use["idempotency"],
                ">",
                retry_window(brief),
                "a repeat asks the database again",
            )
        )
    if "presence" in ttl:
        beat = periods.seconds(brief, "presence")
        found.append(Link("lease ≥ 3 × heartbeat", lease(brief), ">=", beat, "one lost heartbeat makes a ghost leave"))
        found.append(
            Link(
                "`presence` TTL > lease",
                ttl["presence"],
                ">",
                lease(brief),
                "leases vanish before the sweep publishes who left",
            )
        )
    if "log" in ttl:
        found.append(
            Link(
                "`log` TTL ≥ reconnect grace",
                ttl["log"],
                ">=",
                brief.value("reconnect_grace"),
                "a promised delta becomes a snapshot",
            )
        )
    if "log" in ttl and "state" in ttl:
        found.append(
            Link(
                "`state` TTL ≥ `log` TTL",
                ttl["state"],
                ">=",
                ttl["log"],
                "events without the state that they change; both deadlines are set in one step, and the epoch decides what is left",
            )
        )
        idle = brief.value("idle_ttl")
        found.append(
            Link(
                "`state` TTL ≥ 2 × idle TTL",
                ttl["state"],
                ">=",
                2 * idle,
                "a TTL that is set again below one half ends a session before it was idle for so long",
            )
        )
        found.append(
            Link(
                "`state` TTL ≥ lease + reconnect grace",
                ttl["state"],
                ">=",
                lease(brief) + brief.value("reconnect_grace"),
                "the state is gone when the last member returns",
            )
        )
        most = max((s for n, s in ttl.items() if keyspace.pattern(n).scope == "session"), default=0.0)
        found.append(
            Link(
                "`state` TTL ≥ that of every other key of the session",
                ttl["state"],
                ">=",
                most,
                "keys outlive the epoch that they belong to",
            )
        )
    if "lock" in ttl:
        found.append(
            Link(
                "`lock` TTL ≥ 3 × heartbeat",
                ttl["lock"],
                ">=",
                3 * brief.value("heartbeat"),
                "a lock ends under a holder that is alive; fencing refuses its write",
            )
        )
    if "fence" in ttl and "lock" in ttl:
        found.append(
            Link(
                "`fence` TTL > `lock` TTL",
                ttl["fence"],
                ">",
                ttl["lock"],
                "tokens start again while an old holder lives",
            )
        )
    return tuple(found)


def swept(keyspace: Keyspace) -> bool:
    """Whether something besides its reader and its TTL removes keys: a function that ends a session, or a worker."""
    return bool(keyspace.session_entity) or any(
        "worker" in p.deleted_by or "sweep" in p.deleted_by for p in keyspace.keys
    )
