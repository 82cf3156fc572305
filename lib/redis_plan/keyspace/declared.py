"""Declared: the keys and channels that a team declares in ``redis-plan.toml``, as those of the design.

What an entry leaves out is taken from the records of a session, or from short-lived records where the key belongs to none,
and from ``data/catalog/own_keys.toml``; a channel is taken to carry lossy signals of a session, or the changes of a topic.
A declared key takes the place of the design's key of the same name or entity, a channel that of the same name.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from redis_plan.brief.model import Brief, Declared, Entity
from redis_plan.brief.overrides.values import read_amount
from redis_plan.errors import OverrideError
from redis_plan.keyspace import cues, functions
from redis_plan.keyspace.catalog import FieldSpec, KeySpec, TtlSpec, use_patterns
from redis_plan.keyspace.model import SHARDED, Candidate, Keyspace, Leavers
from redis_plan.keyspace.settled import FILE
from redis_plan.keyspace.together import RECORD
from redis_plan.keyspace.uses import Use
from redis_plan.resources import catalog_dir

#: The uses that declared keys and channels stand under, in a session and outside of one.
IN_SESSION, OUTSIDE = "records", "things"
SIGNALS, TOPIC = "typing", "feed"
#: Channels that the design keeps for itself.
_KERNELS = ("events", "probe")
_SESSION_TAG = "<session_id>"
_WHOLE = re.compile(
    r"(?:(?P<app>[0-9]*[a-z][a-z0-9-]*):v(?P<schema>[1-9]\d*):)?(?:\{(?P<tag>[^{}]*)\}:)?(?P<part>[^{}]+)"
)
_PART = re.compile(r"(?P<name>[a-z][a-z0-9-]*)(?::<[a-z][a-z0-9_]*>)*")

Fault = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Own:
    """A declared key or channel: its name, the use that it stands under, its specification, and its line in redis-plan.toml."""

    name: str
    use: Use
    spec: KeySpec
    line: int


def keys(brief: Brief, ground: Keyspace, has_session: bool) -> tuple[Own, ...]:
    """Return the declared keys and channels; raises :class:`OverrideError` with file and line for the first fault."""
    found, faults = examine(brief, ground, has_session)
    if faults:
        line, says = faults[0]
        raise OverrideError(f"{FILE}:{line}: {says}")
    return found


def examine(brief: Brief, ground: Keyspace, has_session: bool) -> tuple[tuple[Own, ...], tuple[Fault, ...]]:
    """Return the declared keys and channels that are in order, and what is wrong with the others, by line.

    ``ground`` says how the project's keys begin.
    """
    made: list[Own] = []
    faults: list[Fault] = []
    for one, read in [*((key, _key) for key in brief.settled.keys), *((c, _channel) for c in brief.settled.channels)]:
        try:
            own = read(one, brief, ground, has_session)
        except _WrongError as wrong:
            faults.append((one.line(wrong.part), str(wrong)))
            continue
        if any(own.name == other.name for other in made):
            faults.append(
                (
                    one.line("template"),
                    f"another declared key or channel is called {own.name!r}; call this one otherwise",
                )
            )
        else:
            made.append(own)
    return tuple(made), tuple(faults)


def instead_of(own: Sequence[Own], name: str, use: Use) -> bool:
    """Whether one of ``own`` takes the place of the design's key ``name`` of ``use``."""
    given = {e.name for one in own for e in one.use.entities}
    mine = {e.name for e in use.entities}
    return any(one.name == name for one in own) or (use.pattern.when == "fallback" and bool(mine) and mine <= given)


def check_names(own: Sequence[Own], there: Iterable[tuple[str, KeySpec]]) -> None:
    """Raise :class:`OverrideError` where a declared channel has the name of a key of the design: it can't take its place."""
    keys = {name: spec.holds for name, spec in there if spec.type != "channel"}
    for one in own:
        if one.spec.type == "channel" and one.name in keys:
            raise OverrideError(
                f"{FILE}:{one.line}: {one.name!r} is a key of this design: call the channel otherwise, such as {one.name}-signals"
            )


