"""Cliffs: where this server changes a key's encoding, found by bisection, and what the step costs in bytes and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.measure import serverside, statistics
from redis_plan.measure.drive import drive
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.measure.respwire import pack
from redis_plan.server import Server
from redis_plan.server.visit import clean

CEILING = {"elements": 4_096, "B": 16_384}
_DEPTH = 50
Pipe = Any  # redis.client.Pipeline, whose methods the stubs type as unions
Build = Callable[[Pipe, str, int], object]


@dataclass(frozen=True, slots=True)
class Cliff:
    """One way over an edge: how a key of size ``n`` is built, and one read and one write of an element in its middle.

    ``by`` is the unit of ``n``: elements, or the bytes of one value.
    """

    name: str
    by: str
    build: Build
    read: Callable[[str, int], tuple[str | int, ...]]
    write: Callable[[str, int], tuple[str | int, ...]]
    replies: Callable[[int], tuple[bytes, bytes]]  # what a read and a write are answered at size ``n``
    shrink: Callable[[Pipe, str, int], object] | None  # takes the step back; None where a write makes the value anew


def _member(n: int) -> str:
    return f"m{n:07d}"


def _middle(n: int) -> str:
    return _member(n // 2)


def cliffs(value_bytes: int) -> tuple[Cliff, ...]:
    """Return every cliff that is looked for, with values of ``value_bytes`` where elements are counted."""
    text = "x" * max(8, min(64, value_bytes))
    few, bulk = 8, b"$%d\r\n%b\r\n" % (len(text), text.encode())
    one, zero, done = b":1\r\n", b":0\r\n", b"+OK\r\n"
    return (
        Cliff("hash", "elements", lambda p, k, n: p.hset(k, mapping={_member(i): text for i in range(n)}),
              lambda k, n: ("HGET", k, _middle(n)), lambda k, n: ("HSET", k, _middle(n), text), lambda n: (bulk, zero),
              lambda p, k, n: p.hdel(k, _member(n - 1))),
        Cliff("hash, longest value", "B", lambda p, k, n: p.hset(k, mapping={**{_member(i): text for i in range(few)}, _member(few): "y" * n}),
              lambda k, n: ("HGET", k, _member(0)), lambda k, n: ("HSET", k, _member(0), text), lambda n: (bulk, zero),
              lambda p, k, n: p.hset(k, _member(few), "y")),
        Cliff("sorted set", "elements", lambda p, k, n: p.zadd(k, {_member(i): i for i in range(n)}),
              lambda k, n: ("ZRANK", k, _member(n - 1)), lambda k, n: ("ZADD", k, n // 2, _middle(n)),
              lambda n: (b":%d\r\n" % (n - 1), zero), lambda p, k, n: p.zrem(k, _member(n - 1))),
        Cliff("sorted set, longest element", "B", lambda p, k, n: p.zadd(k, {**{_member(i): i for i in range(few)}, "y" * n: few}),
              lambda k, n: ("ZRANK", k, _member(1)), lambda k, n: ("ZADD", k, 1, _member(1)), lambda n: (one, zero),
              lambda p, k, n: p.zrem(k, "y" * n)),
        Cliff("set of numbers", "elements", lambda p, k, n: p.sadd(k, *range(n)),
              lambda k, n: ("SISMEMBER", k, n // 2), lambda k, n: ("SADD", k, n // 2), lambda n: (one, zero),
              lambda p, k, n: p.srem(k, n - 1)),
        Cliff("set of names", "elements", lambda p, k, n: p.sadd(k, *map(_member, range(n))),
              lambda k, n: ("SISMEMBER", k, _middle(n)), lambda k, n: ("SADD", k, _middle(n)), lambda n: (one, zero),
              lambda p, k, n: p.srem(k, _member(n - 1))),
        Cliff("list", "elements", lambda p, k, n: p.rpush(k, *[text] * n),
              lambda k, n: ("LINDEX", k, n // 2), lambda k, n: ("LSET", k, n // 2, text), lambda n: (bulk, done),
              lambda p, k, n: p.lpop(k)),
        Cliff("string", "B", lambda p, k, n: p.set(k, "y" * n),
              lambda k, n: ("STRLEN", k), lambda k, n: ("SET", k, "z" * n), lambda n: (b":%d\r\n" % n, done),
              None),
    )  # fmt: skip


def encoding_steps(lab: Lab, *, value_bytes: int) -> Finding:
    """Find each cliff of this server by bisection; bytes and time of one read and one write on both sides of it."""
    text_bytes = max(8, min(64, value_bytes))
    rows: list[dict[str, object]] = []
    values: list[Value] = []
    smooth: list[str] = []
    kept: list[bool] = []
    for cliff in cliffs(value_bytes):
        with _where(lab, cliff) as server:
            seen = _step(lab, server, cliff)
        if isinstance(seen, str):
            smooth.append(f"{cliff.name} ({seen} up to {CEILING[cliff.by]:,} {cliff.by})")
            continue
        rows += seen.rows
        values += seen.values
        kept += [] if seen.stays is None else [seen.stays]
    found = {v.name: v for v in values}
    steps = [v for v in values if v.name.endswith(" step")]
    steepest = max(steps, key=lambda v: v.value).name.removesuffix(" step") if steps else ""
    return Finding(
        question="Where does this server turn a compact encoding into a large one, and what does the step cost?",
        hypothesis="At the settings that CONFIG GET shows; one element more costs several times the bytes and makes an update "
        "of a nearly full listpack, which is scanned, quicker.",
        method="Bisection over the number of elements and over the length of one value, the encoding asked at each; then one key "
        "on each side: MEMORY USAGE with every element counted, server time of one read and one rewrite of an element "
        "from commandstats, in turns",
        values=(*values, Value("reverted", kept.count(False), "keys", len(kept))),
        samples=pd.DataFrame(rows),
        conclusion=f"{len(steps)} cliffs; the steepest is that of a {steepest}: {found[f'{steepest} step'].value:.1f} times the bytes "
        f"after {found[f'{steepest} last'].value:,.0f} {found[f'{steepest} last'].unit}. {kept.count(False)} of {len(kept)} turned back when "
        "the key shrank." + (f" Without a cliff here: {'; '.join(smooth)}." if smooth else "") if steps else "No cliff was found.",
        conditions={
            "value": f"{text_bytes} B", "pipeline depth of the timed calls": _DEPTH, "without a cliff": "; ".join(smooth) or "none",
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Seen:
    rows: list[dict[str, object]]
    values: list[Value]
    stays: bool | None  # whether a key that shrinks again keeps the large form


@contextmanager
def _where(lab: Lab, cliff: Cliff) -> Iterator[Server]:
    """Yield the server to ask: the lab's; for lists of older servers one of the same build that tells its nodes."""
    if cliff.name != "list" or "set-listpack" in lab.server.capabilities or not lab.server.ours:
        yield lab.server  # since 7.2 OBJECT ENCODING itself tells a list of one listpack from a quicklist
        return
    with lab.own({"enable-debug-command": "yes"}) as own:
        yield own


