"""Seating: who has an entry in roster and presence, and what one connection more does, as the actions of the design have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from string import Template

from redis_plan.brief.model import Brief
from redis_plan.keyspace import calls
from redis_plan.keyspace.model import Bound, Field, KeyPattern, Leavers

#: The kinds of action by which somebody sits, watches, or leads without playing.
JOINS, WATCHES, LEADS = "seats.join", "seats.watch", "hosting.attend"

#: What happens at the bound of records that are one a member.
ONE_EACH = "one entry a member: the roster's bound holds here"
#: What becomes of it when the seat ends, by leaving or by a lapsed lease.
LEAVERS: Mapping[Leavers, str] = {"go": "it goes with the seat", "stay": "who leaves keeps it, and it counts on top"}
#: A seat's entry without its name, as ``effect_sit`` writes it.
_ENTRY = '{"name":""}'


def connections(actions: Sequence[Bound]) -> int:
    """Return how many connections a member may have: as the action joins, else as the session's own function does."""
    values = {name: value for action in actions if action.kind == JOINS for name, value in action.values}
    return values.get("connections", int(calls.arguments()["connections_max"].absent))


def name_bytes(actions: Sequence[Bound]) -> int:
    """Return the bytes of a seat's entry as the action writes it, names at their longest, a byte a character; 0 without one.

    Only a name with capitals beyond ASCII stands in it twice: as it is shown, and as names are compared.
    """
    longest = [dict(action.values).get("name_most", 0) for action in actions if action.kind == JOINS]
    return max((len(_ENTRY) + name for name in longest if name), default=0)


def told(patterns: Sequence[KeyPattern], brief: Brief, actions: Sequence[Bound]) -> list[KeyPattern]:
    """Say on roster and presence who has an entry there, and what happens at the bound of one member's connections."""
    words = {"connections": _counted(connections(actions))}
    says = _entries(brief, {action.kind for action in actions})
    return [
        replace(
            pattern,
            holds="; ".join((pattern.holds, *says.get(pattern.use, ()))),
            at_bound=Template(pattern.at_bound).safe_substitute(words),
            fields=_widened(pattern, actions),
        )
        if pattern.use in ("roster", "presence")
        else pattern
        for pattern in patterns
    ]


def bounded(patterns: Sequence[KeyPattern], leavers: Mapping[str, Leavers]) -> list[KeyPattern]:
    """Say what becomes of a member's entry when the seat ends; records of which each member has one get the roster's bound."""
    roster = next((p for p in patterns if p.use == "roster"), None)
    return [_of_members(p, leavers, roster) if roster and p.name in leavers else p for p in patterns]


def _of_members(pattern: KeyPattern, leavers: Mapping[str, Leavers], roster: KeyPattern) -> KeyPattern:
    does = pattern.leavers or leavers[pattern.name]
    if pattern.use != "records" or pattern.type != "hash":
        return replace(pattern, leavers=does, at_bound=f"{pattern.at_bound}; {LEAVERS[does]}".removeprefix("; "))
    return replace(
        pattern,
        leavers=does,
        max_elements=roster.max_elements,
        typical_elements=min(roster.typical_elements, roster.max_elements),
        at_bound=f"{ONE_EACH}; {LEAVERS[does]}",
        fields=tuple(replace(field, name="<member_id>") for field in pattern.fields),
    )


def _widened(pattern: KeyPattern, actions: Sequence[Bound]) -> tuple[Field, ...]:
    """Return the fields of a pattern, a seat's entry as long as the action may write it."""
    if pattern.use != "roster":
        return pattern.fields
    return tuple(replace(field, max_bytes=max(field.max_bytes, name_bytes(actions))) for field in pattern.fields)


def _entries(brief: Brief, kinds: set[str]) -> Mapping[str, Sequence[str]]:
    """Return what is to be said of those who take no place, by use."""
    found: dict[str, list[str]] = {"roster": [], "presence": []}
    if watching := next((r for r in brief.restrictions if r.kind == "no-place"), None):
        no_place = f"who only watches takes no place ({watching.file}:{watching.line})"
        found["roster"].append(f"{no_place} and has no entry")
        has = "its lease begins with `watch:`" if WATCHES in kinds else "it has no entry and subscribes"
        found["presence"].append(f"{no_place}: {has}")
    if LEADS in kinds:
        found["presence"].append("who only leads: a lease, no seat")
    return found


def _counted(number: int) -> str:
    return {1: "a second connection", 2: "a third connection"}.get(number, f"connection {number + 1}")
