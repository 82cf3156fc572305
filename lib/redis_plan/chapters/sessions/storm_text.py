"""Notebook 07 in words: what the storms, the fuzz and the pauses showed, and the two decisions that rest on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from redis_plan import units
from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions.findings import (
    Costs,
    Ghosts,
    Invariants,
    Neighbours,
    Played,
    Sessions,
    Writers,
)
from redis_plan.evidence.decision import Alternative, Decision, Guard
from redis_plan.evidence.findings import Number
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.words.sync_common import not_run
from redis_plan.words.tables import table

WRITERS_ALT = (
    "Three line charts against writers, one line a way of writing: successes a second, where function and script stay high "
    "and WATCH falls; p99 until success and server CPU a success, where WATCH rises with every writer."
)
GHOSTS_ALT = (
    "Dots of the time until a killed gateway's members were gone, inside the band from lease minus heartbeat "
    "to lease plus sweep period."
)
INVARIANTS_ALT = (
    "Dots of violations in 1,000 operations for four invariants and three designs: none by the functions, events out of "
    "order by single commands, and all four by reading first and writing then."
)
FUZZ_ALT = (
    "Dots of violations a round for seven invariants: rings at zero for the functions, filled dots for most invariants by "
    "plain commands."
)
STEPS_ALT = (
    "A row for each fault planted into the delivered library, with the number of random steps until it was found; a line "
    "marks the steps that the library as delivered took without any."
)
ACTIONS_ALT = (
    "A row for each action that may be had once: of many calls at once one is accepted in one step, and all of them where "
    "every caller asks first and writes then."
)
COSTS_ALT = "Line chart of the server time of each function with one member, half full and full."
NEIGHBOURS_ALT = (
    "Share of the other sessions' changes that took longer than a given time, with the neighbour alone, at a hundred times "
    "its rate and at the rate limit."
)


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
        (found.evening, "a whole session"),
    ):
        if known:
            yield Guard(f"violations in {what}", known.violations.value, "<=", 0, "violations")


def tested(keyspace: Keyspace, found: Sessions) -> list[str]:
    """Return what was tested, as a table with its controls, what contention costs, and what a full session costs."""
    if functions.missing(keyspace):
        return [lines] if (lines := not_run(found)) else []
    parts = [
        "\n".join(["### Invariants, tested", "", *_table(found)]),
        _actions(found.actions) if found.actions else "",
        _contention(found.writers) if found.writers else "",
        _costs(found.costs) if found.costs else "",
        _neighbours(found.neighbours) if found.neighbours else "",
    ]
    return ["\n\n".join(part for part in parts if part)]


def _table(found: Sessions) -> list[str]:
    """Return one row an invariant: how often it was tried, how often it broke, and how often the control broke it."""
    rows = [*_of_every_design(found), *_of_own_actions(found), *_of_identity(found)]
    if not rows:
        return []
    return [
        "| Invariant | Tried | Broken | By the control, which must break it | Evidence |",
        "|:--|--:|--:|:--|:--|",
        *rows,
        "",
        "*Measured. The control does the same by reading first and writing then, or without the guard.*",
    ]


def _row(what: str, broken: Number, control: str = "–", tried: Number | None = None) -> str:
    """Return a row; of a race, ``n`` of what broke is what was tried in it."""
    count = str(tried) if tried else units.write(broken.n, "operations")
    return f"| {what} | {count} | {broken} | {control} | [{broken.record.id}] |"


def _of(count: Number) -> str:
    return f"{count} of {count.n:,}"


def _of_every_design(found: Sessions) -> Iterator[str]:
    """Yield what every session must keep, whatever is done in it."""
    if a := found.invariants:
        yield _row("no seat beyond capacity", a.over_full, _of(a.control_over_full))
        yield _row("no update lost", a.lost, _of(a.control_lost))
        yield _row("events in the order of versions", a.version_holes, _of(a.control_version_holes))
        yield _row("no vote counted twice", a.double_votes, _of(a.control_double_votes))


def _of_own_actions(found: Sessions) -> Iterator[str]:
    """Yield what the project's own actions must keep, alone and together."""
    if p := found.actions:
        once = "each action is done once, told once, and once only when it is cut and sent again"
        yield _row(once, p.accepted_broken, tried=p.actions)
        refuses = "each guard of each action refuses, and nothing is written"
        yield _row(refuses, p.refused_broken, f"{_of(p.control_noticed)}, left out, let it pass", p.refused)
        at_once = "of calls at once as many are accepted as one after the other"
        yield _row(at_once, p.at_once_broken, f"{p.control_beyond} beyond those", p.at_once)
        yield _row("the server's clock decides a deadline to the millisecond", p.deadline_broken, tried=p.deadline)
    if w := found.steps:
        every = "any sequence of this project's actions keeps every invariant at every step"
        yield _row(every, w.violations, f"{_of(w.control_noticed)} planted are found", w.steps)
    if e := found.evening:
        whole = "one whole session by the delivered client goes as its actions say"
        yield _row(whole, e.violations, f"{_of(e.control_noticed)} planted are noticed", e.steps)


