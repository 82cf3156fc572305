"""Memory of everything around the data: what clients cost, and the whole budget computed from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Protocol

import pandas as pd

from redis_plan import units
from redis_plan.actions.designing import draft
from redis_plan.brief.model import Brief, Fact
from redis_plan.chapters.memory.memory import conditions
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.memory import capacity, project
from redis_plan.memory.layout import Build
from redis_plan.memory.live import build_of


def capacity_plan(lab: Lab, *, brief: Brief, keyspace: Keyspace, **measured: float) -> Finding:
    """Compute the whole budget at 1, 2, 10 and 100 times the peak, and its range, from the model and ``measured`` constants.

    The range is what the Brief's facts leave open (other than the number of sessions, which is the axis): the swings of one
    fact at a time, added as independent ones. ``measured`` are fields of :class:`~redis_plan.memory.capacity.Constants`.
    """
    build = build_of(lab.server)
    constants = capacity.Constants(**measured)
    peak = max(1, round(brief.value("sessions_peak")))
    rows: list[dict[str, float]] = []
    for scale in (1, 2, 10, 100):
        typical = capacity.budget(brief, keyspace, build, constants, peak * scale)
        full = capacity.budget(brief, keyspace, build, constants, peak * scale, full=True)
        rows.append(
            {"scale": scale}
            | asdict(typical)
            | {
                "counted": typical.counted,
                "maxmemory": typical.maxmemory,
                "host": typical.host,
                "dataset_at_bound": full.dataset,
                "host_at_bound": full.host,
            }
            | _range(brief, keyspace, build, constants, typical)
        )
    one, two = rows[0], rows[1]
    node = brief.fact("memory_budget")
    # a node that the documents state is what there is; one that was assumed is ours to choose
    maxmemory = (
        one["maxmemory"]
        if node.grade == "assumed"
        else capacity.maxmemory_on(brief, keyspace, build, constants, peak, node.value)
    )
    available, tenth = brief.value("memory_budget"), one["dataset"] / peak / 10
    fits, *smaller = [
        capacity.sessions_within(brief, keyspace, build, constants, available, saved=n * tenth) for n in range(10)
    ]
    per_session = project.bytes_per_session(keyspace, build)
    values = [
        Value("bytes_per_session", per_session, "B", grade="modelled"),
        Value(
            "bytes_per_session_at_bound", project.bytes_per_session(keyspace, build, full=True), "B", grade="modelled"
        ),
        Value(
            "dataset_at_peak", one["dataset"], "B", low=one["dataset_low"], high=one["dataset_high"], grade="modelled"
        ),
        Value("dataset_at_bound", one["dataset_at_bound"], "B", grade="modelled"),
        Value("counted_at_peak", one["counted"], "B", grade="modelled"),
        Value("maxmemory", maxmemory, "B", grade="modelled"),
        Value("maxmemory_for_peak", one["maxmemory"], "B", grade="modelled"),
        Value("host_memory", one["host"], "B", grade="modelled"),
        Value("host_memory_low", one["host_low"], "B", grade="modelled"),
        Value("host_memory_high", one["host_high"], "B", grade="modelled"),
        Value("host_memory_2x", two["host"], "B", grade="modelled"),
        Value("sessions_in_budget", float(fits), "sessions", grade="modelled"),
        *(
            Value(f"sessions_with_{n}_tenths_less", float(count), "sessions", grade="modelled")
            for n, count in enumerate(smaller, 1)
        ),
        Value("admission_bytes", maxmemory * capacity.ADMISSION_SHARE, "B", grade="modelled"),
        Value("output_buffers", one["output_buffers"], "B", grade="modelled"),
        Value("backlog", one["backlog"], "B", grade="modelled"),
        Value("copy_on_write", one["copy_on_write"], "B", grade="modelled"),
    ]
    return Finding(
        question="How much memory does the expected peak need, and 2, 10 and 100 times it?",
        hypothesis="the dataset dominates from some thousands of sessions on; below, buffers and the base do",
        method="dataset from the model; startup, clients, functions, RSS ratio and fork as measured in this run",
        values=tuple(values),
        samples=pd.DataFrame(rows),
        conclusion=(
            f"{peak:,} sessions need maxmemory {units.write(one['maxmemory'], 'B')} on a host of "
            f"{units.write(one['host'], 'B')}; {fits:,} sessions fit the budget of "
            f"{units.write(available, 'B')}."
        ),
        conditions=conditions(lab, build, admission_share=capacity.ADMISSION_SHARE, stale_share=capacity.STALE_SHARE),
    )


def _range(
    brief: Brief, keyspace: Keyspace, build: Build, constants: capacity.Constants, middle: capacity.Budget
) -> dict[str, float]:
    """Return low and high of dataset, maxmemory and host: the facts' swings down and up, as independent ones."""
    found: dict[str, float] = {}
    ends = [
        [capacity.budget(facts, designed, build, constants, middle.sessions) for facts, designed in ends]
        for name, ends in _redesigned(brief, keyspace)
        if name != "sessions_peak"
    ]
    for name in ("dataset", "maxmemory", "host"):
        centre = float(getattr(middle, name))
        down = up = 0.0
        for pair in ends:
            moves = [float(getattr(end, name)) - centre for end in pair]
            down += min(*moves, 0.0) ** 2
            up += max(*moves, 0.0) ** 2
        found[f"{name}_low"] = max(centre - math.sqrt(down), 0.1 * centre)
        found[f"{name}_high"] = centre + math.sqrt(up)
    return found


