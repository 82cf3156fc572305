"""Limits of people and connections: what the gateway admits and what a function refuses, told alike wherever it stands."""

from __future__ import annotations

from dataclasses import dataclass

from redis_plan.keyspace.model import Keyspace

#: Commands of one connection a second, and at once: what a hurried hand does, far below what a loop sends (chosen).
A_SECOND, AT_ONCE = 10, 20
_TRY = "codes.try_code"


@dataclass(frozen=True, slots=True)
class Tries:
    """How many wrong codes a device may try in a minute: who shares an address joins with others, so it is not by that."""

    most: int
    asked: str  # the demands behind it
    counter: str


def tries(keyspace: Keyspace) -> Tries | None:
    """Return the bound on guessing a code; None where nobody joins by one."""
    action = next((action for action in keyspace.actions if action.kind == _TRY), None)
    counter = keyspace.use("rate")
    if action is None or counter is None:
        return None
    most = dict(action.values).get("limit", 10)
    return Tries(most, ", ".join(action.requirements[:2]), counter.template)
