"""Steps: any sequence of the project's actions by its delivered client, every invariant looked at after each step."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.actions import catalog, vocabulary
from redis_plan.actions.catalog import FIRST_PHASE
from redis_plan.actions.model import LEADERS, Kind
from redis_plan.brief.model import Brief
from redis_plan.delivery import acting, library
from redis_plan.delivery.operations import Parameter
from redis_plan.errors import ServerError
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Bound, Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.playing.delivered import Delivered, delivered
from redis_plan.rig.playing.planted import faulty
from redis_plan.rig.playing.watching import INVARIANTS, Watch, same, words
from redis_plan.server import Server

QUESTION = (
    "Does any sequence of this project's actions break an invariant, when calls are cut and processes die between them?"
)
SESSION, HOST = "fuzz", "host"
MEMBERS = ("ann", "bob", "cyd", "dan")
_AGAIN, _CUT, _KERNEL, _BLIND = 0.2, 0.05, 0.08, 0.3
#: Functions of a session's life that no action may replace, by the method of the client and what it is given.
_LIFE: Mapping[str, Callable[[random.Random], tuple[tuple[object, ...], dict[str, object]]]] = {
    "leave": lambda rng: ((rng.choice(MEMBERS),), {}),
    "sweep": lambda _rng: ((), {}),
    "heartbeat": lambda rng: ((rng.choice(MEMBERS), "c1"), {}),
    "renew": lambda _rng: ((), {}),
}


def steps(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Take random steps through the delivered client on a server of our own; the same on libraries with a planted fault."""
    if (reason := functions.missing(keyspace)) or not acting.composed(keyspace):
        why = reason or "no action has a function of its own"
        return Finding(QUESTION, "", "", (), not_run=f"The project's own actions are not fuzzed: {why}.")
    try:
        with lab.own({"save": "", "appendonly": "no"}) as own:
            return _finding(lab, own, brief, keyspace)
    except ServerError as error:
        return Finding(QUESTION, "", "", (), not_run=f"no server of our own, which the fuzz empties: {error}")


def _finding(lab: Lab, own: Server, brief: Brief, keyspace: Keyspace) -> Finding:
    many, control = lab.by_profile(250, 2_000, 30_000), lab.by_profile(200, 400, 800)
    with delivered(own, brief, keyspace) as made:
        walk = Walk(made, keyspace, lab.rng("steps"))
        for _ in range(many):
            walk.step()
        rows = [("as delivered", invariant, walk.broken[invariant], walk.counts["steps"]) for invariant in INVARIANTS]
        noticed, planted = 0, 0
        text = library.compose(brief, keyspace)
        for name, broken_text in faulty(text):
            planted += 1
            made.load(broken_text)
            blind = Walk(made, keyspace, lab.rng(name))
            while blind.counts["steps"] < control and not blind.broken:
                blind.step()
            noticed += bool(blind.broken)
            rows += [(name, invariant, blind.broken[invariant], blind.counts["steps"]) for invariant in INVARIANTS]
    samples = pd.DataFrame(rows, columns=["library", "invariant", "violations", "steps"])
    c, broken = walk.counts, walk.broken.total()
    return Finding(
        question=QUESTION,
        hypothesis="As delivered nothing breaks; each planted fault must be found, or the fuzz is blind.",
        method="One random step after the other by the delivered client, as the ACL user of each: any action by anybody with "
        f"ids of small pools, some with a lease or timer of 1 ms; one step in {round(1 / _AGAIN)} is sent again, one in "
        f"{round(1 / _CUT)} on a connection that is cut, after which another goes on. Everything that is stored is read before "
        f"and after each step and held against {len(INVARIANTS)} invariants, guards read from the stored values by Python and not by "
        "the Lua that asks them. Control: the same on libraries with one fault planted",
        values=(
            Value("steps", c["steps"], "steps"),
            Value("accepted", c["accepted"], "steps", c["steps"]),
            Value("actions", len(walk.done), "actions", len(walk.acts)),
            Value("again", c["again"], "steps", c["steps"]),
            Value("cut", c["cut"], "steps", c["steps"]),
            Value("violations", broken, "violations", c["steps"]),
            Value("control_noticed", noticed, "faults", planted),
        ),
        samples=samples,
        conclusion=f"{broken} violations in {c['steps']:,} steps, {c['accepted']:,} of them accepted; {noticed} of {planted} planted faults found.",
        conditions={"members": len(MEMBERS), "steps on each faulty library at most": control},
    )  # fmt: skip


