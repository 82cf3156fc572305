"""Reading a mechanic: every word of its file is checked, and what is wrong is one line with file and line.

An unknown guard or effect, an option that it lacks or does not know, an effect that the key's type can't do, a value that
is hidden and announced.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from redis_plan.actions.model import (
    ACTORS,
    LEADERS,
    ROLES,
    Effect,
    Guard,
    Kind,
    Mechanic,
    Option,
    Parameter,
    Timer,
    many,
)
from redis_plan.actions.vocabulary import Word, arguments, effects, guards, shown
from redis_plan.brief.overrides.positions import Path, line_of, positions
from redis_plan.errors import InputError
from redis_plan.keyspace import calls
from redis_plan.keyspace.calls import Argument
from redis_plan.keyspace.catalog import use_patterns
from redis_plan.keyspace.model import Leavers
from redis_plan.resources import catalog_dir

#: Keys that every session has, whatever its mechanics: they may be named without being listed in ``[keys]``.
SESSION_KEYS: dict[str, tuple[str, str]] = {"roster": ("roster", "hash"), "presence": ("presence", "zset")}
#: What an action answers beside its guards' refusals.
ACCEPTED: Mapping[str, str] = {
    "ok": "applied; the only result that wrote",
    "duplicate": "this operation was applied before in this epoch, as the version given",
    "ended": "the session has ended",
    "gone": "there is no session",
}
_FIELDS = {"verbs", "says", "actors", "guards", "effects", "takes", "announces", "audience", "shows", "hides", "timers",
           "parameters", "results", "examples", "call", "instead",
           "without_session"}  # fmt: skip
_PARAMETER = {"name", "unit", "says", "default", "fact", "roles"}


#: A guard or effect with its options, and the result's name where the action gives it one.
_Said = tuple[Word, Mapping[str, Option], str]


def read(text: str, file: str) -> Mechanic:
    """Return the mechanic that ``text`` declares; ``file`` is how errors name it."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file}: {error}") from None
    return Reader(table, text, file).mechanic()


@cache
def _facts() -> frozenset[str]:
    return frozenset(tomllib.loads((catalog_dir() / "facts.toml").read_text("utf-8")))


