"""What notebook 09 found, as sections 8 and 10 may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redis_plan.evidence.findings import Findings, Found, Number, each, number, record


@dataclass(frozen=True, slots=True)
class TookEffect(Found):
    """Directives of the configuration, set on a server of this build."""

    directives: Number = number("directives")
    took_effect: Number = number("directives")


@dataclass(frozen=True, slots=True)
class Metrics(Found):
    """Fields of the server that the alerts read."""

    fields: Number = number("fields")
    present: Number = number("fields", name="fields_present")
    polls: Mapping[str, Number] = each("poll {}", "s")


@dataclass(frozen=True, slots=True)
class Access(Found):
    """Commands that each user may send and may not."""

    checks: Number = number("checks")
    as_wanted: Number = number("checks")
    refused: Number = number("checks")


@dataclass(frozen=True, slots=True)
class Operations(Findings):
    """What is known of operations."""

    in_force: TookEffect | None = record("E-09a", TookEffect)
    metrics: Metrics | None = record("E-09b", Metrics)
    access: Access | None = record("E-09c", Access)
