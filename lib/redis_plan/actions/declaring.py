"""Declaring: the actions of ``ai/redis-plan.toml`` as kinds of action, beside the catalog's.

An entry is read as an action of the catalog is, on the keys of the project's design; what it leaves out comes from the
catalog's action that it is like: the one that it names, else the one of its name. Every fault is one line with its place.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from redis_plan.actions import ability, catalog, holding, own_lua, vocabulary
from redis_plan.actions.compose import SESSION_ARGS
from redis_plan.actions.model import ROLES, Demand, Kind
from redis_plan.actions.reading import ACCEPTED, SESSION_KEYS, Reader
from redis_plan.brief.model import Brief, Declared
from redis_plan.brief.overrides.positions import Path
from redis_plan.errors import InputError, OverrideError
from redis_plan.keyspace import calls, cues, functions, versions
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.keyspace.settled import FILE
from redis_plan.resources import catalog_dir

#: The mechanic that declared actions stand under.
DECLARED = "declared"
#: What only the catalog's actions have, and a declared one does not take over.
_NOT_TAKEN = ("examples", "verbs", "call")
#: Fields of an entry that are those of an action of the catalog.
_AS_SAID = (
    "says",
    "guards",
    "effects",
    "announces",
    "audience",
    "shows",
    "hides",
    "takes",
    "results",
    "lua",
)
#: What an entry says of an action that a function of the kernel carries out: that it does, and no more.
_CONFIRMS = frozenset({"name", "like", "serves", "cite", "because"})
#: What an action has because of its effects.
_OF_EFFECTS = ("effects", "announces", "shows", "hides", "timers")


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declared action: its kind, its entity, the key patterns behind its keys, and the demands that it serves.

    ``numbers`` are the lines of the parameters whose values it says; the others are read in the documents.
    """

    kind: Kind
    entity: str
    keys: Mapping[str, str]
    demands: tuple[Demand, ...]
    numbers: Mapping[str, int]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong with a declaration: file, line, and what to write instead."""

    file: str
    line: int
    says: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.says}"


def declarations(brief: Brief, keyspace: Keyspace) -> tuple[Declaration, ...]:
    """Return the declared actions; raises :class:`OverrideError` with file and line for the first fault."""
    found, faults = examine(brief, keyspace)
    if faults:
        raise OverrideError(str(faults[0]))
    return found


def examine(brief: Brief, keyspace: Keyspace) -> tuple[tuple[Declaration, ...], tuple[Fault, ...]]:
    """Return the declared actions that are in order, and what is wrong with the others."""
    made: list[tuple[Declared, Declaration]] = []
    faults: list[Fault] = []
    for one in brief.settled.actions:
        try:
            entry = _Entry(one, brief, keyspace)
            if entry.confirms:
                entry.confirmation()
                continue
            declaration = entry.declaration()
        except InputError as error:
            faults.append(_fault(str(error)))
            continue
        found = _lua_faults(one, declaration.kind, brief, keyspace)
        faults += found
        made += [] if found else [(one, declaration)]
    waiting = _unreached(made)
    faults += waiting.values()
    return tuple(d for _, d in made if d.kind.name not in waiting), tuple(sorted(set(faults)))


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the team says of an action that the kernel carries out: the demands that it serves, and the line that says so."""

    kind: Kind
    demands: tuple[Demand, ...]
    line: int


def confirmations(brief: Brief, keyspace: Keyspace) -> tuple[Confirmation, ...]:
    """Return the entries that only confirm an action of the kernel; those that :func:`examine` finds fault with are left out."""
    found = []
    for one in brief.settled.actions:
        try:
            entry = _Entry(one, brief, keyspace)
            found += [entry.confirmation()] if entry.confirms else []
        except InputError:
            continue
    return tuple(found)


def _fault(text: str) -> Fault:
    file, line, says = text.split(":", 2)
    return Fault(file, int(line), says.strip())


