"""Matching: what carries out each demand, judged by what it says and by what the design can do.

A demand is compared with the examples of every kind of action, of every demand that belongs elsewhere and of every
demand on the whole (``likeness``). An action carries it out where it is like the action's examples in earnest, at least as much
as like anything else, and where the design has the keys that the action works on. What is like nothing is served by
nothing: words in common never count.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from redis_plan.actions import ability, catalog, declaring, elsewhere, wording
from redis_plan.actions.ability import Homes
from redis_plan.actions.declaring import Confirmation, Declaration
from redis_plan.actions.leaning import Leaning
from redis_plan.actions.likeness import Labelled, Likeness
from redis_plan.actions.model import Kind
from redis_plan.actions.wording import Wording
from redis_plan.brief import encoder
from redis_plan.brief.examples import examples
from redis_plan.brief.model import Brief, Requirement, TakenUse
from redis_plan.errors import InputError
from redis_plan.keyspace import cues
from redis_plan.keyspace.model import Keyspace

#: Where our own further examples stand; one without a label is like an action and is none.
TASK = "actions"
#: A demand is an action's from this sureness on: strength, and a share of the closeness to the nearest example. Chosen on
#: annotated projects by reading what each value adds and drops (``python -m tests.actions.coverage``); not held out. Rather
#: strict: a demand that is claimed and not carried out costs a team more than one that it declares itself.
SURE, SHARE, ALIKE = 0.95, 0.3, 0.41
#: What the reader takes for shared live state needs so much less to be somebody's action.
LIVE_NEEDS_LESS = 0.16
#: So few words say little: they must say it more surely.
FEW_WORDS, SURER = 3, 0.12
#: A second action counts where it is nearly as strong as the first.
BESIDE = 0.2
#: What is no action is taken for an action that nothing is sure of where it is nearly as strong.
NEARLY = 0.06
#: How much like an action that must be which is done where a condition holds: the condition alone asks for nothing. Chosen as above.
ANSWER = 0.46
#: So strong by its words alone a label of what is no action weighs against an action that is about as strong.
PLAINLY = 0.38
#: What a clause of a demand must be more like an action than the whole is, since it says less.
CLAUSE = 0.1
#: What a demand that speaks of somebody else takes from an action's strength.
STRANGER = 0.06
#: What it adds to an action's strength that the demand calls for a use which the action works on, from unlikely to sure.
LEANING_ADDS = 0.3
#: What it adds that the design has the uses of the action: the documents as a whole call for them.
WITHIN_ADDS = 0.2
#: From this strength and closeness on a demand belongs elsewhere, or is one on the whole; what is closer needs less strength.
SURE_ELSEWHERE, ALIKE_ELSEWHERE = 0.41, 0.38
#: A criterion that is this much like an action of its story says how that action is done.
OF_ITS_STORY = 0.28


#: What an event shows of what somebody gave.
_CONTENT = frozenset({"value", "amount"})
#: One word of an alphabet says what is done or to what, never both: "Create:".
_ONE_WORD = re.compile(r"[^\w]*[A-Za-zÀ-ɏ]+(?:[-_][A-Za-zÀ-ɏ]+)*[^\w]*")


@dataclass(frozen=True, slots=True)
class Found:
    """A kind of action that carries a demand out, and what that rests on."""

    kind: Kind
    likeness: Likeness
    declared: int = 0  # the line of redis-plan.toml that says so, if one does


@dataclass(frozen=True, slots=True)
class Match:
    """A demand with its criteria, and what was found for it; ``nearest`` is the strongest label, sure or not."""

    demand: Requirement
    wording: Wording
    found: tuple[Found, ...] = ()
    lacking: tuple[Found, ...] = ()  # what would carry it out, had the design the key
    others: tuple[
        Found, ...
    ] = ()  # what is sure as well but less like it: taken where the design lacks the keys of ``found``
    likely: Found | None = None  # what would be sure, were the demand surely live: somebody has to say
    outside: str = ""
    quality: str = ""
    nearest: Likeness | None = None
    criteria: tuple[Match, ...] = ()

    @property
    def every(self) -> tuple[Found, ...]:
        """The kinds of the demand and of its criteria, the demand's own first, each once."""
        found: dict[str, Found] = {}
        for part in (self, *self.criteria):
            for one in part.found:
                found.setdefault(one.kind.id, one)
        return tuple(found.values())

    @property
    def open(self) -> tuple[Requirement, ...]:
        """The criteria that speak of something which none of the demand's actions is known to do."""
        own = {f"action {catalog.base(found.kind.id)}" for found in self.every}
        return tuple(part.demand for part in self.criteria if not part.is_met_by(own))

    def is_met_by(self, labels: Collection[str]) -> bool:
        """Whether it is carried out, belongs elsewhere or to the whole, or says how one of ``labels`` is done."""
        if self.found or self.outside or self.quality:
            return True
        if self.nearest is None or self.nearest.strength < OF_ITS_STORY:
            return False
        form, name = _parts(self.nearest.label)
        return f"{form} {catalog.base(name)}" in labels


