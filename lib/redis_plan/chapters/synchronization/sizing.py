"""Sizing: what the project's peak asks of gateways, server and buffers, by the fan-out model fitted to this run."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from redis_plan import figures, units
from redis_plan.brief.model import Brief
from redis_plan.chapters.synchronization import fan_model, fanout
from redis_plan.keyspace import functions, settings
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab

#: A phase whose last change came so late shows where a gateway, or this machine, no longer keeps up.
KNEE_S = 0.1


def fan_out(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Fit the fan-out model to some of the configurations, hold it against the others, and size the project's peak by it."""
    question = "How many gateways carry the peak, and by how much is the model wrong where it was not fitted?"
    if reason := functions.missing(keyspace):
        return Finding(question, "", "", (), not_run=f"The fan-out model does not apply: {reason}.")
    rows = fanout.measured(lab, brief, keyspace).sized
    told = rows["whole"] & (rows["gateway"] > 0)
    prices = fan_model.fit(rows[told & rows["fitted"]])
    wrong = np.abs(fan_model.errors(prices, rows[told & ~rows["fitted"]]))
    rooms, members = brief.value("sessions_peak"), brief.value("members_per_session")
    rate, size = rooms * brief.value("events_per_session"), brief.value("payload_bytes") + settings.ENVELOPE_BYTES
    needed = prices.gateways(rooms, members, rate, size)
    ramp = rows[~rows["fitted"] & told]
    modelled = (
        Value("deliveries", rate * members, "deliveries/s", grade="modelled"),
        Value("pieces", fan_model.pieces_per_s(rooms, members, rate), "pieces/s", grade="modelled"),
        Value("bytes", rate * members * size, "B/s", grade="modelled"),
        Value("gateway_share", 100 * prices.one_of(needed, rooms, members, rate, size), "%", grade="modelled"),
        Value("server_share", 100 * prices.server(rate, size), "%", grade="modelled"),
        Value("gateways", needed, "gateways", grade="modelled"),
        Value("clients_a_gateway", round(rooms * members / needed), "clients", grade="modelled"),
    )
    return Finding(
        question=question,
        hypothesis="A gateway pays for wake-ups, messages and pieces: the error stays within a half where it was not fitted.",
        method="CPU time of the delivered gateway and of the server's main thread, over phases of rooms × members × rate × size; "
        "least squares of the relative error, no price below zero; the ramp and every third size are held out",
        values=(
            Value("wake", prices.wake_s, "s", int(told.sum())),
            Value("message", prices.message_s, "s", int(told.sum())),
            Value("piece", prices.piece_s, "s", int(told.sum())),
            Value("byte", prices.byte_s, "s", int(told.sum())),
            Value("change", prices.change_s, "s", int(told.sum())),
            Value("error_median", 100 * float(np.median(wrong)), "%", len(wrong)),
            Value("error_most", 100 * float(wrong.max()), "%", len(wrong)),
            Value("knee", knee(ramp), "deliveries/s", len(ramp)),
            *modelled,
        ),
        samples=rows.assign(predicted=fan_model.predicted(prices, rows)),
        conclusion=f"{needed:,} gateways at {100 * fan_model.PLANNED_SHARE:g} % of a core each carry {rooms:g} x {members:g} clients (modelled).",
        conditions={
            "fitted to": f"{int((told & rows['fitted']).sum())} configurations, up to {max(r * m for r, m in fan_model.SHAPES)} clients",
            "held out": f"{len(wrong)} configurations",
            "frames of a room": f"written together, every {1000 * fan_model.COALESCE_S:g} ms at most",
            "extrapolation": "a piece costs more with thousands of sockets: `make bench-sync` of redis-plan has them",
        },
    )


def knee(rows: pd.DataFrame) -> float:
    """Return the most deliveries a second up to which every configuration kept below KNEE_S; 0 where none did.

    A configuration whose load side was late says nothing of the gateway.
    """
    told = rows[rows["bottleneck"] != "load side"]
    told = told.assign(deliveries=told["rate_per_s"] * told["members"]).sort_values("deliveries")
    kept = told[(told["p99_s"] < KNEE_S).cummin()]
    return float(kept["deliveries"].max()) if len(kept) else 0.0


def plot_model(samples: pd.DataFrame) -> Figure:
    """Draw predicted against measured CPU time of the gateway, for the configurations fitted to and those held out."""
    figure, axes = plt.subplots()
    ends = [0.8 * samples["gateway"].min() * 100, 1.25 * samples["gateway"].max() * 100]
    axes.plot(ends, ends, color=figures.CONTEXT, lw=1)
    for fitted, marker, colour, name in (
        (True, "o", figures.CONTEXT, "fitted to"),
        (False, "D", figures.HIGHLIGHT, "held out"),
    ):
        rows = samples[samples["fitted"] == fitted]
        axes.plot(100 * rows["gateway"], 100 * rows["predicted"], marker, color=colour, ms=6)
        axes.text(
            0.04,
            0.9 - 0.1 * fitted,
            f"{name}, n = {len(rows)}",
            color=colour,
            transform=axes.transAxes,
            bbox=figures.PLATE,
        )
    axes.set(xscale="log", yscale="log", xlabel="measured, % of a core (log)", ylabel="predicted, % (log)",
             title="CPU time of one gateway, predicted and measured")  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
    return figure


def plot_knee(samples: pd.DataFrame, *, per_client: float, budget_s: float) -> Figure:
    """Draw p99 to the last client against the clients whose changes that is, at the project's deliveries a client."""
    figure, axes = plt.subplots()
    rows = samples[samples["p99_s"].notna()].assign(
        clients=lambda d: d["rate_per_s"] * d["members"] / max(per_client, 1e-9)
    )
    rows = rows.sort_values("clients")
    axes.plot(rows["clients"], 1000 * rows["p99_s"], "o", color=figures.CONTEXT, ms=5)
    ramp = rows[rows["members"] == fan_model.SHAPES[1][1]]
    axes.plot(ramp["clients"], 1000 * ramp["p99_s"], "-D", color=figures.HIGHLIGHT, lw=2)
    for limit, name in ((budget_s, "sync latency"), (KNEE_S, "the knee")):
        axes.axhline(1000 * limit, color=figures.CONTEXT, lw=1)
        axes.text(rows["clients"].min(), 1080 * limit, f"{name}, {units.write(limit, 's')}", va="bottom", color=figures.CONTEXT)  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="clients whose messages one gateway delivers (log)",
             ylabel="p99 to the last client (log)", title="Clients of one gateway against p99")  # fmt: skip
    axes.set_ylim(top=max(axes.get_ylim()[1], 2500 * budget_s))  # its label stands between the line and the title
    axes.yaxis.set_major_formatter(lambda ms, _: units.write(ms / 1000, "s"))
    axes.xaxis.set_major_formatter(lambda n, _: f"{n:,.0f}")
    return figure
