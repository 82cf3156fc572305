"""Expiry lag: how long a key that nobody reads outlives its deadline, by live keys, by settings and under load."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from redis.client import PubSub

from redis_plan import figures
from redis_plan.measure import serverside, statistics
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.measure.respwire import Wire, pack
from redis_plan.memory.active_expiry import due_share, expected_lag_s
from redis_plan.server import Server

LEAST_DUE = 20
#: How far ahead the deadline of the probes is set, in ms: further where a busy machine was late for it.
AHEAD_MS = (200, 800, 3200)
_POLL_S = 0.002

#: What the server does beside: nothing, or commands on keys without a TTL.
IDLE, LOADED = "idle", "under load"
#: Settings and load tried beside the default, each among the largest number of live keys: hz, effort, load.
SETTINGS = (("10", "1", LOADED), ("100", "1", IDLE), ("10", "10", IDLE), ("100", "10", LOADED))


@dataclass
class _Case:
    """One server with its live keys, and what is still to fall due there: key → deadline."""

    server: Server
    volatile: int
    hz: str
    effort: str
    load: str
    due: dict[bytes, float] = field(default_factory=dict)
    watcher: PubSub | None = None
    cpu_s: float = 0.0
    rows: list[dict[str, object]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"hz {self.hz}, effort {self.effort}, {self.load}"

    def begin(self) -> None:
        """Subscribe to expired events and place the live keys."""
        self.watcher = self.server.client().pubsub(ignore_subscribe_messages=True)
        self.watcher.subscribe("__keyevent@0__:expired")
        self.watcher.get_message(timeout=1)
        with self.server.client().pipeline(transaction=False) as pipe:
            for n in range(self.volatile):
                pipe.set(f"live:{n}", "x", ex=7200)
            pipe.execute()

    def place(self, deadline_ms: int) -> None:
        """Place the few that fall due, in place of those that were placed before."""
        if self.due:
            self.server.client().unlink(*self.due)
        probes = max(LEAST_DUE, int(self.volatile * due_share(int(self.effort))))
        names = [f"probe:{deadline_ms}:{n}" for n in range(probes)]
        with self.server.client().pipeline(transaction=False) as pipe:
            for name in names:
                pipe.set(name, "x", pxat=deadline_ms)
            pipe.execute()
        self.due = {name.encode(): deadline_ms / 1000 for name in names}
        self.cpu_s = serverside.main_thread_cpu(self.server.admin)

    def listen(self) -> None:
        """Note the events that have come."""
        assert self.watcher is not None
        while (message := self.watcher.get_message()) is not None:
            if (deadline := self.due.pop(message["data"], None)) is not None:
                self._note(time.time() - deadline, seen=True)

    def end(self, window_s: float) -> None:
        """Note what never came, and the processor time since the keys were placed."""
        for _ in self.due:
            self._note(window_s, seen=False)
        self.cpu_s = serverside.main_thread_cpu(self.server.admin) - self.cpu_s

    def _note(self, lag_s: float, *, seen: bool) -> None:
        self.rows.append({"volatile": self.volatile, "hz": self.hz, "effort": self.effort, "load": self.load,
                          "lag_s": lag_s, "seen": seen})  # fmt: skip


def active_lag(lab: Lab) -> Finding:
    """Let few keys fall due among many live ones and note when the server reports each as expired.

    All servers wait at the same time: one for each number of live keys, and one for each of :data:`SETTINGS`.
    """
    sizes = lab.by_profile((0, 100, 300), (0, 300, 1_000, 2_400), (0, 2_000, 10_000, 50_000))
    window_s = lab.by_profile(1.8, 13.0, 280.0)
    hz = lab.server.setting("hz") if lab.server.ours else "10"
    with ExitStack() as own:

        def case(volatile: int, hz: str, effort: str, load: str) -> _Case:
            config = {"notify-keyspace-events": "Ex", "hz": hz, "active-expire-effort": effort, "dynamic-hz": "no"}
            return _Case(own.enter_context(lab.own(config)), volatile, hz, effort, load)

        cases = [case(size, hz, "1", IDLE) for size in sizes] + [case(sizes[-1], *rest) for rest in SETTINGS]
        for one in cases:
            one.begin()
            if one.load == LOADED:
                own.enter_context(_load(one.server))
        started = _placed(cases)
        while time.time() < started + window_s and any(one.due for one in cases):
            for one in cases:
                one.listen()
            time.sleep(_POLL_S)
        spent = time.time() - started
        for one in cases:
            one.end(window_s)
    return _finding(lab, cases, sizes, float(hz), window_s, spent)


def _placed(cases: Sequence[_Case]) -> float:
    """Place what falls due, everywhere with one deadline that is still ahead then; return the moment shortly before it.

    A busy machine that comes late to the last server tries again, with a deadline further ahead.
    """
    for ahead_ms in AHEAD_MS:
        deadline_ms = int(time.time() * 1000) + ahead_ms
        for case in cases:
            case.place(deadline_ms)
        if time.time() * 1000 < deadline_ms:
            break
    return (deadline_ms - AHEAD_MS[0]) / 1000


@contextmanager
def _load(server: Server) -> Iterator[None]:
    """Keep the server busy from one connection with commands on keys without a TTL; about a quarter of a core."""
    over = threading.Event()
    batch = b"".join(pack("SET", f"busy:{n}", "x" * 64) for n in range(100))

    def work() -> None:
        with Wire(server.address) as wire:
            while not over.is_set():
                wire.ask(batch, 100)
                time.sleep(0.0005)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


def _finding(
    lab: Lab, cases: list[_Case], sizes: tuple[int, ...], hz: float, window_s: float, spent_s: float
) -> Finding:
    samples = pd.DataFrame([row for one in cases for row in one.rows])
    plain = samples[(samples["load"] == IDLE) & (samples["effort"] == "1") & (samples["hz"] == cases[0].hz)]
    values: list[Value] = []
    for size in sizes:
        lags = plain.loc[plain["volatile"] == size, "lag_s"]
        e = statistics.median(lags, lab.seed)
        values.append(Value(f"p50 among {size}", e.value, "s", e.n, e.low, e.high))
        values.append(
            Value(f"seen among {size}", 100 * float(plain.loc[plain["volatile"] == size, "seen"].mean()), "%", e.n)
        )
    largest = statistics.median(plain.loc[plain["volatile"] == sizes[-1], "lag_s"], lab.seed)
    values += [
        Value("lag_p50", largest.value, "s", largest.n, largest.low, largest.high),
        Value("volatile keys", sizes[-1], "keys", largest.n),
        Value("expected", expected_lag_s(sizes[-1], hz), "s", grade="modelled"),
        Value("hz", hz, "runs/s"),
    ]
    for one in cases[len(sizes) :]:
        e = statistics.median([float(str(row["lag_s"])) for row in one.rows], lab.seed)
        values.append(Value(f"{one.name} p50", e.value, "s", e.n, e.low, e.high))
    for one in (cases[len(sizes) - 1], *(c for c in cases[len(sizes) :] if c.load == IDLE)):
        values.append(Value(f"{one.name} core share", 100 * one.cpu_s / max(spent_s, 1e-9), "%"))
    return Finding(
        question="How long after its deadline is a key removed, and its event sent, while nobody reads it?",
        hypothesis=f"About N / (40 × hz): {expected_lag_s(sizes[-1], hz):.2g} s among {sizes[-1]:,} live volatile keys; a higher hz or "
        "effort shortens it, load does not change it.",
        method="Probes with one deadline among N live keys with TTLs on servers of our own, all at once, expired events received; "
        "nobody reads a probe",
        values=tuple(values),
        samples=samples,
        conclusion="The lag grows with the number of live keys that have a TTL, not with the number that are due.",
        conditions={
            "hz": hz,
            "effort": "1",
            "window": f"{window_s:g} s",
            "probes": f"{due_share(1):.0%} of the live keys (at effort 10: {due_share(10):.1%}), {LEAST_DUE} at least",
            "load": "batches of 100 SET on keys without a TTL, one connection",
        },
    )


def settings_values(value_of: Mapping[str, float]) -> dict[str, float]:
    """Return median lags in seconds by setting, ``hz 100, effort 1, idle`` → 0.2, from a finding's values."""
    return {
        name.removesuffix(" p50"): v for name, v in value_of.items() if name.startswith("hz ") and name.endswith("p50")
    }


