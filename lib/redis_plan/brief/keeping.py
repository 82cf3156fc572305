"""Keeping: which of a document's nouns are things whose state the product keeps, judged by meaning and by use.

The rules of ``entities`` know the grammar of English and Polish; in other languages they find what stands in a
lexicon or is declared. There every phrase that recurs is a candidate, and a small model judges it by its meaning (the sentence encoder, so that a noun of any
language stands near its like) and by how and where it is said. An English noun that means the same lends its name
and its life, so that the design knows what the thing is for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from redis_plan.brief import encoder, learnt
from redis_plan.brief.entities import entity_lexicon, folded_name
from redis_plan.brief.learnt import Matrix
from redis_plan.brief.lexicon import UNSPACED, Lexicon, fold, lexicons
from redis_plan.brief.model import DECLARED, Entity, Lifetime
from redis_plan.brief.outline import Block
from redis_plan.brief.phrases import Phrase, phrases
from redis_plan.brief.sections import Roles
from redis_plan.brief.stack import technology_words

NAME = "entities"
#: In these languages the rules know grammar; elsewhere, where they found less than so many entities, meaning decides.
READ_BY_RULE = ("en", "pl")
ENOUGH = 12
#: From this likeness on a noun of another language is taken for the English one, and from this on it lives as that does.
SAME, ALIKE = 0.78, 0.6
#: What resembles nothing that products are known to keep must be as likely as this.
SURE = 0.4
_CLOSED = ("out-of-scope", "rejected", "metrics", "stack", "plan", "questions")
#: So many declared entities make a data model.
A_MODEL = 4
#: A compound that is said so often is a thing of its own beside its head.
MOST_NARROW = 4
#: What is said of a noun in numbers, before its meaning.
NUMBERS = 31
WIDTH = NUMBERS + encoder.SIZE


@dataclass(slots=True)
class Candidate:
    """A noun that may name an entity: what the rules made of it, if anything, and the phrases that say it."""

    name: str
    entity: Entity | None
    phrases: list[Phrase] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How often it is said."""
        return sum(p.total for p in self.phrases) or 1

    @property
    def is_noun(self) -> bool:
        """Whether it mostly stands where nouns do."""
        return 2 * sum(p.no_noun for p in self.phrases) < self.total

    @property
    def spellings(self) -> set[str]:
        """Every form of it, folded."""
        own = (self.entity.name, *self.entity.aliases) if self.entity else ()
        return {folded_name(s) for s in (*own, *(form for p in self.phrases for form in p.forms))}


@dataclass(frozen=True, slots=True)
class _Known:
    """The English names of the entity lexicon, with their lives."""

    names: tuple[str, ...]
    lives: tuple[tuple[Lifetime, bool], ...]


_KNOWN: dict[int, _Known] = {}


def _known() -> _Known:
    data = lexicons()["en"]
    if id(data) not in _KNOWN:
        _KNOWN.clear()
        every: dict[str, tuple[Lifetime, bool]] = {}
        for entry in data.get("entity", ()):
            for name, *_ in entry["names"]:
                every.setdefault(name, (entry["life"], entry["live"]))
        _KNOWN[id(data)] = _Known(tuple(every), tuple(every.values()))
    return _KNOWN[id(data)]


def known_names() -> tuple[str, ...]:
    """Return the English names that the nouns of another language are compared with."""
    return _known().names


def candidates(
    documents: Sequence[tuple[Sequence[Block], Roles, str]],
    found: Sequence[Entity],
    demanded: set[tuple[str, int]],
) -> list[Candidate]:
    """Return the entities that the rules ``found``, and the phrases of the documents beside them."""
    spoken = []
    for blocks, roles, language in documents:
        if roles.part != "stack":
            told = [b for b in blocks if b.kind != "code" and roles.of(b) not in _CLOSED]
            spoken.append((told, language))
    made = [Candidate(entity.name, entity) for entity in found]
    by_name: dict[str, Candidate] = {}
    for candidate in made:
        for spelling in candidate.spellings:
            by_name.setdefault(spelling, candidate)
    for phrase in phrases(spoken, demanded):
        owner = next((by_name[n] for form in phrase.forms if (n := folded_name(form)) in by_name), None)
        if owner is None:
            owner = Candidate(phrase.name, None)
            made.append(owner)
        owner.phrases.append(phrase)
    return made


