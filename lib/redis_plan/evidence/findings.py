"""Typed findings: what a chapter may say of what was measured, each number declared once, with its unit and its grade.

A chapter declares a :class:`Findings` with a field for each record, and a record as a :class:`Found` with a field for
each number::

    @dataclass(frozen=True, slots=True)
    class Lag(Found):
        p50: Number = number("s", name="lag_p50")

    @dataclass(frozen=True, slots=True)
    class Expiry(Findings):
        lag: Lag | None = record("E-04a", Lag)

    Expiry.of(run.evidence.all()).lag

A record that did not run, or that a run does not have, is None. A record that lacks a declared number, or has it in
another unit or of another grade, is an error: words never speak of what nobody measured.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar, cast

from redis_plan.errors import PlanError
from redis_plan.evidence.store import Evidence, write_interval, write_value
from redis_plan.measure.finding import Grade

F = TypeVar("F", bound="Found")

#: The grade of a number that is measured where it can be, and modelled elsewhere; the unit of a family with several.
ANY: Literal["any"] = "any"
Declarable = Grade | Literal["any"]

_KEY = "declared"


@dataclass(frozen=True, slots=True)
class Number:
    """One measured or modelled number of a record. As text it is the value with its unit: ``26.2 s``."""

    record: Evidence
    name: str

    @property
    def value(self) -> float:
        """The number itself, in its base unit."""
        return self.record[self.name].value

    @property
    def n(self) -> int:
        """How many samples stand behind it."""
        return self.record[self.name].n

    @property
    def interval(self) -> tuple[float, float] | None:
        """The ends of its 95 % interval, where there is one."""
        value = self.record[self.name]
        return None if value.low is None or value.high is None else (value.low, value.high)

    @property
    def between(self) -> str:
        """The same as text: ``25.1–27.4 s``; "" without one."""
        return write_interval(self.record[self.name]) if self.interval else ""

    @property
    def linked(self) -> str:
        """The number with where it comes from: ``26.2 s [E-04a]``."""
        return self.record.number(self.name)

    @property
    def full(self) -> str:
        """The number with its interval, samples and grade: ``26.2 s (95 % 25.1–27.4, n = 300; measured, [E-04a])``."""
        return self.record.cite(self.name)

    def __str__(self) -> str:
        return write_value(self.record[self.name])

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else str(self)


@dataclass(frozen=True, slots=True)
class _Declared:
    """How a number stands in its record; ``{}`` in the name of a family stands for what tells its members apart."""

    name: str
    unit: str
    grade: Declarable
    kind: str

    def read(self, found: Evidence, field: str) -> Number | Mapping[str, Number] | None:
        name = self.name or field
        if self.kind == "each":
            pattern = re.compile(re.escape(name).replace(r"\{\}", "(.+)"))
            names = {m[1]: m[0] for value in found.values if (m := pattern.fullmatch(value.name))}
            return {key: self._checked(found, name) for key, name in names.items()}
        if self.kind == "maybe" and name not in found:
            return None
        return self._checked(found, name)

    def _checked(self, found: Evidence, name: str) -> Number:
        value = found[name]
        if self.unit not in (value.unit, ANY) or self.grade not in (value.grade, ANY):
            raise PlanError(
                f"{found.id}: {name} is {value.grade} in {value.unit!r}, but declared as {self.grade} in {self.unit!r}"
            )
        return Number(found, name)


def _field(declared: object) -> Any:  # Any: the type is that of the annotation, as with dataclasses.field
    return dataclasses.field(metadata={_KEY: declared})


def number(unit: str, grade: Declarable = "measured", name: str = "") -> Number:
    """Declare a number that every record of this kind has; ``name`` is what it is called there, if not as the field."""
    return cast("Number", _field(_Declared(name, unit, grade, "one")))


def maybe(unit: str, grade: Declarable = "measured", name: str = "") -> Number | None:
    """Declare a number that a record has only where there was something to measure."""
    return cast("Number", _field(_Declared(name, unit, grade, "maybe")))


def each(name: str, unit: str, grade: Declarable = "measured") -> Mapping[str, Number]:
    """Declare a family of numbers: ``each("{} bytes", "B")`` is by what stands in place of ``{}``."""
    return cast("Mapping[str, Number]", _field(_Declared(name, unit, grade, "each")))


def record(id: str, kind: type[F]) -> F | None:
    """Declare that the record ``id`` is of this kind."""
    return cast("F", _field((id, kind)))


@dataclass(frozen=True, slots=True)
class Found:
    """What one record found, as words may use it."""

    record: Evidence

    @property
    def id(self) -> str:
        """The record's id, to be cited."""
        return self.record.id

    @classmethod
    def of(cls, found: Evidence) -> Self:
        """Return the numbers of a record that ran; raises :class:`PlanError` where it is not as declared."""
        declared = {f.name: f.metadata[_KEY] for f in dataclasses.fields(cls) if _KEY in f.metadata}
        return cls(found, **{name: how.read(found, name) for name, how in declared.items()})


@dataclass(frozen=True, slots=True)
class Findings:
    """What a chapter found: a field for each record, None where it did not run; ``left_out`` has the reason, by field."""

    left_out: Mapping[str, str]

    @classmethod
    def of(cls, records: Mapping[str, Evidence]) -> Self:
        """Return the findings of a run; raises :class:`PlanError` where a record is not as declared."""
        known = {name: records[id] for name, (id, _) in cls.declared().items() if id in records}
        filled = {
            name: None if name not in known or known[name].not_run else kind.of(known[name])
            for name, (_, kind) in cls.declared().items()
        }
        return cls({name: found.not_run for name, found in known.items() if found.not_run}, **filled)

    def why_not(self, name: str) -> str:
        """Return why the record in the field ``name`` did not run."""
        return self.left_out.get(name, "this run has no record of it")

    def not_run(self, name: str) -> str:
        """Return the same with the record's id: ``[E-04a] not run: …``."""
        return f"[{self.declared()[name][0]}] not run: {self.why_not(name)}"

    @classmethod
    def declared(cls) -> dict[str, tuple[str, type[Found]]]:
        """Return the id and the kind of each record, by the field's name."""
        return {f.name: f.metadata[_KEY] for f in dataclasses.fields(cls) if _KEY in f.metadata}
