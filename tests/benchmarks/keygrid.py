"""Random key shapes, and the commands that make their keys: every column of a declaration table, as its README defines it."""

import random
from collections.abc import Iterator
from dataclasses import replace

from redis_plan.memory.shape import INTEGERS, Shape

#: Bytes that one point may load.
POINT_BYTES = 2_000_000

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_EPOCH_MS = 1_760_000_000_000
_DEADLINE_MS = b"1999999999000"


def draw(rng: random.Random, field_ttl: bool) -> Shape:
    """Return a random shape; ``field_ttl``: the server knows deadlines of hash fields."""
    kind = rng.choice(["string", "string", "hash", "hash", "list", "set", "set", "zset", "zset", "stream", "stream"])
    elements = rng.choice(
        [1, 2, 3, 5, 8, 16, 17, 20, 50, 64, 100, 128, 129, 200, 257, 300, 512, 513, 700, 1025, 1100, 2000]
    )
    if kind in ("string", "stream"):
        elements = 1 if kind == "string" else rng.choice([1, 2, 10, 50, 100, 101, 250, 500])
    small = [
        "4",
        "8",
        "10",
        "16",
        "20",
        "31",
        "32",
        "44",
        "45",
        "63",
        "64",
        "65",
        "80",
        "100",
        "200",
        "256",
        "500",
        "1000",
    ]
    value = rng.choice([*small, *small, "int13", "int16", "int24", "int32", "int64", "uni:8:40", "uni:65:300"])
    if kind == "string" and rng.random() < 0.3:
        value = rng.choice(["0", "1", "2000", "4088", "10000", "40000", "65535", "uni:1:44", "uni:100:2000"])
    if kind == "list" and rng.random() < 0.2:
        value = rng.choice(["4000", "8000", "9000"])
    if kind == "string" and value == "int16":
        value = "int24"  # a part of that class would be shared
    field = rng.choice(["4", "6", "8", "12", "20", "31", "32", "40", "63", "64", "65", "100"])
    groups = rng.choice([0, 0, 1, 2]) if kind == "stream" else 0
    shape = Shape(
        kind,  # type: ignore[arg-type]
        key_len=rng.choice([12, 16, 20, 24, 31, 32, 40, 45, 56, 64, 72, 80, 100, 128, 140]),
        n_elem=elements,
        fsize=field if kind in ("hash", "zset", "stream") else "0",
        vsize="0" if kind == "zset" else value,
        nfields=rng.choice([1, 2, 3, 5]) if kind == "stream" else 1,
        score=rng.choice(["idx", "ts", "half", "big", "rand17"]) if kind == "zset" else "",  # type: ignore[arg-type]
        step_ms=rng.choice([1, 7, 50, 1000]) if kind == "stream" else 1,
        groups=groups,
        pending=rng.choice([0, 1, elements // 2, elements]) if groups else 0,
        batch=1 if kind == "stream" else rng.choice([0, 0, 1, 10, 50, 200]),
        ttl=rng.random() < 0.4,
        hfe=field_ttl and kind == "hash" and rng.random() < 0.3,
        alike=True,
    )
    each = 60 + elements * (shape.sizes.bounds[1] + int(field) + 60) * shape.nfields
    return replace(shape, n_keys=max(5, min(4000, POINT_BYTES // each)))


def text(number: int, size: int) -> bytes:
    """Return the text of ``size`` bytes that stands for ``number``; it never parses as a number."""
    digits = []
    while size > len(digits) + 1 and (number or not digits):
        number, digit = divmod(number, len(_LETTERS))
        digits.append(_LETTERS[digit])
    if size <= 1:
        return _LETTERS[number % len(_LETTERS)].encode()[:size]
    return ("x" + "".join(reversed(digits)).rjust(size - 1, "_")).encode()


def names(shape: Shape, prefix: str = "") -> list[bytes]:
    """Return the names of all keys of ``shape``; the prefix is part of their length."""
    return [prefix.encode() + text(number, shape.key_len - len(prefix)) for number in range(shape.n_keys)]


def commands(shape: Shape, rng: random.Random, prefix: str = "") -> Iterator[list[bytes]]:
    """Yield the commands that make the keys of ``shape``, as a declaration table means them."""
    for number, name in enumerate(names(shape, prefix)):
        if shape.type == "string":
            yield [b"SET", name, _value(shape.vsize, number, shape.n_keys, rng)]
        elif shape.type == "stream":
            yield from _stream(shape, name, rng)
        else:
            yield from _filled(shape, name, rng)
        if shape.ttl:
            yield [b"PEXPIREAT", name, _DEADLINE_MS]


def _filled(shape: Shape, name: bytes, rng: random.Random) -> Iterator[list[bytes]]:
    count, step = shape.n_elem, shape.batch or shape.n_elem
    verb = {"hash": b"HSET", "list": b"RPUSH", "set": b"SADD", "zset": b"ZADD"}[shape.type]
    for start in range(0, count, step):
        command = [verb, name]
        for index in range(start, min(count, start + step)):
            if shape.type == "hash":
                command += [_member(shape.fsize, index, count), _value(shape.vsize, index, count, rng)]
            elif shape.type == "list":
                command.append(_value(shape.vsize, index, count, rng))
            elif shape.type == "set":
                command.append(_member(shape.vsize, index, count))
            else:
                command += [_score(shape.score, index, rng), _member(shape.fsize, index, count)]
        yield command
    if shape.hfe:
        fields = [_member(shape.fsize, index, count) for index in range(count)]
        yield [b"HPEXPIREAT", name, _DEADLINE_MS, b"FIELDS", b"%d" % count, *fields]


def _stream(shape: Shape, name: bytes, rng: random.Random) -> Iterator[list[bytes]]:
    for entry in range(shape.n_elem):
        command = [b"XADD", name, b"%d-0" % (_EPOCH_MS + entry * shape.step_ms)]
        for field in range(shape.nfields):
            number = entry * shape.nfields + field
            command += [text(field, int(shape.fsize)), _value(shape.vsize, number, shape.n_elem * shape.nfields, rng)]
        yield command
    for group in range(shape.groups):
        yield [b"XGROUP", b"CREATE", name, b"g%d" % group, b"0"]
        if shape.pending:
            yield [b"XREADGROUP", b"GROUP", b"g%d" % group, b"consumer", b"COUNT", b"%d" % shape.pending,
                   b"STREAMS", name, b">"]  # fmt: skip


def _member(size: str, index: int, count: int) -> bytes:
    if size.startswith("uni:"):
        _, low, high = size.split(":")
        return text(index, int(low) + index * 7919 % (int(high) - int(low) + 1))
    return _integer(size, index, count) if size in INTEGERS else text(index, int(size))


def _value(size: str, index: int, count: int, rng: random.Random) -> bytes:
    if size.startswith("uni:"):
        _, low, high = size.split(":")
        return text(index, rng.randint(int(low), int(high)))
    return _integer(size, index, count) if size in INTEGERS else text(index, int(size))


def _integer(name: str, index: int, count: int) -> bytes:
    low, high, _ = INTEGERS[name]
    step = max(1, (high - low) // max(count, 1))
    return b"%d" % (low + index * step % (high - low + 1))


def _score(kind: str, index: int, rng: random.Random) -> bytes:
    if kind == "half":
        return f"{100.5 + index}".encode()
    if kind == "rand17":
        return repr(rng.random() * 1000).encode()
    first, step = {"ts": (1_760_000_000, 37), "big": (_EPOCH_MS, 1009)}.get(kind, (0, 1))
    return b"%d" % (first + step * index)
