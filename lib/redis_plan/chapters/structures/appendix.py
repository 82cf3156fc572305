"""The texts of sections 2 and 6 in the appendix: what their templates need beside the design and the findings."""

from __future__ import annotations

from pathlib import Path

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.structures.findings import Cliff, Compression, Load, Logs, Structures
from redis_plan.keyspace.model import Keyspace
from redis_plan.rig.workload import rates
from redis_plan.server import Server
from redis_plan.words import words
from redis_plan.words.tables import table

CLIFF_ALT = (
    "Left, bytes of one key against its elements for each type, with a jump where it leaves its compact encoding; right, what one "
    "step past each cliff costs in bytes and in the time of a write."
)
LOGS_ALT = "Three line charts against the log's length for a list and two streams: bytes, server time of an append, and of a catch-up."
LOAD_ALT = "Line chart of p50, p95 and p99 latency of the project's mix against the offered rate, with the project's peak marked."
DEPTH_ALT = (
    "Two line charts against the pipeline depth, one line a payload: throughput rises with depth for small payloads only, and the "
    "server's CPU a command falls with it."
)
FORMATS_ALT = "Dots of bytes and of the time of a write, a read and a change for JSON, MessagePack and a hash, on the project's documents."
COMPRESSION_ALT = (
    "Line charts of the compressed size and of the CPU against the document's size for zlib, zstd and lz4, with the project's event, "
    "state and snapshot marked."
)
#: Connections are compared at this rate at most: beyond it one generator process measures itself.
_MOST_PER_S = 25_000.0
#: An event that shrinks by less than this share is not worth a codec in every client.
_WORTH_PACKING = 0.35
#: A codec is quick that takes at most so many times the CPU of the cheapest.
_QUICK = 4


def collections(keyspace: Keyspace) -> bool:
    """Whether any key is more than a string, so that it has a compact encoding to lose."""
    return any(p.type != "string" for p in keyspace.keys)


def encodings(brief: Brief, keyspace: Keyspace, found: Structures) -> str:
    """Return every encoding threshold of this server with what the step costs, and the log as a list and as a stream."""
    without = found.cliff.record.conditions["without a cliff"] if found.cliff else "none"
    logs = found.logs
    return words.render(
        "chapters/structures/encodings", brief, keyspace, found=found, collections=collections(keyspace),
        cliffs=_cliffs(found.cliff) if found.cliff else "", smooth="" if without == "none" else without,
        logs=_lengths(logs) if logs else "", longest=_longest(logs) if logs else 0,
    )  # fmt: skip


def _cliffs(cliff: Cliff) -> str:
    columns = (cliff.last, cliff.at, cliff.above, cliff.step, cliff.write_at, cliff.write_above)
    rows = [[name, *(str(column[name]) for column in columns)] for name in cliff.step]
    header = ["Cliff", "Last compact", "Bytes there", "One more", "Step", "A write there", "One more"]
    return table(header, rows, right=range(1, 7))


def _longest(logs: Logs) -> int:
    return max(int(name.split()[1]) for name in logs.bytes if name.startswith("list "))


def _lengths(logs: Logs) -> str:
    """Return the bytes of a list and a stream at a few lengths."""
    return "; ".join(
        f"{n:,} {'entry' if n == 1 else 'entries'} {logs.bytes[f'list {n}']} against {logs.bytes[f'stream {n}']}"
        for n in (1, 20, _longest(logs))
    )


def environment(brief: Brief, keyspace: Keyspace, server: Server, profile: str) -> str:
    """Return where and how the benchmarks ran, and how far they carry."""
    return words.render(
        "chapters/structures/environment", brief, keyspace, server=server, profile=profile, huge_pages=_huge_pages()
    )


def _huge_pages() -> str:
    """Return the mode of transparent huge pages on this machine, as the kernel has it."""
    try:
        modes = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text("ascii")
    except OSError:
        return "unknown"
    return next((word.strip("[]") for word in modes.split() if word.startswith("[")), "unknown")


def load(brief: Brief, keyspace: Keyspace, found: Structures, threshold_s: float) -> str:
    """Return the load: the mix at the peak against a threshold set beforehand, the room above it, the core."""
    seen = found.load
    crowds = (
        f"{p99} over {'one connection' if crowd == '1 connections' else crowd}"
        for crowd, p99 in (seen.p99_over.items() if seen else ())
    )
    return words.render(
        "chapters/structures/load", brief, keyspace, found=found, threshold=threshold_s,
        times=units.significant(seen.headroom.value) if seen and seen.headroom else 0,
        rate=min(seen.target.value, _MOST_PER_S) if seen else 0, crowds=", ".join(crowds),
        mix=_mix(brief, keyspace, seen) if seen and seen.p99_at_target else "",  # else the rates stand in the workload
    )  # fmt: skip


def _mix(brief: Brief, keyspace: Keyspace, seen: Load) -> str:
    """Return one row a kind of command: rate at the peak, where that comes from, and latency there."""
    percentiles = (seen.p50, seen.p95, seen.p99)
    rows = [
        [
            rate.kind,
            units.write(rate.per_s, "/s"),
            rate.formula,
            *(str(column.get(rate.kind, "–")) for column in percentiles),
        ]
        for rate in rates(brief, keyspace)
    ]
    if ping := seen.p50.get("ping"):
        rows.append(["`PING`, the baseline", "–", "–", str(ping), "–", "–"])
    return table(["In the mix", "Rate (modelled)", "From", "p50", "p95", "p99"], rows, right=(1, 3, 4, 5))


def formats(brief: Brief, keyspace: Keyspace, found: Structures) -> str:
    """Return which format, which compression and which batches to use, with the numbers that say so."""
    packed = found.compression
    codec = _quick_codec(packed) if packed else ""
    shrinks = 1 - packed.bytes[f"envelope {codec}"].value / packed.bytes["envelope"].value if packed else 0.0
    return words.render(
        "chapters/structures/formats", brief, keyspace, found=found, codec=codec, small=shrinks < _WORTH_PACKING,
        shrinks=f"{max(0.0, 100 * shrinks):.0f}",
    )  # fmt: skip


def _quick_codec(packed: Compression) -> str:
    """Return the codec with the smallest snapshot among those that are quick."""
    cpu = {codec: packed.cpu[f"snapshot {codec}"].value for codec in packed.saves_a_fifth}
    quick = [codec for codec in cpu if cpu[codec] <= _QUICK * min(cpu.values())]
    return min(quick, key=lambda codec: packed.bytes[f"snapshot {codec}"].value)
