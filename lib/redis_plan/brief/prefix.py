"""The prefix that a team decided its keys have, with the line that says so: it outranks the product's name.

A decision says it in words (“Key prefix is `buzz`”), or writes a key with its schema version (``buzz:v1:{…}``). A first
segment without a version, ``room:{id}``, may be what the key is about, so it is no prefix. The words are in
``data/catalog/own_design.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from redis_plan.brief.lexicon import fold
from redis_plan.brief.model import Note, OwnKey, Remark
from redis_plan.brief.own_design import knowledge
from redis_plan.brief.slug import SLUG_BYTES

#: The application's part of a key's name.
APP = r"[0-9]*[a-z][a-z0-9-]*"
_QUOTED = r"[`\"'“„«「]\s*([^`\"'”“»」]{1,80}?)\s*[`\"'”“»」]"
_VERSIONED = re.compile(rf"(?<![\w:/.@-])({APP}):v[1-9]\d*:")
_NAME = re.compile(rf"({APP})(?::.*)?", re.DOTALL)
#: Between the word "prefix" and the prefix stands no more than "is", "of all keys will be", or "as the" the other way.
_BETWEEN = r"[^`\"'“„«「.;,]{0,30}?"
#: So many letters in front may say that it is no prefix, or another thing's: "channel ", "we do without a ".
_BEFORE = 20


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix of all keys, and the line that decides it."""

    name: str
    file: str
    line: int

    @property
    def where(self) -> str:
        """The line, as the documents are cited."""
        return f"{self.file}:{self.line}"


def decided(notes: Iterable[Note], own: Iterable[OwnKey], lines: Mapping[str, Sequence[str]]) -> tuple[Prefix, ...]:
    """Return each prefix that a decision or a versioned key of the team gives, where it is first said.

    ``lines`` are those of the documents as they were written: a note's text has lost its quotes. More than one prefix is
    a conflict, which only the team can settle.
    """
    found: dict[str, Prefix] = {}
    for prefix in (*_of_notes(notes, lines), *_of_keys(own)):
        found.setdefault(prefix.name, prefix)
    return tuple(found.values())


def conflict(prefixes: Sequence[Prefix]) -> tuple[Remark, ...]:
    """Return a remark where the documents decide several prefixes."""
    if len(prefixes) < 2:
        return ()
    said = ", ".join(f"`{p.name}` ({p.where})" for p in prefixes)
    text = f"the keys have several prefixes: {said}; [project] prefix in ai/redis-plan.toml takes one"
    return (Remark("conflict", text, prefixes[0].file, prefixes[0].line),)


def named_in(text: str) -> str:
    """Return the prefix that ``text`` gives all keys, or "".

    >>> named_in("Key prefix is `buzz`, one hash tag per room"), named_in("Prefix `ham`"), named_in("`pin:` as prefix")
    ('buzz', 'ham', 'pin')
    >>> named_in("keys are pub:v1:{room}:state"), named_in("no prefix `x`"), named_in("channel prefix `live`")
    ('pub', '', '')
    >>> named_in("Keys are `room:{id}:state`, `prod` prefix for the environment"), named_in("Prefix `pin`, not `canvasly`")
    ('', 'pin')
    """
    for match in (*_worded().finditer(text), *_VERSIONED.finditer(text)):
        if _elsewhere().search(fold(text[max(0, match.start() - _BEFORE) : match.end()])):
            continue
        name = _NAME.fullmatch(next(group for group in match.groups() if group))
        if name and len(name[1]) <= SLUG_BYTES and name[1] not in knowledge()["prefix"]["environments"]:
            return name[1]
    return ""


def _of_notes(notes: Iterable[Note], lines: Mapping[str, Sequence[str]]) -> Iterator[Prefix]:
    for note in notes:
        if note.kind == "decision" and (name := named_in(lines[note.file][note.line - 1])):
            yield Prefix(name, note.file, note.line)


def _of_keys(own: Iterable[OwnKey]) -> Iterator[Prefix]:
    for key in own:
        if match := _VERSIONED.match(key.pattern):
            yield Prefix(match[1], key.file, key.line)


@cache
def _worded() -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in knowledge()["prefix"]["words"])
    return re.compile(rf"(?i:{words}){_BETWEEN}{_QUOTED}|{_QUOTED}{_BETWEEN}(?i:{words})")


@cache
def _elsewhere() -> re.Pattern[str]:
    """What shows that a prefix is not that of all keys, or none at all."""
    words = "|".join(re.escape(fold(word)) for word in knowledge()["prefix"]["elsewhere"])
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)")
