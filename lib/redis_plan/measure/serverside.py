"""Server-side cost: what the server itself says a command took, apart from what a client waits.

Three figures with three names, since they differ by factors:

- *server time* (commandstats, LATENCY HISTOGRAM): inside the command's implementation, without reading and answering;
- *main-thread CPU*: all that the thread computed for a command, parsing and system calls too; what a saturated server
  pays, so its inverse is the capacity;
- *client-seen latency*: what :mod:`~redis_plan.measure.interleave` and the open loops measure, with the way there and back.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis

#: Commands by which we look; their own cost is not the experiment's.
_OURS = ("info", "client|setinfo", "latency|histogram", "config|get")


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls and microseconds of one command between two looks."""

    calls: int
    usec: float

    @property
    def seconds_per_call(self) -> float:
        """Mean server time of one call in seconds; 0 without calls."""
        return self.usec / self.calls / 1e6 if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Buckets:
    """Server time of one command as LATENCY HISTOGRAM tells it: upper bound in µs → calls up to it from the one below."""

    calls: Mapping[int, int]

    @property
    def count(self) -> int:
        """Number of calls."""
        return sum(self.calls.values())

    def at_most(self, q: float) -> float:
        """Return a time in seconds that ``q`` percent of the calls did not exceed: the upper end of a bucket.

        Bounds double from bucket to bucket, so the true percentile is between half of it and it. Raises ``ValueError``
        without calls.
        """
        wanted, seen = q / 100 * self.count, 0
        for bound, calls in sorted(self.calls.items()):
            seen += calls
            if seen >= wanted and seen:
                return bound / 1e6
        raise ValueError("no calls")


@dataclass(frozen=True, slots=True)
class Look:
    """The server's own counters at one moment; ``latency`` is empty where the server has no LATENCY HISTOGRAM."""

    commands: Mapping[str, Cost]
    latency: Mapping[str, Buckets]
    cpu_s: float
    at: float


@dataclass(frozen=True, slots=True)
class Spent:
    """What the server spent between two looks. On a shared server other clients' commands count too."""

    commands: dict[str, Cost]
    latency: dict[str, Buckets]
    cpu_s: float
    seconds: float

    @property
    def calls(self) -> int:
        """Number of commands."""
        return sum(cost.calls for cost in self.commands.values())

    @property
    def server_s(self) -> float:
        """Server time of all commands together, in seconds."""
        return total_seconds(self.commands)

    @property
    def cpu_share(self) -> float:
        """The part of the time in which the main thread was computing, 0–1."""
        return self.cpu_s / self.seconds if self.seconds else 0.0

    @property
    def cpu_per_command_s(self) -> float:
        """Main-thread CPU of one command in seconds; the cost of idling is in it unless the server was saturated."""
        return self.cpu_s / self.calls if self.calls else 0.0


def look(client: redis.Redis) -> Look:
    """Read the server's counters. Read-only, so fit for any server."""
    return Look(command_stats(client), latency_histogram(client), main_thread_cpu(client), time.perf_counter())


def spent(before: Look, after: Look) -> Spent:
    """Return what happened between two looks."""
    latency = {}
    for name, buckets in after.latency.items():
        old = before.latency.get(name, Buckets({})).calls
        new = {bound: calls - old.get(bound, 0) for bound, calls in buckets.calls.items()}
        if name not in _OURS and any(calls > 0 for calls in new.values()):
            latency[name] = Buckets({bound: calls for bound, calls in new.items() if calls > 0})
    return Spent(since(before.commands, after.commands), latency, after.cpu_s - before.cpu_s, after.at - before.at)


def command_stats(client: redis.Redis) -> dict[str, Cost]:
    """Return INFO commandstats: command → calls and time since the last reset. Read-only, so fit for any server."""
    info: Any = client.info("commandstats")
    return {
        name.removeprefix("cmdstat_"): Cost(int(entry["calls"]), float(entry["usec"])) for name, entry in info.items()
    }


def latency_histogram(client: redis.Redis) -> dict[str, Buckets]:
    """Return LATENCY HISTOGRAM (Redis 7.0, ``latency-tracking yes``) by command; empty where the server has or gives none."""
    try:
        reply: Any = client.execute_command("LATENCY", "HISTOGRAM")
    except redis.RedisError:
        return {}
    found = {}
    for name, entry in _pairs(reply).items():
        cumulative = sorted((int(k), int(v)) for k, v in _pairs(_pairs(entry).get("histogram_usec", [])).items())
        before, calls = 0, {}
        for bound, so_far in cumulative:
            calls[bound], before = so_far - before, so_far
        found[name] = Buckets(calls)
    return found


def main_thread_cpu(client: redis.Redis) -> float:
    """Return the CPU seconds of the server's main thread, user and system; of the whole process where it tells no more."""
    info: Any = client.info("cpu")
    if "used_cpu_user_main_thread" in info:
        return float(info["used_cpu_user_main_thread"]) + float(info["used_cpu_sys_main_thread"])
    return float(info.get("used_cpu_user", 0.0)) + float(info.get("used_cpu_sys", 0.0))


def _pairs(reply: Any) -> dict[Any, Any]:
    """Return a map reply, which RESP2 sends as a list of names and values; names as text."""
    items = reply.items() if isinstance(reply, Mapping) else zip(reply[::2], reply[1::2], strict=True)
    return {k.decode() if isinstance(k, bytes) else k: v for k, v in items}


def since(before: Mapping[str, Cost], after: Mapping[str, Cost]) -> dict[str, Cost]:
    """Return what happened between two looks; commands of other clients of a shared server count too."""
    zero = Cost(0, 0.0)
    changed = {
        name: Cost(cost.calls - before.get(name, zero).calls, cost.usec - before.get(name, zero).usec)
        for name, cost in after.items()
    }
    return {name: cost for name, cost in changed.items() if cost.calls > 0 and name not in _OURS}


def total_seconds(costs: Mapping[str, Cost]) -> float:
    """Return the server time of all commands together, in seconds."""
    return sum(cost.usec for cost in costs.values()) / 1e6
