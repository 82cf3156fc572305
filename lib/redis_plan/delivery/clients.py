"""The clients: typed key builders and one method for each atomic step, in Python (redis-py) and in TypeScript."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from redis_plan.brief.model import Brief
from redis_plan.delivery import operations as model
from redis_plan.delivery.artefact import plain, quote, render
from redis_plan.delivery.brackets import LINE, python_call, typescript_call
from redis_plan.delivery.operations import Operation, Parameter
from redis_plan.delivery.spelling import (
    WIDTH,
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
from redis_plan.keyspace import calls, chain, cues, functions, naming, records
from redis_plan.keyspace.model import KeyPattern, Keyspace

PYTHON, TYPESCRIPT = "redis_plan_client.py", "redis-plan-client.ts"
Library = Literal["ioredis", "node-redis"]

#: What each shape of a reply becomes: type, and what reads it.
_PY_SHAPES = {"count": ("int", "int"), "names": ("list[str]", "_texts"), "claims": ("list[Claim]", "_claims"),
              "caught_up": ("CaughtUp", "_caught_up")}  # fmt: skip
_TS_SHAPES = {"count": ("number", "Number"), "names": ("string[]", "texts"), "claims": ("Claim[]", "claims"),
              "caught_up": ("CaughtUp", "caughtUp")}  # fmt: skip
#: The class that a numbered result is, by what its number counts.
_NUMBERED = {
    "version": "Versioned",
    "used": "Counted",
    "token": "Token",
    "seq": "Numbered",
    "waiting": "Queued",
    "place": "Placed",
}


def library_for(brief: Brief) -> Library:
    """Return the Node client that the stack names: ioredis where it does, else node-redis, the official one."""
    named = {c.name.lower() for c in brief.stack if c.status in ("chosen", "later")}
    return "ioredis" if "ioredis" in named or "bullmq" in named else "node-redis"


def python_client(brief: Brief, keyspace: Keyspace) -> str:
    """Return the Python module."""
    names = _names(brief, keyspace)
    needed = [word for word, there in (("Generic", True), ("NamedTuple", names["tuples"]), ("ParamSpec", True), ("Protocol", True),
                                       ("TypeVar", True)) if there and names["operations"]]  # fmt: skip
    words = ["Final", *needed]
    words += ["Any", "Concatenate", "Literal"] if names["operations"] else []
    words += ["TypedDict", "Unpack"] if names["record"] else []
    imports = python_call("from typing import ", sorted(words, key=str.lower), "", 0)
    if len(imports) > LINE:
        imports = python_call("from typing import (", sorted(words, key=str.lower), ")", 0)
    return render("client.py.j2", typing=imports, **names)


def typescript_client(brief: Brief, keyspace: Keyspace, library: Library) -> str:
    """Return the TypeScript module for ``library``."""
    return render("client.ts.j2", library=library, **_names(brief, keyspace))


def _names(brief: Brief, keyspace: Keyspace) -> dict[str, Any]:  # Any: what the templates loop over
    every = model.operations(brief, keyspace)
    made = [o for o in every if not o.kind]
    shapes = {o.function.call.shape for o in made}
    numbers = {o.function.call.number for o in made} - {""}
    uses_pairs = any(p.kind == "fields" for o in made for p in o.parameters)
    named = {_result_of(name): words for name, words in model.statuses(made).items()}
    return {
        "title": plain(brief.title),
        "session": not functions.missing(keyspace),
        "folds": any(a.kind == "folded" for o in every for a in o.arguments),
        "ttls": [(p.name, p.ttl.seconds) for p in keyspace.keys if p.ttl.seconds is not None],
        "bounds": [(p.name, int(p.max_elements)) for p in keyspace.keys],
        "limits": _limits(keyspace),
        "constants": _constants(brief, keyspace),
        "max_id_bytes": naming.MAX_ID_BYTES,
        "builders": [_builder(p, brief) for p in keyspace.patterns],
        "operations": [_operation(o, keyspace) for o in made],
        "everywhere": (_everywhere(made, snake), _everywhere(made, camel)),
        "replies": {shape: shape in shapes for shape in calls.SHAPES},
        "results": "" in {o.function.call.shape for o in made if not o.function.call.number},
        "statuses": [
            (name, python_call(f"{name} = Literal[", [quote(w) for w in words], "]", 0).partition(" = ")[2])
            for name, words in named.items()
        ],
        "unions": [(name, " | ".join(quote(word) for word in words)) for name, words in named.items()],
        "py_others": python_call(
            "        others = [",
            [f"k.{snake(p.name)}" for p in model.session_others(keyspace)],
            "]",
            8,
        ),
        "others": [(snake(p.name), camel(p.name)) for p in model.session_others(keyspace)],
        "record": _shared_record(keyspace) if any(o.function.name == records.NAME for o in made) else None,
        "numbers": [(kind, number) for number, kind in _NUMBERED.items() if number in numbers],
        "errors": calls.errors(),
        "uses_pairs": uses_pairs,
        "uses_mapping": uses_pairs or "caught_up" in shapes,
        "tuples": bool(numbers) or bool(shapes & {"claims", "caught_up"}),
    }


def _result_of(function: str) -> str:
    """Return the name of the type of a function's named results."""
    return "".join(part.capitalize() for part in function.removeprefix("session_").split("_")) + "Result"