#: A label that stands over other lines.
_OVER = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.85}


def plot_lag(samples: pd.DataFrame) -> Figure:
    """Draw the share of due keys that are gone against the time since their deadline, one line a number of live keys."""
    plain = samples[(samples["load"] == IDLE) & (samples["effort"] == "1") & (samples["hz"] == samples["hz"].iloc[0])]
    figure, axes = plt.subplots()
    for order, ((size, rows), colour) in enumerate(zip(plain.groupby("volatile"), figures.PALETTE, strict=False)):
        lags = np.sort(rows["lag_s"].clip(lower=0.001))
        share = np.arange(1, len(lags) + 1) / len(lags) * 100
        seen = np.sort(rows["seen"].to_numpy())[::-1]
        axes.step(lags[seen], share[seen], where="post", color=colour, linewidth=2)
        if seen.any():  # each label a step higher than the one before, so that close lines do not share a place
            level = int(np.searchsorted(share[seen], 15 + 20 * order).clip(max=seen.sum() - 1))
            axes.annotate(f"{size:,} live keys", (lags[seen][level], share[seen][level]), (6, -2), color=colour, va="top",
                          textcoords="offset points", fontsize=10, bbox=_OVER)  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("time since the deadline (s, log scale)")
    axes.set_ylabel("due keys removed (%)")
    axes.set_ylim(0, 104)
    axes.margins(x=0.25)
    axes.set_title("Removal of due keys among live keys with a TTL")
    return figure


