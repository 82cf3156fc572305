"""Sharing: what could be the session of a project in whose documents none was found.

A dispatch desk has no room that people enter, and yet an order is shared by a shop, a courier and a dispatcher: offers,
steps and chats about it need what a session has, an order of changes that everybody sees. It is the team's to say so.
"""

from __future__ import annotations

from collections.abc import Sequence

from redis_plan.actions import wording
from redis_plan.brief.model import Brief, Entity, Requirement
from redis_plan.keyspace import cues

#: So many demands at least speak of it: one alone is a detail.
LEAST = 2


def could_be_session(brief: Brief, demands: Sequence[Requirement]) -> str:
    """Return the noun of what ``demands``, which need a session, speak of most and nobody is who acts; "" where nothing is."""
    speakers = cues.fold(" ".join(wording.worded(r).speaker for r in brief.requirements))
    texts = [cues.fold(r.text) for r in demands]
    found: dict[str, int] = {}
    for entity in brief.entities:
        names = cues.matcher(tuple(sorted(cues.names_of(entity))))
        if not names.search(speakers):
            found[_as_said(entity, texts)] = sum(names.search(text) is not None for text in texts)
    most = max(found, key=lambda noun: found[noun], default="")
    return most if found.get(most, 0) >= LEAST else ""


def _as_said(entity: Entity, texts: Sequence[str]) -> str:
    """Return the word that the team has for ``entity``: of its names the one that stands in most texts."""
    names = dict.fromkeys(cues.singular(name) for name in (entity.name, *entity.aliases))
    return max(names, key=lambda name: sum(cues.fold(name) in text for text in texts))
