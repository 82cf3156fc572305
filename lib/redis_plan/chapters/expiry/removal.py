"""Removal: what others feel when many keys fall due at once, and when one big key goes."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures, units
from redis_plan.chapters.expiry import bystander
from redis_plan.measure import serverside, statistics
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.server import Server

REST, AT_ONCE, JITTER = "no keys due", "all due at once", "due with jitter"
#: How long another client asks before the first deadline, and after the last, in seconds.
_BEFORE_S, _AFTER_S = 0.15, 0.3
_FILL = """
local x = string.rep('x', 32)
for n = ARGV[1], ARGV[2] do redis.call('SET', 'k' .. n, x, 'PXAT', ARGV[3] + math.floor(ARGV[4] * math.random())) end
"""


def mass_expiry(lab: Lab) -> Finding:
    """Let many keys fall due at one moment, and the same number with jitter, while another client asks PING."""
    count, spread_s, rounds = lab.by_profile((20_000, 0.3, 1), (60_000, 1.5, 2), (500_000, 20.0, 5))
    rows: list[pd.DataFrame] = []
    own_word: dict[str, list[float]] = {AT_ONCE: [], JITTER: []}
    for turn in range(rounds):
        for case, jitter_s in ((AT_ONCE, 0.0), (JITTER, spread_s)):
            with lab.own({"latency-monitor-threshold": "1"}) as own:
                rows.append(_due(own, case, count, jitter_s).assign(case=case, round=turn))
                own_word[case].append(_longest_cycle(own.client()))
    samples = pd.concat(rows, ignore_index=True)
    samples.loc[samples["t_s"] < 0, "case"] = REST
    values: list[Value] = []
    for case in (REST, AT_ONCE, JITTER):
        waits = samples.loc[samples["case"] == case, "latency_s"]
        p99 = statistics.percentile(waits, 99, lab.seed)
        values.append(Value(f"{case} p99", p99.value, "s", p99.n, p99.low, p99.high))
        values.append(Value(f"{case} max", float(_middle_round(samples, case)["latency_s"].max()), "s", len(waits)))
    values += [Value(f"{case} longest cycle", max(seen), "s", rounds) for case, seen in own_word.items()]
    return Finding(
        question="What do other clients feel when many sessions expire at the same moment?",
        hypothesis="Slices of up to 25 % of a core a cycle; with jitter less.",
        method="Keys with one PXAT deadline, then spread, on servers of our own; another client asks PING at 1,000/s, open loop, from "
        "before the first deadline on; the server's own latency monitor says how long its expire cycles were",
        values=tuple(values),
        samples=samples,
        conclusion=_jitter_conclusion({v.name: v.value for v in values}),
        conditions={
            "loop": "open",
            "probe rate": bystander.RATE,
            "keys": count,
            "jitter": f"{spread_s:g} s",
            "rounds": rounds,
            "max": "the longest wait of the round in the middle, of two the worse",
        },
    )


def _middle_round(samples: pd.DataFrame, case: str) -> pd.DataFrame:
    """Return the rows of the round that stands for its case: by its longest wait in the middle, of two the worse."""
    rows = samples[samples["case"] == case]
    longest = rows.groupby("round")["latency_s"].max().sort_values()
    found: pd.DataFrame = rows[rows["round"] == longest.index[len(longest) // 2]]
    return found


def _due(own: Server, case: str, count: int, jitter_s: float) -> pd.DataFrame:
    """Fill the server and let another client ask across the deadline; one row a question, time from the first deadline."""
    client = own.client()
    fill_s = count / 300_000
    while True:
        due = time.time() + 0.1 + fill_s + _BEFORE_S
        for first in range(0, count, 5_000):
            client.eval(_FILL, 0, first, min(count, first + 5_000) - 1, int(due * 1000), int(jitter_s * 1000))
        if time.time() < due - _BEFORE_S:
            break
        fill_s *= 2  # a slow or busy machine: the keys would have fallen due before anybody asked
    time.sleep(max(0.0, due - _BEFORE_S - time.time()))
    started = time.time()
    load = bystander.felt(own, _BEFORE_S + jitter_s + _AFTER_S)
    asked = np.arange(len(load.latency_s)) / bystander.RATE
    return pd.DataFrame({"t_s": started + asked - due, "latency_s": load.latency_s})


def _longest_cycle(client: redis.Redis) -> float:
    """Return the longest expire cycle in seconds as the server's latency monitor saw it; 0 where none took 1 ms."""
    with suppress(redis.ResponseError):
        latest: Any = client.execute_command("LATENCY", "LATEST")
        for entry in latest:
            if entry[0] in (b"expire-cycle", "expire-cycle"):
                return float(entry[3]) / 1e3
    return 0.0


