"""Memory after expiry: what comes back to the allocator, what to the operating system, and which tables stay large."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.later import left_out
from redis_plan.server import Server

EXPIRED, UNLINKED, MOSTLY = "all expire", "all unlinked", "5 of 6 expire"
_STEP_S = 0.02


@dataclass
class _Trial:
    case: str
    server: Server
    client: redis.Redis
    start: dict[str, float] = field(default_factory=dict)
    rows: list[dict[str, object]] = field(default_factory=list)

    @property
    def gone(self) -> float:
        """The share of the keys that were there at most and are gone."""
        keys = [float(str(row["keys"])) for row in self.rows]
        return 1 - keys[-1] / max(1.0, *keys)

    def note(self, since: float) -> dict[str, float]:
        seen = _memory(self.client)
        self.rows.append({"case": self.case, "t_s": time.time() - since, **seen})
        return seen


def _memory(client: redis.Redis) -> dict[str, float]:
    """Return used memory and RSS in bytes, the slots of the table of keys (both while it is rehashed), and the keys."""
    info: Any = client.info()
    about: bytes = client.execute_command("DEBUG", "HTSTATS", "0")
    slots = re.findall(rb"table size: (\d+)", about.partition(b"[Expires HT]")[0])
    return {
        "used": float(info["used_memory"]),
        "rss": float(info["used_memory_rss"]),
        "slots": float(sum(int(size) for size in slots)),
        "keys": float(client.dbsize()),
    }


QUESTION = "Does memory come back when keys expire: to the allocator, to the operating system, and the tables?"


def memory(lab: Lab) -> Finding:
    """Watch what comes back after expiry (see :func:`watched`); from the profile standard on."""
    return left_out(lab, QUESTION) or watched(lab)


def watched(lab: Lab) -> Finding:
    """Fill servers with keys, let them expire or unlink them, and watch the memory while nobody touches anything."""
    count, window_s = lab.by_profile((24_000, 0.5), (200_000, 6.0), (1_000_000, 60.0))
    with ExitStack() as own:
        trials = []
        for case in (EXPIRED, UNLINKED, MOSTLY):
            server = own.enter_context(lab.own({"enable-debug-command": "yes"}))
            trials.append(_Trial(case, server, server.client()))
        for trial in trials:
            trial.start = _memory(trial.client)
        began = time.time()
        for trial in trials:
            _run(trial, _FILL, count)
        time.sleep(0.12)  # the server looks at its RSS ten times a second
        peaks = {trial.case: trial.note(began) for trial in trials}
        at = time.time() + 0.08
        for trial in trials:
            _let_go(trial, count, at)
        # a slow machine needs longer than the window for what expires, and half done is no state to compare
        while time.time() < at + window_s or (trials[0].gone < 0.99 and time.time() < at + 20 * window_s):
            for trial in trials:
                trial.note(at)
            time.sleep(_STEP_S * max(1.0, window_s / 4))
        for trial in trials:
            trial.rows[0]["t_s"] = -0.05 * window_s
    return _finding(trials, peaks, count, window_s)


_FILL = "local x = string.rep('x', 150) for n = ARGV[1], ARGV[2] do redis.call('SET', 'key:' .. n, x, 'EX', 7200) end"
_EXPIRE = "for n = ARGV[1], ARGV[2] do if ARGV[4] == '0' or n % 6 > 0 then redis.call('PEXPIREAT', 'key:' .. n, ARGV[3]) end end"
_UNLINK = "for n = ARGV[1], ARGV[2] do redis.call('UNLINK', 'key:' .. n) end"


def _let_go(trial: _Trial, count: int, at: float) -> None:
    """Give the keys their deadline, but one in six that stays where most expire; or unlink them."""
    if trial.case == UNLINKED:
        _run(trial, _UNLINK, count)
    else:
        _run(trial, _EXPIRE, count, int(at * 1000), int(trial.case == MOSTLY))


def _run(trial: _Trial, script: str, count: int, *given: int) -> None:
    """Run ``script`` over the keys, a few thousand at a time."""
    for first in range(0, count, 5_000):
        trial.client.eval(script, 0, first, min(count, first + 5_000) - 1, *given)


def _finding(trials: list[_Trial], peaks: dict[str, dict[str, float]], count: int, window_s: float) -> Finding:
    values, rows = [], []
    for trial in trials:
        peak, start = peaks[trial.case], trial.start
        last: dict[str, Any] = trial.rows[-1]
        for what in ("used", "rss", "slots"):
            grown = peak[what] - start[what]
            values.append(
                Value(f"{trial.case}: {what} left", 100 * max(0.0, last[what] - start[what]) / max(grown, 1.0), "%")
            )
        values.append(Value(f"{trial.case}: keys left", float(last["keys"]), "keys", count))
        rows += [
            row | {f"{what}_share": 100 * max(0.0, float(str(row[what])) - start[what]) / max(peak[what] - start[what], 1.0)
                   for what in ("used", "rss", "slots")}
            for row in trial.rows
        ]  # fmt: skip
    return Finding(
        question=QUESTION,
        hypothesis="used_memory falls with the keys; RSS stays where survivors are spread over the pages; the tables shrink when "
        "less than a tenth of their slots is used.",
        method="Equal keys with a TTL on servers of our own; all expire, all are unlinked, or one in six stays; INFO memory and "
        "DEBUG HTSTATS while nothing else happens",
        values=tuple(values),
        samples=pd.DataFrame(rows),
        conclusion="What RSS keeps is free for new keys of the server, not for other processes.",
        conditions={"keys": count, "bytes a value": 150, "watched": f"{window_s:g} s"},
    )


def plot_memory(samples: pd.DataFrame) -> Figure:
    """Draw used_memory, RSS and slots in percent of their peak against the time since the deadline, one panel each."""
    if samples.empty:
        return Figure()
    figure, axes = plt.subplots(1, 3, sharey=True, figsize=(8.4, 3.5))
    top = 1.08 * max(100.0, float(samples[["used_share", "rss_share", "slots_share"]].max().max()))
    for axis, what, label in zip(
        axes, ("used", "rss", "slots"), ("used_memory", "RSS", "slots of the table"), strict=True
    ):
        cases = list(samples.groupby("case", sort=False))
        ends = figures.apart([float(rows[f"{what}_share"].iloc[-1]) for _, rows in cases], 0.085 * top, top)
        for (case, rows), end, colour, dash in zip(cases, ends, figures.PALETTE, ("-", "--", "-"), strict=False):
            axis.plot(rows["t_s"], rows[f"{what}_share"], color=colour, linestyle=dash, linewidth=2)
            axis.annotate(f" {case}", (float(rows["t_s"].iloc[-1]), end), color=colour, fontsize=8, va="center")
        axis.set_title(label, fontsize=11)
        axis.set_xlabel("s since the deadline")
        axis.set_xlim(right=float(samples["t_s"].max()) * 1.75)
        axis.set_ylim(-3, top)
    axes[0].set_ylabel("% of what the keys added")
    return figure
