"""Operations: each function of the library as a method of a client, in terms that any language can render.

What a function takes and answers is its definition (:mod:`redis_plan.keyspace.calls`); here it meets the project's keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from redis_plan.brief.model import Brief
from redis_plan.delivery import acting, commands, library, snapshots
from redis_plan.delivery.artefact import plain, serves
from redis_plan.keyspace import calls, functions, naming, periods, records
from redis_plan.keyspace.functions import Function
from redis_plan.keyspace.model import Bound, KeyPattern, Keyspace

_SESSION = "session_id"
#: What a caller gives of the session's fields by itself, since it is an id.
OWNER = "owner"


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

    kind: str  # parameter | constant | literal | connection | channel | once | folded
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
    kind: str = ""  # the kind of action that it is, "" where it is none

    @property
    def required(self) -> tuple[Parameter, ...]:
        """The parameters without a default."""
        return tuple(p for p in self.parameters if not p.default)

    @property
    def optional(self) -> tuple[Parameter, ...]:
        """The parameters with a default."""
        return tuple(p for p in self.parameters if p.default)

    @property
    def vacates(self) -> bool:
        """Whether it takes away what a member has only as long as the seat."""
        return any(a.name == "with_seat" for a in self.arguments)


def operations(brief: Brief, keyspace: Keyspace) -> tuple[Operation, ...]:
    """Return the methods of the client, in the order of the library."""
    found: list[Operation] = []
    for step in library.steps(keyspace):
        if step.function.name == records.NAME:
            for pattern in step.patterns:
                found += _records(step.function, pattern, brief)
        elif step.function.name == "session_drop":
            found += [_drop(step.function, pattern, brief) for pattern in step.patterns]
        elif step.function.name == snapshots.NAME:
            continue  # with the actions, whose collections it shows
        elif step.action:
            found.append(_action(step.function, step.action, brief, keyspace))
        elif step.of_session:
            found.append(_of_session(step.function, brief, keyspace))
        else:
            found += [_common(step.function, pattern, brief) for pattern in step.patterns]
    of = periods.periods(brief)
    return tuple(replace(o, parameters=tuple(_with_period(p, of) for p in o.parameters)) for o in found)


def _with_period(parameter: Parameter, of: Mapping[str, periods.Period]) -> Parameter:
    """Return the parameter with the milliseconds of the period that its default names (``period:claim``)."""
    kind, _, name = parameter.default.partition(":")
    return replace(parameter, default=str(of[name].ms)) if kind == "period" else parameter


def identifier(name: str) -> str:
    """Return a pattern's name as an identifier in lower case with underscores."""
    return name.replace("-", "_")


def _of_session(function: Function, brief: Brief, keyspace: Keyspace) -> Operation:
    parameters, arguments = [Parameter(_SESSION, "id", says="the session")], []
    for given in function.call.arguments:
        added, argument = _argument(given, "state")
        if given.kind == "connection" and function.name == "session_leave":
            only = "this connection only; none: the seat with all its connections"
            added[1] = replace(added[1], default="none", says=only)
        if given.kind == "fields" and function.name == "session_create":
            parameters.append(Parameter(OWNER, "id", "none", "who leads it, as the actions compare it"))
        parameters += added
        arguments.append(argument)
    return Operation(
        method=function.name.removeprefix("session_"),
        function=function,
        about=plain(function.call.says),
        requirements=serves(brief, acting.asked_of(function.name, keyspace), 3),
        parameters=tuple(parameters),
        keys=tuple(_key(keyspace.pattern(name)) for name in function.keys),
        arguments=tuple(arguments),
        takes_more=function.more_keys,
    )


def _action(function: Function, action: Bound, brief: Brief, keyspace: Keyspace) -> Operation:
    """Return an action as a method: the session, what the kind takes, then the operation and the project's numbers."""
    parameters = {name: Parameter(name, "id", says="the session") for name in [_SESSION] if function.call.of_session}
    arguments = []
    for given in function.call.args:
        added, argument = _argument(given, "state")
        arguments.append(Argument("id", given.name) if given.kind == "id" else argument)
        parameters |= {p.name: p for p in added}
    keys = tuple(_key_of(keyspace.pattern(name), parameters) for name in function.keys)
    further = [Parameter(i, "id", says="part of the name") for k in keys for i in k.ids if i not in parameters]
    required = [p for p in parameters.values() if not p.default]
    return Operation(
        method=action.name,
        function=function,
        about=plain(function.call.says),
        requirements=serves(brief, action.requirements, 3),
        parameters=(*required, *further, *(p for p in parameters.values() if p.default)),
        keys=keys,
        arguments=tuple(arguments),
        takes_more=function.more_keys,
        kind=action.kind,
    )


#: What an action may be about, in the order in which a key's own id is one of them.
_SUBJECTS = ("round", "item", "object", "team")


def _key_of(pattern: KeyPattern, given: Mapping[str, Parameter]) -> Key:
    """Return a key of an action: ``<lot_id>`` is the lot, or the one thing that the action is about."""
    about = next((name for name in _SUBJECTS if name in given), "")

    def known(placeholder: str) -> str:
        word = placeholder.removesuffix("_id")
        if placeholder in given or word in given:
            return placeholder if placeholder in given else word
        return about or placeholder

    return Key(pattern.name, tuple(known(i) for i in naming.placeholders(pattern.template)))


def _key(pattern: KeyPattern) -> Key:
    return Key(pattern.name, naming.placeholders(pattern.template))


