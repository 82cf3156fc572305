"""Parameters: the numbers of an action in a project, each with what it rests on.

A number that stands in a demand of the action wins where its unit is the parameter's and no other stands there; then the fact of the
Brief that the parameter comes from; then the catalog's default, which is an assumption.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from redis_plan.actions import wording
from redis_plan.actions.model import Given, Kind, Parameter
from redis_plan.brief.model import Brief, Fact, Quantity, Requirement
from redis_plan.brief.units import SIZE_BYTES
from redis_plan.keyspace import cues

#: A story with its title takes so many lines at most.
MOST_LINES = 4
_SECONDS = {"ms": 0.001, "millisecond": 0.001, "s": 1.0, "second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
#: Units of parameters that count persons, whatever a project calls them, and what these may be.
_PERSONS = ("members", "people")
_ACTORS = frozenset({"member", "spectator"})
_ROLES = frozenset({"cohost", "moderator"})
#: Bytes of the longest text that stands in a field of the state.
LONGEST_CONTENT = 65_536
_CLAUSE = re.compile(r"[;·]|\.\s")


def given(parameter: Parameter, kind: Kind, demands: Sequence[Requirement], brief: Brief) -> Given:
    """Return the value of ``parameter`` where ``demands`` call for ``kind``."""
    declared = (r for r in brief.settled.roles if r.most is not None and r.like in parameter.roles)
    if role := next(declared, None):
        return Given(parameter, role.most or 1, "documented", role.file, role.line)
    fact = brief.fact(parameter.fact) if parameter.fact else None
    if fact is not None and fact.grade != "assumed":
        return _of_fact(parameter, fact)
    # of two parameters of one unit a number in the text may be either
    alone = sum(p.unit == parameter.unit and not p.fact for p in kind.parameters) <= 1
    elsewhere = set(_places(kind, parameter, brief))
    stated = {
        _value(q): q
        for r in demands
        for q in quantities(r, brief)
        if _fits(q, parameter) and (q.file, q.line) not in elsewhere
    }
    stated |= {_value(q): q for q in brief.quantities if not stated and _of_role(q, parameter)}
    if alone and len(stated) == 1:
        ((value, quantity),) = stated.items()
        return Given(parameter, value, "documented", quantity.file, quantity.line)
    return _of_fact(parameter, fact) if fact is not None and fact.value > 0 else Given(parameter, parameter.default)


def _places(kind: Kind, parameter: Parameter, brief: Brief) -> Iterator[tuple[str, int]]:
    """Yield where the numbers stand that are another parameter's of the same unit: they are not this one's, too."""
    for other in kind.parameters:
        fact = brief.fact(other.fact) if other.fact and other.name != parameter.name else None
        if fact is not None and fact.grade != "assumed" and other.unit == parameter.unit:
            yield fact.file, fact.line


def _of_fact(parameter: Parameter, fact: Fact) -> Given:
    value = round(fact.value * (1000 if parameter.unit == "ms" else 1))
    return Given(parameter, value, "assumed" if fact.grade == "assumed" else "documented", fact.file, fact.line)


def quantities(demand: Requirement, brief: Brief) -> Iterator[Quantity]:
    """Yield the numbers of a demand and its criteria: on its line, or on one that follows it before the next demand."""
    later = [r for r in brief.requirements if r.file == demand.file and r.line > demand.line]
    own = [r.line for r in later if r.parent_line == demand.line]
    end = min([max([demand.line, *own]) + MOST_LINES, *(r.line for r in later if r.line not in own)])
    return (q for q in brief.quantities if q.file == demand.file and demand.line <= q.line < end)


def _fits(quantity: Quantity, parameter: Parameter) -> bool:
    noun, of, period = parameter.unit.partition("/")
    if of:
        counted, _, per = quantity.unit.partition("/")
        return quantity.kind == "rate" and per == period and (not counted or cues.same(counted, noun))
    if parameter.unit == "ms":
        return quantity.kind == "duration" and quantity.unit in _SECONDS
    if quantity.kind not in ("count", "limit") or quantity.value != int(quantity.value):
        return False
    if not quantity.unit:  # "limit 5 per room", in a demand of the action that has one such number
        return quantity.kind == "limit" and parameter.unit in _PERSONS
    return cues.same(quantity.unit, parameter.unit) or (
        parameter.unit in _PERSONS and bool(wording.actors_in(quantity.unit) & _ACTORS)
    )


def _of_role(quantity: Quantity, parameter: Parameter) -> bool:
    """Whether a number says how many may have the role that the parameter counts, wherever it stands."""
    role = parameter.unit.removesuffix("s")
    return quantity.kind in ("count", "limit") and role in _ROLES and role in wording.actors_in(quantity.unit)


def _value(quantity: Quantity) -> int:
    return round(quantity.value * _SECONDS[quantity.unit] * 1000) if quantity.unit in _SECONDS else int(quantity.value)


def content_bytes(brief: Brief, entities: Iterable[str]) -> int:
    """Return how long the documents let the content of one of ``entities`` be, in bytes; 0 where they don't say.

    The length is of an entity where both stand in one clause ("a question's text has up to 1.5 kB"). What is beyond
    :data:`LONGEST_CONTENT` is a file, which is no field of the state.
    """
    names = tuple(entities)
    sizes = [q for q in brief.quantities if q.kind == "size" and q.op in ("<", "<=") and q.unit in SIZE_BYTES]
    found = [
        math.ceil(q.value * SIZE_BYTES[q.unit])
        for line in brief.requirements
        for clause in _CLAUSE.split(line.text)
        for q in sizes
        if (q.file, q.line) == (line.file, line.line) and q.text in clause
        if any(cues.same(word, entity) for word in re.findall(r"[^\W\d_]+", clause) for entity in names)
    ]
    return max((size for size in found if size <= LONGEST_CONTENT), default=0)
