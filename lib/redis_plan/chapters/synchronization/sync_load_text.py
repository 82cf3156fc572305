"""The texts of section 4 under load: what their templates need beside the design and the findings."""

from __future__ import annotations

import math

from redis_plan import units
from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.chapters.synchronization.findings import Synchronization
from redis_plan.chapters.synchronization.stated import stated, stated_table
from redis_plan.delivery import sockets
from redis_plan.keyspace import periods, settings
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import gateway_bounds, words
from redis_plan.words.sync_common import events_of, not_run

#: How much of the sync latency one way over the internet is taken as, and at most, in seconds (assumed).
_NETWORK_SHARE, _NETWORK_S = 1 / 20, 0.1


def beacon(brief: Brief, keyspace: Keyspace, found: Synchronization) -> str:
    """Return the version beacon: what it costs and how long a lost tail stays unseen."""
    reads = brief.value("sessions_peak") * brief.value("gateway_nodes") / periods.seconds(brief, "beacon")
    return words.render(
        "chapters/synchronization/beacon", brief, keyspace, found=found, reads=reads, not_run=not_run(found, "beacon")
    )


def network_s(brief: Brief) -> float:
    """Return how long one way over the internet is taken to last, in seconds (assumed)."""
    return min(_NETWORK_S, brief.value("sync_latency") * _NETWORK_SHARE)


def budget(brief: Brief, keyspace: Keyspace, found: Synchronization, stories: Stories) -> str:
    """Return the latency budget hop by hop, the fault cases beside it, and every time that the documents state."""
    limit, network = brief.value("sync_latency"), network_s(brief)
    tail = found.pubsub.tail if found.pubsub else None
    return words.render(
        "chapters/synchronization/budget", brief, keyspace, found=found, tail=tail, limit=limit,
        measured=tail.value if tail else 0.0, network=network,
        stated=stated_table(stated(brief, stories, found), 2 * network),
        repair=max(periods.seconds(brief, "beacon"), found.beacon.latest.value if found.beacon else 0.0),
    )  # fmt: skip


def pressure(brief: Brief, keyspace: Keyspace, found: Synchronization) -> str:
    """Return backpressure at each hop, with the numbers of this project in the formulas."""
    names = settings.quantities(brief, keyspace, 0.0, 0.0)
    gateways, payload = brief.value("gateway_nodes"), brief.value("payload_bytes")
    rate, members = brief.value("events_per_session"), brief.value("members_per_session")
    lease = periods.seconds(brief, "lease")
    return words.render(
        "chapters/synchronization/pressure", brief, keyspace, found=found, not_run=not_run(found, "stalled"),
        hard=names["hard_limit"], begun=names["begun_bytes"], rate_of_connection=names["conn_rate"], payload=payload, gateways=gateways,
        envelope=settings.ENVELOPE_BYTES, frame=settings.FRAME_BYTES, stall=periods.seconds(brief, "stall"),
        queued=max(1.0, gateway_bounds.bounds().queued / (payload + settings.ENVELOPE_BYTES)),
        says=sockets.sign(brief, "slow"), flooding=sockets.sign(brief, "limit"),
        rate=rate, lease=lease, missed=math.ceil(rate * lease),
        clients=brief.value("sessions_peak") * members / max(gateways, 1),
        snapshot=brief.value("state_bytes") + members * brief.value("member_bytes"),
    )  # fmt: skip


def subscriptions(brief: Brief, keyspace: Keyspace, found: Synchronization) -> str:
    """Return who subscribes, when a cluster would change that, and how a dead subscription is found."""
    probe = keyspace.use("probe")
    return words.render(
        "chapters/synchronization/subscriptions", brief, keyspace, found=found, probe=probe.template if probe else "",
        gateways=f"{brief.value('gateway_nodes'):g}", waits=_wait(brief),
        sharded=events_of(keyspace).sharded,
        published=brief.value("sessions_peak") * brief.value("events_per_session"),
    )  # fmt: skip


def _wait(brief: Brief) -> str:
    """Return how long a client waits before it connects again, as one term."""
    waits = periods.backoff(brief, "client")
    return f"`random(0, min({units.write(waits.cap_s, 's')}, {units.write(waits.base_s, 's')} x 2^n))`"
