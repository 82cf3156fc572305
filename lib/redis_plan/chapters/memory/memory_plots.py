"""Figures of the memory notebook: samples in, a matplotlib figure out."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator, NullFormatter, NullLocator

from redis_plan import units
from redis_plan.figures import CONTEXT, HIGHLIGHT, PALETTE
from redis_plan.words.levers import ACROSS

_BYTES = FuncFormatter(lambda value, _: units.write(float(value), "B"))
_RED, _GREEN = PALETTE[3], PALETTE[2]
#: Colours of the largest parts of a bar, told apart by everybody and each with its name beside it.
_PARTS = (PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[4])
#: A limit so many times farther than the longest bar would squeeze the bars: it is told, not drawn.
_FAR = 4.0


def _in_bytes(axis: Axis, top: float, ticks: int = 6) -> None:
    """Label ``axis`` in bytes, at round numbers of its binary unit, up to ``top``."""
    unit = 1024 ** max(0, min(4, int(math.log(max(top, 1.0), 1024))))
    raw = max(top / unit / ticks, 1e-9)
    power = 10 ** math.floor(math.log10(raw))
    step = next(step for step in (1, 2, 5, 10) if step * power >= raw) * power
    axis.set_major_locator(MultipleLocator(max(step * unit, 1.0)))
    axis.set_major_formatter(_BYTES)


def _bytes(value: float) -> str:
    return units.write(round(value), "B", 2 if value >= 10_240 else 3)


def _fact(value: float, unit: str) -> str:
    """Write a fact's value; a noun is left out, as the fact's name tells it."""
    text = units.write(value, unit)
    return text if unit in ("B", "s", "%") or unit.endswith("/s") else text.split(" ")[0]


def plot_patterns(samples: pd.DataFrame, noun: str = "session") -> Figure:
    """Draw bytes a session by key pattern, measured as bars and predicted as marks."""
    rows = samples[(samples.pattern != "all") & (samples.per_session > 0)].copy()
    shares = rows.bytes_per_session / (rows.measured_bytes - rows.tables_bytes)
    rows["predicted_per_session"] = shares * (rows.predicted_bytes - rows.tables_bytes)
    rows = rows.sort_values("bytes_per_session")
    top = float(rows.bytes_per_session.max())
    figure, axis = plt.subplots(figsize=(7, max(2.2, 0.34 * len(rows) + 1.0)))
    bars = axis.barh(rows.pattern, rows.bytes_per_session, color=CONTEXT)
    axis.plot(rows.predicted_per_session, rows.pattern, "|", color=_RED, markersize=15, markeredgewidth=2.5)
    axis.bar_label(bars, [_bytes(float(v)) for v in rows.bytes_per_session], padding=7, fontsize=10)
    axis.set_xlim(0, top * 1.16)
    _in_bytes(axis.xaxis, top)
    axis.grid(visible=True, axis="x")
    axis.grid(visible=False, axis="y")
    axis.set_xlabel("used_memory (bytes); bars: measured, red marks: predicted before loading")
    axis.set_title(f"Bytes of one {noun} by key pattern")
    return figure


#: What is less than this share of the first bar has no part of its own, and no name.
_LEAST_PART = 0.07


def plot_levers(steps: list[tuple[str, dict[str, float]]], most: float, one: str, many: str) -> Figure:
    """Draw the bytes of one session by key, as designed and after each step, against the most that lets the peak fit."""
    first = steps[0][1]
    named = [
        key for key in sorted(first, key=lambda key: -first[key]) if first[key] >= _LEAST_PART * sum(first.values())
    ]
    named = named[: len(_PARTS)]
    top = max(sum(first.values()), most if most < _FAR * sum(first.values()) else 0.0)
    figure, axis = plt.subplots(figsize=(7, 0.42 * len(steps) + 1.6))
    narrow: list[tuple[str, float]] = []
    for place, (_, parts) in enumerate(steps):
        others = sum(size for key, size in parts.items() if key not in named)
        start = 0.0
        for key, colour in (*zip(named, _PARTS, strict=False), ("others", "#d0d4d9")):
            size = others if key == "others" else parts[key]
            axis.barh(place, size, left=start, color=colour, edgecolor="white", linewidth=1)
            if not place and size >= _width(key, top):
                axis.text(start + size / 2, place, key, ha="center", va="center", color=_ink(colour), fontsize=10)
            elif not place and size >= _LEAST_PART * top:
                narrow.append((key, start + size / 2))
            start += size
        axis.annotate(_size(start, parts.get(ACROSS, 0.0), start <= most), (_beside(start, most, top), place), xytext=(5, 0), textcoords="offset points",
                      va="center", fontsize=10, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    _name_above(axis, narrow, top)
    if most <= top:
        axis.axvline(most, color=_RED, linewidth=1.5, linestyle="--")
    limit = f"{'dashed' if most <= top else 'beyond this page'}: {_bytes(most)}, with which all {many} of the peak fit"
    drawn = f"One {one}{f' and its share of {ACROSS} {many}' if ACROSS in first else ''}"
    axis.set(yticks=range(len(steps)), yticklabels=[name for name, _ in steps], ylim=(len(steps) - 0.4, -0.9 if narrow else -0.6),
             xlim=(0, top * (1.34 if ACROSS in first else 1.22)), xlabel=f"bytes by key; {limit}",
             title=f"{drawn}, as designed{' and after each step' if len(steps) > 1 else ''}")  # fmt: skip
    _in_bytes(axis.xaxis, top)
    axis.grid(visible=True, axis="x")
    axis.grid(visible=False, axis="y")
    return figure


def _size(whole: float, across: float, fits: bool) -> str:
    """Return what stands beside a bar: all of it, how much of that is the session's own, and whether the peak fits."""
    own = f",\n{_bytes(whole - across)} its own" if across else ""
    return f"{_bytes(whole)}{own}{', fits' if fits else ''}"


