"""Notebook 07 in words: what the storms, the fuzz and the pauses showed, and the two decisions that rest on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from redis_plan import units
from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.evidence.decision import Alternative, Decision, Guard
from redis_plan.evidence.store import Evidence, write_value
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.words.sync_common import not_run

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

Records = Mapping[str, Evidence]


def _server_times(writers: Evidence) -> str:
    """Say what one step costs the server, with its operation id and a full log."""
    apply = f"with its operation id and a full log one `session_apply` takes {writers.number('apply_server')} of server time"
    return apply + (f", one `session_record` {writers.number('record_server')}" if "record_server" in writers else "")


def functions_decision(invariants: Evidence, writers: Evidence, serving: tuple[str, ...]) -> Decision:
    """Return D-07a: how a session is changed."""
    a, b = invariants, writers
    best = "function" if "function_goodput" in b else "script"
    return Decision(
        id="D-07a",
        title="Every change of a session is one function",
        question="How do several writers change one session without losing an update or over-filling it?",
        decision="By the functions of this section, each atomic and single-slot.",
        because=f"{a.number('operations')} at capacity left {a.number('over_full')} over-filled, {a.number('version_holes')} out of order "
        f"and {a.number('double_votes')} counted twice; with {b.number('writers')} a {best} makes {b.number(best + '_goodput')}, "
        f"one attempt each, p99 {b.number(best + '_p99')}; {_server_times(b)}",
        instead_of=(
            Alternative(
                "read, decide and write by single commands",
                f"{a.number('control_lost')} of {a['control_lost'].n:,} lost, {a.number('control_over_full')} over capacity, "
                f"{a.number('control_double_votes')} counted twice",
                naive=True,
            ),
            Alternative(
                "WATCH, MULTI, EXEC",
                f"{b.number('watch_goodput')}, {b.number('watch_attempts')} attempts a success, p99 {b.number('watch_p99')}",
            ),
            Alternative(
                "single atomic commands (HINCRBY, LPOP of seats, SADD's answer)",
                f"each count holds, but {b.number('single_commands_disorder')} of {b['single_commands_disorder'].n:,} stand out of "
                "order in the log, and a crash between two commands leaves half a change",
            ),
        ),
        costs="Lua to deploy before the gateways; a slow function blocks everyone, so none loops over anything unbounded.",
        holds_while=(
            Guard("seats over capacity", a["over_full"].value, "<=", 0, "seats"),
            Guard("holes in the versions", a["version_holes"].value, "<=", 0, "holes"),
            Guard("updates lost by guarded writers", b["lost"].value, "<=", 0, "updates"),
        ),
        requirements=serving,
    )  # fmt: skip


def leases_decision(brief: Brief, d: Evidence, serving: tuple[str, ...]) -> Decision:
    """Return D-07b: how presence ends."""
    return Decision(
        id="D-07b",
        title="Presence is a lease that ends by itself",
        question="How does a member disappear whose gateway died?",
        decision="Each connection holds a lease in a sorted set; heartbeats renew it, the sweep removes and publishes.",
        because=f"After SIGKILL the members were gone after {d.cite('ghost')}, {d.number('ghost_most')} at most, with {d.number('leave_events')}",
        instead_of=(
            Alternative("connect and disconnect handlers that SADD and SREM", "the disconnect handler dies with the gateway: the ghost stays until the key's TTL", naive=True),
            Alternative("hash-field TTL", "removes without telling anyone; needs Redis 7.4 or Valkey 9"),
        ),
        costs=f"One command a heartbeat and connection, {units.write(brief.value('sessions_peak') * brief.value('members_per_session') / brief.value('heartbeat'), '/s')} at peak (modelled).",
        holds_while=(
            Guard("ghost time with the test's leases", d["ghost_most"].value, "<=", d["bound"].value * 1.5, "s"),
            Guard("members told to have left", d["leave_events"].value, ">=", d["leave_events"].n, "members"),
        ),
        requirements=serving,
    )  # fmt: skip


def decisions(brief: Brief, stories: Stories, records: Records) -> list[Decision]:
    """Return the decisions that this run's evidence can carry."""
    found = []
    invariants, writers, ghosts = records["invariants"], records["writers"], records["ghosts"]
    if not invariants.not_run and not writers.not_run:
        serving = stories.served_by("seats.join", "submission", "bidding", "claim", "hold", "stock")
        decided = functions_decision(invariants, writers, serving)
        found.append(replace(decided, holds_while=(*decided.holds_while, *_own_actions(records))))
    if not ghosts.not_run:
        found.append(leases_decision(brief, ghosts, stories.served_by("presence", "seats.sweep", "seats.beat")))
    return found


def _own_actions(records: Records) -> Iterator[Guard]:
    """Yield what must hold of the project's own actions: alone, in any sequence, and in one whole session."""
    for name, what in (
        ("actions", "each action"),
        ("steps", "any sequence of actions"),
        ("evening", "a whole session"),
    ):
        if (record := records.get(name)) and not record.not_run:
            yield Guard(f"violations in {what}", record["violations"].value, "<=", 0, "violations")


def tested(keyspace: Keyspace, records: Records) -> list[str]:
    """Return what was tested, as a table with its controls, what contention costs, and what a full session costs."""
    if functions.missing(keyspace):
        return [lines] if (lines := not_run(*records.values())) else []
    parts = ["### Invariants, tested", "", *_table(records)]
    if (played := records.get("actions")) and not played.not_run:
        parts += ["", _actions(played)]
    parts += ["", _contention(records["writers"])] if not records["writers"].not_run else []
    parts += ["", *_costs(records["costs"])] if not records["costs"].not_run else []
    parts += ["", neighbours(records["neighbours"])] if not records["neighbours"].not_run else []
    return ["\n".join(parts)]


