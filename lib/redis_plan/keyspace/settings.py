"""Settings: the server configuration that a Brief and a keyspace ask for, each directive with its computed reason."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from redis_plan import resources, units
from redis_plan.brief.model import Brief, Component, Note, Requirement
from redis_plan.expressions import evaluate
from redis_plan.keyspace import contents, cues, periods
from redis_plan.keyspace.model import Keyspace
from redis_plan.remembered import remembered

#: Bytes around a published payload: RESP framing, the word "message" and the channel's name.
FRAME_BYTES = 40.0
#: Bytes of the envelope around a payload at its widest: ``{"e":"","v":,"ts":,"t":"","op":"","d":}`` is 39 B, then the
#: fields of `log` (epoch 16, version 16, time 13, type 24, operation id 26).
ENVELOPE_BYTES = len('{"e":"","v":,"ts":,"t":"","op":"","d":}') + 16 + 16 + 13 + 24 + 26
#: Connections of one gateway: a small command pool, one subscriber, one spare for a rolling deploy.
CONNECTIONS_PER_GATEWAY = 12.0


@dataclass(frozen=True, slots=True)
class Setting:
    """A directive as it stands in redis.conf, with the reason."""

    name: str
    value: str
    because: str
    formula: str = ""  # how the value is computed from facts and quantities; empty: it is chosen
    defaults: tuple[tuple[str, str], ...] = ()  # product, what it does without the line
    depends: bool = False  # whether the design relies on it: then it is written even where it is the default
    since: tuple[tuple[str, str], ...] = ()  # product, first version that has the directive; none: every version

    @property
    def line(self) -> str:
        """The line of redis.conf."""
        return f'{self.name} "{self.value}"' if not self.value else f"{self.name} {self.value}"


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition to be woken or told by, with its threshold computed from the Brief."""

    name: str
    source: str
    info: tuple[str, ...]
    expression: str
    op: str
    limit: float
    limit_from: str
    unit: str
    for_s: int
    severity: str
    first: str
    because: str

    @property
    def threshold(self) -> str:
        """The limit as a person reads it."""
        return units.write(self.limit, self.unit)


#: Seconds between two rewrites of the append-only file at the peak that are worth a longer file (chosen).
REWRITE_S = 600.0
#: So long may a restart read its file (chosen), at so many bytes a second of a core: 70 to 120 MB were measured (notebook 08).
READ_S, READ_RATE = 5.0, 70e6


def quantities(brief: Brief, keyspace: Keyspace, maxmemory: float, bytes_per_session: float) -> dict[str, float]:
    """Return the names that formulas of settings and alerts may use, in base units."""
    names = {fact.name: fact.value for fact in brief.facts}
    conn_rate = brief.value("sessions_peak") * brief.value("events_per_session")
    stall = periods.seconds(brief, "stall")
    message = brief.value("payload_bytes") + ENVELOPE_BYTES + FRAME_BYTES
    # one event goes to the replica as a log entry and as a message, beside the state's version and the operation's record
    long = contents.long_events(brief, keyspace)
    # what a round is about is written a third time, into the state
    of_rounds = 3 * long.mean_beyond if long else 0.0
    write_bytes = conn_rate * (2 * (brief.value("payload_bytes") + ENVELOPE_BYTES) + 200 + of_rounds)
    # in one stall a round may begin in every session
    begun = brief.value("sessions_peak") * long.beyond if long else 0.0
    hard = max(1024.0 * 1024, (conn_rate * message * stall + begun) * 2)
    dataset = bytes_per_session * brief.value("sessions_peak")
    # a larger file is rewritten more rarely, and read for longer while everybody waits
    least = max(64.0 * 1024 * 1024, min(write_bytes * REWRITE_S, READ_S * READ_RATE))
    return names | {
        "maxmemory": maxmemory,
        "bytes_per_session": bytes_per_session,
        "conn_rate": conn_rate,
        "channels_peak": channels_peak(brief, keyspace),
        "probe_s": periods.seconds(brief, "probe"),
        "write_bytes": write_bytes,
        "rewrite_default_s": rewrite_period(64.0 * 1024 * 1024, dataset, write_bytes),
        "rewrite_s": rewrite_period(least, dataset, write_bytes),
        "file_least": least,
        "replicas": float(replicated(brief)),
        "stall_s": stall,
        "begun_bytes": begun,
        "hard_limit": float(int(hard / 65_536 + 1) * 65_536),
        "connections": brief.value("gateway_nodes") * CONNECTIONS_PER_GATEWAY + 8,
    }


def rewrite_period(least: float, dataset: float, write_bytes: float) -> float:
    """Return the seconds between two rewrites of the append-only file at ``write_bytes`` a second, at least one.

    A rewrite leaves about the ``dataset`` behind; the next one starts when the file is ``least`` bytes long and has doubled
    (auto-aof-rewrite-min-size and auto-aof-rewrite-percentage 100, redis.conf 7.0).
    """
    return max(1.0, (max(least, 2 * dataset) - dataset) / max(write_bytes, 1.0))


