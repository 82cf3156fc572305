"""Expiry as readers and writers see it: a key past its deadline is never read, and some commands take a TTL away."""

from __future__ import annotations

import time
from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab


def lazy(lab: Lab) -> Finding:
    """Read keys past their deadline while active expiry is off: nobody may see one, though the server still holds them."""
    count = lab.by_profile(500, 2_000, 20_000)
    with lab.own({"enable-debug-command": "yes"}) as own:
        client = own.client()
        client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        with client.pipeline(transaction=False) as pipe:
            for n in range(count):
                pipe.set(f"k{n}", "x", px=1)
            pipe.execute()
        time.sleep(0.02)
        held = int(client.dbsize())
        with client.pipeline(transaction=False) as pipe:
            for n in range(count):
                pipe.get(f"k{n}")
            seen = sum(value is not None for value in pipe.execute())
        after = int(client.dbsize())
    return Finding(
        question="Does a reader ever see a key whose TTL has run out?",
        hypothesis="No: a read past the deadline answers nil and removes the key.",
        method="Keys with PX 1 on a server with active expiry off, each read once after its deadline",
        values=(
            Value("past their deadline", count, "keys", count),
            Value("still in memory", held, "keys", count),
            Value("seen by a reader", seen, "keys", count),
            Value("left after the reads", after, "keys", count),
        ),
        samples=pd.DataFrame([{"count": count, "held": held, "seen": seen, "after": after}]),
        conclusion="Expiry is exact for readers; for memory, DBSIZE and events it is not.",
    )


#: Write command → how it is run on a key that has a TTL; the key to look at afterwards is "k".
_SURVIVAL: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "SET": (("SET", "k", "v"), ("SET", "k", "w")),
    "SET … KEEPTTL": (("SET", "k", "v"), ("SET", "k", "w", "KEEPTTL")),
    "GETSET": (("SET", "k", "v"), ("GETSET", "k", "w")),
    "APPEND": (("SET", "k", "v"), ("APPEND", "k", "w")),
    "INCR": (("SET", "k", "1"), ("INCR", "k")),
    "HSET": (("HSET", "k", "f", "v"), ("HSET", "k", "f", "w")),
    "HDEL of one field": (("HSET", "k", "f", "v", "g", "v"), ("HDEL", "k", "g")),
    "RPUSH": (("RPUSH", "k", "v"), ("RPUSH", "k", "w")),
    "ZADD": (("ZADD", "k", "1", "m"), ("ZADD", "k", "2", "m")),
    "XADD": (("XADD", "k", "*", "f", "v"), ("XADD", "k", "*", "f", "w")),
    "RENAME from a key without TTL": (("SET", "k", "v"), ("SET", "other", "w"), ("RENAME", "other", "k")),
    "COPY … REPLACE from a key without TTL": (("SET", "k", "v"), ("SET", "other", "w"), ("COPY", "other", "k", "REPLACE")),
    "ZUNIONSTORE onto it": (("ZADD", "k", "1", "m"), ("ZADD", "other", "1", "m"), ("ZUNIONSTORE", "k", "1", "other")),
    "SUNIONSTORE onto it": (("SADD", "k", "m"), ("SADD", "other", "m"), ("SUNIONSTORE", "k", "other")),
    "PERSIST": (("SET", "k", "v"), ("PERSIST", "k")),
    "DEL, then HSET": (("HSET", "k", "f", "v"), ("DEL", "k"), ("HSET", "k", "f", "v")),
}  # fmt: skip


def survival(lab: Lab) -> Finding:
    """Run each write command on a key with a TTL and look whether the TTL is still there."""
    rows = []
    with lab.own() as own:
        client = own.client()
        for name, (first, *rest) in _SURVIVAL.items():
            client.flushdb()
            client.execute_command(*first)
            client.pexpire("k", 60_000)
            for command in rest:
                client.execute_command(*command)
            rows.append({"command": name, "kept": int(client.pttl("k")) > 0})
    samples = pd.DataFrame(rows)
    lost = list(samples.loc[~samples["kept"], "command"])
    return Finding(
        question="Which write commands take a key's TTL away?",
        hypothesis="Those that replace the key as a whole; those that change an element keep it.",
        method="Each command on a key with PEXPIRE 60 s on a server of our own, PTTL asked afterwards",
        values=(
            Value("commands", len(rows), "commands", len(rows)),
            Value("lose the TTL", len(lost), "commands", len(rows)),
        ),
        samples=samples,
        conclusion=f"Lost by: {', '.join(lost)}.",
    )


def plot_lazy(samples: pd.DataFrame) -> Figure:
    """Draw how many keys past their deadline the server holds, readers see, and are left once each was read."""
    row = samples.iloc[0]
    steps = (("past their deadline", "count"), ("held in memory, nobody reads", "held"), ("seen by a reader", "seen"),
             ("left after one read each", "after"))  # fmt: skip
    figure, axes = plt.subplots(figsize=(7.0, 2.6))
    for place, (_, column) in enumerate(reversed(steps)):
        value = int(row[column])
        axes.barh(place, value, color=figures.HIGHLIGHT if column == "seen" else figures.CONTEXT, height=0.6)
        axes.annotate(f" {value:,}", (value, place), va="center", fontsize=10)
    axes.set_yticks(range(len(steps)), [label for label, _ in reversed(steps)], fontsize=10)
    axes.set_xlim(0, float(row["count"]) * 1.15)
    axes.set_xlabel("keys")
    axes.grid(axis="y", visible=False)
    axes.set_title("Keys past their deadline with active expiry off")
    return figure


def plot_survival(samples: pd.DataFrame) -> Figure:
    """Draw which write commands keep a TTL and which take it away, as two lists."""
    figure, axes = plt.subplots(figsize=(7.0, 3.8))
    for column, (kept, label, mark, colour) in enumerate(
        ((True, "keeps the TTL", "✓", figures.HIGHLIGHT), (False, "takes it away", "✗", figures.PALETTE[1]))
    ):
        axes.annotate(label, (0.02 + 0.48 * column, 1), fontsize=11, va="top", color=colour, xycoords="axes fraction")
        for line, command in enumerate(samples.loc[samples["kept"] == kept, "command"], start=1):
            axes.annotate(f"{mark}  {command}", (0.02 + 0.48 * column, 1 - 0.1 * line), fontsize=9, va="top",
                          xycoords="axes fraction")  # fmt: skip
    axes.set_axis_off()
    axes.set_title("What write commands do to a key's TTL")
    return figure