class Measured(Protocol):
    """A record of evidence: values by name, or the reason why there are none."""

    @property
    def not_run(self) -> str:
        """Why the experiment did not run, or empty."""
        ...

    def __getitem__(self, name: str) -> Value:
        """Return the value called ``name``."""
        ...

    def __contains__(self, name: str) -> bool:
        """Whether there is a value called ``name``."""
        ...


def constants(line: Measured, clients: Measured, fork: Measured | None = None) -> Mapping[str, float]:
    """Return the measured constants of :func:`capacity_plan`; what was not measured is left to its default."""
    found: dict[str, float] = {}
    if not line.not_run:
        found |= {"startup": line["startup"].value, "rss_ratio": min(max(line["rss_ratio"].value, 1.03), 2.0)}
    for record, names in (
        (clients, ("connection", "subscription", "histogram", "library", "lua_vm")),
        (fork, ("save_rate", "pages_per_event")),
    ):
        if record is not None and not record.not_run:
            found |= {name: record[name].value for name in names if name in record and record[name].value > 0}
    return found


#: Facts that decide how many keys there are and how large they are.
_FACTS = (
    "sessions_peak", "members_per_session", "events_per_session", "payload_bytes", "state_bytes", "member_bytes",
    "reconnect_grace",
)  # fmt: skip


def sensitivity(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Compute the dataset at peak with each fact of the Brief at its low and high value, the design made anew.

    Where the documents give no range, a documented number is moved by a quarter and an assumed one halved and doubled.
    """
    build = build_of(lab.server)

    def dataset(facts: Brief, designed: Keyspace) -> float:
        return project.dataset_bytes(designed, max(1, round(facts.value("sessions_peak"))), build)

    base = dataset(brief, keyspace)
    rows: list[dict[str, float | str]] = []
    for name, ends in _redesigned(brief, keyspace):
        fact = brief.fact(name)
        low, high = _ends(fact)
        at = [dataset(facts, designed) for facts, designed in ends]
        rows.append(
            {
                "fact": name, "grade": fact.grade, "where": fact.where, "unit": fact.unit, "from": low, "to": high,
                "low": at[0], "high": at[1], "base": base,
            }
        )  # fmt: skip
    samples = pd.DataFrame(rows)
    widest = max(rows, key=lambda row: abs(float(row["high"]) - float(row["low"])))
    return Finding(
        question="Which fact of the documents moves the memory most?",
        hypothesis="the number of sessions, then what each session writes",
        method="the keyspace designed anew with one fact at its low and its high value, the others as planned",
        values=(
            Value("dataset_lowest", float(samples[["low", "high"]].to_numpy().min()), "B", grade="modelled"),
            Value("dataset_highest", float(samples[["low", "high"]].to_numpy().max()), "B", grade="modelled"),
        ),
        samples=samples,
        conclusion=f"`{widest['fact']}` moves the dataset most.",
        conditions=conditions(lab, build),
    )


_DESIGNS: dict[str, list[tuple[str, list[tuple[Brief, Keyspace]]]]] = {}


def _redesigned(brief: Brief, keyspace: Keyspace) -> list[tuple[str, list[tuple[Brief, Keyspace]]]]:
    """Return for each fact the Brief with its low and its high value, and ``keyspace`` designed anew for it."""
    key = repr((brief, keyspace))
    if key not in _DESIGNS:
        drawn, held = draft(brief), {p.name: p.chosen for p in keyspace.patterns if p.chosen}

        def again(facts: Brief) -> tuple[Brief, Keyspace]:
            return facts, project.per_unit(drawn.rescaled(facts).keyspace(held), facts.value("sessions_peak"))

        _DESIGNS[key] = [(n, [again(_with(brief, n, value)) for value in _ends(brief.fact(n))]) for n in _FACTS]
    return _DESIGNS[key]


def _ends(fact: Fact) -> tuple[float, float]:
    """Return the low and the high end of a fact: its range, else a quarter up and down, or half and double if assumed."""
    spread = (0.5, 2.0) if fact.grade == "assumed" else (0.75, 1.25)
    low = fact.low if fact.low is not None else fact.value * spread[0]
    high = fact.high if fact.high is not None else fact.value * spread[1]
    return low, high


def _with(brief: Brief, name: str, value: float) -> Brief:
    facts = tuple(replace(fact, value=value) if fact.name == name else fact for fact in brief.facts)
    return replace(brief, facts=facts)
