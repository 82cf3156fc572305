"""Rules that follow from notebook 04: the decisions, how timers run, and the notes that the measurements contradict."""

from __future__ import annotations

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.expiry.findings import Expiry, Lag
from redis_plan.chapters.expiry.sliding import WRITE_EXPIRE
from redis_plan.delivery.walkthrough import Writer
from redis_plan.evidence.decision import Decision, Guard
from redis_plan.keyspace import bounds, chain
from redis_plan.keyspace.model import Keyspace
from redis_plan.memory.active_expiry import expected_lag_s, standing
from redis_plan.words import command_block, words
from redis_plan.words.deciding import decided


def volatile_keys(brief: Brief, keyspace: Keyspace) -> float:
    """Return how many keys with a TTL the project holds at peak: keys a session times sessions, and the global ones."""
    sessions = brief.value("sessions_peak")
    timed = [p for p in keyspace.keys if p.ttl.policy != "none"]
    return sum(p.per_session * (sessions if p.scope == "session" else 1.0) for p in timed)


def due_per_s(brief: Brief, keyspace: Keyspace) -> float:
    """Return how many keys fall due a second at peak: those whose end nobody brings about, each once in its lifetime."""
    sessions = brief.value("sessions_peak")
    ending = [p for p in keyspace.keys if bounds.falls_due(p)]
    return sum(p.per_session * (sessions if p.scope == "session" else 1.0) / float(p.ttl.seconds or 1) for p in ending)


def late_s(brief: Brief, keyspace: Keyspace, hz: float) -> float:
    """Return how late a key is removed at the project's own size: by the sweep at rest, or as fast as what falls due makes it."""
    keys, pace = volatile_keys(brief, keyspace), due_per_s(brief, keyspace)
    rest = expected_lag_s(keys, hz)
    return min(rest, standing(keys, pace, hz).lag_s) if pace else rest


def in_short(brief: Brief, keyspace: Keyspace, hz: float) -> str:
    """Write the same in one figure, as what it is: the mean of a sweep at rest, else the most that a busy one leaves."""
    late = late_s(brief, keyspace, hz)
    said = units.write(float(f"{late:.1g}"), "s")
    return f"{said} on average" if late == expected_lag_s(volatile_keys(brief, keyspace), hz) else f"{said} at most"


def expected(brief: Brief, keyspace: Keyspace, lag: Lag) -> str:
    """Write what the model expects at the project's own number of keys with a TTL, and of those that fall due."""
    keys, pace, hz = volatile_keys(brief, keyspace), due_per_s(brief, keyspace), lag.hz.value
    rest = units.write(expected_lag_s(keys, hz), "s")
    if not pace or standing(keys, pace, hz).lag_s >= expected_lag_s(keys, hz):
        return f"{rest} on average, twice that at worst (modelled: N / (40 × hz), [{lag.id}])"
    late = standing(keys, pace, hz)
    return (
        f"{units.write(late.lag_s, 's')} at most, with {100 * late.share:.0f} % of what is there past its deadline (modelled: {pace:,.0f} keys a "
        f"second fall due, and the sweep speeds up until it removes as many, src/expire.c; at rest it would be {rest})"
    )


def timed_actions(brief: Brief, keyspace: Keyspace, found: Expiry) -> str:
    """Return how timers run: from a schedule with a claiming worker, never from an event."""
    return words.render(
        "chapters/expiry/timed", brief, keyspace, found=found, due=keyspace.use("due"),
        commands=command_block.block(timer_commands(brief, keyspace)),
    )  # fmt: skip


def timer_commands(brief: Brief, keyspace: Keyspace) -> list[command_block.Line]:
    """Return what a timer's worker sends: claim, done, and the next deadline; nothing where no deadline is kept."""
    due = keyspace.use("due")
    if due is None:
        return []
    writer = Writer(brief, keyspace)
    done = writer.call("done_due", entry="<entry>", claimed_until="<claimed_until>")
    again = writer.call("move_due", entry="<entry>", claimed_until="<claimed_until>", at_ms="<deadline>")
    return [
        command_block.line(keyspace, writer.call("claim_due"), "entry, claimed_until, entry, …: ours until then"),
        command_block.line(keyspace, done, "after the action; lost: it got another deadline meanwhile"),
        command_block.line(keyspace, again, "instead, where the state names a further one"),
    ]


def net_s(brief: Brief, keyspace: Keyspace) -> float:
    """Return the longest TTL that ends what nobody ended, in seconds: that of ``state``, or of any key that slides."""
    if state := next((p for p in keyspace.keys if p.name == "state"), None):
        return float(state.ttl.seconds or brief.value("idle_ttl"))
    timed = [float(p.ttl.seconds) for p in keyspace.keys if p.ttl.seconds is not None and p.ttl.policy == "sliding"]
    return max(timed or [float(p.ttl.seconds) for p in keyspace.keys if p.ttl.seconds is not None], default=0.0)


def cleanup_decision(brief: Brief, keyspace: Keyspace, found: Expiry) -> Decision:
    """Return D-04a: explicit deletion first, a sweeper second, the TTL as the net; the TTL alone where nothing is swept."""
    assert found.lag is not None  # the page of notebook 04 has no decision without it
    late = late_s(brief, keyspace, found.lag.hz.value)
    net = Guard("expected removal lag against the longest TTL of section 3", late, "<=", net_s(brief, keyspace), "s")
    return decided(
        "chapters/expiry/d04a", (net,), found=found, late=late, keys=volatile_keys(brief, keyspace),
        swept=chain.swept(keyspace), entity=keyspace.session_entity,
    )  # fmt: skip


def refresh_decision(brief: Brief, keyspace: Keyspace, found: Expiry) -> Decision:
    """Return D-04b: refresh a TTL only when less than half of it is left; never where none slides."""
    assert found.slide is not None  # as above
    sliding = sum(p.ttl.policy == "sliding" for p in keyspace.keys)
    half = Guard("write amplification with a threshold", found.slide.below_half.value, "<=", 1.2, "x")
    none = Guard("key patterns with a sliding TTL", sliding, "<=", 0, "patterns")
    return decided(
        "chapters/expiry/d04b", (half, *_half(brief, keyspace)) if sliding else (none,), found=found, sliding=sliding,
        each=WRITE_EXPIRE, entity=keyspace.session_entity,
    )  # fmt: skip


def _half(brief: Brief, keyspace: Keyspace) -> tuple[Guard, ...]:
    """Guard that what is left of a TTL just above one half outlives a member's absence; nothing without sessions."""
    state = next((p for p in keyspace.keys if p.name == "state"), None)
    if state is None or state.ttl.seconds is None:
        return ()
    least = max(brief.value("idle_ttl"), chain.lease(brief))
    return (Guard("half of `state`'s TTL against idle TTL and lease", state.ttl.seconds / 2, ">=", least, "s"),)