def features(every: Sequence[Candidate], words: Lexicon) -> Matrix:
    """Return a row for each candidate: how it is said, then what it means."""
    if not every:
        return np.zeros((0, WIDTH), dtype=np.float32)
    meaning = encoder.encode([c.name for c in every])
    likeness = meaning @ encoder.encode(_known().names).T
    most = max(c.total for c in every)
    singles = {p.stem: p.total for c in every for p in c.phrases if p.words == 1}
    inside: dict[str, int] = {}
    for p in (p for c in every for p in c.phrases if p.words > 1):
        for part in p.stem.split():
            inside[part] = inside.get(part, 0) + p.total
    nouns = entity_lexicon(words)
    whole = _of_document(every, words)
    numbers = [
        [*_numbers(c, most, float(likeness[n].max()), singles, inside, words, nouns), *whole]
        for n, c in enumerate(every)
    ]
    return np.hstack([np.array(numbers, dtype=np.float32), meaning])


def _of_document(every: Sequence[Candidate], words: Lexicon) -> list[float]:
    """Return what is true of all candidates alike: where rules found much, or a model is declared, little is left to find."""
    found = [c.entity for c in every if c.entity is not None]
    declared = sum(entity.confidence >= DECLARED for entity in found)
    return [
        float(declared >= A_MODEL),
        np.log1p(len(found)) / 3,
        np.log1p(len(every)) / 5,
        float(words.languages[0] in READ_BY_RULE),
    ]


def _numbers(
    c: Candidate, most: int, likeness: float, singles: Mapping[str, int], inside: Mapping[str, int], words: Lexicon, nouns: Lexicon
) -> list[float]:  # fmt: skip
    total = c.total
    said = {name: sum(getattr(p, name) for p in c.phrases) for name in ("demanded", "headed", "labelled", "opening", "last", "capital")}  # fmt: skip
    one = c.phrases[0] if c.phrases else None
    size = one.words if one else len(c.name.split())
    parts = one.stem.split() if one else []
    head, first = (singles.get(parts[-1], 0), singles.get(parts[0], 0)) if size > 1 and parts else (0, 0)
    hits = [h for h in nouns.hits(c.name) if h.end - h.start == len(c.name)]
    plain = fold(c.name)
    return [
        np.log1p(total) / 4,
        total / most,
        said["demanded"] / total,
        np.log1p(said["demanded"]) / 3,
        float(said["headed"] > 0),
        np.log1p(said["headed"]) / 2,
        float(said["labelled"] > 0),
        np.log1p(said["labelled"]) / 2,
        said["opening"] / total,
        said["last"] / total,
        said["capital"] / total,
        float(size == 1),
        float(size == 2),
        float(size >= 3),
        float(bool(hits)),
        float(c.name in words.words("weak_entities") or c.name.capitalize() in words.data.get("weak_entities", ())),
        float(c.name.capitalize() in words.data.get("rare_entities", ())),
        float(plain in words.words("not_entities") or plain.removesuffix("s") in words.words("not_entities")),
        float(plain in technology_words()),
        float(head > 0),
        total / head if head else 0.0,
        total / first if first else 0.0,
        min(inside.get(parts[0], 0) / total, 2.0) if size == 1 and parts else 0.0,
        likeness,
        float(likeness >= SAME),
        float(bool(UNSPACED.search(c.name))),
        float(total == 1),
    ]