def _step(lab: Lab, server: Server, cliff: Cliff) -> _Seen | str:
    """Find one cliff; the encoding alone where there is none up to the ceiling."""
    client, root = server.client(), f"{server.prefix}cliff"
    key = f"{root}:{cliff.name.replace(' ', '-')}"
    try:
        first = _form(client, key, cliff, 1, server)
        last = _bisect(lambda n: _form(client, key, cliff, n, server) == first, CEILING[cliff.by])
        if last == CEILING[cliff.by]:
            return first
        rows = _curve(client, key, cliff, last, server)
        sides = [_side(lab, server, client, f"{key}:{at}", cliff, n) for at, n in (("at", last), ("above", last + 1))]
        stays = None
        if cliff.shrink:
            _form(client, key, cliff, last + 1, server)
            cliff.shrink(client, key, last + 1)
            stays = _name(client, key, server) != first
        return _Seen(rows, _values(cliff, last, sides), stays)
    finally:
        clean(client, root)


def _form(client: redis.Redis, key: str, cliff: Cliff, n: int, server: Server) -> str:
    """Build the key at size ``n`` and return its encoding."""
    with client.pipeline(transaction=False) as pipe:
        pipe.unlink(key)
        cliff.build(pipe, key, n)
        pipe.execute()
    return _name(client, key, server)


def _name(client: redis.Redis, key: str, server: Server) -> str:
    """Return the encoding; for a quicklist with its nodes where the server tells them: the split is its cliff."""
    reply: Any = client.object("ENCODING", key)
    encoding = reply.decode()
    if encoding == "quicklist" and server.ours:
        with suppress(redis.ResponseError):
            about: Any = client.execute_command("DEBUG", "OBJECT", key)
            told = about if isinstance(about, dict) else dict(part.split(":", 1) for part in about.decode().split() if ":" in part)  # fmt: skip
            nodes = int(told.get("ql_nodes", 1))
            return "quicklist of one node" if nodes == 1 else "quicklist of several nodes"
    return str(encoding)


def _bisect(compact: Callable[[int], bool], ceiling: int) -> int:
    """Return the largest n up to ``ceiling`` that still has the first encoding."""
    low, high = 1, ceiling
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if compact(middle) else (low, middle - 1)
    return low


