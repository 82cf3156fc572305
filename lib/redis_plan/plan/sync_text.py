"""Section 4 in words: message classes, envelope, the client's rule, order of reads, beacon, budget, backpressure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.experiments.synchronization import beacon_period_s
from redis_plan.keyspace import functions, records, settings
from redis_plan.keyspace.chain import lease
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.plan.evidence import Evidence
from redis_plan.resources import catalog_dir

_SCRIPTED = re.compile(
    r"\b(javascript|typescript|node(\.?js)?|react|vue|nuxt|svelte(kit)?|angular|next(\.?js)?|astro|socket\.io|ws|nest(js)?)\b"
)

DELIVERY_ALT = (
    "Cumulative share of changes against time to their last client on a log scale, for Pub/Sub and streams, "
    "far left of the budget line."
)

PUBLISH_ALT = (
    "Line of server time for one PUBLISH against subscribers on log scales, rising in proportion beyond ten "
    "subscribers."
)

TAIL_ALT = "Dots of repair times within one beacon period for sessions with the beacon, and none for those without."


def is_scripted(brief: Brief) -> bool:
    """Whether the project's stack speaks JavaScript or TypeScript."""
    return any(
        _SCRIPTED.search(c.name.lower()) for c in brief.stack if c.status in ("chosen", "mentioned", "alternative")
    )


def applies(keyspace: Keyspace) -> bool:
    """Whether the project has sessions that the functions keep in sync."""
    return not functions.missing(keyspace)


def tail(evidence: Evidence) -> str:
    """Return the highest percentile that this evidence has samples for."""
    return next((name for name in ("p99", "p95", "max") if name in evidence), "max")


def not_run(*evidence: Evidence) -> str:
    """Return a list of the experiments that did not run, with the reason, or ""."""
    return "\n".join(f"- [{e.id}] not run: {e.not_run}" for e in evidence if e.not_run)


def channels(keyspace: Keyspace) -> tuple[KeyPattern, ...]:
    """Return the channels of the design."""
    return keyspace.channels


def message_classes(brief: Brief, keyspace: Keyspace) -> str:
    """Return what each kind of message promises, and what repairs a lost one."""
    rows = []
    for channel in keyspace.channels:
        if applies(keyspace) and channel.use == "events":
            rows.append(
                f"| state events of a {keyspace.session_noun} (join, leave, every `session_apply`{', `session_record`' if records.recorded(keyspace) else ''}, end) | `{channel.template}` "
                f"| must converge | a version: gap, beacon or reconnect → `session_catch_up` |"
            )
        else:
            rows.append(
                f"| {channel.holds} | `{channel.template}` | lossy: the newest one counts | {channel.when_lost or 'the next message replaces it'} |"
            )
    if applies(keyspace):
        signals = keyspace.use("typing")
        rows.append("| heartbeats | WebSocket only; the gateway calls `session_heartbeat` | lossy | the next one |")
        if signals is None:
            rows.append(
                f"| signals that the next one replaces (a cursor, who types) | `{_events(keyspace).template}` with `t` "
                "beginning with `~` and no `v` | lossy | nothing; the next one replaces it |"
            )
    if not rows:
        rows = [
            "| none | the design has no channel | readers poll | the next read |",
        ]
    note = (
        "Pub/Sub is at-most-once: `PUBLISH` returning 1 is no delivery. What must converge carries a version and is also in "
        "`log`; what is lossy is never repaired and never carries a version."
        if applies(keyspace)
        else "Pub/Sub is at-most-once: `PUBLISH` returning 1 is no delivery. A subscriber therefore subscribes first, then "
        "reads the stored value, and lets a message only replace an older one."
    )
    return "\n".join(
        ["### Message classes", "", "| Message | Channel | Promise | A lost one is repaired by |", "|:--|:--|:--|:--|", *rows, "", note]
    )  # fmt: skip


def _events(keyspace: Keyspace) -> KeyPattern:
    return keyspace.use("events") or keyspace.channels[0]


