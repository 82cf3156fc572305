"""Cues: how the words of a document betray a use pattern.

A stem matches at the start of a word, after folding case, accents and camelCase, so that "głos" meets "Głosowania" and
"idempot" meets "Idempotency-Key". Scripts without blanks (Korean, Japanese) match anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from string import Template

from redis_plan.brief.model import Brief, Entity, Gathering, Requirement
from redis_plan.keyspace import restricted
from redis_plan.keyspace.catalog import UsePattern, nouns


@lru_cache(maxsize=20_000)
def fold(text: str) -> str:
    """Return ``text`` in lower case, without accents, with camelCase, hyphens and underscores as blanks.

    >>> fold("Głosowanie: UserFavorites"), fold("실시간")
    ('glosowanie: user favorites', '실시간')
    """
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).replace("ł", "l").replace("Ł", "l")
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[-_/]+", " ", unicodedata.normalize("NFC", plain).lower())


@lru_cache(maxsize=1024)
def matcher(stems: tuple[str, ...]) -> re.Pattern[str]:
    """Return the expression that finds any of ``stems`` in folded text; longer ones first."""
    words = sorted({fold(stem) for stem in stems}, key=len, reverse=True)
    return re.compile(r"(?<![a-z0-9])(?:" + "|".join(re.escape(word) for word in words) + ")") if words else _NOTHING


_NOTHING = re.compile(r"(?!)")


def names_of(entity: Entity) -> tuple[str, ...]:
    """Return the entity's name and aliases, folded."""
    return tuple(dict.fromkeys(fold(name) for name in (entity.name, *entity.aliases)))


def same(one: str, other: str) -> bool:
    """Whether two names mean the same thing up to case and plural."""
    return canonical(one) == canonical(other)


@lru_cache(maxsize=20_000)
def canonical(name: str) -> str:
    """Return the form in which two names of one thing are equal: folded and singular."""
    return _singular(fold(_TILDE.sub("ão", name)))  # before its tilde is folded away


def _singular(word: str) -> str:
    for ending, one in _ROMANCE:
        if ending.search(word):
            return ending.sub(one, word)
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word if word.endswith(_NO_PLURAL) or not word.endswith("s") else word[:-1]


_TILDE = re.compile(r"ões$")
#: Plurals of Spanish and Portuguese that English would cut wrong, and what their singular ends in: "jogadores", "sesiones", "leilões".
_ROMANCE = (
    (re.compile(r"(?<=..[ds])ores$|(?<=.[^s]t)ores$|(?<=[^\W_sk][lnñ])ores$"), "or"),
    (re.compile(r"(?<=[cs])iones$"), "ion"),
    (_TILDE, "ão"),
)
#: Ends of singular words: of a class, a status, a basis, and of the few of their own.
_NO_PLURAL = ("ss", "us", "is", "canvas", "atlas", "alias", "bias", "lens")


@dataclass(frozen=True, slots=True, order=True)
class Fit:
    """How well an entity fits a use pattern: ``strength`` chooses the pattern, ``coverage`` the pattern's own entity."""

    strength: float
    coverage: float


def fit(pattern: UsePattern, entity: Entity) -> Fit:
    """Return how well ``entity`` fits ``pattern``; a name counts more than an alias, and its head most."""
    return _fit(pattern.entities, names_of(entity))


@lru_cache(maxsize=65_536)
def _fit(stems: tuple[str, ...], names: tuple[str, ...]) -> Fit:
    expression, best = matcher(stems), Fit(0.0, 0.0)
    for index, name in enumerate(names):
        for match in expression.finditer(name):
            # the head of an English noun phrase is its last word: a "voting round" is a round
            is_head = not re.search(r"\S\s+\S", name[match.end() - 1 :])
            weight = (2.0 if is_head else 1.0) * (1.5 if index == 0 else 1.0)
            best = max(best, Fit(len(match[0]) * weight, weight * len(match[0]) / len(name)))
    return best