def _constants(brief: Brief, keyspace: Keyspace) -> list[dict[str, Any]]:  # Any: text and lines
    found: list[dict[str, Any]] = []
    made = model.operations(brief, keyspace)
    if any(not o.kind for o in made):
        about = "The library of functions.lua: names of functions are the server's, so each begins with it."
        found.append({"name": "LIBRARY", "about": wrapped(about, 112), "value": quote(keyspace.library)})
    if any(a.name == "lease_ms" for o in made for a in o.arguments):
        beat, grace = brief.fact("heartbeat"), brief.fact("reconnect_grace")
        about = f"Lease of a connection or position: max(reconnect_grace, 3 x heartbeat); {grace.where}; {beat.where}."
        found.append({"name": "LEASE_MS", "about": wrapped(about, 112), "value": int(1000 * chain.lease(brief))})
    if not functions.missing(keyspace):
        capacity = brief.fact("session_capacity")
        seats = f"Seats of {cues.with_article(keyspace.session_noun)}: {capacity.where}."
        log = "Entries of the log that a reconnecting client can catch up by; stream where the log is one."
        found.append({"name": "CAPACITY", "about": wrapped(seats, 100), "value": max(1, int(capacity.value))})
        found.append({"name": "LOG_MAX", "about": wrapped(log, 100), "value": quote(functions.log_argument(keyspace))})
    if any(o.vacates for o in made):
        about = "Types of the first of a session's other keys: in these a member has an entry only as long as the seat."
        found.append({"name": "WITH_SEAT", "about": wrapped(about, 112), "value": quote(functions.with_seat(keyspace))})
    return found


def _builder(pattern: KeyPattern, brief: Brief) -> dict[str, Any]:  # Any: text and lines
    ids = [i for i in naming.placeholders(pattern.template) if i != "env"]
    held = f"{pattern.type[0].upper()}{pattern.type[1:]} {pattern.template}: {plain(pattern.holds)}."
    about = wrapped(held)
    about = about if len(about) == 1 else [f"{textwrap.shorten(held, WIDTH, placeholder=' …')}"]

    def text(opening: str, identifier: Any, this: str) -> str:
        parts = re.split(r"(<[a-z][a-z0-9_]*>)", pattern.template.replace("{", "\0").replace("}", "\1"))
        return "".join(
            part if not part.startswith("<")
            else opening + "{" + (f"{this}.environment" if part == "<env>" else identifier(part[1:-1])) + "}"
            for part in parts
        )  # fmt: skip

    py = text("", lambda i: f"encode_id({snake(i)})", "self").replace("\0", "{{").replace("\1", "}}")
    ts = text("$", lambda i: f"encodeId({camel(i)})", "this").replace("\0", "{").replace("\1", "}")
    dynamic = bool(naming.placeholders(pattern.template))
    return {
        "py": snake(pattern.name),
        "ts": camel(pattern.name),
        "ids": [snake(i) for i in ids],
        "ts_ids": [camel(i) for i in ids],
        "about": about,
        "py_text": _in_two(f'f"{py}"') if dynamic else f'"{pattern.template}"',
        "ts_text": f"`{ts}`" if dynamic else f'"{pattern.template}"',
    }


def _in_two(text: str) -> str:
    """Return an f-string of Python in one line, or in two where a project's long name leaves no room for it."""
    if len(f"        return {text}") <= LINE:
        return text
    at = text.index("{")
    return f'(\n            {text[1:at]}"\n            f"{text[at:]}\n        )'