def _of_identity(found: Sessions) -> Iterator[str]:
    """Yield what holds in a random life, and against forged ids, repeats and pauses."""
    if f := found.fuzz:
        life = "all of them, in a random life with retries and cut connections, with the rights of the ACL user `app`"
        yield _row(life, f.violations, _of(f.control_violations))
        yield _row("a user's forbidden command", f.trespassed, tried=f.denied)
    if c := found.forged:
        without = f"{c.control_reached} without the encoder"
        yield _row("a forged id stays in its own session", c.reached_victim, without, c.ids)
    if d := found.duplicates:
        yield _row("an operation sent by 8 connections is applied once", d.applied_twice, tried=d.sent)
        again = "an operation cut before its answer and sent again is applied once"
        yield _row(again, d.cut_missing, tried=d.cut)
    if p := found.fencing:
        paused = "a worker paused past its claim overwrites nothing"
        yield _row(paused, p.overwritten, _of(p.control_overwritten), p.pauses)


def _actions(played: Played) -> str:
    """Return what asking first and writing then would cost, in one sentence and a figure."""
    at_once = played.record.condition("calls at once")
    return (
        f"**The actions of this project.** {played.actions.linked} ran by the functions of `redis/functions.lua`: accepted, refused by "
        f"each guard, {at_once} at once, cut and sent again, and at their deadlines. "
        f"Where all callers ask first and write then, {played.control_beyond.linked} more were accepted than may be.\n\n[figure 07-actions]"
    )


def _contention(b: Writers) -> str:
    """Return what contention costs each way, in one sentence and a figure."""
    cas = f" `SET IFEQ` needs {b.attempts['set_ifeq'].linked} attempts." if "set_ifeq" in b.attempts else ""
    return (
        f"**Contention.** {b.writers} on one session: a {b.best} makes {b.goodput[b.best].linked} at p99 "
        f"{b.p99[b.best].linked} and {b.cpu[b.best].linked} of server CPU each; `WATCH` {b.goodput['watch'].linked} at "
        f"{b.p99['watch'].linked} and {b.cpu['watch'].linked}, because {b.attempts['watch'].linked} attempts go into one success.{cas} "
        f"So no path of this plan uses `WATCH`.\n\n[figure 07-writers]"
    )


def _costs(costs: Costs) -> str:
    """Return the server time of each function at one member, half and full."""
    rows = [[name, str(costs.alone[name]), str(costs.half[name]), str(full)] for name, full in costs.full.items()]
    size = f"{costs.members} and {costs.entries} in the log"
    head = f"**Server time of one call** as the session fills, full being {size} (measured, [{costs.id}]):"
    return f"{head}\n\n{table(['Function', 'One member', 'Half', 'Full'], rows, right=(1, 2, 3))}"


def _neighbours(noise: Neighbours) -> str:
    """Return what a noisy session costs the others, in one sentence."""
    return (
        f"**A noisy neighbour.** One session at 100 times its rate moves the others' p99 from {noise.alone_p99.linked} to "
        f"{noise.noisy_p99.linked}; behind the rate limit it is {noise.limited_p99.linked}."
    )
