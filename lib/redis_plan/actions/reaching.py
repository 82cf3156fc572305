"""Reaching: whether an action can ever be accepted, and which others bring about what it waits for.

What a guard asks for is a fact: a phase that is on, a state that a record is in, an entry that a key has, a field of the state
that is set. Effects bring facts about. In the order in which actions can be accepted from the first phase on, each has a place
behind those that it waits for; so nothing is ever held to be reached by what itself waits for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from redis_plan.actions import catalog, vocabulary
from redis_plan.actions.model import Kind, many

#: ``("phase", "open")``, ``("state", "team", "full")``, ``("entry", "team")``, ``("field", "round")``, ``("does", "sit")``.
Fact = tuple[str, ...]
#: What holds of a session that is just opened: its owner leads, and nothing has begun.
AT_FIRST: frozenset[Fact] = frozenset({("phase", catalog.FIRST_PHASE), ("role", "host")})
#: Roles that an owner gives, and that nobody has before.
GIVEN_ROLES = ("cohost", "moderator")


@dataclass(frozen=True, slots=True)
class Step:
    """An action with what it waits for, one fact of each set sufficing, and what it brings about."""

    kind: Kind
    waits: tuple[frozenset[Fact], ...]
    brings: frozenset[Fact]


def step(kind: Kind, keys: Mapping[str, str]) -> Step:
    """Return ``kind`` as a step; ``keys`` names the key pattern behind each of its keys."""
    return Step(kind, tuple(_waits(kind, keys)), frozenset(_brings(kind, keys)))


def places(steps: Mapping[str, Step]) -> dict[str, int]:
    """Return the place of each of ``steps`` that can ever be accepted: 0 what can be at once, 1 what waits for those, and so on."""
    found: dict[str, int] = {}
    facts, place = set(AT_FIRST), 0
    while True:
        next_ones = [id for id, one in steps.items() if id not in found and all(w & facts for w in one.waits)]
        if not next_ones:
            return found
        found |= dict.fromkeys(next_ones, place)
        facts |= {fact for id in next_ones for fact in steps[id].brings}
        place += 1


def completed(kept: Collection[str], steps: Mapping[str, Step]) -> set[str]:
    """Return ``kept`` with those of ``steps`` without which one of them could never be accepted.

    Of several that bring about the same, one of the own mechanic is taken, then the one that itself waits for least.
    """
    place = places(steps)
    found, todo = set(kept), [id for id in steps if id in kept and id in place]
    while todo:
        id = todo.pop()
        for wanted in steps[id].waits:
            makers = [m for m in place if place[m] < place[id] and wanted & steps[m].brings]
            if makers and not wanted & AT_FIRST and not found & set(makers):
                own = steps[id].kind.mechanic
                best = min(makers, key=lambda m: (steps[m].kind.mechanic != own, place[m]))
                found.add(best)
                todo.append(best)
    return found


def _waits(kind: Kind, keys: Mapping[str, str]) -> Iterator[frozenset[Fact]]:
    for guard in kind.guards:
        word, key = vocabulary.guards()[guard.name], _key(guard.options, keys)
        yield from (frozenset({("does", needed)}) for needed in word.needs)
        yield from (frozenset({(what, key or str(guard.options["field"]))}) for what in word.asks)
        asked = many(guard.options.get("is", ()))
        if guard.name == "state" and "none" not in asked:
            yield frozenset(("state", key, state) for state in asked)
        if guard.name in ("phase", "role"):
            yield frozenset((guard.name, name) for name in asked)


def _brings(kind: Kind, keys: Mapping[str, str]) -> Iterator[Fact]:
    if kind.call:
        yield ("does", kind.call)
    for effect in kind.effects:
        word, key, options = vocabulary.effects()[effect.name], _key(effect.options, keys), effect.options
        yield ("does", effect.name)
        yield from ((what, key or str(options["field"])) for what in word.brings)
        if "state" in options:
            yield ("state", key, str(options["state"]))
        if "until" in options:
            yield ("end", key)
        if options.get("owner", "=") != "=":
            yield ("owner", key)
        if effect.name == "phase":
            yield ("phase", str(options["to"]))
        if effect.name == "give_role":
            yield from (("role", role) for role in GIVEN_ROLES)
    if kind.lua:  # what it writes is its own matter
        yield from ((what, key) for key in keys.values() for what in ("entry", "end", "owner"))


def _key(options: Mapping[str, object], keys: Mapping[str, str]) -> str:
    name = str(options.get("key", ""))
    return keys.get(name, name)