def _beside(end: float, most: float, top: float) -> float:
    """Return where the text beside a bar begins: behind the line at ``most`` where that is close behind the bar."""
    return most if end <= most <= end + 0.3 * top and most <= top else end


def _width(name: str, top: float) -> float:
    """Return how much of the axis of bytes, up to ``top``, a name takes."""
    return 0.017 * (len(name) + 1) * top


def _name_above(axis: Axes, narrow: list[tuple[str, float]], top: float) -> None:
    """Write the names of parts that are too narrow for them above the first bar, apart from each other."""
    free = 0.0
    for key, middle in narrow:
        at = max(middle, free + _width(key, top) / 2)
        axis.annotate(key, (middle, -0.4), (at, -0.62), ha="center", va="center", fontsize=10,
                      arrowprops={"arrowstyle": "-", "color": CONTEXT, "shrinkA": 5, "shrinkB": 0})  # fmt: skip
        free = at + _width(key, top) / 2


def _ink(colour: str) -> str:
    """Return black or white, whichever is read better on ``colour`` (relative luminance of WCAG, linear below)."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return "white" if 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 < 0.2 else "black"


def plot_errors(samples: pd.DataFrame) -> Figure:
    """Draw how far our prediction and the server's MEMORY USAGE are from what each pattern's keys really took."""
    rows = samples.iloc[::-1]
    figure, axis = plt.subplots(figsize=(7, max(2.6, 0.3 * len(rows) + 1.1)))
    axis.hlines(rows.pattern, rows.memory_usage_error_percent, 0, color=CONTEXT, linewidth=1)
    axis.plot(rows.memory_usage_error_percent, rows.pattern, "o", color=CONTEXT)
    axis.plot(rows.error_percent, rows.pattern, "D", color=HIGHLIGHT, markersize=6)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.grid(visible=True, axis="x")
    axis.grid(visible=False, axis="y")
    both = pd.concat([rows.memory_usage_error_percent, rows.error_percent])
    low, high = min(float(both.min()), -1.0), max(float(both.max()), 1.0)
    axis.set_xlim(low - 0.06 * (high - low), high + 0.06 * (high - low))
    axis.set_xlabel("error against the growth of used_memory (%); tables of the keyspace included")
    axis.set_title("Our prediction (blue) and MEMORY USAGE summed over every key (grey)")
    return figure


def plot_line(samples: pd.DataFrame, steps: list[tuple[int, float]], noun: str = "sessions") -> Figure:
    """Draw used_memory and RSS against sessions, with the prediction, the tables' steps and the way back down."""
    figure, axis = plt.subplots(figsize=(7, 3.8))
    up, down = samples[samples.phase == "grow"], samples[samples.phase == "end"]
    axis.plot(up.sessions, up.predicted, color=_RED, linewidth=1.2)
    axis.plot(up.sessions, up.used_memory, "o", color=HIGHLIGHT)
    axis.plot(up.sessions, up.rss, "s", color=CONTEXT, markersize=5)
    if len(down):
        axis.plot(down.sessions, down.predicted, color=_RED, linewidth=1.2, linestyle="--")
        axis.plot(down.sessions, down.used_memory, "o", color=HIGHLIGHT, markerfacecolor="white")
    last, top = up.iloc[-1], float(max(up.used_memory.max(), up.rss.max()))
    ends = sorted([(float(last.used_memory), "used_memory", HIGHLIGHT), (float(last.rss), "RSS", CONTEXT)])
    apart = 12 if abs(ends[1][0] - ends[0][0]) < 0.1 * top else 0
    for (height, text, colour), shift in zip(ends, (-apart / 2, apart / 2), strict=True):
        axis.annotate(
            text, (last.sessions, height), xytext=(9, shift), textcoords="offset points", color=colour, va="center"
        )
    low = float(up.sessions.min())
    for sessions in sorted(
        {count for count, size in steps if count >= low and size >= 0.002 * float(last.used_memory)}
    ):
        axis.axvline(sessions, color=CONTEXT, linewidth=0.8, linestyle=":")
    axis.set_xlim(0, float(last.sessions) * 1.2)
    axis.set_ylim(0, top * 1.08)
    _in_bytes(axis.yaxis, top)
    axis.set_xlabel(f"live {noun} (dotted: a table of the keyspace doubles; hollow: while they end)")
    axis.set_ylabel("growth since start (bytes)")
    axis.set_title("Memory grows in a line and comes back; red: predicted")
    return figure


