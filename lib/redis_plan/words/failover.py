"""Failover: how long an unplanned one takes by topology and setting (``data/catalog/failover.toml``), and what that means."""

from __future__ import annotations

from dataclasses import dataclass

from redis_plan import resources, units


@dataclass(frozen=True, slots=True)
class Topology:
    """A topology with one setting; times in seconds, ``clients`` is what clients take to be right again (assumed)."""

    name: str
    detection: float
    election: float
    clients: float
    setting: str

    @property
    def total(self) -> float:
        """Seconds from the failure until clients are right again."""
        return self.detection + self.election + self.clients


def topologies() -> tuple[Topology, ...]:
    """Return every topology, in the order of the file."""
    table = resources.catalog("failover.toml")
    return tuple(Topology(clients=table["clients_s"], **entry) for entry in table["topology"])


def within(target_s: float) -> tuple[Topology, ...]:
    """Return those after which clients are right again within ``target_s``."""
    return tuple(one for one in topologies() if one.total <= target_s)


def told() -> str:
    """Return how long an unplanned failover takes with the slowest and the quickest setting."""
    slow, quick = max(topologies(), key=lambda t: t.total), min(topologies(), key=lambda t: t.total)
    return (
        f"{units.write(slow.total, 's')} with {slow.name}, {units.write(quick.total, 's')} with {quick.name} "
        "(modelled from documented defaults)."
    )
