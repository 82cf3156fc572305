"""Limits of people and connections: what the gateway admits and what a function refuses, told alike wherever it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redis_plan.actions import compose
from redis_plan.actions.model import Action, Given, Kind
from redis_plan.actions.parameters import quantities
from redis_plan.brief.model import Brief
from redis_plan.keyspace import cues
from redis_plan.keyspace.model import Keyspace

_TRY = "codes.try_code"
#: Units of parameters that bound no number of things, and parameters that have a row of their own.
_NO_BOUND, _TOLD = ("ms", "s", "characters"), ("capacity", "connections", "step")
#: What makes room where nothing is refused, by the effect that keeps so many.
_TRIMMED = {"bid": "the lowest go", "append": "the oldest go"}


@dataclass(frozen=True, slots=True)
class Tries:
    """How many wrong codes a device may try in a minute: who shares an address joins with others, so it is not by that.

    ``besides`` are limits that a demand states beside it, such as one for an address, each with where it stands.
    """

    most: int
    said: str
    counter: str
    besides: tuple[tuple[str, str], ...] = ()


def tries(brief: Brief, keyspace: Keyspace, actions: Sequence[Action]) -> Tries | None:
    """Return the bound on guessing a code; None where nobody joins by one."""
    action = next((action for action in actions if action.kind.id == _TRY), None)
    counter = keyspace.use("rate")
    if action is None or counter is None:
        return None
    known = {r.id: r for r in brief.requirements}
    stated = {
        (q.file, q.line): q
        for demand in action.demands
        if demand.id in known
        for q in quantities(known[demand.id], brief)
        if q.kind == "rate" and q.unit.endswith("/minute")
    }
    limit = action.value("limit")
    besides = tuple((q.text, f"{file}:{line}") for (file, line), q in sorted(stated.items()) if round(q.value) != limit)
    given = next((g for g in action.parameters if g.parameter.name == "limit"), None)
    return Tries(limit, _said(given), counter.template, besides)


def bounds(actions: Sequence[Action]) -> list[tuple[str, str, str, str]]:
    """Return what else the project's actions bound: what, how many and where that is said, in which action, what then is done."""
    rows = []
    for action in actions:
        for given in action.parameters:
            p = given.parameter
            if p.unit not in _NO_BOUND and p.name not in _TOLD and action.kind.id != _TRY:
                says = cues.filled(p.says, compose.NOUNS)
                rows.append((says, f"{given.value:,} ({_said(given)})", action.name, beyond(action.kind, p.name)))
    return rows


def beyond(kind: Kind, parameter: str) -> str:
    """Return what becomes of one more than ``parameter`` allows: the answer of the guard that has it, or what makes room."""
    for guard in kind.guards:
        if parameter in guard.options.values():
            return f"`{guard.answer}`"
    for effect in kind.effects:
        if parameter in effect.options.values():
            return _TRIMMED.get(effect.name, "as its effect has it")
    return "`refused`" if kind.call else "as its own Lua has it"


@dataclass(frozen=True, slots=True)
class Ends:
    """What ends a session: the function for who leads it, and the worker's where nothing happened for too long."""

    led: str
    idle: str


def ends(keyspace: Keyspace) -> Ends:
    """Return the project's own actions that end a session, else the function behind them."""
    named = {action.kind: action.name for action in keyspace.actions}
    return Ends(named.get("session.finish", "session_end"), named.get("session.end_idle", "session_end"))


def _said(given: Given | None) -> str:
    return f"{given.file}:{given.line}" if given is not None and given.file else "assumed"
