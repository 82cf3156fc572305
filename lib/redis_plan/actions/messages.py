"""Messages: the main loop of a project (a question, a lot, a drag) as a sequence of messages, in Mermaid.

The loop is read from the actions: with phases, what opens one, what members do in it, what ends it and what follows;
without phases, what one member takes for himself, changes and gives back; else what members do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from redis_plan.actions import vocabulary
from redis_plan.actions.catalog import FIRST_PHASE
from redis_plan.actions.model import LEADERS, Action, Kind, Option

#: Actions of members that one loop shows at most: more would be a catalogue and no loop.
MOST = 2
#: Participants by the letter of their lines, in the order of the picture.
_HOST, _MEMBER, _SERVER, _REDIS, _WORKER = "H", "M", "S", "R", "W"
#: Results that every action has.
_EVERYWHERE = ("ok", "duplicate", "ended", "gone")
_LOCKS, _GIVES_BACK, _WAITS = "free", "mine", "due"


class Named(Protocol):
    """An action by its name, with the keys behind those of its kind and the demands that it carries out."""

    @property
    def name(self) -> str:
        """What its function is called."""

    @property
    def kind(self) -> Kind:
        """What the catalog, or the team, says that it does."""

    @property
    def keys(self) -> Mapping[str, str]:
        """The project's key behind each key of the kind."""

    @property
    def demands(self) -> Collection[object]:
        """What asks for it."""


Act = TypeVar("Act", bound=Named)


def main(actions: Iterable[Act]) -> list[Act]:
    """Return the main loop of ``actions`` in its order; empty where no action of a member is composed."""
    own = [action for action in actions if not action.kind.call]
    return _of_a_round(own) or _of_an_object(own) or _any(own)


def at_once(steps: Sequence[Act], actions: Iterable[Act]) -> list[Act]:
    """Return the loop ``steps`` as it goes without waiting for a time to pass.

    What ends a round when its time is over gives way to what ends it before; where nothing does, it stays, and is refused, and
    what waits for the end is left out.
    """
    late = next((a for a in steps if _asks(a, _WAITS)), None)
    if late is None:
        return list(steps)
    to, others = _to(late.kind), [a for a in actions if not _asks(a, _WAITS) and not a.kind.call]
    ends = [a for a in others if _to(a.kind) == to and set(_waits_for(a.kind)) & set(_waits_for(late.kind))]
    early = next(iter(sorted(ends, key=lambda a: a.kind.actors != ("worker",))), None)
    if early is not None:
        return [early if a is late else a for a in steps]
    after = steps.index(late) + 1
    return [*steps[:after], *(a for a in steps[after:] if to not in _waits_for(a.kind))]


def makes(action: Named, actions: Iterable[Act]) -> Act | None:
    """Return what makes the object that ``action`` is about, None where nothing is known to or none is needed."""
    kept = {str(g.options["key"]) for g in action.kind.guards if g.name in ("known", "unchanged", _LOCKS)}
    behind = {action.keys[local] for local in kept if local in action.keys}
    for other in actions:
        new = (g for g in other.kind.guards if g.name == "state" and g.options.get("is") == "none")
        if any(other.keys.get(str(g.options["key"])) in behind for g in new) and "member" in other.kind.actors:
            return other
    return None


def is_led(kind: Kind) -> bool:
    """Whether only who leads a session does it."""
    return set(kind.actors) <= set(LEADERS)


def loop(
    actions: Sequence[Action], member: str = "member", noun: str = "session", fcall: Callable[[str], str] = str
) -> str:
    """Return the sequence diagram of the main loop of ``actions``; "" where no action of a member is composed.

    ``fcall`` is what FCALL calls the function of an action.
    """
    own = [action for action in actions if not action.kind.call]
    steps = main(own)
    if not steps:
        return ""
    around = (
        [] if _of_a_round(own) else [action for action in steps if _asks(action, _LOCKS) or _asks(action, _GIVES_BACK)]
    )
    lines = list(_steps(steps, around, member, noun, fcall))
    used = {
        letter
        for line in lines
        for letter in (_HOST, _MEMBER, _WORKER)
        if line.lstrip().startswith((f"{letter}->>", f"loop {letter}"))
    }
    head = ["sequenceDiagram"]
    head += [f"  actor {_HOST} as {_first_leader(own)}"] if _HOST in used else []
    head += [f"  actor {_MEMBER} as {member}"] if _MEMBER in used else []
    head += [f"  participant {_SERVER} as gateway", f"  participant {_REDIS} as Redis"]
    head += [f"  participant {_WORKER} as worker"] if _WORKER in used else []
    return "\n".join([*head, *lines])


