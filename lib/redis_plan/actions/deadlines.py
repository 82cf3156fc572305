"""Deadlines: which action sets, moves or removes which entry of the index of deadlines, and which worker takes it up.

Read from the actions' guards and effects alone. The index lies in another slot than the session, so no function writes it:
whoever calls an action writes the entry after it, and the worker's action looks once more by the server's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from redis_plan.actions.model import Effect, Kind

#: An action under the name that a project, or the catalog, has for it.
Named = tuple[str, Kind]
_LEASED = frozenset({"sit", "attend", "watch"})
_HEARTBEAT, _LEAVE, _SWEEP = "session_heartbeat", "session_leave", "session_sweep"
_HAND_OVER = "session_hand_over"
_EVERY = ("every change",)


@dataclass(frozen=True, slots=True)
class Deadline:
    """One kind of deadline: its entry in the index, when it is due, and the names of the actions around it."""

    what: str
    entry: str  # what follows the session's id in the index
    at: str
    sets: tuple[str, ...] = ()
    moves: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    taken_up: tuple[str, ...] = ()


def deadlines(actions: Iterable[Named]) -> tuple[Deadline, ...]:
    """Return the deadlines that a worker of ``actions`` takes up, in the order of their fields and keys."""
    made = list(actions)
    found = [*_timers(made), _everyone(made), *_leases(made), *_records(made)]
    return tuple(
        replace(d, removes=tuple(n for n in dict.fromkeys(d.removes) if n not in d.taken_up))
        for d in found
        if d.taken_up
    )


def _timers(made: Sequence[Named]) -> Iterator[Deadline]:
    """Yield the ends that stand in a field of the state."""
    fields = dict.fromkeys(str(g.options["field"]) for _, kind in made for g in kind.guards if g.name == "due")
    for field in fields:

        def about(effect: Effect, *names: str, field: str = field) -> bool:
            return effect.name in names and field in (effect.options.get("field"), *effect.options.get("fields", ()))

        yield Deadline(
            f"end of what `{field}` times",
            "timer",
            f"`{field}`",
            sets=_with(made, lambda e: about(e, "timer", "go")),
            moves=_with(made, lambda e: about(e, "extend")),
            removes=(
                *_with(made, lambda e: about(e, "stop", "clear") or e.name == "close"),
                *(name for name, kind in made if any((t.does, t.field) == ("cancels", field) for t in kind.timers)),
            ),
            taken_up=_asking(made, "due", field=field),
        )


def _everyone(made: Sequence[Named]) -> Deadline:
    """Return the look whether the last one that everybody waited for has come; what asks for more than the round, a worker can't do."""
    given = _with(made, lambda e: e.name == "give")
    closing = tuple(name for name, kind in made if kind.takes == ("round",) and name in _asking(made, "everyone"))
    return Deadline("the last one has come", "timer", "a moment after each", given, taken_up=closing)


def _leases(made: Sequence[Named]) -> Iterator[Deadline]:
    """Yield what follows from heartbeats, absence and silence."""
    sat, beats = _with(made, lambda e: e.name in _LEASED), _calling(made, _HEARTBEAT)
    gone = (*_calling(made, _LEAVE), *_with(made, lambda e: e.name == "unseat"))
    yield Deadline("end of a lease", "lease", "the lease's score", sat, beats, gone, _calling(made, _SWEEP))
    heard = "the last heartbeat and `away_ms`"
    yield Deadline("silence of a member", "lease", heard, sat, beats, gone, _asking(made, "silent"))
    back = _with(made, lambda e: e.name in ("unmark", "host_here"))
    marks = _with(made, lambda e: e.name == "mark")
    absent = _asking(made, "gone", actor="worker")
    yield Deadline("absence of the host", "lease", "`away:<owner>` and `absent_ms`", marks, (), back, absent)
    idle = _asking(made, "idle")
    ends = [name for name in _with(made, lambda e: e.name == "close") if name not in idle]
    at = "".join(["`updated_at` and `idle_ms`", *(f"; after `{name}` at once" for name in ends)])
    yield Deadline(
        "idle end, and the result's way", "idle", at, _EVERY, _EVERY, (), (*idle, *_calling(made, _HAND_OVER))
    )


def _records(made: Sequence[Named]) -> Iterator[Deadline]:
    """Yield the ends that stand in records: of a hold, an offer, a job."""
    for mechanic in dict.fromkeys(kind.mechanic for _, kind in made if any(g.name == "overdue" for g in kind.guards)):
        own = [(name, kind) for name, kind in made if kind.mechanic == mechanic]
        yield Deadline(
            f"end of a record of {mechanic}",
            "timer",
            "`until` of the record that ends first",
            sets=_with(own, lambda e: e.name == "record" and "until" in e.options),
            removes=_with(own, lambda e: e.name == "remove" or (e.name == "record" and "until" not in e.options)),
            taken_up=_asking(own, "overdue"),
        )


def _with(made: Iterable[Named], asked: Callable[[Effect], bool]) -> tuple[str, ...]:
    return tuple(name for name, kind in made if any(asked(effect) for effect in kind.effects))


def _calling(made: Iterable[Named], function: str) -> tuple[str, ...]:
    return tuple(name for name, kind in made if kind.call == function)


def _asking(made: Iterable[Named], guard: str, field: str = "", actor: str = "") -> tuple[str, ...]:
    return tuple(
        name
        for name, kind in made
        if (not actor or actor in kind.actors)
        and any(g.name == guard and field in ("", g.options.get("field")) for g in kind.guards)
    )
