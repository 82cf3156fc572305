"""The catalog of mechanics, ``data/catalog/mechanics/*.toml``: what is done in real-time applications, use by use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from redis_plan import codec
from redis_plan.actions.model import Kind, Mechanic, many
from redis_plan.actions.reading import read
from redis_plan.errors import InputError
from redis_plan.keyspace.model import Bound, Leavers
from redis_plan.resources import catalog_dir

#: The phase of a session that no action has put into another one.
FIRST_PHASE = "lobby"


@cache
def mechanics() -> Mapping[str, Mechanic]:
    """Return every mechanic of the catalog by name; raises :class:`InputError` with file and line where one is faulty."""
    found = {}
    for path in sorted((catalog_dir() / "mechanics").glob("*.toml")):
        found[path.stem] = read(path.read_text("utf-8"), f"data/catalog/mechanics/{path.name}")
    check_phases(found.values())
    check_named(found.values())
    return found


@cache
def kinds() -> Mapping[str, Kind]:
    """Return every kind of action by ``<mechanic>.<name>``."""
    return {kind.id: kind for mechanic in mechanics().values() for kind in mechanic.kinds.values()}


def base(id: str) -> str:
    """Return the kind whose place the kind ``id`` takes, or ``id``."""
    kind = kinds().get(id)
    return kind.instead or id if kind else id


def placed(kind: Kind, instead: frozenset[str]) -> Kind:
    """Return the kind that stands in the place of ``kind`` where those of ``instead`` do; a declared one stays."""
    if kind.declared:
        return kind
    own = kind.instead or kind.id
    return kinds()[next((id for id in sorted(instead) if kinds()[id].instead == own), own)]


def leavers(kind: Kind, key: str) -> Leavers | None:
    """Return what an entry of a member in the ``key`` of ``kind`` does when the seat ends, where the catalog says it.

    A declared action says what the one does that it is like.
    """
    owner = mechanics().get(kind.borrowed.get(key) or (kind.like.partition(".")[0] if kind.declared else kind.mechanic))
    return owner.leavers.get(key) if owner else None


def kind_of(action: Bound) -> Kind:
    """Return the kind of an action of a design: the catalog's, or the one that the team declares."""
    return _declared(action.declared) if action.declared else kinds()[action.kind]


@lru_cache(maxsize=256)
def _declared(text: str) -> Kind:
    return codec.from_json(Kind, text)


def check_phases(given: Iterable[Mechanic]) -> None:
    """Raise where an action waits for a phase, or for a state of a record, that no action reaches."""
    found = list(given)
    every = [kind for mechanic in found for kind in mechanic.kinds.values()]
    reached = {FIRST_PHASE, *(w for k in every for w in _reached(k, "phase", "to"))}
    for mechanic in found:
        states = {"none", *(w for k in every if writes_to(k, mechanic.name) for w in states_of(k))}
        for kind in mechanic.kinds.values():
            for guard in kind.guards:
                there = {"phase": reached, "state": states}.get(guard.name)
                for word in many(guard.options.get("is", ())) if there is not None else ():
                    if word not in (there or ()):
                        raise InputError(
                            f"{mechanic.file}:{kind.line}: action {kind.name} waits for the {guard.name} {word}, which no "
                            f"action reaches; there is {', '.join(sorted(there or ()))}"
                        )


def check_named(given: Iterable[Mechanic]) -> None:
    """Raise where an action names one of another mechanic that there is not."""
    found = list(given)
    known = {kind.id for mechanic in found for kind in mechanic.kinds.values()}
    for mechanic, kind in ((m, k) for m in found for k in m.kinds.values()):
        if kind.without_session not in {"", *known}:
            raise InputError(
                f"{mechanic.file}:{kind.line}: action {kind.name} names {kind.without_session}, which no mechanic has; "
                "write <mechanic>.<action>"
            )


def writes_to(kind: Kind, mechanic: str) -> bool:
    """Whether ``kind`` works on the keys of ``mechanic``: it is one of it, or borrows one."""
    return kind.mechanic == mechanic or mechanic in kind.borrowed.values()


def states_of(kind: Kind) -> frozenset[str]:
    """Return the states that ``kind`` puts records into."""
    return frozenset(str(e.options["state"]) for e in kind.effects if "state" in e.options)


def _reached(kind: Kind, effect: str, option: str) -> Iterable[str]:
    return (str(e.options[option]) for e in kind.effects if e.name == effect and option in e.options)