class _WrongError(ValueError):
    """A fault of one entry, and the part of it that it lies in."""

    def __init__(self, part: str, says: str) -> None:
        super().__init__(says)
        self.part = part


@cache
def _usual() -> dict[str, Any]:  # Any: a TOML table
    return tomllib.loads((catalog_dir() / "own_keys.toml").read_text("utf-8"))


def _key(one: Declared, brief: Brief, ground: Keyspace, has_session: bool) -> Own:
    said, usual = one.said, _usual()[one.said["type"]]
    name, part, tag = _place(said["template"], ground, has_session)
    in_session = tag == _SESSION_TAG and has_session
    pattern = next(p for p in use_patterns() if p.use == (IN_SESSION if in_session else OUTSIDE))
    entities = tuple(_entities(said, name, brief))
    candidate = Candidate(
        "declared", said["type"], "as the team declares it", tuple(usual["write"]), tuple(usual["read"])
    )
    base = pattern.key[0]
    spec = replace(
        base,
        name=name,
        part=part,
        type=said["type"],
        tag="" if in_session else tag,
        holds=said.get("holds") or (f"{cues.plural(cues.singular(entities[0].name))} as the team declares them" if entities else "what the team declares"),
        ttl=_ttl(said, base, in_session),
        deleted_by=said.get("owner") or base.deleted_by,
        writers=(f"the actions that name it ({FILE}:{one.line()})",),
        fields=tuple(_fields(said, usual)),
        max_elements=float(said.get("max_elements") or usual["most"]),
        typical_elements=base.typical_elements if usual["most"] > 1 and "max_elements" not in said else "",
        at_bound=said.get("at_bound") or usual["at_bound"],
        leavers=_leavers(said, part, in_session),
        functions=tuple(f for f in base.functions if f != RECORD),
        candidate=(candidate,),
        prefer=(candidate.name,),
        because=f"declared by the team ({FILE}:{one.line()})",
        variant={},
    )  # fmt: skip
    return Own(name, Use(pattern, entities, (), 1.0, f"{FILE}:{one.line()}"), spec, one.line())


def _channel(one: Declared, brief: Brief, ground: Keyspace, has_session: bool) -> Own:
    said, where = one.said, f"{FILE}:{one.line()}"
    name, part, of_session = _place_of_channel(said["template"], ground, has_session)
    pattern = next(p for p in use_patterns() if p.use == (SIGNALS if of_session else TOPIC))
    base = pattern.key[0]
    message = base.fields[0]
    rate = said.get("rate", 10)
    spec = replace(
        base,
        name=name,
        part=part,
        holds=said.get("holds") or base.holds,
        writers=(f"gateway, at most {rate} a second and connection, coalesced",),
        fields=(replace(message, max_bytes=float(said.get("max_bytes", 120))),),
        writes=f"{rate} * sessions_peak * members_per_session",
        candidate=tuple(c for c in base.candidate if c.name in ("pubsub", SHARDED)),
        because=f"declared by the team ({where})",
    )
    entities = tuple(_entities(said, name, brief)) if "entity" in said else ()
    return Own(name, Use(pattern, entities, (), 1.0, where), spec, one.line())


def _place_of_channel(template: str, ground: Keyspace, has_session: bool) -> tuple[str, str, bool]:
    """Return name and part of a channel, and whether it is one of each session; raises where it is no name of a channel."""
    starts = f"{ground.app}:v{ground.schema_version}:"
    good = f"<env>:{starts}{{{_SESSION_TAG}}}:cursors" if has_session else f"<env>:{starts}news"
    found = _WHOLE.fullmatch(template.removeprefix("<env>:"))
    part = _PART.fullmatch(found["part"]) if found else None
    if found is None or part is None:
        raise _WrongError("template", f"{template!r} is no name of a channel: write it as {good}, ids as <object_id>")
    if found["app"] and f"{found['app']}:v{found['schema']}:" != starts:
        raise _WrongError(
            "template", f"{template!r} does not begin with <env>:{starts} as this project's do; write {good}"
        )
    if found["tag"] not in (None, _SESSION_TAG) or (found["tag"] and not has_session):
        raise _WrongError(
            "template", f"{template!r} has the hash tag {{{found['tag']}}}, which no channel here has; write {good}"
        )
    if part["name"] in _KERNELS or part["name"] in functions.TYPES:
        raise _WrongError("template", f"{part['name']!r} is the kernel's own: call yours otherwise")
    of_session = has_session and (found["tag"] is not None or not found["app"])
    return part["name"], found["part"], of_session


