"""Section 4 in words: message classes, envelope, the client's rule, order of reads, and the section as a whole."""

from __future__ import annotations

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.synchronization.findings import Synchronization
from redis_plan.chapters.synchronization.section import ENVELOPE
from redis_plan.chapters.synchronization.sync_load_text import beacon, budget, pressure, subscriptions, topology
from redis_plan.delivery import acting, snapshots, syncing, touching
from redis_plan.keyspace import functions, periods, settings
from redis_plan.keyspace.cues import with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import command_block, snapshot_block, words
from redis_plan.words.snapshot_block import collections
from redis_plan.words.socket_text import closing
from redis_plan.words.sync_common import applies, events_of, is_scripted, not_run

DELIVERY_ALT = (
    "Cumulative share of changes against time to their last client on a log scale, for Pub/Sub and streams, "
    "far left of the budget line."
)

PUBLISH_ALT = (
    "Line of server time for one PUBLISH against subscribers on log scales, rising in proportion beyond ten "
    "subscribers."
)

TAIL_ALT = "Dots of repair times within one beacon period for sessions with the beacon, and none for those without."


def message_classes(brief: Brief, keyspace: Keyspace) -> str:
    """Return what each kind of message promises, and what repairs a lost one."""
    rows = []
    for channel in keyspace.channels:
        if applies(keyspace) and channel.use == "events":
            rows.append(
                f"| state events of {with_article(keyspace.session_noun)} (join, leave, every `session_apply`{', every `session_record`' if touching.recorded(keyspace) else ''}{', every action' if acting.composed(keyspace) else ''}, end) | `{channel.template}` "
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
                f"| signals that the next one replaces (a cursor, who types) | `{events_of(keyspace).template}` with `t` "
                "beginning with `~` and no `v` | lossy | nothing; the next one replaces it |"
            )
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


def envelope(brief: Brief, keyspace: Keyspace) -> str:
    """Return the envelope, field by field, with one real example."""
    channel = functions.session_keys(keyspace, "k3v9", environment="prod")[events_of(keyspace).name]
    return words.render(
        "chapters/synchronization/envelope", brief, keyspace,
        channel=channel, envelope=ENVELOPE, widest=settings.ENVELOPE_BYTES,
    )  # fmt: skip


def client_rule(brief: Brief, keyspace: Keyspace) -> str:
    """Return the client's state machine: the table and code in the language of the project's clients."""
    scripted = is_scripted(brief)
    path, language = (syncing.TYPESCRIPT, "typescript") if scripted else (syncing.PYTHON, "python")
    driver = syncing.TYPESCRIPT_DRIVER if scripted else syncing.PYTHON_DRIVER
    return words.render(
        "chapters/synchronization/client_rule", brief, keyspace,
        path=path, language=language, excerpt=syncing.excerpt(path), driver=driver,
    )  # fmt: skip


def read_order(keyspace: Keyspace) -> str:
    """Return subscribe-then-snapshot as commands, for first load and reconnect."""
    keys = functions.session_keys(keyspace, "k3v9", environment="prod")
    most = functions.log_argument(keyspace)
    channel = keys[events_of(keyspace).name]
    command = "SSUBSCRIBE" if events_of(keyspace).chosen == "sharded-pubsub" else "SUBSCRIBE"
    _, hidden = collections(keyspace, keys)
    subscribe = command_block.block([command_block.line(keyspace, (command, channel), "on the subscriber connection")])
    reads = snapshot_block.block(keyspace)
    if whole := snapshots.function(keyspace):
        hidden = tuple(p.pattern.name for p in snapshots.parts(keyspace) if p.form in ("counted", "guarded"))
        at_once = f"`{whole.name}` is one step: state and collections are of one version, and the role is read from the state."
    else:
        at_once = "The collections in the same `MULTI` are those of the version in the reply."
    kept_back = (
        f" What not everybody may see ({', '.join(f'`{name}`' for name in hidden)}) is counted, and shown to whom it concerns."
        if hidden
        else ""
    )
    return f"""### Subscribe first, then read

The same order for first load and reconnect; the reverse loses what is published between the read and the subscription.

1. The gateway subscribes, if it has no member of this {keyspace.session_noun} yet, and waits for the confirmation:

{subscribe}

2. The client asks: `{{"catch_up": {{"epoch": "5f0c1b2a9d3e4f60", "version": 38}}}}`, with "" and 0 on first load.

3. The gateway reads:

{reads}

4. It answers with the delta `["delta", 42, <39>, <40>, <41>, <42>]`, contiguous, or with a snapshot `["snapshot", 42, "<epoch>", field, value, …]`, the state at version 42.

5. The client drops held events with v ≤ 42 and applies the rest.

{at_once}{kept_back} The read is bounded: a delta has at most {most.split()[0]} entries, more missed events give a snapshot. The gateway forwards events to a client from step 1 on and sends nothing of its own between."""


