"""Feasibility: what a candidate can't do for a key, whatever it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from redis_plan import units
from redis_plan.choice import constants
from redis_plan.choice.costing import rewrites
from redis_plan.choice.forms import Form, is_apart
from redis_plan.keyspace import functions, naming, versions
from redis_plan.keyspace.model import Candidate, KeyPattern
from redis_plan.keyspace.together import RECORD

Kind = Literal["lacks", "version", "atomic", "functions", "cluster", "size"]

#: Commands of session_record that a use needs, and the type they need: records.BY_USE.
_TYPE_OF_USE = {"leaderboard": "zset", "counters": "hash"}
_RECORD_TYPES = ("hash", "zset", "set", "list")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a candidate is out. Only ``version`` and ``size`` change with the stack or the numbers."""

    kind: Kind
    says: str


def obstacle(
    candidate: Candidate, form: Form, pattern: KeyPattern, server: tuple[str, tuple[int, ...]], reads_all: bool
) -> Obstacle | None:
    """Return the first thing that keeps ``candidate`` from serving ``pattern`` on ``server``, or None."""
    if candidate.lacks:
        return Obstacle("lacks", candidate.lacks)
    if rewrites(candidate):
        return Obstacle("atomic", "read, change, write back: not atomic without a script")
    if written := _bound_to(pattern, candidate):
        return Obstacle("functions", written)
    if form.split and reads_all and not naming.hash_tag(pattern.template):
        return Obstacle("cluster", "its keys lie in many slots: no one step reads them all")
    paged = candidate.type == "stream"  # read and trimmed a page at a time, and unlinked in the background
    if not paged and form.most_elements > constants.limit("most_elements"):
        return Obstacle("size", f"one key of up to {form.most_elements:,.0f} elements blocks the server")
    if not paged and _size(form) > constants.limit("most_bytes"):
        return Obstacle("size", f"one key of up to {units.write(_size(form), 'B')} blocks the server")
    if not versions.offered_by(*server, candidate):
        return Obstacle("version", f"needs {versions.needed(candidate)}")
    return None


def _size(form: Form) -> float:
    return form.most_elements * (form.name_bytes + form.value_bytes) if form.elements > 1 else form.value_bytes


def _bound_to(pattern: KeyPattern, candidate: Candidate) -> str:
    """Return why the functions that write ``pattern`` can't write ``candidate``, or ""."""
    types: tuple[str, ...] = ()
    if pattern.functions and pattern.name in functions.TYPES:
        types = functions.TYPES[pattern.name]
    elif RECORD in pattern.functions:
        types = (_TYPE_OF_USE[pattern.use],) if pattern.use in _TYPE_OF_USE else _RECORD_TYPES
    if not types:
        return ""
    usual = pattern.candidate
    if is_apart(candidate) and not (usual and is_apart(usual)):
        return "the functions declare their keys: they can't write a key for each element"
    return "" if candidate.type in types else f"the functions write a {' or a '.join(types)}"
