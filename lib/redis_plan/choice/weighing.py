"""Weighing: every candidate of a key against the others, and the choice among those that can serve it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redis_plan.brief.model import AccessPattern
from redis_plan.choice import constants, costing
from redis_plan.choice.costing import Cost, Load
from redis_plan.choice.feasibility import Obstacle, obstacle
from redis_plan.choice.forms import form
from redis_plan.choice.rates import Rates, rates
from redis_plan.errors import InputError
from redis_plan.keyspace import versions
from redis_plan.keyspace.design import Draft, Slot, preferred
from redis_plan.keyspace.model import Candidate, KeyPattern
from redis_plan.memory import layout
from redis_plan.memory.layout import Build

#: The oldest version with a memory layout: what is older is predicted like it.
_OLDEST = {"redis": "7.0", "valkey": "8.0"}


@dataclass(frozen=True, slots=True)
class Option:
    """One candidate of one key: its cost, and what keeps it out, if anything does."""

    candidate: Candidate
    cost: Cost
    obstacle: Obstacle | None

    @property
    def feasible(self) -> bool:
        """Whether nothing keeps it out."""
        return self.obstacle is None


@dataclass(frozen=True, slots=True)
class Weighed:
    """A key with its candidates, the feasible ones first and cheapest first among them."""

    pattern: KeyPattern
    rates: Rates
    options: tuple[Option, ...]
    usual: str  # the candidate that the catalog prefers on this server
    pinned: str

    @property
    def chosen(self) -> Option:
        """The pinned candidate, else the cheapest feasible one, else what the catalog prefers.

        The catalog's preference stands unless another is clearly cheaper, so that two builds don't disagree by chance.
        """
        by_name = {o.candidate.name: o for o in self.options}
        if self.pinned:
            return by_name[self.pinned]
        best, usual = self.options[0], by_name[self.usual]
        if not best.feasible or best is usual:
            return usual
        least, kept = best.cost.total, usual.cost.total
        clearly = kept > constants.limit("clearly") * least and kept - least > constants.limit("felt")
        return best if clearly or not usual.feasible else usual


def server_of(draft: Draft) -> tuple[str, tuple[int, ...]]:
    """Return product and version that the choice is made for: the stack's."""
    return versions.stack_server(draft.ground.brief)


def build_of(product: str, version: tuple[int, ...]) -> Build:
    """Return the memory layout of a server; one too old to have a layout is predicted like the oldest."""
    text = ".".join(map(str, version))
    try:
        return layout.build(f"{product}-{text}")
    except InputError:
        return layout.build(f"{product}-{_OLDEST[product]}")


def weigh(
    slot: Slot, draft: Draft, served: KeyPattern, access: tuple[AccessPattern, ...], build: Build,
    server: tuple[str, tuple[int, ...]],
) -> Weighed:  # fmt: skip
    """Return the candidates of ``slot`` under the numbers of ``draft``; ``served`` names the access patterns."""
    ground = draft.ground
    usual = preferred(slot.spec, ground.brief)
    default = draft.held(slot, usual)
    used = rates(slot, served, access, ground.facts)
    load = _load(default, used, ground.facts)
    reads_all = any(
        word in command for command in (default.candidate.read if default.candidate else ()) for word in _ALL
    )
    options = []
    for candidate in slot.spec.candidate:
        pattern = (
            draft.held(slot, candidate.name)
            if candidate.name == usual or candidate.name in slot.spec.variant
            else default
        )
        made = form(pattern, default, candidate)
        cost = costing.cost(candidate, made, load, build, bool(default.functions), reads_all)
        options.append(Option(candidate, cost, obstacle(candidate, made, default, server, reads_all)))
    order = {name: place for place, name in enumerate(slot.spec.prefer)}
    options.sort(key=lambda o: (not o.feasible, o.cost.total, order.get(o.candidate.name, len(order))))
    return Weighed(served, used, tuple(options), usual, draft.pinned(slot))


#: Reads that answer with all elements of a key.
_ALL = ("HGETALL", "SMEMBERS", "LRANGE", "ZRANGE", "XREVRANGE", "ZCOUNT")


def _load(pattern: KeyPattern, used: Rates, facts: Mapping[str, float]) -> Load:
    apart = pattern.scope == "global"
    peak = facts["sessions_peak"]
    lifetime = pattern.ttl.seconds or facts["session_lifetime"]
    return Load(
        writes=used.writes,
        reads=used.reads,
        owners=1.0 if apart else peak,
        ends=1.0 / lifetime if apart else peak / facts["session_lifetime"],
        memory_budget=facts["memory_budget"],
        sync_latency=facts["sync_latency"],
    )


def margin(weighed: Weighed) -> float | None:
    """Return how many times dearer the next feasible candidate is than the chosen one; None without one.

    Slightly below 1 where the catalog's preference stands against one that is hardly cheaper.
    """
    others = [o for o in weighed.options if o.feasible and o.candidate.name != weighed.chosen.candidate.name]
    if not others or weighed.chosen.cost.total <= 0:
        return None
    return others[0].cost.total / weighed.chosen.cost.total


def is_close(weighed: Weighed) -> bool:
    """Whether the margin is small enough, and the key dear enough, for a measurement to overrule it."""
    found = margin(weighed)
    if found is None or weighed.pattern.type == "channel" or weighed.pinned:
        return False
    close = constants.limit("close")
    return 1 / close < found < close and weighed.chosen.cost.total >= constants.limit("worth")
