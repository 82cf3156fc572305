"""Expired events as a clock: how late they come, how many never come, and what a schedule in a sorted set does instead."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import redis
from matplotlib.figure import Figure
from redis.client import PubSub

from redis_plan import figures
from redis_plan.keyspace import functions, periods
from redis_plan.measure import statistics
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.later import left_out
from redis_plan.server import Server

_CHANNEL = "__keyevent@0__:expired"
#: How often the worker asks the schedule, in seconds; as section 3 of the plan has it.
POLL_S = periods.fixed("poll")
_CLAIM_MS = int(1000 * periods.fixed("claim"))
_CLAIM, _DONE = (functions.in_file("common.lua")[name] for name in ("due_claim", "due_done"))
#: The listener and the worker are both away for this part of the time in which timers fall due.
AWAY = (0.3, 0.7)
EVENT, SCHEDULE = "expired event", "schedule"


@dataclass
class _Watch:
    """What a listener to events and a worker with a schedule have seen: timer → seconds after its deadline."""

    server: Server
    due: dict[str, float]
    events: dict[str, float] = field(default_factory=dict)
    claims: dict[str, float] = field(default_factory=dict)
    listener: PubSub | None = None
    polled: float = 0.0

    def look(self, client: redis.Redis, *, away: bool) -> None:
        """Take what came by event, and each :data:`POLL_S` what the schedule says is due; nothing while away."""
        if away:
            if self.listener:
                self.listener.close()
                self.listener = None
            return
        self.listener = self.listener or _listen(client)
        while (message := self.listener.get_message()) is not None:
            name = message["data"].decode()
            if message["type"] == "message" and name in self.due:
                self.events[name] = time.time() - self.due[name]
        if time.time() >= self.polled + POLL_S:
            self.polled = time.time()
            self._claim(client)

    def _claim(self, client: redis.Redis) -> None:
        """Claim what is due until nothing is, and be done with it, by the delivered functions."""
        found: Any
        while found := client.eval(_CLAIM.script, 1, "schedule", _CLAIM_MS, 100):
            for entry, until in zip(found[::2], found[1::2], strict=True):
                self.claims[entry.decode()] = time.time() - self.due[entry.decode()]
                client.eval(_DONE.script, 1, "schedule", entry, until)


def _listen(client: redis.Redis) -> PubSub:
    listener: PubSub = client.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(_CHANNEL)
    return listener


QUESTION = "Can expired events drive timers: how late are they, and how many never come?"


def events(lab: Lab) -> Finding:
    """Watch expired events against a schedule (see :func:`watched`); from the profile standard on."""
    return left_out(lab, QUESTION) or watched(lab)


def watched(lab: Lab) -> Finding:
    """Let timers fall due one after the other while their listener is away for a part of the time, then across a restart."""
    live, timers, span_s, after_s = lab.by_profile(
        (300, 60, 0.5, 0.8), (800, 80, 1.5, 4.0), (10_000, 1_000, 60.0, 120.0)
    )
    with lab.own({"notify-keyspace-events": "Ex"}) as own:
        client = own.client()
        start = time.time() + 0.1
        watch = _Watch(own, {f"timer:{n}": start + span_s * n / timers for n in range(timers)})
        with client.pipeline(transaction=False) as pipe:
            for n in range(live):
                pipe.set(f"live:{n}", "x", ex=7200)
            for name, deadline in watch.due.items():
                pipe.set(name, "x", pxat=int(deadline * 1000))
                pipe.zadd("schedule", {name: int(deadline * 1000)})
            pipe.execute()
        while time.time() < start + span_s + after_s and (len(watch.claims) < timers or client.dbsize() > live + 1):
            part = (time.time() - start) / span_s
            watch.look(client, away=AWAY[0] <= part < AWAY[1])
            time.sleep(0.002)
        watch.look(client, away=False)
        left = int(client.dbsize()) - live - int(client.exists("schedule"))
    restart = _restart(lab, lab.by_profile(20, 100, 500))
    return _finding(lab, watch, start, span_s, live, left, restart)


def _restart(lab: Lab, timers: int) -> tuple[int, int]:
    """Let timers fall due while the server is down; return how many there were and how many events ever came."""
    with lab.own({"notify-keyspace-events": "Ex", "appendonly": "yes", "appendfsync": "always"}) as own:
        client = own.client()
        deadline_ms = int(time.time() * 1000) + 40
        with client.pipeline(transaction=False) as pipe:
            for n in range(timers):
                pipe.set(f"timer:{n}", "x", pxat=deadline_ms)
            pipe.execute()
        own.kill()
        time.sleep(max(0.0, deadline_ms / 1000 - time.time()) + 0.02)
        own.start()
        client = own.client()
        listener, seen, until = _listen(client), 0, time.time() + 0.3
        while time.time() < until:
            message = listener.get_message(timeout=0.01)
            seen += bool(message and message["type"] == "message")
            if int(client.dbsize()) == 0 and not message:
                break
        listener.close()
    return timers, seen


def _finding(
    lab: Lab, watch: _Watch, start: float, span_s: float, live: int, left: int, restart: tuple[int, int]
) -> Finding:
    rows = [
        {"timer_s": deadline - start, "by": by, "late_s": seen.get(name, np.nan), "seen": name in seen,
         "away_from_s": AWAY[0] * span_s, "away_to_s": AWAY[1] * span_s}
        for by, seen in ((EVENT, watch.events), (SCHEDULE, watch.claims))
        for name, deadline in watch.due.items()
    ]  # fmt: skip
    timers = len(watch.due)
    values = [
        Value("timers", timers, "timers"),
        Value("events received", len(watch.events), "events", timers),
        Value("events lost", 100 * (1 - len(watch.events) / timers), "%", timers),
        Value("keys still there at the end", left, "keys", timers),
        Value("claimed from the schedule", len(watch.claims), "timers", timers),
        Value("due while the server was down", restart[0], "timers"),
        Value("events after the restart", restart[1], "events", restart[0]),
    ]
    for name, seen in (("event", watch.events), ("schedule", watch.claims)):
        if seen:
            e = statistics.median(list(seen.values()), lab.seed)
            values.append(Value(f"{name} late p50", e.value, "s", e.n, e.low, e.high))
            values.append(Value(f"{name} late max", max(seen.values()), "s", e.n))
    return Finding(
        question=QUESTION,
        hypothesis="As late as the removal; those sent while nobody listens are lost, and so are most across a restart. A schedule "
        "that is asked is late by one poll at most, and by the absence after one.",
        method="Timers as keys with a TTL among live keys, and the same in a sorted set polled by a worker; listener and worker are "
        "both away for a part of the time. Then timers that fall due while the server is down",
        values=tuple(values),
        samples=pd.DataFrame(rows),
        conclusion=f"{timers - len(watch.events)} of {timers} events never came; the schedule gave out "
        f"{len(watch.claims)} of {timers} timers.",
        conditions={
            "live keys": live,
            "away": f"{100 * (AWAY[1] - AWAY[0]):.0f} % of the time",
            "poll": f"{POLL_S:g} s",
            "restart": "SIGKILL, append-only file",
        },
    )


def plot_events(samples: pd.DataFrame) -> Figure:
    """Draw how late each timer was seen, by event and by schedule, with the absence shaded and lost ones on top."""
    if samples.empty:
        return Figure()
    figure, axes = plt.subplots()
    top = float(samples["late_s"].max()) * 1.2
    away = samples[["away_from_s", "away_to_s"]].iloc[0]
    axes.axvspan(away.iloc[0], away.iloc[1], color="#d9d9d9", alpha=0.6, linewidth=0)
    axes.annotate(" listener and worker away", (float(away.iloc[0]), top * 1.24), ha="left", va="top", fontsize=9,
                  color="#555555")  # fmt: skip
    for by, colour, marker, ends in ((EVENT, figures.PALETTE[1], "o", "v"), (SCHEDULE, figures.HIGHLIGHT, "s", "^")):
        rows = samples[samples["by"] == by]
        seen, lost = rows[rows["seen"]], rows[~rows["seen"]]
        axes.plot(seen["timer_s"], seen["late_s"], linestyle="", marker=marker, markersize=4, color=colour, alpha=0.8)
        if len(lost):
            axes.plot(lost["timer_s"], np.full(len(lost), top), linestyle="", marker="x", markersize=5, color=colour)
            axes.annotate(
                f"  {len(lost)} never came", (float(lost["timer_s"].max()), top), fontsize=9, color=colour, va="center"
            )
        if len(seen):
            last = seen.tail(max(3, len(seen) // 8))["late_s"]
            place = float(last.max() if ends == "v" else last.median())
            axes.annotate(f" {by}", (float(samples["timer_s"].max()), place), fontsize=10, color=colour, va="center")
    axes.set_ylim(0, top * 1.25)
    axes.margins(x=0.02)
    axes.set_xlim(right=float(samples["timer_s"].max()) * 1.28)
    axes.set_xlabel("deadline of the timer (s since the start)")
    axes.set_ylabel("seen after its deadline (s)")
    axes.set_title("Timers by expired event and by schedule")
    return figure
