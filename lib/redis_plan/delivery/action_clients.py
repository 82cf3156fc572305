"""The actions' modules: one typed method and one typed event an action, in Python and in TypeScript, beside the clients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from redis_plan.actions import catalog, vocabulary
from redis_plan.actions.model import Kind
from redis_plan.brief.model import Brief
from redis_plan.delivery import acting, clients, snapshot_clients, snapshots
from redis_plan.delivery import operations as model
from redis_plan.delivery.artefact import plain, quote, render
from redis_plan.delivery.brackets import LINE, python_call, typescript_call
from redis_plan.delivery.operations import Operation
from redis_plan.delivery.spelling import (
    camel,
    py_argument,
    py_key,
    py_parameter,
    snake,
    ts_argument,
    ts_key,
    ts_type,
    wrapped,
)
from redis_plan.keyspace import cues
from redis_plan.keyspace.model import Bound, Keyspace

PYTHON, TYPESCRIPT = "redis_plan_actions.py", "redis-plan-actions.ts"
#: Keys and arguments that every action of a session has in front: the module fills them in once.
_SHARED_KEYS = 3
_SHARED_ARGS = 5
#: Results that every action has: told once.
_EVERYWHERE = ("ok", "duplicate", "ended", "gone")


def python_module(brief: Brief, keyspace: Keyspace) -> str:
    """Return the Python module, or "" where the project has no action."""
    names = _names(brief, keyspace)
    return render("actions.py.j2", client=clients.PYTHON.removesuffix(".py"), **names) if names["first"] else ""


def typescript_module(brief: Brief, keyspace: Keyspace) -> str:
    """Return the TypeScript module, or ""."""
    names = _names(brief, keyspace)
    return render("actions.ts.j2", client=clients.TYPESCRIPT.removesuffix(".ts"), **names) if names["first"] else ""


def _names(brief: Brief, keyspace: Keyspace) -> dict[str, Any]:  # Any: what the templates loop over
    every = model.operations(brief, keyspace)
    made = [o for o in every if o.kind]
    aliases = [_alias(action, o, keyspace) for action, o in _carried_out(every, keyspace)]
    own = [_action(o) for o in made]
    py_channel, ts_channel, sharded = clients.channel_of(keyspace)
    return {
        "title": plain(brief.title),
        "actions": own,
        "first": next((o["py"] for o in (*own, *aliases)), ""),  # the one that the example calls
        "events": _events(made, keyspace),
        "aliases": aliases,
        "imports": _imports(made, bool(aliases), bool(snapshots.parts(keyspace))),
        **snapshot_clients.names(keyspace),
        "told": _told(made),
        "session": any(o.takes_more for o in made),
        "folds": any(a.kind == "folded" for o in made for a in o.arguments),
        "vacates": any(o.vacates for o in made),
        "alone": any(not o.takes_more for o in made),
        "uses_json": any(a.kind == "parameter" and a.of == "json" for o in made for a in o.arguments),
        "py_channel": f'f"{{{py_channel}}}{sharded}"' if sharded else py_channel or '""',
        "ts_channel": f"`${{{ts_channel}}}{sharded}`" if sharded else ts_channel or '""',
    }


def _carried_out(every: Iterable[Operation], keyspace: Keyspace) -> Iterator[tuple[Bound, Operation]]:
    """Yield the actions that a function of the catalog carries out, each with the method of the client that calls it."""
    on = {action.name: pattern.name for action, _, pattern in acting.called(keyspace)}
    operations = [o for o in every if not o.kind]
    for action in keyspace.actions:
        mine = [o for o in operations if o.function.name == catalog.kind_of(action).call]
        mine.sort(key=lambda o: on.get(action.name) not in {key.pattern for key in o.keys})
        if mine:
            yield action, mine[0]


def _alias(action: Bound, o: Operation, keyspace: Keyspace) -> dict[str, Any]:  # Any: text and lines
    """Return an action that is a method of the client, under the project's name for it."""
    nouns = {"member": keyspace.member_noun, "noun": keyspace.session_noun, "entity": action.entity.lower()}
    says = plain(cues.filled(catalog.kind_of(action).says, nouns))
    numbers = "".join(f" {name}: {value}." for name, value in action.values)
    return {
        "py": snake(action.name),
        "ts": camel(action.name),
        "py_of": snake(o.method),
        "ts_of": camel(o.method),
        "about": wrapped(f"{says}.{numbers}"),
    }


def _imports(made: Iterable[Operation], aliases: bool, seen: bool) -> str:
    """Return what the Python module takes from the client, in the order in which linters want it."""
    operations = list(made)
    arguments = [a for o in operations for a in o.arguments]
    needed = {
        "LOG_MAX": any(o.takes_more for o in operations),
        "TTL": any(o.takes_more for o in operations) or any(a.name == "ttl" for a in arguments),
        "WITH_SEAT": any(o.vacates for o in operations),
        "Call": bool(operations),
        "Calls": aliases or any(o.takes_more for o in operations),
        "Id": bool(operations),
        "Keys": True,
        "Versioned": any(o.takes_more for o in operations),
        "_argv": bool(operations),
        "_json": any(a.kind == "parameter" and a.of == "json" for a in arguments),
        "_numbered": any(o.takes_more for o in operations),
        "_text": seen or any(not o.takes_more for o in operations),
        "encode_id": seen or any(a.kind == "id" for a in arguments),
        "fold_name": any(a.kind == "folded" for a in arguments),
    }
    names = [name for name, there in needed.items() if there]
    module = clients.PYTHON.removesuffix(".py")
    line = f"from {module} import {', '.join(names)}"
    return line if len(line) <= LINE else python_call(f"from {module} import (", names, ")", 0)


