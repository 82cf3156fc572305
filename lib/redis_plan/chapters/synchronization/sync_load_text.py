"""Section 4 in words, its numbers: beacon, latency budget, backpressure at each hop, subscriptions and probe."""

from __future__ import annotations

import math

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.synchronization.findings import Synchronization
from redis_plan.delivery import sockets
from redis_plan.keyspace import periods, settings
from redis_plan.keyspace.cues import plural, with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words
from redis_plan.words.sync_common import applies, events_of, not_run


def beacon(brief: Brief, keyspace: Keyspace, known: Synchronization) -> str:
    """Return the version beacon: what it costs and how long a lost tail stays unseen."""
    found = periods.periods(brief)["beacon"]
    period = found.seconds
    reads = brief.value("sessions_peak") * brief.value("gateway_nodes") / period
    lines = [
        "### Version beacon: the lost last message",
        "",
        f"A gap shows only when a later event comes. After the last event of a burst none comes, so every gateway reads "
        f"`HMGET <state> epoch version` of its {plural(keyspace.session_noun)} in one pipeline every {units.write(period, 's')}, "
        "compares with what it last forwarded, and sends `{e, v}` to clients of those that differ (and to every client once a "
        "heartbeat). "
        f"That is {units.write(reads, 'reads/s')} at peak (modelled: sessions_peak x gateway_nodes / period).",
    ]
    e = known.beacon
    if e is None:
        return "\n".join([*lines, "", not_run(known, "beacon")])
    lines += [
        "",
        "[figure 04-tail-loss]",
        "",
        "| A burst's last event is dropped | Found |",
        "|:--|:--|",
        f"| with the beacon | {e.repaired_with.linked} of {e.repaired_with.n}, after {e.p50.full} in the middle, {e.latest.full} at most |"
        if e.p50
        else f"| with the beacon | {e.repaired_with.linked} |",
        f"| without | {e.repaired_without.linked} of {e.repaired_without.n} while we watched for {e.watched.linked} or more |",
        "",
        f"Bound: period + catch-up = {units.write(period, 's')} + one round trip ({found.grade}: {found.because}). It is a target of "
        f"its own: the sync latency of {units.write(brief.value('sync_latency'), 's')} ({brief.fact('sync_latency').where}) is that of a "
        "message that arrives.",
    ]
    return "\n".join(lines)


def _wait(brief: Brief) -> str:
    """Return how long a client waits before it connects again, as one term."""
    waits = periods.backoff(brief, "client")
    return f"`random(0, min({units.write(waits.cap_s, 's')}, {units.write(waits.base_s, 's')} x 2^n))`"


def budget(brief: Brief, known: Synchronization) -> str:
    """Return the latency budget hop by hop, and the fault cases beside it."""
    e, d, limit = known.beacon, known.stalled, brief.value("sync_latency")
    p50, tail = (known.pubsub.p50, known.pubsub.tail) if known.pubsub else (None, None)
    network = min(0.1, limit / 20)
    rest = 2 * network
    measured = tail.value if tail else 0.0
    heartbeat, stall = brief.value("heartbeat"), periods.seconds(brief, "stall")
    period = periods.seconds(brief, "beacon")
    repair = e.latest.value if e else 0.0
    rows = [
        f"| client → gateway | {units.write(network, 's')} | assumed: one way over the internet, `p99` of the team's region replaces it |",
        "| gateway → Redis, function, Pub/Sub, gateway, socket of the last client | "
        + (
            f"{tail.linked} | measured, {tail.name} over n = {tail.n:,} (p50 {p50.linked}), one machine, no network |"
            if tail and p50
            else "not measured | not measured |"
        ),
        f"| gateway → client | {units.write(network, 's')} | assumed, as above |",
        f"| **sum** | **{units.write(measured + rest, 's')}** | modelled; {units.write(limit - measured - rest, 's')} left of {units.write(limit, 's')} ({brief.fact('sync_latency').where}) |",
    ]
    faults = [
        f"| one message lost, another follows | next event + catch-up | {units.write(1 / max(brief.value('events_per_session'), 1e-9), 's')} + {units.write(rest, 's')} (modelled), or the beacon if sooner |",
        f"| last message lost | beacon period + catch-up | {units.write(max(period, repair) + rest, 's')} (modelled from [{e.id}]) |"
        if e
        else "| last message lost | beacon period + catch-up | not measured |",
        f"| gateway stalls and is cut by Redis | stall + reconnect + catch-up | {units.write(stall, 's')} soft limit + {d.recovery.linked} |"
        if d
        else "| gateway stalls and is cut by Redis | stall + reconnect + catch-up | not measured |",
        f"| gateway killed | client's ping timeout 2 x {units.write(heartbeat, 's')} at worst (a vanished host; a closed socket shows at once) + jitter up to 1 s + catch-up | {units.write(rest, 's')} to {units.write(2 * heartbeat + 1 + rest, 's')} (modelled) |",
        "| Redis process killed, restarted with its file | restart + reconnect + catch-up | measured in section 9 |",
        "| planned failover (`FAILOVER`) | pause + rediscovery + catch-up | not measured here |",
        "| unplanned failover (Sentinel) | `down-after-milliseconds` 30 s by default + election 1 to 2 s + catch-up | documented (Redis Sentinel docs); outside the budget unless down-after is lowered |",
    ]
    return "\n".join(
        [
            "### Latency budget",
            "",
            "[figure 04-delivery]",
            "",
            "| Hop | Share | Grade |",
            "|:--|--:|:--|",
            *rows,
            "",
            "| Fault | Until every client is right | Time |",
            "|:--|:--|:--|",
            *faults,
        ]
    )


