"""Operations: each function of the library as a method of a client, in terms that any language can render.

The contract in the Lua comments (KEYS, ARGV, Reply) is the only source; how an argument is offered is data
(``data/catalog/delivery/arguments.toml``).
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache

from redis_plan.brief.model import Brief
from redis_plan.delivery import library
from redis_plan.delivery.artefact import plain, serves
from redis_plan.keyspace import functions, naming, records
from redis_plan.keyspace.functions import Function
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.resources import catalog_dir

#: Alternative commands of a recorded collection: (command, method prefix, takes a value), by type.
_REMOVE = {"hash": "HDEL", "zset": "ZREM", "set": "SREM"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a caller gives: ``kind`` is id, text, int, number, json, fields, op or flag; ``default`` "" is required."""

    name: str
    kind: str
    default: str = ""
    says: str = ""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of the function: a parameter, a constant, or a literal."""

    kind: str  # parameter | constant | literal | connection | member | channel | once
    name: str = ""
    of: str = ""  # the pattern whose constant it is, or the parameter's kind


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the call: the builder's pattern, and the parameter behind each placeholder."""

    pattern: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of the client."""

    method: str
    function: Function
    about: str
    requirements: str
    parameters: tuple[Parameter, ...]
    keys: tuple[Key, ...]
    arguments: tuple[Argument, ...]
    takes_more: bool = False  # whether the session's other keys, and ``also``, follow

    @property
    def required(self) -> tuple[Parameter, ...]:
        """The parameters without a default."""
        return tuple(p for p in self.parameters if not p.default)

    @property
    def optional(self) -> tuple[Parameter, ...]:
        """The parameters with a default."""
        return tuple(p for p in self.parameters if p.default)


@cache
def offered() -> dict[str, dict[str, str]]:
    """Return the catalog's table of arguments, by name."""
    table: dict[str, dict[str, str]] = tomllib.loads(
        (catalog_dir() / "delivery" / "arguments.toml").read_text("utf-8")
    )["argument"]
    return table


def operations(brief: Brief, keyspace: Keyspace) -> tuple[Operation, ...]:
    """Return the methods of the client, in the order of the library."""
    found: list[Operation] = []
    for step in library.steps(keyspace):
        if step.function.name == records.NAME:
            for pattern in step.patterns:
                found += _records(step.function, pattern, brief)
        elif step.function.name == "session_drop":
            found += [_drop(step.function, pattern, brief) for pattern in step.patterns]
        elif step.of_session:
            found.append(_of_session(step.function, brief, keyspace))
        else:
            found += [_common(step.function, pattern, brief) for pattern in step.patterns]
    return tuple(found)


def identifier(name: str) -> str:
    """Return a pattern's name as an identifier in lower case with underscores."""
    return name.replace("-", "_")


def _words(args: str) -> list[str]:
    """Return the names in an ARGV line; ``[field value]...`` is one."""
    return [w.strip("[]") for w in re.findall(r"\[[^\]]+\]|\w+", args)] if args != "(none)" else []


def _of_session(function: Function, brief: Brief, keyspace: Keyspace) -> Operation:
    parameters, arguments = [Parameter("session_id", "id", says="the session")], []
    for word in _words(function.args):
        added, argument = _argument(word, "state")
        if word == "member" and function.name == "session_leave":
            added[1] = replace(
                added[1], default="none", says="this connection only; none: the seat with all its connections"
            )
        if word == "epoch" and function.name == "session_catch_up":
            added = [Parameter("epoch", "text", says="epoch that the client has; empty where it has none")]
        parameters += added
        arguments.append(argument)
    patterns = [p for p in keyspace.keys if function.name in p.functions]
    return Operation(
        method=function.name.removeprefix("session_"),
        function=function,
        about=f"Answer: {plain(function.returns)}",
        requirements=serves(brief, [r for p in patterns for r in p.requirements]),
        parameters=tuple(parameters),
        keys=tuple(_key(keyspace.pattern(name)) for name in function.keys),
        arguments=tuple(arguments),
        takes_more=function.more_keys,
    )


def _key(pattern: KeyPattern) -> Key:
    return Key(pattern.name, naming.placeholders(pattern.template))


def _argument(word: str, pattern: str) -> tuple[list[Parameter], Argument]:
    """Return what the caller gives for an argument, and the argument."""
    about = offered()[word]
    if constant := about.get("constant"):
        kind, _, of = constant.partition(":")
        return [], Argument("channel") if kind == "channel" else Argument("constant", kind, of or pattern)
    if about["kind"] == "connection":
        member = Parameter("member_id", "id", says="who: the seat belongs to this id")
        return [member, Parameter("connection", "id", says="which socket")], Argument("connection")
    name = "fields" if about["kind"] == "fields" else word
    kind = "text" if about["kind"] == "op" else about["kind"]
    default = about.get("default", "none" if about["kind"] in ("op", "fields") else "")
    return [Parameter(name, kind, default, about["says"])], Argument("parameter", name, kind)


