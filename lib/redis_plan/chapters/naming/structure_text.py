"""Text of section 2: fields, roles, encodings and candidates of every key, and one real key with its value."""

from __future__ import annotations

import re

from redis_plan.brief.model import Brief
from redis_plan.delivery import acting, library
from redis_plan.delivery.artefact import serves
from redis_plan.keyspace import bounds, functions, naming, records
from redis_plan.keyspace.model import Field, KeyPattern, Keyspace
from redis_plan.words import command_block
from redis_plan.words.tables import folded, table

#: Sample values by the type of a field, as they stand in a data-model block.
SAMPLES = {
    "hex": "9f3c01d27ab4e815", "integer": "42", "enum": "open", "ms": "1795436400000", "id": "01J9Z3K8QW4T",
    "JSON": '{"name":"Ana","role":"member"}', "text": "…", "decimal": "67123.50", "slug": "change", "HLL": "<HLL>", "code": "K7PQXM",
    "ULID": "01J9Z3KAW2M7R4QX8V6T1N5B0D",
}  # fmt: skip

_VERSION = (
    " `version` is an integer up to 2^53 − 1, because JavaScript counts no further, and it never goes through `cjson` "
    "as a number, which writes large ones as floats."
)


def role(pattern: KeyPattern, brief: Brief) -> str:
    """Return what Redis is for this datum: authoritative, a cache of the database, or derivable from other keys."""
    if pattern.type == "channel":
        return "nothing stored"
    if pattern.authoritative:
        return "authoritative while it lives"
    if pattern.use in ("log", "due", "gateway"):
        return "derivable"
    durable = {e.name for e in brief.entities if e.lifetime == "durable"}
    return "cache of the database" if set(pattern.entities) & durable else "derivable"


def overview(keyspace: Keyspace, brief: Brief) -> str:
    """Return what Redis holds and what it never holds, in a paragraph and a table of roles."""
    rows = [
        [f"`{p.name}`", p.type, role(p, brief), p.when_lost, serves(brief, p.requirements, 3) or "–"]
        for p in keyspace.patterns
    ]
    outside = [e.name for e in brief.entities if not any(e.name in p.entities for p in keyspace.patterns)]
    stays = f" In the database and not in Redis stay: {', '.join(outside)}." if outside else ""
    return "\n".join(
        [
            "### What each key is, and what its loss costs",
            "",
            f"*Authoritative* means that no other place has the datum; *derivable* that other keys or the next events give it again.{stays}",
            "",
            table(["Key", "Type", "Redis is", "When it is lost", "Asked for by"], rows),
        ]
    )


def fields(keyspace: Keyspace, brief: Brief) -> str:
    """Return every field of every key with type, size and meaning."""
    rows = [
        [f"`{p.name}`" if i == 0 else "", f"`{name}`", f.type, f"{f.max_bytes:,}", f.meaning]
        for p in keyspace.patterns
        for i, (name, f) in enumerate(folded(p.fields))
    ]
    facts = [brief.fact(n) for n in ("state_bytes", "member_bytes", "payload_bytes")]
    sizes = "; ".join(f"`{f.name}` {f.value:,.0f} B ({f.where})" for f in facts)
    return "\n".join(
        [
            "### Fields",
            "",
            table(["Key", "Field or member", "Type", "Max bytes", "Meaning"], rows, right=(3,)),
            "",
            f"*Sizes come from {sizes}, and from the types. All of them are text on the wire: integers in decimal, times in Unix "
            "milliseconds of the server's TIME, so that no gateway's clock decides.*",
            "",
            "No field is null: what is unknown is absent. The service refuses a value above its maximum before it sends it. "
            "Events and records are JSON in UTF-8; a reader ignores fields that it does not know and counts events of an "
            "unknown type." + (_VERSION if keyspace.session_entity else ""),
        ]
    )


def encodings(keyspace: Keyspace, setting: bounds.Setting, describe: str) -> str:
    """Return the expected encoding of every key at its bound, against the limits that the live server has."""
    rows = []
    for p in keyspace.keys:
        found = bounds.expected(p, setting)
        rows.append([f"`{p.name}`", p.type, f"{p.max_elements:,.0f}", f"`{found.name}`", found.room])
    return "\n".join(
        [
            "### Encodings at the bound",
            "",
            "A small hash, sorted set or set is a listpack: one block, several times smaller than the large form. One entry too many or one "
            "value too long converts it, and it never converts back (Redis documentation, memory optimization).",
            "",
            table(
                ["Key", "Type", "Elements at the bound", "Expected encoding", "Bound against limit"], rows, right=(2,)
            ),
            "",
            f"*Limits read by CONFIG GET from {describe} (measured). Encodings modelled from them; section 5 measures the bytes.*",
        ]
    )


def data_model(keyspace: Keyspace) -> str:
    """Return one real key of each pattern with its value, as the application reads it."""
    seats = next((f"{p.max_elements:.0f}" for p in keyspace.keys if p.use == "roster"), "")
    lines: list[str] = []
    for p in keyspace.keys:
        value, head = _value(p, seats), f"{naming.example(p.template)}  ({p.type})"
        lines += [f"{head}  {value[0]}"] if len(value) == 1 else [head, *(f"  {line}" for line in value)]
    return "\n".join(
        ["### Data model", "", "One real key of each kind, with sample values.", "", "```text", *lines, "```"]
    )