@dataclass(frozen=True, slots=True)
class Matches:
    """What was found for every demand that stands for itself.

    ``homes`` says which records belong to which mechanic, ``instead`` which kinds stand in the place of others.
    """

    every: tuple[Match, ...]
    homes: Homes
    instead: frozenset[str] = frozenset()

    @property
    def parts(self) -> tuple[Match, ...]:
        """The demands and their criteria, in order."""
        return tuple(part for match in self.every for part in (match, *match.criteria))


def matches(brief: Brief, keyspace: Keyspace) -> Matches:
    """Return what carries out the demands of ``brief`` in the design ``keyspace``."""
    demands = [r for r in brief.requirements if r.kind != "out-of-scope"]
    below: dict[tuple[str, int], list[Requirement]] = {}
    for r in demands:
        if r.parent_line is not None:
            below.setdefault((r.file, r.parent_line), []).append(r)
    lines = {(r.file, r.line) for r in demands}
    alone = [r for r in demands if r.parent_line is None or (r.file, r.parent_line) not in lines]
    said = [wording.worded(r) for r in demands]
    encoder.encode([view for one in said for view in (*one.views, *one.clauses)])  # all at once: faster than one by one
    leaning = Leaning([*(r.text for r in demands), *(one.answer for one in said if one.answer)])
    judge = _Judge(brief, keyspace, leaning)
    found = [judge.story(r, list(_family(r, below))) for r in alone]
    homes = homes_of(found, brief, keyspace)
    instead = _in_place(found)
    placed = (_placed(match, instead) for match in found)
    return Matches(tuple(_able(match, keyspace, homes) for match in placed), homes, instead)


def _in_place(found: Iterable[Match]) -> frozenset[str]:
    """Return the kinds that take the place of another one: all of a mechanic in which some demand is more like one of them.

    Whoever is told who answered is told so by every action on answers.
    """
    asked = set()
    for part in (part for match in found for part in (match, *match.criteria)):
        for one in part.found:
            first = next(f.kind for f in part.found if catalog.base(f.kind.id) == catalog.base(one.kind.id))
            asked |= {first.mechanic} if first.instead else set()
    return frozenset(id for id, kind in catalog.kinds().items() if kind.instead and kind.mechanic in asked)


def _placed(match: Match, instead: frozenset[str]) -> Match:
    """Return ``match`` with each kind, or the one that stands in its place."""

    def named(all_of: tuple[Found, ...]) -> tuple[Found, ...]:
        found: dict[str, Found] = {}
        for one in all_of:
            kind = catalog.placed(one.kind, instead)
            found.setdefault(kind.id, replace(one, kind=kind))
        return tuple(found.values())

    likely = replace(match.likely, kind=catalog.placed(match.likely.kind, instead)) if match.likely else None
    parts = tuple(_placed(part, instead) for part in match.criteria)
    return replace(match, found=named(match.found), others=named(match.others), likely=likely, criteria=parts)


