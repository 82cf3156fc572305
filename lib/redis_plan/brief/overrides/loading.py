"""Loading: ``ai/redis-plan.toml`` checked against its schema and the catalog; a fault is one line with its place."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from redis_plan import units
from redis_plan.brief.overrides.positions import Path as Keys
from redis_plan.brief.overrides.positions import Span, line_of, positions
from redis_plan.brief.overrides.schema import STRUCTURES, FactEntry, File, RoleName
from redis_plan.brief.overrides.values import NOT_SAID, read_amount
from redis_plan.brief.overrides.vocabulary import use_words
from redis_plan.brief.overrides.wording import explained, place_of, unknown, wanted
from redis_plan.brief.reconcile.catalogue import Entry, catalogue
from redis_plan.errors import OverrideError

NAME = "redis-plan.toml"
_TWO_KINDS = {"[keys]", "[[keys]]"}
#: A table with what belongs to it on one line, as prose writes it: `[facts] idle_ttl = 1800`.
_ONE_LINE = re.compile(r"\s*(\[\[?[\w.]+\]\]?)\s+[\w\"]+\s*=")
_CANDIDATE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")  # a structure by its own name: "string-per-op"


@dataclass(frozen=True, slots=True)
class Amount:
    """A fact of the team in its base unit, with the ends of its range where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Overrides:
    """The team's corrections, checked; :meth:`line` says where in the file each of them stands."""

    file: File = field(default_factory=File)
    amounts: Mapping[str, Amount] = field(default_factory=dict)
    spans: Mapping[Keys, Span] = field(default_factory=dict)
    present: bool = False
    lua: Mapping[str, str] = field(default_factory=dict)  # the files of own Lua that actions name, by name

    def line(self, *path: str | int) -> int:
        """Return the line of ``path`` in the file."""
        return line_of(self.spans, path)


def read_overrides(folder: Path) -> Overrides:
    """Return the overrides of a document folder; raises :class:`OverrideError` with file, line and a suggestion."""
    path = folder / NAME
    return with_lua(parse_overrides(read_text(path), str(path)), folder) if path.exists() else Overrides()


def with_lua(given: Overrides, folder: Path) -> Overrides:
    """Return ``given`` with the files of own Lua that its actions name; raises where one can't be read."""
    found = {}
    for n, action in enumerate(given.file.actions):
        if action.lua:
            path = folder / action.lua
            if not path.is_file():
                line = given.line("actions", n, "lua")
                raise OverrideError(
                    f"{folder / NAME}:{line}: there is no {path}; write it, or say what {action.name} does by effects"
                )
            found[action.lua] = read_text(path)
    return replace(given, lua=found)


