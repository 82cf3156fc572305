"""Acting: the functions of a project's actions, and the generic changes that they take the place of."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from redis_plan.actions import catalog, compose, own_lua, vocabulary
from redis_plan.actions.model import Effect, Kind
from redis_plan.keyspace import functions
from redis_plan.keyspace.functions import Function
from redis_plan.keyspace.model import Bound, KeyPattern, Keyspace
from redis_plan.remembered import remembered


@remembered
def composed(keyspace: Keyspace) -> tuple[tuple[Bound, Function], ...]:
    """Return the actions that have a function of their own, each with it, in the order of the design.

    Left out is an action whose key this design holds in another type than the action can do.
    """
    session = not functions.missing(keyspace)
    nouns = (("member", keyspace.member_noun), ("noun", keyspace.session_noun))
    return tuple(
        (action, _function(action, session, nouns))
        for action in keyspace.actions
        if _fits(action, catalog.kind_of(action), keyspace, session)
    )


@remembered
def called(keyspace: Keyspace) -> tuple[tuple[Bound, str, KeyPattern], ...]:
    """Return the actions that a function of the catalog carries out on one key of its mechanic."""
    found = []
    for action in keyspace.actions:
        kind = catalog.kind_of(action)
        own = set(catalog.mechanics()[kind.mechanic].keys.values()) if kind.call else set()
        if kind.call and (pattern := next((p for p in keyspace.keys if (p.use, p.type) in own), None)):
            found.append((action, kind.call, pattern))
    return tuple(found)


def replaced(keyspace: Keyspace) -> frozenset[str]:
    """Return the names of the collections whose generic changes actions take the place of."""
    return frozenset(name for action, _ in composed(keyspace) for name in _changed(action, only=vocabulary.fills))


def written(action: Bound) -> frozenset[str]:
    """Return the names of the keys that an action writes, beside what every action of a session does."""
    keys = dict(action.keys)
    kind = catalog.kind_of(action).on(keys)
    of_words = {local for e in kind.effects for local in vocabulary.effects()[e.name].session}
    return _changed(action) | {keys[local] for local in of_words if local in keys}


def vacates(action: Bound) -> bool:
    """Whether an action takes the entries away that a member has only as long as the seat."""
    return compose.vacates(catalog.kind_of(action))


def _changed(action: Bound, only: Callable[[Effect], bool] = lambda _: True) -> frozenset[str]:
    """Return the names of the keys that its own Lua and its effects name; ``only`` those effects."""
    keys = dict(action.keys)
    kind = catalog.kind_of(action).on(keys)
    names = {str(e.options["key"]) for e in kind.effects if "key" in e.options and only(e)}
    return frozenset(keys[local] for local in (*names, *own_lua.written(kind.lua)))


def _fits(action: Bound, kind: Kind, keyspace: Keyspace, session: bool) -> bool:
    if kind.call or not (session or compose.alone(kind)):
        return False
    types, keys = {p.name: p.type for p in keyspace.patterns}, dict(action.keys)
    return all(types.get(keys.get(local, "")) == type_ for local, (_, type_) in kind.on(keys).keys.items())


@lru_cache(maxsize=4096)
def _function(action: Bound, session: bool, nouns: tuple[tuple[str, str], ...]) -> Function:
    kind = catalog.kind_of(action)
    words = {**dict(nouns), "entity": action.entity.lower()}
    return compose.compose(
        kind, action.name, session=session, keys=dict(action.keys), values=dict(action.values), nouns=words
    )


def asked_of(function: str, keyspace: Keyspace) -> tuple[str, ...]:
    """Return the demands whose actions the function ``function`` of the catalog carries out."""
    kinds = catalog.kinds()
    mine = [a for a in keyspace.actions if (kind := kinds.get(a.kind)) is not None and kind.call == function]
    return tuple(dict.fromkeys(demand for action in mine for demand in action.requirements))