def homes_of(found: Iterable[Match], brief: Brief, keyspace: Keyspace) -> dict[str, str]:
    """Return the key of records of each mechanic: one named after it, or that of the thing its demands speak of most."""
    records = [(p.name, _names_of(p.entities, brief)) for p in keyspace.keys if p.use == ability.RECORDS]
    keepers = {kind.mechanic for kind in catalog.kinds().values() if ability.nouns_of(kind)}
    spoken: dict[str, Counter[str]] = {}
    for part in (part for match in found for part in (match, *match.criteria)):
        text = cues.fold(f"{part.wording.title} {part.wording.want}")
        said = [name for name, names in records if names is not None and names.search(text)]
        for one in part.found:
            if one.kind.mechanic in keepers:
                spoken.setdefault(one.kind.mechanic, Counter()).update(said)
    named = {cues.canonical(name): name for name, _ in records}
    homes = {k.mechanic: named[n] for k in catalog.kinds().values() for n in ability.nouns_of(k) if n in named}
    for mechanic, count in sorted(spoken.items(), key=lambda item: -item[1].total()):
        free = [name for name, _ in count.most_common() if name not in homes.values()]
        if mechanic not in homes and free:
            homes[mechanic] = free[0]
    return homes


def _names_of(entities: Iterable[str], brief: Brief) -> re.Pattern[str] | None:
    """Return what finds the names of ``entities`` in a text."""
    wanted = set(entities)
    names = {n for e in brief.entities if e.name in wanted for n in cues.names_of(e)}
    return cues.matcher(tuple(sorted(names))) if names else None


def _family(story: Requirement, below: Mapping[tuple[str, int], Sequence[Requirement]]) -> Iterable[Requirement]:
    for child in below.get((story.file, story.line), ()):
        yield child
        yield from _family(child, below)


def _able(match: Match, keyspace: Keyspace, homes: Homes) -> Match:
    """Return ``match`` with the actions apart that the design has no key for."""
    found = tuple(_without_session(f, keyspace) for f in match.found)
    able = tuple(f for f in found if not ability.lacking(f.kind, keyspace, homes))
    if match.found and not able:
        able = tuple(f for f in match.others if not ability.lacking(f.kind, keyspace, homes))[:1]
    unable = tuple(f for f in found if f not in able)
    return replace(
        match, found=able, lacking=unable, criteria=tuple(_able(part, keyspace, homes) for part in match.criteria)
    )


def _without_session(found: Found, keyspace: Keyspace) -> Found:
    """Return ``found``, or what does the like where there is no session and the kind needs one."""
    other = catalog.kinds().get(found.kind.without_session)
    if other is None or keyspace.use("state") is not None or not ability.has_uses(other, keyspace):
        return found
    return replace(found, kind=other)


