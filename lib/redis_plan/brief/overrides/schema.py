"""Schema: what ``ai/redis-plan.toml`` may say, as pydantic models; also published as JSON Schema.

An entry that usually is one word or one number may be written as that alone (``Short``): ``idle_ttl = "30 min"`` is
``idle_ttl = { value = "30 min" }``. Names of facts and of uses come from the catalog, so that this module knows none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from redis_plan.brief.slug import SLUG_BYTES

#: What texts must look like: ``prd.md:31`` or ``prd.md:31-34``, one line, a key's prefix, a language, a server.
PLACE = r"^[^:\s]+\.md:[1-9]\d*(-[1-9]\d*)?$"
DOCUMENT_LINE = r"^[^:\s]+\.md:[1-9]\d*$"
PREFIX = r"^[0-9]*[a-z][a-z0-9-]*$"
LANGUAGE = r"^[a-z]{2}$"
SERVER = r"(?i)^(redis|valkey)(\s+v?\d+(\.\d+){0,2})?$"
TEXT = r"\S"
NAME = r"^[a-z][a-z0-9_]{0,39}$"
KIND = r"^[a-z]+\.[a-z_]+$"
LUA = r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*\.lua$"
STRUCTURES = ("string", "hash", "list", "set", "zset", "stream", "channel")

Lifetime = Literal["connection", "session", "temporary", "durable", "unknown"]
Kind = Literal["functional", "non-functional", "constraint", "out-of-scope"]
UseName = Annotated[str, WithJsonSchema({"format": "use"})]  # the catalog says which there are
Text = Annotated[str, Field(min_length=1, pattern=TEXT)]
Word = dict[str, str | list[str]]  # a guard or an effect with its options; the catalog says which there are
RoleName = Literal["host", "cohost", "moderator", "spectator", "member"]
ArgumentForm = Literal["id", "text", "name", "json", "whole", "count", "number"]


def _listed(value: Any) -> Any:  # Any: what a user wrote
    return [value] if isinstance(value, str) else value


class Table(BaseModel):
    """A table of the file: a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Cited(Table):
    """An entry that may say where it stands; ``quote`` must stand on the line that ``cite`` names."""

    cite: str | None = Field(None, pattern=PLACE, description="Line that says so, as prd.md:31 (or prd.md:31-34).")
    quote: Text | None = Field(None, description="Words of the cited line, as they stand there.")

    @model_validator(mode="after")
    def _quoted_somewhere(self) -> Cited:
        if self.quote and not self.cite:
            raise PydanticCustomError("uncited", 'a quote needs its place; add cite = "prd.md:31"')
        return self


