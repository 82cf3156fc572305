"""Actions: each one of the project on a live server, accepted, refused, raced, cut and sent again, and at its deadline."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.brief.model import Brief
from redis_plan.delivery import acting, library
from redis_plan.errors import ServerError
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.playing import checks
from redis_plan.rig.playing.world import World, of_project, refusals
from redis_plan.server import Server

QUESTION = "Does each action of this project do what it says, whoever calls it, when and how often?"
#: What is checked of an action, in the order of the table: name in the samples, what it says.
CHECKS = {
    "accepted": "done once, told once, a duplicate when it is sent again",
    "refused": "refused by a guard, and nothing is written",
    "one caller": "many calls of one caller at once end as in some order",
    "many members": "calls of many members at once end as in some order",
    "cut": "sent, cut before the answer and sent again, it is done once",
    "deadline": "the server's clock decides to the millisecond",
}
#: Of the checks those about guards that are left out, or asked before the call: what each control counts.
CONTROLLED = ("refused", "one caller", "many members")
_MEMBER_ACTORS = frozenset({"member", "anyone", "spectator"})


def play(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Play every action that has a function of its own, through the delivered library, on a server of our own."""
    if not acting.composed(keyspace):
        return Finding(QUESTION, "", "", (), not_run="no action of this project has a function of its own.")
    try:
        with lab.own({"save": "", "appendonly": "no"}) as own:
            return _finding(lab, pd.DataFrame(_rows(lab, own, brief, keyspace)))
    except ServerError as error:
        return Finding(QUESTION, "", "", (), not_run=f"no server of our own, which playing empties: {error}")


def _rows(lab: Lab, own: Server, brief: Brief, keyspace: Keyspace) -> Iterator[dict[str, object]]:
    client = own.client(decode_responses=True)
    client.function_load(library.compose(brief, keyspace), replace=True)
    at_once, repeated = lab.by_profile(16, 32, 64), lab.by_profile(3, 20, 100)
    with checks.crowd(client, at_once + 1) as (spare, *held):
        for action, world in of_project(client, keyspace):
            about = {"action": action.name, "kind": action.kind}
            for row in (
                _accepted(world),
                *_refused(world),
                *_raced(world, held),
                _row("cut", 1, list(checks.cut(world, spare))),
                *_timed(world, repeated),
            ):
                yield about | row


def _row(
    check: str, tried: int, faults: list[str] | tuple[str, ...], *, done: int | None = None, control: int | None = None
) -> dict[str, object]:
    """Return one observation: ``done`` of ``tried`` calls were accepted, ``control`` of as many without the guards."""
    return {
        "check": check, "tried": tried, "broken": len(faults), "fault": faults[0] if faults else "",
        "done": float("nan") if done is None else done, "control": float("nan") if control is None else control,
    }  # fmt: skip


def _accepted(world: World) -> dict[str, object]:
    return _row("accepted", 1, list(checks.accepted(world)))


def _refused(world: World) -> Iterator[dict[str, object]]:
    for guard in refusals(world.kind):
        row = _row("refused", 1, list(checks.refused(world, guard)), control=int(checks.noticed(world, guard)))
        yield row | {"guard": guard.name, "answer": guard.answer}


def _raced(world: World, held: list[checks.Connection]) -> Iterator[dict[str, object]]:
    crowds = {"one caller": False}
    if "member" in world.kind.takes and _MEMBER_ACTORS & set(world.kind.actors):
        crowds["many members"] = True
    for name, as_members in crowds.items():
        race = checks.raced(world, held, as_members=as_members)
        # where none gets it, the guards would have told the callers so
        asked = race.accepted and world.kind.guards
        looked = checks.looked_first(world, len(held), as_members=as_members) if asked else None
        yield _row(name, race.calls, race.faults, done=race.accepted, control=looked)


def _timed(world: World, repeated: int) -> Iterator[dict[str, object]]:
    for offset in checks.OFFSETS_MS if checks.has_deadline(world.kind) else ():
        found = checks.timed(world, offset, repeated)
        yield _row("deadline", found.decided, found.faults) | {"offset_ms": float(offset)}


