"""Calls: the one definition of each function, from which Lua, clients, access rules and documentation are made.

The definitions are ``data/catalog/functions/calls.toml``; its head says what each field means.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from redis_plan.resources import catalog_dir

#: Replies that are no named result, as the documentation says them.
SHAPES: Mapping[str, str] = {
    "count": "the number",
    "names": "the names",
    "claims": "entry, claimed_until, entry, claimed_until …",
    "caught_up": '{"delta", version, event…}, {"snapshot", version, epoch, field, value…} or {"gone"}',
    "snapshot": '{"snapshot", version, epoch, role, {field, value…}, a collection…} or {"gone"}',
    "removed": '{result} or {"unnamed", part…}',
}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a function; the fields are those of the file."""

    name: str
    check: str
    says: str
    kind: str = ""
    constant: str = ""
    default: str = ""
    absent: str = ""
    example: str = ""
    of: str = ""  # the argument that the clients make it of, instead of asking for it


@dataclass(frozen=True, slots=True)
class Call:
    """One function as everybody who calls it must know it."""

    name: str
    says: str
    keys: tuple[tuple[str, str], ...]  # name and type
    args: tuple[Argument, ...]
    rest: Argument | None
    results: Mapping[str, str]
    users: tuple[str, ...]
    number: str = ""
    shape: str = ""
    more: bool = False
    flags: tuple[str, ...] = ()
    serves: tuple[tuple[str, str], ...] = ()
    session: bool | None = None  # whether it is of a session, where its name does not say so
    shows: tuple[str, ...] = ()  # keys whose type its body finds out before it has written anything

    @property
    def of_session(self) -> bool:
        """Whether it reads or changes a session's state."""
        return self.name.startswith("session_") if self.session is None else self.session

    @property
    def reply(self) -> str:
        """The shape of the reply: ``result``, ``numbered``, or one of :data:`SHAPES`."""
        return self.shape or ("numbered" if self.number else "result")

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """Every argument, the rest last."""
        return (*self.args, self.rest) if self.rest else self.args

    @property
    def argv(self) -> str:
        """ARGV in one line; optional arguments in brackets."""
        words = [f"[{a.name}]" if a.absent else a.name for a in self.args]
        if self.rest:
            words.append("[field value]..." if self.rest.kind == "fields" else f"[{self.rest.name}]")
        return " ".join(words) or "(none)"

    def ordered(self, given: Mapping[str, Any], *rest: object) -> list[Any]:  # Any: texts and numbers
        """Return ARGV: of the values by name those that the function takes, in its order, then ``rest``.

        Raises ``KeyError`` for an argument that is missing; an optional one is left to the function.
        """
        return [*(given.get(a.name, a.absent) if a.absent else given[a.name] for a in self.args), *rest]

    @property
    def returns(self) -> str:
        """What it does and answers, in one sentence each."""
        named = "; ".join(f'"{name}": {about}' for name, about in self.results.items())
        answer = f"{{{self.number}, result}}" if self.number else SHAPES.get(self.shape, "the result")
        return f"{self.says}. Answers {answer}{f'. {named}' if named else ''}."


@dataclass(frozen=True, slots=True)
class Error:
    """What a call may be refused with; nothing has been written then."""

    name: str
    code: str  # pattern of how the server's message begins
    says: str
    python: str = ""  # the same, with the classes of redis-py that have taken it off
    passes: bool = False  # whether the same call may pass soon


@cache
def errors() -> tuple[Error, ...]:
    """Return every error that a call may be refused with."""
    return tuple(
        Error(name, e["code"], e["says"], "|".join(filter(None, (e["code"], e.get("python")))), e.get("passes", False))
        for name, e in _file()["error"].items()
    )


@cache
def arguments() -> Mapping[str, Argument]:
    """Return every argument by name."""
    return {name: Argument(name=name, **fields) for name, fields in _file()["argument"].items()}


@cache
def calls() -> Mapping[str, Call]:
    """Return every definition by the function's name, in the order of the file."""
    return {name: _call(name, fields) for name, fields in _file()["call"].items()}


@cache
def orders() -> Mapping[str, tuple[str, ...]]:
    """Return the names of each function's arguments in the order of ARGV, for a process that has no catalog."""
    return {name: tuple(a.name for a in call.args) for name, call in calls().items()}