def _records(function: Function, pattern: KeyPattern, brief: Brief) -> list[Operation]:
    """Return the changes of one collection: write an element and, but for lists, remove one."""
    command, name = records.command_for(pattern), identifier(pattern.name)
    further = [p for p in naming.placeholders(pattern.template) if p != "session_id"]
    ids = [
        Parameter("session_id", "id", says="the session"),
        *(Parameter(f, "id", says=f"which {f.removesuffix('_id')}") for f in further),
    ]
    says = f"{plain(pattern.holds)}. Answer: {plain(function.returns)}"

    def made(method: str, command: str, value: Parameter | None) -> Operation:
        parameters, arguments = list(ids), []
        for word in _words(function.args):
            if word == "command":
                once = command == "HSET"
                arguments.append(Argument("once" if once else "literal", command))
                parameters += (
                    [Parameter("once", "flag", "none", "refuse to replace what is there: `taken`")] if once else []
                )
            elif word == "element":
                parameters.insert(len(ids), Parameter("element", "text", says=offered()["element"]["says"]))
                arguments.append(Argument("parameter", "element", "text"))
            elif word == "value":
                if value:
                    parameters.insert(len(ids) + 1, value)
                    arguments.append(Argument("parameter", value.name, value.kind))
            elif word == "type":
                parameters.append(Parameter("event", "text", f"={pattern.name}", offered()["type"]["says"]))
                arguments.append(Argument("parameter", "event", "text"))
            else:
                added, argument = _argument(word, "state" if word != "most" else pattern.name)
                parameters += [replace(p, default=p.default or "none") for p in added]
                arguments.append(argument)
        keys = (
            Key("state", ("session_id",)),
            Key("log", ("session_id",)),
            Key("idem", ("session_id", "op_id")),
            _key(pattern),
        )
        return Operation(
            method, function, says, serves(brief, pattern.requirements), tuple(parameters), keys, tuple(arguments)
        )

    number = Parameter("value", "number", says="how much it changes by, or its score")
    kinds = {"HSET": Parameter("value", "text", says="what it holds"), "HINCRBY": Parameter("value", "int", says="by how much it changes"),
             "ZADD": number, "ZINCRBY": number}  # fmt: skip
    found = [made(f"record_{name}", command, kinds.get(command))]
    if removal := _REMOVE.get(pattern.type):
        found.append(made(f"remove_{name}", removal, None))
    return found


def _drop(function: Function, pattern: KeyPattern, brief: Brief) -> Operation:
    ids = naming.placeholders(pattern.template)
    parameters = tuple(Parameter(i, "id", says="the session" if i == "session_id" else "which one") for i in ids)
    keys = (Key("state", ("session_id",)), _key(pattern))
    about = f"Answer: {plain(function.returns)}"
    return Operation(
        f"drop_{identifier(pattern.name)}", function, about, serves(brief, pattern.requirements), parameters, keys, ()
    )


def _common(function: Function, pattern: KeyPattern, brief: Brief) -> Operation:
    verb = function.name.partition("_")[2]
    ids = naming.placeholders(pattern.template)
    parameters: list[Parameter] = []
    keys: list[Key] = []
    for word in function.keys:
        if word in ("from", "to"):  # two keys of one pattern: the last id is another
            own = tuple(f"{word}_{i}" if i == ids[-1] else i for i in ids)
            keys.append(Key(pattern.name, own))
        else:
            own = tuple(ids)
            keys.append(
                Key(
                    pattern.name if word == "target" else word, own if word in ("target", pattern.name) else ids_of(own)
                )
            )
        parameters += [
            Parameter(i, "id", says="part of the name") for i in own if i not in {p.name for p in parameters}
        ]
    arguments = []
    for word in _words(function.args):
        added, argument = _argument(word, pattern.name)
        parameters += [replace(p, default="") if p.kind == "fields" else p for p in added]
        arguments.append(argument)
    method = f"{verb}_{identifier(pattern.name)}"
    about = f"{plain(pattern.holds)}. Answer: {plain(function.returns)}"
    return Operation(
        method, function, about, serves(brief, pattern.requirements), tuple(parameters), tuple(keys), tuple(arguments)
    )


def ids_of(ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ids that another key of the same use shares: all but the thing's own."""
    return ids[:1] if len(ids) > 1 else ids


def session_others(keyspace: Keyspace) -> tuple[KeyPattern, ...]:
    """Return the session's keys whose TTL every function refreshes, those with an id of their own left out."""
    if functions.missing(keyspace):
        return ()
    return tuple(
        p
        for p in keyspace.keys
        if p.scope == "session" and p.ttl.policy == "sliding" and set(naming.placeholders(p.template)) <= {"session_id"}
    )