class _Judge:
    """Compares the demands of one project."""

    def __init__(self, brief: Brief, keyspace: Keyspace, leaning: Leaning) -> None:
        self.brief, self.keyspace, self.leaning = brief, keyspace, leaning
        self.ours = ours = declaring.examine(brief, keyspace)[0]
        self.confirmed = declaring.confirmations(brief, keyspace)
        #: A declared action stands for the catalog's that it changes, and for what would take the place of that one.
        changed = {catalog.base(d.kind.like): d.kind for d in reversed(ours) if d.kind.like}
        self.kinds = {id: changed.get(catalog.base(id), kind) for id, kind in catalog.kinds().items()}
        self.labelled = labelled()
        self.hidden = {(r.file, r.line) for r in brief.restrictions if r.kind == "hidden"}
        self.within = frozenset(id for id, kind in catalog.kinds().items() if ability.has_uses(kind, keyspace))

    def story(self, demand: Requirement, criteria: Sequence[Requirement]) -> Match:
        said = wording.worded(demand)
        title = said.title or said.want
        parts = []
        for criterion in criteria:
            own = wording.worded(criterion)
            parts.append(self.match(criterion, Wording(own.title or title, own.speaker or said.speaker, own.want)))
        return replace(self.match(demand, said), criteria=tuple(parts))

    def match(self, demand: Requirement, said: Wording) -> Match:
        about = wording.actors_in(f"{said.speaker} {said.want}", self.keyspace.member_noun, self.brief.settled.roles)
        compared = self.compared(said)
        weighed = self.weighed(compared, about, demand.text)
        if (demand.file, demand.line) in self.hidden:
            weighed = (one for one in weighed if self.tells_nobody_else(one))
        likes = sorted(weighed, key=lambda one: -one.strength)
        first = likes[0]
        if declared := self.declared(demand, likes):
            return Match(demand, said, declared, nearest=first)
        needed = SURE + SURER * (len(said.want.split()) <= FEW_WORDS and not said.speaker)
        needed -= LIVE_NEEDS_LESS * demand.realtime
        told = not _ONE_WORD.fullmatch(said.want) and not wording.is_condition(said.want)
        sure_of = [o for o in likes if told and self.is_sure(o, needed)]
        if sure_of and _is_plainly_none(compared, sure_of[0].label):
            sure_of = []
        if said.answer and sure_of:
            done = self.weighed(self.labelled.of((said.answer,)), about, said.answer)
            like = next(o for o in done if o.label == sure_of[0].label)
            sure_of = sure_of if like.strength >= ANSWER else []
        if not sure_of:
            first = next(
                (one for one in compared if _is_near(one, compared[0])), first
            )  # as said, whatever the design has
        form, name = _parts(first.label)
        if form != "action" or not sure_of:
            sure = first.strength + SHARE * first.alike >= SURE_ELSEWHERE and first.alike >= ALIKE_ELSEWHERE
            outside, quality = (name if sure and form == of else "" for of in ("outside", "quality"))
            almost = next((o for o in likes if told and self.is_sure(o, needed - LIVE_NEEDS_LESS)), None)
            likely = Found(self.kinds[_parts(almost.label)[1]], almost) if almost else None
            if not outside and not quality and not likely and not demand.realtime:
                outside = elsewhere.LASTING
            return Match(demand, said, likely=likely, outside=outside, quality=quality, nearest=first)
        kinds = [Found(self.kinds[_parts(one.label)[1]], one) for one in sure_of]
        found = tuple(f for f in kinds if f.likeness.strength >= first.strength - BESIDE)
        return Match(demand, said, found, others=tuple(f for f in kinds if f not in found), nearest=first)

    def tells_nobody_else(self, one: Likeness) -> bool:
        """Whether an action may be one of a demand that hides something: none that tells everybody what it is about."""
        form, name = _parts(one.label)
        if form != "action":
            return True
        kind = self.kinds[name]
        return kind.audience != "all" or not _CONTENT & {*kind.shows}

    def compared(self, said: Wording) -> Sequence[Likeness]:
        """Return every label, most like first: of the whole, or of the one clause that says an action far more clearly."""
        best = {one.label: one for one in self.labelled.of(said.views)}
        for clause in said.clauses:
            for one in self.labelled.of((clause,)):
                part = one.stronger(-CLAUSE)
                if _parts(one.label)[0] == "action" and part.strength > best[one.label].strength:
                    best[one.label] = part
        return sorted(best.values(), key=lambda one: (-one.strength, one.label))

    def weighed(self, likes: Iterable[Likeness], about: frozenset[str], text: str) -> Iterable[Likeness]:
        """Yield ``likes``: an action is weaker where the text speaks of others than act, stronger where it or the design has its use."""
        kinds, anybody = catalog.kinds(), about | {"worker", "anyone"}
        for one in likes:
            form, name = _parts(one.label)
            if form != "action":
                yield one
                continue
            adds = LEANING_ADDS * self.leaning.to(name, text) + WITHIN_ADDS * (name in self.within)
            if about and anybody.isdisjoint(kinds[name].actors):
                adds -= STRANGER
            yield one.stronger(adds)

    def is_sure(self, one: Likeness, needed: float) -> bool:
        """Whether an action is asked for; what the design has no use for claims nothing, and needs what it was not given."""
        form, name = _parts(one.label)
        return form == "action" and sureness(one) >= needed - WITHIN_ADDS * (name not in self.within)

    def declared(self, demand: Requirement, likes: Sequence[Likeness]) -> tuple[Found, ...]:
        """Return what the team says serves ``demand``: its own actions, and of each use that it takes the likest action."""
        places = {demand.id, f"{demand.file}:{demand.line}"}
        found = [Found(d.kind, likes[0], d.kind.declared) for d in self.ours if _serves(d, demand)]
        found += [Found(c.kind, likes[0], c.line) for c in self.confirmed if _serves(c, demand)]
        for taken in self.brief.settled.taken:
            if places & {f"{taken.file}:{taken.line}", *taken.serves}:
                found += list(self.of_use(taken, likes))[:1]
        return tuple(found)

    def of_use(self, taken: TakenUse, likes: Sequence[Likeness]) -> Iterable[Found]:
        for one in likes:
            form, name = _parts(one.label)
            if form == "action":
                kind = self.kinds[name]
                if taken.use in {kind.use, *(use for use, _ in kind.keys.values())}:
                    yield Found(kind, one, taken.toml_line)


