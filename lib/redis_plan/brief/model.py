"""A Brief: what the team asks, each statement with the file and line where it stands.

Facts are frozen; a corrected Brief is a new one (``dataclasses.replace``). Lines count from 1. ``file`` is the bare
name of the document (``prd.md``), or ``redis-plan.toml`` for an override, or ``""`` for what no document says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

RequirementKind = Literal["functional", "non-functional", "constraint", "out-of-scope"]
QuantityKind = Literal["latency", "duration", "count", "size", "rate", "percent", "limit", "price", "date", "other"]
Comparator = Literal["<", "<=", "=", ">=", ">", "~"]
Lifetime = Literal["connection", "session", "temporary", "durable", "unknown"]
Role = Literal["cache", "database", "backend", "frontend", "hosting", "ci", "realtime", "queue", "auth", "other"]
Status = Literal["chosen", "alternative", "rejected", "later", "superseded", "mentioned"]
NoteKind = Literal["decision", "recommendation", "memory", "open-question", "summary"]
Mode = Literal["read", "write", "subscribe"]
Consistency = Literal["atomic", "ordered", "eventual"]
Fit = Literal["core", "useful", "no", "unknown"]
Grade = Literal["measured", "modelled", "documented", "assumed"]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One statement of demand (or of what is excluded)."""

    id: str
    text: str
    file: str
    line: int
    kind: RequirementKind = "functional"
    realtime: bool = False
    parent_line: int | None = None
    confidence: float = 1.0

    @property
    def cited(self) -> str:
        """As a reader knows it: ``US-011 (prd.md:89)``, or the place alone where the documents give it no id."""
        place = f"{self.file}:{self.line}"
        return place if self.id.startswith("R-") else f"{self.id} ({place})"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit. ``value`` is the lower end of a range and ``value_max`` the upper one.

    ``unit`` is as the text means it ("ms", "second", "percent", "player", "message/second"), so that a reader
    recognises it; ``text`` is a substring of the line.
    """

    text: str
    value: float
    unit: str
    kind: QuantityKind
    file: str
    line: int
    value_max: float | None = None
    op: Comparator | None = None
    subject: str = ""
    at_peak: bool = False
    design_relevant: bool = False
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Attribute:
    """A property of an entity, with its estimated size where the text names it."""

    name: str
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """``source`` has ``many`` (or one) ``target``, ``at_most`` so many where a line says it: a Session has 8 Players."""

    source: str
    target: str
    many: bool
    file: str = ""
    line: int = 0
    at_most: float | None = None


#: From this confidence on the documents declare an entity, in a data model or a list of entities.
DECLARED = 0.95


@dataclass(frozen=True, slots=True)
class Entity:
    """A thing whose state the app keeps."""

    name: str
    file: str
    line: int
    aliases: tuple[str, ...] = ()
    lifetime: Lifetime = "unknown"
    realtime: bool = False
    attributes: tuple[Attribute, ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Rival:
    """Another number that the documents give where a fact was read, and why it was not taken."""

    value: float
    text: str
    file: str
    line: int
    because: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A number the design is computed from, in base units (seconds, bytes, per second, counts).

    ``low`` and ``high`` bound it where the documents give a range. ``grade`` is "documented" when a document or the
    team's TOML states it, "modelled" when it follows from facts that they state, and "assumed" otherwise; ``toml`` is
    the line that would replace it. ``rivals`` are the other numbers that it was chosen among.
    """

    name: str
    value: float
    unit: str
    grade: Grade
    because: str
    toml: str
    file: str = ""
    line: int = 0
    low: float | None = None
    high: float | None = None
    rivals: tuple[Rival, ...] = ()

    @property
    def where(self) -> str:
        """``prd.md:29``, or the TOML line that replaces an assumption."""
        return f"{self.file}:{self.line}" if self.file else f"assumed; `{self.toml}` replaces it"


@dataclass(frozen=True, slots=True)
class AccessPattern:
    """Who does what to which entity, how often. ``rate_per_s`` is for the whole system at peak."""

    id: str
    actor: str
    verb: str
    entity: str
    mode: Mode
    rate_per_s: float
    grade: Grade
    because: str
    requirements: tuple[str, ...] = ()
    latency_s: float | None = None
    consistency: Consistency = "eventual"
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the stack."""

    name: str
    role: Role
    file: str
    line: int
    version: str | None = None
    status: Status = "chosen"
    spelling: str = ""  # as the documents write it, where that differs: "Tailwind" for "Tailwind CSS"


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the planning notes: a decision, a recommendation, a memory rule or an open question."""

    id: str
    kind: NoteKind
    text: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Remark:
    """Something the reader wants a person to see: a conflict, a part it could not read, a missing document."""

    kind: Literal["conflict", "unread", "missing", "warning", "stack"]
    text: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Gathering:
    """What several people are in at the same time and see change together; an empty ``noun`` says that there is nothing."""

    noun: str
    file: str
    line: int
    confidence: float
    spellings: tuple[str, ...] = ()  # as the documents call it


