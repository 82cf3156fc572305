"""Notebook 03 in words, apart from the candidates: environment, load, cliffs, pipelining, formats, compression."""

from __future__ import annotations

from pathlib import Path

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.structures.findings import Cliff, Compression, Depth, Formats, Load, Logs, Structures
from redis_plan.keyspace.model import Keyspace
from redis_plan.rig.workload import rates
from redis_plan.server import Server
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


def environment(server: Server, profile: str) -> str:
    """Return where and how the benchmarks ran, and how far they carry."""
    settings = server.fingerprint.settings
    return "\n".join(
        [
            "### Environment and method",
            "",
            f"{server.fingerprint.describe()}; transparent huge pages: {_huge_pages()}; persistence: appendonly {settings.get('appendonly', 'unknown')}; connection: "
            f"{'Unix socket' if server.address[0] == 'unix' else 'TCP'} on the same machine, client and server share its cores. "
            f"Profile {profile}. Candidates run interleaved (A B A B …) on one connection after warm-up; each table names its "
            "noise floor, measured by running one design under two labels. Times a client sees and times the server accounts are "
            "different figures and stand in different columns.",
            "",
            "**Limits of transfer.** A Unix socket on a shared machine has no network: add the round trip of your data centre to "
            "every client-seen time. TLS, replicas, a noisy neighbour and another version change the figures; the ratios carry "
            "further than the absolute times.",
        ]
    )


def _huge_pages() -> str:
    """Return the mode of transparent huge pages on this machine, as the kernel has it."""
    try:
        modes = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text("ascii")
    except OSError:
        return "unknown"
    return next((word.strip("[]") for word in modes.split() if word.startswith("[")), "unknown")


def log_sentence(logs: Logs) -> str:
    """Return what a list and a stream cost as the event log, in two sentences."""
    longest = max(int(name.split()[1]) for name in logs.bytes if name.startswith("list "))
    said = "; ".join(
        f"{n:,} {'entry' if n == 1 else 'entries'} {logs.bytes[f'list {n}']} against {logs.bytes[f'stream {n}']}"
        for n in (1, 20, longest)
    )
    as_list, as_stream = f"list {longest}", f"stream {longest}"
    return (
        f"**A list or a stream as the log**, events of {logs.record.condition('event')}: {said}; an append at the bound "
        f"{logs.append[as_list]} against {logs.append[as_stream]}, catching up on "
        f"{logs.record.condition('caught up')} {logs.catch_up[as_list]} against {logs.catch_up[as_stream]} "
        f"(list first; measured, [{logs.id}]). A stream trimmed with `~` held up to {logs.held['stream, ~ 100']} at a bound of 100."
    )


def load_section(brief: Brief, keyspace: Keyspace, found: Structures, threshold_s: float) -> str:
    """Return the load in words: the mix at the peak against a threshold set beforehand, the room above it, the core."""
    lines, load = ["### Load", ""], found.load
    if load is None:
        return "\n".join([*lines, f"Not measured: {found.not_run('load')}"])
    if load.p99_at_target:
        passed = load.p99_at_target.value <= threshold_s
        lines.append(
            f"The project's mix at its peak, {load.target} (modelled) over {load.record.condition('connections')} connections, has "
            f"p99 {load.p99_at_target.full}. Threshold set beforehand: {units.write(threshold_s, 's')}, one hundredth of the sync "
            f"target ({brief.fact('sync_latency').where}): **{'pass' if passed else 'fail'}**."
        )
    else:
        lines.append("At the project's own rate the generator was late or too slow, so no latency is published for it.")
    lines.append(f"It takes {load.core_share.full} of one core of the server, of which at most 50 % should be planned.")
    if load.kept_up_to and load.headroom:
        times = units.significant(load.headroom.value)
        lines.append(f"The server kept up to {load.kept_up_to.linked}, {times} times the peak.")
    if load.p99_over:
        said = ", ".join(
            f"{p99} over {'one connection' if crowd == '1 connections' else crowd}"
            for crowd, p99 in load.p99_over.items()
        )
        lines.append(f"At {units.write(min(load.target.value, 25_000.0), '/s')} p99 is {said} [{load.id}].")
    lines += [f"{load.record.conclusion}", "", *_mix(brief, keyspace, load), "", "[figure 06-load]"]
    return "\n".join(lines)


def _mix(brief: Brief, keyspace: Keyspace, load: Load) -> list[str]:
    """Return one row a kind of command: rate at the peak, where that comes from, and latency there."""
    if not load.p99_at_target:
        return []  # the rates stand in the workload above
    rows = [
        f"| {rate.kind} | {units.write(rate.per_s, '/s')} | {rate.formula} | "
        + " | ".join(str(seen.get(rate.kind, "–")) for seen in (load.p50, load.p95, load.p99))
        + " |"
        for rate in rates(brief, keyspace)
    ]
    if ping := load.p50.get("ping"):
        rows.append(f"| `PING`, the baseline | – | – | {ping} | – | – |")
    head = ["| In the mix | Rate (modelled) | From | p50 | p95 | p99 |", "|:--|--:|:--|--:|--:|--:|"]
    return [*head, *rows, "", f"*Latencies measured in one run, [{load.id}]; p95 and p99 from 200 samples on.*"]


