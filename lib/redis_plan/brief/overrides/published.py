"""The schema of ``redis-plan.toml`` for other tools: as JSON Schema, and as a page to read.

Both are made from the models; facts and uses come from the catalog. Renew the published file with
``redis-plan read --schema > data/catalog/redis-plan.schema.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from redis_plan.brief.facts import catalogue
from redis_plan.brief.overrides.schema import FactEntry, File, Short, model_in
from redis_plan.brief.overrides.vocabulary import ActionWord, action_words, use_words

FILE = "redis-plan.schema.json"


def json_schema() -> str:
    """Return the JSON Schema (draft 2020-12) of ``redis-plan.toml``, which editors complete and check by."""
    schema = File.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    schema["properties"]["facts"] = {
        "description": "Numbers that the design is computed from.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {"$ref": "#/$defs/FactEntry", "description": f"{fact.meaning}, in {fact.unit}"}
            for name, fact in catalogue().items()
        },
    }
    schema["properties"]["keys"] = {
        "description": "Key patterns: [[keys]] declares one, [keys] says which of the documents' stand.",
        "anyOf": [{"$ref": "#/$defs/Keys"}, {"type": "array", "items": {"$ref": "#/$defs/DeclaredKey"}}],
    }
    action = definitions["DeclaredAction"]["properties"]
    for form in ("guard", "effect"):
        action[f"{form}s"] = {
            "description": action[f"{form}s"]["description"],
            "type": "array",
            "items": {"oneOf": [_word(form, word) for word in action_words(form).values()]},
        }
    definitions["UseName"] = {
        "description": "What Redis does for the product.",
        "oneOf": [{"const": word.use, "description": word.title} for word in use_words().values()],
    }
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": FILE,
        "title": "redis-plan.toml",
        "description": "What a team corrects in how its documents were read. Every table and key is optional.",
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
    }
    return json.dumps(_plain(whole), ensure_ascii=False, indent=2) + "\n"


def _word(form: str, word: ActionWord) -> dict[str, Any]:
    """Return the schema of one guard or effect with its options."""
    options = {
        name: {"type": ["string", "array"] if kind.removesuffix("?") in ("words", "roles") else "string"}
        for name, kind in word.options.items()
    }
    more = {"answer": {"type": "string", "description": "Another name of the result where it refuses."}}
    return {
        "type": "object",
        "description": word.says,
        "properties": {form: {"const": word.name}, **options, **(more if form == "guard" else {})},
        "required": [form, *(name for name, kind in word.options.items() if not kind.endswith("?"))],
        "additionalProperties": False,
    }


def _plain(value: Any, top: bool = True) -> Any:  # Any: a JSON value
    """Drop what says nothing: titles that pydantic makes of names, defaults, and null, which TOML does not have."""
    if isinstance(value, list):
        return [_plain(v, False) for v in value if v != {"type": "null"}]
    if not isinstance(value, Mapping):
        return value
    if value.get("format") == "use":
        return {"$ref": "#/$defs/UseName"}
    kept = {
        k: _plain(v, False) for k, v in value.items() if top or k not in ("title", "default") or isinstance(v, Mapping)
    }
    only = kept.get("anyOf", ())
    return {**{k: v for k, v in kept.items() if k != "anyOf"}, **only[0]} if len(only) == 1 else kept


def reference() -> str:
    """Return every table and key with its type and meaning, one a line, as Markdown."""
    lines = []
    for table, info in File.model_fields.items():
        if table == "naming":
            continue  # an older place of [project] prefix
        if table == "facts":
            lines += ["", "`[facts]`: numbers that the design is computed from"]
            lines += [f"- `{name}` ({fact.unit}): {fact.meaning}" for name, fact in catalogue().items()]
            lines += ["", "A fact is a plain value, or a table with these keys:", *keys_of(FactEntry)]
            continue
        model = model_in(info.annotation)
        if model is None:
            lines += ["", f"`[{table}]`: {info.description}"]
            continue
        lines += ["", f"`[{table}]`: {_meaning(model)}", *keys_of(model)]
        for key, field in model.model_fields.items():
            inner = model_in(field.annotation)
            if inner is not None:
                short = f" (a plain value is its `{inner.short}`)" if issubclass(inner, Short) else ""
                lines += [f"  - an entry of `{key}`{short}:", *("    " + line for line in keys_of(inner))]
    return "\n".join(lines[1:])


def _meaning(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split()).rstrip(".")


def keys_of(model: type[BaseModel]) -> list[str]:
    """Return the keys of a table, each with its meaning; the names of uses are a list of their own."""
    return [f"- `{name}`: {field.description}" for name, field in model.model_fields.items()]