@dataclass(frozen=True, slots=True)
class TakenUse:
    """A use of Redis that the team asks for, for these entities; ``toml_line`` is its line in redis-plan.toml."""

    use: str
    entities: tuple[str, ...]
    toml_line: int
    file: str
    line: int
    serves: tuple[str, ...] = ()  # demands besides the cited line: lines or ids


@dataclass(frozen=True, slots=True)
class UseEvidence:
    """What the sentences of the documents say for one use of Redis: how strongly, on how many lines, which one most.

    ``strength`` is the likelihood of the strongest lines, 0 to 1; ``example`` is our own sentence that the
    strongest line is most like, and ``alike`` how much (1: the same).
    """

    use: str
    strength: float
    lines: int
    requirements: tuple[str, ...]
    file: str
    line: int
    text: str
    example: str
    alike: float


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A key of the team's own design, as its documents write it.

    ``type`` is "" where they do not say it; ``ttl_s`` are seconds, 0 for "no TTL" and None where they are silent.
    """

    pattern: str
    type: str
    ttl_s: float | None
    commands: tuple[str, ...]
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class OwnSetting:
    """A setting or command that the documents name, and the rule of ``data/catalog/own_design.toml`` that it meets."""

    rule: str
    text: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Restriction:
    """A statement of what Redis may not hold here, or not for everyone; ``entities`` are those that it names.

    ``kind`` is "elsewhere" (another system owns it), "hidden" (some may never receive it) or "no-place" (a role that only watches).
    """

    kind: str
    text: str
    entities: tuple[str, ...]
    file: str
    line: int
    example: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Declared:
    """A key or an action that the team declares, checked by its schema.

    ``said`` is the entry as it stands, ``lines`` the line in redis-plan.toml of each of its parts (``guards.0``), and
    ``""`` that of the whole.
    """

    said: dict[str, Any]  # Any: a table of TOML
    lines: dict[str, int]
    lua: str = ""  # the text of an action's own Lua
    lua_file: str = ""  # its path as a finding names it

    def line(self, *path: str | int) -> int:
        """Return the line of a part, or of the nearest one around it."""
        for end in range(len(path), -1, -1):
            if found := self.lines.get(".".join(str(step) for step in path[:end])):
                return found
        return 1


@dataclass(frozen=True, slots=True)
class TeamRole:
    """A role in the project's own word, with the rights of the catalog's role ``like``; ``most`` None: no bound is said."""

    name: str
    like: str
    most: int | None
    toml_line: int
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What the team settled in redis-plan.toml for the design to follow; None and empty where it left that open."""

    session: str | None = None  # the noun; "" where it says that there is no session
    member: str | None = None
    taken: tuple[TakenUse, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)  # use -> its line in redis-plan.toml
    only_taken: bool = False  # the taken uses are all there are
    adopted_keys: tuple[str, ...] = ()
    refused_keys: dict[str, str] = field(default_factory=dict)  # key pattern -> why
    keys: tuple[Declared, ...] = ()
    channels: tuple[Declared, ...] = ()
    roles: tuple[TeamRole, ...] = ()
    actions: tuple[Declared, ...] = ()


@dataclass(frozen=True, slots=True)
class Brief:
    """Everything read from a project's documents, and what had to be assumed."""

    title: str
    slug: str
    language: str
    fit: Fit
    fit_because: str
    documents: tuple[str, ...]
    requirements: tuple[Requirement, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()
    access_patterns: tuple[AccessPattern, ...] = ()
    stack: tuple[Component, ...] = ()
    notes: tuple[Note, ...] = ()
    facts: tuple[Fact, ...] = ()
    remarks: tuple[Remark, ...] = ()
    restrictions: tuple[Restriction, ...] = ()  # what Redis may not hold here, or not for everyone
    own_keys: tuple[OwnKey, ...] = ()  # the team's own design, where its documents hold one
    own_settings: tuple[OwnSetting, ...] = ()
    evidence: tuple[UseEvidence, ...] = ()  # what the sentences say for each use of Redis, strongest first
    name_prefix: str | None = None  # pinned by the team in redis-plan.toml, or decided in its documents
    name_prefix_where: str = ""  # the line of the documents that decides it; "" where redis-plan.toml pins one
    settled: Settled = field(default_factory=Settled)
    gathering: Gathering | None = None  # None where nothing was judged
    pinned: dict[str, str] = field(default_factory=dict)  # key or use pattern -> structure pinned by the team
    pinned_lines: dict[str, int] = field(default_factory=dict)  # where in redis-plan.toml each of them stands

    def fact(self, name: str) -> Fact:
        """Return the fact ``name``; every name in ``data/catalog/facts.toml`` is always there."""
        for fact in self.facts:
            if fact.name == name:
                return fact
        raise KeyError(name)

    def value(self, name: str) -> float:
        """Return the value of the fact ``name`` in its base unit."""
        return self.fact(name).value

    @property
    def assumptions(self) -> tuple[Fact, ...]:
        """The facts that no document states."""
        return tuple(fact for fact in self.facts if fact.grade == "assumed")