class Reader:
    """One file on its way to a mechanic."""

    #: What a key that an action names belongs to.
    keys_of = "mechanic"
    fields = _FIELDS
    more_keys: tuple[str, ...] = ()  # which an action touches beside those of its guards and effects

    def __init__(self, table: Mapping[str, Any], text: str, file: str) -> None:  # Any: a TOML table
        self.table, self.file, self.where = table, file, positions(text)
        self.keys: dict[str, tuple[str, str]] = {}
        self.borrowed: dict[str, str] = {}  # keys of other mechanics: which
        self.arguments: Mapping[str, Argument] = arguments()

    def line(self, path: Path) -> int:
        """Return the line on which ``path`` stands."""
        return line_of(self.where, path)

    def fail(self, path: Path, what: str) -> InputError:
        """Return the error that says what is wrong at ``path``."""
        return InputError(f"{self.file}:{self.line(path)}: {what}")

    def mechanic(self) -> Mechanic:
        """Return the mechanic that the file declares."""
        top = {"mechanic", "use", "title", "invariants", "keys", "leavers", "action"}
        for name in self.table:
            self.known((name,), name, top, "field")
        for name in ("mechanic", "use", "title"):
            if not isinstance(self.table.get(name), str):
                raise self.fail((name,), f"{name} is missing: a mechanic says it in one text")
        uses = {pattern.use for pattern in use_patterns()} | {"session"}
        self.known(("use",), self.table["use"], uses, "use pattern")
        types = {"string", "hash", "list", "set", "zset", "stream"}
        for name, value in self.table.get("keys", {}).items():
            said, _, mechanic = value.partition(" of ")
            use, _, kind = said.partition(" ")
            self.known(("keys", name), use, uses, "use pattern")
            self.known(("keys", name), kind, types, "type")
            self.keys[name] = (use, kind)
            if mechanic:
                self.borrowed[name] = mechanic
        actions = self.table.get("action", {})
        made = {name: self.kind(name, self.with_base(name, actions)) for name in actions}
        invariants = tuple(self.table.get("invariants", ()))
        own = {name: key for name, key in self.keys.items() if name not in self.borrowed}
        return Mechanic(
            self.table["mechanic"], self.table["use"], self.table["title"], own, invariants, made, self.file,
            self.leavers(own, made.values()),
        )  # fmt: skip

    def leavers(self, own: Mapping[str, tuple[str, str]], kinds: Iterable[Kind]) -> Mapping[str, Leavers]:
        """Return of each key in which a member has an entry whether it goes with who leaves; raises where it is not said."""
        said: Mapping[str, Leavers] = self.table.get("leavers", {})
        for name, word in said.items():
            self.known(("leavers", name), name, own, "key")
            self.known(("leavers", name), word, ("go", "stay"), "word")
        for kind in kinds:
            for name in kind.of_members:
                if name in own and name not in said:
                    raise self.fail(
                        ("action", kind.name),
                        f"action {kind.name} writes an entry of a member into {name}: say under leavers whether it is to go "
                        f'with who leaves or to stay, leavers = {{ {name} = "go" }}',
                    )
        return said

    def with_base(self, name: str, actions: Mapping[str, Any]) -> Mapping[str, Any]:  # Any: values of a TOML table
        """Return what the action ``name`` says, and what it leaves to the one whose place it takes."""
        fields: Mapping[str, Any] = actions[name]
        if not (base := fields.get("instead")):
            return fields
        self.known(("action", name, "instead"), base, set(actions) - {name}, "action of the mechanic")
        return {**{field: said for field, said in actions[base].items() if field != "examples"}, **fields}

    def known(self, path: Path, word: str, there: Iterable[str], what: str) -> None:
        """Raise where ``word`` is none of ``there``, with the nearest one."""
        choice = sorted(there)
        if word not in choice:
            near = difflib.get_close_matches(word, choice, 1)
            meant = f"did you mean {near[0]}?" if near else f"there is {', '.join(choice)}"
            raise self.fail(path, f"unknown {what} {word!r}; {meant}")

    def kind(self, name: str, fields: Mapping[str, Any], at: Path | None = None) -> Kind:  # Any: values of a TOML table
        """Return the action ``name``, which stands ``at`` a place of the file; raises where a word of it is wrong."""
        at = ("action", name) if at is None else at
        for field in fields:
            self.known((*at, field), field, self.fields, "field")
        for field in ("says", "actors"):
            if not fields.get(field):
                raise self.fail(at, f"action {name} does not say its {field}")
        for actor in fields["actors"]:
            self.known((*at, "actors"), actor, ACTORS, "actor")
        if fields.get("call"):
            self.known((*at, "call"), fields["call"], calls.calls(), "function of calls.toml")
        parameters = self.parameters(at, fields.get("parameters", ()))
        given = {p.name for p in parameters}
        every = self.with_actors(fields)
        first = len(fields.get("guards", ())) - len(every)  # what is added in front stands nowhere
        asked = [self.word(at, "guards", n, g, guards(), given) for n, g in enumerate(every, first)]
        done = [self.word(at, "effects", n, e, effects(), given) for n, e in enumerate(fields.get("effects", ()))]
        if not done and not any(fields.get(other) for other in ("call", "announces", "lua")):
            raise self.fail(
                at,
                f"action {name} has no effect and announces nothing: give it effects, or the call that carries it out",
            )
        takes = self.takes(at, fields, [*asked, *done])
        touched = self.touched([*asked, *done])
        kind = Kind(
            name=name,
            mechanic=self.table["mechanic"],
            use=self.table["use"],
            line=self.line(at),
            says=fields["says"],
            verbs=tuple(fields.get("verbs", ())),
            actors=tuple(fields["actors"]),
            keys=touched,
            borrowed={local: of for local, of in self.borrowed.items() if local in touched},
            guards=tuple(Guard(w.name, o, answer or w.answer) for w, o, answer in asked),
            effects=tuple(Effect(w.name, o) for w, o, _ in done),
            takes=takes,
            parameters=parameters,
            announces=fields.get("announces", ""),
            audience=fields.get("audience", "all"),
            shows=tuple(fields.get("shows", ())),
            hides=tuple(fields.get("hides", ())),
            timers=tuple(self.timer(at, n, t, given) for n, t in enumerate(fields.get("timers", ()))),
            results=self.results(at, fields, asked),
            examples=tuple(fields.get("examples", ())),
            call=fields.get("call", ""),
            lua=fields.get("lua", ""),
            instead=f"{self.table['mechanic']}.{base}" if (base := fields.get("instead")) else "",
            without_session=fields.get("without_session", ""),
        )
        self.check_hidden(at, kind)
        return kind

    def with_actors(self, fields: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:  # Any: values of a TOML table
        """Return the guards, in front the one that the actors ask for: a role, or a seat."""
        said = list(fields.get("guards", ()))
        leads = [LEADERS[a] for a in fields["actors"] if a in LEADERS]
        if fields.get("call") or any(g.get("guard") in ("seat", "role") for g in said):
            return said
        if "member" in fields["actors"]:
            return [{"guard": "seat"}, *said]
        return [{"guard": "role", "is": leads}, *said] if leads else said

    def parameters(self, at: Path, said: Sequence[Mapping[str, Any]]) -> tuple[Parameter, ...]:  # Any: a TOML table
        """Return the numbers that a project may set."""
        found = []
        for number, fields in enumerate(said):
            path = (*at, "parameters", number)
            for field in fields:
                self.known(path, field, _PARAMETER, "field of a parameter")
            for field in ("name", "unit", "says", "default"):
                if field not in fields:
                    raise self.fail(path, f"a parameter says name, unit, says and default; {field} is missing")
            if fact := fields.get("fact"):
                self.known(path, fact, _facts(), "fact")
            found.append(Parameter(**{**fields, "roles": tuple(fields.get("roles", ()))}))
        return tuple(found)

    def word(
        self, at: Path, part: str, number: int, said: Mapping[str, Any], there: Mapping[str, Word], parameters: set[str]
    ) -> _Said:  # Any: a TOML table
        """Return a guard or effect with its options, and the result's name where the action gives it one."""
        form = part.removesuffix("s")
        path = (*at, part, number)
        if form not in said:
            raise self.fail(path, f"each of {part} names its {form}, such as {{ {form} = {sorted(there)[0]!r} }}")
        self.known(path, said[form], there, form)
        word = there[said[form]]
        options = {o: tuple(v) if isinstance(v, list) else str(v) for o, v in said.items() if o not in (form, "answer")}
        for option in options:
            self.known(path, option, word.options, f"option of {form} {word.name}")
        for option, kind in word.options.items():
            if kind == "roles" and option in options:
                options[option] = tuple(self.role(path, role) for role in many(options[option]))
            if option in options:
                self.option(path, word, option, kind.removesuffix("?"), options[option], parameters)
            elif not kind.endswith("?"):
                raise self.fail(path, f"{form} {word.name} needs {option}: {word.says}")
        return word, options, said.get("answer", "")

    def option(self, path: Path, word: Word, option: str, kind: str, value: Option, parameters: set[str]) -> None:
        """Raise where an option's value is not of its kind."""
        checks: Mapping[str, Callable[[str], None]] = {
            "key": lambda v: self.key(path, word, v),
            "argument": lambda v: self.known(path, v, self.arguments, "argument"),
            "value": lambda v: None if v.startswith("=") else self.known(path, v, self.arguments, "argument"),
            "parameter": lambda v: self.known(path, v, parameters, "parameter of the action"),
        }
        if kind not in ("words", "roles") and not isinstance(value, str):
            raise self.fail(path, f"{option} of {word.name} is one word, not a list")
        if kind in checks:
            checks[kind](str(value))

    def role(self, path: Path, name: str) -> str:
        """Return the catalog's word for a role; raises where there is no such role."""
        self.known(path, name, ROLES, "role")
        return name

    def key(self, path: Path, word: Word, name: str) -> None:
        """Raise where there is no such key, or the word can't do its type."""
        there = SESSION_KEYS | self.keys
        self.known(path, name, there, f"key of the {self.keys_of}")
        if there[name][1] not in word.types:
            can = " or a ".join(word.types)
            raise self.fail(
                path, f"{word.form} {word.name} can't do a {there[name][1]}: {name} would have to be a {can}"
            )

    def touched(self, words: Iterable[_Said]) -> dict[str, tuple[str, str]]:
        """Return the keys that guards and effects name, in their order, the session's own first."""
        made = list(words)
        session = {name for word, _, _ in made for name in word.session}
        named = {str(options["key"]) for _, options, _ in made if "key" in options} | set(self.more_keys)
        return {name: key for name, key in (SESSION_KEYS | self.keys).items() if name in session | named}

    def takes(
        self, at: Path, fields: Mapping[str, Any], words: Sequence[_Said]
    ) -> tuple[str, ...]:  # Any: values of a TOML table
        """Return what the caller gives: the actor, what guards and effects read, and what the action names itself."""
        found = ["member"] if set(fields["actors"]) - {"worker"} and not fields.get("call") else []
        for word, options, _ in words:
            found += word.takes
            for option, kind in word.options.items():
                value = str(options.get(option, ""))
                if kind.removesuffix("?") in ("argument", "value") and value and not value.startswith("="):
                    found.append(value)
        for name in fields.get("takes", ()):
            self.known((*at, "takes"), name, self.arguments, "argument")
            found.append(name)
        return tuple(name for name in self.arguments if name in found)

    def timer(self, at: Path, number: int, said: Mapping[str, Any], given: set[str]) -> Timer:  # Any: a TOML table
        """Return what the action does to a deadline."""
        path = (*at, "timers", number)
        for does in ("sets", "pauses", "cancels"):
            if does in said:
                if "after" in said:
                    self.known(path, said["after"], given, "parameter of the action")
                return Timer(does, said[does], said.get("after", ""))
        raise self.fail(path, "a timer sets, pauses or cancels a field of the state")

    def results(
        self, at: Path, fields: Mapping[str, Any], asked: Sequence[_Said]
    ) -> dict[str, str]:  # Any: values of a TOML table
        """Return every named result with what it says: the action's words, else the vocabulary's."""
        if call := fields.get("call"):
            return dict(calls.calls()[call].results)
        usual = {**ACCEPTED, **{answer or word.answer: word.refused for word, _, answer in asked}}
        said = fields.get("results", {})
        for name in said:
            self.known((*at, "results", name), name, usual, "result: no guard gives it,")
        return {**usual, **said}

    def check_hidden(self, at: Path, kind: Kind) -> None:
        """Raise where what the action hides is in its event, or in a field that every snapshot holds."""
        for name in kind.hides:
            if name in kind.shows:
                raise self.fail(
                    (*at, "shows"), f"{name} is hidden and announced: take it out of shows, or out of hides"
                )
            for effect in kind.effects:
                field = str(effect.options.get("field", ""))
                if effect.name == "set" and effect.options.get("value") == name and not field.startswith("hidden:"):
                    raise self.fail(
                        (*at, "effects"), f"{name} is hidden, and {field} is in every snapshot: name it hidden:{field}"
                    )
        for name in kind.shows:
            what, _, of = name.partition(" ")
            if what == "count":
                self.known((*at, "shows"), of, SESSION_KEYS | self.keys, f"key of the {self.keys_of}")
            elif what == "own" and not kind.lua:
                raise self.fail((*at, "shows"), f"{name!r} is what own Lua puts into event, and the action has none")
            elif what not in ("field", "own"):
                self.known(
                    (*at, "shows"),
                    name,
                    {*kind.takes, *(p.name for p in kind.parameters), *shown()},
                    "thing to show",
                )
