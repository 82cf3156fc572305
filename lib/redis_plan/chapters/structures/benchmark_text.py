"""Notebook 03 in words, apart from the candidates: environment, load, cliffs, pipelining, formats, compression."""

from __future__ import annotations

from pathlib import Path

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.evidence.store import Evidence, write_value
from redis_plan.keyspace.model import Keyspace
from redis_plan.rig.workload import rates
from redis_plan.server import Server

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


def environment(server: Server, record: Evidence) -> str:
    """Return where and how the benchmarks ran, and how far they carry."""
    settings = server.fingerprint.settings
    return "\n".join(
        [
            "### Environment and method",
            "",
            f"{server.fingerprint.describe()}; transparent huge pages: {_huge_pages()}; persistence: appendonly {settings.get('appendonly', 'unknown')}; connection: "
            f"{'Unix socket' if server.address[0] == 'unix' else 'TCP'} on the same machine, client and server share its cores. "
            f"Profile {record.profile}. Candidates run interleaved (A B A B …) on one connection after warm-up; each table names its "
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


def log_sentence(logs: Evidence) -> str:
    """Return what a list and a stream cost as the event log, in two sentences; nothing where it was not measured."""
    if logs.not_run:
        return ""
    longest = max(
        int(v.name.split()[1]) for v in logs.values if v.name.startswith("list ") and v.name.endswith(" bytes")
    )
    said = "; ".join(
        f"{n:,} {'entry' if n == 1 else 'entries'} {write_value(logs[f'list {n} bytes'])} against {write_value(logs[f'stream {n} bytes'])}"
        for n in (1, 20, longest)
    )
    return (
        f"**A list or a stream as the log**, events of {logs.condition('event')}: {said}; an append at the bound "
        f"{write_value(logs[f'list {longest} append'])} against {write_value(logs[f'stream {longest} append'])}, catching up on "
        f"{logs.condition('caught up')} {write_value(logs[f'list {longest} catch-up'])} against "
        f"{write_value(logs[f'stream {longest} catch-up'])} (list first; measured, [{logs.id}]). A stream trimmed with `~` held up to "
        f"{write_value(logs['stream, ~ 100 held'])} at a bound of 100."
    )


def load_section(brief: Brief, keyspace: Keyspace, load: Evidence, threshold_s: float) -> str:
    """Return the load in words: the mix at the peak against a threshold set beforehand, the room above it, the core."""
    lines = ["### Load", ""]
    if load.not_run:
        return "\n".join([*lines, f"Not measured: {load.not_run} [{load.id}]."])
    if "p99 at target" in load:
        passed = load["p99 at target"].value <= threshold_s
        lines.append(
            f"The project's mix at its peak, {write_value(load['target'])} (modelled) over {load.condition('connections')} connections, has "
            f"p99 {load.cite('p99 at target')}. Threshold set beforehand: {units.write(threshold_s, 's')}, one hundredth of the sync "
            f"target ({brief.fact('sync_latency').where}): **{'pass' if passed else 'fail'}**."
        )
    else:
        lines.append("At the project's own rate the generator was late or too slow, so no latency is published for it.")
    lines.append(
        f"It takes {load.cite('core share at target')} of one core of the server, of which at most 50 % should be planned."
    )
    if "headroom" in load:
        lines.append(
            f"The server kept up to {load.number('kept up to')}, {units.significant(load['headroom'].value)} times the peak."
        )
    if crowds := [v for v in load.values if v.name.startswith("p99 over ")]:
        said = ", ".join(f"{write_value(v)} {v.name.removeprefix('p99 ')}" for v in crowds)
        lines.append(f"At {units.write(min(load['target'].value, 25_000.0), '/s')} p99 is {said} [{load.id}].")
    lines += [f"{load.conclusion}", "", *_mix(brief, keyspace, load), "", "[figure 06-load]"]
    return "\n".join(lines)


def _mix(brief: Brief, keyspace: Keyspace, load: Evidence) -> list[str]:
    """Return one row a kind of command: rate at the peak, where that comes from, and latency there."""
    if "p99 at target" not in load:
        return []  # the rates stand in the workload above
    rows = [
        f"| {rate.kind} | {units.write(rate.per_s, '/s')} | {rate.formula} | "
        + " | ".join(
            write_value(load[f"{rate.kind} p{q}"]) if f"{rate.kind} p{q}" in load else "–" for q in (50, 95, 99)
        )
        + " |"
        for rate in rates(brief, keyspace)
    ]
    if "ping p50" in load:
        rows.append(f"| `PING`, the baseline | – | – | {write_value(load['ping p50'])} | – | – |")
    head = ["| In the mix | Rate (modelled) | From | p50 | p95 | p99 |", "|:--|--:|:--|--:|--:|--:|"]
    return [*head, *rows, "", f"*Latencies measured in one run, [{load.id}]; p95 and p99 from 200 samples on.*"]


def collections(keyspace: Keyspace) -> bool:
    """Whether any key is more than a string, so that it has a compact encoding to lose."""
    return any(p.type != "string" for p in keyspace.keys)


def cliff_section(cliff: Evidence, keyspace: Keyspace) -> str:
    """Return every encoding threshold of this server and what the step costs; a sentence where every key is a string."""
    if not collections(keyspace):
        last = write_value(cliff["string last"]) if "string last" in cliff else ""
        step = f" Up to {last} a value lies in one block with its head." if last else ""
        return f"### Encodings, measured\n\nEvery key is a string, so nothing converts for good.{step} The steps of collections are in the record [{cliff.id}]."
    names = [v.name.removesuffix(" step") for v in cliff.values if v.name.endswith(" step")]
    rows = [
        f"| {name} | {write_value(cliff[f'{name} last'])} | {write_value(cliff[f'{name} bytes at'])} | {write_value(cliff[f'{name} bytes above'])} "
        f"| {write_value(cliff[f'{name} step'])} | {write_value(cliff[f'{name} write at'])} | {write_value(cliff[f'{name} write above'])} |"
        for name in names
    ]
    back = cliff["reverted"]
    turned = "None" if not back.value else f"{back.value:.0f}"
    return "\n".join(
        [
            "### Encodings, measured",
            "",
            f"The last compact size of each type on this server, found by bisection, and one step further (values of "
            f"{cliff.condition('value')}). {turned} of {back.n} turned back when the key shrank again. {_smooth(cliff)}".rstrip(),
            "",
            "| Cliff | Last compact | Bytes there | One more | Step | A write there | One more |",
            "|:--|--:|--:|--:|--:|--:|--:|",
            *rows,
            "",
            f"*Measured, server time of a write from commandstats, [{cliff.id}].*",
            "",
            "[figure 02-encoding-cliff]",
        ]
    )


def _smooth(cliff: Evidence) -> str:
    """Name the types that have no cliff on this server."""
    found = cliff.conditions["without a cliff"]
    return "" if found == "none" else f"Without a cliff: {found}."


def pipeline_sentence(depth: Evidence) -> str:
    """Return what depth gains and which batch to use, in two sentences."""
    small, large = int(depth["smallest"].value), int(depth["largest"].value)
    gain, enough = depth[f"{small} B gain"], depth[f"{small} B enough"]
    return (
        f"**Pipelining.** On one connection batches gain {write_value(gain)} at {small} B (CPU a command "
        f"{write_value(depth[f'{small} B at depth 1 cpu'])} → {depth.number(f'{small} B at depth most cpu')}) and "
        f"{write_value(depth[f'{large} B gain'])} at {units.write(large, 'B')}: send what is ready in one write, up to "
        f"{write_value(enough)} a batch, and cut batches by bytes, not by count, where values are large [{depth.id}]."
    )


def formats_section(formats: Evidence, compression: Evidence) -> str:
    """Return which format and which compression to use, with the numbers that say so."""
    field_wise = "hash, a field each"
    stack = formats.condition("stack's own format")
    saved = 100 * (1 - formats["envelope MessagePack bytes"].value / formats["envelope JSON bytes"].value)
    worth = (
        "saves too little to leave what every client can read"
        if saved < 25
        else "is worth it where every client can read it"
    )
    lines = [
        "### Formats and compression",
        "",
        f"The state stays a hash: one field changes in {formats.number(f'state {field_wise} change one field')}, in a JSON document in "
        f"{formats.number('state JSON change one field')} (read, decode, encode, write, and not atomic). Events and snapshots are {stack}: "
        f"an event has {formats.number('envelope JSON bytes')} as JSON and {formats.number('envelope MessagePack bytes')} as MessagePack, "
        f"which {worth}. {_compress(compression)}",
    ]
    return "\n".join(lines)


def _compress(compression: Evidence) -> str:
    """Say from which size compression pays, and whether the project's event and snapshot are beyond it."""
    names = [
        v.name.removesuffix(" saves a fifth from") for v in compression.values if v.name.endswith(" saves a fifth from")
    ]
    # the smallest result among those that take at most four times the CPU of the cheapest
    cheapest = min(compression[f"snapshot {name} cpu"].value for name in names)
    fair = [name for name in names if compression[f"snapshot {name} cpu"].value <= 4 * cheapest]
    best = min(fair, key=lambda name: compression[f"snapshot {name} bytes"].value)
    event, packed = compression["envelope bytes"].value, compression[f"envelope {best} bytes"].value
    small = 1 - packed / event
    text = (
        f"Compression saves a fifth of the bytes from {compression.number(f'{best} saves a fifth from')} on ({best}, the "
        "smallest result among the quick codecs). "
    )
    if small < 0.35:
        text += f"An event would shrink by {max(0.0, 100 * small):.0f} % only, and every client expands it: events are stored and sent as they are. "
    else:
        text += f"An event shrinks by {100 * small:.0f} %: leave that to the WebSocket's permessage-deflate, since the functions read the JSON. "
    snapshot, less = compression["snapshot bytes"].value, compression[f"snapshot {best} bytes"].value
    return text + (
        f"A snapshot of {units.write(snapshot, 'B')} becomes {units.write(less, 'B')} for {compression.number(f'snapshot {best} cpu')} of CPU, "
        f"which pays on links below {compression.number(f'snapshot {best} pays below')}."
    )
