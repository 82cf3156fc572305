"""Spelling: how names, parameters, keys and arguments of an operation are written in Python and in TypeScript."""

from __future__ import annotations

import keyword
import re
import textwrap

from redis_plan.delivery import operations as model
from redis_plan.delivery.artefact import quote
from redis_plan.delivery.operations import Argument, Key, Operation, Parameter

#: Width of a comment in the clients.
WIDTH = 106
_PY_KINDS = {"id": "Id", "text": "str", "int": "int", "number": "float", "json": "object", "fields": "Mapping[str, str | int]",
             "flag": "bool"}  # fmt: skip
_TS_KINDS = {"id": "Id", "text": "string", "int": "number", "number": "number", "json": "unknown",
             "fields": "Readonly<Record<string, string | number>>", "flag": "boolean"}  # fmt: skip
_TS_WORDS = {"break", "case", "catch", "class", "const", "continue", "debugger", "default", "delete", "do", "else", "enum", "export",
             "extends", "false", "finally", "for", "function", "if", "import", "in", "instanceof", "new", "null", "return", "super",
             "switch", "this", "throw", "true", "try", "typeof", "var", "void", "while", "with", "package", "private", "public",
             "static", "yield", "let", "constructor", "environment"}  # fmt: skip


def snake(name: str) -> str:
    """Return a name as a Python identifier."""
    text = model.identifier(name)
    return f"{text}_" if keyword.iskeyword(text) or text in ("environment", "self") else text


def camel(name: str) -> str:
    """Return a name as a TypeScript identifier."""
    text = re.sub(r"[-_](\w)", lambda m: m[1].upper(), name)
    return f"{text}_" if text in _TS_WORDS else text


def wrapped(text: str, width: int = WIDTH) -> list[str]:
    """Return ``text`` in lines of a comment."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def py_key(key: Key) -> str:
    """Return a key's name as Python builds it."""
    ids = [snake(i) for i in key.ids]
    return f"self.keys.{snake(key.pattern)}({', '.join(ids)})"


def ts_key(key: Key) -> str:
    """Return a key's name as TypeScript builds it."""
    ids = [camel(i) for i in key.ids]
    return f"this.keys.{camel(key.pattern)}({', '.join(ids)})"


def py_parameter(p: Parameter) -> str:
    """Return a parameter with its type, and its default where it has one."""
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


def ts_type(p: Parameter) -> str:
    """Return the type of a parameter in TypeScript."""
    return _TS_KINDS[p.kind]


def py_argument(a: Argument, operation: Operation, channel: str = "", sharded: str = "") -> str:
    """Return an argument of the function as Python gives it."""
    if a.kind == "constant":
        return {"ttl": f'TTL["{a.of}"]', "ms": f'1000 * TTL["{a.of}"]', "bound": f'BOUND["{a.of}"]',
                "lease_ms": "LEASE_MS", "log_max": "LOG_MAX", "with_seat": "WITH_SEAT"}[a.name]  # fmt: skip
    if a.kind == "channel":
        return (f'f"{{{channel}}}{sharded}"' if sharded else channel) if channel else '""'
    if a.kind == "connection":
        return "_connection(member_id, connection)"
    if a.kind == "id":
        return f"encode_id({snake(a.name)})"
    if a.kind == "literal":
        return quote(a.name)
    if a.kind == "once":
        return '"HSETNX" if once else "HSET"'
    if a.kind == "folded":
        return f"fold_name({snake(a.name)})"
    p = next(p for p in operation.parameters if p.name == a.name)
    name = snake(p.name)
    if p.default == "random":
        return f"{name} or secrets.token_hex(8)"
    if p.kind == "fields" and any(p.name == model.OWNER for p in operation.parameters):
        return f"*_pairs(_owned({snake(model.OWNER)}, {name}))"
    if p.kind == "fields":
        return f"*_pairs({name} or {{}})" if p.default else f"*_pairs({name})"
    if p.kind == "json":
        return f"_json({name})"
    if p.kind in ("int", "number"):
        return name
    return name


def ts_argument(a: Argument, operation: Operation, channel: str = "", sharded: str = "") -> str:
    """Return an argument of the function as TypeScript gives it."""
    if a.kind == "constant":
        return {"ttl": f'String(TTL["{a.of}"])', "ms": f'String(1000 * TTL["{a.of}"])', "bound": f'String(BOUND["{a.of}"])',
                "lease_ms": "String(LEASE_MS)", "log_max": "LOG_MAX", "with_seat": "WITH_SEAT"}[a.name]  # fmt: skip
    if a.kind == "channel":
        return (f"`${{{channel}}}{sharded}`" if sharded else channel) if channel else '""'
    if a.kind == "connection":
        optional = any(p.name == "connection" and p.default for p in operation.parameters)
        return f"connectionOf(memberId, {'options.connection' if optional else 'connection'})"
    if a.kind == "id":
        return f"encodeId({camel(a.name)})"
    if a.kind == "literal":
        return quote(a.name)
    if a.kind == "once":
        return 'options.once ? "HSETNX" : "HSET"'
    if a.kind == "folded":
        return f"foldName({camel(a.name)})"
    p = next(p for p in operation.parameters if p.name == a.name)
    name = f"options.{camel(p.name)}" if p.default else camel(p.name)
    if p.default == "random":
        return f'{name} || randomBytes(8).toString("hex")'
    if p.kind == "fields" and any(p.name == model.OWNER for p in operation.parameters):
        return f"...pairs(owned(options.{camel(model.OWNER)}, {name}))"
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