def envelope(brief: Brief, keyspace: Keyspace) -> str:
    """Return the envelope, field by field, with one real example."""
    keys = functions.session_keys(keyspace, "k3v9", environment="prod")
    events = _events(keyspace)
    return f"""### Envelope

One JSON object, built inside the function, published and appended to `log` in the same step, so publish order is version order. The session is the channel's own name (`{keys[events.name]}`), the schema version is the `:v{keyspace.schema_version}:` in it.

```json
{{"e":"5f0c1b2a9d3e4f60","v":42,"ts":1795411145171,"t":"change","op":"01JD8Q6Z7K3W9M2N4P5R6S7T8V","d":{{"set":{{"status":"open"}}}}}}
```

| Field | Meaning | Width |
|:--|:--|:--|
| `e` | epoch: random hex, new on creation, loss and restore | 16 B |
| `v` | version after this event, +1 an accepted event; an integer up to 2^53 - 1, never through `cjson` | 16 B |
| `ts` | server TIME of the event, Unix milliseconds: sync lag = receive time - `ts` | 13 B |
| `t` | event type; `join`, `leave` and `end` belong to the functions | 24 B |
| `op` | operation id of the client (ULID), "" for the functions' own events; the origin recognises its own event by it | 26 B |
| `d` | data; fields to set in `d.set`; an unknown field is ignored, an unknown `t` moves the version on | {units.write(brief.value("payload_bytes"), "B")} ({brief.fact("payload_bytes").where}) |

The widest envelope without `d` has {settings.ENVELOPE_BYTES} B (modelled: 39 B of names and marks, and the widths above)."""


def client_rule(brief: Brief) -> str:
    """Return the client's state machine: the table and code in the language of the project's clients."""
    name, language = ("sync_client.mjs", "js") if is_scripted(brief) else ("sync_client.py", "python")
    code = (catalog_dir() / "functions" / name).read_text("utf-8").rstrip()
    return f"""### The client's rule

| In state | Message | Then |
|:--|:--|:--|
| live | same epoch, `v` = version + 1 | apply |
| live | same epoch, `v` ≤ version | drop (a duplicate, or what the snapshot already has) |
| live | same epoch, `v` > version + 1 | hold it, send `catch_up` with epoch and version: catching up |
| live | another epoch | hold it, `catch_up`: the answer is a snapshot |
| live | beacon that differs from own epoch and version, ahead or behind | `catch_up`: a client ahead of the server also gets a snapshot |
| catching up | event | hold, 1,000 at most; beyond, forget the epoch, so that the answer is a snapshot |
| catching up | `delta` | apply in order, then the held ones: live |
| catching up | `snapshot` | replace the copy, then the held ones: live |
| any | `gone`, or event `end` | gone: show the start page |
| any | unreadable message | count it, drop it; the gap it leaves is found like any other |
| live, catching up | an event that `fold` throws on (poison, a newer release) | count it, ask with an empty epoch: the snapshot goes around it |

The socket's handler gives events whose `t` begins with `~` to the view and everything else to `receive`.

```{language}
{code}
```"""


def read_order(keyspace: Keyspace) -> str:
    """Return subscribe-then-snapshot as commands, for first load and reconnect."""
    keys = functions.session_keys(keyspace, "k3v9", environment="prod")
    most = functions.log_argument(keyspace)
    channel = keys[_events(keyspace).name]
    command = "SSUBSCRIBE" if _events(keyspace).chosen == "sharded-pubsub" else "SUBSCRIBE"
    return f"""### Subscribe first, then read

The same order for first load and reconnect; the reverse loses what is published between the read and the subscription.

```text
1  gateway, if it has no member of this {keyspace.session_noun} yet:   {command} {channel}
   and wait for the confirmation
2  client → gateway                      {{"catch_up": {{"epoch": "5f0c1b2a9d3e4f60", "version": 38}}}}   ("" and 0 on first load)
3  gateway → Redis, one MULTI:           FCALL session_catch_up 2 {keys["state"]} {keys["log"]} 5f0c1b2a9d3e4f60 38 "{most}"
                                         HGETALL {keys["roster"]}{_collections(keyspace, keys)}
4  Redis → gateway → client              ["delta", 42, <39>, <40>, <41>, <42>]       contiguous, or it is a snapshot
                                         ["snapshot", 42, "<epoch>", field, value, …] state at version 42
5  client drops held events with v ≤ 42 and applies the rest
```

The collections in the same `MULTI` are those of the version in the reply; what is hidden until a reveal is not among them. The read is bounded: a delta has at most {most.split()[0]} entries, more missed events give a snapshot. The gateway forwards events to a client from step 1 on and sends nothing of its own between."""