def _is_plainly_none(compared: Sequence[Likeness], label: str) -> bool:
    """Whether the words alone say as much of what is no action as of ``label``, whatever the design and the documents add."""
    own = next(one.strength for one in compared if one.label == label)
    other = next(one.strength for one in compared if _parts(one.label)[0] != "action")
    return other >= max(PLAINLY, own - NEARLY)


def _is_near(one: Likeness, first: Likeness) -> bool:
    """Whether a label that is no action is nearly as strong as the first, an action that nothing is sure of."""
    return _parts(one.label)[0] != "action" and one.strength >= first.strength - NEARLY


def _serves(declaration: Declaration | Confirmation, demand: Requirement) -> bool:
    return any((d.file, d.line) == (demand.file, demand.line) for d in declaration.demands)


def sureness(one: Likeness) -> float:
    """Return how sure it is that a text asks for what it is like: 0 where it is close to no example."""
    return one.strength + SHARE * one.alike if one.alike >= ALIKE else 0.0


@cache
def _parts(label: str) -> tuple[str, str]:
    form, _, name = label.partition(" ")
    return form, name


@cache
def labelled() -> Labelled:
    """Return all that a demand may be like, each label with its form in front: ``action submission.submit``.

    Raises :class:`InputError` where an example has the label of no action.
    """
    more: dict[str, list[str]] = {}
    for example in examples(TASK):
        for label in example.labels or ("",):
            more.setdefault(label, []).append(example.text)
    if unknown := sorted(set(more) - {"", *catalog.kinds()}):
        near = difflib.get_close_matches(unknown[0], catalog.kinds(), 1)
        raise InputError(
            f"data/catalog/examples/{TASK}.toml: unknown action {unknown[0]!r}; "
            f"{f'did you mean {near[0]}?' if near else 'the mechanics have none of that name'}"
        )
    actions = {f"action {id}": (*kind.examples, *more.get(id, ())) for id, kind in catalog.kinds().items()}
    others = {f"outside {name}": kind.examples for name, kind in elsewhere.outside().items()}
    whole = {f"quality {name}": quality.examples for name, quality in elsewhere.qualities().items()}
    return Labelled({**actions, **others, **whole, "none": tuple(more.get("", ()))})
