"""Notebook 07 in words: what the storms, the fuzz and the pauses showed."""

from __future__ import annotations

from collections.abc import Iterator

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions.findings import Costs, Sessions
from redis_plan.evidence.findings import Number
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words
from redis_plan.words.sync_common import not_run
from redis_plan.words.tables import table

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
    "A row for all actions that come to the same: of many calls at once as many are accepted in one step as may be, and all where "
    "every caller asks first and writes then."
)
COSTS_ALT = "Line chart of the server time of each function with one member, half full and full."
NEIGHBOURS_ALT = (
    "Share of the other sessions' changes that took longer than a given time, with the neighbour alone, at a hundred times "
    "its rate and at the rate limit."
)


def tested(brief: Brief, keyspace: Keyspace, found: Sessions) -> list[str]:
    """Return what was tested, as a table with its controls, what contention costs, and what a full session costs."""
    if functions.missing(keyspace):
        return [lines] if (lines := not_run(found)) else []
    text = words.render(
        "chapters/sessions/tested", brief, keyspace, found=found, invariants="\n".join(_table(found)),
        costs=_costs(found.costs) if found.costs else "",
    )  # fmt: skip
    return [text]


def _costs(costs: Costs) -> str:
    """Return the server time of each function at one member, half and full."""
    rows = [[name, str(costs.alone[name]), str(costs.half[name]), str(full)] for name, full in costs.full.items()]
    return table(["Function", "One member", "Half", "Full"], rows, right=(1, 2, 3))


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
        whole = "the life of one session, played by the delivered client, goes as its actions say"
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