def _jitter_conclusion(value: dict[str, float]) -> str:
    """Say whether jitter helped in this run; a few milliseconds from few runs are no ground to promise it."""
    at_once, jitter = value[f"{AT_ONCE} max"], value[f"{JITTER} max"]
    if jitter < 0.8 * at_once:
        return "Spreading the deadlines shortened the longest wait."
    return "No gain from spreading the deadlines was seen at this size."


CONTROL = "nothing (control)"
#: How each big key is removed: name, command (or expiry), lazyfree settings.
_REMOVALS: tuple[tuple[str, str, dict[str, str]], ...] = (
    (CONTROL, "", {}),
    ("DEL", "DEL", {"lazyfree-lazy-user-del": "no"}),
    ("UNLINK", "UNLINK", {}),
    ("expiry, lazyfree no", "expire", {"lazyfree-lazy-expire": "no"}),
    ("expiry, lazyfree yes", "expire", {"lazyfree-lazy-expire": "yes"}),
)


def big_key(lab: Lab) -> Finding:
    """Remove one big sorted set by DEL, UNLINK and expiry (with lazyfree and without) while another client asks PING."""
    members, rounds = lab.by_profile((20_000, 1), (100_000, 2), (1_000_000, 7))
    rows = []
    with lab.own({"enable-debug-command": "yes"}) as own:
        client = own.client()
        client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")  # so that the read past the deadline removes the key
        for turn in range(rounds):
            for name, how, config in _REMOVALS:
                for setting, value in config.items():
                    client.config_set(setting, value)
                _big(client, members)
                client.pexpire("big", 20 if how == "expire" else 7_200_000)
                before = serverside.command_stats(client)
                with bystander.beside(own, 0.07) as felt:
                    time.sleep(0.03)
                    if how:
                        client.execute_command(how if how != "expire" else "EXISTS", "big")
                costs = serverside.since(before, serverside.command_stats(client))
                blocked = (
                    sum(cost.usec for command, cost in costs.items() if command in ("del", "unlink", "exists")) / 1e6
                )
                waits = felt[0].latency_s
                rows.append({"way": name, "round": turn, "stall_s": float(waits.max()), "blocked_s": blocked})
                _settle(client)
    samples = pd.DataFrame(rows)
    values = []
    for name, _, _ in _REMOVALS:
        e = statistics.median(samples.loc[samples["way"] == name, "stall_s"], lab.seed)
        ends = (e.low, e.high) if rounds > 1 else (None, None)
        values.append(Value(f"{name} longest wait", e.value, "s", rounds, *ends))
        blocked = samples.loc[samples["way"] == name, "blocked_s"].median()
        values.append(Value(f"{name} blocked", float(blocked), "s", rounds))
    return Finding(
        question="What do other clients feel when one big key goes?",
        hypothesis="DEL and plain expiry block for as long as freeing takes; UNLINK and lazy freeing do not.",
        method="A sorted set removed in each way in turn while another client asks PING at 1,000/s, open loop: the longest wait of "
        "each removal, and the server's own time of the command that removes it (for expiry: of the read past the deadline)",
        values=tuple(values),
        samples=samples,
        conclusion="The control shows what a wait is without any removal on this machine.",
        conditions={"members": members, "loop": "open", "rounds": rounds, "active expiry": "off"},
    )