def plot_settings(samples: pd.DataFrame) -> Figure:
    """Draw the lag of every probe for each setting, idle and under load, among the largest number of live keys."""
    largest = samples[samples["volatile"] == samples["volatile"].max()]
    groups = sorted(largest.groupby(["hz", "effort", "load"]), key=lambda g: -float(g[1]["lag_s"].median()))
    figure, axes = plt.subplots()
    for place, ((_, _, load), rows) in enumerate(groups):
        lags = rows["lag_s"].clip(lower=0.001).to_numpy()
        colour = figures.PALETTE[1] if load == LOADED else figures.HIGHLIGHT
        spread = np.linspace(-0.22, 0.22, len(lags)) if len(lags) > 1 else np.zeros(1)
        axes.plot(lags, place + np.random.default_rng(1).permutation(spread), linestyle="", marker="o", markersize=3,
                  color=colour, alpha=0.35)  # fmt: skip
        middle = float(np.median(lags))
        axes.plot([middle, middle], [place - 0.32, place + 0.32], color=colour, linewidth=2.5)
        late = " or more" if not rows["seen"].all() and middle >= lags.max() else ""
        axes.annotate(
            f"{middle:.2g} s{late}", (middle, place - 0.34), ha="center", va="bottom", fontsize=9, color=colour
        )
    axes.set_yticks(
        range(len(groups)), [f"hz {hz}, effort {effort}\n{load}" for (hz, effort, load), _ in groups], fontsize=9
    )
    axes.invert_yaxis()
    axes.set_ylim(len(groups) - 0.5, -0.75)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("time from deadline to removal (s, log scale); the bar is the median")
    axes.grid(axis="x")
    axes.set_title(f"Lag by setting, among {int(largest['volatile'].iloc[0]):,} live keys")
    return figure
