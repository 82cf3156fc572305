"""Finding: the actions of a project, in its own words, each with the demands that it carries out.

What a demand calls for is an action (``matching``). Besides, an action is there where the design has the key of a mechanic that no
demand names outright, and where another one waits for what it does: nobody answers a question that nothing opens.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from redis_plan.actions import ability, catalog, declaring, parameters, reaching, vocabulary, wording
from redis_plan.actions.ability import Homes
from redis_plan.actions.declaring import Declaration
from redis_plan.actions.matching import Match, Matches, matches
from redis_plan.actions.model import LEADERS, Action, Demand, Given, Kind, Option
from redis_plan.actions.reaching import Step
from redis_plan.brief.model import Brief
from redis_plan.keyspace import building, cues, naming, statefields
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.keyspace.settled import FILE

#: What every session has, whether a demand names it or not: it is opened, read, ended, handed over and gone.
LIFE = ("session.open", "session.catch_up", "session.finish", "session.hand_over", "session.remove")


def find_actions(brief: Brief, keyspace: Keyspace) -> tuple[Action, ...]:
    """Return what people, devices and timers do in the project, in the order of the catalog."""
    return actions_of(matches(brief, keyspace), brief, keyspace)


def actions_of(found: Matches, brief: Brief, keyspace: Keyspace) -> tuple[Action, ...]:
    """Return the actions that ``found`` calls for, and those that these wait for."""
    asked: dict[str, list[Match]] = {}
    for part in found.parts:
        for one in part.found:
            asked.setdefault(one.kind.id, []).append(part)
    ours = {d.kind.id: d for d in declaring.examine(brief, keyspace)[0]}
    changed = {d.kind.like for d in ours.values()}
    able = {
        id: kind
        for id, kind in catalog.kinds().items()
        if not {id, kind.instead or id} & changed and not ability.lacking(kind, keyspace, found.homes)
    }
    able = {id: kind for id, kind in able.items() if catalog.placed(kind, found.instead) is kind}
    every = able | {id: d.kind for id, d in ours.items()}
    kept = set(asked) | set(ours)
    kept |= set(_first_of_each_use(able.values(), {use for id in kept for use in _uses_of(every[id])}))
    kept |= {id for id in LIFE if id in able}
    if _roles_asked([every[id] for id in kept]) & _roles_named(brief):
        kept |= {k.id for k in able.values() if "give_role" in _effects(k)}
    keys: dict[str, Mapping[str, str]] = {id: d.keys for id, d in ours.items()}
    keys |= {id: ability.keys_of(kind, keyspace, found.homes) for id, kind in able.items()}
    steps = {id: reaching.step(kind.on(keys[id]), keys[id]) for id, kind in every.items()}
    kept = _waited_for(_with_ways_out(_waited_for(kept, steps), every), steps)
    ground = _Ground.of(brief, keyspace, found)
    declared = tuple(ground.declared(d, asked.get(id, ())) for id, d in ours.items())
    others = (ground.action(kind, asked.get(id, ())) for id, kind in able.items() if id in kept)
    return (*declared, *(action for action in others if action is not None))


def _uses_of(kind: Kind) -> set[str]:
    """Return the uses of the keys that a kind is about: a declared one may name those of several."""
    return {kind.use, *(use for use, _ in kind.keys.values())} if kind.declared else {kind.use}


def _first_of_each_use(able: Iterable[Kind], asked: Iterable[str]) -> Iterator[str]:
    """Yield the first action on each key of the design that no demand names outright; ``asked`` are the uses of the others."""
    seen = {ability.SESSION, ability.RECORDS, *asked}
    for kind in able:
        if kind.use not in seen:
            seen.add(kind.use)
            yield kind.id


def _waited_for(kept: Collection[str], steps: Mapping[str, Step]) -> set[str]:
    """Return ``kept`` with the actions that bring about what others wait for, and with what takes up a time that runs out."""
    found = set(kept)
    while True:
        found = reaching.completed(found, steps)
        timed = {field for id in found for field in _options(steps[id].kind.effects, "timer", "field")}
        for field in sorted(timed):
            takers = [id for id, one in steps.items() if field in _options(one.kind.guards, "due", "field")]
            if takers and not found & set(takers):
                found.add(takers[0])
                break
        else:
            return found


def _with_ways_out(kept: set[str], able: Mapping[str, Kind]) -> set[str]:
    """Return ``kept`` with what leads out of each phase that nothing else waits for (what is paused can go on), and back.

    What somebody has for a time can be given back, and what fills up can be emptied.
    """
    found = set(kept)
    for kind in [able[id] for id in able if id in kept]:
        for phase in sorted(_options(kind.effects, "phase", "to")):
            alone = [k for k in able.values() if _options(k.guards, "phase", "is") == {phase}]
            if not any(k.id in found for k in alone):
                found |= {k.id for k in alone if k.mechanic == kind.mechanic}
        own = catalog.kinds()[kind.like].mechanic if kind.like else kind.mechanic
        beside = [k for k in able.values() if k.mechanic == own]
        held, filled = _held(kind), _options(kind.guards, "room", "key")
        found |= {k.id for k in beside if held & _options(k.guards, "mine", "key")}
        found |= {k.id for k in beside if filled & _taken_out(k)}
        done = _effects(kind)
        found |= {k.id for k in able.values() if k.mechanic == kind.mechanic and done & set(_undone(k))}
    return found


def _roles_asked(kinds: Iterable[Kind]) -> set[str]:
    """Return the roles beside the owner's that guards ask for: somebody has to give them."""
    return {role for kind in kinds for role in _options(kind.guards, "role", "is")} & set(reaching.GIVEN_ROLES)