def _collections(keyspace: Keyspace, keys: Mapping[str, str]) -> str:
    """Return the reads of the collections that a snapshot shows: those with one key a session that nobody hides."""
    reads = [
        p.candidate.read[0].replace("<key>", keys[p.name])
        for p in records.recorded(keyspace)
        if p.name in keys and p.candidate and p.candidate.read and p.use != "votes"
    ]
    return "".join(f"\n{' ' * 41}{read}" for read in reads)


def beacon(brief: Brief, keyspace: Keyspace, e: Evidence) -> str:
    """Return the version beacon: what it costs and how long a lost tail stays unseen."""
    period = beacon_period_s(brief)
    reads = brief.value("sessions_peak") * brief.value("gateway_nodes") / period
    lines = [
        "### Version beacon: the lost last message",
        "",
        f"A gap shows only when a later event comes. After the last event of a burst none comes, so every gateway reads "
        f"`HMGET <state> epoch version` of its {keyspace.session_noun}s in one pipeline every {units.write(period, 's')}, "
        "compares with what it last forwarded, and sends `{e, v}` to clients of those that differ (and to every client once a "
        "heartbeat). "
        f"That is {units.write(reads, 'reads/s')} at peak (modelled: sessions_peak x gateway_nodes / period).",
    ]
    if e.not_run:
        return "\n".join([*lines, "", not_run(e)])
    lines += [
        "",
        "[figure 04-tail-loss]",
        "",
        "| A burst's last event is dropped | Found |",
        "|:--|:--|",
        f"| with the beacon | {e.number('repaired_with')} of {e['repaired_with'].n}, after {e.cite('p50')} in the middle, {e.cite('max')} at most |"
        if e["repaired_with"].value
        else f"| with the beacon | {e.number('repaired_with')} |",
        f"| without | {e.number('repaired_without')} of {e['repaired_without'].n} while we watched for {e.number('watched')} or more |",
        "",
        f"Bound: period + catch-up = {units.write(period, 's')} + one round trip, inside the sync latency of "
        f"{units.write(brief.value('sync_latency'), 's')} ({brief.fact('sync_latency').where}).",
    ]
    return "\n".join(lines)


