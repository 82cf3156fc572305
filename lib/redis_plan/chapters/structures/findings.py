"""What notebook 03 found, as sections 2 and 6 may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redis_plan.evidence.findings import ANY, Findings, Found, Number, each, maybe, number, record


@dataclass(frozen=True, slots=True)
class Compared(Found):
    """The candidates of one key pattern side by side, by candidate; each pattern has a record of its own, from E-03a on."""

    bytes: Mapping[str, Number] = each("{} bytes", "B")
    p50: Mapping[str, Number] = each("{} p50", "s")
    p99: Mapping[str, Number] = each("{} p99", "s")
    ratio: Mapping[str, Number] = each("{} ratio", "x")
    server: Mapping[str, Number] = each("{} server", "s")
    cpu: Mapping[str, Number] = each("{} cpu", "s")
    write_noise: Number = number("%", name="write noise floor")
    read_noise: Number = number("%", name="read noise floor")


@dataclass(frozen=True, slots=True)
class Cliff(Found):
    """The last compact size of each type, and what one element or one byte more costs, by cliff."""

    last: Mapping[str, Number] = each("{} last", ANY)
    at: Mapping[str, Number] = each("{} bytes at", "B")
    above: Mapping[str, Number] = each("{} bytes above", "B")
    step: Mapping[str, Number] = each("{} step", "x")
    write_at: Mapping[str, Number] = each("{} write at", "s")
    write_above: Mapping[str, Number] = each("{} write above", "s")
    reverted: Number = number("keys")

    @property
    def hash_step(self) -> Number | None:
        """What one field more costs a hash, where this server has that cliff."""
        return self.step.get("hash")


@dataclass(frozen=True, slots=True)
class Logs(Found):
    """The event log as a list and as streams, by structure and length: ``list 20``."""

    bytes: Mapping[str, Number] = each("{} bytes", "B")
    append: Mapping[str, Number] = each("{} append", "s")
    catch_up: Mapping[str, Number] = each("{} catch-up", "s")
    held: Mapping[str, Number] = each("{} held", "entries")


@dataclass(frozen=True, slots=True)
class Load(Found):
    """The project's own mix at its peak rate and above; latencies by kind of command, and by number of connections."""

    target: Number = number("/s", "modelled")
    p99_at_target: Number | None = maybe("s", name="p99 at target")
    core_share: Number = number("%", ANY, name="core share at target")
    kept_up_to: Number | None = maybe("/s", name="kept up to")
    headroom: Number | None = maybe("x")
    p50: Mapping[str, Number] = each("{} p50", "s")
    p95: Mapping[str, Number] = each("{} p95", "s")
    p99: Mapping[str, Number] = each("{} p99", "s")
    p99_over: Mapping[str, Number] = each("p99 over {}", "s")


@dataclass(frozen=True, slots=True)
class Formats(Found):
    """State, event and snapshot in the formats that a client could read."""

    event_as_json: Number = number("B", name="envelope JSON bytes")
    event_as_messagepack: Number = number("B", name="envelope MessagePack bytes")
    field_of_hash: Number = number("s", name="state hash, a field each change one field")
    field_of_json: Number = number("s", name="state JSON change one field")

    @property
    def worth_another(self) -> bool:
        """Whether MessagePack saves a quarter of an event, enough to leave what every client can read."""
        return self.event_as_messagepack.value <= 0.75 * self.event_as_json.value


@dataclass(frozen=True, slots=True)
class Compression(Found):
    """The project's documents compressed: bytes by document (``event``) and by document and codec (``event zlib 6``)."""

    bytes: Mapping[str, Number] = each("{} bytes", "B")
    cpu: Mapping[str, Number] = each("{} cpu", "s")
    pays_below: Mapping[str, Number] = each("{} pays below", "B/s")
    saves_a_fifth: Mapping[str, Number] = each("{} saves a fifth from", "B")


@dataclass(frozen=True, slots=True)
class Depth(Found):
    """Commands sent together, by payload in bytes."""

    smallest: Number = number("B")
    largest: Number = number("B")
    gains: Mapping[str, Number] = each("{} B gain", "x")
    enough: Mapping[str, Number] = each("{} B enough", "commands")
    cpu_alone: Mapping[str, Number] = each("{} B at depth 1 cpu", "s")
    cpu_most: Mapping[str, Number] = each("{} B at depth most cpu", "s")

    @property
    def gain(self) -> Number:
        """By how much batches of the smallest commands were faster."""
        return self.gains[f"{self.smallest:.0f}"]


@dataclass(frozen=True, slots=True)
class Structures(Findings):
    """What is known of structures and of the load that they carry."""

    logs: Logs | None = record("E-03u", Logs)
    depth: Depth | None = record("E-03v", Depth)
    formats: Formats | None = record("E-03w", Formats)
    cliff: Cliff | None = record("E-03x", Cliff)
    load: Load | None = record("E-03y", Load)
    compression: Compression | None = record("E-03z", Compression)