class _Entry(Reader):
    """One declared action on its way to a kind; places are those of its entry."""

    keys_of = "design"
    fields = Reader.fields | {"lua"}

    def __init__(self, one: Declared, brief: Brief, keyspace: Keyspace) -> None:
        super().__init__({"mechanic": DECLARED, "use": ability.SESSION}, "", FILE)
        self.one, self.brief, self.keyspace = one, brief, keyspace
        self.name: str = one.said["name"]
        self.base = self.like()
        there = [p for p in keyspace.keys if p.name not in functions.TYPES]
        #: The pattern behind each key, by the name that Lua has for it: board_ops for board-ops.
        self.homes = {p.name.replace("-", "_"): p.name for p in there}
        self.keys = {local: (p.use, p.type) for local, p in zip(self.homes, there, strict=True)}
        self.more_keys = tuple(one.said.get("keys", ()))

    def line(self, path: Path) -> int:
        return self.one.line(*("actor" if step == "actors" else step for step in path))

    def fail(self, path: Path, what: str) -> InputError:
        return OverrideError(f"{FILE}:{self.line(path)}: {what}")

    def like(self) -> Kind | None:
        """Return the catalog's action that fills what the entry leaves out: the one that it names, else of its name."""
        kinds = catalog.kinds()
        if "like" in self.one.said:
            wanted = self.one.said["like"]
            self.known(("like",), wanted, kinds, "action of the catalog")
            if (call := kinds[wanted].call) and set(self.one.said) - _CONFIRMS:
                says = f"{wanted} is carried out by {call}, which no entry changes"
                raise self.fail(
                    ("like",), f"{says}: say no more than name and serves, or guards and effects without like"
                )
            return kinds[wanted]
        return holding.called_so(self.name, self.keyspace)

    @property
    def confirms(self) -> bool:
        """Whether the entry says of an action of the kernel what it serves."""
        return self.base is not None and bool(self.base.call)

    def confirmation(self) -> Confirmation:
        assert self.base is not None
        names = (self.base.name, *self.base.verbs)
        if self.name not in names:
            raise self.fail(("name",), f"{self.base.id} keeps its name: name = {self.base.name!r}")
        return Confirmation(self.base, tuple(self.demands()), self.one.line())

    def declaration(self) -> Declaration:
        said = self.one.said
        if self.name in calls.calls():
            raise self.fail(("name",), f"{self.name!r} is a function that the kernel has: call the action otherwise")
        if self.keyspace.use("state") is None:
            raise self.fail(
                (), 'an action changes a session, and the design has none: name it, [session] noun = "room"'
            )
        for name in self.more_keys:
            self.known(("keys",), name, SESSION_KEYS | self.keys, "key of the design")
        self.arguments = {**vocabulary.arguments(), **self.own_arguments()}
        entity = self.entity()
        fields = self.filled(entity)
        if not any(fields.get(part) for part in ("effects", "lua", "announces")):
            raise self.fail(
                (),
                f'{self.name} has neither effects nor own Lua, and no action of the catalog is like it: say effects, lua, or like = "objects.change"',
            )
        if not fields.get("announces") and fields.get("shows"):
            raise self.fail(
                ("shows",), f"{self.name} shows something and announces nothing: say announces = {self.name!r}"
            )
        kind = replace(
            self.kind(self.name, fields, ()),
            lua=self.one.lua,
            lua_file=self.one.lua_file,
            forms=dict(said.get("arguments", {})),
            declared=self.one.line(),
            like=self.base.id if self.base else "",
        )  # fmt: skip
        kind = replace(kind, use=next((use for use, _ in kind.keys.values()), ability.SESSION))
        keys = self.patterns(kind)
        self.check_forbidden(kind, keys)
        numbers = {p["name"]: self.line(("parameters", n)) for n, p in enumerate(said.get("parameters", ()))}
        return Declaration(kind, entity, keys, tuple(self.demands()), numbers)

    def own_arguments(self) -> dict[str, calls.Argument]:
        given = self.one.said.get("arguments", {})
        places: list[tuple[Path, str]] = [(("arguments", name), name) for name in given]
        places += [(("parameters", n), p["name"]) for n, p in enumerate(self.one.said.get("parameters", ()))]
        for at, name in places:
            if name in SESSION_ARGS:
                raise self.fail(at, f"{name!r} is a name that the kernel has: call yours otherwise")
            if name in vocabulary.arguments():
                raise self.fail(
                    at, f"{name!r} is an argument of the vocabulary: take it with takes, or call yours otherwise"
                )
        return vocabulary.own_arguments(given)

    def takes(self, at: Path, fields: Mapping[str, Any], words: Any) -> tuple[str, ...]:  # Any: as in Reader
        """Return what a caller gives: also arguments of its own that no guard and no effect reads."""
        found = super().takes(at, fields, words)
        return tuple(dict.fromkeys((*found, *self.one.said.get("arguments", {}))))

    def entity(self) -> str:
        """Return what the action is done to, as the documents call it."""
        wanted = self.one.said.get("on")
        names = [e.name for e in self.brief.entities]
        if wanted is None:
            own = [self.keyspace.pattern(self.homes[k]) for k in self.more_keys if k in self.homes]
            return next((cues.singular(p.entity) for p in own if p.entity), self.keyspace.session_noun)
        found = next(
            (e.name for e in self.brief.entities if any(cues.same(n, wanted) for n in (e.name, *e.aliases))), ""
        )
        if not found and not cues.same(wanted, self.keyspace.session_noun):
            self.known(("on",), wanted, names, "entity; add it under [entities], or take another one:")
        return cues.singular(found or wanted)

    def filled(self, entity: str) -> dict[str, Any]:  # Any: values of a TOML table
        """Return the fields as the catalog's actions have them, with what the entry leaves out."""
        said, base = self.one.said, self.base
        fields = dict(_as_written(base))
        if said.get("lua") or said.get("effects"):  # it does something else: only what it asks is taken over
            fields = {k: v for k, v in fields.items() if k not in _OF_EFFECTS}
        if "guards" in said:
            fields.pop("results", None)  # which say what the guards of the catalog's action answer
        fields |= {name: said[name] for name in _AS_SAID if name in said}
        fields["actors"] = [self.actor(a) for a in said.get("actor", ())] or fields.get("actors", ["member"])
        who = "a $member" if "member" in fields["actors"] else f"a {fields['actors'][0]}"
        fields.setdefault("says", f"{self.name.replace('_', ' ').capitalize()}, by {who}, on a $entity")
        fields.setdefault("announces", self.name if said.get("lua") or said.get("effects") else "")
        borrowed = base.borrowed if base else {}
        for local, (use, type_) in base.keys.items() if base else ():
            if local not in borrowed or use != ability.RECORDS:  # whose records those are, its mechanic knows
                self.local(local, use, type_, entity)
        absent = set(borrowed) - set(self.keys)
        for part in {"guards", "effects"} - set(said):
            fields[part] = [word for word in fields.get(part, ()) if word.get("key") not in absent]
        if self.base and (lacks := holding.lacking(self.base, self.keys, [*fields["guards"], *fields["effects"]])):
            raise self.fail(("like",), lacks)
        read = {str(v) for part in ("guards", "effects") for word in fields.get(part, ()) for v in word.values()}
        fields["parameters"] = list(self.numbers(fields.get("parameters", ()), read))
        return fields

    def numbers(self, base: Sequence[Mapping[str, Any]], read: set[str]) -> Iterator[dict[str, Any]]:  # Any: as above
        """Yield the numbers of the catalog's action that something reads, as the entry sets them, and the entry's own."""
        given = {p["name"]: (n, p) for n, p in enumerate(self.one.said.get("parameters", ()))}
        for known in base:
            if known["name"] in read or known["name"] in given:
                yield {**known, **given.pop(known["name"], (0, {}))[1]}
        for n, own in given.values():
            if missing := [field for field in ("unit", "says") if field not in own]:
                there = f"; {self.base.id} has {', '.join(p['name'] for p in base) or 'none'}" if self.base else ""
                says = f"{own['name']!r} is a number of its own, and says its {' and '.join(missing)} too{there}"
                raise self.fail(("parameters", n), says)
            yield dict(own)

    def actor(self, word: str) -> str:
        """Return the catalog's word for an actor that may be called as the documents or the team's roles do."""
        named = {role.name: role.like for role in self.brief.settled.roles} | {self.keyspace.member_noun: "member"}
        return next((like for name, like in named.items() if cues.same(word, name)), word)

    def role(self, path: Path, name: str) -> str:
        """Return the catalog's word for a role that may be called as the team's roles are."""
        role, own = self.actor(name), [role.name for role in self.brief.settled.roles]
        if role not in ROLES:
            self.known(path, name, (*ROLES, *own), "role")
        return role

    def local(self, name: str, use: str, type_: str, entity: str) -> None:
        """Take over a key of the catalog's action under its name there."""
        if name in self.keys or name in SESSION_KEYS:
            return
        fits = [p for p in self.keyspace.keys if p.use == use and p.type == type_]
        if use == ability.RECORDS and self.base:
            held = holding.key_of(self.base, self.one, entity, self.brief, self.keyspace)
            fits = [p for p in fits if p.name == held]
        fits.sort(key=lambda p: not any(cues.same(entity, e) for e in p.entities))
        if fits:
            self.keys[name], self.homes[name] = (use, type_), fits[0].name

    def patterns(self, kind: Kind) -> dict[str, str]:
        """Return the key pattern behind each key; raises where one lies in another slot than the session's."""
        found = {local: self.homes.get(local, local) for local in kind.keys}
        for local, name in found.items():
            pattern: KeyPattern = self.keyspace.pattern(name)
            if pattern.scope != "session":
                raise self.fail(
                    ("keys",),
                    f"{local} ({pattern.template}) lies in another slot than the session: an action changes keys of one slot; declare it with {{<session_id>}}",
                )
        return found

    def check_forbidden(self, kind: Kind, keys: Mapping[str, str]) -> None:
        """Raise where the event shows a value that goes into a key which a document forbids to show."""
        for effect in kind.effects:
            value, key = str(effect.options.get("value", "")), keys.get(str(effect.options.get("key", "")))
            forbids = self.keyspace.pattern(key).hidden if key else ""
            if forbids and value in kind.shows:
                raise self.fail(
                    ("shows",),
                    f"the event shows {value}, which is kept in {key}, and {forbids} forbids that others see it: take it out of shows and name it in hides",
                )

    def results(self, at: Path, fields: Mapping[str, Any], asked: Any) -> dict[str, str]:  # Any: as in Reader
        said = fields.get("results", {})
        if not fields.get("lua"):
            return super().results(at, fields, asked)
        usual = super().results(at, {**fields, "results": {}}, asked)
        for name in said:
            if name in ACCEPTED:
                raise self.fail(
                    (*at, "results", name), f"{name!r} is a result that the kernel gives: call this refusal otherwise"
                )
        return {**usual, **said}

    def demands(self) -> Iterable[Demand]:
        known = {place: r for r in self.brief.requirements for place in (r.id, f"{r.file}:{r.line}")}
        for n, place in enumerate(self.one.said.get("serves", ())):
            if place not in known:
                near = difflib.get_close_matches(place, known, 1)
                meant = f"did you mean {near[0]}?" if near else "`redis-plan read` lists them"
                raise self.fail(("serves", n), f"no demand is at {place}; {meant}")
            yield Demand(known[place].id, known[place].file, known[place].line)


