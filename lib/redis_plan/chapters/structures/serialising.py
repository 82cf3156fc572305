"""Serialising: the project's own documents as JSON, MessagePack, what the stack uses, and a hash: bytes, CPU, latency."""

from __future__ import annotations

import json
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from statistics import median
from typing import Any

import matplotlib.pyplot as plt
import msgpack
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from redis_plan import figures, resources
from redis_plan.brief.model import Brief
from redis_plan.chapters.structures import shapes
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure import statistics
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.interleave import Commands, interleaved
from redis_plan.measure.lab import Lab
from redis_plan.measure.respwire import Wire, pack
from redis_plan.rig.pool import cpu_seconds
from redis_plan.server.visit import clean

_msgpack: Any = msgpack  # its stubs hide what it imports from its C part
HASH = "hash, a field each"


@dataclass(frozen=True, slots=True)
class Format:
    """A way to turn a document into bytes and back."""

    label: str
    write: Callable[[Any], bytes]
    read: Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """The write and the read of a document in one format, and the client's seconds for each."""

    write: bytes
    read: bytes
    encode_s: float = 0.0
    decode_s: float = 0.0

    def of(self, what: str) -> tuple[bytes, float]:
        """Return command and client seconds of "write" or "read"."""
        return (self.write, self.encode_s) if what == "write" else (self.read, self.decode_s)


@cache
def catalog() -> Mapping[str, Mapping[str, Any]]:
    """Return the known formats: label, which parts of a stack use them by themselves, and why."""
    table: dict[str, dict[str, Any]] = resources.catalog("formats.toml")
    return table


_CODECS: Mapping[str, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    "json": (shapes.dumps, json.loads),
    "msgpack": (_msgpack.packb, _msgpack.unpackb),
    "pickle": (pickle.dumps, pickle.loads),
}


def used_by_stack(brief: Brief) -> str:
    """Return the format that the project's stack uses by itself; JSON where none is told."""
    there = {c.name.lower() for c in brief.stack if c.status in ("chosen", "mentioned")}
    for name in ("msgpack", "pickle"):
        if there & set(catalog()[name]["used_by"]):
            return name
    return "json"


def candidates(brief: Brief) -> tuple[Format, ...]:
    """Return the formats to compare: JSON, MessagePack, and what the stack uses where that is another one."""
    names = dict.fromkeys(("json", "msgpack", used_by_stack(brief)))
    return tuple(Format(catalog()[name]["label"], *_CODECS[name]) for name in names)