def read_text(path: Path) -> str:
    """Return the text of a TOML file; raises :class:`OverrideError` where it can't be read."""
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise OverrideError(f"{path}:{line}: is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise OverrideError(f"{path}: can't be read: {error.strerror}") from None


def parse_overrides(text: str, name: str = NAME) -> Overrides:
    """Return the overrides that ``text`` says; raises :class:`OverrideError` for its first fault, by line."""
    found, faults = examine(text)
    if faults:
        line, what = faults[0]
        raise OverrideError(f"{name}:{line}: {what}")
    return found


def examine(text: str) -> tuple[Overrides, list[tuple[int, str]]]:
    """Return the overrides that ``text`` says and every fault in it as (line, what is wrong and what to do)."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # tomllib says the place at the end of its text, and as numbers only from Python 3.14 on
        place = re.search(r" \(at line (\d+), column \d+\)$", str(error))
        at, says = (int(place[1]), str(error).removesuffix(place[0])) if place else (text.count("\n") + 1, str(error))
        if {line.partition("#")[0].strip() for line in text.splitlines()} >= _TWO_KINDS:
            says = "it has [keys] and [[keys]], and TOML takes one of them; write [[keys.declare]] for the latter"
        if found := _ONE_LINE.match(text.splitlines()[at - 1] if text else ""):
            says = f"a table's name stands on a line of its own: break the line after {found[1]}"
        return Overrides(), [(at, f"is not TOML: {says}")]
    data, spans = _with_declared_keys(data, positions(text))
    try:
        file = File.model_validate(data)
    except ValidationError as error:
        faults = {place_of(data, e["loc"]): e for e in reversed(error.errors(include_url=False))}
        said = [(line_of(spans, place), explained(data, place, e)) for place, e in faults.items()]
        return Overrides(), sorted(set(said))
    amounts, wrong = _amounts(file)
    wrong += [*_strangers(file), *_contradictions(file, amounts, spans)]
    return Overrides(file, amounts, spans, True), sorted({(line_of(spans, path), what) for path, what in wrong})


Fault = tuple[Keys, str]


def _with_declared_keys(
    data: dict[str, Any], spans: Mapping[Keys, Span]
) -> tuple[dict[str, Any], Mapping[Keys, Span]]:  # Any: a TOML table
    """Return the file with ``[[keys]]`` where the schema has it, as ``[[keys.declare]]``: TOML has one or the other."""
    if not isinstance(data.get("keys"), list):
        return data, spans
    moved = {("keys", "declare", *path[1:]) if path[0] == "keys" else path: span for path, span in spans.items()}
    return {**data, "keys": {"declare": data["keys"]}}, moved


def _amounts(file: File) -> tuple[dict[str, Amount], list[Fault]]:
    """Return the facts in base units, and what is no amount of its fact."""
    found: dict[str, Amount] = {}
    wrong: list[Fault] = []
    for name, entry in file.facts.items():
        if name not in catalogue():
            wrong.append((("facts", name), unknown(name, catalogue(), "a fact")))
        elif entry.value != NOT_SAID:
            try:
                found[name] = _amount(entry, catalogue()[name])
            except ValueError as error:
                wrong.append((("facts", name), f"[facts] {name} must be {wanted(name)}; {entry.value!r} {error}"))
    return found, wrong


def _amount(entry: FactEntry, fact: Entry) -> Amount:
    def read(value: float | str | None) -> float | None:
        return None if value is None else read_amount(value, fact.unit, binary, or_none=fact.default == 0)

    binary = any(cue.binary for cue in fact.cues)

    value, low, high = read(entry.value), read(entry.low), read(entry.high)
    assert value is not None  # entry.value never is
    if (low is not None and low > value) or (high is not None and high < value):
        raise ValueError("lies outside of low and high")
    if max(value, high or 0.0) > fact.most:
        raise ValueError(f"is more than {units.write(fact.most, fact.unit)}, {fact.most_because}")
    return Amount(value, low, high)


def _strangers(file: File) -> Iterator[Fault]:
    """Yield the uses and structures that the catalog does not know."""
    named = {"take": [entry.use for entry in file.uses.take], "drop": [entry.use for entry in file.uses.drop]}
    for part, names in named.items():
        for n, name in enumerate(names):
            if name not in use_words():
                yield ("uses", part, n), unknown(name, use_words(), "a use")
    for key, structure in file.structures.items():
        if structure not in STRUCTURES and not _CANDIDATE.fullmatch(structure):
            near = difflib.get_close_matches(structure, STRUCTURES, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            good = f"one of {', '.join(STRUCTURES)}, or a candidate's name{hint}"
            yield ("structures", key), f"[structures] {key} must be {good}, got {structure!r}"


def _contradictions(file: File, amounts: Mapping[str, Amount], spans: Mapping[Keys, Span]) -> Iterator[Fault]:
    """Yield the entries of which one denies another."""
    entities, uses = file.entities, file.uses
    added = {entity.name for entity in entities.add}
    for n, name in enumerate(entities.drop):
        if other := "add" if name in added else "rename" if name in entities.rename else "set" if name in entities.set else "":  # fmt: skip
            yield ("entities", "drop", n), f"[entities] drops {name!r}, and {other} names it; keep one"
    taken = {entry.use: n for n, entry in reversed(list(enumerate(uses.take)))}
    for n, dropped in enumerate(uses.drop):
        if dropped.use in taken:
            line = line_of(spans, ("uses", "take", taken[dropped.use]))
            yield ("uses", "drop", n), f"[uses] drops {dropped.use!r}, and line {line} takes it; keep one"
    if file.session.none:
        for n, entry in enumerate(uses.take):
            if entry.use in use_words() and use_words()[entry.use].needs == "session":
                line = line_of(spans, ("session", "none"))
                yield (
                    ("uses", "take", n),
                    f"{entry.use!r} lives in a session, and line {line} says that there is none; drop one",
                )
    yield from _twice(("actions",), [action.name for action in file.actions], "action", spans)
    yield from _twice(("keys", "declare"), [key.template for key in file.keys.declare], "key", spans)
    yield from _twice(("channels",), [channel.template for channel in file.channels], "channel", spans)
    yield from _twice(("roles",), [role.name for role in file.roles], "role", spans)
    yield from _of_roles(file, spans)
    if file.project.prefix and file.naming.prefix and file.project.prefix != file.naming.prefix:
        yield ("naming", "prefix"), "[project] prefix says another one; keep that"
    usual, cap = amounts.get("members_per_session"), amounts.get("session_capacity")
    if usual and cap and cap.value < usual.value:
        yield (
            ("facts", "session_capacity"),
            f"session_capacity {cap.value:g} is below members_per_session {usual.value:g} "
            f"(line {line_of(spans, ('facts', 'members_per_session'))}): a session holds its usual number of members; raise the cap or lower the other",
        )


#: Roles of which the number is said elsewhere: where, and the roles that share one bound.
_BOUND_ELSEWHERE = {"host": "a session has one owner", "member": "[facts] session_capacity says how many"}
_ONE_BOUND = ("cohost", "moderator")


def _of_roles(file: File, spans: Mapping[Keys, Span]) -> Iterator[Fault]:
    """Yield the roles that call a role of the catalog another one, or bound what has its bound elsewhere."""
    first: int | None = None  # the one that says the bound of cohosts and moderators
    for n, role in enumerate(file.roles):
        if role.name in get_args(RoleName) and role.name != role.like:
            yield (
                ("roles", n, "name"),
                f"{role.name} is a role of the catalog, and no {role.like}: call yours otherwise",
            )
        if role.most is None:
            continue
        if role.like in _BOUND_ELSEWHERE:
            yield ("roles", n, "most"), f"{role.name} is a {role.like}: {_BOUND_ELSEWHERE[role.like]}; leave most out"
        elif role.like in _ONE_BOUND:
            first = n if first is None else first
            if file.roles[first].most != role.most:
                line = line_of(spans, ("roles", first, "most"))
                yield (
                    ("roles", n, "most"),
                    f"one bound holds for cohosts and moderators alike, and line {line} says another: say one number",
                )


def _twice(path: Keys, names: list[str], what: str, spans: Mapping[Keys, Span]) -> Iterator[Fault]:
    """Yield the entries of a list whose name an earlier one has."""
    for n, name in enumerate(names):
        if (first := names.index(name)) != n:
            line = line_of(spans, (*path, first))
            yield (
                (*path, n),
                f"line {line} declares the {what} {name!r} already; give this one another name, or drop it",
            )