def kept(
    documents: Sequence[tuple[Sequence[Block], Roles, str]],
    found: Sequence[Entity],
    demanded: set[tuple[str, int]],
    words: Lexicon,
) -> tuple[Entity, ...]:
    """Return the entities that the rules ``found`` and, where those are few, the phrases that the model takes for things that are kept."""
    model = learnt.model(NAME)
    if model is None or documents[0][2] in READ_BY_RULE or len(found) >= ENOUGH:
        return tuple(found)
    every = candidates(documents, found, demanded)
    rows = features(every, words)
    meaning = rows[:, NUMBERS:]
    chances = model.probabilities(rows)[:, 0]
    likeness = meaning @ encoder.encode(_known().names).T
    taken: list[tuple[int, Entity]] = []
    for n in sorted(range(len(every)), key=lambda n: (every[n].entity is None, -float(chances[n]), n)):
        if every[n].entity is None and (chances[n] < model.thresholds[0] or not every[n].is_noun):
            continue
        near = int(likeness[n].argmax())
        if every[n].entity is None and likeness[n, near] < ALIKE and chances[n] < SURE:
            continue
        _take(every[n], float(chances[n]), near, float(likeness[n, near]), taken)
    taken.sort(key=lambda pair: (-pair[0], pair[1].file, pair[1].line))
    return tuple(entity for _, entity in taken)


def passed_over(
    documents: Sequence[tuple[Sequence[Block], Roles, str]],
    found: Sequence[Entity],
    demanded: set[tuple[str, int]],
    words: Lexicon,
    named: Sequence[Entity],
) -> list[tuple[str, str, int]]:
    """Return the nouns of demands that none of the entities ``named`` says, each with its first line, the likeliest to be kept first."""
    model = learnt.model(NAME)
    if model is None:
        return []
    known = {folded_name(n) for e in named for n in (e.name, *e.aliases)}
    every = [
        c
        for c in candidates(documents, found, demanded)
        if c.phrases and c.is_noun and any(p.demanded for p in c.phrases) and not (c.spellings & known)
    ]
    chances = model.probabilities(features(every, words))[:, 0] if every else ()
    told: list[tuple[str, str, int]] = []
    for _, c in sorted(zip(chances, every, strict=True), key=lambda pair: (-float(pair[0]), pair[1].name)):
        within = {folded_name(name) for name, _, _ in told} | known
        if not _is_kind_of(c, within) and folded_name(c.name) not in within:
            told.append((c.name, *c.phrases[0].first))
    return told


def _take(c: Candidate, chance: float, near: int, likeness: float, taken: list[tuple[int, Entity]]) -> None:
    """Add one candidate, to an entity that is there already where it is another word for it."""
    forms = tuple(dict.fromkeys(form for p in c.phrases for form, _ in p.forms.most_common(4)))
    if c.entity is not None:
        aliases = (*c.entity.aliases, *(f for f in forms if f != c.entity.name and f not in c.entity.aliases))
        taken.append((c.total, replace(c.entity, aliases=aliases[:16])))
        return
    known = _known()
    english = known.names[near] if likeness >= SAME else ""
    names = {folded_name(form) for form in forms} | ({folded_name(english)} if english else set())
    for at, (total, entity) in enumerate(taken):
        own = {folded_name(n) for n in (entity.name, *entity.aliases)}
        if names & own or _is_kind_of(c, own):
            taken[at] = (total, replace(entity, aliases=tuple(dict.fromkeys((*entity.aliases, *forms)))[:16]))
            return
    life, live = known.lives[near] if likeness >= ALIKE else ("unknown", False)
    name = english if english and not c.name.isascii() else c.name[:1].upper() + c.name[1:]
    aliases = tuple(f for f in dict.fromkeys((*forms, *([english] if english else []))) if f != name)
    first = c.phrases[0].first
    taken.append((c.total, Entity(name, first[0], first[1], aliases, life, live, (), round(0.5 * chance + 0.3, 2))))


def _is_kind_of(c: Candidate, own: set[str]) -> bool:
    """Whether a compound only narrows an entity that is there: a "study room" is a room where rooms are kept."""
    words = c.phrases[0].name.split()
    if len(words) < 2:
        return False
    head = sum(p.total for p in c.phrases)
    return folded_name(words[-1]) in own and head < MOST_NARROW
