"""A project's keys: what each key pattern of a keyspace costs a session, before any data exists.

A pattern is turned into a shape (sizes and counts); the same turning gives the commands that load such keys, so that
prediction and measurement speak about one thing. Field sizes are the upper bounds of the design; integers have the
digits of a running system (a version of 6 digits, Unix milliseconds of 13).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from redis_plan.keyspace import naming
from redis_plan.keyspace.model import Field, KeyPattern, Keyspace, TtlRule
from redis_plan.memory import model
from redis_plan.memory.layout import Build
from redis_plan.memory.shape import Score, Shape

#: Digits of a counter (a version, a number of votes) in a running system, and of a time in Unix milliseconds.
COUNTER_DIGITS, MILLISECOND_DIGITS = 6, 13
_COUNTERS = ("integer", "int", "number", "counter", "count")
_TIMES = ("ms", "timestamp", "time")
#: Elements a command when the keys are loaded; below every listpack limit, so it decides no table's size.
BATCH = 100
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_DIGITS = "314159265358979323846"


@dataclass(frozen=True, slots=True)
class Load:
    """The keys of one pattern: the shape to predict, and what is needed to make them."""

    pattern: KeyPattern
    shape: Shape
    per_session: float  # keys a session; 0 for a pattern whose number of keys does not depend on sessions
    fields: tuple[tuple[str, str], ...]  # (name, size) of a record's fields, or of one element


def value_size(field: Field) -> str:
    """Return the size of a field's value as :class:`~redis_plan.memory.shape.Sizes` reads it (``i6``: 6 digits)."""
    kind = field.type.lower()
    if kind in _COUNTERS:
        return f"i{min(field.max_bytes, COUNTER_DIGITS)}"
    if kind in _TIMES:
        return f"i{min(max(field.max_bytes, 1), MILLISECOND_DIGITS)}"
    return str(max(field.max_bytes, 1))


def json_bytes(fields: tuple[Field, ...]) -> int:
    """Return the bytes of a JSON object of ``fields``: braces, and a quoted name, colon and comma for each."""
    quotes = sum(0 if value_size(f).startswith("i") or f.type.upper() == "JSON" else 2 for f in fields)
    return 1 + quotes + sum(int(value_size(f).removeprefix("i")) + len(f.name) + 4 for f in fields)


def element_bytes(fields: tuple[Field, ...], fallback: int = 32) -> int:
    """Return the bytes of one element: the field itself, or a JSON object of several."""
    if not fields:
        return fallback
    return int(value_size(fields[0]).removeprefix("i")) if len(fields) == 1 else json_bytes(fields)


def is_record(pattern: KeyPattern) -> bool:
    """Whether the fields of a hash are the schema itself, and not one field for each member."""
    return pattern.type == "hash" and bool(pattern.fields) and "<" not in pattern.fields[0].name


