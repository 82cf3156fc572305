"""Compressing: zlib, zstd and lz4 on the project's own documents: from which size it pays, and what it costs."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import lz4.frame
import matplotlib.pyplot as plt
import pandas as pd
import zstandard
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.brief.model import Brief
from redis_plan.chapters.structures import shapes
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure import statistics
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.interleave import interleaved
from redis_plan.measure.lab import Lab
from redis_plan.measure.respwire import Wire, pack
from redis_plan.server.visit import clean

_lz4: Any = lz4.frame  # its stubs hide what it imports from its C part
WORTH = 0.2  # a fifth of the bytes: less is not worth a second form of the same data
LARGEST = 65_536


@dataclass(frozen=True, slots=True)
class Codec:
    """A compressor at one level, and its inverse."""

    name: str
    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes], bytes]


def codecs() -> tuple[Codec, ...]:
    """Return the codecs: zlib at its default, zstd at its default and fastest useful level, lz4 with its frame."""
    zstd = {level: zstandard.ZstdCompressor(level=level, write_checksum=False) for level in (1, 3)}
    expand = zstandard.ZstdDecompressor()
    return (
        Codec("zlib 6", lambda b: zlib.compress(b, 6), zlib.decompress),
        Codec("zstd 3", zstd[3].compress, expand.decompress),
        Codec("zstd 1", zstd[1].compress, expand.decompress),
        Codec("lz4", lambda b: _lz4.compress(b, content_checksum=False), _lz4.decompress),
    )


def compression(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Compress documents of 64 B to 64 KiB and the project's own three; bytes, CPU, break-even, and latency of the largest."""
    rng, loops = lab.rng("compression"), lab.by_profile(30, 300, 2_000)
    body = shapes.dumps(shapes.of_size(brief, rng, LARGEST))
    sizes = lab.by_profile((64, 256, 1024, 4096, 16384, 65536), *[tuple(2**n for n in range(6, 17))] * 2)
    made = {shape: shapes.dumps(document) for shape, document in shapes.of(brief, keyspace, rng).items()}
    rows: list[dict[str, object]] = []
    values = [Value(f"{shape} bytes", len(document), "B") for shape, document in made.items()]
    for codec in codecs():
        for size in sizes:
            rows.append(_row(codec, "document", body[:size], max(5, loops * 1024 // (1024 + size))))
        for shape, document in made.items():
            row = _row(codec, shape, document, loops)
            rows.append(row)
            packed, spent = float(str(row["compressed"])), float(str(row["pack_s"])) + float(str(row["unpack_s"]))
            values += [
                Value(f"{shape} {codec.name} bytes", packed, "B"),
                Value(f"{shape} {codec.name} cpu", spent, "s", loops),
                # a link at this speed sends the saved bytes in the time that the codec takes; on a slower one it pays
                Value(f"{shape} {codec.name} pays below", max(0.0, len(document) - packed) / spent, "B/s", loops),
            ]
        for what, part in (("any", 0.0), ("a fifth", WORTH)):
            values.append(Value(f"{codec.name} saves {what} from", _break_even(codec, body, part), "B"))
    values += _latency(lab, made["snapshot"])
    at = {v.name: v.value for v in values}
    first = min((c.name for c in codecs()), key=lambda name: at[f"{name} saves a fifth from"])
    return Finding(
        question="From which size does compression pay for this project's documents?",
        hypothesis="Not for a single event: below some hundred bytes the frame costs more than the words repeat; for snapshots of "
        "many members it halves the bytes.",
        method="Documents with the project's fields, sizes and words, cut to length; each compressed and expanded many times in "
        "this process (medians), the break-even found by bisection over the length",
        values=tuple(values),
        samples=pd.DataFrame(rows),
        conclusion=f"A fifth of the bytes is saved from {at[f'{first} saves a fifth from']:,.0f} B on, first by {first}; an event has "
        f"{at['envelope bytes']:,.0f} B, a snapshot {at['snapshot bytes']:,.0f} B.",
        conditions={"worth it": f"{100 * WORTH:.0f} % of the bytes", "zstd": zstandard.__version__, "lz4": "frame format, no checksum"},
    )  # fmt: skip


def _row(codec: Codec, shape: str, document: bytes, loops: int) -> dict[str, object]:
    packed = codec.pack(document)
    assert codec.unpack(packed) == document
    pack_s, unpack_s = _time(lambda: codec.pack(document), loops), _time(lambda: codec.unpack(packed), loops)
    return {"codec": codec.name, "shape": shape, "size": len(document), "compressed": len(packed), "pack_s": pack_s, "unpack_s": unpack_s}  # fmt: skip


def _time(call: Callable[[], object], loops: int) -> float:
    spent = []
    for _ in range(max(2, loops // 5)):
        started = time.perf_counter()
        for _ in range(5):
            call()
        spent.append((time.perf_counter() - started) / 5)
    return median(spent)


def _break_even(codec: Codec, body: bytes, part: float) -> float:
    """Return the length from which compression saves ``part`` of the bytes; the longest tried where it never does."""
    low, high = 16, LARGEST
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(codec.pack(body[:middle])) < (1 - part) * middle else (middle + 1, high)
    return float(low)


def _latency(lab: Lab, document: bytes) -> list[Value]:
    """Return write and read of the snapshot as it is and compressed: codec and round trip together."""
    client, root = lab.server.client(), f"{lab.server.prefix}compression"
    codec = next(c for c in codecs() if c.name == "zstd 3")
    packed = codec.pack(document)
    values = []
    cpu = {"write": _time(lambda: codec.pack(document), 50), "read": _time(lambda: codec.unpack(packed), 50)}
    try:
        with Wire(lab.server) as wire:
            for what in ("write", "read"):
                commands = {
                    form: pack("SET", f"{root}:{form}", content) if what == "write" else pack("GET", f"{root}:{form}")
                    for form, content in (("plain", document), ("packed", packed))
                }
                makers = {form: (lambda c=command: iter(lambda: (c,), None)) for form, command in commands.items()}
                timed = interleaved(wire, makers, lab.by_profile(0.04, 0.4, 3.0))
                for form in ("plain", "packed"):
                    e = statistics.median(timed.operations[form], lab.seed)
                    values.append(
                        Value(f"snapshot {form} {what}", e.value + (cpu[what] if form == "packed" else 0.0), "s", e.n)
                    )
    finally:
        clean(client, root)
    return values


def plot_compression(samples: pd.DataFrame, sizes: Mapping[str, float]) -> Figure:
    """Draw compressed size and CPU against the document's size, one line a codec, the project's documents marked."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.7))
    plain = samples[samples["shape"] == "document"]
    floor = {left: -1.0, right: 0.0}
    for place, (codec, rows) in enumerate(
        sorted(plain.groupby("codec"), key=lambda part: part[1]["compressed"].iloc[-1])
    ):
        colour, mark = figures.PALETTE[place], "osD^"[place]
        share, spent = 100 * rows["compressed"] / rows["size"], (rows["pack_s"] + rows["unpack_s"]) * 1e6
        left.plot(rows["size"], share, f"-{mark}", color=colour, ms=5)
        right.plot(rows["size"], spent, f"-{mark}", color=colour, ms=5)
        height = max(float(share.iloc[-1]), floor[left] + 7)
        left.annotate(str(codec), (LARGEST, height), xytext=(7, 0), textcoords="offset points", color=colour, fontsize=9, va="center", annotation_clip=False)  # fmt: skip
        floor[left] = height
    for place, (shape, size) in enumerate(sizes.items()):
        for axes in (left, right):
            axes.axvline(size, color=figures.CONTEXT, linewidth=0.9, linestyle="--")
        left.annotate(f"{shape} ", (size, 0.02 + 0.08 * place), xycoords=("data", "axes fraction"), ha="right", fontsize=9, color="#555555")  # fmt: skip
    left.axhline(100, color="black", linewidth=0.8)
    left.annotate("as large as before", (plain["size"].max(), 101), va="bottom", ha="right", fontsize=9)
    left.set(
        xscale="log",
        xlabel="document (B, log scale)",
        ylabel="compressed size (% of the document)",
        title="Bytes",
        ylim=(0, 135),
    )
    right.set(
        xscale="log",
        yscale="log",
        xlabel="document (B, log scale)",
        ylabel="compress and expand (µs, log scale)",
        title="CPU",
    )
    for axis in (left.xaxis, right.xaxis, right.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:,g}")
    return figure
