"""Capacity: from bytes a session to ``maxmemory``, the host's memory and the sessions that fit.

``maxmemory`` counts the dataset, the tables, clients, subscriptions and output buffers; it does not count the
replication backlog and the append-only buffer (``mem_not_counted_for_evict``), fragmentation, or the pages that a fork
copies: those are the host's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from redis_plan.brief.model import Brief
from redis_plan.keyspace import settings as directives
from redis_plan.keyspace.model import Keyspace
from redis_plan.memory import model, project
from redis_plan.memory.layout import Build

MIB = 1024 * 1024
#: New sessions are refused above this share of maxmemory; the rest is for those that are alive, and for bursts.
ADMISSION_SHARE = 0.75
#: Share of volatile keys that may be past their deadline and not yet deleted (active-expire-effort 1 tolerates 10 %,
#: src/expire.c, Redis 7.0.15).
STALE_SHARE = 0.10
#: replication backlog: what is written in this time, at least the server's default of 1 MiB (redis.conf 7.0).
BACKLOG_S, BACKLOG_LEAST = 60.0, 1 * MIB
#: Append-only buffer: what is written while an fsync lags (aof.c waits up to 2 s, Redis 7.0.15).
AOF_LAG_S = 2.0
#: A fork that writes the dataset runs at about this rate, at least a second; each event dirties some 4 KiB pages:
#: state, log, roster or presence, tables. Assumed; the plan's own load decides.
FORK_BYTES_PER_S, FORK_LEAST_S, PAGES_PER_EVENT, PAGE = 100e6, 1.0, 6, 4096
#: Library of functions and cached scripts (assumed: the plan's one library compiles to less).
SCRIPTS = 0.5 * MIB
#: Operating system and agents on the host (assumed).
HOST_RESERVE = 128 * MIB


@dataclass(frozen=True, slots=True)
class Constants:
    """What was measured on the server: bytes at start, a connection, a subscription, and RSS over used_memory."""

    startup: float = 1.2 * MIB
    connection: float = 38_000.0
    subscription: float = 245.0
    rss_ratio: float = 1.1


@dataclass(frozen=True, slots=True)
class Budget:
    """Every term of the memory of one server at ``sessions`` live sessions, in bytes."""

    sessions: int
    base: float
    dataset: float
    stale: float
    rehash: float
    connections: float
    subscriptions: float
    output_buffers: float
    backlog: float
    aof: float
    fragmentation: float
    copy_on_write: float

    @property
    def counted(self) -> float:
        """What ``maxmemory`` counts at this number of sessions."""
        return (
            self.base + self.dataset + self.stale + self.rehash
            + self.connections + self.subscriptions + self.output_buffers
        )  # fmt: skip

    @property
    def maxmemory(self) -> float:
        """``maxmemory`` at which these sessions stay below the admission share, rounded up to 16 MiB."""
        return math.ceil(self.counted / ADMISSION_SHARE / (16 * MIB)) * 16 * MIB

    @property
    def host(self) -> float:
        """Memory of the host: ``maxmemory`` with fragmentation, what it does not count, a fork, the system."""
        outside = self.backlog + self.aof + self.copy_on_write + HOST_RESERVE
        return self.maxmemory * (1 + self.fragmentation / max(self.counted, 1.0)) + outside


def budget(
    brief: Brief, keyspace: Keyspace, build: Build, constants: Constants, sessions: int, full: bool = False
) -> Budget:
    """Return the budget for ``sessions`` live sessions, keys at typical size or (``full``) at their bound."""
    names = directives.quantities(_scaled(brief, sessions), keyspace, 0.0, 0.0)
    dataset = project.dataset_bytes(
        _scaled_globals(keyspace, sessions / brief.value("sessions_peak")), sessions, build, full
    )
    keys = sum(load.shape.n_keys for load in project.loads(keyspace, sessions))
    gateways = brief.value("gateway_nodes")
    buffers = names["hard_limit"] * gateways
    base = constants.startup + SCRIPTS
    # while a table of the keyspace doubles, the old one is still there: half of the new one
    rehash = model.keyspace_tables(keys, 0, build) / 2
    counted_data = dataset * (1 + STALE_SHARE)
    clients = names["connections"] * constants.connection
    subscriptions = sessions * gateways * len(keyspace.channels) * constants.subscription
    used = base + counted_data + rehash + clients + subscriptions + buffers
    fork_s = max(FORK_LEAST_S, counted_data / FORK_BYTES_PER_S)
    dirtied = sessions * brief.value("events_per_session") * PAGES_PER_EVENT * PAGE * fork_s
    return Budget(
        sessions=sessions,
        base=base,
        dataset=dataset,
        stale=dataset * STALE_SHARE,
        rehash=rehash,
        connections=clients,
        subscriptions=subscriptions,
        output_buffers=buffers,
        backlog=max(BACKLOG_LEAST, names["write_bytes"] * BACKLOG_S),
        aof=names["write_bytes"] * AOF_LAG_S,
        fragmentation=used * max(constants.rss_ratio - 1, 0.03),
        copy_on_write=min(counted_data * constants.rss_ratio, dirtied),
    )


def sessions_within(brief: Brief, keyspace: Keyspace, build: Build, constants: Constants, host_bytes: float) -> int:
    """Return the largest number of sessions whose host memory fits ``host_bytes`` (0 if not even one does)."""
    if budget(brief, keyspace, build, constants, 1).host > host_bytes:
        return 0
    low, high = 1, 2
    while budget(brief, keyspace, build, constants, high).host <= host_bytes and high < 1 << 40:
        low, high = high, high * 2
    while high - low > max(1, low // 500):
        middle = (low + high) // 2
        fits = budget(brief, keyspace, build, constants, middle).host <= host_bytes
        low, high = (middle, high) if fits else (low, middle)
    return low


def _scaled(brief: Brief, sessions: int) -> Brief:
    facts = tuple(replace(f, value=float(sessions)) if f.name == "sessions_peak" else f for f in brief.facts)
    return replace(brief, facts=facts)


def _scaled_globals(keyspace: Keyspace, factor: float) -> Keyspace:
    """Return the keyspace with its global keys grown with the sessions that they index."""
    patterns = tuple(
        replace(
            pattern,
            typical_elements=max(1.0, pattern.typical_elements * factor),
            max_elements=max(1.0, pattern.max_elements * factor),
        )
        if pattern.scope == "global"
        else pattern
        for pattern in keyspace.patterns
    )
    return replace(keyspace, patterns=patterns)
