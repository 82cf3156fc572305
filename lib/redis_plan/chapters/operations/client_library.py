"""The client library that a project's stack implies: its options, each with its reason, and how many connections there are."""

from __future__ import annotations

from dataclasses import dataclass

from redis_plan import resources, units
from redis_plan.brief.model import Brief
from redis_plan.keyspace import settings
from redis_plan.keyspace.model import Keyspace


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a library."""

    name: str
    value: str
    because: str


@dataclass(frozen=True, slots=True)
class Client:
    """A library with its options filled in; ``each`` is how many connections one process has."""

    library: str
    implied_by: tuple[str, ...]
    options: tuple[Option, ...]
    process: str
    processes: float
    each: float

    @property
    def in_all(self) -> float:
        """All connections, with those of workers, metrics and people."""
        return self.processes * self.each + 8


def client(brief: Brief, keyspace: Keyspace) -> Client:
    """Return the client library of a project's stack with its options filled in."""
    table = resources.catalog("clients.toml")["client"]
    names = {c.name.lower() for c in brief.stack if c.status in ("chosen", "later")}
    entry = next(c for c in table if not c["implied_by"] or names & set(c["implied_by"]))  # the last is for any stack
    timeout, process = brief.value("sync_latency") / 2, "gateway" if keyspace.channels else "service"
    given = {"timeout_ms": round(timeout * 1000), "timeout_s": units.significant(timeout)}
    return Client(
        entry["library"],
        tuple(sorted(names & set(entry["implied_by"]))),
        tuple(
            Option(name, value.format(**given).replace("gateway", process), because.replace("gateway", process))
            for name, value, because in entry["options"]
        ),
        process,
        brief.value("gateway_nodes"),
        settings.CONNECTIONS_PER_GATEWAY,
    )