def replicated(brief: Brief) -> bool:
    """Whether the documents name a second copy of the server, or a way to fail over."""
    return _names_a_copy(brief.stack, brief.requirements, brief.notes)


@remembered
def _names_a_copy(stack: tuple[Component, ...], requirements: tuple[Requirement, ...], notes: tuple[Note, ...]) -> bool:
    """Answer :func:`replicated`: a budget asks for hundreds of numbers of sessions, and the texts stay the same."""
    words = _table()["replication"]
    said, denied = (cues.matcher(tuple(words[name])) for name in ("words", "without"))
    texts = [
        *(c.name for c in stack if c.status in ("chosen", "later")),
        *(r.text for r in requirements if r.kind != "out-of-scope"),
        *(n.text for n in notes if n.kind in ("decision", "recommendation")),
    ]
    return any(said.search(text) and not denied.search(text) for text in map(cues.fold, texts))


@cache
def _table() -> dict[str, Any]:  # Any: a TOML table
    return tomllib.loads((resources.catalog_dir() / "settings.toml").read_text("utf-8"))


def channels_peak(brief: Brief, keyspace: Keyspace) -> float:
    """Return how many channels are subscribed to at the expected peak, at least one."""
    sessions = brief.value("sessions_peak")
    return max(1.0, sum(c.per_session * (sessions if c.scope == "session" else 1.0) for c in keyspace.channels))


def conditions_of(keyspace: Keyspace) -> dict[str, bool]:
    """Return what an entry of the catalog's settings, alerts and indicators may need, by name."""
    authoritative = any(pattern.authoritative for pattern in keyspace.keys)
    return {
        "authoritative": authoritative,
        "cache_only": not authoritative,
        "stream_log": any(pattern.type == "stream" for pattern in keyspace.keys),
        "has_channels": bool(keyspace.channels),
        "sessions": keyspace.use("state") is not None,
        "values": bool(keyspace.channels) and keyspace.use("state") is None,
    }


def settings(keyspace: Keyspace, names: Mapping[str, float]) -> tuple[Setting, ...]:
    """Return the directives to set, in the order of the catalog."""
    conditions = conditions_of(keyspace) | {"replicated": names.get("replicas", 0.0) > 0}
    return tuple(
        Setting(
            entry["name"],
            _value(entry, names),
            _told(entry["because"], names),
            "" if entry.get("kind", "literal") == "literal" else entry["value"],
            tuple(entry.get("default", {}).items()),
            bool(entry.get("depends")),
            tuple(entry.get("since", {}).items()),
        )
        for entry in _table()["setting"]
        if conditions.get(entry.get("needs", ""), True)
    )


def _told(text: str, names: Mapping[str, float]) -> str:
    """Return a reason with its quantities filled in: ``{rewrite_s:s}`` is that quantity in seconds."""
    return re.sub(r"\{(\w+):([^}]+)\}", lambda m: units.write(names[m[1]], m[2]), text)


def _value(entry: Mapping[str, str], names: Mapping[str, float]) -> str:
    kind = entry.get("kind", "literal")
    if kind == "literal":
        return entry["value"]
    number = evaluate(entry["value"], names)
    if kind == "pubsub-limit":
        return f"pubsub {number:.0f} {number / 2:.0f} {names['stall_s']:.0f}"
    return f"{number:.0f}"


def _rounded_up(limit: float) -> float:
    """Return a limit with two significant digits, none lower: a third would claim to know it to a percent.

    >>> [_rounded_up(limit) for limit in (6.667, 1204, 88, 0.5, 0)]
    [6.7, 1300.0, 88.0, 0.5, 0.0]
    """
    if limit <= 0:
        return float(limit)
    digits = 1 - math.floor(math.log10(limit))
    return round(math.ceil(round(limit * 10.0**digits, 6)) / 10.0**digits, max(0, digits))


#: Units of thresholds that are no number of things.
_NO_COUNT = ("s", "%", "B", "x")


def _readable(limit: float, unit: str) -> float:
    """Return a limit as a person reads it: rounded up, and things to a whole number of them."""
    rounded = _rounded_up(limit)
    return rounded if unit in _NO_COUNT or "/" in unit else float(math.ceil(rounded))


def alerts(keyspace: Keyspace, names: Mapping[str, float]) -> tuple[Alert, ...]:
    """Return the alerts with their thresholds computed; those whose condition this keyspace does not meet are left out."""
    conditions = conditions_of(keyspace) | {"replicated": names.get("replicas", 0.0) > 0}
    table = tomllib.loads((resources.catalog_dir() / "alerts.toml").read_text("utf-8"))["alert"]
    return tuple(
        Alert(
            name=entry["name"],
            source=entry.get("source", "server"),
            info=tuple(entry["info"]),
            expression=entry["expression"],
            op=entry["op"],
            limit=_readable(evaluate(entry["limit"], names), entry["unit"]),
            limit_from=entry["limit"],
            unit=entry["unit"],
            for_s=entry["for_s"],
            severity=entry["severity"],
            first=entry["first"],
            because=entry["because"],
        )
        for entry in table
        if conditions.get(entry.get("needs", ""), True)
    )
