"""Data model: one real key of each pattern with sample values, and a call that changes one."""

from __future__ import annotations

import re

from redis_plan.keyspace import functions, naming, records
from redis_plan.keyspace.model import Field, KeyPattern, Keyspace
from redis_plan.words import command_block

#: Sample values by the type of a field.
SAMPLES = {
    "hex": "9f3c01d27ab4e815", "integer": "42", "enum": "open", "ms": "1795436400000", "id": "01J9Z3K8QW4T",
    "JSON": '{"name":"Ana","role":"member"}', "text": "…", "decimal": "67123.50", "slug": "change", "HLL": "<HLL>", "code": "K7PQXM",
    "ULID": "01J9Z3KAW2M7R4QX8V6T1N5B0D", "json": '{"text":"…"}', "flag": "1",
}  # fmt: skip
#: The same by a word of the field's meaning, which comes first.
_BY_MEANING = {
    "JSON": (
        ("screen", '{"name":"Ana"}'),
        ("purpose", '{"purpose":"reset","subject":"u-4f2a9c","made_at":1795436400000}'),
        ("status", '{"status":"done","result":"…"}'),
        ("price", '{"value":"67123.50","seq":42,"at":1795436400000}'),
        ("value", '{"value":"…","seq":42,"at":1795436400000}'),
        ("event", '{"set":{"status":"open"}}'),
    ),
    "id": (("who", "m-4f2a9c"),),
    "text": (("record", "2|open|m-4f2a9c|1795436420000|…"), ("server TIME", '{"at":1795436400000,"d":"B"}')),
    "ms": (("over", "1795436420000"), ("left", "12000")),
}
_WHICH, _ALWAYS = re.compile(r"which (\w)"), re.compile(r"always (\w+)$")
#: What the score of a sorted set is where it is a point in time.
_TIMED = re.compile(r"\b(deadline|when|time|since|last)\b")
_DEADLINE, _AMOUNT = "1795436430000", "1250"


def block(keyspace: Keyspace) -> str:
    """Return one real key of each pattern with its value, as the application reads it, a line or a few each."""
    seats = next((f"{p.max_elements:.0f}" for p in keyspace.keys if p.use == "roster"), "")
    lines: list[str] = []
    for p in keyspace.keys:
        value, head = _value(p, seats), f"{naming.example(p.template)}  ({p.type})"
        lines += [f"{head}  {value[0]}"] if len(value) == 1 else [head, *(f"  {line}" for line in value)]
    return "\n".join(lines)


def call(keyspace: Keyspace, pattern: KeyPattern) -> str:
    """Return a call of ``session_record`` that changes one element of ``pattern``."""
    state, idem = keyspace.pattern("state"), keyspace.pattern("idem")
    names = [naming.example(keyspace.pattern(n).template) for n in ("state", "log", "idem")]
    channel = naming.example(keyspace.pattern("events").template)
    value = {"list": "", "set": ""}.get(pattern.type, "1")
    words = (
        "FCALL", keyspace.fcall_name(records.NAME), "4", *names, naming.example(pattern.template), channel, SAMPLES["ULID"], "", pattern.name, "{}",
        str(state.ttl.seconds), functions.log_argument(keyspace), str(idem.ttl.seconds), records.command_for(pattern),
        f"{pattern.max_elements:.0f}", _name(pattern.fields[0]), *([value] if value else []),
    )  # fmt: skip
    return command_block.block([command_block.line(keyspace, words)])


def _value(pattern: KeyPattern, seats: str) -> list[str]:
    known = {"capacity": seats} if pattern.use == "state" else {}
    match pattern.type:
        case "hash":
            shown = (f for f in pattern.fields if not f.name.startswith("setting_"))
            return [f"{_name(f)} → {known.get(f.name) or _sample(f)}" for f in shown]
        case "zset":
            score = _DEADLINE if _TIMED.search(pattern.holds) else _AMOUNT
            return [f"{_name(f)} → score {score}" for f in pattern.fields]
        case "list" | "stream" if len(pattern.fields) > 1:
            return ["{" + ",".join(f'"{f.name}":{_json(f)}' for f in pattern.fields) + "}"]
        case "set":
            return [_name(f) for f in pattern.fields]
    return [known.get(f.name) or _sample(f) for f in pattern.fields]


def _name(field: Field) -> str:
    name = field.name
    for placeholder in naming.placeholders(name):
        sample = {"kind": "idle", "connection": "c7", "session_id": "01J9Z3K8QW4T", "node_id": "gw-2"}.get(placeholder)
        name = name.replace(f"<{placeholder}>", sample or f"{placeholder.removesuffix('_id')[:1]}-4f2a9c")
    return name


def _sample(field: Field) -> str:
    if always := _ALWAYS.match(field.meaning):
        return always[1]
    for word, sample in _BY_MEANING.get(field.type, ()):
        if re.search(rf"\b{word}\b", field.meaning):
            return sample
    if field.name == "op":
        return SAMPLES["ULID"]
    if field.type == "id" and (which := _WHICH.match(field.meaning)):
        return f"{which[1]}-4f2a9c"
    return SAMPLES.get(field.type, "…")[: max(8, field.max_bytes)]


def _json(field: Field) -> str:
    sample = _sample(field)
    return sample if field.type in ("integer", "JSON", "ms") else f'"{sample}"'
