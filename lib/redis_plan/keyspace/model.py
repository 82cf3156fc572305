"""A Keyspace: what we propose, as a registry of key patterns and channels.

In a template ``<id>`` is a placeholder and ``{…}`` is always a Redis hash tag: ``quiz:v1:{<session_id>}:roster``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RedisType = Literal["string", "hash", "list", "set", "zset", "stream", "channel"]
Scope = Literal["session", "member", "global"]
TtlPolicy = Literal["sliding", "fixed", "none"]
#: What an entry of a member does when the seat ends, by leaving or by a lapsed lease.
Leavers = Literal["go", "stay"]
Severity = Literal["error", "warning"]
#: The candidate of a channel by which it is published with SPUBLISH.
SHARDED = "sharded-pubsub"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a hash, a member of a set or sorted set, an entry's field: name, meaning and size in bytes."""

    name: str
    type: str
    max_bytes: int
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class TtlRule:
    """When a key goes away by itself, and who deletes it before that. ``seconds`` is None for policy "none"."""

    policy: TtlPolicy
    seconds: int | None
    because: str
    expression: str = (
        ""  # how ``seconds`` is computed from the Brief's facts: "2 * max(idle_ttl, reconnect_grace, 3 * heartbeat)"
    )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A structure that could serve a use pattern.

    ``setup``, ``write`` and ``read`` are command templates (one command a string, words split on blanks) over the
    placeholders ``<key>``, ``<member>``, ``<value>``, ``<score>``, ``<count>``: experiments run them as they are.
    A ``{…}`` never occurs in them.
    """

    name: str
    type: RedisType
    summary: str
    write: tuple[str, ...]
    read: tuple[str, ...]
    naive: bool = False
    atomic: bool = True
    since: str = "6.2"
    feature: str = ""  # capability that the server must have (a name of server.capabilities), or empty
    lacks: str = ""  # what the use needs and this structure can't do, whatever it costs


@dataclass(frozen=True, slots=True)
class KeyPattern:
    """A shape that keys (or channels) take in the design."""

    name: str  # "roster": unique in the keyspace
    template: str
    type: RedisType
    use: str  # the catalog's use pattern it comes from
    holds: str
    scope: Scope
    ttl: TtlRule
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    deleted_by: str
    fields: tuple[Field, ...] = ()
    entity: str = ""
    max_elements: float = 1.0  # elements a key at its bound
    typical_elements: float = 1.0
    per_session: float = 1.0  # keys a session; for scope "global", keys in total
    at_bound: str = ""  # what happens at max_elements
    authoritative: bool = True
    candidates: tuple[Candidate, ...] = ()
    chosen: str = ""  # name of the candidate
    access_patterns: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    when_lost: str = ""  # what the user sees if the key vanishes, and where its content comes from again
    because: str = ""  # why the chosen candidate, before a measurement overrules it
    hidden: str = ""  # the line that forbids to show it to others: it is in no snapshot and no event
    leavers: Leavers | None = None  # where each member has one entry: what becomes of it when the seat ends
    entities: tuple[str, ...] = ()  # every entity of the Brief it serves; ``entity`` is the first

    @property
    def candidate(self) -> Candidate | None:
        """The chosen candidate, if the use pattern lists any."""
        return next((c for c in self.candidates if c.name == self.chosen), None)

    @property
    def sharded(self) -> bool:
        """Whether it is a channel of sharded Pub/Sub: its messages stay in the shard of its name."""
        return self.chosen == SHARDED


@dataclass(frozen=True, slots=True)
class Finding:
    """What the linter says about a keyspace."""

    rule: str
    severity: Severity
    pattern: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class OwnVerdict:
    """What became of a key or a setting of the team's own design.

    "adopted": ``ours`` holds it in the same way; "contradicted": ``reason`` speaks against it; "open": it stands for nothing here.
    """

    pattern: str
    type: str
    ttl_s: float | None
    file: str
    line: int
    verdict: Literal["adopted", "contradicted", "open"]
    ours: str
    reason: str


@dataclass(frozen=True, slots=True)
class Bound:
    """An action of the project as its function is composed: a kind of the catalog on keys of this design."""

    name: str  # what its function and its method are called
    kind: str  # "<mechanic>.<action>" of the catalog
    entity: str
    keys: tuple[tuple[str, str], ...] = ()  # the kind's name of a key, and the pattern's
    values: tuple[tuple[str, int], ...] = ()  # the project's number for each parameter
    requirements: tuple[str, ...] = ()  # the demands that it carries out
    declared: str = ""  # the kind itself as JSON, where the team declares it and the catalog does not know it


@dataclass(frozen=True, slots=True)
class Keyspace:
    """The registry: every key and every channel of the design."""

    app: str
    schema_version: int
    session_noun: str  # what a session is called in these documents: "game", "room", "auction"
    patterns: tuple[KeyPattern, ...]
    unserved: tuple[str, ...] = ()  # access patterns that stay outside Redis, with the reason
    findings: tuple[Finding, ...] = ()
    member_noun: str = "member"  # what a person in a session is called: "player", "bidder", "participant"
    own: tuple[OwnVerdict, ...] = ()  # the team's own keys and settings against this design
    actions: tuple[Bound, ...] = ()  # what is done on these keys, in the project's words
    session_entity: str = ""  # the Brief's entity that is the session; empty where the project has none

    @property
    def library(self) -> str:
        """Name of its Functions library: the application's, with underscores (names hold letters, digits and ``_``)."""
        return self.app.replace("-", "_")

    def fcall_name(self, function: str) -> str:
        """Return what FCALL calls a function of the library: these names are the server's, so each begins with the library's."""
        return f"{self.library}_{function}"

    @property
    def keys(self) -> tuple[KeyPattern, ...]:
        """The key patterns, without the channels."""
        return tuple(p for p in self.patterns if p.type != "channel")

    @property
    def channels(self) -> tuple[KeyPattern, ...]:
        """The Pub/Sub channels."""
        return tuple(p for p in self.patterns if p.type == "channel")

    def pattern(self, name: str) -> KeyPattern:
        """Return the pattern called ``name``; raises ``KeyError``."""
        for pattern in self.patterns:
            if pattern.name == name:
                return pattern
        raise KeyError(name)

    def use(self, use: str) -> KeyPattern | None:
        """Return the first pattern of the catalog's use pattern ``use``, or None."""
        return next((p for p in self.patterns if p.use == use), None)