@dataclass
class Walk:
    """Random steps in one session, and what they broke."""

    made: Delivered
    keyspace: Keyspace
    rng: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Empty the server and open the session."""
        self.acts: tuple[tuple[Bound, Kind], ...] = tuple(
            (action, catalog.kind_of(action).on(dict(action.keys))) for action, _ in acting.composed(self.keyspace)
        )
        keys = {name: getattr(self.made.keys, name)(SESSION) for name in ("state", "roster", "log")}
        self.watch = Watch(self.made.admin, self.keyspace, keys)
        self.open()

    def open(self) -> None:
        """Begin with an empty server and a session of the host's, with two members in it."""
        self.made.admin.flushdb()
        self.made.send(self.made.calls.create(SESSION, **owner(self.made)))
        for member in MEMBERS[:2]:
            self.made.send(self.made.calls.join(SESSION, member, "c1", {"name": member}))
        self.seen = self.watch.look()

    def step(self) -> None:
        """Take one step, and look at every invariant."""
        self.counts["steps"] += 1
        if self.seen.state.get("status") != "open":
            self.open()
        if self.rng.random() < _KERNEL:
            self._life()
        else:
            self._act()

    def _life(self) -> None:
        name = self.rng.choice(list(_LIFE))
        given, named = _LIFE[name](self.rng)
        before = self.seen
        self.made.send(getattr(self.made.calls, name)(SESSION, *given, **named))
        self.seen = self.watch.look()
        self.broken.update(self.watch.always(before, self.seen))

    def _act(self) -> None:
        action, kind = self._chosen()
        operation = self.made.methods[action.name]
        op = f"op{self.counts['steps']}"
        given = {p.name: self._draw(p, kind) for p in operation.parameters if p.name not in ("session_id", "op_id")}
        call = self.made.call(action.name, SESSION, op_id=op, **given)
        cut, again = self.rng.random() < _CUT, self.rng.random() < _AGAIN
        before = self.seen
        if cut:
            self.made.cut(call)
        try:
            answer = str(self.made.send(call).status)
        except redis.RedisError as error:
            answer = str(error)
        after = self.seen = self.watch.look()
        if cut and answer == "duplicate":
            answer = "ok"  # the first one arrived, and nobody was there to hear it
        named = {
            **{p.name: p.default for p in kind.parameters},
            **given,
            "folded": str(given.get("name", "")).casefold(),
        }
        own = [key for key, _ in zip(call.keys[3:], kind.keys, strict=False)]
        self.broken.update(self.watch.after_action(kind, named, own, answer, before, after))
        if answer not in operation.function.call.results:
            self.broken["result"] += 1
        self.counts["accepted"] += answer == "ok"
        self.counts["cut"] += cut
        if answer == "ok":
            self.done[action.name] += 1
            if again:
                self._again(call)

    def _chosen(self) -> tuple[Bound, Kind]:
        """Return an action: mostly one that the phase allows, and of two at random the one that was done less often."""
        if self.rng.random() < _BLIND:
            return self.rng.choice(self.acts)
        phase = self.seen.state.get("phase", FIRST_PHASE)
        fitting = [
            (a, k) for a, k in self.acts if all(phase in words(g.options["is"]) for g in k.guards if g.name == "phase")
        ]
        two = [self.rng.choice(fitting or self.acts) for _ in range(2)]
        return min(two, key=lambda found: self.done[found[0].name])

    def _again(self, call: Any) -> None:  # Any: the client's Call
        self.counts["again"] += 1
        try:
            answer = str(self.made.send(call).status)
        except redis.RedisError as error:
            answer = str(error)
        once, self.seen = self.seen, self.watch.look()
        ended = once.state.get("status") != "open"
        if (answer not in ("duplicate", "ended") if ended else answer != "duplicate") or not same(once, self.seen):
            self.broken["again"] += 1

    def _draw(self, parameter: Parameter, kind: Kind) -> Any:  # Any: what the client's method takes
        """Return a value for a parameter: mostly one with which the action may be accepted."""
        name, rng, state = parameter.name, self.rng, self.seen.state
        if name == "member":
            leads = set(kind.actors) & set(LEADERS)
            return HOST if leads and rng.random() < 0.65 else rng.choice((*MEMBERS, HOST))
        if name == "round":
            return state.get("round", "r1") if rng.random() < 0.7 else rng.choice(("r1", "r2", "r3"))
        pools: Mapping[str, tuple[Any, ...]] = {
            "target": (*MEMBERS, HOST), "connection": ("c1", "c2"), "device": ("d1", "d2", "d3", "d4"), "object": ("o1", "o2"),
            "item": ("i1", "i2"), "team": ("red", "blue"), "role": ("cohost", "moderator"), "name": ("Ann", "Bob", "Cyd", "Dan"),
            "amount": (1, 2, 5), "expected": (0, 1, 2, 3), "capacity": (3, 60), "value": (f"secret-{rng.getrandbits(32)}",),
        }  # fmt: skip
        if name in pools:
            return rng.choice(pools[name])
        if parameter.default.isdigit():
            lapses = name.endswith("_ms") and rng.random() < 0.2
            return 1 if lapses else int(parameter.default)
        example = vocabulary.arguments_of(kind)[name].example
        return float(example) if parameter.kind == "number" else int(example) if parameter.kind == "int" else example


