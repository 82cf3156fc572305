"""What notebook 04 found, as section 3 may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redis_plan.evidence.findings import Findings, Found, Number, each, maybe, number, record


@dataclass(frozen=True, slots=True)
class Lag(Found):
    """How long a due key that nobody reads stays; ``settings`` by server setting and load, such as ``100, effort 1, idle``."""

    p50: Number = number("s", name="lag_p50")
    live: Number = number("keys", name="volatile keys")
    expected: Number = number("s", "modelled")
    hz: Number = number("runs/s")
    settings: Mapping[str, Number] = each("hz {} p50", "s")


@dataclass(frozen=True, slots=True)
class Lazy(Found):
    """Due keys that are still in memory, and who sees them."""

    past: Number = number("keys", name="past their deadline")
    seen: Number = number("keys", name="seen by a reader")


@dataclass(frozen=True, slots=True)
class Replica(Found):
    """Due keys on a replica, with its primary at work and hung."""

    due: Number = number("keys")
    read: Number = number("keys", name="found by GET after")
    kept: Number = number("keys", name="primary hung: still held")


@dataclass(frozen=True, slots=True)
class Sliding(Found):
    """What it costs to refresh a TTL, by command."""

    bytes: Mapping[str, Number] = each("{} bytes", "B")
    amplification: Number = number("x")
    below_half: Number = number("x", name="amplification below half")


@dataclass(frozen=True, slots=True)
class Survival(Found):
    """Which write commands keep a TTL; the samples have them one by one."""


@dataclass(frozen=True, slots=True)
class Crash(Found):
    """Keys left without a TTL by kills between and within commands."""

    two_steps: Number = number("%", name="two_steps_share")
    one_step: Number = number("keys", name="one_step_immortal")


@dataclass(frozen=True, slots=True)
class Mass(Found):
    """What another client waits while many keys fall due, by case."""

    longest: Mapping[str, Number] = each("{} max", "s")
    cycle: Mapping[str, Number] = each("{} longest cycle", "s")


@dataclass(frozen=True, slots=True)
class Big(Found):
    """One big key removed, by way."""

    blocked: Mapping[str, Number] = each("{} blocked", "s")
    longest: Mapping[str, Number] = each("{} longest wait", "s")


@dataclass(frozen=True, slots=True)
class Returned(Found):
    """What is left of memory after expiry, by case."""

    used: Mapping[str, Number] = each("{}: used left", "%")
    rss: Mapping[str, Number] = each("{}: rss left", "%")
    slots: Mapping[str, Number] = each("{}: slots left", "%")


@dataclass(frozen=True, slots=True)
class Leases(Found):
    """Leases of members, by structure."""

    bytes: Mapping[str, Number] = each("{} bytes", "B")
    renewal: Mapping[str, Number] = each("{} renewal", "s")
    counted: Mapping[str, Number] = each("{} counted after", "%")
    named: Mapping[str, Number] = each("{} named", "%")


@dataclass(frozen=True, slots=True)
class Events(Found):
    """The same timers by expired event and by a schedule, with the listener away for a while."""

    timers: Number = number("timers")
    lost: Number = number("%", name="events lost")
    late: Number | None = maybe("s", name="event late p50")
    due_in_outage: Number = number("timers", name="due while the server was down")
    after_restart: Number = number("events", name="events after the restart")
    claimed: Number = number("timers", name="claimed from the schedule")
    schedule_late: Number | None = maybe("s", name="schedule late p50")


@dataclass(frozen=True, slots=True)
class Cleanup(Found):
    """The end of a whole session, by way."""

    server: Mapping[str, Number] = each("{} server", "s")
    longest: Mapping[str, Number] = each("{} longest command", "s")
    left: Mapping[str, Number] = each("{} left", "keys")


@dataclass(frozen=True, slots=True)
class Expiry(Findings):
    """What is known of expiry."""

    lag: Lag | None = record("E-04a", Lag)
    lazy: Lazy | None = record("E-04b", Lazy)
    slide: Sliding | None = record("E-04c", Sliding)
    survival: Survival | None = record("E-04d", Survival)
    mass: Mass | None = record("E-04e", Mass)
    big: Big | None = record("E-04f", Big)
    lease: Leases | None = record("E-04g", Leases)
    crash: Crash | None = record("E-04i", Crash)
    events: Events | None = record("E-04j", Events)
    memory: Returned | None = record("E-04k", Returned)
    replica: Replica | None = record("E-04l", Replica)
    cleanup: Cleanup | None = record("E-04m", Cleanup)
