"""What notebook 02 found about names, as section 1 may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redis_plan.evidence.findings import Findings, Found, Number, each, maybe, number, record


@dataclass(frozen=True, slots=True)
class Skew(Found):
    """What the fullest node has of its even share, by number of nodes: random ids, small integer tags, one constant tag."""

    ids: Mapping[str, Number] = each("ids_{}", "x", "modelled")
    tags: Mapping[str, Number] = each("tags_{}", "x", "modelled")
    constant: Mapping[str, Number] = each("constant_{}", "x", "modelled")
    live: Number | None = maybe("x", "modelled", name="live_3")


@dataclass(frozen=True, slots=True)
class NameCost(Found):
    """One key under names of three lengths, and what the shortest would save at the peak."""

    short_key: Number = number("B")
    chosen_key: Number = number("B")
    long_key: Number = number("B")
    short_length: Number = number("B", "modelled")
    chosen_length: Number = number("B", "modelled")
    long_length: Number = number("B", "modelled")
    readable_total: Number = number("B", "modelled")


@dataclass(frozen=True, slots=True)
class Slots(Found):
    """The slots of keys that change together, with the design's hash tags and without."""

    steps: Number = number("steps")
    names: Number = number("names")
    split: Number = number("sets")
    split_without_tag: Number = number("sets")
    crossslot: Number = number("errors")
    crossslot_without_tag: Number = number("errors")


@dataclass(frozen=True, slots=True)
class Drift(Found):
    """Keys of played sessions held against the registry."""

    keys: Number = number("keys")
    faults: Number = number("keys")
    planted: Number = number("faults")
    planted_found: Number = number("faults")


@dataclass(frozen=True, slots=True)
class Naming(Findings):
    """What is known of names."""

    skew: Skew | None = record("E-02a", Skew)
    cost: NameCost | None = record("E-02b", NameCost)
    slots: Slots | None = record("E-02c", Slots)
    drift: Drift | None = record("E-02d", Drift)