def _action(o: Operation) -> dict[str, Any]:  # Any: text and lines
    """Return one method: its signature, what it says, and what it hands to the one that sends it."""
    py_name, ts_name = snake(o.method), camel(o.method)
    shared_keys, shared_args = (_SHARED_KEYS, _SHARED_ARGS) if o.takes_more else (0, 0)
    result = f"{ts_name[0].upper()}{ts_name[1:]}Result"
    inside = 12  # where the arguments of a call in a method stand
    py_keys = python_call(" " * inside + "[", [py_key(k) for k in o.keys[shared_keys:]], "]", inside).lstrip()
    ts_keys = f"[{', '.join(ts_key(k) for k in o.keys[shared_keys:])}]"
    rest = o.arguments[shared_args:]
    py_args = [py_argument(a, o) for a in rest]
    ts_args = [ts_argument(a, o) for a in rest]
    first = ("session_id, op_id, ", "sessionId, options.opId, ") if o.takes_more else ("", "")
    sends = ("_act", "act") if o.takes_more else ("_alone", "alone")
    answer = f"Versioned[{result}]" if o.takes_more else result
    ts_answer = f"Versioned<{result}>" if o.takes_more else result
    optional = [py_parameter(p) for p in o.optional]
    ts_optional = "; ".join(f"{camel(p.name)}?: {ts_type(p)}" for p in o.optional)
    ts_parameters = [f"{camel(p.name)}: {ts_type(p)}" for p in o.required]
    return {
        "py": py_name,
        "result": result,
        "py_literal": python_call(f"{result} = Literal[", [quote(w) for w in o.function.call.results], "]", 0),
        "ts_union": " | ".join(quote(word) for word in o.function.call.results),
        "about": _about(o),
        "py_signature": python_call(
            f"    def {py_name}(",
            ["self", *(py_parameter(p) for p in o.required), *(["*", *optional] if optional else [])],
            f") -> Call[{answer}]:",
            4,
        ),
        "py_body": python_call(
            f"        return self.{sends[0]}(", [quote(o.function.name), *_split(first[0]), py_keys, *py_args], ")", 8
        ),
        "ts_signature": typescript_call(
            f"  async {ts_name}(",
            [*ts_parameters, *([f"options: {{ {ts_optional} }} = {{}}"] if ts_optional else [])],
            f"): Promise<{ts_answer}> {{",
            2,
        ),
        "ts_body": typescript_call(
            f"    return this.{sends[1]}(", [quote(o.function.name), *_split(first[1]), ts_keys, *ts_args], ");", 4
        ),
    }


def _split(text: str) -> list[str]:
    return [word for word in text.split(", ") if word]


def _about(o: Operation) -> list[str]:
    """Return what an action does, whom it serves, and the results that are its own."""
    first = f"{o.about.rstrip('.')}.{f' Serves {o.requirements}.' if o.requirements else ''}"
    own = [f"{word}: {says}." for word, says in o.function.call.results.items() if word not in _EVERYWHERE]
    return [*wrapped(first), *(["", *wrapped(" ".join(own))] if own else [])]


def _told(made: Iterable[Operation]) -> list[str]:
    """Return what the results and the arguments of all actions mean, each once."""
    said: dict[str, str] = {}
    for o in made:
        said |= {w: s for w, s in o.function.call.results.items() if w in _EVERYWHERE}
        said |= {snake(p.name): plain(p.says) for p in o.required if p.name != "session_id"}
    return wrapped(" ".join(f"{word}: {says}." for word, says in said.items()))


def _events(made: Iterable[Operation], keyspace: Keyspace) -> list[dict[str, Any]]:  # Any: text and lines
    """Return each type of event once, with what its data holds in the two languages."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    kinds = {action.name: catalog.kind_of(action) for action in keyspace.actions}
    for o in made:
        if o.takes_more:
            kind = kinds[o.method]
            found.setdefault(kind.announces, {}).update(_shown(kind))
    for name, fields in _OWN.items():  # the functions behind the actions announce them, too, such as a sweep
        if name in found:
            found[name] = {**fields, **found[name]}
    return [
        {
            "name": name,
            "class": _class(name),
            "fields": [(field, python) for field, (python, _) in data.items()],
            "ts": "{ " + "; ".join(f"{f}?: {t}" for f, (_, t) in data.items()) + " }" if data else "null",
        }
        for name, data in found.items()
    ]


#: What the session's own functions put into events of types that actions announce as well: member, connection, why.
_OWN: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "join": {"m": ("str", "string"), "c": ("str", "string"), "data": ("Any", "unknown")},
    "leave": {"m": ("str", "string"), "c": ("str", "string"), "why": ("str", "string")},
}


def _class(event: str) -> str:
    return "".join(part.capitalize() for part in event.split("_")) + "Data"


def _shown(kind: Kind) -> Mapping[str, tuple[str, str]]:
    """Return the fields of an event's data with their types in Python and TypeScript."""
    numeric = {p.name for p in kind.parameters} | {"count"}
    data = {} if kind.audience == "all" else {"to": ("str", f'"{kind.audience}"')}
    for shown in kind.shows:
        what, name = shown.partition(" ")[0], vocabulary.shown_name(shown)
        given = vocabulary.arguments_of(kind).get(what)
        if what == "field":
            data[name] = ("int | str | None", "number | string | null")
        elif what in vocabulary.shown():
            data[name] = (vocabulary.shown()[what]["python"], vocabulary.shown()[what]["typescript"])
        elif what == "own" or (given and given.kind == "json"):
            data[name] = ("Any", "unknown")
        elif given and given.kind == "number":
            data[name] = ("float", "number")
        elif what in numeric or (given and given.kind == "int"):
            data[name] = ("int", "number")
        else:
            data[name] = ("str", "string")
    return data
