"""Wording: a fault of ``redis-plan.toml`` in words, what is wrong and what would be right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from redis_plan.brief.overrides.positions import Path as Keys
from redis_plan.brief.overrides.schema import (
    DOCUMENT_LINE,
    KIND,
    LANGUAGE,
    LUA,
    NAME,
    PLACE,
    PREFIX,
    SERVER,
    TEXT,
    File,
    model_in,
)
from redis_plan.brief.overrides.values import NOT_SAID
from redis_plan.brief.reconcile.catalogue import catalogue
from redis_plan.brief.slug import SLUG_BYTES


def wanted(name: str) -> str:
    """Return what the value of a fact must be."""
    unit = catalogue()[name].unit if name in catalogue() else "its base unit"
    shown = {"s": "90 s", "B": "60 kB"}.get(unit, "5 per second" if unit.endswith("/s") else f"30 {unit}")
    least = "a number above 0" if name not in catalogue() or catalogue()[name].default else "0, or a number above it"
    return f"{least}, in {unit} (or with its unit: “{shown}”), or “{NOT_SAID}”"


def unknown(key: str, known: Iterable[str], what: str) -> str:
    """Say that ``key`` is none of ``known``, and which was meant."""
    names = tuple(known)
    near = difflib.get_close_matches(key, names, n=1)
    return f"{key!r} is not {what}; " + (f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}")


def place_of(data: Any, loc: tuple[str | int, ...]) -> Keys:
    """Return the part of a fault's place that the user wrote: pydantic adds what it tried, and keys left out."""
    path: Keys = ()
    for step in loc:
        inside = isinstance(data, Mapping) and step in data
        if not inside and not (isinstance(data, list) and isinstance(step, int) and step < len(data)):
            break
        path, data = (*path, step), data[step]
    return path


def explained(data: Mapping[str, Any], place: Keys, error: Mapping[str, Any]) -> str:
    """Return a fault of the schema in words: what is wrong, what would be right."""
    kind, table = error["type"], _called(place[:-1])
    if kind == "extra_forbidden":
        known = _model_at(place[:-1]).model_fields
        return unknown(str(place[-1]), known, f"a key of {table}" if table else "a table")
    if kind in ("both", "uncited"):
        return f"{_called(place)}: {error['msg']}"
    if kind == "missing":
        return f"{_called(place)} needs {error['loc'][-1]!r}"
    found: Any = data
    for step in place:
        found = found[step]
    name = f"{table} {place[-1]}" if table and isinstance(place[-1], str) else _called(place)
    good = wanted(str(place[1])) if place[0] == "facts" and len(place) > 1 else _described(place, error)
    return f"{name} must be {good}, got {found!r}"


def _called(place: Keys) -> str:
    """Return the table of ``place`` as it is written: ``[uses]``."""
    return f"[{'.'.join(str(step) for step in place if isinstance(step, str))}]" if place else ""


def _described(place: Keys, error: Mapping[str, Any]) -> str:
    context = error.get("ctx", {})
    if error["type"] == "literal_error":
        near = difflib.get_close_matches(str(error["input"]), re.findall(r"'([^']+)'", context["expected"]), n=1)
        return f"one of {context['expected']}" + (f"; did you mean {near[0]}?" if near else "")
    words = {
        "bool_type": "true or false", "bool_parsing": "true or false", "string_type": "text",
        "list_type": "a list of names", "string_too_short": "text",
        "dict_type": "a table of names", "model_type": f"a table, written [{place[-1]}]", "model_attributes_type": f"a table, written [{place[-1]}]",
    }  # fmt: skip
    if error["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"text that matches {context['pattern']}")
    if error["type"] == "list_type" and place[-1] in _OF_TABLES:
        return "a list of tables, such as [{ … }, { … }]"
    if error["type"] == "string_too_long":
        return f"at most {context['max_length']} letters"
    return words.get(error["type"], str(error["msg"]))


#: Keys that hold a list of tables, and no names.
_OF_TABLES = ("guards", "effects", "parameters", "fields")

_PATTERNS = {
    PREFIX: f"up to {SLUG_BYTES} of a-z, 0-9 and -, with a letter behind its numbers",
    LANGUAGE: "a language's two letters, such as “en”",
    TEXT: "text",
    PLACE: "a document and a line, such as “prd.md:31”",
    DOCUMENT_LINE: "a document and a line, such as “prd.md:31”",
    NAME: "a name of a-z, 0-9 and _, beginning with a letter, such as “move_shape”",
    KIND: "an action of the catalog, such as “objects.change”",
    LUA: "a Lua file beside redis-plan.toml, such as “canvas/move.lua”",
    SERVER: "Redis or Valkey with its version, such as “Redis 7.4”",
}


def _model_at(place: Keys) -> type[BaseModel]:
    """Return the model whose keys stand at ``place``."""
    model: type[BaseModel] = File
    for step in place:
        if isinstance(step, str) and step in model.model_fields:
            model = model_in(model.model_fields[step].annotation) or model
    return model
