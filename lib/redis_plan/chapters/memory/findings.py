"""What notebook 06 found, as section 5 may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redis_plan.evidence.findings import Found, Number, each, maybe, number, record
from redis_plan.words.capacity import Capacity


@dataclass(frozen=True, slots=True)
class Layout(Found):
    """Whether the model's layout fits this very server, and how many of its terms had to be fitted."""

    error_before_median: Number = number("%")
    corrections: Number = number("terms")


@dataclass(frozen=True, slots=True)
class Growth(Found):
    """Growing counts up to the top, and the way back. ``left_*`` is what stayed when half, nine tenths and all had ended."""

    slope: Number = number("B")
    intercept: Number = number("B")
    residual_max: Number = number("%")
    prediction_error_max: Number = number("%")
    rss_slope: Number = number("B")
    rss_intercept: Number = number("B")
    rss_residual_max: Number = number("%")
    rss_ratio: Number = number("x")
    startup: Number = number("B")
    startup_rss: Number = number("B")
    left_after_end: Number = number("%")
    left_after_cycles: Number = number("%")
    rss_left_after_end: Number = number("%")
    keys_left: Number = number("keys")
    top: Number = number("sessions", name="sessions_top")
    left_at_half: Number | None = maybe("B")
    left_at_tenth: Number | None = maybe("B")
    left_error_max: Number | None = maybe("%")


@dataclass(frozen=True, slots=True)
class State(Found):
    """The same state in four designs."""

    hash: Number = number("B")
    string: Number = number("B", name="JSON_string")
    key_per_field: Number = number("B")
    buckets: Number = number("B")
    key_per_field_ratio: Number = number("x")
    buckets_ratio: Number = number("x")


@dataclass(frozen=True, slots=True)
class Log(Found):
    """The same log as a list and as a stream, by structure: with one entry and full."""

    one_entry: Mapping[str, Number] = each("{}_1_entry", "B")
    full: Mapping[str, Number] = each("{}_full", "B")


@dataclass(frozen=True, slots=True)
class Clients(Found):
    """What a client costs beside the data."""

    connection: Number = number("B")
    subscription: Number = number("B")


@dataclass(frozen=True, slots=True)
class Cliffs(Found):
    """One step past a limit of the compact encodings: how many times the bytes."""

    hash_entries: Number = number("x")
    hash_value: Number = number("x")
    zset_entries: Number = number("x")


@dataclass(frozen=True, slots=True)
class Full(Found):
    """A server filled to its limit, by eviction policy."""

    whole_by_refusing: Number = number("sessions", name="noeviction_whole")
    refused: Number = number("sessions", name="noeviction_refused")
    broken_by_refusing: Number = number("sessions", name="noeviction_broken")
    broken_by_evicting: Number = number("sessions", name="allkeys_lru_broken")
    broken_by_ttl: Number = number("sessions", name="volatile_ttl_broken")


@dataclass(frozen=True, slots=True)
class Swing(Found):
    """What moves the dataset; the samples have it fact by fact."""


@dataclass(frozen=True, slots=True)
class Names(Found):
    """What shorter names would save, and what UUIDs would cost."""

    short_keys: Number = number("%", "modelled")
    short_fields: Number = number("%", "modelled")
    uuid_keys: Number = number("%", "modelled")


@dataclass(frozen=True, slots=True)
class Fork(Found):
    """What a fork copies, where the dataset was large enough to tell."""

    save_rate: Number | None = maybe("B/s")
    pages_per_event: Number | None = maybe("pages")


@dataclass(frozen=True, slots=True)
class Memory(Capacity):
    """What is known of memory, beside what the rest of the plan rests on."""

    line: Growth | None = record("E-06b", Growth)
    state: State | None = record("E-06d", State)
    log: Log | None = record("E-06e", Log)
    clients: Clients | None = record("E-06f", Clients)
    cliffs: Cliffs | None = record("E-06g", Cliffs)
    full: Full | None = record("E-06h", Full)
    swing: Swing | None = record("E-06i", Swing)
    layout: Layout | None = record("E-06j", Layout)
    names: Names | None = record("E-06k", Names)
    fork: Fork | None = record("E-06n", Fork)