def plot_designs(samples: pd.DataFrame, chosen: str = "hash") -> Figure:
    """Draw bytes of each design of the same state."""
    column = "candidate" if "candidate" in samples else "design"
    rows = samples.sort_values("measured", ascending=False)
    top = float(rows.measured.max())
    figure, axis = plt.subplots(figsize=(7, 0.42 * len(rows) + 1.0))
    bars = axis.barh(rows[column], rows.measured, color=[HIGHLIGHT if c == chosen else CONTEXT for c in rows[column]])
    axis.bar_label(bars, [_bytes(float(v)) for v in rows.measured], padding=4)
    axis.set_xlim(0, top * 1.15)
    _in_bytes(axis.xaxis, top)
    axis.grid(visible=True, axis="x")
    axis.grid(visible=False, axis="y")
    axis.set_xlabel("used_memory (bytes)")
    axis.set_title(f"The same data in {len(rows)} designs")
    return figure


def plot_log(samples: pd.DataFrame) -> Figure:
    """Draw bytes of an event log against its entries, for each design, both on log scales."""
    figure, axis = plt.subplots()
    colours = {"list": HIGHLIGHT, "stream, nodes of 4096 B": _RED, "stream, nodes of 1024 B": _GREEN}
    markers = {"list": "o", "stream, nodes of 4096 B": "s", "stream, nodes of 1024 B": "^"}
    for name, rows in samples.groupby("design", sort=False):
        colour = colours.get(str(name), CONTEXT)
        axis.plot(rows.entries, rows.measured, marker=markers.get(str(name), "o"), color=colour)
        first = rows.iloc[0]
        axis.annotate(
            f"{name}: {_bytes(float(first.measured))}", (first.entries, first.measured), xytext=(-10, 0),
            textcoords="offset points", color=colour, va="center", ha="right",
        )  # fmt: skip
    axis.set_xscale("log")
    axis.set_yscale("log", base=2)
    ticks = sorted(samples.entries.unique())
    axis.set_xticks(ticks, [f"{int(n):,}" for n in ticks])
    axis.set_xlim(float(min(ticks)) / (float(max(ticks)) / float(min(ticks))) ** 0.85, float(max(ticks)) * 1.15)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(_BYTES)
    axis.set_xlabel("entries in the log (log scale)")
    axis.set_ylabel("used_memory a log (log scale)")
    axis.set_title("Event log: a stream pays for a whole node from its first entry")
    return figure


