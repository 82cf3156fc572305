"""Loading: ``ai/redis-plan.toml`` checked against its schema and the catalog; a fault is one line with its place."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from redis_plan.brief.overrides.positions import Path as Keys
from redis_plan.brief.overrides.positions import Span, line_of, positions
from redis_plan.brief.overrides.schema import STRUCTURES, FactEntry, File, model_in
from redis_plan.brief.overrides.values import NOT_SAID, read_amount
from redis_plan.brief.overrides.vocabulary import use_words
from redis_plan.brief.reconcile.catalogue import Entry, catalogue
from redis_plan.errors import OverrideError

NAME = "redis-plan.toml"
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

    def line(self, *path: str | int) -> int:
        """Return the line of ``path`` in the file."""
        return line_of(self.spans, path)

    @property
    def facts(self) -> dict[str, tuple[float, int]]:
        """Each fact that the team sets: its value in base units, and its line."""
        return {name: (amount.value, self.line("facts", name)) for name, amount in self.amounts.items()}

    @property
    def unsaid(self) -> tuple[str, ...]:
        """The facts of which the team says that no document states them."""
        return tuple(name for name, entry in self.file.facts.items() if entry.value == NOT_SAID)


def read_overrides(folder: Path) -> Overrides:
    """Return the overrides of a document folder; raises :class:`OverrideError` with file, line and a suggestion."""
    path = folder / NAME
    return parse_overrides(read_text(path), str(path)) if path.exists() else Overrides()


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
        return Overrides(), [(at, f"is not TOML: {says}")]
    spans = positions(text)
    try:
        file = File.model_validate(data)
    except ValidationError as error:
        faults = {_place(data, e["loc"]): e for e in reversed(error.errors(include_url=False))}
        said = [(line_of(spans, place), _explained(data, place, e)) for place, e in faults.items()]
        return Overrides(), sorted(set(said))
    amounts, wrong = _amounts(file)
    wrong += [*_strangers(file), *_contradictions(file, amounts, spans)]
    return Overrides(file, amounts, spans, True), sorted({(line_of(spans, path), what) for path, what in wrong})


Fault = tuple[Keys, str]


def _amounts(file: File) -> tuple[dict[str, Amount], list[Fault]]:
    """Return the facts in base units, and what is no amount of its fact."""
    found: dict[str, Amount] = {}
    wrong: list[Fault] = []
    for name, entry in file.facts.items():
        if name not in catalogue():
            wrong.append((("facts", name), _unknown(name, catalogue(), "a fact")))
        elif entry.value != NOT_SAID:
            try:
                found[name] = _amount(entry, catalogue()[name])
            except ValueError as error:
                wrong.append((("facts", name), f"[facts] {name} must be {_wanted(name)}; {entry.value!r} {error}"))
    return found, wrong


def _amount(entry: FactEntry, fact: Entry) -> Amount:
    def read(value: float | str | None) -> float | None:
        return None if value is None else read_amount(value, fact.unit, binary)

    binary = any(cue.binary for cue in fact.cues)

    value, low, high = read(entry.value), read(entry.low), read(entry.high)
    assert value is not None  # entry.value never is
    if (low is not None and low > value) or (high is not None and high < value):
        raise ValueError("lies outside of low and high")
    return Amount(value, low, high)


def _wanted(name: str) -> str:
    unit = catalogue()[name].unit if name in catalogue() else "its base unit"
    shown = {"s": "90 s", "B": "60 kB"}.get(unit, "5 per second" if unit.endswith("/s") else f"30 {unit}")
    return f"a number above 0, in {unit} (or with its unit: “{shown}”), or “{NOT_SAID}”"


def _strangers(file: File) -> Iterator[Fault]:
    """Yield the uses and structures that the catalog does not know."""
    named = {"take": [entry.use for entry in file.uses.take], "drop": [entry.use for entry in file.uses.drop]}
    for part, names in named.items():
        for n, name in enumerate(names):
            if name not in use_words():
                yield ("uses", part, n), _unknown(name, use_words(), "a use")
    for key, structure in file.structures.items():
        if structure not in STRUCTURES and not _CANDIDATE.fullmatch(structure):
            near = difflib.get_close_matches(structure, STRUCTURES, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            wanted = f"one of {', '.join(STRUCTURES)}, or a candidate's name{hint}"
            yield ("structures", key), f"[structures] {key} must be {wanted}, got {structure!r}"


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
    if file.project.prefix and file.naming.prefix and file.project.prefix != file.naming.prefix:
        yield ("naming", "prefix"), "[project] prefix says another one; keep that"
    usual, cap = amounts.get("members_per_session"), amounts.get("session_capacity")
    if usual and cap and cap.value < usual.value:
        yield (
            ("facts", "session_capacity"),
            f"session_capacity {cap.value:g} is below members_per_session {usual.value:g} "
            f"(line {line_of(spans, ('facts', 'members_per_session'))}): a session holds its usual number of members; raise the cap or lower the other",
        )


def _unknown(key: str, known: Iterable[str], what: str) -> str:
    names = tuple(known)
    near = difflib.get_close_matches(key, names, n=1)
    return f"{key!r} is not {what}; " + (f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}")


def _place(data: Any, loc: tuple[str | int, ...]) -> Keys:
    """Return the part of a fault's place that the user wrote: pydantic adds what it tried, and keys left out."""
    path: Keys = ()
    for step in loc:
        inside = isinstance(data, Mapping) and step in data
        if not inside and not (isinstance(data, list) and isinstance(step, int) and step < len(data)):
            break
        path, data = (*path, step), data[step]
    return path


def _explained(data: Mapping[str, Any], place: Keys, error: Mapping[str, Any]) -> str:
    """Return a fault of the schema in words: what is wrong, what would be right."""
    kind, table = error["type"], _called(place[:-1])
    if kind == "extra_forbidden":
        known = _model_at(place[:-1]).model_fields
        return _unknown(str(place[-1]), known, f"a key of {table}" if table else "a table")
    if kind in ("both", "uncited"):
        return f"{_called(place)}: {error['msg']}"
    if kind == "missing":
        return f"{_called(place)} needs {error['loc'][-1]!r}"
    found: Any = data
    for step in place:
        found = found[step]
    name = f"{table} {place[-1]}" if table and isinstance(place[-1], str) else _called(place)
    wanted = _wanted(str(place[1])) if place[0] == "facts" and len(place) > 1 else _described(place, error)
    return f"{name} must be {wanted}, got {found!r}"


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
    return words.get(error["type"], str(error["msg"]))


_PATTERNS = {
    r"^[a-z][a-z0-9-]{0,23}$": "up to 24 of a-z, 0-9 and -, beginning with a letter",
    r"^[a-z]{2}$": "a language's two letters, such as “en”",
    r"\S": "text",
    r"^[^:\s]+\.md:[1-9]\d*(-[1-9]\d*)?$": "a document and a line, such as “prd.md:31”",
    r"^[^:\s]+\.md:[1-9]\d*$": "a document and a line, such as “prd.md:31”",
    r"(?i)^(redis|valkey)(\s+v?\d+(\.\d+){0,2})?$": "Redis or Valkey with its version, such as “Redis 7.4”",
}


def _model_at(place: Keys) -> type[BaseModel]:
    """Return the model whose keys stand at ``place``."""
    model: type[BaseModel] = File
    for step in place:
        if isinstance(step, str) and step in model.model_fields:
            model = model_in(model.model_fields[step].annotation) or model
    return model
