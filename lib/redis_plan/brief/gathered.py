"""What people share, among the entities of a Brief: live for as long as they share it, under one of its names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from redis_plan.brief.gathering import ALWAYS_SHARED, prior_of
from redis_plan.brief.lexicon import fold
from redis_plan.brief.model import Entity, Gathering

#: A noun for something shared that is no surer than this, beside the one that they share, is another word for that one.
SELDOM_SAID = 0.65


def _another_word(entity: Entity) -> bool:
    """Whether it is but another word for what people share: such a noun, said now and then, and kept by no sentence."""
    return prior_of(entity.name) == ALWAYS_SHARED and entity.confidence <= SELDOM_SAID


def with_gathering(entities: Sequence[Entity], gathering: Gathering | None) -> tuple[Entity, ...]:
    """Return ``entities`` with what people share among them, live for as long as they share it."""
    if gathering is None or not gathering.noun:
        return tuple(entities)
    names = {fold(name) for name in (gathering.noun, *gathering.spellings)}
    for exact in (True, False):
        for at, entity in enumerate(entities):
            if {fold(entity.name)} & names or (not exact and {fold(alias) for alias in entity.aliases} & names):
                own = {fold(name) for name in (entity.name, *entity.aliases)}
                also = () if gathering.noun in own else (gathering.noun.capitalize(),)
                found = replace(entity, realtime=True, aliases=(*entity.aliases, *also))
                # "Partidas" beside "Jogo": one thing in two words of the documents
                later = [e for e in entities[at + 1 :] if fold(e.name) not in names or e.lifetime == "durable"]
                every = (*entities[:at], found, *later)
                return tuple(e for e in every if e is found or not _another_word(e))
    made = Entity(
        gathering.noun.capitalize(), gathering.file, gathering.line, gathering.spellings[:8], "session", True,
        confidence=gathering.confidence,
    )  # fmt: skip
    return (made, *entities)