def budget(brief: Brief, keyspace: Keyspace, a: Evidence, e: Evidence, d: Evidence) -> str:
    """Return the latency budget hop by hop, and the fault cases beside it."""
    limit = brief.value("sync_latency")
    network = min(0.1, limit / 20)
    rest = 2 * network
    measured = 0.0 if a.not_run else a[tail(a)].value
    heartbeat = brief.value("heartbeat")
    period = beacon_period_s(brief)
    repair = 0.0 if e.not_run or "max" not in e else e["max"].value
    rows = [
        f"| client → gateway | {units.write(network, 's')} | assumed: one way over the internet, `p99` of the team's region replaces it |",
        "| gateway → Redis, function, Pub/Sub, gateway, socket of the last client | "
        + (
            f"{a.number(tail(a))} | measured, {tail(a)} over n = {a[tail(a)].n:,}, one machine, no network |"
            if not a.not_run
            else "not measured | not measured |"
        ),
        f"| gateway → client | {units.write(network, 's')} | assumed, as above |",
        f"| **sum** | **{units.write(measured + rest, 's')}** | modelled; {units.write(limit - measured - rest, 's')} left of {units.write(limit, 's')} ({brief.fact('sync_latency').where}) |",
    ]
    faults = [
        f"| one message lost, another follows | next event + catch-up | {units.write(1 / max(brief.value('events_per_session'), 1e-9), 's')} + {units.write(rest, 's')} (modelled), or the beacon if sooner |",
        f"| last message lost | beacon period + catch-up | {units.write(max(period, repair) + rest, 's')} (modelled from [{e.id}]) |"
        if not e.not_run
        else "| last message lost | beacon period + catch-up | not measured |",
        f"| gateway stalls and is cut by Redis | stall + reconnect + catch-up | {units.write(settings.STALL_S, 's')} soft limit + {d.number('recovery')} |"
        if not d.not_run
        else "| gateway stalls and is cut by Redis | stall + reconnect + catch-up | not measured |",
        f"| gateway killed | client's ping timeout 2 x {units.write(heartbeat, 's')} at worst (a closed socket shows at once) + jitter up to 1 s + catch-up | {units.write(rest, 's')} to {units.write(2 * heartbeat + 1 + rest, 's')} (modelled) |",
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


def pressure(brief: Brief, keyspace: Keyspace, d: Evidence) -> str:
    """Return backpressure at each hop, with the numbers of this project in the formulas."""
    names = settings.quantities(brief, keyspace, 0.0, 0.0)
    hard, gateways = names["hard_limit"], brief.value("gateway_nodes")
    payload, rate, members = (
        brief.value("payload_bytes"),
        brief.value("events_per_session"),
        brief.value("members_per_session"),
    )
    away = lease(brief)
    lines = [
        "### Backpressure at each hop",
        "",
        "| Hop | Bound | At the bound | Grade |",
        "|:--|:--|:--|:--|",
        f"| Redis → gateway | `client-output-buffer-limit pubsub {hard:.0f} {hard / 2:.0f} {settings.STALL_S:.0f}`: "
        f"max(1 MiB, {units.write(names['conn_rate'], 'events/s')} x ({units.write(payload, 'B')} + {settings.ENVELOPE_BYTES} B envelope + {settings.FRAME_BYTES:.0f} B frame) x {settings.STALL_S:g} s x 2) "
        "| Redis cuts the gateway; it subscribes again, catches up every session | modelled |",
        f"| all subscribers | {units.write(hard * gateways, 'B')} = {units.write(hard, 'B')} x {gateways:g} gateways, inside `maxmemory` headroom and `maxmemory-clients` | as above | modelled |",
        f"| gateway → client | 1 MiB queued a client ({f'{max(1.0, 2**20 / (payload + settings.ENVELOPE_BYTES)):,.0f}'} events), checked before each write | close code 4002 `slow`; the client reconnects and catches up | chosen |",
        "| lossy signals | the newest for each (client, `t`), 1 waiting | the older one is replaced | chosen |",
    ]
    if applies(keyspace):
        log = int(keyspace.pattern("log").max_elements)
        lines += [
            f"| log | {log:,} entries ≥ min(1,000, {rate:g}/s x {units.write(away, 's')} = {math.ceil(rate * away):,}) | a client that missed more gets a snapshot | modelled |",
            f"| reconnecting clients | snapshot about {units.write(brief.value('state_bytes') + members * brief.value('member_bytes'), 'B')}; all clients of one gateway at once: {units.write(brief.value('sessions_peak') * members / max(gateways, 1) * (brief.value('state_bytes') + members * brief.value('member_bytes')), 'B')} | single flight a {keyspace.session_noun}, see reconnect storm | modelled |",
        ]
    lines += [
        "",
        "The subscriber connection's reader does nothing but drain and enqueue; parsing and sending happen elsewhere. Serialise an event once a gateway, not once a client.",
    ]
    if d.not_run:
        lines += ["", not_run(d)]
    else:
        lines += [
            "",
            f"A subscriber that stops reading, at a limit of {d.number('limit')}: {d.number('counted')} were counted as delivered; "
            f"{d.number('received')} arrived, {d.number('lost')} were lost with the buffer. After that {d.number('wrong')} of "
            f"{d['wrong'].n} ended in a wrong state.",
        ]
    return "\n".join(lines)


def topology(brief: Brief, keyspace: Keyspace, c: Evidence) -> str:
    """Return subscriptions and the cluster decision."""
    events, gateways = _events(keyspace), brief.value("gateway_nodes")
    probe = keyspace.use("probe")
    sharded = events.chosen == "sharded-pubsub"
    cost = (
        "" if c.not_run else f" A further subscriber adds {c.number('per_subscriber')} of server time to a `PUBLISH`."
    )
    publish = brief.value("sessions_peak") * brief.value("events_per_session")
    return f"""### Subscriptions, cluster, probe

[figure 04-publish-cost]

- **One subscription a gateway and {keyspace.session_noun}**, counted by reference: first member in → subscribe, last member out → unsubscribe after 5 s (a page reload does not flap). No patterns: `PSUBSCRIBE` taxes every `PUBLISH`.{cost} {gateways:g} gateways ({brief.fact("gateway_nodes").where}) are {gateways:g} subscribers, whatever the number of clients.
- **One subscriber connection of its own** on each gateway, name `gateway-<node>-sub`. Subscribing and unsubscribing of one channel go through one queue; a confirmation for a state that is no longer wanted sends the opposite command, so a join during an unsubscribe is not lost.
- **Cluster.** {"Sharded Pub/Sub: channel and keys share the hash tag, `SPUBLISH` stays in the shard; one `SSUBSCRIBE` holds channels of one slot only; an unsolicited `sunsubscribe` (slot moved) means subscribe again on the new node and catch up." if sharded else f"One primary and its replica: {units.write(publish, 'events/s')} at peak is far below what one core publishes (section 6), so classic `PUBLISH` stays. Every key of a {keyspace.session_noun} already has one hash tag; moving to a cluster changes `PUBLISH` into `SPUBLISH` (the functions take the channel as `<name> sharded`) and `SUBSCRIBE` into `SSUBSCRIBE`, one slot a command, with a re-subscribe on an unsolicited `sunsubscribe`."}
- **Probe.** Each gateway publishes the time to its own channel `{probe.template if probe else ""}` every second and must receive it on the subscriber connection within 2 s; otherwise it drops that connection, resolves the primary again, subscribes in batches of 512 channels and lets every client catch up. A healthy TCP connection on the wrong node is found by nothing else.
- **Reconnect storm.** Clients wait `random(0, min(10 s, 250 ms x 2^n))`; a gateway admits 200 catch-ups/s and answers the others with `retry_after`; one `session_catch_up` is in flight a {keyspace.session_noun} and gateway, clients with the same epoch and version share its answer."""


def without_sessions(brief: Brief, keyspace: Keyspace) -> str:
    """Return the rule for projects whose Redis holds no sessions: newest value wins."""
    stored = [p for p in keyspace.keys if not p.authoritative or p.type in ("hash", "string", "zset", "stream")][:6]
    rows = [
        f"| `{p.template}` | {p.type} | {p.holds} | {', '.join(p.writers[:2])} | {p.when_lost or '–'} |" for p in stored
    ]
    heard = ", ".join(f"`{c.template}`" for c in keyspace.channels) or "no channel: readers ask again"
    return "\n".join(
        [
            "### Newest value wins",
            "",
            f"This design has no sessions with members, so no versions to count: a reader needs the newest value, not every value. Channels: {heard}.",
            "",
            "| Key | Type | Holds | Written by | When lost |",
            "|:--|:--|:--|:--|:--|",
            *rows,
            "",
            "1. A reader subscribes to the channel first (where there is one), waits for the confirmation, then reads the stored value.",
            "2. Writer: value and `updated_at` (server TIME) in one `MULTI` with the TTL, then `PUBLISH` of the id and `updated_at`.",
            "3. A reader replaces its copy only by a later `updated_at`; an earlier or equal one is dropped.",
            f"4. Every {units.write(beacon_period_s(brief), 's')} to {units.write(brief.value('sync_latency'), 's')} the reader reads again what it shows: that bounds a lost last message, since Pub/Sub is at-most-once.",
        ]
    )


def serves(brief: Brief, *words: str) -> tuple[str, ...]:
    """Return ids of at most five requirements that speak of one of ``words`` (real-time ones where none does)."""
    found = [r.id for r in brief.requirements if r.kind != "out-of-scope" and any(w in r.text.lower() for w in words)]
    return tuple((found or [r.id for r in brief.requirements if r.realtime and r.kind != "out-of-scope"])[:5])


def section(brief: Brief, keyspace: Keyspace, a: Evidence, c: Evidence, d: Evidence, e: Evidence) -> list[str]:
    """Return section 4 as blocks of Markdown, for a project with sessions or without."""
    if not applies(keyspace):
        parts = [message_classes(brief, keyspace), without_sessions(brief, keyspace), not_run(a, c, e)]
        return [part for part in (*parts, pressure(brief, keyspace, d) if keyspace.channels else "") if part]
    return [
        message_classes(brief, keyspace),
        envelope(brief, keyspace),
        client_rule(brief),
        read_order(keyspace),
        budget(brief, keyspace, a, e, d),
        beacon(brief, keyspace, e),
        pressure(brief, keyspace, d),
        topology(brief, keyspace, c),
    ]