def _table(records: Records) -> list[str]:
    """Return one row an invariant: how often it was tried, how often it broke, and how often the control broke it."""
    rows: list[str] = []

    def row(what: str, record: Evidence, broken: str, control: str, tried: str = "") -> None:
        # of a race, ``n`` of the violations is what was tried in it
        count = write_value(record[tried]) if tried else units.write(record[broken].n, "operations")
        rows.append(f"| {what} | {count} | {write_value(record[broken])} | {control} | [{record.id}] |")

    def against(record: Evidence, name: str) -> str:
        return f"{write_value(record[name])} of {record[name].n:,}"

    if not (a := records["invariants"]).not_run:
        row("no seat beyond capacity", a, "over_full", against(a, "control_over_full"))
        row("no update lost", a, "lost", against(a, "control_lost"))
        row("events in the order of versions", a, "version_holes", against(a, "control_version_holes"))
        row("no vote counted twice", a, "double_votes", against(a, "control_double_votes"))
    if (p := records.get("actions")) and not p.not_run:
        beyond = f"{write_value(p['control_beyond'])} beyond those"
        row(
            "each action is done once, told once, and once only when it is cut and sent again",
            p,
            "accepted broken",
            "–",
            "actions",
        )
        noticed = f"{write_value(p['control_noticed'])} of {p['control_noticed'].n:,}, left out, let it pass"
        row("each guard of each action refuses, and nothing is written", p, "refused broken", noticed, "refused")
        row(
            "of calls at once as many are accepted as one after the other", p, "one caller broken", beyond, "one caller"
        )
        row("the server's clock decides a deadline to the millisecond", p, "deadline broken", "–", "deadline")
    if (w := records.get("steps")) and not w.not_run:
        faults = f"{write_value(w['control_noticed'])} of {w['control_noticed'].n:,} planted are found"
        row(
            "any sequence of this project's actions keeps every invariant at every step",
            w,
            "violations",
            faults,
            "steps",
        )
    if (e := records.get("evening")) and not e.not_run:
        faults = f"{write_value(e['control_noticed'])} of {e['control_noticed'].n:,} planted are noticed"
        row("one whole session by the delivered client goes as its actions say", e, "violations", faults, "steps")
    if not (f := records["fuzz"]).not_run:
        life = "all of them, in a random life with retries and cut connections, with the rights of the ACL user `app`"
        row(life, f, "violations", against(f, "control_violations"))
        row("a user's forbidden command", f, "trespassed", "–", "denied")
    if not (c := records["forged"]).not_run:
        without = f"{write_value(c['control_reached'])} without the encoder"
        row("a forged id stays in its own session", c, "reached_victim", without, "ids")
    if not (e := records["duplicates"]).not_run:
        row("an operation sent by 8 connections is applied once", e, "applied_twice", "–", "sent")
        row("an operation cut before its answer and sent again is applied once", e, "cut_missing", "–", "cut")
    if not (p := records["fencing"]).not_run:
        paused = "a worker paused past its claim overwrites nothing"
        row(paused, p, "overwritten", against(p, "control_overwritten"), "pauses")
    if not rows:
        return []
    head = ["| Invariant | Tried | Broken | By the control, which must break it | Evidence |", "|:--|--:|--:|:--|:--|"]
    return [
        *head,
        *rows,
        "",
        "*Measured. The control does the same by reading first and writing then, or without the guard.*",
    ]


def _actions(played: Evidence) -> str:
    """Return what asking first and writing then would cost, in one sentence and a figure."""
    return (
        f"**The actions of this project.** {played.number('actions')} ran by the functions of `redis/functions.lua`: accepted, refused by "
        f"each guard, {played.condition('calls at once')} at once, cut and sent again, and at their deadlines. "
        f"Where all callers ask first and write then, {played.number('control_beyond')} more were accepted than may be.\n\n[figure 07-actions]"
    )


def _contention(b: Evidence) -> str:
    """Return what contention costs each way, in one sentence and a figure."""
    best = "function" if "function_goodput" in b else "script"
    cas = f" `SET IFEQ` needs {b.number('set_ifeq_attempts')} attempts." if "set_ifeq_attempts" in b else ""
    return (
        f"**Contention.** {units.write(b['writers'].value, 'writers')} on one session: a {best} makes {b.number(best + '_goodput')} at p99 "
        f"{b.number(best + '_p99')} and {b.number(best + '_cpu')} of server CPU each; `WATCH` {b.number('watch_goodput')} at "
        f"{b.number('watch_p99')} and {b.number('watch_cpu')}, because {b.number('watch_attempts')} attempts go into one success.{cas} "
        f"So no path of this plan uses `WATCH`.\n\n[figure 07-writers]"
    )


def _costs(costs: Evidence) -> list[str]:
    """Return the server time of each function at one member, half and full."""
    names = [v.name.removesuffix(" full") for v in costs.values if v.name.endswith(" full")]
    rows = [
        f"| {name} | " + " | ".join(write_value(costs[f"{name} {part}"]) for part in ("at 1", "at half", "full")) + " |"
        for name in names
    ]
    size = f"{write_value(costs['members'])} and {write_value(costs['entries'])} in the log"
    return [
        f"**Server time of one call** as the session fills, full being {size} (measured, [{costs.id}]):",
        "",
        "| Function | One member | Half | Full |",
        "|:--|--:|--:|--:|",
        *rows,
    ]


def neighbours(record: Evidence) -> str:
    """Return what a noisy session costs the others, in one sentence."""
    return (
        f"**A noisy neighbour.** One session at 100 times its rate moves the others' p99 from {record.number('alone_p99')} to "
        f"{record.number('noisy_p99')}; behind the rate limit it is {record.number('limited_p99')}."
    )
