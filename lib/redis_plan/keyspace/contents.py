"""Contents: the events of a round that are longer than others: what it is about, such as a question's text, and its result."""

from __future__ import annotations

from dataclasses import dataclass, replace

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.keyspace.model import Field, KeyPattern, Keyspace

#: The fields of the state that tell what a round is about and what it came to; the events that write them carry them.
CONTENT, RESULT = "content", "result"


@dataclass(frozen=True, slots=True)
class Long:
    """The long events: the longest data in bytes, by how much those of one round exceed others, and how many events it has."""

    bytes: float
    beyond: float
    events: float

    @property
    def mean_beyond(self) -> float:
        """By how many bytes the data of all events are longer in the mean."""
        return self.beyond / self.events


def long_events(brief: Brief, keyspace: Keyspace) -> Long | None:
    """Return the long events of a design, each once a round; None where none is longer than other events are."""
    state, usual = keyspace.use("state"), brief.value("payload_bytes")
    sizes = [
        f.max_bytes for f in (state.fields if state else ()) if f.name in (CONTENT, RESULT) and f.max_bytes > usual
    ]
    if not sizes:
        return None
    events = max(1.0, brief.value("events_per_session") * brief.value("round_length"))
    return Long(max(sizes), sum(size - usual for size in sizes), events)


def with_long_events(keyspace: Keyspace, brief: Brief) -> Keyspace:
    """Return ``keyspace`` with a log whose entries are as long in the mean as the project's events are."""
    found = long_events(brief, keyspace)
    if found is None:
        return keyspace
    return replace(keyspace, patterns=tuple(_longer(p, found) if p.use == "log" else p for p in keyspace.patterns))


def _longer(log: KeyPattern, found: Long) -> KeyPattern:
    return replace(log, fields=tuple(_counted(f, found) if f.name == "d" else f for f in log.fields))


def _counted(data: Field, found: Long) -> Field:
    """Return the field of an event's data, counted with its mean."""
    told = f"{units.write(data.max_bytes, 'B')}, and up to {units.write(found.bytes, 'B')} where a round begins or is shown"
    mean = round(data.max_bytes + found.mean_beyond)
    return replace(data, max_bytes=mean, meaning=f"{data.meaning}: {told}; counted with the mean")