@cache
def _mechanic(name: str) -> Mapping[str, Any]:  # Any: a TOML table
    return tomllib.loads((catalog_dir() / "mechanics" / f"{name}.toml").read_text("utf-8"))


def _as_written(kind: Kind | None) -> Mapping[str, Any]:  # Any: a TOML table
    """Return an action of the catalog as its file says it, without what is the catalog's alone."""
    if kind is None:
        return {}
    return {k: v for k, v in _mechanic(kind.mechanic)["action"][kind.name].items() if k not in _NOT_TAKEN}


@cache
def _kernel_names() -> frozenset[str]:
    text = functions.kernel()
    return frozenset(
        n
        for names in re.findall(r"^local (?:function )?([\w, ]+?)(?:\(| =)", text, re.MULTILINE)
        for n in names.split(", ")
    )


def _lua_faults(one: Declared, kind: Kind, brief: Brief, keyspace: Keyspace) -> list[Fault]:
    """Return what is wrong with the own Lua of an action."""
    if not kind.lua:
        return []
    own = [shown.partition(" ")[2] for shown in kind.shows if shown.startswith("own ")]
    bounds = {p.name.replace("-", "_"): p.max_elements for p in keyspace.keys}
    scope = own_lua.Scope(
        keys={name: type_ for name, (_, type_) in kind.keys.items()},
        arguments=frozenset((*kind.takes, *(p.name for p in kind.parameters))),
        results=frozenset(kind.results) - set(ACCEPTED),
        shows=frozenset(own),
        hides=frozenset(kind.hides),
        bounds=bounds,
        reads_only=frozenset(SESSION_KEYS),
        kernel=_kernel_names(),
        server=versions.stack_server(brief),
    )
    return [Fault(one.lua_file, line, says) for line, says in own_lua.faults(kind.lua, scope)]


def _unreached(made: Iterable[tuple[Declared, Declaration]]) -> dict[str, Fault]:
    """Return the declared actions that wait for a phase which no action reaches, by name."""
    every = list(made)
    kinds = (*catalog.kinds().values(), *(d.kind for _, d in every))
    reached = {catalog.FIRST_PHASE, *(str(e.options["to"]) for k in kinds for e in k.effects if e.name == "phase")}
    found = {}
    for one, declaration in every:
        name = declaration.kind.name
        for n, guard in enumerate(one.said.get("guards", ())):
            asked = guard.get("is", ()) if guard["guard"] == "phase" else ()
            for phase in (asked,) if isinstance(asked, str) else asked:
                if phase not in reached:
                    near = difflib.get_close_matches(phase, sorted(reached), 1)
                    meant = f"did you mean {near[0]}?" if near else f"there is {', '.join(sorted(reached))}"
                    says = f"{name} waits for the phase {phase!r}, which no action reaches; {meant}"
                    found[name] = Fault(FILE, one.line("guards", n), says)
    return found
