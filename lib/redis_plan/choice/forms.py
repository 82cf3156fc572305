"""Forms: how many keys and elements a candidate makes of one thing, and the shape that each key then has in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from redis_plan.keyspace import naming
from redis_plan.keyspace.model import Candidate, KeyPattern
from redis_plan.memory import project
from redis_plan.memory.shape import Shape, ValueType

#: Bytes of a name where the catalog's key has none (an entry of a list): a ULID. And the digits of a score.
_NAME_BYTES, _SCORE_BYTES = 26, 13


@dataclass(frozen=True, slots=True)
class Form:
    """What a candidate makes of a key pattern: ``keys`` for one session (or in all), each with ``elements``."""

    shapes: tuple[tuple[float, Shape], ...]  # (keys of this shape a session, shape)
    keys: float
    elements: float  # in one key
    most_elements: float
    name_bytes: int
    value_bytes: float  # of one element
    key_bytes: int
    split: bool  # a key for each element, where the use reads all of them

    @property
    def whole_bytes(self) -> float:
        """Bytes of all elements of one key."""
        return self.elements * (self.name_bytes + self.value_bytes)


def form(pattern: KeyPattern, default: KeyPattern, candidate: Candidate) -> Form:
    """Return the form of ``candidate``: ``pattern`` where the catalog says how it reads then, else derived from ``default``."""
    if candidate.type == "channel":
        size = project.element_bytes(default.fields)
        return Form((), default.per_session, 1, 1, 0, size, len(naming.example(default.template)), False)
    name, value = _element(pattern)
    if pattern.chosen == candidate.name:
        shape = project.load_of(pattern, 1).shape
        shape = replace(shape, n_keys=1, hfe=candidate.feature.startswith("hash-field"))
        return Form(
            ((pattern.per_session, shape),), pattern.per_session, float(shape.n_elem) if shape.type != "string" else 1.0,
            pattern.max_elements, 0 if shape.type in ("string", "list", "stream") else name,
            _record_value(pattern) if project.is_record(pattern) else value, shape.key_len, False,
        )  # fmt: skip
    return _derived(default, candidate)


def _derived(default: KeyPattern, candidate: Candidate) -> Form:
    """Return the form of a candidate that the catalog only names."""
    name, value = _element(default)
    usual = default.candidate
    apart, was_apart = is_apart(candidate), bool(usual and is_apart(usual))
    elements, most, keys = max(1.0, default.typical_elements), default.max_elements, default.per_session
    if project.is_record(default):
        elements, most, value, name = float(len(default.fields)), float(len(default.fields)), _record_value(default), 12
    key_len, ttl = len(naming.example(default.template)), default.ttl.seconds is not None
    document = is_document(candidate) and not was_apart
    split = apart and not was_apart
    if split:
        keys, elements, most, key_len = keys * elements, 1.0, 1.0, key_len + 1 + name
    elif was_apart and not apart:
        elements, most, keys = keys * elements, keys * most, 1.0
    kind: ValueType = "stream" if candidate.type == "channel" else candidate.type
    shapes = [(keys, _shape(kind, key_len, elements, name, value, ttl, document or was_apart))]
    if split and candidate.type == "set":  # the set of names, and a string for each
        shapes = [
            (keys, _shape("string", key_len, 1, name, value, ttl, False)),
            (default.per_session, _shape("set", key_len, default.typical_elements, name, name, ttl, False)),
        ]
    hfe = candidate.feature.startswith("hash-field")
    shapes = [(count, replace(shape, hfe=hfe and shape.type == "hash")) for count, shape in shapes]
    if document:
        value, name, elements, most = elements * (name + value + 6), 0, 1.0, 1.0
    return Form(tuple(shapes), keys, elements, most, name, value, key_len, split)


def _shape(kind: ValueType, key_len: int, elements: float, name: int, value: float, ttl: bool, whole: bool) -> Shape:
    count, size = max(1, math.ceil(elements)), max(1, round(value))
    if kind == "string":
        total = round(elements * (name + value + 6)) if whole and elements > 1 else size
        return Shape("string", key_len, vsize=str(total), ttl=ttl)
    if kind == "hash":
        return Shape("hash", key_len, n_elem=count, fsize=str(name), vsize=str(size), batch=project.BATCH, ttl=ttl)
    if kind == "zset":
        member = name if value <= _SCORE_BYTES else max(name, size)
        return Shape("zset", key_len, n_elem=count, fsize=str(member), score="big", batch=project.BATCH, ttl=ttl)
    if kind == "stream":
        return Shape("stream", key_len, n_elem=count, fsize="1", vsize=str(size), step_ms=100, batch=1, ttl=ttl)
    if kind == "set":
        return Shape("set", key_len, n_elem=count, vsize=str(max(4, name)), batch=project.BATCH, ttl=ttl)
    return Shape(
        "list",
        key_len,
        n_elem=count,
        vsize=str(max(size, name if size <= _SCORE_BYTES else 0)),
        batch=project.BATCH,
        ttl=ttl,
    )


def is_apart(candidate: Candidate) -> bool:
    """Whether the candidate has a key for each element."""
    return any("<key>:<member>" in command for command in candidate.write)


def is_document(candidate: Candidate) -> bool:
    """Whether the candidate keeps all elements in one string."""
    return candidate.type == "string" and not any("<member>" in command for command in candidate.write)


def _element(pattern: KeyPattern) -> tuple[int, float]:
    """Return the bytes of one element's name and of its value."""
    size = project.element_bytes(pattern.fields)
    if pattern.type in ("zset", "set"):
        return size, float(_SCORE_BYTES)
    if pattern.type == "hash" and not project.is_record(pattern) and pattern.fields:
        return len(naming.example(pattern.fields[0].name)), float(size)
    return _NAME_BYTES, float(size)


def _record_value(pattern: KeyPattern) -> float:
    """Return the mean bytes of one field of a record."""
    sizes = [int(project.value_size(field).removeprefix("i")) for field in pattern.fields]
    return sum(sizes) / len(sizes)