@dataclass(frozen=True, slots=True)
class SessionNoun:
    """What a session is in these documents: the word, and the entity it comes from."""

    word: str
    entity: Entity


def find_session(brief: Brief) -> SessionNoun | None:
    """Return the entity that people share in real time for a while, or None where the documents have no such thing."""
    if brief.settled.session is not None:
        return _settled_session(brief, brief.settled.session)
    if brief.fit == "no":
        return None
    found = _likeliest_session(brief) if brief.gathering is None else _gathered_session(brief, brief.gathering)
    return None if found and restricted.owned_elsewhere(found.entity, brief) else found


def _gathered_session(brief: Brief, gathering: Gathering) -> SessionNoun | None:
    """Return the session that the reader found by what people do in it; its entity is always there."""
    names = (gathering.noun, *gathering.spellings) if gathering.noun else ()
    for name in names:
        named = [e for e in brief.entities if same(e.name, name)]
        aliased = [e for e in brief.entities if any(same(a, name) for a in e.aliases)]
        if named or aliased:
            return SessionNoun(gathering.noun, (named or aliased)[0])
    return None


def _likeliest_session(brief: Brief) -> SessionNoun | None:
    """Return the entity that reads most like a session, where the documents were not judged as a whole."""
    lexicon = nouns()
    best: tuple[float, SessionNoun] | None = None
    for position, entity in enumerate(brief.entities):
        rank = _session_rank(entity, lexicon.session, lexicon.not_session)
        if rank is None:
            continue
        children = sum(r.many and same(r.source, entity.name) for r in brief.relations)
        lifetime = {"session": 4.0, "temporary": 1.0, "connection": -2.0}.get(entity.lifetime, 0.0)
        points = 3.0 * entity.realtime + lifetime + min(children, 3) - 0.04 * rank - 0.05 * position
        lively = entity.realtime or entity.lifetime == "session"
        if lively and _is_shared(entity, brief) and (best is None or points > best[0]):
            best = points, SessionNoun(singular(entity.name), entity)
    return best[1] if best else None


def _settled_session(brief: Brief, noun: str) -> SessionNoun | None:
    """Return the session that the team names; its entity is always there, as the reader sees to it."""
    named = [e for e in brief.entities if same(e.name, noun)]
    aliased = [e for e in brief.entities if any(same(a, noun) for a in e.aliases)]
    return next((SessionNoun(_plain(noun), entity) for entity in named + aliased), None)


