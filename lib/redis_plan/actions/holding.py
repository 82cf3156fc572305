"""Holding: which key keeps the records of an action that the team declares to be like one of the catalog.

Many mechanics keep records, each in a key of its own. An entry says which by ``keys`` or ``on``; else it is the one that is
called as the catalog calls it, or that the demands which the entry serves speak of. Another mechanic's key is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

from redis_plan.actions import ability, catalog
from redis_plan.actions.model import Action, Kind
from redis_plan.brief.model import Brief, Declared
from redis_plan.keyspace import cues
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.keyspace.settled import FILE


def key_of(base: Kind, one: Declared, entity: str, brief: Brief, keyspace: Keyspace) -> str:
    """Return the name of the pattern that keeps the records of ``one``, which is like ``base`` and about ``entity``; "" for none."""
    there = [p for p in keyspace.keys if p.use == ability.RECORDS]
    called, names = ability.nouns_of(base), set(one.said.get("keys", ()))
    text = cues.fold(" ".join([one.said["name"].replace("_", " "), *_served(one, brief)]))
    ways: tuple[Callable[[KeyPattern], bool], ...] = (
        lambda p: p.name.replace("-", "_") in names,
        lambda p: any(cues.same(entity, e) for e in p.entities),
        lambda p: cues.canonical(p.name) in called,
        lambda p: not names and _named(p, brief, text),
    )
    for fits in ways:
        if found := next((p for p in there if fits(p)), None):
            return found.name
    return ""


def called_so(name: str, keyspace: Keyspace) -> Kind | None:
    """Return the one action of the catalog that is called ``name`` and whose uses the design has; None for several, or one of the kernel."""
    own = [k for k in catalog.kinds().values() if name == k.name or name in k.verbs]
    there = [k for k in own if all(keyspace.use(use) for use, _ in k.keys.values())]
    return there[0] if len(there) == 1 and not there[0].call else None


def lacking(base: Kind, keys: Container[str], words: Iterable[Mapping[str, object]]) -> str:
    """Return what is wrong where the guards and effects ``words`` work on records of ``base`` that are not among ``keys``."""
    gone = {local for local, (use, _) in base.keys.items() if use == ability.RECORDS and local not in keys}
    if not any(word.get("key") in gone for word in words):
        return ""
    says = f"{base.id} keeps records in a key of its own, and the design has none for it"
    return f'{says}: name one, keys = ["…"], or declare one under [[keys]]'


def wanting(brief: Brief, keyspace: Keyspace) -> Iterator[tuple[str, Declared]]:
    """Yield what the catalog calls the records of each declared action for which ``keyspace`` has no key, with its entry."""
    for one in brief.settled.actions:
        like = one.said.get("like")
        base = catalog.kinds().get(like) if like else called_so(one.said["name"], keyspace)
        if base and not {"effects", "lua"} & set(one.said):
            for noun in ability.nouns_of(base)[:1]:
                if not key_of(base, one, one.said.get("on", ""), brief, keyspace):
                    yield noun, one


def held_twice(actions: Iterable[Action], brief: Brief) -> Iterator[tuple[int, str]]:
    """Yield line and finding of each declared action whose records would lie among those of another mechanic."""
    lines = {one.said["name"]: one.line("like") for one in brief.settled.actions}
    holder: dict[str, Kind] = {}
    for action in sorted(actions, key=lambda a: a.kind.declared):  # the catalog's first
        own = catalog.kinds().get(action.kind.like) if action.kind.declared else action.kind
        for name in _records_of(own, action.keys.items()) if own else ():
            other = holder.setdefault(name, own)  # type: ignore[arg-type]  # own is there
            if own and other.mechanic != own.mechanic and action.kind.declared:
                yield (
                    lines[action.name],
                    f"{action.name} is like {own.id}, and {name} holds the records of {other.id}: take another key, "
                    f'keys = ["…"], declare one under [[keys]], or say with like that it does what {other.mechanic} does',
                )


def _records_of(kind: Kind, keys: Iterable[tuple[str, str]]) -> Sequence[str]:
    own = {local for local, (use, _) in kind.keys.items() if use == ability.RECORDS and local not in kind.borrowed}
    return [name for local, name in keys if local in own]


def _served(one: Declared, brief: Brief) -> Iterator[str]:
    places = set(one.said.get("serves", ()))
    yield from (r.text for r in brief.requirements if places & {r.id, f"{r.file}:{r.line}"})


def _named(pattern: KeyPattern, brief: Brief, text: str) -> bool:
    wanted = set(pattern.entities)
    names = {pattern.name, *(name for e in brief.entities if e.name in wanted for name in cues.names_of(e))}
    return cues.matcher(tuple(sorted(names))).search(text) is not None


def where(line: int, says: str) -> str:
    """Return a finding as one line with its place."""
    return f"{FILE}:{line}: {says}"