def _roles_named(brief: Brief) -> set[str]:
    """Return the roles that the documents speak of."""
    texts = [*(r.text for r in brief.requirements), *(q.unit for q in brief.quantities)]
    team = brief.settled.roles
    return {r.like for r in team} | {actor for text in texts for actor in wording.actors_in(text, roles=team)}


def _effects(kind: Kind) -> set[str]:
    return {effect.name for effect in kind.effects}


def _held(kind: Kind) -> set[str]:
    """Return the keys in which ``kind`` gives something to somebody for a time."""
    given = (e.options for e in kind.effects if e.name == "record" and "until" in e.options)
    return {str(options["key"]) for options in given if options.get("owner", "=") != "="}


def _taken_out(kind: Kind) -> set[str]:
    """Return the keys out of which ``kind`` takes a single thing."""
    return {str(e.options["key"]) for e in kind.effects if e.name in ("remove", "drop")}


def _undone(kind: Kind) -> Iterator[str]:
    return (undoes for effect in kind.effects if (undoes := vocabulary.effects()[effect.name].undoes))


def _options(words: Iterable[object], name: str, option: str) -> set[str]:
    found: set[str] = set()
    for word in words:
        value: Option = word.options.get(option, ()) if word.name == name else ()  # type: ignore[attr-defined]  # Guard or Effect
        found |= {value} if isinstance(value, str) else set(value)
    return found