def _curve(client: redis.Redis, key: str, cliff: Cliff, last: int, server: Server) -> list[dict[str, object]]:
    """Return bytes of the key at sizes around the cliff, for the figure."""
    rows: list[dict[str, object]] = []
    for n in sorted({max(1, last // 8), max(1, last // 2), last, last + 1, 2 * last}):
        encoding = _form(client, key, cliff, n, server)
        size = client.memory_usage(key, samples=0) or 0
        rows.append({"kind": cliff.name, "by": cliff.by, "size": n, "encoding": encoding, "bytes": size, "last": last})
    return rows


@dataclass(frozen=True, slots=True)
class _Side:
    size: float
    read_s: float
    write_s: float
    calls: int


def _side(lab: Lab, server: Server, client: redis.Redis, key: str, cliff: Cliff, n: int) -> _Side:
    _form(client, key, cliff, n, server)
    size = float(client.memory_usage(key, samples=0) or 0)
    calls, spent = lab.by_profile(500, 3_000, 20_000), {}
    commands = (("read", cliff.read(key, n)), ("write", cliff.write(key, n)))
    for (kind, command), reply in zip(commands, cliff.replies(n), strict=True):
        times = []
        for _ in range(3):
            before = serverside.command_stats(client)
            drive(server, pack(*command), reply, pipeline=_DEPTH, commands=calls)
            costs = serverside.since(before, serverside.command_stats(client))
            cost = costs.get(str(command[0]).lower())
            times.append(cost.seconds_per_call if cost else float("nan"))
        spent[kind] = statistics.median(times).value
    client.unlink(key)
    return _Side(size, spent["read"], spent["write"], 3 * calls)


def _values(cliff: Cliff, last: int, sides: list[_Side]) -> list[Value]:
    at, above = sides
    name = cliff.name
    return [
        Value(f"{name} last", last, cliff.by),
        Value(f"{name} bytes at", at.size, "B"),
        Value(f"{name} bytes above", above.size, "B"),
        Value(f"{name} step", above.size / at.size, "x"),
        Value(f"{name} read at", at.read_s, "s", at.calls),
        Value(f"{name} read above", above.read_s, "s", above.calls),
        Value(f"{name} write at", at.write_s, "s", at.calls),
        Value(f"{name} write above", above.write_s, "s", above.calls),
    ]


def plot_cliffs(samples: pd.DataFrame, values: Mapping[str, float]) -> Figure:
    """Draw bytes against elements with the cliffs marked, and for every cliff what one more costs in bytes and time.

    ``values`` are the finding's values by name.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.9), width_ratios=(1, 1.05))
    counted = samples[samples["by"] == "elements"]
    ends: list[tuple[float, str, str]] = []
    for (kind, rows), colour, marker in zip(
        counted.groupby("kind", sort=False), figures.PALETTE, "os^Dvp", strict=False
    ):
        left.plot(rows["size"], rows["bytes"] / 1024, marker=marker, color=colour, linewidth=1.4, markersize=4)
        edge = rows[rows["size"] == rows["last"]].iloc[0]
        left.plot(edge["size"], edge["bytes"] / 1024, "o", color=colour, ms=11, fillstyle="none")
        ends.append((float(rows["bytes"].iloc[-1]) / 1024, str(kind), colour))
    floor = 0.0
    for height, kind, colour in sorted(ends):
        floor = max(height, 1.45 * floor)
        left.annotate(kind, (float(counted["size"].max()), floor), xytext=(8, 0), textcoords="offset points", color=colour,
                      va="center", fontsize=9, annotation_clip=False)  # fmt: skip
    for axis, scale in ((left.xaxis, left.set_xscale), (left.yaxis, left.set_yscale)):
        scale("log", base=2)
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    left.set(xlabel="elements of one key (log scale)", ylabel="MEMORY USAGE (KiB, log scale)", title="Bytes of one key; rings: the last compact size")  # fmt: skip
    names = [name.removesuffix(" step") for name in values if name.endswith(" step")][::-1]
    for place, name in enumerate(names):
        step, write = values[f"{name} step"], values[f"{name} write above"] / max(1e-9, values[f"{name} write at"])
        right.plot([1, step], [place] * 2, color=figures.CONTEXT, linewidth=1)
        right.plot(step, place, "o", color=figures.HIGHLIGHT, ms=7)
        right.plot(write, place, "D", color=figures.PALETTE[1], ms=6, fillstyle="none")
        right.annotate(f"{step:.2g}x", (step, place), xytext=(0, 7), textcoords="offset points", ha="center", color=figures.HIGHLIGHT, fontsize=9, bbox=figures.PLATE)  # fmt: skip
    for place, (said, colour) in enumerate((("● bytes", figures.HIGHLIGHT), ("◇ time of a write", figures.PALETTE[1]))):
        right.annotate(said, (0.99, 0.1 - 0.08 * place), xycoords="axes fraction", ha="right", color=colour, fontsize=9)
    right.axvline(1, color=figures.CONTEXT, linewidth=1)
    right.set_xscale("log", base=2)
    right.xaxis.set_major_formatter(lambda value, _: f"{value:g}x")
    right.set_yticks(range(len(names)), [f"{n} ({values[f'{n} last']:,.0f})" for n in names], fontsize=9)
    right.set(ylim=(-1.5, len(names) - 0.1), xlabel="after one step, against before (log scale)", title="What one more costs")  # fmt: skip
    right.grid(axis="x")
    right.grid(visible=False, axis="y")
    return figure
