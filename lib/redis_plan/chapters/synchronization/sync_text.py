"""Section 4 in words: message classes, envelope, the client's rule, order of reads, and the section as a whole."""

from __future__ import annotations

from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.chapters.synchronization.findings import Synchronization
from redis_plan.chapters.synchronization.section import ENVELOPE
from redis_plan.chapters.synchronization.sync_load_text import beacon, budget, pressure, subscriptions
from redis_plan.delivery import acting, snapshots, syncing, touching
from redis_plan.keyspace import functions, settings
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import command_block, snapshot_block, words
from redis_plan.words.snapshot_block import collections
from redis_plan.words.socket_text import closing
from redis_plan.words.sync_common import applies, events_of, is_scripted, not_run
from redis_plan.words.tables import listed

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
    return words.render(
        "chapters/synchronization/message_classes", brief, keyspace, events=events_of(keyspace),
        signals=keyspace.use("typing"), recorded=touching.recorded(keyspace), acted=acting.composed(keyspace),
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


def read_order(brief: Brief, keyspace: Keyspace) -> str:
    """Return subscribe-then-snapshot as commands, for first load and reconnect."""
    keys = functions.session_keys(keyspace, "k3v9", environment="prod")
    most = functions.log_argument(keyspace)
    channel = keys[events_of(keyspace).name]
    command = "SSUBSCRIBE" if events_of(keyspace).sharded else "SUBSCRIBE"
    _, hidden = collections(keyspace, keys)
    subscribe = command_block.block([command_block.line(keyspace, (command, channel), "on the subscriber connection")])
    reads = snapshot_block.block(keyspace)
    whole = snapshots.function(keyspace)
    if whole:
        hidden = tuple(p.pattern.name for p in snapshots.parts(keyspace) if p.form in ("counted", "guarded"))
    return words.render(
        "chapters/synchronization/read_order", brief, keyspace, subscribe=subscribe, reads=reads,
        whole=whole.name if whole else "", hidden=", ".join(f"`{name}`" for name in hidden), most=most.split()[0],
    )  # fmt: skip


def without_sessions(brief: Brief, keyspace: Keyspace) -> str:
    """Return the rule for projects whose Redis holds no sessions: newest value wins."""
    return words.render("chapters/synchronization/newest", brief, keyspace)


def nothing_pushed(brief: Brief, keyspace: Keyspace) -> str:
    """Return section 4 of a project that pushes nothing through Redis."""
    return words.render(
        "chapters/synchronization/nothing", brief, keyspace, own=listed(p for p in keyspace.keys if p.authoritative),
        copies=listed(p for p in keyspace.keys if not p.authoritative),
    )  # fmt: skip


def section(brief: Brief, keyspace: Keyspace, found: Synchronization, stories: Stories) -> list[str]:
    """Return section 4 as blocks of Markdown, for a project with sessions or without."""
    if not keyspace.channels:
        return [
            part for part in (nothing_pushed(brief, keyspace), not_run(found, "pubsub", "stalled", "beacon")) if part
        ]
    if not applies(keyspace):
        parts = [
            message_classes(brief, keyspace),
            without_sessions(brief, keyspace),
            closing(brief, keyspace),
            not_run(found, "pubsub", "publish", "beacon"),
        ]
        heard = [pressure(brief, keyspace, found), subscriptions(brief, keyspace, found)]
        return [part for part in (*parts, *heard) if part]
    return [
        message_classes(brief, keyspace),
        envelope(brief, keyspace),
        client_rule(brief, keyspace),
        read_order(brief, keyspace),
        budget(brief, keyspace, found, stories),
        beacon(brief, keyspace, found),
        pressure(brief, keyspace, found),
        subscriptions(brief, keyspace, found),
    ]