class Short(Cited):
    """An entry that may be written as the one value ``short`` instead of a table."""

    short: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _wrapped(cls, value: Any) -> Any:  # Any: what a user wrote
        """Wrap a plain value into the table that it stands for."""
        return value if isinstance(value, Mapping) else {cls.short: value}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Say that both ways of writing are good."""
        found = handler(core)
        plain = handler.resolve_ref_schema(found)["properties"][cls.short]
        return {"anyOf": [{k: v for k, v in plain.items() if k != "title"}, found]}


class Project(Table):
    """What the product is called."""

    name: Text | None = Field(None, description="The product's name, without “requirements document” and the like.")
    prefix: str | None = Field(
        None,
        pattern=PREFIX,
        max_length=SLUG_BYTES,
        description="First part of every key; what the notes decide, or else the name's slug, if left out.",
    )
    language: str | None = Field(
        None, pattern=LANGUAGE, description="Language of the documents, as in ISO 639-1: en, pl, ja."
    )


class Naming(Table):
    """The older place of ``[project] prefix``."""

    prefix: str | None = Field(None, pattern=PREFIX, max_length=SLUG_BYTES, description="As [project] prefix.")


class Session(Cited):
    """What its members share live, from its start to its end."""

    noun: Text | None = Field(None, description="What a session is called here, singular: room, auction, board, match.")
    none: bool = Field(False, description="true: nothing is shared live by people who are in it together.")
    member: Text | None = Field(None, description="What somebody in a session is called, singular: player, bidder.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Session:
        if self.none and (self.noun or self.member):
            raise PydanticCustomError(
                "both", "none = true says that there is no session; drop it or the noun and the member"
            )
        return self


class FactEntry(Short):
    """One number that the design is computed from."""

    short: ClassVar[str] = "value"
    value: float | str = Field(
        description='A number in the base unit, text with a unit ("90 s", "60 kB"), or "not said".'
    )
    low: float | str | None = Field(None, description="Lower end of a range that the documents give.")
    high: float | str | None = Field(None, description="Upper end of a range that the documents give.")
    because: Text | None = Field(
        None, description="How it follows, where the cited line does not have the number itself."
    )


class EntityEntry(Cited):
    """What the team knows of one thing whose state the application keeps."""

    lifetime: Lifetime | None = Field(
        None,
        description="How long its state lives: connection, session, temporary (own TTL), durable (the database owns it).",
    )
    realtime: bool | None = Field(None, description="Others watch it change while they are connected.")
    aliases: list[Text] = Field([], description="Other names of it in the documents.")


class AddedEntity(EntityEntry, Short):
    """A thing that was not found in the documents."""

    short: ClassVar[str] = "name"
    name: Text = Field(description="Its name, singular.")


class Entities(Table):
    """Things whose state the application keeps."""

    complete: bool = Field(
        False,
        description="true: those under [entities.set], add and rename are all there are; others that were read are dropped.",
    )
    add: list[AddedEntity] = Field([], description="Things that were not found.")
    drop: list[Text] = Field([], description="Names that were read and are no things of this product.")
    rename: dict[str, Text] = Field({}, description="Name as it was read = name as it is.")
    set: dict[str, EntityEntry] = Field({}, description="Name = what it is; a name that was not read is added.")


class TakenUse(Short):
    """A use of Redis that this product needs."""

    short: ClassVar[str] = "use"
    use: UseName = Field(description="A name of the vocabulary.")
    entity: Annotated[list[Text], BeforeValidator(_listed)] = Field(
        [],
        description="The entity that it keeps, or a list of them.",
        json_schema_extra={"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    )
    serves: list[Text] = Field(
        [], description="Demands that it serves besides the cited one: lines (prd.md:31) or ids."
    )
    because: Text | None = Field(None, description="Why, where no line says it.")


class DroppedUse(Short):
    """A use of Redis that this product does not need."""

    short: ClassVar[str] = "use"
    use: UseName = Field(description="A name of the vocabulary.")
    because: Text | None = Field(None, description="Why not.")


class Uses(Table):
    """What Redis does for the product."""

    complete: bool = Field(False, description="true: the uses under take are all there are.")
    take: list[TakenUse] = Field([], description="Uses that the product needs, whatever was read.")
    drop: list[DroppedUse] = Field([], description="Uses that it does not need.")


class Stack(Table):
    """Which parts of the stack the design depends on."""

    server: str | None = Field(
        None,
        pattern=SERVER,
        description='Redis or Valkey with its version: "Redis 7.4".',
    )
    client: Text | None = Field(
        None, description="Redis client library: ioredis, node-redis, redis-py, go-redis, Lettuce …"
    )
    websocket: Text | None = Field(
        None, description="What speaks WebSocket to the browsers: Socket.IO, ws, Phoenix Channels …"
    )


class Fit(Short):
    """Whether the product needs Redis at all."""

    short: ClassVar[str] = "verdict"
    verdict: Literal["core", "useful", "no"] = Field(
        description="core: shared live state is what it is about; useful; no: one database does."
    )
    because: Text | None = Field(None, description="Why.")


class DemandEntry(Cited):
    """What a demand is."""

    kind: Kind | None = Field(None, description="functional, non-functional, constraint or out-of-scope.")
    realtime: bool | None = Field(None, description="It asks that others see a change while they are connected.")


class AddedDemand(Short):
    """A line that is a demand and was not read as one."""

    short: ClassVar[str] = "line"
    line: str = Field(pattern=DOCUMENT_LINE, description="Where it stands: prd.md:31.")
    id: Text | None = Field(None, description="Its id; made from the line if left out.")
    kind: Kind = Field("functional", description="functional, non-functional, constraint or out-of-scope.")
    realtime: bool = Field(False, description="It asks that others see a change while they are connected.")


class Demands(Table):
    """Statements of demand, each named by its line (prd.md:31) or its id."""

    add: list[AddedDemand] = Field([], description="Lines that are demands and were not read as such.")
    drop: list[Text] = Field([], description="Lines or ids that are no demands.")
    set: dict[str, DemandEntry] = Field({}, description="Line or id = what it is.")


class RefusedKey(Short):
    """A key of the team's own that the design should not follow."""

    short: ClassVar[str] = "key"
    key: Text = Field(description="The key pattern as the documents write it.")
    because: Text | None = Field(None, description="Why not.")


class DeclaredField(Short):
    """A field of a declared key: of a hash, or what an element of another type holds."""

    short: ClassVar[str] = "name"
    name: Text = Field(description="Its name; <object_id> for one field an object.")
    type: Text = Field("text", description="What it holds: text, int, JSON, record …")
    max_bytes: int = Field(64, ge=1, description="Bytes at most, which memory is computed from.")
    meaning: str = Field("", description="What it says.")


class DeclaredKey(Cited):
    """A key of the team's own design."""

    template: Text = Field(description="The whole name, app:v1:{<session_id>}:objects, or what follows the session.")
    type: Literal["string", "hash", "list", "set", "zset", "stream"] = Field(description="Its Redis type.")
    entity: Text | None = Field(
        None,
        description="The entity that it keeps; it takes the place of the design's key of that entity. Left out: a key beside it.",
    )
    holds: Text | None = Field(None, description="What it holds, in words.")
    hidden: bool = Field(False, description="Whether others may never see it: no snapshot and no event has it.")
    fields: list[DeclaredField] = Field([], description="Its fields.")
    ttl: float | str | None = Field(None, description='A time such as "15 s"; left out: as long as the session.')
    owner: Text | None = Field(None, description="Who deletes it; left out: what removes the session.")
    max_elements: int | None = Field(None, ge=1, description="Elements at most.")
    at_bound: Text | None = Field(None, description="What happens at that bound.")
    leavers: Literal["go", "stay"] | None = Field(
        None,
        description="What becomes of a member's entry when the seat ends: it goes too, or stays as in a ranking.",
    )


