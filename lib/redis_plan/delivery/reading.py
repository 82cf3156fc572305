"""Reading: keyspace.json as a team has edited it, back into a keyspace that the linter can look at.

The classes below say in Python what ``data/catalog/keyspace.schema.json`` says; a test holds the two together. Candidates
are no part of the file: they come from the catalog, by the use of a key.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from redis_plan.delivery import registry
from redis_plan.errors import DocumentError
from redis_plan.keyspace import model
from redis_plan.keyspace.catalog import KeySpec, use_patterns

_Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
_App = Annotated[str, Field(pattern=r"^[0-9]*[a-z][a-z0-9-]*$")]
_Template = Annotated[str, Field(pattern=r"^[a-z<{]\S*$")]
_Texts = tuple[Annotated[str, Field(min_length=1)], ...]
_Size = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_KeyType = Literal["string", "hash", "list", "set", "zset", "stream"]


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("holds a name twice")
    return names


_Placeholders = Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], ...], AfterValidator(_unique)]


class _Object(BaseModel):
    """An object with exactly these members."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Grammar(_Object):
    ebnf: str
    key: str
    id: str
    max_id_bytes: Annotated[int, Field(ge=1)]


class _Session(_Object):
    noun: str
    member: str
    entity: str


class _Requirement(_Object):
    id: str
    where: Annotated[str, Field(pattern=r"^.+:[0-9]+$")]


class _Ttl(_Object):
    policy: model.TtlPolicy
    seconds: Annotated[int, Field(ge=1)] | None
    because: str

    @model_validator(mode="after")
    def _agrees(self) -> _Ttl:
        if (self.policy == "none") != (self.seconds is None):
            raise ValueError("policy none goes with seconds null, another policy with a number of seconds")
        return self


class _Bound(_Object):
    elements: _Size
    typical_elements: _Size = -1.0  # left out: as many as there may be
    keys: _Size
    at_bound: str = ""


class _Field(_Object):
    name: str
    type: str
    max_bytes: Annotated[int, Field(ge=0)]
    meaning: str = ""


class _Named(_Object):
    name: _Slug
    template: _Template
    placeholders: _Placeholders
    hash_tag: str
    acl: str
    example: str
    scope: model.Scope
    use: str
    holds: str
    written_by: _Texts
    read_by: _Texts
    when_lost: str = ""
    requirements: tuple[_Requirement, ...]


class _Key(_Named):
    type: _KeyType
    structure: str = ""
    ttl: _Ttl
    deleted_by: str
    bound: _Bound
    authoritative: bool = True
    fields: tuple[_Field, ...]
    functions: _Texts


class _Channel(_Named):
    sharded: bool


class _Function(_Object):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    fcall: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] = ""
    keys: _Texts
    more_keys: bool
    args: str
    flags: _Texts
    serves: _Texts = ()
    returns: str
    script: str
    sha1: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class _File(_Object):
    dialect: Annotated[Literal["keyspace.schema.json"], Field(alias="$schema")]
    format: Annotated[int, Field(ge=registry.FORMAT, le=registry.FORMAT)]
    app: _App
    schema_version: Annotated[int, Field(ge=1)]
    grammar: _Grammar
    session: _Session | None
    keys: tuple[_Key, ...]
    channels: tuple[_Channel, ...]
    functions: tuple[_Function, ...]


def keyspace_of(text: str, name: str) -> model.Keyspace:
    """Return the keyspace that ``text`` (keyspace.json) holds; ``name`` is what errors call the file.

    Raises :class:`DocumentError` with the line where the text is no JSON, or with the place in the data that does not
    fit the schema.
    """
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise DocumentError(f"{name}:{error.lineno}: is not JSON: {error.msg} (column {error.colno})") from None
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{name}: is not JSON that can be read: {error}") from None
    try:
        found = _File.model_validate_json(text)
    except ValidationError as error:
        raise DocumentError(f"{name}: {_says(error)}") from None
    patterns = (*map(_key, found.keys), *map(_channel, found.channels))
    session = found.session
    return model.Keyspace(
        app=found.app,
        schema_version=found.schema_version,
        session_noun=session.noun if session else "session",
        patterns=patterns,
        member_noun=session.member if session else "member",
        session_entity=session.entity if session else "",
    )


def _says(error: ValidationError) -> str:
    """Return the first fault as a place in the file and what is wrong there, and how many others there are."""
    faults = error.errors(include_url=False)
    first, more = faults[0], len(faults) - 1
    place = ""
    for part in first["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    what = first["msg"].removeprefix("Value error, ")
    words = {"missing": "is missing", "extra_forbidden": "is no member of the format"}
    said = f"{place or 'the file'}: {words.get(first['type'], what[:1].lower() + what[1:])}"
    return said + (f" (and {more} more)" if more else "")


def _key(found: _Key) -> model.KeyPattern:
    spec = _spec(found.use, found.structure, found.type)
    bound = found.bound
    return model.KeyPattern(
        type=found.type,
        ttl=model.TtlRule(found.ttl.policy, found.ttl.seconds, found.ttl.because),
        deleted_by=found.deleted_by,
        fields=tuple(model.Field(f.name, f.type, f.max_bytes, f.meaning) for f in found.fields),
        max_elements=bound.elements,
        typical_elements=bound.typical_elements if bound.typical_elements >= 0 else bound.elements,
        per_session=bound.keys,
        at_bound=bound.at_bound,
        authoritative=found.authoritative,
        candidates=spec.candidate if spec else (),
        chosen=found.structure if spec else "",
        functions=found.functions,
        **_common(found, found.when_lost),
    )


def _channel(found: _Channel) -> model.KeyPattern:
    structure = model.SHARDED if found.sharded else "pubsub"
    spec = _spec(found.use, structure, "channel")
    return model.KeyPattern(
        type="channel",
        ttl=model.TtlRule("none", None, ""),
        deleted_by="",
        candidates=spec.candidate if spec else (),
        chosen=structure if spec else "",
        **_common(found, found.when_lost or (spec.when_lost if spec else "")),
    )


def _common(found: _Named, when_lost: str) -> dict[str, Any]:  # Any: values of several fields
    return {
        "name": found.name,
        "template": found.template,
        "use": found.use,
        "holds": found.holds,
        "scope": found.scope,
        "writers": found.written_by,
        "readers": found.read_by,
        "requirements": tuple(r.id for r in found.requirements),
        "when_lost": when_lost,
    }


def _spec(use: str, structure: str, type: str) -> KeySpec | None:
    """Return the catalog's key of ``use`` that ``structure`` can hold, or None for a key of the team's own."""
    specs = (spec for pattern in use_patterns() if pattern.use == use for spec in pattern.key)
    return next((s for s in specs if any((c.name, c.type) == (structure, type) for c in s.candidate)), None)
