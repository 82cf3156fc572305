"""The clients: typed key builders and one method for each atomic step, in Python (redis-py) and in TypeScript."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Sequence
from typing import Any, Literal

from redis_plan.brief.model import Brief
from redis_plan.delivery import operations as model
from redis_plan.delivery.artefact import plain, quote, render, serves
from redis_plan.delivery.operations import Argument, Key, Operation, Parameter
from redis_plan.keyspace import chain, cues, functions, naming
from redis_plan.keyspace.model import KeyPattern, Keyspace

PYTHON, TYPESCRIPT = "redis_plan_client.py", "redis-plan-client.ts"
Library = Literal["ioredis", "node-redis"]
_WIDTH = 100

_PY_KINDS = {"id": "Id", "text": "str", "int": "int", "number": "float", "json": "object", "fields": "Mapping[str, str | int]",
             "flag": "bool"}  # fmt: skip
_TS_KINDS = {"id": "Id", "text": "string", "int": "number", "number": "number", "json": "unknown",
             "fields": "Readonly<Record<string, string | number>>", "flag": "boolean"}  # fmt: skip
_PY_REPLIES = {"flag": ("bool", "bool"), "integer": ("int", "int"), "applied": ("Applied", "_applied"), "names": ("list[str]", ""),
               "caught_up": ("CaughtUp", "_caught_up"), "ended": ("None", ""), "counted": ("Counted", ""),
               "claims": ("list[Claim]", "_claims")}  # fmt: skip
_TS_REPLIES = {"flag": ("boolean", "flag"), "integer": ("number", "Number"), "applied": ("Applied", "applied"),
               "names": ("string[]", "names"), "caught_up": ("CaughtUp", "caughtUp"), "ended": ("void", ""),
               "counted": ("Counted", "counted"), "claims": ("Claim[]", "claims")}  # fmt: skip
_TS_WORDS = {"break", "case", "catch", "class", "const", "continue", "debugger", "default", "delete", "do", "else", "enum", "export",
             "extends", "false", "finally", "for", "function", "if", "import", "in", "instanceof", "new", "null", "return", "super",
             "switch", "this", "throw", "true", "try", "typeof", "var", "void", "while", "with", "package", "private", "public",
             "static", "yield", "let", "constructor", "environment"}  # fmt: skip


def library_for(brief: Brief) -> Library:
    """Return the Node client that the stack names: ioredis where it does, else node-redis, the official one."""
    named = {c.name.lower() for c in brief.stack if c.status in ("chosen", "later")}
    return "ioredis" if "ioredis" in named or "bullmq" in named else "node-redis"


def python_client(brief: Brief, keyspace: Keyspace) -> str:
    """Return the Python module."""
    modes = [
        {"name": "Operations", "connection": "Connection", "def": "def", "await": ""},
        {"name": "AsyncOperations", "connection": "AsyncConnection", "def": "async def", "await": "await "},
    ]
    names = _names(brief, keyspace)
    needs_mapping = names["uses_pairs"] or names["replies"]["caught_up"]
    abstract = [*(["Mapping"] if needs_mapping else []), *(["Sequence"] if names["operations"] else [])]
    tuples = any(names["replies"][kind] for kind in ("applied", "claims", "caught_up"))
    typing = ", ".join(["Any", "Final", "Literal", *(["NamedTuple"] if tuples else []), "Protocol"])
    return render("client.py.j2", modes=modes, abstract=", ".join(abstract), typing=typing, **names)


def typescript_client(brief: Brief, keyspace: Keyspace, library: Library) -> str:
    """Return the TypeScript module for ``library``."""
    return render("client.ts.j2", library=library, **_names(brief, keyspace))


def _names(brief: Brief, keyspace: Keyspace) -> dict[str, Any]:  # Any: what the templates loop over
    made = model.operations(brief, keyspace)
    found = [_operation(o, keyspace) for o in made]
    kinds = {o.function.reply for o in made}
    return {
        "title": plain(brief.title),
        "session": not functions.missing(keyspace),
        "ttls": [(p.name, p.ttl.seconds) for p in keyspace.keys if p.ttl.seconds is not None],
        "bounds": [(p.name, int(p.max_elements)) for p in keyspace.keys],
        "constants": _constants(brief, keyspace),
        "max_id_bytes": naming.MAX_ID_BYTES,
        "builders": [_builder(p, brief) for p in keyspace.patterns],
        "operations": found,
        "replies": {kind: kind in kinds for kind in _PY_REPLIES},
        "uses_pairs": any(p.kind == "fields" for o in made for p in o.parameters),
    }


def _constants(brief: Brief, keyspace: Keyspace) -> list[dict[str, Any]]:  # Any: text and lines
    found = []
    if any(a.name == "lease_ms" for o in model.operations(brief, keyspace) for a in o.arguments):
        beat, grace = brief.fact("heartbeat"), brief.fact("reconnect_grace")
        about = f"Lease of a connection or position: max(reconnect_grace, 3 x heartbeat); {grace.where}; {beat.where}."
        found.append({"name": "LEASE_MS", "about": _wrap(about, 100), "value": int(1000 * chain.lease(brief))})
    if not functions.missing(keyspace):
        capacity = brief.fact("session_capacity")
        seats = f"Seats of {cues.with_article(keyspace.session_noun)}: {capacity.where}."
        log = "Entries of the log that a reconnecting client can catch up by; stream where the log is one."
        found.append({"name": "CAPACITY", "about": _wrap(seats, 100), "value": max(1, int(capacity.value))})
        found.append({"name": "LOG_MAX", "about": _wrap(log, 100), "value": quote(functions.log_argument(keyspace))})
    return found


def _wrap(text: str, width: int = _WIDTH) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def snake(name: str) -> str:
    """Return a name as a Python identifier."""
    text = model.identifier(name)
    return f"{text}_" if keyword.iskeyword(text) or text in ("environment", "self") else text


def camel(name: str) -> str:
    """Return a name as a TypeScript identifier."""
    text = re.sub(r"[-_](\w)", lambda m: m[1].upper(), name)
    return f"{text}_" if text in _TS_WORDS else text


def _builder(pattern: KeyPattern, brief: Brief) -> dict[str, Any]:  # Any: text and lines
    ids = [i for i in naming.placeholders(pattern.template) if i != "env"]
    held = f"{pattern.type[0].upper()}{pattern.type[1:]} {pattern.template}: {plain(pattern.holds)}."
    asked = serves(brief, pattern.requirements, 3)
    about = [*_wrap(held), *(["", *_wrap(f"Serves {asked}.")] if asked else [])]

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
        "py_text": f'f"{py}"' if dynamic else f'"{pattern.template}"',
        "ts_text": f"`{ts}`" if dynamic else f'"{pattern.template}"',
    }


def _operation(operation: Operation, keyspace: Keyspace) -> dict[str, Any]:  # Any: text, lines and flags
    channel = keyspace.use("events") if not functions.missing(keyspace) else None
    sharded = " sharded" if channel and channel.chosen == "sharded-pubsub" else ""
    named = {key.pattern for key in operation.keys}
    others = [p for p in model.session_others(keyspace) if p.name not in named] if operation.takes_more else []
    about = [*_wrap(f"{operation.about.rstrip('.')}."[:1].upper() + f"{operation.about.rstrip('.')}."[1:]), ""]
    told = [p for p in operation.parameters if p.says]
    about += [line for p in told for line in _wrap(f"{snake(p.name)}: {plain(p.says)}.")]
    about += (
        ["also: names of further keys of the session, such as the current round's."] if operation.takes_more else []
    )
    about += ["", *_wrap(f"Serves {operation.requirements}.")] if operation.requirements else []
    py_keys = [_py_key(k) for k in operation.keys] + [f"self.keys.{snake(p.name)}(session_id)" for p in others]
    ts_keys = [_ts_key(k) for k in operation.keys] + [f"this.keys.{camel(p.name)}(sessionId)" for p in others]
    py_optional = [{"py": _py_parameter(p)} for p in operation.optional]
    ts_optional = [f"{camel(p.name)}?: {_ts_type(p)}" for p in operation.optional]
    if operation.takes_more:
        py_keys.append("*also")
        ts_keys.append("...(options.also ?? [])")
        py_optional.append({"py": "also: Sequence[str] = ()"})
        ts_optional.append("also?: readonly string[]")
    channels = (
        (f"self.keys.{snake(channel.name)}(session_id)", f"this.keys.{camel(channel.name)}(sessionId)")
        if channel
        else ("", "")
    )
    return {
        "py": snake(operation.method),
        "ts": camel(operation.method),
        "function": operation.function.name,
        "reply": operation.function.reply,
        "about": about,
        "ts_about": [camel_words(line, operation.parameters) for line in about],
        "required": [{"py": _py_parameter(p), "ts": f"{camel(p.name)}: {_ts_type(p)}"} for p in operation.required],
        "optional": py_optional,
        "ts_optional": ts_optional,
        "py_keys": py_keys,
        "ts_keys": ts_keys,
        "py_args": [_py_argument(a, operation, channels[0], sharded) for a in operation.arguments],
        "ts_args": [_ts_argument(a, operation, channels[1], sharded) for a in operation.arguments],
        "py_reply": _PY_REPLIES[operation.function.reply][0],
        "py_convert": _PY_REPLIES[operation.function.reply][1],
        "ts_reply": _TS_REPLIES[operation.function.reply][0],
        "ts_convert": _TS_REPLIES[operation.function.reply][1],
    }


def camel_words(line: str, parameters: Sequence[Parameter]) -> str:
    """Return a line of a comment with the parameter that it begins with as TypeScript writes it."""
    name = line.partition(":")[0]
    return line.replace(name, camel(name), 1) if name in {p.name for p in parameters} else line


def _py_key(key: Key) -> str:
    ids = [f'{snake(i)} or "none"' if i == "op_id" else snake(i) for i in key.ids]
    return f"self.keys.{snake(key.pattern)}({', '.join(ids)})"


def _ts_key(key: Key) -> str:
    ids = ['options.opId || "none"' if i == "op_id" else camel(i) for i in key.ids]
    return f"this.keys.{camel(key.pattern)}({', '.join(ids)})"


def _py_parameter(p: Parameter) -> str:
    kind, name = _PY_KINDS[p.kind], snake(p.name)
    if not p.default:
        return f"{name}: {kind}"
    if p.default == "capacity":
        return f"{name}: {kind} = CAPACITY"
    if p.default.isdigit():
        return f"{name}: {kind} = {p.default}"
    if p.default.startswith("="):
        return f"{name}: {kind} = {quote(p.default[1:])}"
    blank = {"text": '""', "flag": "False", "json": "None"}.get(p.kind)
    return f"{name}: {kind} = {blank}" if blank else f"{name}: {kind} | None = None"


def _ts_type(p: Parameter) -> str:
    return _TS_KINDS[p.kind]


def _py_argument(a: Argument, operation: Operation, channel: str, sharded: str) -> str:
    if a.kind == "constant":
        return {"ttl": f'str(TTL["{a.of}"])', "ms": f'str(1000 * TTL["{a.of}"])', "bound": f'str(BOUND["{a.of}"])',
                "lease_ms": "str(LEASE_MS)", "log_max": "LOG_MAX"}[a.name]  # fmt: skip
    if a.kind == "channel":
        return (f'f"{{{channel}}}{sharded}"' if sharded else channel) if channel else '""'
    if a.kind == "connection":
        return "_connection(member_id, connection)"
    if a.kind == "literal":
        return quote(a.name)
    if a.kind == "once":
        return '"HSETNX" if once else "HSET"'
    p = next(p for p in operation.parameters if p.name == a.name)
    name = snake(p.name)
    if p.default == "random":
        return f"{name} or secrets.token_hex(8)"
    if p.kind == "fields":
        return f"*_pairs({name} or {{}})" if p.default else f"*_pairs({name})"
    if p.kind == "json":
        return f"_json({name})"
    if p.kind in ("int", "number"):
        return f'"" if {name} is None else str({name})' if p.default == "none" else f"str({name})"
    return name


def _ts_argument(a: Argument, operation: Operation, channel: str, sharded: str) -> str:
    if a.kind == "constant":
        return {"ttl": f'String(TTL["{a.of}"])', "ms": f'String(1000 * TTL["{a.of}"])', "bound": f'String(BOUND["{a.of}"])',
                "lease_ms": "String(LEASE_MS)", "log_max": "LOG_MAX"}[a.name]  # fmt: skip
    if a.kind == "channel":
        return (f"`${{{channel}}}{sharded}`" if sharded else channel) if channel else '""'
    if a.kind == "connection":
        optional = any(p.name == "connection" and p.default for p in operation.parameters)
        return f"connectionOf(memberId, {'options.connection' if optional else 'connection'})"
    if a.kind == "literal":
        return quote(a.name)
    if a.kind == "once":
        return 'options.once ? "HSETNX" : "HSET"'
    p = next(p for p in operation.parameters if p.name == a.name)
    name = f"options.{camel(p.name)}" if p.default else camel(p.name)
    if p.default == "random":
        return f'{name} || randomBytes(8).toString("hex")'
    if p.kind == "fields":
        return f"...pairs({name} ?? {{}})" if p.default else f"...pairs({name})"
    if p.kind == "json":
        return f"json({name})"
    fallback = {"capacity": "CAPACITY", "none": '""'}.get(
        p.default, quote(p.default[1:]) if p.default.startswith("=") else p.default
    )
    if p.kind in ("int", "number"):
        return f"String({name} ?? {fallback})" if p.default else f"String({name})"
    return f"{name} ?? {fallback}" if p.default else name
