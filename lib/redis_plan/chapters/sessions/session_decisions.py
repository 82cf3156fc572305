"""The decisions of notebook 07: how a session is changed, and how presence ends."""

from __future__ import annotations

from collections.abc import Iterator

from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions.findings import Sessions
from redis_plan.evidence.decision import Decision, Guard
from redis_plan.words.deciding import decided


def decisions(brief: Brief, stories: Stories, found: Sessions) -> list[Decision]:
    """Return the decisions that this run's evidence can carry."""
    made = []
    if (a := found.invariants) and (b := found.writers):
        serving = stories.served_by("seats.join", "submission", "bidding", "claim", "hold", "stock")
        guards = (
            Guard("seats over capacity", a.over_full.value, "<=", 0, "seats"),
            Guard("holes in the versions", a.version_holes.value, "<=", 0, "holes"),
            Guard("updates lost by guarded writers", b.lost.value, "<=", 0, "updates"),
            *_own_actions(found),
        )
        made.append(decided("chapters/sessions/d07a", guards, serving, found=found, best=b.best))
    if d := found.ghosts:
        serving = stories.served_by("presence", "seats.sweep", "seats.beat")
        guards = (
            Guard("ghost time with the test's leases", d.ghost_most.value, "<=", d.bound.value * 1.5, "s"),
            Guard("members told to have left", d.leave_events.value, ">=", d.leave_events.n, "members"),
        )
        beats = brief.value("sessions_peak") * brief.value("members_per_session") / brief.value("heartbeat")
        made.append(decided("chapters/sessions/d07b", guards, serving, found=found, heartbeats=beats))
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