def _call(name: str, fields: Mapping[str, Any]) -> Call:  # Any: values of a TOML table
    known = arguments()
    return Call(
        name=name,
        says=fields["says"],
        keys=tuple(_pairs(fields["keys"])),
        args=tuple(known[a] for a in fields["args"]),
        rest=known[fields["rest"]] if "rest" in fields else None,
        results=fields.get("results", {}),
        users=tuple(fields["users"]),
        number=fields.get("number", ""),
        shape=fields.get("shape", ""),
        more=fields.get("more", False),
        flags=tuple(fields.get("flags", ())),
        serves=tuple(_pairs(fields.get("serves", ()))),
        shows=tuple(fields.get("shows", ())),
    )


def _pairs(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in texts:
        first, _, second = text.partition(" ")
        yield first, second


@cache
def _file() -> Mapping[str, Any]:  # Any: a TOML table
    return tomllib.loads((catalog_dir() / "functions" / "calls.toml").read_text("utf-8"))


#: Checks of arguments that say more than their text does, or another one in each call.
_EACH_ITS_OWN = ("channel", "epoch", "bytes")


def lua_table(
    call: Call,
    runs: Iterable[str],
    by_form: Mapping[str, Iterable[str]],
    name: str,
    asks: str = "",
    reads: Iterable[str] = (),
) -> str:
    """Return the definition as kernel.lua takes it.

    ``runs`` are the commands that are checked before the body, ``by_form`` those of one form of the log, ``reads`` those
    that Redis refuses before anything is written; ``asks`` names further fields of the state.
    """

    def argument(a: Argument) -> str:
        absent = f", {_quoted(a.absent)}" if a.absent else ""
        same = (
            ", same = true" if a.check not in _EACH_ITS_OWN and (a.constant or a.default or a.check == "event") else ""
        )
        return f"{{{_quoted(a.name)}, check_{a.check}{absent}{same}}}"

    found_out = {"state", "idem"} if call.of_session else set()  # by who reads them
    places = [(n, name) for n, (name, kind) in enumerate(call.keys, 1) if kind != "any" and name not in found_out]
    fits = [str(n) for n, name in places if name not in call.shows]
    shows = [str(n) for n, name in places if name in call.shows]
    lines = [f"name = {_quoted(call.name)}, types = {{{', '.join(_quoted(kind) for _, kind in call.keys)}}},"]
    lines += [f"fits = {{{', '.join(fits)}}}," + (f" shows = {{{', '.join(shows)}}}," if call.of_session else "")]
    lines += ["more = true,"] if call.more else []
    lines += [f"args = {{{', '.join(argument(a) for a in call.args)}}},"]
    lines += [f"given = {{}}, last = {{{', '.join('false' for _ in call.args)}}},"]
    lines += [f"rest = {{{_quoted(call.rest.name)}, check_rest_{call.rest.check}}},"] if call.rest else []
    if asks:
        fields = f"{{'epoch', 'version', 'status', {asks}}}"
        lines += [f"asks_of = function(a) return {fields} end," if "a." in asks else f"asks = {fields},"]
    lines += [f"runs = {_list(runs)}," + (f" reads = {_list(reads)}," if call.of_session else "")]
    forms = [f"{form} = {_list(commands)}" for form, commands in by_form.items()]
    lines += [f"by_form = {{{', '.join(forms)}}},"] if any(by_form.values()) else []
    return f"local {name.upper()} = {{\n" + "".join(f"  {line}\n" for line in lines) + "}"


def lua_comment(call: Call) -> str:
    """Return the documentation of ``call`` as Lua comments: what it does, KEYS, ARGV and every result."""
    lines = [f"{call.says}."]
    lines += [f"KEYS {' '.join(name if kind in (name, 'any') else f'{name} ({kind})' for name, kind in call.keys)}"]
    if call.more:
        lines[-1] += " and the session's other keys"
    lines += [f"ARGV {call.argv}"]
    lines += [f"  {a.name}: {a.says}" for a in call.arguments]
    lines += [
        f"Answers {{{call.number}, result}}:" if call.number else f"Answers {SHAPES.get(call.shape, 'a result')}:"
    ]
    lines += [f'  "{name}": {about}' for name, about in call.results.items()]
    if not call.results:
        lines[-1] = lines[-1].removesuffix(":") + "."
    return "\n".join(f"-- {line}" for line in lines)


def _list(words: Iterable[str]) -> str:
    return f"{{{', '.join(_quoted(word) for word in sorted(words))}}}"


def _quoted(text: str) -> str:
    return "'" + text + "'"