def owner(made: Delivered) -> dict[str, Any]:  # Any: what the client's method takes
    """Return how the client's ``create`` is told whose session it is."""
    takes = {p.name for p in made.life["create"].parameters}
    return {"owner": HOST} if "owner" in takes else {"fields": {"owner": HOST}}


def plot_steps(samples: pd.DataFrame) -> Figure:
    """Draw after how many steps each planted fault was found; what was never found has a ring at the end."""
    rows = (
        samples.groupby("library", sort=False)
        .agg(found=("violations", "sum"), steps=("steps", "max"))
        .drop("as delivered")
    )
    rows = rows.sort_values("steps", ascending=False)
    clean = int(samples.loc[samples["library"] == "as delivered", "steps"].max())
    figure, axes = plt.subplots(figsize=(7, 1.4 + 0.28 * len(rows)))
    for place, row in enumerate(rows.to_dict("records")):
        axes.plot([1, row["steps"]], [place] * 2, color=figures.CONTEXT, linewidth=1)
        axes.plot(row["steps"], place, "o", color=figures.CONTEXT, ms=7, fillstyle="full" if row["found"] else "none")
        axes.annotate(
            f"{row['steps']:,}",
            (row["steps"], place),
            xytext=(8, 0),
            textcoords="offset points",
            fontsize=8,
            va="center",
        )
    axes.axvline(clean, color=figures.HIGHLIGHT, linewidth=1.5)
    axes.annotate(f"as delivered: {clean:,} steps, none found", (clean, len(rows) - 0.4), xytext=(-6, 0), textcoords="offset points",
                  ha="right", color=figures.HIGHLIGHT, fontsize=9)  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.set_yticks(range(len(rows)), list(rows.index), fontsize=9)
    axes.set(xlabel="steps until a planted fault was found (log scale)", ylim=(-0.6, len(rows) + 0.1))
    axes.set_title("How long a fault can hide")
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    return figure


def found_by(samples: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield each planted fault with the invariants that noticed it."""
    for name, group in samples[samples["library"] != "as delivered"].groupby("library", sort=False):
        yield str(name), ", ".join(group.loc[group["violations"] > 0, "invariant"])