def _finding(lab: Lab, samples: pd.DataFrame) -> Finding:
    tried, broken = samples.groupby("check")["tried"].sum(), samples.groupby("check")["broken"].sum()
    controlled = samples[samples["check"].isin(CONTROLLED[1:]) & samples["control"].notna()]
    guards = samples[samples["check"] == "refused"]
    beyond = int((controlled["control"] - controlled["done"]).clip(lower=0).sum())
    actions = list(dict.fromkeys(samples["action"]))
    held = samples.assign(held=samples["broken"] == 0).groupby("action")["held"].agg(["sum", "count"])
    kinds = dict(zip(samples["action"], samples["kind"], strict=True))
    return Finding(
        question=QUESTION,
        hypothesis="Nothing breaks; without a guard its refusal does not come, and whoever looks first and writes then gets "
        "what another has, or the checks are blind.",
        method="The delivered functions on a server of our own, each in sessions that are written to Redis directly: one in "
        "which every guard passes, and one for each guard in which it alone refuses. Racing calls leave at once on connections "
        "of their own and must end as the same calls one after the other. The deadline is set by the server's clock in the "
        "transaction that calls. Controls: the same function with that guard's line taken out, and all callers asking first",
        values=(
            Value("actions", len(actions), "actions"),
            *(Value(name, int(tried.get(name, 0)), "calls" if name != "refused" else "refusals") for name in CHECKS),
            *(Value(f"{name} broken", int(broken.get(name, 0)), "faults", int(tried.get(name, 0))) for name in CHECKS),
            Value("violations", int(samples["broken"].sum()), "violations", int(samples["tried"].sum())),
            Value("control_noticed", int(guards["control"].sum()), "guards", len(guards)),
            Value("control_beyond", beyond, "calls", int(controlled["tried"].sum())),
            *(Value(f"played {name} {kinds[name]}", int(held.loc[name, "sum"]), "checks", int(held.loc[name, "count"])) for name in actions),
        ),
        samples=samples,
        conclusion=f"{int(samples['broken'].sum())} violations in {int(samples['tried'].sum()):,} calls of {len(actions)} actions; "
        f"where all look first and write then, {beyond:,} calls got what was another's or theirs already.",
        conditions={"calls at once": lab.by_profile(16, 32, 64), "calls at each deadline": lab.by_profile(3, 20, 100)},
    )  # fmt: skip


def _together(actions: list[str], check: str) -> str:
    """Return the label of a line: its action or two, or the first of many and how many more there are."""
    shown = actions if len(actions) < 3 else [actions[0], f"{len(actions) - 1} more"]
    return f"{' and '.join(shown)}\n{check}"


def plot_actions(samples: pd.DataFrame) -> Figure:
    """Draw how many of the calls at once were accepted: in one step, and by asking first; races that differ, only.

    Actions that come to the same have one line together.
    """
    races = samples[samples["check"].isin(CONTROLLED[1:]) & (samples["control"] > samples["done"])]
    races = races.groupby(["done", "check", "control", "tried"], as_index=False).agg(actions=("action", list))
    races = races.sort_values(["done", "check"], ascending=[False, False], kind="stable")
    most = int(races["tried"].max()) if len(races) else 1
    figure, axes = plt.subplots(figsize=(7, 1.5 + 0.42 * len(races)))
    for place, row in enumerate(races.to_dict("records")):
        axes.plot([row["done"], row["control"]], [place, place], color=figures.CONTEXT, linewidth=1)
        axes.plot(row["control"], place, "o", color=figures.CONTEXT, ms=6)
        axes.plot(row["done"], place, "o", color=figures.HIGHLIGHT, ms=7)
        axes.annotate(f"{row['done']:.0f}", (row["done"], place), xytext=(0, 6), textcoords="offset points", color=figures.HIGHLIGHT,
                      fontsize=8, ha="center", va="bottom")  # fmt: skip
    axes.set_yticks(
        range(len(races)), [_together(row["actions"], row["check"]) for row in races.to_dict("records")], fontsize=9
    )
    axes.annotate(
        "all ask first, then write",
        (most, len(races) - 0.3),
        ha="right",
        va="bottom",
        color=figures.CONTEXT,
        fontsize=9,
    )
    axes.annotate("in one step", (1, len(races) - 0.3), ha="left", va="bottom", color=figures.HIGHLIGHT, fontsize=9)
    axes.set(xlabel=f"accepted of {most} calls at once", xlim=(-0.5, most * 1.04), ylim=(-0.7, len(races) + 0.6))
    axes.set_title("Whoever asks first and writes then gets what another has")
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    return figure