def _operation(operation: Operation, keyspace: Keyspace) -> dict[str, Any]:  # Any: text, lines and flags
    if operation.function.name == records.NAME:
        return _record(operation)
    py_channel, ts_channel, sharded = channel_of(keyspace)
    about = _about(operation)
    py_keys, ts_keys = [py_key(k) for k in operation.keys], [ts_key(k) for k in operation.keys]
    py_kind, ts_kind = _reply(operation.function.call)
    py_args = [py_argument(a, operation, py_channel, sharded) for a in operation.arguments]
    if operation.takes_more:
        py_keys = [text.replace("self.keys.", "k.") for text in py_keys]
        py_args = [text.replace("self.keys.", "k.") for text in py_args]
    py_parameters = ["self", *(py_parameter(p) for p in operation.required)]
    optional = [py_parameter(p) for p in operation.optional]
    ts_parameters = [f"{camel(p.name)}: {ts_type(p)}" for p in operation.required]
    ts_optional = [f"{camel(p.name)}?: {ts_type(p)}" for p in operation.optional]
    if operation.takes_more:
        optional.append("also: Sequence[str] = ()")
        ts_optional.append("also?: readonly string[]")
    py_parameters += ["*", *optional] if optional else []
    ts_parameters += [f"options: {{ {'; '.join(ts_optional)} }} = {{}}"] if ts_optional else []
    name = quote(operation.function.name)
    return {
        "py": snake(operation.method),
        "ts": camel(operation.method),
        "about": about,
        "ts_about": [camel_words(line, operation.parameters) for line in about],
        "py_signature": python_call(f"    def {snake(operation.method)}(", py_parameters, f") -> Call[{py_kind[0]}]:", 4),
        "py_body": "\n".join([
            *(["        k = self.keys"] if operation.takes_more else []),
            python_call("        keys = self._all(", ["session_id", "also", *py_keys], ")", 8)
            if operation.takes_more else python_call("        keys = [", py_keys, "]", 8),
            *([python_call("        args = _argv(", py_args, ")", 8)] if py_args else []),
            f"        return Call({name}, keys, {'args' if py_args else '()'}, {py_kind[1]})",
        ]),
        "ts_signature": typescript_call(f"  async {camel(operation.method)}(", ts_parameters, f"): Promise<{ts_kind[0]}> {{", 2),
        "ts_call": [
            typescript_call("    const keys = this.all(", ["sessionId", "options.also", *ts_keys], ");", 4)
            if operation.takes_more else typescript_call("    const keys = [", ts_keys, "];", 4),
            typescript_call("    const args: string[] = [", [ts_argument(a, operation, ts_channel, sharded) for a in operation.arguments], "];", 4),
        ],
        "ts_read": f"{ts_kind[1]}(await this.call({name}, keys, args))",
    }  # fmt: skip


def channel_of(keyspace: Keyspace) -> tuple[str, str, str]:
    """Return the session's channel in Python and in TypeScript, and " sharded" where the design says so."""
    channel = keyspace.use("events") if not functions.missing(keyspace) else None
    if channel is None:
        return "", "", ""
    sharded = " sharded" if channel.sharded else ""
    return f"self.keys.{snake(channel.name)}(session_id)", f"this.keys.{camel(channel.name)}(sessionId)", sharded


def _record(operation: Operation) -> dict[str, Any]:  # Any: text and lines
    """Return the change of one collection: what differs is given to the one that they share."""
    change = {"op_id", "expected_version", "event", "data", "once"}
    given = [p for p in operation.parameters if p.name not in change]
    once = any(p.name == "once" for p in operation.parameters)
    shown = any(p.name == "data" for p in operation.parameters)
    literal = next(a.name for a in operation.arguments if a.name and a.kind in ("literal", "once"))
    name, values = quote(operation.keys[-1].pattern), [p for p in given if p.name in ("element", "value")]
    py_command = f'"HSETNX" if once else {quote(literal)}' if once else quote(literal)
    ts_command = f'change.once ? "HSETNX" : {quote(literal)}' if once else quote(literal)
    py = ["session_id", py_key(operation.keys[-1]), py_command, name,
          *(p.name if p.kind == "text" else f"str({p.name})" for p in values), "**change"]  # fmt: skip
    ts = ["sessionId", ts_key(operation.keys[-1]), ts_command, name,
          f"[{', '.join(p.name if p.kind == 'text' else f'String({p.name})' for p in values)}]", "change"]  # fmt: skip
    parameters = [
        "self",
        *(py_parameter(p) for p in given),
        *(["*", "once: bool = False"] if once else []),
        f"**change: Unpack[{'Change' if shown else 'Unseen'}]",
    ]
    ts_parameters = [
        *(f"{camel(p.name)}: {ts_type(p)}" for p in given),
        f"change: {'Change' if shown else 'Unseen'}{' & { once?: boolean }' if once else ''} = {{}}",
    ]
    about = _about(operation)
    return {
        "py": snake(operation.method),
        "ts": camel(operation.method),
        "about": about,
        "ts_about": [camel_words(line, operation.parameters) for line in about],
        "py_signature": python_call(f"    def {snake(operation.method)}(", parameters, ") -> Call[Versioned[RecordResult]]:", 4),
        "py_body": python_call("        return self._record(", py, ")", 8),
        "ts_signature": typescript_call(f"  async {camel(operation.method)}(", ts_parameters, "): Promise<Versioned<RecordResult>> {", 2),
        "ts_call": [],
        "ts_read": f"this.record({', '.join(ts)})",
    }  # fmt: skip