def _big(client: redis.Redis, members: int) -> None:
    client.unlink("big")
    _settle(client)
    script = "for i = ARGV[1], ARGV[2] do redis.call('ZADD', KEYS[1], i, 'member:' .. i) end"
    for first in range(0, members, 20_000):
        client.eval(script, 1, "big", first, min(members, first + 20_000) - 1)


def _settle(client: redis.Redis) -> None:
    """Wait until nothing is left to be freed in the background."""
    until = time.monotonic() + 2
    info: Any = client.info("memory")
    while int(info.get("lazyfree_pending_objects", 0)) and time.monotonic() < until:
        time.sleep(0.002)
        info = client.info("memory")


def plot_mass(samples: pd.DataFrame) -> Figure:
    """Draw the longest wait of another client in each 20 ms around the deadline, of the round that stands for each case."""
    figure, axes = plt.subplots()
    cases = ((AT_ONCE, "-", figures.PALETTE[1]), (JITTER, "--", figures.PALETTE[0]), (REST, "-", figures.CONTEXT))
    for place, (case, dash, colour) in enumerate(cases):
        rows = _middle_round(samples, case)
        line = rows.groupby((rows["t_s"] / 0.02).round() * 0.02)["latency_s"].max() * 1e3
        axes.plot(
            line.index,
            line,
            color=colour,
            linestyle=dash,
            linewidth=1.2 if case == REST else 1.6,
            zorder=2.5 - (case == REST),
        )
        if case != REST:
            axes.plot([float(str(line.idxmax()))], [float(line.max())], marker="o", markersize=5, color=colour)
        axes.annotate(f"{'– –' if dash == '--' else '–'} {case}: {units.write(float(line.max()) / 1e3, 's')} at most",
                      (0.99, 0.98 - 0.09 * place), xycoords="axes fraction", fontsize=10, va="top", ha="right",
                      color="#555555" if case == REST else colour, bbox=figures.PLATE)  # fmt: skip
    axes.axvline(0, color="#333333", linewidth=0.9)
    axes.annotate(" first deadline", (0, 0.02), xycoords=("data", "axes fraction"), fontsize=9, color="#333333")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda *_: "")
    low, high = axes.get_ylim()
    axes.set_ylim(low * 0.7, high * (high / low) ** 0.55)  # room for the three names above the lines
    axes.set_xlabel("time of the question (s, 0 = first deadline)")
    axes.set_ylabel("longest wait in 20 ms (ms, log scale)")
    axes.set_title("What another client waits while keys fall due")
    return figure


def plot_big(samples: pd.DataFrame) -> Figure:
    """Draw for each way to remove a big key how long the server was busy with it, and the longest wait of another client."""
    figure, axes = plt.subplots()
    names = [name for name in dict.fromkeys(samples["way"]) if name != CONTROL][::-1]
    for place, name in enumerate(names):
        rows = samples[samples["way"] == name]
        colour = figures.PALETTE[1] if name in ("DEL", "expiry, lazyfree no") else figures.HIGHLIGHT
        busy, stalls = float(rows["blocked_s"].median()) * 1e3, rows["stall_s"] * 1e3
        axes.barh(place, busy, color=colour, height=0.5)
        axes.plot(stalls, [place] * len(stalls), linestyle="", marker="o", markersize=5, color="#333333", alpha=0.7)
        axes.annotate(f"server busy {units.write(busy / 1e3, 's')}", (max(busy, float(stalls.max())), place), va="center",
                      xytext=(9, 0), textcoords="offset points", fontsize=9)  # fmt: skip
    control = float(samples.loc[samples["way"] == CONTROL, "stall_s"].median()) * 1e3
    axes.axvline(control, color=figures.CONTEXT, linewidth=1, linestyle="--")
    axes.annotate(" a client's wait without any removal", (control, len(names) - 0.55), fontsize=8, color="#555555")
    axes.set_yticks(range(len(names)), names, fontsize=10)
    axes.set_ylim(-0.5, len(names) - 0.2)
    axes.set_xlim(0, float(samples[["stall_s", "blocked_s"]].max().max()) * 1.45e3)
    axes.set_xlabel("ms; bar: server busy with the removal, dots: longest wait of another client")
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x")
    axes.set_title("One big sorted set removed")
    return figure
