"""Decisions of section 4: what carries events, what finds a lost tail, who subscribes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.chapters.synchronization import promised
from redis_plan.chapters.synchronization.findings import Delivery, Synchronization
from redis_plan.evidence.decision import Decision, Guard
from redis_plan.evidence.findings import Number
from redis_plan.words.deciding import decided


def transport_decision(
    brief: Brief,
    found: Synchronization,
    serving: tuple[str, ...],
    promises: Sequence[promised.Promise] = (),
) -> Iterator[Decision]:
    """Yield D-05a, what carries an accepted event to the gateways, where both transports delivered something."""
    a, b = found.pubsub, found.streams
    if not (a and b and a.p50 and b.p50 and (tail := a.tail) and b.tail):
        return
    guards = (
        Guard(f"{tail.name} of delivery to the last client", tail.value, "<=", brief.value("sync_latency"), "s"),
        *_kept(a, promises),
        Guard("messages that did not reach all clients", a.incomplete.value, "<=", 0, "messages"),
    )
    yield decided("chapters/synchronization/d05a", guards, serving, found=found, compared=_compared(a.p50, b.p50))


def _kept(measured: Delivery, promises: Sequence[promised.Promise]) -> Iterator[Guard]:
    """Yield a guard for each percentile that the documents promise and this run has samples for."""
    for promise in promises:
        number = {"p50": measured.p50, "p95": measured.p95, "p99": measured.p99}[promise.percentile]
        if number is not None:
            yield Guard(f"{promise.percentile} ({promise.place})", number.value, "<=", promise.seconds, "s")


def _compared(one: Number, other: Number) -> str:
    """Say what the medians of both transports show, and no more."""
    if one.interval is None or other.interval is None:
        return "the two transports were not compared"
    if one.interval[1] >= other.interval[0] and other.interval[1] >= one.interval[0]:
        return "we saw no difference to streams in the middle"
    return f"streams are {'slower' if other.value > one.value else 'faster'} in the middle, {other.linked}"


def decisions(brief: Brief, stories: Stories, known: Synchronization) -> list[Decision]:
    """Return the decisions that this run's evidence can carry."""
    found: list[Decision] = []
    if known.pubsub and known.streams:
        found += transport_decision(brief, known, stories.served_by("sync"), promised.promises(brief, stories))
    if e := known.beacon:
        guard = Guard("repair of a lost tail", e.latest.value, "<=", brief.value("sync_latency"), "s")
        serving = stories.served_by("session.catch_up", "sync")
        found.append(decided("chapters/synchronization/d05b", (guard,), serving, found=known))
    if known.pubsub and (c := known.publish):
        cost = c.alone.value + c.per_subscriber.value * brief.value("gateway_nodes")
        guard = Guard("server time of a PUBLISH to all gateways", cost, "<=", 0.001, "s")
        members, peak = brief.value("members_per_session"), brief.value("sessions_peak")
        serving = stories.served_by("scale", "sync")
        found.append(
            decided("chapters/synchronization/d05c", (guard,), serving, found=known, members=members, peak=peak)
        )
    return found