def load_of(pattern: KeyPattern, sessions: int, full: bool = False) -> Load:
    """Return the keys of ``pattern`` for ``sessions`` sessions, at typical size or (``full``) at their bound."""
    key_len = len(naming.example(pattern.template))
    per_session = 0.0 if pattern.scope == "global" else pattern.per_session
    n_keys = max(1, round(per_session * sessions)) if per_session else max(1, round(pattern.per_session))
    elements = max(1, math.ceil(pattern.max_elements if full else pattern.typical_elements))
    shape = Shape("string", key_len, n_keys=n_keys, ttl=pattern.ttl.seconds is not None)
    single = element_bytes(pattern.fields)
    fields: tuple[tuple[str, str], ...]
    if pattern.type == "string":
        size = value_size(pattern.fields[0]) if len(pattern.fields) == 1 else str(single)
        counter = size.startswith("i")  # kept in binary, whatever its digits
        return Load(pattern, replace(shape, vsize="int32" if counter else size), per_session, (("value", size),))
    if is_record(pattern):
        fields = tuple((field.name, value_size(field)) for field in pattern.fields)
        names = "each:" + ",".join(str(len(name)) for name, _ in fields)
        sizes = "each:" + ",".join(size for _, size in fields)
        return Load(
            pattern, replace(shape, type="hash", n_elem=len(fields), fsize=names, vsize=sizes), per_session, fields
        )
    if pattern.type == "hash":
        name = len(naming.example(pattern.fields[0].name)) if pattern.fields else 12
        shape = replace(shape, type="hash", n_elem=elements, fsize=str(name), vsize=str(single), batch=BATCH)
        return Load(pattern, shape, per_session, (("x" * name, str(single)),))
    if pattern.type == "stream":
        fields = tuple((field.name, value_size(field)) for field in pattern.fields) or (("d", "64"),)
        shape = replace(
            shape,
            type="stream",
            n_elem=elements,
            nfields=len(fields),
            fsize="each:" + ",".join(str(len(name)) for name, _ in fields),
            vsize="each:" + ",".join(size for _, size in fields),
            step_ms=100,
            batch=1,
        )
        return Load(pattern, shape, per_session, fields)
    if pattern.type == "zset":
        score: Score = "big" if any("millisecond" in field.meaning for field in pattern.fields) else "ts"
        shape = replace(shape, type="zset", n_elem=elements, fsize=str(single), score=score, batch=BATCH)
    else:
        kind: Literal["list", "set"] = "list" if pattern.type == "list" else "set"
        shape = replace(shape, type=kind, n_elem=elements, vsize=str(single), batch=BATCH)
    return Load(pattern, shape, per_session, (("element", str(single)),))


def loads(keyspace: Keyspace, sessions: int, full: bool = False) -> tuple[Load, ...]:
    """Return the keys of every key pattern for ``sessions`` sessions."""
    return tuple(load_of(pattern, sessions, full) for pattern in keyspace.keys)


def plain(shape: Shape, name: str = "probe") -> Load:
    """Return keys of any ``shape`` (fixed sizes) as a load, under names of its key length, at least ``name`` and 14 B.

    Sorted sets are loaded with scores of 13 digits (``big``), stream entries one by one.
    """
    width = len(naming.example("<session_id>"))
    base = name.ljust(shape.key_len - width - 1, "m")
    pattern = KeyPattern(
        name=name, template=f"{base}:<session_id>", type=shape.type, use="", holds="", scope="session",
        ttl=TtlRule("fixed", 3600, "") if shape.ttl else TtlRule("none", None, ""), writers=(), readers=(), deleted_by="",
    )  # fmt: skip
    placed = replace(shape, key_len=len(base) + 1 + width)
    if shape.type == "stream":
        return Load(pattern, placed, 1.0, (("f" * int(shape.fsize), shape.vsize),))
    size = shape.fsize if shape.type == "zset" else shape.vsize
    return Load(pattern, placed, 1.0, (("element", "i6" if shape.sizes.integers else size),))


def growth(shapes: Sequence[Shape], build: Build, keys: int = 0, volatile: int = 0) -> float:
    """Return the growth of ``used_memory`` for ``shapes`` on top of ``keys`` keys, ``volatile`` of them with a TTL."""
    count = sum(shape.n_keys for shape in shapes)
    timed = sum(shape.n_keys for shape in shapes if shape.ttl)
    # a dict that was used once keeps its smallest size when it is empty again; Valkey's hashtable is freed
    least = 0 if build.layout.rules["keyspace"] == "hashtable" else 1
    then = model.keyspace_tables(max(keys, least), max(volatile, least), build)
    now = model.keyspace_tables(max(keys + count, least), max(volatile + timed, least), build)
    return sum(model.predict(shape, build).per_key * shape.n_keys for shape in shapes) + now - then


def per_unit(keyspace: Keyspace, peak: float) -> Keyspace:
    """Return a keyspace whose keys grow with sessions, where the design counts its keys for the whole peak instead.

    A project without sessions of its own (a cache, a shared map) has only global keys; their number at ``peak`` is then
    read as so many keys for each session, user or whatever the documents count. Any other keyspace is returned as it is.
    """
    if any(pattern.scope != "global" for pattern in keyspace.keys):
        return keyspace
    patterns = tuple(
        replace(pattern, scope="session", per_session=pattern.per_session / max(peak, 1.0))
        if pattern.type != "channel" and pattern.per_session > 1
        else pattern
        for pattern in keyspace.patterns
    )
    return replace(keyspace, patterns=patterns)


