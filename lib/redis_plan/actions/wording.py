"""Wording: what a demand says, without its number and the grammar of a user story, and who it speaks of.

"US-006 Kick a player · As a host, I want to kick a player, so that trolls are gone." has the title "Kick a player", a host as
its speaker, and wants "kick a player"; what it is for demands nothing. The grammar is data, ``data/catalog/stories.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from redis_plan import resources
from redis_plan.brief.model import Requirement, TeamRole
from redis_plan.keyspace import cues

#: Between the title of a story and its sentence, as the reader joins them.
_JOINED = " · "
#: Up to three words before a colon or a dash are a label: "Isolation: …", "Spectator – …".
_LABEL = re.compile(r"(?P<label>\S+(?: \S+){0,2}?)(?::| [–—-]) (?P<body>\S.+)")


@dataclass(frozen=True, slots=True)
class Wording:
    """What a demand says: its title and speaker where it has them, and what it wants."""

    title: str
    speaker: str
    want: str
    answer: str = ""  # of a demand that says when something holds: what is done then

    @property
    def views(self) -> tuple[str, ...]:
        """The texts to compare: what is wanted, and title and want together, which each says less clearly alone."""
        return (self.want, f"{self.title}: {self.want}") if self.title else (self.want,)

    @property
    def clauses(self) -> tuple[str, ...]:
        """What is wanted, apart where one demand says several things; nothing where it says one.

        >>> Wording("", "host", "pause the game. The clock stands still, and all see it paused").clauses
        ('pause the game', 'The clock stands still', 'all see it paused')
        """
        parts = [part.strip(" ,.") for part in re.split(_data()["clauses"]["between"], self.want)]
        told = tuple(part for part in parts if len(part.split()) >= _data()["clauses"]["least_words"])
        return told if len(parts) > 1 else ()


def worded(demand: Requirement) -> Wording:
    """Return the wording of ``demand``.

    >>> worded(Requirement("US-6", "US-6 Kick · As a host, I want to kick a player, so that trolls are gone.", "prd.md", 1))
    Wording(title='Kick', speaker='host', want='kick a player')
    """
    text = " ".join(demand.text.split()).removeprefix(demand.id).lstrip(" :.–—-")
    title, joined, rest = text.partition(_JOINED)
    if not joined:
        title, rest = "", text
    for story, purpose in _grammars():
        if found := story.search(rest):
            before = rest[: found.start()].strip(" :.–—-·")
            want = _without(purpose, found["want"])
            return Wording(title or before, found["role"].strip(), want or rest)
    label, body = _labelled(rest)
    return Wording(title or label, "", _bare(body) or body, _answer(body))


def is_condition(text: str) -> bool:
    """Whether ``text`` only says when something holds, and not what is done then: a step of a scenario by itself.

    >>> is_condition("Given two people are in a room"), is_condition("When one leaves, then the other is told")
    (True, False)
    """
    return any(expression.search(text) for expression in _conditions())


def actors_in(text: str, member: str = "", roles: Sequence[TeamRole] = ()) -> frozenset[str]:
    """Return the actors that ``text`` speaks of; ``member`` is what a member is called in this project.

    A role that the team has a word for is that role, whatever the word may mean elsewhere.

    >>> sorted(actors_in("The facilitator removes a participant"))
    ['host', 'member']
    """
    folded, found = cues.fold(text), set()
    for role in roles:
        word = cues.matcher((cues.fold(role.name),))
        if word.search(folded):
            folded = word.sub(" ", folded)
            found.add(role.like)
    found |= {actor for actor, expression in _speakers().items() if expression.search(folded)}
    if member and cues.fold(member) in folded:
        found.add("member")
    return frozenset(found)


def _without(purpose: re.Pattern[str], want: str) -> str:
    """Return ``want`` without the clause that says what it is for; the sentences after it stay."""
    first, dot, others = want.partition(". ")
    said = purpose.split(first, maxsplit=1)[0].strip(" ,.")
    return f"{said}. {others.strip()}" if dot and others.strip() else said


def _labelled(text: str) -> tuple[str, str]:
    """Return the label in front of a sentence, and the sentence; of a row of a table the thing and its value alone.

    >>> _labelled("Isolation: no name is visible in another room"), _labelled("Cap | 60 | bigger ones come later")
    (('Isolation', 'no name is visible in another room'), ('', 'Cap: 60'))
    >>> _labelled("leave-room | { roomCode, playerId } | Leave the room")
    ('', 'leave-room: Leave the room')
    """
    cells = [cell.strip() for cell in text.split(" | ")]
    if len(cells) > 1:
        told = [cell for cell in cells if not re.search(r"[{}]", cell)]  # what is sent says less than what for
        return "", ": ".join((told if len(told) > 1 else cells)[:2])
    if found := _LABEL.match(text):
        return found["label"], found["body"]
    return "", text


def _answer(text: str) -> str:
    """Return what is done where a condition holds, "" where ``text`` begins with none.

    >>> _answer("WHEN a guest is removed, THE server SHALL close the socket"), _answer("Given a lot, when it ends, then it is sold")
    ('close the socket', 'it is sold')
    """
    said = _data()["condition"]
    if not re.match(said["begins"], text, re.IGNORECASE):
        return ""
    *_, answer = re.split(said["before_answer"], text, flags=re.IGNORECASE)
    return answer.strip(" ,.") if answer != text else ""


def _bare(text: str) -> str:
    for expression in _boilerplate():
        if found := expression.match(text):
            return text[found.end() :]
    return re.sub(_data()["boilerplate"]["inside"], ",", text, count=1, flags=re.IGNORECASE).strip(" ,")


@cache
def _data() -> Mapping[str, Any]:  # Any: a TOML table
    return tomllib.loads((resources.catalog_dir() / "stories.toml").read_text("utf-8"))


@cache
def _grammars() -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    return tuple(
        (re.compile(e["story"], re.IGNORECASE), re.compile(e["purpose"], re.IGNORECASE)) for e in _data()["grammar"]
    )


@cache
def _boilerplate() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text, re.IGNORECASE) for text in _data()["boilerplate"]["expressions"])


@cache
def _conditions() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text, re.IGNORECASE) for text in _data()["condition"]["expressions"])


@cache
def _speakers() -> Mapping[str, re.Pattern[str]]:
    return {actor: cues.matcher(tuple(stems)) for actor, stems in _data()["speakers"].items()}
