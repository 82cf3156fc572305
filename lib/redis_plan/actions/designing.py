"""Designing: the keyspace of a project with the keys that its actions need.

A mechanic that keeps records (teams, claims, what waits for approval) needs a key of its own. Where the demands call for
its actions and no thing of the documents brings that key, it is added here, named as the mechanic calls it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from redis_plan import codec
from redis_plan.actions import ability, catalog, compose, declaring, holding, serving, vocabulary
from redis_plan.actions.finding import find_actions
from redis_plan.actions.matching import Match, Matches, matches, sureness
from redis_plan.actions.matrix import stories
from redis_plan.actions.model import MEMBERS, Action
from redis_plan.actions.parameters import content_bytes
from redis_plan.brief.model import DECLARED, Brief, Entity
from redis_plan.errors import OverrideError
from redis_plan.keyspace import contents, cues, uses
from redis_plan.keyspace.catalog import use_patterns
from redis_plan.keyspace.design import Draft
from redis_plan.keyspace.design import draft as plain_draft
from redis_plan.keyspace.model import Bound, Field, KeyPattern, Keyspace, Leavers
from redis_plan.keyspace.settled import FILE
from redis_plan.remembered import remembered

#: From this sureness on a demand brings the key of its action with it, though nothing else in the documents calls for that use.
CALLED_FOR = 0.83


def design(brief: Brief, structures: Mapping[str, str] | None = None) -> Keyspace:
    """Return the keyspace for ``brief`` as :func:`redis_plan.keyspace.design` does, with the keys of its actions."""
    return served(draft(brief).keyspace(structures or {}), brief)


def served(keyspace: Keyspace, brief: Brief) -> Keyspace:
    """Return ``keyspace`` with the demands that the story matrix says each key is for, and with what is put into it."""
    made = serving.with_contents(serving.with_demands(keyspace, stories(brief, keyspace).rows))
    return contents.with_long_events(made, brief)


def kept_in_state(brief: Brief, keyspace: Keyspace) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the uses that ``keyspace`` serves by fields of the state instead of a key, each with these fields."""
    here = {pattern.use for pattern in keyspace.patterns}
    asked = {use.pattern.use: use.pattern for use in uses.choose(brief, cues.find_session(brief))}
    return tuple((use, pattern.in_state) for use, pattern in asked.items() if pattern.in_state and use not in here)


@remembered
def draft(brief: Brief) -> Draft:
    """Return the keys that ``brief`` and its actions ask for, with these actions.

    Raises :class:`OverrideError` for a pin of what is no key, and for a declared action that can't be.
    """
    made = keys(brief)
    keyspace = made.keyspace({})
    declaring.declarations(brief, keyspace)
    actions = find_actions(brief, keyspace)
    for line, says in holding.held_twice(actions, brief):
        raise OverrideError(holding.where(line, says))
    fields = tuple(_as_long_as_stated(f, brief, actions) for f in vocabulary.state_fields(a.kind for a in actions))
    bound = tuple(_bound(action) for action in actions)
    leavers = _leavers(bound)
    return made.with_actions(tuple(_without_what_goes(one, leavers) for one in bound), fields, leavers)


def _as_long_as_stated(field: Field, brief: Brief, actions: Iterable[Action]) -> Field:
    """Return the state's field, longer where the documents let what an action puts there be so."""
    if field.name != contents.CONTENT:
        return field
    puts = [a for a in actions if any(e.options.get("field") == contents.CONTENT for e in a.kind.effects)]
    return replace(field, max_bytes=max(field.max_bytes, content_bytes(brief, (a.entity for a in puts))))


def _leavers(actions: Iterable[Bound]) -> Mapping[str, Leavers]:
    """Return the keys in which every entry that actions write is one of a member's: whether it goes with who leaves.

    It goes where one action says so, and stays where none does.
    """
    fields: dict[str, set[str]] = {}
    going: set[str] = set()
    for action in actions:
        kind, names = catalog.kind_of(action), dict(action.keys)
        for effect in kind.effects:
            key, field = (str(effect.options.get(of, "")) for of in ("key", "field"))
            if key in names and field and kind.keys[key][1] in ("hash", "zset"):
                fields.setdefault(names[key], set()).add(field)
                going |= {names[key]} if catalog.leavers(kind, key) == "go" else set()
    return {key: "go" if key in going else "stay" for key, named in fields.items() if named <= MEMBERS}


