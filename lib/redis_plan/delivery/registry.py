"""keyspace.json: the registry as data for other tools, in a published format (``data/catalog/keyspace.schema.json``)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from redis_plan.brief.model import Brief
from redis_plan.delivery import library, touching
from redis_plan.keyspace import naming
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.resources import catalog_dir

FILE, SCHEMA = "keyspace.json", "keyspace.schema.json"
FORMAT = 1  # 1: first version


def schema() -> str:
    """Return the JSON Schema (draft 2020-12) of the format."""
    return (catalog_dir() / SCHEMA).read_text("utf-8")


def keyspace_json(brief: Brief, keyspace: Keyspace) -> str:
    """Return the registry as JSON."""
    written, taken = touching.writers(keyspace), touching.functions_on(keyspace)
    record = {
        "$schema": SCHEMA,
        "format": FORMAT,
        "app": keyspace.app,
        "schema_version": keyspace.schema_version,
        "grammar": {
            "ebnf": naming.EBNF,
            "key": naming.KEY.pattern.replace("(?P<", "(?<"),  # as ECMA-262 writes a named group
            "id": naming.ID.pattern,
            "max_id_bytes": naming.MAX_ID_BYTES,
        },
        "session": {"noun": keyspace.session_noun, "member": keyspace.member_noun, "entity": keyspace.session_entity}
        if keyspace.session_entity
        else None,
        "keys": [_key(p, brief, written[p.name], taken[p.name]) for p in keyspace.keys],
        "channels": [_channel(p, brief, written[p.name]) for p in keyspace.channels],
        "functions": _functions(brief, keyspace),
    }
    return json.dumps(record, ensure_ascii=False, indent=2) + "\n"


def _name(pattern: KeyPattern) -> dict[str, Any]:  # Any: JSON
    return {
        "name": pattern.name,
        "template": pattern.template,
        "placeholders": list(naming.placeholders(pattern.template)),
        "hash_tag": naming.hash_tag(pattern.template).strip("<>"),
        "acl": naming.acl_pattern(pattern.template),
        "example": naming.example(pattern.template),
    }


def _key(
    pattern: KeyPattern, brief: Brief, written: tuple[str, ...], taken: tuple[str, ...]
) -> dict[str, Any]:  # Any: JSON
    return _name(pattern) | {
        "type": pattern.type,
        "scope": pattern.scope,
        "use": pattern.use,
        "structure": pattern.chosen,
        "holds": pattern.holds,
        "ttl": {"policy": pattern.ttl.policy, "seconds": pattern.ttl.seconds, "because": pattern.ttl.because},
        "written_by": list(written),
        "read_by": list(pattern.readers),
        "deleted_by": pattern.deleted_by,
        "bound": {
            "elements": pattern.max_elements,
            "typical_elements": pattern.typical_elements,
            "keys": pattern.per_session,
            "at_bound": pattern.at_bound,
        },
        "when_lost": pattern.when_lost,
        "authoritative": pattern.authoritative,
        "fields": [
            {"name": f.name, "type": f.type, "max_bytes": f.max_bytes, "meaning": f.meaning} for f in pattern.fields
        ],
        "functions": list(taken),
        "requirements": _requirements(pattern, brief),
    }


def _channel(pattern: KeyPattern, brief: Brief, written: tuple[str, ...]) -> dict[str, Any]:  # Any: JSON
    return _name(pattern) | {
        "sharded": pattern.sharded,
        "scope": pattern.scope,
        "use": pattern.use,
        "holds": pattern.holds,
        "written_by": list(written),
        "read_by": list(pattern.readers),
        "when_lost": pattern.when_lost,
        "requirements": _requirements(pattern, brief),
    }


def _requirements(pattern: KeyPattern, brief: Brief) -> list[dict[str, str]]:
    where = {r.id: f"{r.file}:{r.line}" for r in brief.requirements}
    return [{"id": id, "where": where[id]} for id in dict.fromkeys(pattern.requirements) if id in where]


def _functions(brief: Brief, keyspace: Keyspace) -> list[dict[str, Any]]:  # Any: JSON
    scripts = {a.path: a.text for a in library.eval_scripts(brief, keyspace)}
    found = []
    for step in library.steps(keyspace):
        function, path = step.function, f"{library.SCRIPTS}/{step.function.name}.lua"
        found.append(
            {
                "name": function.name,
                "fcall": keyspace.fcall_name(function.name),
                "keys": list(function.keys),
                "more_keys": function.more_keys,
                "args": function.args,
                "flags": list(function.flags),
                "serves": [p.name for p in step.patterns],
                "returns": function.returns,
                "script": path,
                "sha1": hashlib.sha1(scripts[path].encode(), usedforsecurity=False).hexdigest(),
            }
        )
    return found