class Keys(Table):
    """Key patterns that the documents themselves name, and declared ones, which are written as [[keys]]."""

    adopt: list[Text] = Field([], description="Key patterns of the documents that stand as they are.")
    refuse: list[RefusedKey] = Field([], description="Key patterns of the documents that the design should not follow.")
    declare: list[DeclaredKey] = Field([], description="Key patterns of the team's own; [[keys]] says the same.")


class DeclaredChannel(Cited):
    """A Pub/Sub channel of the team's own, for what is stored nowhere and raises no version: cursors, reactions."""

    template: Text = Field(
        description="The whole name, <env>:app:v1:{<session_id>}:cursors, or what follows the session."
    )
    entity: Text | None = Field(None, description="The entity that its messages are about.")
    holds: Text | None = Field(None, description="What its messages say, in words.")
    max_bytes: int = Field(120, ge=1, description="Bytes of a message at most.")
    rate: int = Field(10, ge=1, description="Messages a second at most from one member; the gateway keeps to it.")


class DeclaredRole(Cited):
    """A role in the project's own word; its rights are those of a role of the catalog, which the functions check."""

    name: Text = Field(description="What the documents call it, singular: teacher, referee.")
    like: RoleName = Field(description="The catalog's role whose rights it has.")
    most: int | None = Field(None, ge=1, description="How many of a session may have it.")


class DeclaredParameter(Table):
    """A number of a declared action that a caller may set; one of the catalog's action is its name and the value here."""

    name: str = Field(pattern=NAME, description="Its name.")
    default: int = Field(ge=0, description="Its value where nobody sets it.")
    unit: Text | None = Field(None, description="ms, or what it counts; not needed for one of the catalog's action.")
    says: Text | None = Field(None, description="What it is for; not needed for one of the catalog's action.")


class DeclaredAction(Cited):
    """One thing that somebody or something does; what it leaves out is filled from the catalog's action that it is like."""

    name: str = Field(pattern=NAME, description="Its name in the project's own words: move_shape.")
    actor: Annotated[list[Text], BeforeValidator(_listed)] = Field(
        [],
        description="Who does it: member, host, cohost, moderator, spectator, anyone, worker; or a list of them.",
        json_schema_extra={"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    )
    on: Text | None = Field(None, description="The entity that it is done to.")
    like: str | None = Field(None, pattern=KIND, description="The catalog's action that it changes: objects.change.")
    says: Text | None = Field(None, description="One sentence: what it does.")
    guards: list[Word] | None = Field(None, description="Conditions of the vetted set, checked before the first write.")
    effects: list[Word] | None = Field(None, description="Changes of the vetted set, done once every guard has passed.")
    lua: str | None = Field(None, pattern=LUA, description="A file of own Lua beside this one, run behind the guards.")
    keys: list[Text] = Field([], description="Keys that the own Lua reads or writes, by name.")
    arguments: dict[str, ArgumentForm] = Field({}, description="Further arguments of the caller: name = form.")
    takes: list[Text] = Field([], description="Arguments of the vocabulary that the own Lua reads.")
    parameters: list[DeclaredParameter] | None = Field(None, description="Numbers that a caller may set.")
    announces: str | None = Field(None, pattern=NAME, description="Type of the event.")
    audience: Literal["all", "target", "leaders", "nobody"] | None = Field(None, description="Who is told.")
    shows: list[Text] | None = Field(None, description="What the event's data holds.")
    hides: list[Text] | None = Field(None, description="Arguments that are in no event and in no snapshot.")
    results: dict[str, Text] = Field({}, description="Refusals of the own Lua, and other words for what results say.")
    serves: list[Text] = Field([], description="Demands that it carries out: lines (prd.md:31) or ids.")


class File(Table):
    """``ai/redis-plan.toml``: what a team corrects in how its documents were read. Every table and key is optional."""

    project: Project = Project()
    naming: Naming = Naming()
    session: Session = Session()
    facts: dict[str, FactEntry] = {}
    entities: Entities = Entities()
    uses: Uses = Uses()
    structures: dict[str, str] = Field(
        {},
        description="Key or use = the structure that holds it: string, hash, list, set, zset, stream, channel, or a candidate's own name.",
    )
    stack: Stack = Stack()
    fit: Fit | None = None
    demands: Demands = Demands()
    keys: Keys = Keys()
    channels: list[DeclaredChannel] = Field([], description="Pub/Sub channels of the team's own.")
    roles: list[DeclaredRole] = Field([], description="Roles in the project's own words.")
    actions: list[DeclaredAction] = Field([], description="What people, devices and timers do, declared by the team.")


def model_in(annotation: Any) -> type[BaseModel] | None:  # Any: a type, or a generic alias of types
    """Return the table that a key of this type holds, one or many of them; None where it holds values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (model_in(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model), None)
