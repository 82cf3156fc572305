"""A diagram: the life of a session as its actions make it, in Mermaid.

States are the phases that actions wait for and bring about; an arrow is an action, or several that do the same. What
ends the session may do so from every phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from redis_plan.actions.catalog import FIRST_PHASE
from redis_plan.actions.model import Action, Kind, Option

#: Effect that ends the session, and the functions of its life that no effect tells.
_CLOSES, _REOPENS = "close", "reopen"
_OPENS, _HANDED_OVER, _GONE = "session_create", "session_hand_over", "session_remove"


def life(actions: Sequence[Action]) -> str:
    """Return the state diagram of ``actions``; "" where none moves a phase."""
    moves: dict[tuple[str, str], list[str]] = {}
    phases = _phases(actions)
    for action in actions:
        for effect in action.kind.effects:
            if effect.name == "phase":
                to = str(effect.options["to"])
                for before in _waits_for(action.kind) or phases:
                    if before in phases:
                        moves.setdefault((before, to), []).append(action.name)
            if effect.name == "phase_back":
                kept = _kept_in(str(effect.options["keeps"]), actions)
                for before in _waits_for(action.kind):
                    for to in (phase for phase in phases if phase in kept):
                        moves.setdefault((before, to), []).append(action.name)
    if not moves:
        return ""
    lines = ["stateDiagram-v2", f"  [*] --> running: {_named(actions, _OPENS) or 'created'}", "  state running {"]
    lines += [f"    [*] --> {FIRST_PHASE}"]
    lines += [f"    {before} --> {to}: {', '.join(names)}" for (before, to), names in moves.items()]
    lines += ["  }"]
    if ends := [a.name for a in actions if any(e.name == _CLOSES for e in a.kind.effects)]:
        lines.append(f"  running --> ended: {', '.join(ends)}")
        lines.append(f"  ended --> handed_over: {_named(actions, _HANDED_OVER) or _HANDED_OVER}")
        if again := [a.name for a in actions if any(e.name == _REOPENS for e in a.kind.effects)]:
            lines.append(f"  handed_over --> running: {', '.join(again)}")
        lines.append(f"  handed_over --> [*]: {_named(actions, _GONE) or _GONE}")
    return "\n".join(lines)


def _phases(actions: Iterable[Action]) -> list[str]:
    """Return the phases that are reached, the first one first."""
    reached = [str(e.options["to"]) for a in actions for e in a.kind.effects if e.name == "phase"]
    return list(dict.fromkeys([FIRST_PHASE, *reached]))


def _waits_for(kind: Kind) -> tuple[str, ...]:
    found: Option = next((g.options.get("is", ()) for g in kind.guards if g.name == "phase"), ())
    return (found,) if isinstance(found, str) else found


def _kept_in(field: str, actions: Iterable[Action]) -> set[str]:
    """Return the phases that an action keeps in ``field`` while another one is on."""
    keeping = [
        a.kind for a in actions if any(e.options.get("keeps") == field and "to" in e.options for e in a.kind.effects)
    ]
    return {phase for kind in keeping for phase in _waits_for(kind)}


def _named(actions: Iterable[Action], call: str) -> str:
    return next((action.name for action in actions if action.kind.call == call), "")