def formats(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Compare the formats on the project's state, event and snapshot, and on the change of one field of the state."""
    made = shapes.of(brief, keyspace, lab.rng("shapes"))
    client, root = lab.server.client(), f"{lab.server.prefix}formats"
    budget, loops = lab.by_profile(0.06, 0.5, 3.0), lab.by_profile(60, 500, 3_000)
    rows: list[dict[str, object]] = []
    values: list[Value] = []
    try:
        with Wire(lab.server) as wire:
            for shape, document in made.items():
                operations: dict[str, Pair] = {}
                for form in candidates(brief):
                    body = form.write(document)
                    encode, decode = _cpu(form.write, document, loops), _cpu(form.read, body, loops)
                    key = f"{root}:{shape}:{form.label}"
                    operations[form.label] = Pair(pack("SET", key, body), pack("GET", key), encode, decode)
                    values.append(Value(f"{shape} {form.label} bytes", len(body), "B"))
                if shape == "state":
                    words = [str(word) for pair in document.items() for word in pair]
                    key = f"{root}:{shape}:hash"
                    operations[HASH] = Pair(pack("HSET", key, *words), pack("HGETALL", key))
                    values.append(Value(f"{shape} {HASH} bytes", sum(len(word.encode()) for word in words), "B"))
                rows += _measure(lab, client, wire, shape, operations, budget)
            rows += _changes(lab, client, wire, root, made.state, candidates(brief), budget, loops)
            stored = {f: client.memory_usage(f"{root}:state:{'hash' if f == HASH else f}", samples=0) for f in operations_of(rows, "state")}  # fmt: skip
    finally:
        clean(client, root)
    samples = pd.DataFrame(rows)
    for row in rows:
        name = f"{row['shape']} {row['format']} {row['what']}"
        values += [Value(name, float(str(row["seconds"])), "s", int(str(row["n"]))), Value(f"{name} server cpu", float(str(row["server_cpu_s"])), "s", int(str(row["n"])))]  # fmt: skip
        if float(str(row["client_cpu_s"])):
            values.append(Value(f"{name} client cpu", float(str(row["client_cpu_s"])), "s", loops))
    values += [Value(f"state {form} stored", float(size or 0), "B") for form, size in stored.items()]
    at = {v.name: v.value for v in values}
    saved = 100 * (1 - at["envelope MessagePack bytes"] / at["envelope JSON bytes"])
    gain = at["state JSON change one field"] / at[f"state {HASH} change one field"]
    return Finding(
        question="In which format should the project write its state, its events and its snapshots?",
        hypothesis="MessagePack saves a tenth of the bytes of small documents, since text stays text; a hash is read a little "
        "slower as a whole and changed much faster by the field.",
        method="Documents with the project's own fields, sizes and words; encoding and decoding timed alone, the commands "
        "interleaved A B A B on one connection; a latency is both together. Server CPU from INFO cpu",
        values=tuple(values),
        samples=samples,
        conclusion=f"MessagePack saves {saved:.0f} % of an event's bytes; changing one field of the state takes {gain:.1f} times as long "
        "in a JSON document as in a hash.",
        conditions={
            "loop": "closed, depth 1", "connections": 1, "stack's own format": catalog()[used_by_stack(brief)]["label"],
            "encoders": "C implementations of CPython; other languages differ in CPU, not in bytes",
        },
    )  # fmt: skip


def operations_of(rows: list[dict[str, object]], shape: str) -> list[str]:
    """Return the formats that were measured for ``shape``."""
    return list(dict.fromkeys(str(row["format"]) for row in rows if row["shape"] == shape))


def _changed(form: Format, field: str, body: bytes) -> bytes:
    """Return ``body`` with another value in ``field``: decoded, changed, encoded."""
    return form.write(form.read(body) | {field: "changed"})


def _cpu(call: Callable[[Any], object], given: object, loops: int) -> float:
    """Return the median seconds of one call, from batches of ten."""
    spent = []
    for _ in range(max(5, loops // 10)):
        started = time.perf_counter()
        for _ in range(10):
            call(given)
        spent.append((time.perf_counter() - started) / 10)
    return median(spent)


def _measure(
    lab: Lab, client: Any, wire: Wire, shape: str, pairs: Mapping[str, Pair], budget: float
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for what in ("write", "read"):
        makers = {label: _again((pair.of(what)[0],)) for label, pair in pairs.items()}
        timed = interleaved(wire, makers, budget)
        for label, pair in pairs.items():
            e, client_cpu = statistics.median(timed.operations[label], lab.seed), pair.of(what)[1]
            server_cpu = _server_cpu(lab, client, wire, makers[label])
            rows.append(_row(shape, label, what, client_cpu + e.value, client_cpu, server_cpu, e.n))
    return rows


def _changes(
    lab: Lab, client: Any, wire: Wire, root: str, state: Mapping[str, Any], forms: tuple[Format, ...], budget: float, loops: int
) -> list[dict[str, object]]:  # fmt: skip
    """Change one field of the state: read, decode, encode and write back a document, or one HSET."""
    field = next((name for name in state if name in ("status", "owner")), next(iter(state)))
    makers, cpu = {}, {}
    for form in forms:
        key, body = f"{root}:state:{form.label}", form.write(state)
        makers[form.label] = _again((pack("GET", key), pack("SET", key, body)))
        cpu[form.label] = _cpu(partial(_changed, form, field), body, loops)
    makers[HASH], cpu[HASH] = _again((pack("HSET", f"{root}:state:hash", field, str(state[field])),)), 0.0
    timed = interleaved(wire, makers, budget)
    rows = []
    for label, maker in makers.items():
        e = statistics.median(timed.operations[label], lab.seed)
        rows.append(_row("state", label, "change one field", cpu[label] + e.value, cpu[label], _server_cpu(lab, client, wire, maker), e.n))  # fmt: skip
    return rows


def _row(shape: str, label: str, what: str, seconds: float, client_cpu: float, server_cpu: float, n: int) -> dict[str, object]:  # fmt: skip
    return {"shape": shape, "format": label, "what": what, "seconds": seconds, "client_cpu_s": client_cpu, "server_cpu_s": server_cpu, "n": n}  # fmt: skip


def _again(operation: Commands) -> Callable[[], Iterator[Commands]]:
    def endless() -> Iterator[Commands]:
        while True:
            yield operation

    return endless


def _server_cpu(lab: Lab, client: Any, wire: Wire, maker: Callable[[], Iterator[Commands]]) -> float:
    """Return the server's CPU seconds for one operation at depth 1, system calls included."""
    count, operation = lab.by_profile(150, 1_000, 5_000), next(maker())
    before = cpu_seconds(client)
    for _ in range(count):
        for command in operation:
            wire.ask(command)
    return (cpu_seconds(client) - before) / count


def plot_formats(samples: pd.DataFrame, sizes: Mapping[str, float]) -> Figure:
    """Draw bytes of each shape and the time of write, read and change, one mark a format; ``sizes`` by value name."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.7))
    labels = list(dict.fromkeys(samples["format"]))
    colours = dict(zip(labels, figures.PALETTE, strict=False))
    marks = dict(zip(labels, "osD^", strict=False))
    kinds = ["state", "envelope", "snapshot"][::-1]
    for label in labels:
        for place, shape in enumerate(kinds):
            if (size := sizes.get(f"{shape} {label} bytes")) is not None:
                left.plot(size, place, marks[label], color=colours[label], ms=8)
    left.set_yticks(range(3), kinds)
    left.set(xscale="log", xlabel="bytes on the wire (log scale)", title="Size", ylim=(-0.6, 2.6))
    steps = [("snapshot", "read"), ("snapshot", "write"), ("envelope", "write"), ("state", "read"), ("state", "write"), ("state", "change one field")]  # fmt: skip
    for place, (shape, what) in enumerate(steps):
        for row in samples[(samples["shape"] == shape) & (samples["what"] == what)].to_dict("records"):
            right.plot(row["seconds"] * 1e6, place, marks[row["format"]], color=colours[row["format"]], ms=8)
    right.set_yticks(range(len(steps)), [f"{shape}: {what}" for shape, what in steps])
    right.set(xlabel="encode, send, answer, decode (µs)", title="Time", ylim=(-0.6, len(steps) - 0.4), xlim=(0, None))
    for place, label in enumerate(labels):
        right.annotate(label, (1.03, 0.98 - 0.09 * place), xycoords="axes fraction", color=colours[label], va="top", fontsize=9, annotation_clip=False)  # fmt: skip
    for axes in (left, right):
        axes.grid(axis="x")
        axes.grid(visible=False, axis="y")
    left.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    left.xaxis.set_minor_formatter(lambda *_: "")
    return figure
