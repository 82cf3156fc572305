"""Figures of the memory notebook: samples in, a matplotlib figure out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from redis_plan import units
from redis_plan.figures import CONTEXT, HIGHLIGHT, PALETTE

_BYTES = FuncFormatter(lambda value, _: units.write(float(value), "B", 2))


def plot_patterns(samples: pd.DataFrame) -> Figure:
    """Draw bytes a session by key pattern, measured as bars and predicted as marks."""
    rows = samples[(samples.pattern != "all") & (samples.per_session > 0)].copy()
    rows["predicted_per_session"] = rows.bytes_per_session * rows.predicted_bytes / rows.measured_bytes
    rows = rows.sort_values("bytes_per_session")
    figure, axis = plt.subplots(figsize=(7, max(2.2, 0.34 * len(rows) + 1.0)))
    axis.barh(rows.pattern, rows.bytes_per_session, color=CONTEXT, label="measured")
    axis.plot(
        rows.predicted_per_session,
        rows.pattern,
        "|",
        color=PALETTE[3],
        markersize=14,
        markeredgewidth=2.5,
        label="predicted",
    )
    axis.xaxis.set_major_formatter(_BYTES)
    axis.grid(visible=True, axis="x")
    axis.grid(visible=False, axis="y")
    axis.set_xlabel("used_memory a session (bytes)")
    axis.set_title("Memory of one session by key pattern")
    axis.legend(loc="lower right", frameon=False)
    return figure


def plot_line(samples: pd.DataFrame, steps: list[tuple[int, float]]) -> Figure:
    """Draw used_memory and RSS against sessions, with the prediction and the steps of the keyspace's tables."""
    figure, axis = plt.subplots()
    axis.plot(samples.sessions, samples.predicted, color=PALETTE[3], linewidth=1.2)
    axis.plot(samples.sessions, samples.used_memory, "o", color=HIGHLIGHT)
    axis.plot(samples.sessions, samples.rss, "s", color=CONTEXT, markersize=5)
    last = samples.iloc[-1]
    for column, label, colour, shift in (
        ("used_memory", "used_memory", HIGHLIGHT, -14), ("rss", "RSS", CONTEXT, 8), ("predicted", "predicted", PALETTE[3], -2),
    ):  # fmt: skip
        axis.annotate(
            label,
            (last.sessions, last[column]),
            xytext=(7, shift),
            textcoords="offset points",
            color=colour,
            va="center",
        )
    low = float(samples.sessions.min())
    for sessions in sorted({count for count, _ in steps if count >= low}):
        axis.axvline(sessions, color=CONTEXT, linewidth=0.8, linestyle=":")
    axis.set_xlim(0, float(last.sessions) * 1.2)
    axis.set_ylim(0)
    axis.yaxis.set_major_formatter(_BYTES)
    axis.set_xlabel("live sessions (dotted: a table of the keyspace doubles)")
    axis.set_ylabel("growth since start (bytes)")
    axis.set_title("Memory against sessions")
    return figure


def plot_designs(samples: pd.DataFrame) -> Figure:
    """Draw bytes a session of each design of the session state."""
    rows = samples.sort_values("measured", ascending=False)
    figure, axis = plt.subplots(figsize=(7, 2.4))
    bars = axis.barh(
        rows.candidate, rows.measured, color=[HIGHLIGHT if c == "hash" else CONTEXT for c in rows.candidate]
    )
    axis.bar_label(bars, [units.write(float(v), "B") for v in rows.measured], padding=4)
    axis.xaxis.set_major_formatter(_BYTES)
    axis.set_xlim(0, float(rows.measured.max()) * 1.18)
    axis.set_xlabel("used_memory a session (bytes)")
    axis.set_title("Session state: three designs of the same fields")
    return figure


def plot_log(samples: pd.DataFrame) -> Figure:
    """Draw bytes of an event log against its entries, for each design."""
    figure, axis = plt.subplots()
    colours = {"list": HIGHLIGHT, "stream, nodes of 4096 B": PALETTE[3], "stream, nodes of 1024 B": PALETTE[2]}
    markers = {"list": "o", "stream, nodes of 4096 B": "s", "stream, nodes of 1024 B": "^"}
    for shift, (name, rows) in zip((-14, 8, 22), samples.groupby("design", sort=False), strict=False):
        colour, label = colours.get(str(name), CONTEXT), str(name)
        axis.plot(rows.entries, rows.measured, marker=markers.get(label, "o"), color=colour)
        axis.annotate(
            label, (rows.entries.iloc[-1], rows.measured.iloc[-1]), xytext=(6, shift), textcoords="offset points",
            color=colour, ha="right",
        )  # fmt: skip
    axis.set_ylim(0)
    axis.yaxis.set_major_formatter(_BYTES)
    axis.set_xlabel("entries in the log")
    axis.set_ylabel("used_memory a log (bytes)")
    axis.set_title("Event log: list and stream by number of entries")
    return figure


def plot_capacity(samples: pd.DataFrame, budget_bytes: float) -> Figure:
    """Draw maxmemory and host memory against sessions, with the budget as a line."""
    figure, axis = plt.subplots()
    for column, label, colour, marker in (
        ("dataset", "dataset", CONTEXT, "o"), ("maxmemory", "maxmemory", HIGHLIGHT, "s"), ("host", "host", PALETTE[3], "^"),
    ):  # fmt: skip
        axis.plot(samples.sessions, samples[column], marker=marker, color=colour)
        axis.annotate(
            label, (samples.sessions.iloc[-1], samples[column].iloc[-1]), xytext=(7, 0), textcoords="offset points",
            color=colour, va="center",
        )  # fmt: skip
    axis.axhline(budget_bytes, color="black", linewidth=0.8, linestyle="--")
    axis.annotate(
        f"budget {units.write(budget_bytes, 'B')}", (samples.sessions.iloc[0], budget_bytes), xytext=(0, 4),
        textcoords="offset points", fontsize=9,
    )  # fmt: skip
    axis.set_xscale("log")
    axis.set_yscale("log", base=2)
    axis.set_xticks(samples.sessions.tolist(), [f"{int(s):,}" for s in samples.sessions])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(_BYTES)
    axis.set_xlim(float(samples.sessions.min()) * 0.8, float(samples.sessions.max()) * 3)
    axis.set_xlabel("live sessions (log scale)")
    axis.set_ylabel("bytes (log scale)")
    axis.set_title("Memory needed at 1, 2, 10 and 100 times the expected peak")
    return figure


def plot_tornado(samples: pd.DataFrame) -> Figure:
    """Draw how far each fact of the Brief moves the dataset at peak, from its low to its high value."""
    rows = samples.assign(width=(samples.high - samples.low).abs()).sort_values("width")
    base = float(rows.base.iloc[0])
    figure, axis = plt.subplots(figsize=(7, max(2.2, 0.34 * len(rows) + 1.0)))
    low, high = np.minimum(rows.low, rows.high), np.maximum(rows.low, rows.high)
    axis.barh(rows.fact, high - low, left=low, color=HIGHLIGHT)
    axis.axvline(base, color="black", linewidth=0.8)
    axis.xaxis.set_major_formatter(_BYTES)
    axis.grid(visible=True, axis="x")
    axis.grid(visible=False, axis="y")
    axis.set_xlabel("dataset at the expected peak (bytes; the line is the plan's value)")
    axis.set_title("What moves the dataset: each fact from low to high")
    return figure