def _value(pattern: KeyPattern, seats: str) -> list[str]:
    known = {"capacity": seats} if pattern.use == "state" else {"value": "42:ok"} if pattern.use == "idem" else {}
    match pattern.type:
        case "hash":
            return [
                f"{_name(f)} → {known.get(f.name) or _sample(f)}"
                for f in pattern.fields
                if not f.name.startswith("setting_")
            ]
        case "zset":
            score = (
                "1795436430000"
                if any("deadline" in f.meaning or "time" in f.meaning for f in pattern.fields)
                else "1250"
            )
            return [f"{_name(f)} → score {score}" for f in pattern.fields]
        case "list" | "stream":
            if len(pattern.fields) > 1:
                inner = ",".join(f'"{f.name}":{_json(f)}' for f in pattern.fields)
                return ["{" + inner + "}"]
            return [_sample(f) for f in pattern.fields]
        case "set":
            return [_name(f) for f in pattern.fields]
    return [known.get(f.name) or _sample(f) for f in pattern.fields]


def _name(field: Field) -> str:
    name = field.name
    for placeholder in naming.placeholders(name):
        sample = {"kind": "idle", "connection": "c7", "session_id": "01J9Z3K8QW4T", "node_id": "gw-2"}.get(placeholder)
        name = name.replace(f"<{placeholder}>", sample or f"{placeholder.removesuffix('_id')[:1]}-4f2a9c")
    return name


#: Sample values by a word of the field's meaning, before the general one of its type.
_JSON_SAMPLES = (
    ("purpose", '{"purpose":"reset","subject":"u-4f2a9c","made_at":1795436400000}'),
    ("status", '{"status":"done","result":"…"}'),
    ("price", '{"value":"67123.50","seq":42,"at":1795436400000}'),
    ("value", '{"value":"…","seq":42,"at":1795436400000}'),
)


def _sample(field: Field) -> str:
    if field.type == "JSON":
        for word, sample in _JSON_SAMPLES:
            if re.search(rf"\b{word}\b", field.meaning):
                return sample
    if field.name == "op":
        return SAMPLES["ULID"]
    return SAMPLES.get(field.type, "…")[: max(8, field.max_bytes)]


def _json(field: Field) -> str:
    sample = _sample(field)
    return sample if field.type in ("integer", "JSON", "ms") else f'"{sample}"'


def element_writes(keyspace: Keyspace, brief: Brief) -> str:
    """Return how one element of a session's collection is changed atomically: calls, replies, full code."""
    step = next((step for step in library.steps(keyspace) if step.function.name == records.NAME), None)
    if step is None and acting.replaced(keyspace):
        return (
            "### Changing one element\n\nEach collection is changed by the project's own actions (section 7), and by nothing else: an "
            "action is one step with version, log, idempotency, TTL and publish. A plain `ZINCRBY` or `HSET` beside them, even in one "
            "MULTI, would count an operation twice that a client sends again."
        )
    found = step.patterns if step else ()
    if not found or functions.missing(keyspace):
        return (
            "### Changing one element\n\nEach key is changed by a single command, by one MULTI, or by the function of section 7 that does the "
            "same in one step; the registry in section 1 says which under *Written by*. What changes together shares a hash tag."
        )
    rows = [
        [f"`{p.name}`", f"`{records.command_for(p)}`", _name(p.fields[0]), f"{p.max_elements:,.0f}", p.at_bound]
        for p in found
    ]
    first, ttl = found[0], keyspace.pattern("state").ttl.seconds
    idem = keyspace.pattern("idem").ttl.seconds
    names = [naming.example(keyspace.pattern(n).template) for n in ("state", "log", "idem")] + [
        naming.example(first.template)
    ]
    value = {"list": "", "set": ""}.get(first.type, "1")
    channel = naming.example(keyspace.pattern("events").template)
    call = (
        "FCALL", records.NAME, "4", *names, channel, "01J9Z3KAW2M7R4QX8V6T1N5B0D", "", first.name, "{}", str(ttl),
        functions.log_argument(keyspace), str(idem), records.command_for(first), f"{first.max_elements:.0f}", _name(first.fields[0]),
        *([value] if value else []),
    )  # fmt: skip
    return "\n".join(
        [
            "### Changing one element",
            "",
            "The state is changed by `session_apply` (section 7). What lies in a collection of its own is changed by `session_record`, "
            "which is one step with version, log, idempotency, TTL and publish: a plain `ZINCRBY` or `HSET` beside `session_apply`, "
            "even in one MULTI, would count an operation twice that a client sends again.",
            "",
            table(["Key", "Command", "Element", "Bound (`most`)", "At the bound"], rows, right=(3,)),
            "",
            f"Further keys of the {keyspace.session_noun} may follow the fourth: their TTL is refreshed in the same step. A call:",
            "",
            command_block.block([command_block.line(keyspace, call)]),
            "",
            'Replies: `[version, "ok"]`; `"duplicate"` (with the first answer\'s version), `"conflict"`, `"gone"`, `"full"` and '
            '`"taken"` wrote nothing. Errors BADARG, BADDATA, WRONGTYPE and OOM wrote nothing either. Its cost is O(1) for a hash '
            "or set, O(log n) for a sorted set, O(1) with the exact trim for a list.",
            "",
            f"Its code is the library `{records.LIBRARY}` in section 7.",
        ]
    )
