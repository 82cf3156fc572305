"""Server-side cost: what the server itself says a command took, apart from what a client waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls and microseconds of one command between two looks."""

    calls: int
    usec: float

    @property
    def seconds_per_call(self) -> float:
        """Mean server time of one call in seconds; 0 without calls."""
        return self.usec / self.calls / 1e6 if self.calls else 0.0


def command_stats(client: redis.Redis) -> dict[str, Cost]:
    """Return INFO commandstats: command → calls and time since the last reset. Read-only, so fit for any server."""
    info: Any = client.info("commandstats")
    return {
        name.removeprefix("cmdstat_"): Cost(int(entry["calls"]), float(entry["usec"])) for name, entry in info.items()
    }


def since(before: dict[str, Cost], after: dict[str, Cost]) -> dict[str, Cost]:
    """Return what happened between two looks; commands of other clients of a shared server count too."""
    zero = Cost(0, 0.0)
    changed = {
        name: Cost(cost.calls - before.get(name, zero).calls, cost.usec - before.get(name, zero).usec)
        for name, cost in after.items()
    }
    return {name: cost for name, cost in changed.items() if cost.calls > 0 and name not in ("info", "client|setinfo")}


def total_seconds(costs: dict[str, Cost]) -> float:
    """Return the server time of all commands together, in seconds."""
    return sum(cost.usec for cost in costs.values()) / 1e6
