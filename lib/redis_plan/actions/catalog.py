"""The catalog of mechanics, ``data/catalog/mechanics/*.toml``: what is done in real-time applications, use by use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from redis_plan import codec
from redis_plan.actions.model import Kind, Mechanic, Option
from redis_plan.actions.reading import read
from redis_plan.errors import InputError
from redis_plan.keyspace.model import Bound
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
    return found


@cache
def kinds() -> Mapping[str, Kind]:
    """Return every kind of action by ``<mechanic>.<name>``."""
    return {kind.id: kind for mechanic in mechanics().values() for kind in mechanic.kinds.values()}


def kind_of(action: Bound) -> Kind:
    """Return the kind of an action of a design: the catalog's, or the one that the team declares."""
    return _declared(action.declared) if action.declared else kinds()[action.kind]


@lru_cache(maxsize=256)
def _declared(text: str) -> Kind:
    return codec.from_json(Kind, text)


def check_phases(given: Iterable[Mechanic]) -> None:
    """Raise where an action waits for a phase, or for a state of a record, that no action reaches."""
    found = list(given)
    reached = {FIRST_PHASE, *(w for m in found for k in m.kinds.values() for w in _reached(k, "phase", "to"))}
    for mechanic in found:
        states = {"none", *(w for k in mechanic.kinds.values() for w in _reached(k, "record", "state"))}
        for kind in mechanic.kinds.values():
            for guard in kind.guards:
                there = {"phase": reached, "state": states}.get(guard.name)
                for word in _many(guard.options.get("is", ())) if there is not None else ():
                    if word not in (there or ()):
                        raise InputError(
                            f"{mechanic.file}:{kind.line}: action {kind.name} waits for the {guard.name} {word}, which no "
                            f"action reaches; there is {', '.join(sorted(there or ()))}"
                        )


def _reached(kind: Kind, effect: str, option: str) -> Iterable[str]:
    return (str(e.options[option]) for e in kind.effects if e.name == effect and option in e.options)


def _many(option: Option) -> tuple[str, ...]:
    return (option,) if isinstance(option, str) else option