def _argument(given: calls.Argument, pattern: str) -> tuple[list[Parameter], Argument]:
    """Return what the caller gives for an argument, and the argument."""
    if given.constant:
        kind, _, of = given.constant.partition(":")
        return [], Argument("channel") if kind == "channel" else Argument("constant", kind, of or pattern)
    if given.of:
        return [], Argument("folded", given.of)
    if given.kind == "connection":
        member = Parameter("member_id", "id", says="who: the seat belongs to this id")
        return [member, Parameter("connection", "id", says="which socket")], Argument("connection")
    name = given.name.removeprefix("known_")
    kind = "text" if given.kind == "op" else given.kind
    default = given.default or ("none" if given.kind in ("op", "fields") else "")
    return [Parameter(name, kind, default, given.says)], Argument("parameter", name, kind)


def _ids(pattern: KeyPattern, says: str = "which {}") -> list[Parameter]:
    """Return the ids of a session's pattern as parameters, the session's first."""
    further = [p for p in naming.placeholders(pattern.template) if p != _SESSION]
    return [
        Parameter(_SESSION, "id", says="the session"),
        *(Parameter(f, "id", says=says.format(f.removesuffix("_id"))) for f in further),
    ]


#: What the caller gives as the value of a change, by its command.
_VALUES = {
    "HSET": Parameter("value", "text", says="what it holds"),
    "HINCRBY": Parameter("value", "int", says="by how much it changes"),
    "ZADD": Parameter("value", "number", says="its score"),
    "ZINCRBY": Parameter("value", "number", says="by how much its score changes"),
}


def _records(function: Function, pattern: KeyPattern, brief: Brief) -> list[Operation]:
    """Return the changes of one collection: write an element and, but for lists, remove one."""
    name = identifier(pattern.name)
    found = [_record(function, pattern, brief, f"record_{name}", records.command_for(pattern))]
    if removal := records.REMOVE.get(pattern.type):
        found.append(_record(function, pattern, brief, f"remove_{name}", removal))
    return found


def _record(function: Function, pattern: KeyPattern, brief: Brief, method: str, command: str) -> Operation:
    ids, value, arguments = _ids(pattern), _VALUES.get(command), []
    first, then = [Parameter("element", "text", says=calls.arguments()["element"].says)], []
    for given in function.call.arguments:
        match given.name:
            case "command" if command == "HSET":
                then.append(Parameter("once", "flag", "none", "refuse to replace what is there: taken"))
                arguments.append(Argument("once", "HSET"))
            case "command":
                arguments.append(Argument("literal", command))
            case "element":
                arguments.append(Argument("parameter", "element", "text"))
            case "value":
                first += [value] if value else []
                arguments += [Argument("parameter", value.name, value.kind)] if value else []
            case "data" if commands.counted(pattern):  # who sees the event may not see what it is about
                arguments.append(Argument("literal"))
            case "type":
                then.append(Parameter("event", "text", f"={pattern.name}", given.says))
                arguments.append(Argument("parameter", "event", "text"))
            case _:
                added, argument = _argument(given, pattern.name if given.name == "most" else "state")
                then += [replace(p, default=p.default or "none") for p in added]
                arguments.append(argument)
    keys = (Key("state", (_SESSION,)), Key("log", (_SESSION,)), Key("idem", (_SESSION,)), _key(pattern))
    removes = method.startswith("remove")  # beside its like, which says what the key holds
    about = (
        f"Remove one element of {pattern.name}"
        if removes
        else f"Write one element of {pattern.name}: {plain(pattern.holds)}"
    )
    return Operation(
        method, function, about, serves(brief, pattern.requirements, 3), (*ids, *first, *then), keys, tuple(arguments)
    )


def _drop(function: Function, pattern: KeyPattern, brief: Brief) -> Operation:
    keys = (Key("state", (_SESSION,)), _key(pattern))
    method, about = f"drop_{identifier(pattern.name)}", plain(function.call.says)
    return Operation(method, function, about, serves(brief, pattern.requirements, 3), tuple(_ids(pattern)), keys, ())


def _common(function: Function, pattern: KeyPattern, brief: Brief) -> Operation:
    ids = naming.placeholders(pattern.template)
    parameters: list[Parameter] = []
    keys: list[Key] = []
    for word in function.keys:
        if word in ("from", "to"):  # two keys of one pattern: the last id is another
            own = tuple(f"{word}_{i}" if i == ids[-1] else i for i in ids)
            keys.append(Key(pattern.name, own))
        else:
            own = tuple(ids)
            name = pattern.name if word == "target" else word
            keys.append(Key(name, own if word in ("target", pattern.name) else ids_of(own)))
        known = {p.name for p in parameters}
        parameters += [Parameter(i, "id", says="part of the name") for i in own if i not in known]
    arguments = []
    for given in function.call.arguments:
        added, argument = _argument(given, pattern.name)
        parameters += [replace(p, default="") if p.kind == "fields" else p for p in added]
        arguments.append(argument)
    return Operation(
        f"{function.name.partition('_')[2]}_{identifier(pattern.name)}",
        function,
        f"{plain(function.call.says)} ({plain(pattern.holds)})",
        serves(brief, pattern.requirements, 3),
        tuple(parameters),
        tuple(keys),
        tuple(arguments),
    )


def ids_of(ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ids that another key of the same use shares: all but the thing's own."""
    return ids[:1] if len(ids) > 1 else ids


def statuses(made: Iterable[Operation]) -> dict[str, tuple[str, ...]]:
    """Return the named results of each function that a client calls, by the function's name."""
    return {o.function.name: tuple(o.function.call.results) for o in made if o.function.call.results}


def session_others(keyspace: Keyspace) -> tuple[KeyPattern, ...]:
    """Return the session's keys whose TTL every function refreshes, those with an id of their own left out."""
    if functions.missing(keyspace):
        return ()
    return tuple(functions.others(keyspace))