def collections(keyspace: Keyspace) -> bool:
    """Whether any key is more than a string, so that it has a compact encoding to lose."""
    return any(p.type != "string" for p in keyspace.keys)


def cliff_section(cliff: Cliff, keyspace: Keyspace) -> str:
    """Return every encoding threshold of this server and what the step costs; a sentence where every key is a string."""
    if not collections(keyspace):
        last = cliff.last.get("string")
        step = f" Up to {last} a value lies in one block with its head." if last else ""
        return f"### Encodings, measured\n\nEvery key is a string, so nothing converts for good.{step} The steps of collections are in the record [{cliff.id}]."
    columns = (cliff.last, cliff.at, cliff.above, cliff.step, cliff.write_at, cliff.write_above)
    rows = [[name, *(str(column[name]) for column in columns)] for name in cliff.step]
    turned = f"{cliff.reverted:.0f}" if cliff.reverted.value else "None"
    header = ["Cliff", "Last compact", "Bytes there", "One more", "Step", "A write there", "One more"]
    return "\n".join(
        [
            "### Encodings, measured",
            "",
            f"The last compact size of each type on this server, found by bisection, and one step further (values of "
            f"{cliff.record.condition('value')}). {turned} of {cliff.reverted.n} turned back when the key shrank again. "
            f"{_smooth(cliff)}".rstrip(),
            "",
            table(header, rows, right=range(1, 7)),
            "",
            f"*Measured, server time of a write from commandstats, [{cliff.id}].*",
            "",
            "[figure 02-encoding-cliff]",
        ]
    )


def _smooth(cliff: Cliff) -> str:
    """Name the types that have no cliff on this server."""
    found = cliff.record.conditions["without a cliff"]
    return "" if found == "none" else f"Without a cliff: {found}."


def pipeline_sentence(depth: Depth) -> str:
    """Return what depth gains and which batch to use, in two sentences."""
    small, large = f"{depth.smallest:.0f}", f"{depth.largest:.0f}"
    return (
        f"**Pipelining.** On one connection batches gain {depth.gain} at {small} B (CPU a command "
        f"{depth.cpu_alone[small]} → {depth.cpu_most[small].linked}) and "
        f"{depth.gains[large]} at {depth.largest}: send what is ready in one write, up to "
        f"{depth.enough[small]} a batch, and cut batches by bytes, not by count, where values are large [{depth.id}]."
    )


def formats_section(formats: Formats, compression: Compression) -> str:
    """Return which format and which compression to use, with the numbers that say so."""
    stack = formats.record.condition("stack's own format")
    saved = 100 * (1 - formats.event_as_messagepack.value / formats.event_as_json.value)
    worth = (
        "saves too little to leave what every client can read"
        if saved < 25
        else "is worth it where every client can read it"
    )
    lines = [
        "### Formats and compression",
        "",
        f"The state stays a hash: one field changes in {formats.field_of_hash.linked}, in a JSON document in "
        f"{formats.field_of_json.linked} (read, decode, encode, write, and not atomic). Events and snapshots are {stack}: "
        f"an event has {formats.event_as_json.linked} as JSON and {formats.event_as_messagepack.linked} as MessagePack, "
        f"which {worth}. {_compress(compression)}",
    ]
    return "\n".join(lines)


def _compress(compression: Compression) -> str:
    """Say from which size compression pays, and whether the project's event and snapshot are beyond it."""
    size, cpu = compression.bytes, compression.cpu
    # the smallest result among those that take at most four times the CPU of the cheapest
    cheapest = min(cpu[f"snapshot {codec}"].value for codec in compression.saves_a_fifth)
    fair = [codec for codec in compression.saves_a_fifth if cpu[f"snapshot {codec}"].value <= 4 * cheapest]
    best = min(fair, key=lambda codec: size[f"snapshot {codec}"].value)
    small = 1 - size[f"envelope {best}"].value / size["envelope"].value
    text = (
        f"Compression saves a fifth of the bytes from {compression.saves_a_fifth[best].linked} on ({best}, the "
        "smallest result among the quick codecs). "
    )
    if small < 0.35:
        text += f"An event would shrink by {max(0.0, 100 * small):.0f} % only, and every client expands it: events are stored and sent as they are. "
    else:
        text += f"An event shrinks by {100 * small:.0f} %: leave that to the WebSocket's permessage-deflate, since the functions read the JSON. "
    return text + (
        f"A snapshot of {size['snapshot']} becomes {size[f'snapshot {best}']} for {cpu[f'snapshot {best}'].linked} of CPU, "
        f"which pays on links below {compression.pays_below[f'snapshot {best}'].linked}."
    )