def without_sessions(brief: Brief, keyspace: Keyspace) -> str:
    """Return the rule for projects whose Redis holds no sessions: newest value wins."""
    return "\n".join(
        [
            "### Newest value wins",
            "",
            "Nobody joins and leaves here, so there are no versions of a session to count: a reader needs the newest value, not every value.",
            "",
            "1. A gateway subscribes to the channel first, waits for the confirmation, then reads the stored value (section 1 has the keys).",
            "2. Writer: value and TTL in one step, a function of section 7 or one `MULTI`, and in it, last, the `PUBLISH` with the fields of section 2, so that publish order is write order.",
            "3. A reader replaces its copy only by a message with a later sequence or time; an earlier or equal one is dropped.",
            f"4. Every {units.write(periods.seconds(brief, 'beacon'), 's')} the gateway reads again what its clients show: that bounds a lost last message.",
        ]
    )


def nothing_pushed(brief: Brief, keyspace: Keyspace) -> str:
    """Return section 4 of a project that pushes nothing through Redis."""
    own = [f"`{p.name}`" for p in keyspace.keys if p.authoritative]
    copies = [f"`{p.name}`" for p in keyspace.keys if not p.authoritative]
    lines = [
        "### Nothing is pushed",
        "",
        "No demand of the documents asks that somebody sees another one's change at once, so the design has no channel, no event log, "
        "and no version to count. A client sees a change with its next request, and a request reads what is stored at that moment.",
        "",
    ]
    if own:
        lines.append(
            f"- {', '.join(own)}: each request asks Redis; a change is one command or one function, so two requests at once "
            "can't both win."
        )
    if copies:
        lines.append(
            f"- {', '.join(copies)}: a copy of what the database has. Whoever changes the database deletes the copy *after* the "
            "commit; one that this misses is stale for its TTL at most (section 3)."
        )
    lines += [
        "",
        "Should a live view come (a shared list, a progress bar), one process can push it from memory, or poll every "
        f"{units.write(brief.value('sync_latency'), 's')} ({brief.fact('sync_latency').where}); Redis Pub/Sub pays from two processes on, and is then "
        "at-most-once: subscribe first, read the stored value, read again now and then.",
    ]
    return "\n".join(lines)


def section(brief: Brief, keyspace: Keyspace, found: Synchronization) -> list[str]:
    """Return section 4 as blocks of Markdown, for a project with sessions or without."""
    if not keyspace.channels:
        return [
            part for part in (nothing_pushed(brief, keyspace), not_run(found, "pubsub", "stalled", "beacon")) if part
        ]
    if not applies(keyspace):
        parts = [
            message_classes(brief, keyspace),
            without_sessions(brief, keyspace),
            closing(brief),
            not_run(found, "pubsub", "publish", "beacon"),
        ]
        heard = [pressure(brief, keyspace, found), subscriptions(brief, keyspace, found.publish)]
        return [part for part in (*parts, *heard) if part]
    return [
        message_classes(brief, keyspace),
        envelope(brief, keyspace),
        client_rule(brief, keyspace),
        read_order(keyspace),
        budget(brief, found),
        beacon(brief, keyspace, found),
        pressure(brief, keyspace, found),
        topology(brief, keyspace, found.publish),
    ]
