"""Decisions of section 4: what carries events, what finds a lost tail, who subscribes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from redis_plan import units
from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.chapters.synchronization import promised
from redis_plan.chapters.synchronization.findings import Beacon, Delivery, Publish, Synchronization
from redis_plan.evidence.decision import Alternative, Decision, Guard
from redis_plan.evidence.findings import Number


def transport_decision(
    brief: Brief,
    pubsub: Delivery,
    streams: Delivery,
    serving: tuple[str, ...],
    promises: Sequence[promised.Promise] = (),
) -> Iterator[Decision]:
    """Yield D-05a, what carries an accepted event to the gateways, where both transports delivered something."""
    one, other, mine, late = pubsub.p50, streams.p50, pubsub.tail, streams.tail
    if not (one and other and mine and late):
        return
    yield Decision(
        id="D-05a",
        title="Pub/Sub carries events, the log repairs what it loses",
        question="What carries an accepted event to every gateway?",
        decision="`PUBLISH` inside the function that wrote it; the bounded log serves catch-up; no reader blocks on streams.",
        because=f"An event is on its last client after {one.full} in the middle and {mine.full} at {mine.name}; {_compared(one, other)}. "
        "Subscribers cost one connection a gateway, and a stream would have to be read by every gateway for every session",
        instead_of=(
            Alternative(
                "one channel for everything, every gateway filters",
                "each gateway parses every event of the system",
                naive=True,
            ),
            Alternative("XREAD BLOCK on a stream a session", f"{other.linked} in the middle, {late.linked} at {late.name}"),
        ),
        costs="At-most-once: every client needs epoch, version, catch-up and the beacon.",
        holds_while=(
            Guard(f"{mine.name} of delivery to the last client", mine.value, "<=", brief.value("sync_latency"), "s"),
            *_kept(pubsub, promises),
            Guard("messages that did not reach all clients", pubsub.incomplete.value, "<=", 0, "messages"),
        ),
        requirements=serving,
    )  # fmt: skip


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


def beacon_decision(brief: Brief, e: Beacon, serving: tuple[str, ...]) -> Decision:
    """Return D-05b: how a client learns that it missed the last message."""
    return Decision(
        id="D-05b",
        title="A version beacon finds the lost last message",
        question="How does a client learn that it missed the last event of a burst?",
        decision=f"Gateways compare epoch and version of their sessions every {units.write(e.period.value, 's')}.",
        because=f"With it {e.repaired_with.linked} of {e.repaired_with.n} lost tails were repaired, without it "
        f"{e.repaired_without.linked} of {e.repaired_without.n}",
        instead_of=(
            Alternative("wait for the next event", f"{e.repaired_without.linked} repaired while we watched", naive=True),
            Alternative("keyspace notifications", "sent at most once over the same Pub/Sub; not measured"),
        ),
        costs="One pipelined read a gateway and period; section 4 has the rate.",
        holds_while=(Guard("repair of a lost tail", e.latest.value, "<=", brief.value("sync_latency"), "s"),),
        requirements=serving,
    )  # fmt: skip


def subscription_decision(brief: Brief, c: Publish, serving: tuple[str, ...]) -> Decision:
    """Return D-05c: who subscribes."""
    members, gateways = brief.value("members_per_session"), brief.value("gateway_nodes")
    per = c.per_subscriber.value
    return Decision(
        id="D-05c",
        title="Gateways subscribe, clients do not",
        question="Who subscribes to a session's channel?",
        decision="Each gateway once for each session it has members of; it fans out to its own sockets.",
        because=f"A subscriber costs {c.per_subscriber.linked} a `PUBLISH`, and each connection its buffers",
        instead_of=(
            Alternative(
                "a Redis connection a client",
                f"{units.write(members * per, 's')} a `PUBLISH` for {members:g} members (modelled), and {units.write(members * brief.value('sessions_peak'), 'connections')}",
                naive=True,
            ),
        ),
        costs="The gateway counts references and handles the race of unsubscribe and join.",
        holds_while=(Guard("server time of a PUBLISH to all gateways", c.alone.value + per * gateways, "<=", 0.001, "s"),),
        requirements=serving,
    )  # fmt: skip


def decisions(brief: Brief, stories: Stories, known: Synchronization) -> list[Decision]:
    """Return the decisions that this run's evidence can carry."""
    found: list[Decision] = []
    a, b, c, e = known.pubsub, known.streams, known.publish, known.beacon
    if a and b:
        found += transport_decision(brief, a, b, stories.served_by("sync"), promised.promises(brief, stories))
    if e:
        found.append(beacon_decision(brief, e, stories.served_by("session.catch_up", "sync")))
    if a and c:
        found.append(subscription_decision(brief, c, stories.served_by("scale", "sync")))
    return found