def plot_capacity(samples: pd.DataFrame, budget_bytes: float, noun: str = "sessions") -> Figure:
    """Draw dataset, maxmemory and host memory against sessions, with the range that the Brief's facts leave."""
    figure, axis = plt.subplots(figsize=(7, 3.9))
    for column, colour, marker, shift in (
        ("dataset", CONTEXT, "o", 0), ("maxmemory", HIGHLIGHT, "s", -6), ("host", _RED, "^", 6),
    ):  # fmt: skip
        if f"{column}_low" in samples:
            low, high = samples[f"{column}_low"], samples[f"{column}_high"]
            axis.fill_between(samples.sessions, low, high, color=colour, alpha=0.18, linewidth=0)
        axis.plot(samples.sessions, samples[column], marker=marker, color=colour)
        last = samples.iloc[-1]
        axis.annotate(
            f"{column} {units.write(float(last[column]), 'B', 2)}", (last.sessions, last[column]), xytext=(9, shift),
            textcoords="offset points", color=colour, va="center", fontsize=10,
        )  # fmt: skip
    axis.axhline(budget_bytes, color="black", linewidth=0.8, linestyle="--")
    axis.annotate(
        f"budget {units.write(budget_bytes, 'B')}", (samples.sessions.iloc[-1], budget_bytes), xytext=(9, 4),
        textcoords="offset points", fontsize=9,
    )  # fmt: skip
    axis.set_xscale("log")
    axis.set_yscale("log", base=4)
    axis.set_xticks(samples.sessions.tolist(), [f"{int(s):,}" for s in samples.sessions])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.yaxis.set_major_formatter(_BYTES)
    axis.set_xlim(float(samples.sessions.min()) * 0.8, float(samples.sessions.max()) * 7)
    axis.set_xlabel(f"live {noun} (log scale); bands: what the facts' ranges leave open")
    axis.set_ylabel("bytes (log scale)")
    axis.set_title("Memory at 1, 2, 10 and 100 times the expected peak")
    return figure


def plot_compression(samples: pd.DataFrame) -> Figure:
    """Draw what each way to compress a value saves, against the CPU that a write costs."""
    figure, axis = plt.subplots()
    best = str(samples.sort_values("saves_percent").iloc[-1]["method"])
    top = max(float(samples.us_write.max()), 1.0)
    free = -math.inf  # labels stand above each other where their dots are close
    for row in samples.sort_values("saves_percent").to_dict("records"):
        colour = HIGHLIGHT if row["method"] == best else CONTEXT
        axis.plot(row["us_write"], row["saves_percent"], "o", color=colour, markersize=9)
        left = float(row["us_write"]) > 0.6 * top
        height = max(float(row["saves_percent"]), free)
        free = height + 7 if not left else free
        axis.annotate(
            f"{row['method']}: {row['value_bytes']:.0f} B", (row["us_write"], height), color=colour,
            xytext=(0 if left else 9, 11 if left else 0), textcoords="offset points", va="center",
            ha="right" if left else "left",
        )  # fmt: skip
    axis.set_xlim(-0.04 * top, 1.08 * top)
    axis.set_ylim(min(-8.0, float(samples.saves_percent.min()) - 8), 100)
    axis.grid(visible=True, axis="x")
    axis.set_xlabel("CPU of a write (µs; the server's for list-compress-depth, else the client's)")
    axis.set_ylabel("memory saved (%)")
    axis.set_title("Compression: memory saved against CPU spent")
    return figure


def plot_tornado(samples: pd.DataFrame) -> Figure:
    """Draw how far each fact of the Brief moves the dataset at peak, from its low to its high value."""
    rows = samples.assign(width=(samples.high - samples.low).abs()).sort_values("width")
    base = float(rows.base.iloc[0])
    figure, axis = plt.subplots(figsize=(7, max(2.2, 0.36 * len(rows) + 1.0)))
    axis.barh(rows.fact, rows.low - base, left=base, color=CONTEXT)
    axis.barh(rows.fact, rows.high - base, left=base, color=HIGHLIGHT)
    ends = np.concatenate([rows.low, rows.high, [base]])
    margin = 0.16 * max(float(ends.max() - ends.min()), 0.02 * base)
    for row in rows.to_dict("records"):
        ends_of = sorted((float(row["low" if end == "from" else "high"]), _fact(float(row[end]), str(row["unit"]))) for end in ("from", "to"))  # fmt: skip
        if ends_of[1][0] - ends_of[0][0] < 0.3 * margin:  # too close for a text at each end
            ends_of = [(max(ends_of[1][0], base), f"{_fact(float(row['from']), str(row['unit']))} – {_fact(float(row['to']), str(row['unit']))}")]  # fmt: skip
        for place, (size, text) in enumerate(ends_of, 2 - len(ends_of)):
            axis.annotate(
                text, (max(size, base) if place else min(size, base), row["fact"]), xytext=(4 if place else -4, 0), textcoords="offset points", va="center", fontsize=9,
                ha="left" if place else "right",
            )  # fmt: skip
    axis.axvline(base, color="black", linewidth=0.8)
    axis.set_xlim(max(0.0, float(ends.min()) - margin), float(ends.max()) + margin)
    _in_bytes(axis.xaxis, float(ends.max() - ends.min()) + 2 * margin)
    axis.grid(visible=True, axis="x")
    axis.grid(visible=False, axis="y")
    axis.set_xlabel(f"dataset at the expected peak; the line is the plan's {_bytes(base)}")
    axis.set_title("What moves the dataset: facts at low (grey) and high (blue)")
    return figure
