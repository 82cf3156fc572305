"""Pool: client processes that hammer the same sessions at the same time, and what they did together."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import redis
from numpy.typing import NDArray

from redis_plan.errors import RedisPlanError
from redis_plan.keyspace import calls, functions, records
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.lab import Lab
from redis_plan.rig import raw
from redis_plan.rig.children import Child, children
from redis_plan.server import Server

_MODULE = "redis_plan.chapters.sessions.contender"
PROCESSES = {"quick": 2, "standard": 2, "full": 4}
#: Between giving the jobs out and their common start: a child opens its connections meanwhile.
_LEAD_S = 0.02


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the connections of one job did: counts of each, seconds of each move, and the server's CPU meanwhile."""

    connections: list[Counter[str]]
    spent_s: NDArray[np.float64]
    in_time: int  # moves that ended before the time was up
    seconds: float
    server_cpu_s: float

    @property
    def counts(self) -> Counter[str]:
        """The counts of all connections together."""
        return sum(self.connections, Counter[str]())

    @property
    def per_s(self) -> float:
        """Moves a second that ended in time."""
        return self.in_time / self.seconds

    def percentile_s(self, q: float) -> float:
        """Return a percentile of the seconds from the first command of a move to its success, retries included."""
        return float(np.percentile(self.spent_s, q)) if self.spent_s.size else float("nan")


@dataclass(frozen=True, slots=True)
class Pool:
    """Client processes that work at the same time."""

    processes: list[Child]
    form: str
    seed: int
    client: redis.Redis

    def run(self, work: str, seconds: float, connections: int, **job: Any) -> Outcome:  # Any: JSON
        """Let ``connections`` in all do the move ``work`` again and again for ``seconds``.

        Raises :class:`RedisPlanError` when the server refused a move: a storm of errors measures nothing.
        """
        begin = time.monotonic() + _LEAD_S + connections * 0.0002
        shares = [connections // len(self.processes) + (n < connections % len(self.processes)) for n in range(len(self.processes))]  # fmt: skip
        form = job.get("form", self.form)
        scripts = {} if form == "function" else _scripts()
        busy = [(child, share, n) for n, (child, share) in enumerate(zip(self.processes, shares, strict=True)) if share]
        before = cpu_seconds(self.client)
        for child, share, n in busy:
            given = {"form": self.form, "scripts": scripts, "order": calls.orders(), "seed": self.seed, "work": work, "threads": share,
                     "process": n, "from": begin, "seconds": seconds, **job}  # fmt: skip
            child.tell(**given)
        answers = [json.loads(child.answer()) for child, _, _ in busy]
        outcome = Outcome(
            [Counter(counts) for answer in answers for counts in answer["counts"]],
            np.concatenate([np.asarray(answer["spent_us"], dtype=float) / 1e6 for answer in answers]),
            sum(answer["in_time"] for answer in answers),
            seconds,
            cpu_seconds(self.client) - before,
        )
        if outcome.counts["errors"]:
            said = next(name for name in outcome.counts if name.startswith("error: "))
            raise RedisPlanError(f"the server refused {outcome.counts['errors']} of the storm's moves: {said[7:]}")
        return outcome


def cpu_seconds(client: redis.Redis) -> float:
    """Return the CPU seconds that the server has used so far, user and system."""
    info: Any = client.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


def _scripts() -> dict[str, dict[str, str]]:
    known = {name: {"sha": f.sha, "text": f.script} for name, f in functions.functions().items()}
    text = records.script()
    return known | {records.NAME: {"sha": hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(), "text": text}}


@contextmanager
def pool(lab: Lab, form: str, server: Server | None = None) -> Iterator[Pool]:
    """Start the client processes of ``server`` (the lab's unless given); all are gone at the end."""
    target = server or lab.server
    role = ("hammer", {"address": list(target.address)})
    with children(_MODULE, *[role] * PROCESSES[lab.profile]) as started:
        for child in started:
            child.ready()
        yield Pool(started, form, lab.seed, target.client())


def unfit(lab: Lab, keyspace: Keyspace) -> str:
    """Return why contention can't be provoked here, or ""."""
    return functions.missing(keyspace) or raw.unreachable(lab.server)
