"""Model: mechanics and kinds of action as the catalog knows them, and the actions of a project.

A kind is a pattern ("one answer each, hidden until the reveal"); an action is that kind in a project's own words
(``answer``, by a player, on ``answer:<round_id>``, asked for by US-009).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from redis_plan.keyspace.model import Leavers

#: What an option of a guard or effect holds: a word, or a list of words.
Option = str | tuple[str, ...]
Grade = Literal["documented", "assumed"]
#: Who hears of an action: everybody in the session, one person, or those who lead.
Audience = Literal["all", "target", "leaders", "nobody"]
#: Actors whose seat or role the function itself checks, and the roles that it then asks for; none: a seat is enough.
LEADERS: Mapping[str, str] = {"host": "host", "cohost": "cohost", "moderator": "moderator"}
#: Roles that a member may have, beside that of a member.
ROLES = (*LEADERS.values(), "spectator")
#: Arguments that are a member's id.
MEMBERS = frozenset({"member", "target"})
ACTORS = (*LEADERS, "member", "spectator", "anyone", "worker")


def many(option: Option) -> tuple[str, ...]:
    """Return the words of an option, which holds one or several."""
    return (option,) if isinstance(option, str) else option


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition that is checked before the first write; ``answer`` is the result where it refuses."""

    name: str
    options: Mapping[str, Option]
    answer: str


@dataclass(frozen=True, slots=True)
class Effect:
    """A change that can't fail once every guard has passed."""

    name: str
    options: Mapping[str, Option]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number of a kind: ``fact`` is the fact of the Brief that it comes from, in seconds where ``unit`` is ms.

    ``roles`` are those of which it says how many may have them.
    """

    name: str
    unit: str
    says: str
    default: int
    fact: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timer:
    """What an action does to a deadline of the session: it sets, pauses or cancels the one in ``field``."""

    does: Literal["sets", "pauses", "cancels"]
    field: str
    after: str = ""  # the parameter that says how long


@dataclass(frozen=True, slots=True)
class Kind:
    """An action as the catalog knows it; the fields are those of ``data/catalog/mechanics/README.md``."""

    name: str
    mechanic: str
    use: str
    line: int
    says: str
    verbs: tuple[str, ...]
    actors: tuple[str, ...]
    keys: Mapping[str, tuple[str, str]]  # by local name: use and type
    guards: tuple[Guard, ...] = ()
    effects: tuple[Effect, ...] = ()
    takes: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    announces: str = ""
    audience: Audience = "all"
    shows: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    timers: tuple[Timer, ...] = ()
    results: Mapping[str, str] = ()  # type: ignore[assignment]  # always given by the catalog
    examples: tuple[str, ...] = ()
    call: str = ""  # the function of functions/ that carries it out, where none is composed
    forms: Mapping[str, str] = field(default_factory=dict)  # arguments of its own, and the form of each
    lua: str = ""  # a team's own Lua, run between guards and effects
    lua_file: str = ""
    declared: int = 0  # the line of redis-plan.toml that declares it; 0: the catalog knows it
    like: str = ""  # the kind of the catalog that a declared one changes
    instead: str = ""  # the kind of the catalog whose place it takes where the documents ask for it
    without_session: str = ""  # the kind that does the like where there is no session
    borrowed: Mapping[str, str] = field(
        default_factory=dict
    )  # keys of other mechanics, by local name: worked on where there

    @property
    def id(self) -> str:
        """``<mechanic>.<name>``."""
        return f"{self.mechanic}.{self.name}"

    def on(self, there: Container[str]) -> Kind:
        """Return the kind as it is where of the borrowed keys only those of ``there`` exist: what is done to others falls away."""
        absent = {local for local in self.borrowed if local not in there}
        if not absent:
            return self
        return replace(
            self,
            keys={local: key for local, key in self.keys.items() if local not in absent},
            guards=tuple(g for g in self.guards if g.options.get("key") not in absent),
            effects=tuple(e for e in self.effects if e.options.get("key") not in absent),
            borrowed={local: of for local, of in self.borrowed.items() if local not in absent},
        )

    @property
    def of_members(self) -> frozenset[str]:
        """The hashes and sorted sets into which its effects write an entry under a member's id, by local name."""
        named = (e.options for e in self.effects if e.options.get("field") in MEMBERS)
        return frozenset(str(o["key"]) for o in named if self.keys[str(o["key"])][1] in ("hash", "zset"))

    @property
    def function(self) -> str:
        """What FCALL calls it where no project names it."""
        return self.call or f"{self.mechanic}_{self.name}".replace("-", "_")


@dataclass(frozen=True, slots=True)
class Mechanic:
    """What the catalog knows of one use: its keys, its actions, and what always holds."""

    name: str
    use: str
    title: str
    keys: Mapping[str, tuple[str, str]]
    invariants: tuple[str, ...]
    kinds: Mapping[str, Kind]
    file: str
    leavers: Mapping[str, Leavers] = field(
        default_factory=dict
    )  # of a key with one entry a member: "go" or "stay" with who leaves


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand of the documents that an action carries out."""

    id: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Given:
    """A parameter in a project: its value, what it rests on, and the file and line that say it."""

    parameter: Parameter
    value: int
    grade: Grade = "assumed"
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that somebody or something does in a project, in the project's own words."""

    name: str
    kind: Kind
    actor: str
    entity: str
    role: str = ""
    demands: tuple[Demand, ...] = ()
    parameters: tuple[Given, ...] = ()
    keys: Mapping[str, str] = ()  # type: ignore[assignment]  # the project's key pattern behind each key of the kind

    def value(self, name: str) -> int:
        """Return the value of the parameter ``name``, the catalog's where the project says none."""
        known = {p.name: p.default for p in self.kind.parameters} | {g.parameter.name: g.value for g in self.parameters}
        return known[name]
