"""What notebook 07 found, as section 7 may use it. A control does the same by reading first and writing then, or without the guard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redis_plan.evidence.findings import Findings, Found, Number, each, number, record


@dataclass(frozen=True, slots=True)
class Invariants(Found):
    """Operations at capacity, by the functions and by the control."""

    operations: Number = number("operations")
    over_full: Number = number("seats")
    lost: Number = number("updates")
    version_holes: Number = number("events")
    double_votes: Number = number("votes")
    control_over_full: Number = number("seats")
    control_lost: Number = number("updates")
    control_version_holes: Number = number("events")
    control_double_votes: Number = number("votes")


@dataclass(frozen=True, slots=True)
class Writers(Found):
    """Many writers of one session, by way of writing; the cost of one step beside it."""

    writers: Number = number("writers")
    goodput: Mapping[str, Number] = each("{}_goodput", "changes/s")
    attempts: Mapping[str, Number] = each("{}_attempts", "x")
    p99: Mapping[str, Number] = each("{}_p99", "s")
    cpu: Mapping[str, Number] = each("{}_cpu", "s")
    lost: Number = number("updates")
    single_commands_disorder: Number = number("events")
    apply_server: Number = number("s")

    @property
    def best(self) -> str:
        """The way that is delivered: a function where the server has them, else a script."""
        return "function" if "function" in self.goodput else "script"


@dataclass(frozen=True, slots=True)
class Fuzz(Found):
    """A random life with retries, cut connections and forbidden commands."""

    violations: Number = number("violations")
    control_violations: Number = number("violations")
    denied: Number = number("attempts")
    trespassed: Number = number("attempts")


@dataclass(frozen=True, slots=True)
class Forged(Found):
    """Ids that would leave their session."""

    ids: Number = number("ids")
    reached_victim: Number = number("ids")
    control_reached: Number = number("ids")


@dataclass(frozen=True, slots=True)
class Ghosts(Found):
    """Members of a killed gateway, with short leases."""

    ghost: Number = number("s")
    ghost_most: Number = number("s")
    bound: Number = number("s", "modelled")
    leave_events: Number = number("events")


@dataclass(frozen=True, slots=True)
class Duplicates(Found):
    """Operations sent by several connections, and operations cut before their answer."""

    sent: Number = number("commands")
    applied_twice: Number = number("operations")
    cut: Number = number("operations")
    cut_missing: Number = number("operations")


@dataclass(frozen=True, slots=True)
class Costs(Found):
    """Server time of each function as the session fills."""

    alone: Mapping[str, Number] = each("{} at 1", "s")
    half: Mapping[str, Number] = each("{} at half", "s")
    full: Mapping[str, Number] = each("{} full", "s")
    members: Number = number("members")
    entries: Number = number("entries")


@dataclass(frozen=True, slots=True)
class Fencing(Found):
    """Workers paused past their claim."""

    pauses: Number = number("pauses")
    overwritten: Number = number("writes")
    control_overwritten: Number = number("writes")


@dataclass(frozen=True, slots=True)
class Neighbours(Found):
    """The other sessions while one is noisy."""

    alone_p99: Number = number("s")
    noisy_p99: Number = number("s")
    limited_p99: Number = number("s")


@dataclass(frozen=True, slots=True)
class Played(Found):
    """Each action of the project: accepted, refused, at once, cut, and at its deadline."""

    actions: Number = number("actions")
    accepted_broken: Number = number("faults", name="accepted broken")
    refused: Number = number("refusals")
    refused_broken: Number = number("faults", name="refused broken")
    at_once: Number = number("calls", name="one caller")
    at_once_broken: Number = number("faults", name="one caller broken")
    deadline: Number = number("calls")
    deadline_broken: Number = number("faults", name="deadline broken")
    violations: Number = number("violations")
    control_noticed: Number = number("guards")
    control_beyond: Number = number("calls")


@dataclass(frozen=True, slots=True)
class Steps(Found):
    """Actions of the project in any order, or a whole session of them, with planted faults as the control."""

    steps: Number = number("steps")
    violations: Number = number("violations")
    control_noticed: Number = number("faults")


@dataclass(frozen=True, slots=True)
class Walk(Found):
    """The life of one session, command by command; the samples have each."""

    steps: Number = number("commands")
    left: Number = number("keys")
    strange: Number = number("keys")


@dataclass(frozen=True, slots=True)
class Sessions(Findings):
    """What is known of sessions."""

    invariants: Invariants | None = record("E-07a", Invariants)
    writers: Writers | None = record("E-07b", Writers)
    fuzz: Fuzz | None = record("E-07f", Fuzz)
    forged: Forged | None = record("E-07c", Forged)
    ghosts: Ghosts | None = record("E-07d", Ghosts)
    duplicates: Duplicates | None = record("E-07e", Duplicates)
    costs: Costs | None = record("E-07i", Costs)
    fencing: Fencing | None = record("E-07g", Fencing)
    neighbours: Neighbours | None = record("E-07h", Neighbours)
    actions: Played | None = record("E-07k", Played)
    steps: Steps | None = record("E-07l", Steps)
    evening: Steps | None = record("E-07m", Steps)
    walk: Walk | None = record("E-07j", Walk)