def _of_a_round(actions: Sequence[Act]) -> list[Act]:
    """Return what opens a phase with an end, what members do in it, what ends it, and what follows until the next one."""
    opens = next((a for a in actions if FIRST_PHASE in _waits_for(a.kind) and a.kind.timers and _to(a.kind)), None)
    if opens is None:
        return []
    phase = _to(opens.kind)
    during = [a for a in actions if "member" in a.kind.actors and phase in _waits_for(a.kind)]
    # the worker's end before the host's: it is what ends a round that nobody looks after
    ends = _one(
        a
        for a in actions
        if phase in _waits_for(a.kind) and _to(a.kind) and a.kind.timers and a.kind.actors == ("worker",)
    )
    found = [opens, *_asked_most(during), *ends]
    after = _to(ends[0].kind) if ends else ""
    found += _one(a for a in actions if after and _waits_for(a.kind) == (after,) and _to(a.kind))
    counts = (
        a for a in actions if a.kind.actors == ("worker",) and any(e.name in ("add", "gain") for e in a.kind.effects)
    )
    return [*found, *_one(counts)]


def _of_an_object(actions: Sequence[Act]) -> list[Act]:
    """Return what takes an object for one member, what changes it, and what gives it back."""
    takes = _one(
        a for a in actions if _asks(a, _LOCKS) and any(e.options.get("owner") == "member" for e in a.kind.effects)
    )
    gives = _one(a for a in actions if _asks(a, _GIVES_BACK) and a.kind.actors == ("member",))
    if not takes:
        return []
    changes = [
        a for a in actions
        if "member" in a.kind.actors and "expected" in a.kind.takes and set(takes[0].keys) & set(a.keys)
    ]  # fmt: skip
    return [*takes, *_asked_most(changes), *gives]


def _any(actions: Sequence[Act]) -> list[Act]:
    return _asked_most([a for a in actions if "member" in a.kind.actors])


def _asked_most(actions: Sequence[Act]) -> list[Act]:
    return sorted(actions, key=lambda action: -len(action.demands))[:MOST]


def _one(actions: Iterable[Act]) -> list[Act]:
    found = next(iter(actions), None)
    return [found] if found is not None else []


def _steps(
    actions: Sequence[Action], around: Sequence[Action], member: str, noun: str, fcall: Callable[[str], str]
) -> Iterator[str]:
    """Yield the lines of each action; those ``around`` a loop of one member are done once, all others of members repeated."""
    for action in actions:
        kind, letter = action.kind, _letter(action.kind)
        repeated = letter == _MEMBER and action not in around
        inner = "  " * repeated
        if repeated:
            yield f"  loop {'while it goes on' if around else f'{member} by {member}'}"
        if letter == _WORKER:
            # a worker calls the functions itself: no gateway is asked
            yield f"  {_WORKER}->>{_REDIS}: FCALL {fcall(action.name)}"
            yield f"  {_REDIS}-->>{_WORKER}: ok{_or_else(kind)}"
        else:
            yield f"  {inner}{letter}->>{_SERVER}: {action.name}"
            yield f"  {inner}{_SERVER}->>{_REDIS}: FCALL {fcall(action.name)}"
            yield f"  {inner}{_REDIS}-->>{_SERVER}: version, ok{_or_else(kind)}"
            yield f"  {inner}{_SERVER}-->>{letter}: version, result"
        if kind.announces and kind.audience != "nobody":
            shown = ", ".join(_shown(shown) for shown in kind.shows)
            yield f"  {inner}{_REDIS}-){_SERVER}: event {kind.announces}{f' ({shown})' if shown else ''}"
            to = "everybody" if kind.audience == "all" else {"leaders": "who leads", "target": "the one"}[kind.audience]
            yield f"  {inner}Note over {_MEMBER if letter == _MEMBER else letter},{_SERVER}: to {to} in the {noun}{_hidden(kind)}"
        if repeated:
            yield "  end"


def _shown(shown: str) -> str:
    what, _, of = shown.partition(" ")
    return f"number of {of}" if what == "count" else vocabulary.shown_name(shown)


def _or_else(kind: Kind) -> str:
    refused = [result for result in kind.results if result not in _EVERYWHERE]
    return f" or {', '.join(refused)}" if refused else ""


def _hidden(kind: Kind) -> str:
    return f", never the {' or '.join(kind.hides)}" if kind.hides else ""


def _letter(kind: Kind) -> str:
    if kind.actors == ("worker",):
        return _WORKER
    return _HOST if is_led(kind) else _MEMBER


def _first_leader(actions: Iterable[Action]) -> str:
    return next((a.actor for a in actions if is_led(a.kind)), "host")


def _asks(action: Named, guard: str) -> bool:
    return any(g.name == guard for g in action.kind.guards)


def _to(kind: Kind) -> str:
    return next((str(e.options["to"]) for e in kind.effects if e.name == "phase"), "")


def _waits_for(kind: Kind) -> tuple[str, ...]:
    found: Option = next((g.options.get("is", ()) for g in kind.guards if g.name == "phase"), ())
    return (found,) if isinstance(found, str) else found
