"""Decisions of section 4: what carries events, what finds a lost tail, who subscribes."""

from __future__ import annotations

from redis_plan import units
from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.evidence.decision import Alternative, Decision, Guard
from redis_plan.evidence.store import Evidence
from redis_plan.words.sync_common import tail


def transport_decision(brief: Brief, a: Evidence, b: Evidence, serving: tuple[str, ...]) -> Decision:
    """Return D-05a: what carries an accepted event to the gateways."""
    mine, other = tail(a), tail(b)
    return Decision(
        id="D-05a",
        title="Pub/Sub carries events, the log repairs what it loses",
        question="What carries an accepted event to every gateway?",
        decision="`PUBLISH` inside the function that wrote it; the bounded log serves catch-up; no reader blocks on streams.",
        because=f"An event is on its last client after {a.cite('p50')} in the middle and {a.cite(mine)} at {mine}; {_compared(a, b)}. "
        "Subscribers cost one connection a gateway, and a stream would have to be read by every gateway for every session",
        instead_of=(
            Alternative(
                "one channel for everything, every gateway filters",
                "each gateway parses every event of the system",
                naive=True,
            ),
            Alternative("XREAD BLOCK on a stream a session", f"{b.number('p50')} in the middle, {b.number(other)} at {other}"),
        ),
        costs="At-most-once: every client needs epoch, version, catch-up and the beacon.",
        holds_while=(
            Guard(f"{mine} of delivery to the last client", a[mine].value, "<=", brief.value("sync_latency"), "s"),
            Guard("messages that did not reach all clients", a["incomplete"].value, "<=", 0, "messages"),
        ),
        requirements=serving,
    )  # fmt: skip


def _compared(a: Evidence, b: Evidence) -> str:
    """Say what the medians of both transports show, and no more."""
    one, other = a["p50"], b["p50"]
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return "the two transports were not compared"
    if one.high >= other.low and other.high >= one.low:
        return "we saw no difference to streams in the middle"
    return f"streams are {'slower' if other.value > one.value else 'faster'} in the middle, {b.number('p50')}"


def beacon_decision(brief: Brief, e: Evidence, serving: tuple[str, ...]) -> Decision:
    """Return D-05b: how a client learns that it missed the last message."""
    return Decision(
        id="D-05b",
        title="A version beacon finds the lost last message",
        question="How does a client learn that it missed the last event of a burst?",
        decision=f"Gateways compare epoch and version of their sessions every {units.write(e['period'].value, 's')}.",
        because=f"With it {e.number('repaired_with')} of {e['repaired_with'].n} lost tails were repaired, without it "
        f"{e.number('repaired_without')} of {e['repaired_without'].n}",
        instead_of=(
            Alternative("wait for the next event", f"{e.number('repaired_without')} repaired while we watched", naive=True),
            Alternative("keyspace notifications", "sent at most once over the same Pub/Sub; not measured"),
        ),
        costs="One pipelined read a gateway and period; section 4 has the rate.",
        holds_while=(Guard("repair of a lost tail", e["max"].value, "<=", brief.value("sync_latency"), "s"),),
        requirements=serving,
    )  # fmt: skip


def subscription_decision(brief: Brief, c: Evidence, serving: tuple[str, ...]) -> Decision:
    """Return D-05c: who subscribes."""
    members, gateways = brief.value("members_per_session"), brief.value("gateway_nodes")
    per = c["per_subscriber"].value
    return Decision(
        id="D-05c",
        title="Gateways subscribe, clients do not",
        question="Who subscribes to a session's channel?",
        decision="Each gateway once for each session it has members of; it fans out to its own sockets.",
        because=f"A subscriber costs {c.number('per_subscriber')} a `PUBLISH`, and each connection its buffers",
        instead_of=(
            Alternative(
                "a Redis connection a client",
                f"{units.write(members * per, 's')} a `PUBLISH` for {members:g} members (modelled), and {units.write(members * brief.value('sessions_peak'), 'connections')}",
                naive=True,
            ),
        ),
        costs="The gateway counts references and handles the race of unsubscribe and join.",
        holds_while=(Guard("server time of a PUBLISH to all gateways", c["at_0"].value + per * gateways, "<=", 0.001, "s"),),
        requirements=serving,
    )  # fmt: skip


def decisions(brief: Brief, stories: Stories, a: Evidence, b: Evidence, c: Evidence, e: Evidence) -> list[Decision]:
    """Return the decisions that this run's evidence can carry."""
    found = []
    if not a.not_run and not b.not_run and "p50" in a and "p50" in b:
        found.append(transport_decision(brief, a, b, stories.served_by("sync")))
    if not e.not_run and "max" in e:
        found.append(beacon_decision(brief, e, stories.served_by("session.catch_up", "sync")))
    if not a.not_run and not c.not_run:
        found.append(subscription_decision(brief, c, stories.served_by("scale", "sync")))
    return found