@remembered
def keys(brief: Brief) -> Draft:
    """Return the same keys, whatever is declared to be done on them."""
    plain = plain_draft(brief)
    keyspace = plain.keyspace({})
    found = matches(brief, keyspace)
    more = (*_further(keyspace, found, brief), *_called_for(keyspace, found, brief))
    made = plain.without(_kept_in_state(found, brief), set(_idle(found, brief, keyspace)))
    made = made.with_uses(more) if more else made
    beside = tuple(_needed_beside(made.keyspace({}), found, brief))
    more = (*beside, *_heard_with((*more, *beside), keyspace, brief))
    return made.with_uses(more) if more else made


def _without_what_goes(action: Bound, leavers: Mapping[str, Leavers]) -> Bound:
    """Return a declared action that ends a seat without the keys whose entries go with it: they go in any case, behind its own."""
    kind = catalog.kind_of(action)
    going = {local for local, name in action.keys if leavers.get(name) == "go"}
    if not (action.declared and going and compose.vacates(kind)):
        return action
    if asked := sorted(going & {str(g.options.get("key")) for g in kind.guards}) or (kind.lua and sorted(going)):
        says = f"{action.name} ends a seat, and the entry in {asked[0]} goes with it: leave {asked[0]} out"
        raise OverrideError(holding.where(kind.declared, says))
    rest = tuple(e for e in kind.effects if e.options.get("key") not in going)
    kept = replace(kind, effects=rest, keys={k: v for k, v in kind.keys.items() if k not in going})
    return replace(action, keys=tuple(key for key in action.keys if key[0] not in going), declared=codec.to_json(kept))


def _idle(found: Matches, brief: Brief, keyspace: Keyspace) -> Iterator[str]:
    """Yield the keys of things that fit no use, and that nothing in the documents lets live in Redis.

    No action keeps them, and either no real-time demand speaks of the thing, or all that do are carried out on other keys, or
    the documents neither declare it nor tell what it is made of.
    A thing that the team declares, or has a key of its own for, stays.
    """
    there = {p.use for p in keyspace.patterns}
    entities = {e.name: e for e in brief.entities}
    theirs = {name for use in brief.settled.taken for name in use.entities}
    words = " ".join([str(one.said) for one in brief.settled.actions] + [key.pattern for key in brief.own_keys])
    for pattern in (p for p in keyspace.keys if p.use in (ability.RECORDS, ability.THINGS)):
        things = [entities[name] for name in pattern.entities if name in entities]
        named = cues.matcher(tuple(sorted({pattern.name} | {name for e in things for name in cues.names_of(e)})))
        if not things or pattern.name in found.homes.values() or named.search(cues.fold(words)):
            continue
        if any(cues.is_given(e) or e.name in theirs for e in things):
            continue
        if all(_is_kept_by(e, there) for e in things):
            yield pattern.name
            continue
        live = [part for part in found.parts if part.demand.realtime and named.search(cues.fold(part.demand.text))]
        bare = not any(e.attributes or e.confidence >= DECLARED for e in things)
        if not live or (pattern.use == ability.RECORDS and (bare or all(part.found for part in live))):
            yield pattern.name


def _is_kept_by(thing: Entity, there: Collection[str]) -> bool:
    """Whether ``thing`` is by its name what another of the uses ``there`` keeps: a location is kept where positions are."""
    names = {cues.fold(thing.name), cues.fold(thing.name).split()[-1]}
    kept = (p.entities for p in use_patterns() if p.use in there and p.use not in (ability.RECORDS, ability.THINGS))
    return any(names & {*map(cues.fold, entities)} for entities in kept)


def _kept_in_state(found: Matches, brief: Brief) -> frozenset[str]:
    """Return the uses whose data the actions keep in the state: a key of them would be written and read by nobody."""
    taken = {use.use for use in brief.settled.taken}
    named = vocabulary.names_in_state(one.kind for part in found.parts for one in part.found)
    return frozenset(p.use for p in use_patterns() if named & set(p.in_state) and p.use not in taken)