def _place(template: str, ground: Keyspace, has_session: bool) -> tuple[str, str, str]:
    """Return name, part and hash tag of a template; raises where its keys would lie elsewhere than the design's."""
    starts = f"{ground.app}:v{ground.schema_version}:"
    good = f"{starts}{{{_SESSION_TAG}}}:objects" if has_session else f"{starts}{{<object_id>}}:objects"
    found = _WHOLE.fullmatch(template)
    part = _PART.fullmatch(found["part"]) if found else None
    if found is None or part is None:
        raise _WrongError(
            "template", f"{template!r} is no name of a key: write it as {good}, ids as <object_id> behind colons"
        )
    if found["app"] and f"{found['app']}:v{found['schema']}:" != starts:
        raise _WrongError(
            "template",
            f"{template!r} does not begin with {starts} as the keys of this project do; write {good}, or say [project] prefix",
        )
    tag = found["tag"] if found["app"] or found["tag"] is not None else (_SESSION_TAG if has_session else None)
    if has_session and tag != _SESSION_TAG:
        lies = f"its hash tag is {{{tag}}}" if tag else "it has no hash tag"
        raise _WrongError(
            "template",
            f"{template!r} lies in another slot than the session's keys: {lies}; write {starts}{{{_SESSION_TAG}}}:{found['part']}",
        )
    if not tag:
        raise _WrongError("template", f"{template!r} has no hash tag, which tells its slot; write {good}")
    if part["name"] in functions.TYPES:
        raise _WrongError(
            "template",
            f"{part['name']!r} is a key that the kernel keeps: call yours otherwise, or leave it to the kernel",
        )
    return part["name"], found["part"], tag


def _leavers(said: dict[str, Any], part: str, in_session: bool) -> Leavers | None:  # Any: a TOML table
    wanted: Leavers | None = said.get("leavers")
    if wanted and (not in_session or said["type"] not in ("hash", "zset") or "<" in part):
        raise _WrongError(
            "leavers",
            "leavers is for a hash or zset of the session with one entry a member and no id behind a colon; leave it out",
        )
    return wanted


def _entities(said: dict[str, Any], name: str, brief: Brief) -> Iterator[Entity]:  # Any: a TOML table
    wanted = said.get("entity") or name
    found = next((e for e in brief.entities if any(cues.same(n, wanted) for n in (e.name, *e.aliases))), None)
    if found is not None:
        yield found
    elif "entity" in said:
        names = [e.name for e in brief.entities]
        near = difflib.get_close_matches(wanted, names, 1)
        hint = (
            f"did you mean {near[0]}?"
            if near
            else f"add it under [entities], or take one of {', '.join(names) or 'none'}"
        )
        raise _WrongError("entity", f"no entity is called {wanted!r}; {hint}")


def _ttl(said: dict[str, Any], base: KeySpec, in_session: bool) -> TtlSpec:  # Any: a TOML table
    if "ttl" not in said or said["ttl"] == "session":
        return base.ttl
    try:
        seconds = read_amount(said["ttl"], "s")
    except ValueError as wrong:
        raise _WrongError("ttl", f"ttl must be a time, such as “15 s”; {said['ttl']!r} {wrong}") from None
    if in_session and said["type"] != "string":
        raise _WrongError(
            "ttl",
            f"a {said['type']} of a session ends with the session, in one step with its other keys: leave ttl out, and keep an earlier end in the record, or declare a string",
        )
    return TtlSpec("fixed", f"declared by the team: {said['ttl']}", seconds)


def _fields(said: dict[str, Any], usual: dict[str, Any]) -> Iterator[FieldSpec]:  # Any: TOML tables
    for entry in said.get("fields") or [usual["field"]]:
        yield FieldSpec(
            entry["name"], entry.get("type", "text"), float(entry.get("max_bytes", 64)), entry.get("meaning", "")
        )
