"""Rules that follow from notebook 04: the decisions, how timers run, and the notes that the measurements contradict."""

from __future__ import annotations

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.expiry.findings import Expiry, Lag, Sliding
from redis_plan.chapters.expiry.sliding import WRITE_EXPIRE
from redis_plan.delivery.walkthrough import Writer
from redis_plan.evidence.decision import Alternative, Decision, Guard
from redis_plan.keyspace import bounds, chain
from redis_plan.keyspace.model import Keyspace
from redis_plan.memory.active_expiry import expected_lag_s, standing
from redis_plan.words import command_block, words


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


def cleanup_decision(brief: Brief, keyspace: Keyspace, lag: Lag) -> Decision:
    """Return D-04a: explicit deletion first, a sweeper second, the TTL as the net."""
    keys = volatile_keys(brief, keyspace)
    late = late_s(brief, keyspace, lag.hz.value)
    if not chain.swept(keyspace):
        return Decision(
            id="D-04a",
            title="The TTL ends every key, and readers never wait for it",
            question="What removes the keys of something that is over?",
            decision="The TTL that is set with the first write; what is used up or revoked before is deleted by whoever does that. No sweeper.",
            because=f"A reader saw none of the keys past their deadline (below); the memory of one came back after {lag.p50.linked} among "
            f"{lag.live:,.0f} live keys, and at this project's {keys:,.0f} the model expects {units.write(late, 's')} "
            f"[{lag.id}]",
            instead_of=(
                Alternative("no TTL, a nightly job that deletes", "needs `SCAN`, and a day's keys stay in memory", naive=True),
                Alternative("keyspace notifications as a trigger", f"as late as the removal, {lag.p50.linked}, and lost on a reconnect"),
            ),
            costs="Nobody is told when a key ends; nothing here needs to know.",
            holds_while=(
                Guard("expected removal lag against the longest TTL of section 3", late, "<=", net_s(brief, keyspace), "s"),
            ),
        )  # fmt: skip
    return Decision(
        id="D-04a",
        title="Explicit deletion is primary, a sweeper second, the TTL the net",
        question="What removes the keys of something that is over?",
        decision=f"{'The function that' if keyspace.session_entity else 'Whoever'} ends it unlinks its keys in one step; a sweeper ends what lost its owner; every key has a TTL besides.",
        because=f"A key whose TTL ran out stayed for {lag.p50.linked} among {lag.live:,.0f} live keys; at this "
        f"project's {keys:,.0f} the model expects {units.write(late, 's')}, and the event comes no earlier [{lag.id}]",
        instead_of=(
            Alternative(
                "TTL alone",
                f"memory returns {units.write(late, 's')} late, nobody is told in time",
                naive=True,
            ),
            Alternative(
                "keyspace notifications as a trigger",
                f"as late as the removal, {lag.p50.linked}, and lost on a reconnect",
            ),
        ),
        costs="Two more code paths, each of which needs a test with the other two switched off.",
        holds_while=(
            Guard("expected removal lag against the longest TTL of section 3", late, "<=", net_s(brief, keyspace), "s"),
        ),
    )


def refresh_decision(brief: Brief, keyspace: Keyspace, slide: Sliding) -> Decision:
    """Return D-04b: refresh a TTL only when less than half of it is left."""
    if not any(p.ttl.policy == "sliding" for p in keyspace.keys):
        return Decision(
            id="D-04b",
            title="No TTL is refreshed",
            question="How often is a TTL refreshed?",
            decision="Never: every TTL here is fixed, and set in the command that makes the key.",
            because=f"A refresh with every write costs {slide.amplification.linked} of the bytes of a plain write, and what is counted or "
            "proven here is over at a known time",
            instead_of=(
                Alternative("refresh with every write", f"{slide.bytes[WRITE_EXPIRE].linked} an update to file and replicas", naive=True),
            ),
            costs="None seen.",
            holds_while=(Guard("key patterns with a sliding TTL", 0, "<=", 0, "patterns"),),
        )  # fmt: skip
    return Decision(
        id="D-04b",
        title="A TTL is refreshed when less than half of it is left",
        question="How often is a sliding TTL refreshed?",
        decision="In the same atomic step as a write or heartbeat, and only when less than half is left."
        if keyspace.session_entity
        else "In the same `MULTI` as the write, and only when, by the writer's own note, half of the TTL has passed since it last did.",
        because=f"It costs {slide.below_half.linked} of the bytes of a plain write, against "
        f"{slide.amplification.linked} with a refresh each time",
        instead_of=(
            Alternative(
                "refresh with every write",
                f"{slide.bytes[WRITE_EXPIRE].linked} an update to file and replicas",
                naive=True,
            ),
            Alternative("no refresh, a fixed TTL", "what runs longer than expected dies while in use"),
        ),
        costs="What nobody writes to lives between one half and the whole of its TTL after its last write.",
        holds_while=(
            Guard("write amplification with a threshold", slide.below_half.value, "<=", 1.2, "x"),
            *_half(brief, keyspace),
        ),
    )


def _half(brief: Brief, keyspace: Keyspace) -> tuple[Guard, ...]:
    """Guard that what is left of a TTL just above one half outlives a member's absence; nothing without sessions."""
    state = next((p for p in keyspace.keys if p.name == "state"), None)
    if state is None or state.ttl.seconds is None:
        return ()
    least = max(brief.value("idle_ttl"), chain.lease(brief))
    return (Guard("half of `state`'s TTL against idle TTL and lease", state.ttl.seconds / 2, ">=", least, "s"),)