def _bound(action: Action) -> Bound:
    return Bound(
        action.name,
        action.kind.id,
        action.entity,
        tuple(dict(action.keys).items()),
        tuple((g.parameter.name, g.value) for g in action.parameters),
        tuple(demand.id for demand in action.demands),
        codec.to_json(action.kind) if action.kind.declared else "",
    )


def _called_for(keyspace: Keyspace, found: Matches, brief: Brief) -> Iterator[uses.Use]:
    """Yield the uses without which a demand would stay undone that surely calls for an action on their keys."""
    asked: dict[str, list[Match]] = {}
    for part in (part for part in found.parts if not part.found and not brief.settled.only_taken):
        sure = (one for one in part.lacking if sureness(one.likeness) >= CALLED_FOR)
        for use in {ability.lacking(one.kind, keyspace, found.homes) for one in sure}:
            asked.setdefault(use, []).append(part)
    for pattern in use_patterns():
        parts = asked.get(pattern.use, ())
        if (
            parts
            and keyspace.use(pattern.use) is None
            and pattern.use != ability.RECORDS
            and uses.open_to(pattern, brief)
        ):
            demands = tuple(dict.fromkeys(part.demand.id for part in parts))
            first = parts[0].demand
            yield uses.Use(pattern, (), demands, 1.0, f"{first.file}:{first.line} “{first.text[:200]}”")


def _needed_beside(keyspace: Keyspace, found: Matches, brief: Brief) -> Iterator[uses.Use]:
    """Yield the uses without which nothing can be done on a key of the design: a signal is sent within a limit."""
    there = {pattern.use: pattern for pattern in keyspace.patterns}
    wanted: dict[str, KeyPattern] = {}
    for use, key in there.items():
        lacks = [ability.lacking(k, keyspace, found.homes) for k in catalog.kinds().values() if k.use == use]
        if lacks and all(lacks) and lacks[0] not in {*there, ability.SESSION, ability.RECORDS}:
            wanted.setdefault(lacks[0], key)
    for pattern in use_patterns():
        if pattern.use in wanted and uses.open_to(pattern, brief):
            key = wanted[pattern.use]
            yield uses.Use(pattern, (), key.requirements, 1.0, f"`{key.name}` is written with it")


def _heard_with(more: Iterable[uses.Use], keyspace: Keyspace, brief: Brief) -> Iterator[uses.Use]:
    """Yield what whoever subscribes needs beside a channel, where the first channel comes with ``more``."""
    heard = next((use for use in more if any(spec.type == "channel" for spec in use.pattern.key)), None)
    if heard is None:
        return
    for pattern in use_patterns():
        if pattern.when == "channel" and keyspace.use(pattern.use) is None and uses.open_to(pattern, brief):
            yield uses.Use(pattern, (), heard.requirements)


def _further(keyspace: Keyspace, found: Matches, brief: Brief) -> Iterator[uses.Use]:
    """Yield the use of each mechanic that demands call for and that has no key of records here."""
    records = next(p for p in use_patterns() if p.use == ability.RECORDS)
    taken = {use.use for use in brief.settled.taken}
    unasked = ability.RECORDS in brief.settled.dropped or (brief.settled.only_taken and ability.RECORDS not in taken)
    if keyspace.use("state") is None or unasked:
        return
    asked: dict[str, list[Match]] = {}
    for part in found.parts:
        for one in part.lacking:
            for noun in () if one.kind.mechanic in found.homes else ability.nouns_of(one.kind)[:1]:
                asked.setdefault(noun, []).append(part)
    for noun, parts in sorted(asked.items()):
        first = parts[0].demand
        entity = Entity(noun.capitalize(), first.file, first.line, lifetime="session", realtime=True)
        because = f"{first.file}:{first.line} “{first.text[:200]}”"
        demands = tuple(dict.fromkeys(part.demand.id for part in parts))
        yield uses.Use(records, (entity,), demands, 1.0, because)
    for noun, entry in dict(holding.wanting(brief, keyspace)).items():
        if noun not in asked:
            entity = Entity(noun.capitalize(), FILE, entry.line("like"), lifetime="session", realtime=True)
            yield uses.Use(records, (entity,), (), 1.0, f"{FILE}:{entry.line('like')} “{entry.said['name']}”")
