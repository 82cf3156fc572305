"""Capacity: from bytes a session to ``maxmemory``, the host's memory and the sessions that fit.

``maxmemory`` counts the dataset, the tables, clients, subscriptions, output buffers, Functions, and (since 7.0, where
replicas share its blocks) the replication backlog up to ``repl-backlog-size``. It does not count what a slow replica is
owed beyond that, nor the append-only buffer (``freeMemoryGetNotCountedMemory``, src/evict.c, Redis 7.0.15; seen on 7.0.15
and Valkey 9.1.2 as ``mem_not_counted_for_evict``). Lua's own memory, fragmentation and the pages that a fork copies are
in no counter of the server: they are the host's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from redis_plan.brief.model import Brief
from redis_plan.keyspace import bounds, naming
from redis_plan.keyspace import settings as directives
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.memory import active_expiry, model, project
from redis_plan.memory.layout import Build

MIB = 1024 * 1024
#: New sessions are refused above this share of maxmemory; the rest is for those that are alive, and for bursts.
ADMISSION_SHARE = 0.75
#: Share of the dataset that may be past its deadline and not yet deleted, at least (active-expire-effort 1 tolerates 10 %,
#: src/expire.c, Redis 7.0.15): what died without its end. What falls due all the time is added up by :func:`stale_share`.
STALE_SHARE = 0.10
#: Sweeps a second (hz of the configuration).
HZ = 10.0
#: Replication backlog: what is written in this time, at least the server's default of 1 MiB (redis.conf 7.0).
BACKLOG_S, BACKLOG_LEAST = 60.0, 1 * MIB
#: A replica that synchronises is owed what is written meanwhile; beyond the backlog that is its own buffer, which is cut
#: at client-output-buffer-limit replica (redis.conf 7.0: 256 MB). The copy is assumed to travel at this rate.
SYNC_BYTES_PER_S, REPLICA_LIMIT = 100e6, 256 * MIB
#: Append-only buffer: what is written while an fsync lags: the write waits for it up to 2 s (src/aof.c, Redis 7.0.15).
AOF_LAG_S = 2.0
#: A fork lives at least this long.
FORK_LEAST_S, PAGE = 1.0, 4096
#: First use of a command allocates its latency histogram; so many commands that the warm-up did not use.
HISTOGRAMS = 25
#: What Redis and its host are never without (operating system, agents): assumed.
HOST_RESERVE = 128 * MIB


@dataclass(frozen=True, slots=True)
class Constants:
    """What was measured on the server, else assumed: bytes at start, of a connection, a subscription, and so on.

    ``save_rate`` is the bytes of ``used_memory`` that a fork writes a second, ``pages_per_event`` the memory pages that one
    event dirties while it runs, ``histogram`` what the first use of a command takes.
    """

    startup: float = 1.2 * MIB
    connection: float = 38_000.0
    subscription: float = 245.0
    rss_ratio: float = 1.1
    library: float = 80_000.0
    lua_vm: float = 130_000.0
    histogram: float = 24_700.0
    save_rate: float = 100e6
    pages_per_event: float = 8.0


@dataclass(frozen=True, slots=True)
class Budget:
    """Every term of the memory of one server at ``sessions`` live sessions, in bytes."""

    sessions: int
    gateways: int
    base: float
    dataset: float
    stale: float
    rehash: float
    connections: float
    subscriptions: float
    output_buffers: float
    backlog: float
    replica_buffer: float
    aof: float
    lua_vm: float
    fragmentation: float
    copy_on_write: float

    @property
    def counted(self) -> float:
        """What ``maxmemory`` counts at this number of sessions."""
        return (
            self.base + self.dataset + self.stale + self.rehash
            + self.connections + self.subscriptions + self.output_buffers + self.backlog
        )  # fmt: skip

    @property
    def maxmemory(self) -> float:
        """``maxmemory`` at which these sessions stay below the admission share, rounded up to 16 MiB."""
        return math.ceil(self.counted / ADMISSION_SHARE / (16 * MIB)) * 16 * MIB

    @property
    def host(self) -> float:
        """Memory of the host: ``maxmemory`` with fragmentation, what it does not count, a fork, the system."""
        return self.maxmemory * self._spread + self._outside

    @property
    def _spread(self) -> float:
        return 1 + self.fragmentation / max(self.counted, 1.0)

    @property
    def _outside(self) -> float:
        return self.replica_buffer + self.aof + self.lua_vm + self.copy_on_write + HOST_RESERVE


def budget(
    brief: Brief,
    keyspace: Keyspace,
    build: Build,
    constants: Constants,
    sessions: int,
    full: bool = False,
    saved: float = 0.0,
) -> Budget:
    """Return the budget for ``sessions`` live sessions, keys at typical size or (``full``) at their bound.

    ``saved`` are bytes of the dataset for each session that another design would not take.
    """
    peak = brief.value("sessions_peak")
    names = directives.quantities(_scaled(brief, sessions), keyspace, 0.0, 0.0)
    grown = _scaled_globals(keyspace, sessions / peak)
    loads = project.loads(grown, sessions, full)
    whole = project.shapes_bytes([load.shape for load in loads], build)
    dataset = max(0.0, whole - saved * sessions)
    keys = sum(load.shape.n_keys for load in loads)
    volatile = sum(load.shape.n_keys for load in loads if load.shape.ttl)
    gateways = gateways_at(brief, sessions)
    base = constants.startup + constants.library + HISTOGRAMS * constants.histogram
    clients = (gateways * directives.CONNECTIONS_PER_GATEWAY + 8) * constants.connection
    subscribed = subscriptions_at(brief, keyspace, sessions) * constants.subscription
    buffers = hard_limit_at(brief, keyspace, sessions) * gateways if keyspace.channels else 0.0
    replicas = names["replicas"] > 0  # without one the server allocates no backlog
    backlog = max(BACKLOG_LEAST, names["write_bytes"] * BACKLOG_S) if replicas else 0.0
    stale = dataset * max(STALE_SHARE, stale_share(loads, build, volatile, whole))
    # while a table of the keyspace doubles, the old one is still there: half of the new one
    rehash = model.keyspace_tables(keys, volatile, build) / 2
    used = base + dataset + stale + rehash + clients + subscribed + buffers + backlog
    owed = names["write_bytes"] * (dataset + stale) / SYNC_BYTES_PER_S
    return Budget(
        sessions=sessions,
        gateways=gateways,
        base=base,
        dataset=dataset,
        stale=stale,
        rehash=rehash,
        connections=clients,
        subscriptions=subscribed,
        output_buffers=buffers,
        backlog=backlog,
        replica_buffer=min(max(owed - backlog, 0.0), REPLICA_LIMIT) if replicas else 0.0,
        aof=names["write_bytes"] * AOF_LAG_S,
        lua_vm=constants.lua_vm,
        fragmentation=used * max(constants.rss_ratio - 1, 0.03),
        copy_on_write=copied(dataset + stale, names["conn_rate"], constants),
    )


def stale_share(loads: Sequence[project.Load], build: Build, volatile: float, dataset: float) -> float:
    """Return the share of ``dataset`` bytes that is past its deadline at a steady pace, among ``volatile`` keys with a TTL.

    Keys of a fixed TTL that nobody ends fall due all the time, such as counters of a window; each stays for as long as
    the sweep takes. At most as much again: where more is due than one server sweeps, its keys belong on several.
    """
    ending = [(load, float(load.pattern.ttl.seconds or 0)) for load in loads if bounds.falls_due(load.pattern)]
    paces = [(load.shape, load.shape.n_keys / seconds) for load, seconds in ending if seconds]
    due = sum(pace for _, pace in paces)
    if not due:
        return 0.0
    lag = min(active_expiry.expected_lag_s(volatile, HZ), active_expiry.standing(volatile, due, HZ).lag_s)
    late = lag * sum(pace * model.predict(shape, build).per_key for shape, pace in paces)
    return min(1.0, late / max(dataset, 1.0))


def copied(dataset: float, events_per_s: float, constants: Constants) -> float:
    """Return the bytes that are copied while a fork writes ``dataset``: each page at most once.

    Events fall on pages at random; of D pages t touches reach D (1 - exp(-t / D)).
    """
    seconds = max(FORK_LEAST_S, dataset / constants.save_rate)
    pages = max(dataset * constants.rss_ratio / PAGE, 1.0)
    touches = events_per_s * constants.pages_per_event * seconds
    return pages * -math.expm1(-touches / pages) * PAGE


def gateways_at(brief: Brief, sessions: float) -> int:
    """Return how many gateways ``sessions`` sessions need: those of the documents up to the peak, then in proportion."""
    nodes = max(1.0, brief.value("gateway_nodes"))
    return math.ceil(nodes * max(1.0, sessions / brief.value("sessions_peak")) - 1e-9)


def subscribers(brief: Brief, channel: KeyPattern, gateways: int) -> float:
    """Return how many of ``gateways`` subscribe to one channel of this pattern.

    A channel of a session, or of a thing that people follow, is subscribed by the gateways that hold one of its members,
    spread at random: G (1 - (1 - 1/G)^m). A member's, and a gateway's own, has one subscriber, the whole service's all.
    """
    if channel.scope == "member" or channel.typical_elements <= 1:
        return 1.0
    if channel.scope != "session" and not set(naming.PLACEHOLDER.findall(channel.template)) - {"env"}:
        return float(gateways)
    members = max(1.0, brief.value("members_per_session"))
    return float(gateways * (1 - math.pow(1 - 1 / gateways, members)))


def subscriptions_at(brief: Brief, keyspace: Keyspace, sessions: float) -> float:
    """Return the subscriptions of all gateways at ``sessions`` sessions: channels times their subscribers."""
    gateways = gateways_at(brief, sessions)
    growth = gateways / max(1.0, brief.value("gateway_nodes"))
    total = 0.0
    for channel in keyspace.channels:
        count = channel.per_session * (sessions if channel.scope != "global" else growth)
        total += count * subscribers(brief, channel, gateways)
    return total


def hard_limit_at(brief: Brief, keyspace: Keyspace, sessions: float) -> float:
    """Return the hard output-buffer limit of one subscriber connection at ``sessions`` sessions.

    At the peak it is the limit of the configuration, for a connection that hears every event. With more gateways each
    hears a smaller share of them.
    """
    heard = 1.0
    session = next((c for c in keyspace.channels if c.scope == "session"), None)
    if session:
        now, peak = (gateways_at(brief, n) for n in (sessions, brief.value("sessions_peak")))
        heard = (subscribers(brief, session, now) / now) / (subscribers(brief, session, peak) / peak)
    return directives.quantities(_scaled(brief, sessions * heard), keyspace, 0.0, 0.0)["hard_limit"]


def sessions_within(
    brief: Brief, keyspace: Keyspace, build: Build, constants: Constants, host_bytes: float, saved: float = 0.0
) -> int:
    """Return the largest number of sessions whose host memory fits ``host_bytes`` (0 if not even one does).

    ``saved`` as in :func:`budget`.
    """

    def fits(sessions: int) -> bool:
        return budget(brief, keyspace, build, constants, sessions, saved=saved).host <= host_bytes

    if not fits(1):
        return 0
    low, high = 1, 2
    while fits(high) and high < 1 << 40:
        low, high = high, high * 2
    while high - low > max(1, low // 500):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def maxmemory_on(
    brief: Brief, keyspace: Keyspace, build: Build, constants: Constants, sessions: int, node: float
) -> float:
    """Return ``maxmemory`` in bytes on a node of ``node`` bytes: for ``sessions``, or for as many of them as the node carries."""
    carried = sessions_within(brief, keyspace, build, constants, node)
    return budget(brief, keyspace, build, constants, max(1, min(sessions, carried))).maxmemory


def _scaled(brief: Brief, sessions: float) -> Brief:
    facts = tuple(replace(f, value=float(sessions)) if f.name == "sessions_peak" else f for f in brief.facts)
    return replace(brief, facts=facts)


def _scaled_globals(keyspace: Keyspace, factor: float) -> Keyspace:
    """Return the keyspace with its global keys grown with the sessions that they index.

    Where there is one key for each thing (a code, a rate window) the number of keys grows, else the elements of the key.
    """
    patterns = tuple(_grown(pattern, factor) if pattern.scope == "global" else pattern for pattern in keyspace.patterns)
    return replace(keyspace, patterns=patterns)


def _grown(pattern: KeyPattern, factor: float) -> KeyPattern:
    if pattern.type == "channel":
        return pattern
    if pattern.type == "string" or project.is_record(pattern):
        return replace(pattern, per_session=max(1.0, pattern.per_session * factor))
    return replace(
        pattern,
        typical_elements=max(1.0, pattern.typical_elements * factor),
        max_elements=max(1.0, pattern.max_elements * factor),
    )
