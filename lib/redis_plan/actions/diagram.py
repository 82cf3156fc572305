"""A diagram: the life of a session as its actions make it, in Mermaid.

States are the phases that actions wait for and bring about; an arrow is an action, or several that do the same. What
ends the session may do so from every phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from redis_plan.actions.catalog import FIRST_PHASE
from redis_plan.actions.model import Action, Kind, Option

#: Effect that ends the session, and the functions of its life that no effect tells.
_CLOSES, _REOPENS = "close", "reopen"
_OPENS, _ENDS, _HANDED_OVER, _GONE = "session_create", "session_end", "session_hand_over", "session_remove"


def life(actions: Sequence[Action]) -> str:
    """Return the state diagram of ``actions``; "" where none moves a phase."""
    moves: dict[tuple[str, str], list[str]] = {}
    for move in _moves(actions):
        moves.setdefault((move.before, move.to), []).append(move.action)
    if not moves:
        return ""
    lines = ["stateDiagram-v2", f"  [*] --> running: {_named(actions, _OPENS) or 'created'}", "  state running {"]
    lines += [f"    [*] --> {FIRST_PHASE}"]
    lines += [f"    {before} --> {to}: {', '.join(names)}" for (before, to), names in moves.items()]
    lines += ["  }"]
    if ends := _with(_CLOSES, actions):
        lines.append(f"  running --> ended: {', '.join(ends)}")
        lines.append(f"  ended --> handed_over: {_named(actions, _HANDED_OVER) or _HANDED_OVER}")
        if again := _with(_REOPENS, actions):
            lines.append(f"  handed_over --> running: {', '.join(again)}")
        lines.append(f"  handed_over --> [*]: {_named(actions, _GONE) or _GONE}")
    return "\n".join(lines)


def statuses(actions: Sequence[Action]) -> str:
    """Return what becomes of a session as a whole in a few lines for a page that draws nothing, by the functions that do it."""
    ended, again = ", ".join(_with(_CLOSES, actions)) or _ENDS, _with(_REOPENS, actions)
    lines = [
        f"–  --{_OPENS}-->  open  --{ended}-->  ended",
        f"ended  --{_HANDED_OVER}, after the database's commit-->  handed_over  --{_GONE}-->  –",
    ]
    return "\n".join([*lines, *([f"handed_over  --{', '.join(again)}-->  open"] if again else [])])


def phases(actions: Sequence[Action]) -> str:
    """Return the same phases in a few lines for a page that draws nothing, one after the other where they follow; "" if none."""
    before: dict[tuple[str, str], list[str]] = {}
    for move in _moves(actions):
        before.setdefault((move.action, _BACK if move.back else move.to), []).append(move.before)
    named: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for (action, to), phases_before in before.items():
        named.setdefault((tuple(dict.fromkeys(phases_before)), to), []).append(action)
    every, reached = _phases(actions), {to for _, to in named}
    left = [(froms, f"--{', '.join(names)}-->", to) for (froms, to), names in named.items()]
    # what follows on something waits until that has been told; the main way comes before what is possible nearly always
    left.sort(key=lambda step: (set(step[0]) <= reached and len(step[0]) == 1, len(step[0]) > len(every) / 2 + 1))
    lines = []
    while left:
        froms, arrow, to = left.pop(0)
        line = "  ".join((_any_of(froms, every), arrow, to))
        while follows := next((step for step in left if step[0] == (to,)), None):
            longer = "  ".join((line, follows[1], follows[2]))
            if len(longer) > _WIDTH:
                break
            left.remove(follows)
            line, to = longer, follows[2]
        lines.append(line)
    return "\n".join(lines)


#: Characters that a line of a page holds without scrolling.
_WIDTH = 100
#: Where an action leads that goes back to the phase in which another one was called.
_BACK = "the phase before"


def _any_of(froms: Sequence[str], every: Sequence[str]) -> str:
    """Write phases, by those that are left out where these are fewer."""
    others = [phase for phase in every if phase not in froms]
    if len(others) < len(froms) - 1:
        return f"any but {', '.join(others)}" if others else "any"
    return ", ".join(froms)


@dataclass(frozen=True, slots=True)
class _Move:
    """One way from a phase to another; ``back`` where it leads to the phase before."""

    action: str
    before: str
    to: str
    back: bool = False


def _moves(actions: Sequence[Action]) -> Iterator[_Move]:
    """Yield each way that an action opens, in the order of the actions."""
    every = _phases(actions)
    for action in actions:
        for effect in action.kind.effects:
            if effect.name == "phase":
                for before in _waits_for(action.kind) or every:
                    if before in every:
                        yield _Move(action.name, before, str(effect.options["to"]))
            if effect.name == "phase_back":
                kept = _kept_in(str(effect.options["keeps"]), actions)
                for before in _waits_for(action.kind):
                    for to in (phase for phase in every if phase in kept):
                        yield _Move(action.name, before, to, back=True)


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


def _with(effect: str, actions: Iterable[Action]) -> list[str]:
    """Return the names of the actions that have ``effect``."""
    return [a.name for a in actions if any(e.name == effect for e in a.kind.effects)]


def _named(actions: Iterable[Action], call: str) -> str:
    return next((action.name for action in actions if action.kind.call == call), "")
