"""The decisions of notebook 07: how a session is changed, and how presence ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from redis_plan import units
from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions.findings import Ghosts, Invariants, Sessions, Writers
from redis_plan.evidence.decision import Alternative, Decision, Guard


def functions_decision(a: Invariants, b: Writers, serving: tuple[str, ...]) -> Decision:
    """Return D-07a: how a session is changed."""
    return Decision(
        id="D-07a",
        title="Every change of a session is one function",
        question="How do several writers change one session without losing an update or over-filling it?",
        decision="By the functions of this section, each atomic and single-slot.",
        because=f"{a.operations.linked} at capacity left {a.over_full.linked} over-filled, {a.version_holes.linked} out of order "
        f"and {a.double_votes.linked} counted twice; with {b.writers.linked} a {b.best} makes {b.goodput[b.best].linked}, "
        f"one attempt each, p99 {b.p99[b.best].linked}; with its operation id and a full log one `session_apply` takes "
        f"{b.apply_server.linked} of server time",
        instead_of=(
            Alternative(
                "read, decide and write by single commands",
                f"{a.control_lost.linked} of {a.control_lost.n:,} lost, {a.control_over_full.linked} over capacity, "
                f"{a.control_double_votes.linked} counted twice",
                naive=True,
            ),
            Alternative(
                "WATCH, MULTI, EXEC",
                f"{b.goodput['watch'].linked}, {b.attempts['watch'].linked} attempts a success, p99 {b.p99['watch'].linked}",
            ),
            Alternative(
                "single atomic commands (HINCRBY, LPOP of seats, SADD's answer)",
                f"each count holds, but {b.single_commands_disorder.linked} of {b.single_commands_disorder.n:,} stand out of "
                "order in the log, and a crash between two commands leaves half a change",
            ),
        ),
        costs="Lua to deploy before the gateways; a slow function blocks everyone, so none loops over anything unbounded.",
        holds_while=(
            Guard("seats over capacity", a.over_full.value, "<=", 0, "seats"),
            Guard("holes in the versions", a.version_holes.value, "<=", 0, "holes"),
            Guard("updates lost by guarded writers", b.lost.value, "<=", 0, "updates"),
        ),
        requirements=serving,
    )  # fmt: skip


def leases_decision(brief: Brief, d: Ghosts, serving: tuple[str, ...]) -> Decision:
    """Return D-07b: how presence ends."""
    return Decision(
        id="D-07b",
        title="Presence is a lease that ends by itself",
        question="How does a member disappear whose gateway died?",
        decision="Each connection holds a lease in a sorted set; heartbeats renew it, the sweep removes and publishes.",
        because=f"After SIGKILL the members were gone after {d.ghost.full}, {d.ghost_most.linked} at most, with {d.leave_events.linked}",
        instead_of=(
            Alternative("connect and disconnect handlers that SADD and SREM", "the disconnect handler dies with the gateway: the ghost stays until the key's TTL", naive=True),
            Alternative("hash-field TTL", "removes without telling anyone; needs Redis 7.4 or Valkey 9"),
        ),
        costs=f"One command a heartbeat and connection, {units.write(brief.value('sessions_peak') * brief.value('members_per_session') / brief.value('heartbeat'), '/s')} at peak (modelled).",
        holds_while=(
            Guard("ghost time with the test's leases", d.ghost_most.value, "<=", d.bound.value * 1.5, "s"),
            Guard("members told to have left", d.leave_events.value, ">=", d.leave_events.n, "members"),
        ),
        requirements=serving,
    )  # fmt: skip


def decisions(brief: Brief, stories: Stories, found: Sessions) -> list[Decision]:
    """Return the decisions that this run's evidence can carry."""
    made = []
    if found.invariants and found.writers:
        serving = stories.served_by("seats.join", "submission", "bidding", "claim", "hold", "stock")
        decided = functions_decision(found.invariants, found.writers, serving)
        made.append(replace(decided, holds_while=(*decided.holds_while, *_own_actions(found))))
    if found.ghosts:
        made.append(leases_decision(brief, found.ghosts, stories.served_by("presence", "seats.sweep", "seats.beat")))
    return made


def _own_actions(found: Sessions) -> Iterator[Guard]:
    """Yield what must hold of the project's own actions: alone, in any sequence, and in one whole session."""
    for known, what in (
        (found.actions, "each action"),
        (found.steps, "any sequence of actions"),
        (found.evening, "the life of one session"),
    ):
        if known:
            yield Guard(f"violations in {what}", known.violations.value, "<=", 0, "violations")