@dataclass(slots=True)
class _Ground:
    """The words and numbers of one project."""

    brief: Brief
    keyspace: Keyspace
    homes: Homes
    rounds: str  # what a phase of the session is about: a question, a lot
    taken: set[str]
    owned: set[str]  # names of declared actions, which replace the catalog's of the same name

    @classmethod
    def of(cls, brief: Brief, keyspace: Keyspace, found: Matches) -> _Ground:
        """Return the ground for what ``found`` calls for."""
        texts = [_folded(part) for part in found.parts]
        kinds = [k for part in found.parts for k in (f.kind for f in part.found) if "round" in k.takes]
        said = (noun for kind in kinds for text in texts for noun in _nouns_of(kind, text))
        return cls(brief, keyspace, found.homes, next(said, statefields.round_of(brief) or "round"), set(), set())

    def declared(self, declaration: Declaration, asked: Sequence[Match]) -> Action:
        """Return a declared action: its words are the team's; ``asked`` are the demands that call for it besides."""
        kind = declaration.kind
        self.owned.add(kind.name)
        self.taken.add(kind.name)
        likewise = (Demand(m.demand.id, m.demand.file, m.demand.line) for m in asked)
        demands = tuple(dict.fromkeys((*declaration.demands, *likewise)))
        places = {(d.file, d.line) for d in demands}
        served = [r for r in self.brief.requirements if (r.file, r.line) in places]
        return Action(
            name=kind.name,
            kind=kind,
            actor=self.word_for(kind),
            entity=declaration.entity,
            role=next((a for a in kind.actors if a in LEADERS), ""),
            demands=demands,
            parameters=tuple(
                Given(p, p.default, "documented", FILE, declaration.numbers[p.name])
                if p.name in declaration.numbers
                else self.bounded(parameters.given(p, kind, served, self.brief), kind, declaration.keys)
                for p in kind.parameters
            ),
            keys=declaration.keys,
        )

    def action(self, kind: Kind, asked: Sequence[Match]) -> Action | None:
        """Return ``kind`` in the words of the project, None where the team declares the action of its name.

        ``asked`` are the demands that call for it.
        """
        keys = ability.keys_of(kind, self.keyspace, self.homes)
        entity = self.entity(kind, keys)
        if next(self.names(kind, entity, [_folded(m) for m in asked])) in self.owned:
            return None
        name = next(n for n in self.names(kind, entity, [_folded(m) for m in asked]) if n not in self.taken)
        self.taken.add(name)
        return Action(
            name=name,
            kind=kind,
            actor=self.actor(kind, asked),
            entity=entity,
            role=next((a for a in kind.actors if a in LEADERS), ""),
            demands=tuple(dict.fromkeys(Demand(m.demand.id, m.demand.file, m.demand.line) for m in asked)),
            parameters=tuple(
                self.bounded(parameters.given(p, kind, [m.demand for m in asked], self.brief), kind, keys)
                for p in kind.parameters
            ),
            keys=keys,
        )

    def bounded(self, given: Given, kind: Kind, keys: Mapping[str, str]) -> Given:
        """Return ``given``, or the bound of the key that it is to keep within where nothing else says the number."""
        full = (g for g in kind.guards if g.name == "room" and g.options["most"] == given.parameter.name)
        of = next((keys[local] for g in full if (local := str(g.options["key"])) in keys), "")
        if not of or given.file or given.grade != "assumed":
            return given
        pattern = self.keyspace.pattern(of)
        entity = next((e for e in self.brief.entities if e.name == pattern.entity), None)
        said = building.bound_of(entity, self.brief, cues.find_session(self.brief))
        most = int(pattern.max_elements)
        return Given(given.parameter, most, "documented", said.file, said.line) if said else replace(given, value=most)

    def entity(self, kind: Kind, keys: Mapping[str, str]) -> str:
        """Return what the action is about: the thing that its own key keeps, a round, or the session."""
        patterns: list[KeyPattern] = [self.keyspace.pattern(name) for name in keys.values()]
        own = [p for p in patterns if p.use == kind.use and p.entity]
        if own:
            return cues.singular(own[0].entity)
        return cues.singular(self.rounds) if "round" in kind.takes else self.keyspace.session_noun

    def names(self, kind: Kind, entity: str, texts: Sequence[str]) -> Iterator[str]:
        """Yield the names that the action may have, best first: a verb that its demands say, else the catalog's word."""
        verbs = sorted(kind.verbs, key=lambda verb: -verb.count("_"))
        yield from (verb for verb in verbs for text in texts if _says(text, verb))
        noun = naming.slugify(entity, "item").replace("-", "_")
        with_entity = next((v for v in verbs if {*v.split("_")} == {kind.name, noun}), f"{kind.name}_{noun}")
        if self.is_its_object(kind, entity) and not _alike(kind.name, noun):
            yield with_entity
        yield kind.name
        yield with_entity
        yield f"{kind.mechanic}_{kind.name}".replace("-", "_")

    def is_its_object(self, kind: Kind, entity: str) -> bool:
        """Whether ``entity`` is the thing that ``kind`` is done to, one of several, and not what holds them."""
        things = {"object", "item", *([entity] if kind.use == ability.RECORDS else [])}
        return "_" not in kind.name and entity != self.keyspace.session_noun and bool(things & {*kind.takes})

    def actor(self, kind: Kind, asked: Sequence[Match]) -> str:
        """Return who does it, as the demands call them."""
        for match in asked:
            speaker = match.wording.speaker
            said = wording.actors_in(speaker, roles=self.brief.settled.roles) - {"worker"}
            if speaker and len(speaker.split()) <= 2 and set(kind.actors) & said:
                return speaker.lower()
        return self.word_for(kind)

    def word_for(self, kind: Kind) -> str:
        """Return the project's word for who does it: a role that the team names, a member, else the catalog's."""
        if "member" in kind.actors:
            return self.keyspace.member_noun
        return next((r.name for r in self.brief.settled.roles if r.like in kind.actors), kind.actors[0])


def _folded(match: Match) -> str:
    return cues.fold(f"{match.wording.title} {match.wording.want}")


def _nouns_of(kind: Kind, text: str) -> Iterator[str]:
    """Yield what the verbs of ``kind`` that ``text`` says are about: start_question is about a question."""
    for verb in kind.verbs:
        if "_" in verb and _says(text, verb):
            yield verb.rpartition("_")[2]


def _says(text: str, verb: str) -> bool:
    """Whether ``text`` says every word of ``verb``, in any form: "starts the next question" says start_question.

    >>> [_says(text, "skip") for text in ("he skips it", "it was skipped", "skippable", "a skip-like thing")]
    [True, True, False, False]
    """
    return all(_forms(word).search(text) for word in re.split("[_ ]", verb))


@cache
def _forms(word: str) -> re.Pattern[str]:
    """Return what finds the forms of an English word: of a verb those of its conjugation, of a noun its plural."""
    last = word[-1]
    if last == "e":
        stem, ends = word[:-1], "(?:e[sdrn]?|ers|ing)"
    elif last == "y":
        stem, ends = word[:-1], "(?:y(?:s|ed|ing|ers?)?|ie[sd])"
    else:
        stem, ends = word, f"(?:{re.escape(last)}?(?:s|es|ed|ing|ers?))?"
    return re.compile(rf"(?<![a-z0-9_-]){re.escape(stem)}{ends}(?![a-z0-9_-])")


def _alike(verb: str, noun: str) -> bool:
    """Whether a name of both would say one word twice: claim_claim, propose_proposal, approve_name_name."""
    return any(noun.startswith(word[:5]) or word.startswith(noun[:5]) for word in verb.split("_"))