def identifier(index: int, length: int) -> str:
    """Return a distinct id of ``length`` characters for ``index``; it never reads as a number if longer than 2."""
    text = ""
    while index or not text:
        index, digit = divmod(index, len(_ALPHABET))
        text = _ALPHABET[digit] + text
    return "k" + text.rjust(length - 1, "0") if length > len(text) else text[-length:]


def text_of(size: str, index: int) -> str:
    """Return a value of ``size``: digits for ``i6``, else text that is no number and differs with ``index``."""
    if size.startswith("i"):
        return (_DIGITS * 2)[: int(size[1:])]
    return identifier(index, int(size)) if int(size) > 1 else "k"


def keys(load: Load, first: int, last: int, prefix: str = "") -> Iterator[str]:
    """Yield the names of the keys number ``first`` to ``last`` (not included) of ``load``."""
    template = load.pattern.template
    example = naming.example(template)
    sample = naming.parse(template, example) or {}
    # literal text and placeholders take turns; our ids are letters and digits, which naming.render leaves as they are
    parts = naming.PLACEHOLDER.split(template)
    names = [(name, len(sample.get(name, "k" * 12))) for name in parts[1::2]]
    pattern = "{}".join(part.replace("{", "{{").replace("}", "}}") for part in (prefix + parts[0], *parts[2::2]))
    each = max(1, round(load.per_session)) if load.per_session else 1
    for number in range(first, last):
        yield pattern.format(
            *[identifier(number // each if name == "session_id" else number, length) for name, length in names]
        )


def commands(load: Load, first: int, last: int, prefix: str = "") -> Iterator[tuple[str, ...]]:
    """Yield the commands that make the keys number ``first`` to ``last`` (not included) of ``load``."""
    shape, seconds = load.shape, str(load.pattern.ttl.seconds or 0)
    if shape.type == "string":
        ttl = ("EX", seconds) if shape.ttl else ()
        value = text_of(load.fields[0][1], 1)
        for key in keys(load, first, last, prefix):
            yield ("SET", key, value, *ttl)
        return
    same = _bodies(load, 0)
    for number, key in enumerate(keys(load, first, last, prefix), start=first):
        for verb, *arguments in _bodies(load, number) if _has_table(load) else same:
            yield (verb, key, *arguments)
        if shape.ttl:
            yield ("EXPIRE", key, seconds)


def _has_table(load: Load) -> bool:
    """Whether the value may be a hash table: then its members differ from key to key, as they do in life.

    With the same members in every key all tables would collide alike, and one roll of the hash seed's dice would be
    measured many times over.
    """
    shape = load.shape
    if is_record(load.pattern) or shape.type not in ("set", "hash", "zset"):
        return False
    longest = max(shape.names.bounds[1], shape.sizes.bounds[1])
    return (shape.type == "set" and shape.n_elem > 1) or shape.n_elem > BATCH or longest > 64


def _bodies(load: Load, number: int) -> list[tuple[str, ...]]:
    """Return the commands that fill key ``number``, without its name."""
    shape, size = load.shape, load.fields[0][1]
    elements = range(number * shape.n_elem, (number + 1) * shape.n_elem)
    if is_record(load.pattern):
        return [("HSET", *(text for name, size in load.fields for text in (name, text_of(size, 1))))]
    if shape.type == "hash":
        pairs = [(identifier(i, int(shape.fsize)), text_of(size, i)) for i in elements]
        return [("HSET", *(t for pair in part for t in pair)) for part in _parts(pairs)]
    if shape.type == "zset":
        start, step = (1_760_000_000_000, 1009) if shape.score == "big" else (1_760_000_000, 37)
        scored = enumerate(elements)
        pairs = [(str(start + step * order), text_of(size, i)) for order, i in scored]
        return [("ZADD", *(t for pair in part for t in pair)) for part in _parts(pairs)]
    if shape.type == "stream":
        body = tuple(text for name, size in load.fields for text in (name, text_of(size, 1)))
        times = range(shape.n_elem)
        return [("XADD", f"{1_760_000_000_000 + i * shape.step_ms}-0", *body) for i in times]
    verb = "RPUSH" if shape.type == "list" else "SADD"
    values = [(text_of(size, i),) for i in elements]
    return [(verb, *(t for value in part for t in value)) for part in _parts(values)]


def _parts(items: Sequence[tuple[str, ...]]) -> Iterator[Sequence[tuple[str, ...]]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one pattern costs: bytes a key, keys a session, bytes a session; the tables' share is kept apart."""

    pattern: str
    encoding: str
    bytes_per_key: float
    keys_per_session: float
    bytes_at_bound: float

    @property
    def bytes_per_session(self) -> float:
        """Bytes of this pattern in one session (0 for a pattern that does not grow with sessions)."""
        return self.bytes_per_key * self.keys_per_session


def costs(keyspace: Keyspace, build: Build) -> tuple[Cost, ...]:
    """Return the predicted cost of every pattern, in the keyspace's order, without the keyspace's tables."""
    result = []
    for typical, full in zip(loads(keyspace, 1), loads(keyspace, 1, full=True), strict=True):
        growth = model.predict(typical.shape, build)
        bound = model.predict(full.shape, build).per_key
        result.append(Cost(typical.pattern.name, growth.encoding, growth.per_key, typical.per_session, bound))
    return tuple(result)


def dataset_bytes(keyspace: Keyspace, sessions: int, build: Build, full: bool = False) -> float:
    """Return the growth of ``used_memory`` for ``sessions`` sessions and the global keys, tables included."""
    return shapes_bytes([load.shape for load in loads(keyspace, sessions, full)], build)


_ONE_KEY: dict[tuple[Shape, str], float] = {}


def shapes_bytes(shapes: Sequence[Shape], build: Build) -> float:
    """Return the growth for ``shapes`` on an empty server; one key of a shape is computed once, however many there are."""
    about = repr(
        (build.layout.family, build.allocator, sorted(build.settings.items()), build.cluster, build.maxmemory_lru)
    )
    about += repr(sorted(build.corrections.items()))
    total = 0.0
    for shape in shapes:
        one = shape if shape.hfe else replace(shape, n_keys=1)  # the index of volatile fields belongs to all keys
        if (one, about) not in _ONE_KEY:
            _ONE_KEY[one, about] = model.predict(one, build).per_key
        total += _ONE_KEY[one, about] * shape.n_keys
    volatile = sum(shape.n_keys for shape in shapes if shape.ttl)
    return total + model.keyspace_tables(sum(shape.n_keys for shape in shapes), volatile, build)


def bytes_per_session(keyspace: Keyspace, build: Build, full: bool = False) -> float:
    """Return the bytes one more session adds, its share of the keyspace's tables averaged over a doubling."""
    sessions = 100_000
    return (dataset_bytes(keyspace, sessions, build, full) - dataset_bytes(keyspace, sessions // 2, build, full)) / (
        sessions - sessions // 2
    )


def table_steps(keyspace: Keyspace, sessions: int, build: Build) -> list[tuple[int, float]]:
    """Return the session counts up to ``sessions`` at which a keyspace table doubles, with the bytes it then adds."""
    steps: list[tuple[int, float]] = []
    patterns = keyspace.keys
    all_keys = sum(p.per_session for p in patterns if p.scope != "global")
    volatile = sum(p.per_session for p in patterns if p.scope != "global" and p.ttl.seconds is not None)
    for per_session in (all_keys, volatile):
        if not per_session:
            continue
        seen = model.keyspace_tables(max(1, round(per_session)), 0, build)
        for exponent in range(2, 40):
            capacity = (1 << exponent) * (7 if build.layout.rules["keyspace"] == "hashtable" else 1)
            count = math.floor(capacity / per_session) + 1
            if count > sessions:
                break
            now = model.keyspace_tables(capacity + 1, 0, build)
            if count > 1 and now - seen > 0:
                steps.append((count, now - model.keyspace_tables(capacity, 0, build)))
            seen = now
    return sorted(steps)
