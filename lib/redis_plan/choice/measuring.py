"""Measuring: the objective with measured server times, which overrules the estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redis_plan.choice import constants
from redis_plan.choice.choosing import Choice
from redis_plan.choice.costing import Work
from redis_plan.choice.weighing import Option


@dataclass(frozen=True, slots=True)
class Times:
    """Server seconds inside the commands of one write and one read, as INFO commandstats accounts them."""

    write_s: float
    read_s: float


def measured_cost(choice: Choice, option: Option, times: Times) -> float:
    """Return the objective of ``option`` with measured times in place of modelled ones; memory stays modelled.

    The model of memory errs by about one per cent; the times inside a command depend on the server, so they are measured.
    """
    rates, cost = choice.weighed.rates, option.cost
    # a read of one element was measured where the use reads a key for each of many
    repeat = max(1, cost.read.commands // max(1, len(option.candidate.read)))
    seconds = rates.writes * _with(cost.write, times.write_s) + rates.reads * _with(cost.read, repeat * times.read_s)
    weight = next(w.value for w in constants.weights() if w.name == "cpu")
    return cost.total - dict(cost.shares)["cpu"] + weight * seconds / constants.limit("core_s")


def _with(operation: Work, own_s: float) -> float:
    return operation.cpu_s - operation.own_s + own_s


def measured_costs(choice: Choice, times: Mapping[str, Times]) -> dict[str, float]:
    """Return the objective of every feasible candidate that was measured, by name."""
    feasible = (o for o in choice.weighed.options if o.feasible and o.candidate.name in times)
    return {o.candidate.name: measured_cost(choice, o, times[o.candidate.name]) for o in feasible}


def overruled_by(choice: Choice, times: Mapping[str, Times], noise: float) -> str:
    """Return the feasible candidate that is cheaper than the chosen one by more than ``noise`` (a share), or "".

    Nothing overrules what the team pinned, nor by so little that nobody would feel it.
    """
    costs, holder = measured_costs(choice, times), choice.chosen.candidate.name
    if choice.weighed.pinned or holder not in costs:
        return ""
    best = min(costs, key=lambda name: costs[name])
    floor = max(1 + noise, constants.limit("clearly"))
    clearly = costs[holder] > floor * costs[best] and costs[holder] - costs[best] > constants.limit("felt")
    return best if clearly else ""