def _limits(keyspace: Keyspace) -> list[str]:
    """Return lifetime and bound of each key as entries of a table, several on a line."""
    found = [f"{quote(p.name)}: ({p.ttl.seconds}, {int(p.max_elements)})," for p in keyspace.keys]
    lines = textwrap.wrap(
        " ".join(entry.replace(" ", "\0") for entry in found), 112, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace("\0", " ") for line in lines]


def _shared_record(keyspace: Keyspace) -> dict[str, str]:
    """Return ARGV of ``session_record`` as the definition orders it, in Python and in TypeScript."""
    py_channel, ts_channel, sharded = channel_of(keyspace)
    py = {"channel": "channel", "op_id": "op_id", "expected_version": "expected", "type": "event", "data": "data", "ttl_s": 'TTL["state"]', "log_max": "LOG_MAX", "idem_ttl_s": 'TTL["idem"]',
          "command": "command", "most": "BOUND[name]", "element": "*element"}  # fmt: skip
    ts = {"channel": f"`${{{ts_channel}}}{sharded}`" if sharded else ts_channel or '""', "op_id": "opId",
          "expected_version": 'String(change.expectedVersion ?? "")', "type": "change.event ?? name", "data": "json(change.data)",
          "ttl_s": 'String(TTL["state"])', "log_max": "LOG_MAX", "idem_ttl_s": 'String(TTL["idem"])', "command": "command",
          "most": "String(BOUND[name])", "element": "...element"}  # fmt: skip
    order = [argument.name for argument in calls.calls()[records.NAME].args]
    py_keys = [
        "k.state(session_id)",
        "k.log(session_id)",
        "k.idem(session_id)",
        "target",
    ]
    ts_keys = [
        "this.keys.state(sessionId)",
        "this.keys.log(sessionId)",
        "this.keys.idem(sessionId)",
        "target",
    ]
    return {
        "py_channel": f'f"{{{py_channel}}}{sharded}"' if sharded else py_channel or '""',
        "py_keys": python_call("        keys = _argv(", py_keys, ")", 8),
        "py_args": python_call("        args = _argv(", [py[name] for name in order], ")", 8),
        "ts_keys": typescript_call("    const keys = [", ts_keys, "];", 4),
        "ts_args": typescript_call("    const args = [", [ts[name] for name in order], "];", 4),
    }  # fmt: skip


def _reply(call: calls.Call) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return type and reader of the reply in Python, and in TypeScript."""
    result = _result_of(call.name)
    if call.number:
        kind = _NUMBERED[call.number]
        return (f"{kind}[{result}]", f"_numbered({kind})"), (f"{kind}<{result}>", call.number)
    if call.shape == "removed":
        return (result, "_first"), (result, "first")
    if call.shape:
        return _PY_SHAPES[call.shape], _TS_SHAPES[call.shape]
    return (result, "_result"), (result, "result")


#: Results and parameters that mean the same in every call: told once, in front of all.
_EVERYWHERE = ("ok", "duplicate", "conflict", "ended", "gone")
_OWN = ("value",)


def _about(operation: Operation) -> list[str]:
    """Return the documentation of a method: what it does, and the results and parameters that are its own."""
    call, first = operation.function.call, f"{operation.about.rstrip('.')}."
    about = wrapped(first[:1].upper() + first[1:])
    told = [p for p in operation.parameters if p.name in _OWN and p.says != _usual(p)]
    own: Mapping[str, str] = {} if call.name == records.NAME else call.results
    words = [
        f"{word}: {says}." for word, says in own.items() if word not in _EVERYWHERE or call.name == "session_remove"
    ]
    words += [f"{snake(p.name)}: {plain(p.says)}." for p in told]
    return [*about, "", *wrapped(" ".join(words))] if words else about


def _usual(p: Parameter) -> str:
    """Return what a parameter of this name means where nothing else is said."""
    given = calls.arguments().get(p.name)
    return given.says if given else ""


def _everywhere(made: Sequence[Operation], name: Callable[[str], str]) -> list[str]:
    """Return what the results and the parameters of all methods mean, each once."""
    told: dict[str, str] = {}
    for o in made:
        shared = o.function.call.results if o.function.name in ("session_apply", records.NAME) else {}
        told |= {word: says for word, says in shared.items() if word not in told}
        told |= {
            name(p.name): plain(p.says)
            for p in o.parameters
            if p.says and p.kind != "id" and (p.name not in _OWN or p.says == _usual(p))
        }
    return wrapped(" ".join(f"{word}: {says}." for word, says in told.items()), 114)


def camel_words(line: str, parameters: Sequence[Parameter]) -> str:
    """Return a line of a comment with the parameter that it begins with as TypeScript writes it."""
    name = line.partition(":")[0]
    return line.replace(name, camel(name), 1) if name in {p.name for p in parameters} else line
