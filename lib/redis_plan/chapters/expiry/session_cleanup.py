"""Cleanup of a whole session: one hash, a list of its keys, a scan by prefix, or a TTL on each key, compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures, units
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.later import left_out
from redis_plan.server import Server

#: One step of a cleanup: a call to the server. A worker may die between any two.
Removal = Callable[[], object]
#: Batch of SCAN: what it looks at in one call.
_SCAN = 1_000
#: The commands that end a session.
_OURS = (b"unlink", b"smembers", b"scan")


@dataclass(frozen=True, slots=True)
class Way:
    """A layout of a session and the steps that end it; ``keys`` is how many keys a session has there."""

    name: str
    fill: Callable[[redis.client.Pipeline, str, int, str], None]
    end: Callable[[redis.Redis, str], Iterator[Removal]]


def _one_hash(pipe: redis.client.Pipeline, session: str, parts: int, value: str) -> None:
    pipe.hset(session, mapping={f"part{n:04d}": value for n in range(parts)})
    pipe.expire(session, 7200)


def _keys(pipe: redis.client.Pipeline, session: str, parts: int, value: str) -> None:
    for n in range(parts):
        pipe.set(f"{session}:part{n:04d}", value, ex=7200)


def _listed(pipe: redis.client.Pipeline, session: str, parts: int, value: str) -> None:
    _keys(pipe, session, parts, value)
    pipe.sadd(f"{session}:keys", *(f"{session}:part{n:04d}" for n in range(parts)))
    pipe.expire(f"{session}:keys", 7200)


def _end_hash(client: redis.Redis, session: str) -> Iterator[Removal]:
    yield lambda: client.unlink(session)


def _end_listed(client: redis.Redis, session: str) -> Iterator[Removal]:
    """Read the list, unlink what it names in batches, and the list last, so that a second try finds it."""
    names: list[Any] = []  # Any: bytes, which redis-py types as bytes or text
    yield lambda: names.extend(sorted(client.smembers(f"{session}:keys")))
    for first in range(0, len(names), 100):
        yield partial(_unlink, client, names[first : first + 100])
    yield lambda: client.unlink(f"{session}:keys")


def _unlink(client: redis.Redis, names: list[Any]) -> None:
    if names:
        client.unlink(*names)


def _end_scanned(client: redis.Redis, session: str) -> Iterator[Removal]:
    cursor, found = 0, list[Any]()

    def scan() -> None:
        nonlocal cursor
        answer: Any = client.scan(cursor, match=f"{session}:*", count=_SCAN)
        cursor = answer[0]
        found.extend(answer[1])
        _unlink(client, found)
        found.clear()

    yield scan
    while cursor:
        yield scan


def _end_by_ttl(client: redis.Redis, session: str) -> Iterator[Removal]:
    """Nothing is sent: each key has its TTL, which the trial shortens to a moment ago."""
    yield from ()


HASH, LISTED, SCANNED, TTL = "one hash", "list of keys", "scan by prefix", "TTL on each key"
WAYS = (Way(HASH, _one_hash, _end_hash), Way(LISTED, _listed, _end_listed), Way(SCANNED, _keys, _end_scanned),
        Way(TTL, _keys, _end_by_ttl))  # fmt: skip


QUESTION = "What is the best way to remove all that a session has?"


def cleanup(lab: Lab, *, parts: int, part_bytes: int) -> Finding:
    """Compare the layouts (see :func:`compared`); from the profile standard on."""
    return left_out(lab, QUESTION) or compared(lab, parts=parts, part_bytes=part_bytes)


def compared(lab: Lab, *, parts: int, part_bytes: int) -> Finding:
    """Fill a server with sessions in each layout, end some of them, and count time and what is left."""
    parts, value = max(4, min(200, parts)), "x" * max(1, min(4_096, part_bytes))
    sessions, ended = lab.by_profile((80, 10), (800, 50), (5_000, 200))
    rows = []
    for way in WAYS:
        with lab.own({"slowlog-max-len": "20000", "slowlog-log-slower-than": "-1"}) as own:
            rows.append({"way": way.name} | _trial(own, way, sessions, ended, parts, value))
    return _finding(pd.DataFrame(rows), sessions, ended, parts, len(value))


def _trial(own: Server, way: Way, sessions: int, ended: int, parts: int, value: str) -> dict[str, float]:
    client, filler = own.client(), own.client()
    start = int(client.info("memory")["used_memory"])
    for n in range(sessions):
        with filler.pipeline(transaction=False) as pipe:
            way.fill(pipe, f"session{n:05d}", parts, value)
            pipe.execute()
    filler.close()  # what it has buffered must not count
    client.ping()
    size = (int(client.info("memory")["used_memory"]) - start) / sessions
    keys = int(client.dbsize()) / sessions
    names = [f"session{n:05d}" for n in range(ended)]
    if way.name == TTL:
        _let_expire(client, names, parts)
    client.config_set("slowlog-log-slower-than", 0)  # only now: entries take memory
    client.slowlog_reset()
    took, steps = [], 0
    for name in names:
        began = time.perf_counter()
        for step in way.end(client, name):
            step()
            steps += 1
        took.append(time.perf_counter() - began)
    left = int(client.dbsize()) - keys * (sessions - ended)
    log: Any = client.slowlog_get(-1)
    work = [entry["duration"] / 1e6 for entry in log if entry["command"].split()[0].lower() in _OURS]
    return {
        "bytes": size, "keys": keys, "seconds": float(np.median(took)), "calls": len(work) / ended,
        "server_s": sum(work) / ended, "longest_s": max(work, default=0.0),
        "left_keys": max(0.0, left / ended), "cut_percent": _cut(client, way, f"session{ended:05d}", keys),
    }  # fmt: skip


def _let_expire(client: redis.Redis, names: list[str], parts: int) -> None:
    """Bring the deadlines of these sessions forward to now; the live keys keep theirs."""
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            for n in range(parts):
                pipe.pexpire(f"{name}:part{n:04d}", 5)
        pipe.execute()
    time.sleep(0.006)


def _cut(client: redis.Redis, way: Way, name: str, keys: float) -> float:
    """Let the worker die after half of its steps; return the part of the session's keys that is left, in per cent.

    Where there is only one step it is done or not done, and nothing is left half removed: 0.
    """
    if way.name == TTL:
        return 0.0
    steps = way.end(client, name)
    total = {HASH: 1, LISTED: 3}.get(way.name, 1 + int(client.dbsize()) // _SCAN)
    for done, step in enumerate(steps, start=1):
        step()
        if done >= max(1, total // 2):
            break
    return 100 * sum(1 for _ in client.scan_iter(match=f"{name}*", count=10_000)) / keys


def _finding(samples: pd.DataFrame, sessions: int, ended: int, parts: int, part_bytes: int) -> Finding:
    values = []
    for row in samples.to_dict("records"):
        values += [
            Value(f"{row['way']} bytes", row["bytes"], "B", sessions),
            Value(f"{row['way']} took", row["seconds"], "s", ended),
            Value(f"{row['way']} server", row["server_s"], "s", ended),
            Value(f"{row['way']} longest command", row["longest_s"], "s", ended),
            Value(f"{row['way']} left", row["left_keys"], "keys", ended),
            Value(f"{row['way']} left when cut halfway", row["cut_percent"], "%"),
        ]
    return Finding(
        question=QUESTION,
        hypothesis="One key: fewest bytes, one command, nothing left. A scan costs as much as the whole keyspace is large; TTLs cost "
        "nothing and leave the keys for the sweep.",
        method="The same parts of a session in each layout on a server of our own; some sessions ended one by one; the server's own "
        "time of every command (SLOWLOG from 0 µs), the longest of which is what others wait; DBSIZE at the end",
        values=tuple(values),
        samples=samples,
        conclusion="What is one key, or named by one, goes in one step; what has to be found costs the whole keyspace.",
        conditions={"sessions": sessions, "ended": ended, "parts a session": parts, "bytes a part": part_bytes},
    )


def plot_cleanup(samples: pd.DataFrame) -> Figure:
    """Draw bytes a session, server time to end one, its longest command and keys left, one panel each."""
    if samples.empty:
        return Figure()
    order = samples.iloc[::-1]
    figure, axes = plt.subplots(1, 4, sharey=True, figsize=(9.6, 3.0))
    panels = (("bytes", "B", "bytes a session"), ("server_s", "s", "server time to end one"),
              ("longest_s", "s", "longest command"), ("left_keys", "keys", "keys left right after"))  # fmt: skip
    for axis, (column, unit, label), colour in zip(axes, panels, figures.PALETTE, strict=False):
        axis.barh(range(len(order)), order[column], color=colour, height=0.6)
        for place, value in enumerate(order[column]):
            text = units.write(round(float(value), 1) if unit == "keys" else float(value), unit).removesuffix(" keys")
            axis.annotate(f" {text}", (float(value), place), va="center", fontsize=9)
        axis.set_yticks(range(len(order)), order["way"], fontsize=10)
        axis.set_title(label, fontsize=10)
        axis.set_xticks([])
        axis.grid(axis="y", visible=False)
        axis.set_xlim(0, max(float(order[column].max()) * 1.6, 1e-9))
    return figure