def other_words(session: SessionNoun, entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Return the entities that are other words for the session or a stage of it: a lobby of a room, a chat room of a chat."""
    expression = matcher(nouns().same_thing)
    own = {canonical(session.word), *map(canonical, names_of(session.entity))}
    staged = any(expression.match(name.split()[-1]) for name in names_of(session.entity) if name)

    def is_other_word(entity: Entity) -> bool:
        words = canonical(entity.name).split()
        if len(words) > 1:
            return not own.isdisjoint(words) and all(w in own or expression.fullmatch(w) for w in words)
        return staged and bool(words) and expression.fullmatch(words[0]) is not None

    return tuple(e for e in entities if e is not session.entity and e.lifetime != "durable" and is_other_word(e))


def _is_shared(entity: Entity, brief: Brief) -> bool:
    """Whether people do something with it together: "session" alone may as well be a login's."""
    if fold(entity.name) not in {fold(stem) for stem in nouns().ambiguous} or not brief.access_patterns:
        return True
    # a reader gives every project some patterns; those with a requirement behind them are the documents' own
    mine = {a.verb for a in brief.access_patterns if a.requirements and same(a.entity, entity.name)}
    return bool({"join", "leave", "create", "control", "invite"} & mine)


def _session_rank(entity: Entity, session: tuple[str, ...], stop: tuple[str, ...]) -> int | None:
    names = names_of(entity)
    # an "auth session" is no session, even if the documents call it "session" elsewhere
    if matcher(stop).search(names[0]):
        return None
    for name in names:
        words = name.split()
        for rank, stem in enumerate(session):
            if words and (matcher((stem,)).match(words[-1]) or name.startswith(fold(stem))):
                return rank
    return None


def singular(name: str) -> str:
    """Return the singular noun for running text: ``"Estimation sessions"`` → ``"estimation session"``."""
    return _singular(_plain(name))


def _plain(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").strip().lower()


#: How a noun begins that takes "an"; of "u" only where it is not "you", of "h" only where it is silent.
_VOWEL_SOUND = re.compile(
    r"(?!eu|one\b|once\b|uni|us[aeiu]|ut[ei]|ur[aeio]|ubi)[aeiou]|hour|honou?r|heir|honest", re.IGNORECASE
)


def plural(noun: str) -> str:
    """Return the plural of an English ``noun``."""
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else noun + "s"


def with_article(noun: str) -> str:
    """Return ``noun`` with its indefinite article: ``a room``, ``an auction``, ``a user``, ``an hour``."""
    return f"{'an' if _VOWEL_SOUND.match(noun) else 'a'} {noun}"


#: An article before one of the catalog's nouns: it follows the noun that the documents use.
_ARTICLE = re.compile(r"\b([Aa]) \$(\w+)")


def filled(text: str, nouns: Mapping[str, str]) -> str:
    """Return ``text`` of the catalog with ``nouns`` for its ``$noun``, ``$member`` and ``$entity``, and the article of each.

    >>> filled("A worker ends a $noun", {"noun": "auction"})
    'A worker ends an auction'
    """
    if "$" not in text:
        return text

    def with_its_article(found: re.Match[str]) -> str:
        noun = nouns.get(found[2])
        return found[0] if noun is None else found[1] + with_article(noun)[1:]

    return Template(_ARTICLE.sub(with_its_article, text)).safe_substitute(nouns)


def find_member(brief: Brief, session: SessionNoun | None) -> str:
    """Return what a person in a session is called; "member" where the documents name nobody."""
    if brief.settled.member:
        return _plain(brief.settled.member)
    for stem in nouns().member:
        for entity in brief.entities:
            if session and entity is session.entity:
                continue
            for name in (entity.name, *entity.aliases):
                if _is_called(name, stem):
                    return singular(name)
    return "member"


#: Letters of an ending that a stem may take: "users", "uczestnik", and no other word, such as "membership".
_ENDING = 3


def _is_called(name: str, stem: str) -> bool:
    """Whether the head of a short name is ``stem``: a "team member" is a member, a "user profile" no user."""
    words = fold(name).split()
    heads = {" ".join(words), words[-1]} if words and len(words) <= 2 else set()
    return any(head.startswith(fold(stem)) and len(head) <= len(fold(stem)) + _ENDING for head in heads)


def is_given(entity: Entity) -> bool:
    """Whether no words of the documents make it: the team says that there is such a thing, or it is assumed where none was read."""
    return entity.confidence in (0.0, 1.0)


def asked_live(entity: Entity, brief: Brief) -> bool:
    """Whether a real-time demand speaks of ``entity``, or it is given."""
    named = matcher(names_of(entity))
    demands = (r for r in brief.requirements if r.realtime and r.kind != "out-of-scope")
    return is_given(entity) or any(named.search(fold(r.text)) for r in demands)


def requirements_about(expression: re.Pattern[str], requirements: Iterable[Requirement]) -> tuple[str, ...]:
    """Return the ids of the demands whose text matches, real-time ones first; what is out of scope never counts."""
    found = [r for r in requirements if r.kind != "out-of-scope" and expression.search(fold(r.text))]
    found.sort(key=lambda r: not r.realtime)
    return tuple(dict.fromkeys(r.id for r in found))