def pressure(brief: Brief, keyspace: Keyspace, known: Synchronization) -> str:
    """Return backpressure at each hop, with the numbers of this project in the formulas."""
    names = settings.quantities(brief, keyspace, 0.0, 0.0)
    hard, gateways = names["hard_limit"], brief.value("gateway_nodes")
    payload, rate, members = (
        brief.value("payload_bytes"),
        brief.value("events_per_session"),
        brief.value("members_per_session"),
    )
    away, stall = periods.seconds(brief, "lease"), periods.seconds(brief, "stall")
    lines = [
        "### Backpressure at each hop",
        "",
        "| Hop | Bound | At the bound | Grade |",
        "|:--|:--|:--|:--|",
        f"| Redis → gateway | `client-output-buffer-limit pubsub {hard:.0f} {hard / 2:.0f} {stall:.0f}`: "
        f"max(1 MiB, {units.write(names['conn_rate'], 'events/s')} x ({units.write(payload, 'B')} + {settings.ENVELOPE_BYTES} B envelope + {settings.FRAME_BYTES:.0f} B frame) x {stall:g} s x 2) "
        f"| Redis cuts the gateway; it subscribes again, {'catches up every session' if applies(keyspace) else 'reads again what it shows'} | modelled |",
        f"| all subscribers | {units.write(hard * gateways, 'B')} = {units.write(hard, 'B')} x {gateways:g} gateways, inside `maxmemory` headroom and `maxmemory-clients` | as above | modelled |",
        f"| gateway → client | 1 MiB queued a client ({f'{max(1.0, 2**20 / (payload + settings.ENVELOPE_BYTES)):,.0f}'} events), checked before each write | close it ({sockets.sign(brief, 'slow')}); the client reconnects and {'catches up' if applies(keyspace) else 'reads again'} | chosen |",
        "| lossy signals | the newest for each (client, `t`), 1 waiting | the older one is replaced | chosen |",
    ]
    if applies(keyspace):
        log = int(keyspace.pattern("log").max_elements)
        lines += [
            f"| log | {log:,} entries ≥ min(1,000, {rate:g}/s x {units.write(away, 's')} = {math.ceil(rate * away):,}) | a client that missed more gets a snapshot | modelled |",
            f"| reconnecting clients | snapshot about {units.write(brief.value('state_bytes') + members * brief.value('member_bytes'), 'B')}; all clients of one gateway at once: {units.write(brief.value('sessions_peak') * members / max(gateways, 1) * (brief.value('state_bytes') + members * brief.value('member_bytes')), 'B')} | single flight {with_article(keyspace.session_noun)}, see reconnect storm | modelled |",
        ]
    lines += [
        "",
        "The subscriber connection's reader does nothing but drain and enqueue; parsing and sending happen elsewhere. Serialise an event once a gateway, not once a client.",
    ]
    if (d := known.stalled) is None:
        lines += ["", not_run(known, "stalled")]
    else:
        lines += [
            "",
            f"A subscriber that stops reading, at a limit of {d.limit.linked}: {d.counted.linked} were counted as delivered; "
            f"{d.received.linked} arrived, {d.lost.linked} were lost with the buffer. After that {d.wrong.linked} of "
            f"{d.wrong.n} ended in a wrong state.",
        ]
    return "\n".join(lines)


def subscriptions(brief: Brief, keyspace: Keyspace, found: Synchronization) -> str:
    """Return who subscribes, when a cluster would change that, and how a dead subscription is found."""
    probe = keyspace.use("probe")
    return words.render(
        "chapters/synchronization/subscriptions", brief, keyspace, found=found, probe=probe.template if probe else "",
        gateways=f"{brief.value('gateway_nodes'):g}", waits=_wait(brief),
        sharded=events_of(keyspace).chosen == "sharded-pubsub",
        published=brief.value("sessions_peak") * brief.value("events_per_session"),
    )  # fmt: skip
