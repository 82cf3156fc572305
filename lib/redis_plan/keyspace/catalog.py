"""The catalog: use patterns of real-time applications, read from ``data/catalog/patterns/*.toml``.

A use pattern says which entities are made for it (stems of their names; what sentences call for it is learnt from
``examples/uses.toml``), which keys it needs, and which structures could hold each of them. Numbers in it are expressions over the Brief's facts.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from redis_plan.errors import RedisPlanError
from redis_plan.keyspace.model import Candidate, Leavers, RedisType, Scope, TtlPolicy
from redis_plan.resources import catalog_dir


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field as the catalog writes it; ``max_bytes`` is an expression over facts."""

    name: str
    type: str
    max_bytes: str | float
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class TtlSpec:
    """A TTL rule whose seconds are an expression over facts; ``$``-words in ``because`` are filled in."""

    policy: TtlPolicy
    because: str
    seconds: str | float | None = None


@dataclass(frozen=True, slots=True)
class KeySpec:
    """A key or channel that a use pattern needs. ``part`` is the template after the session's or app's prefix."""

    name: str
    part: str
    type: RedisType
    scope: Scope
    holds: str
    ttl: TtlSpec
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    deleted_by: str
    tag: str = ""  # placeholder of the hash tag where it is not the session id
    fields: tuple[FieldSpec, ...] = ()
    max_elements: str | float = 1.0
    typical_elements: str | float = ""
    per_session: str | float = 1.0
    at_bound: str = ""
    leavers: Leavers | None = None  # as KeyPattern says it, where the team does
    authoritative: bool = True
    when_lost: str = ""
    functions: tuple[str, ...] = ()
    candidate: tuple[Candidate, ...] = ()
    prefer: tuple[str, ...] = ()  # candidates in order of preference; the first that the server offers is chosen
    because: str = ""
    without_session: dict[str, Any] = field(default_factory=dict)  # what differs where the project has no sessions
    variant: dict[str, dict[str, Any]] = field(default_factory=dict)  # what differs where this candidate is chosen
    writes: str | float = ""  # per second in the whole system at peak, where no access pattern tells
    reads: str | float = ""

    def adapted(self, has_session: bool) -> KeySpec:
        """Return the key as it is in a project with or without sessions."""
        if has_session or not self.without_session:
            return self
        return self._changed(self.without_session, without_session={})

    def built_as(self, candidate: str) -> KeySpec:
        """Return the key as it is when ``candidate`` holds it: another type, name, bound or writer."""
        return self._changed(self.variant[candidate], variant={}) if candidate in self.variant else self

    def _changed(self, differs: dict[str, Any], **rest: Any) -> KeySpec:  # Any: values of a TOML table
        found: KeySpec = _KEY.validate_python({**asdict(self), **differs, **rest})
        return found


_KEY: TypeAdapter[KeySpec] = TypeAdapter(KeySpec)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a pattern's knowledge comes from: a document and its version or date."""

    document: str
    version: str


@dataclass(frozen=True, slots=True)
class UsePattern:
    """One use of Redis that real-time applications share."""

    use: str
    title: str
    order: int
    purpose: str
    when: Literal[
        "core", "entity", "text", "either", "fallback", "channel"
    ]  # channel: wherever another pattern brings one
    needs: Literal["session", "no-session", "any"]
    key: tuple[KeySpec, ...]
    source: tuple[Source, ...]
    failure: tuple[str, ...]
    noun: str = ""  # what a thing of it is called where no entity of the documents is one
    entities: tuple[str, ...] = ()  # stems of entity names
    verbs: tuple[str, ...] = ()  # stems of the verbs of access patterns
    kinds: tuple[str, ...] = ()  # kinds of access (data/catalog/access.toml) that touch it, whatever their entity
    stated: tuple[str, ...] = ()  # facts that documents state only where they want this use: how long a hold lasts
    many: Literal["once", "merge", "each"] = "once"
    machinery: bool = False  # what every design with a session has whatever the product: it is never asked for by name
    optional: bool = False  # only saves work: it takes memory, and without it nothing is wrong
    small: bool = False  # also worth it where a project hardly needs Redis
    lifetimes: tuple[str, ...] = ("connection", "session", "temporary", "unknown", "durable")
    adopts_durable: bool = False  # serves the real-time entities that stay in the database and that no other takes
    quiet: bool = False  # also for entities that are not real-time whatever their lifetime
    in_state: tuple[str, ...] = ()  # fields by which actions keep the same in the state: where they do, it is no key


@dataclass(frozen=True, slots=True)
class Nouns:
    """What sessions and their members are called, and which words only look like a session."""

    session: tuple[str, ...]
    not_session: tuple[str, ...]
    same_thing: tuple[str, ...]
    ambiguous: tuple[str, ...]
    member: tuple[str, ...]
    pii: tuple[str, ...]


@lru_cache(maxsize=1)
def use_patterns() -> tuple[UsePattern, ...]:
    """Return every use pattern, in the order in which a design considers them; raises on a malformed file."""
    found: list[UsePattern] = [
        _read(UsePattern, path.name, path.read_text("utf-8")) for path in sorted(_folder().glob("*.toml"))
    ]
    return tuple(sorted(found, key=lambda pattern: (pattern.order, pattern.use)))


@lru_cache(maxsize=1)
def nouns() -> Nouns:
    """Return the lexicon of session and member nouns (English and Polish stems, some others)."""
    path = catalog_dir() / "nouns.toml"
    found: Nouns = _read(Nouns, path.name, path.read_text("utf-8"))
    return found


def _folder() -> Path:
    return catalog_dir() / "patterns"


def _read(kind: Any, name: str, text: str) -> Any:  # Any: a dataclass type and its instance
    try:
        return _adapter(kind).validate_python(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise RedisPlanError(f"data/catalog: {name}: {str(error).splitlines()[0]} {error}") from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Return what validates a kind; making one takes longer than all files of it."""
    return TypeAdapter(kind)
