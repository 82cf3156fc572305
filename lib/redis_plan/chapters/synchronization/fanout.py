"""Fan-out: how long from an accepted change to the last client that has it, by each way of feeding a gateway?

The delivered gateway, one process a way, on a server of our own; one process with every client's WebSocket, one that makes
the changes by the delivered function, all on one machine and one monotonic clock. The load is open loop: a delay counts
from the intended time of each change, so a stall is never hidden. Ways take turns, slice by slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from redis_plan import figures, folders, units
from redis_plan.brief.model import Brief
from redis_plan.chapters.synchronization import fan_model
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig import hall
from redis_plan.rig.feeds import KEYSPACE
from redis_plan.rig.hall import Hall, Phase, Room, Seen

Transport = Literal["pubsub", "streams"]
QUESTION = "How long until an accepted change is on the last client of its session?"
#: Ways by their name in the records: the feed of the gateway (rig/feeds.py) and what a person calls it.
WAYS = {
    "pubsub": ("pubsub", "Pub/Sub, as delivered"),
    "sharded": ("sharded", "sharded Pub/Sub"),
    "streams": ("streams", "streams, one XREAD BLOCK a gateway"),
    "woken": ("woken", "streams, woken by Pub/Sub"),
    "notified": ("notified", "streams, woken by keyspace notifications"),
    "tracked": ("tracked", "streams, woken by cache invalidations"),
}
#: What is on its way when a slice ends has so long to come: twice what frames of a room may wait for each other.
SETTLE_S = 2 * fan_model.COALESCE_S
#: What the rig's change has beside its filling, in B: {"p", "at", "x"}.
MARKS_BYTES = 38
_CACHE: dict[tuple[str, ...], Measured] = {}


@dataclass(frozen=True, slots=True)
class Load:
    """What is offered: the project's rate, on as many sessions and sockets as this machine is asked to hold."""

    sessions: int
    members: int
    rate_per_s: float
    wanted_per_s: float
    payload_bytes: int

    @property
    def deliveries_per_s(self) -> float:
        """Messages written to clients a second."""
        return self.rate_per_s * self.members


@dataclass(frozen=True, slots=True)
class Measured:
    """What one hall came to: a row a change by way and slice, a row a phase with its costs, and those of the model."""

    changes: pd.DataFrame
    phases: pd.DataFrame
    sized: pd.DataFrame


def load_of(brief: Brief, lab: Lab) -> Load:
    """Return the load for this profile: the project's rate, bounded by sockets and by deliveries a second."""
    members = max(1, min(int(brief.value("members_per_session")), lab.by_profile(60, 200, 500)))
    sockets = lab.by_profile(120, 400, 1000)
    sessions = max(2, min(int(brief.value("sessions_peak")), sockets // members))
    wanted = brief.value("sessions_peak") * brief.value("events_per_session")
    # a slow project is measured faster than it is, for enough samples; the conditions name its own rate
    rate = max(5.0, min(max(wanted, 130.0), lab.by_profile(4000, 4000, 6000) / members, 400.0))
    return Load(sessions, members, rate, wanted, int(brief.value("payload_bytes")))


def delivery(lab: Lab, *, brief: Brief, keyspace: Keyspace, transport: Transport) -> Finding:
    """Measure delivery by ``transport``; every way is measured interleaved (A B A B), at the first call of a run."""
    if reason := functions.missing(keyspace):
        return Finding(QUESTION, "", "", (), not_run=f"End-to-end fan-out does not apply: {reason}.")
    load, found = load_of(brief, lab), measured(lab, brief, keyspace)
    mine = found.changes[found.changes["transport"] == transport].reset_index(drop=True)
    phases = found.phases[found.phases["transport"] == transport]
    delays = mine["latency_s"].to_numpy()
    spread = mine.groupby("slice")["latency_s"].quantile(0.95)
    floor = 100 * float(spread.max() / spread.min() - 1) if len(spread) > 1 else 0.0
    made = int(phases["changes"].sum())
    return Finding(
        question=QUESTION,
        hypothesis=f"p99 stays below the project's sync latency of {brief.value('sync_latency'):g} s at its own rate",
        method=f"session_apply at intended times, {WAYS[transport][1]} to the delivered gateway, a WebSocket a client; "
        "a change's latency is that of its last client",
        values=(
            *_percentiles(delays, lab),
            Value("incomplete", made - len(mine), "messages", made),
            Value("faults", int(phases["faults"].sum()), "clients", load.sessions * load.members),
            Value("offered", load.rate_per_s, "messages/s"),
            Value("achieved", made / float(phases["took_s"].sum()), "messages/s", made),
            Value("slice_spread", floor, "%", len(spread)),
        ),
        samples=mine,
        conclusion=f"{len(mine):,} of {made:,} changes reached all {load.members} clients, in order and once.",
        conditions={
            "loop": "open",
            "sessions": load.sessions,
            "clients": load.sessions * load.members,
            "the project's rate": f"{load.wanted_per_s:g} changes/s",
            "payload": f"{load.payload_bytes} B",
            "frames of a room": f"written together, every {1000 * fan_model.COALESCE_S:g} ms at most",
            "order": "interleaved slices, after every client has joined",
            "gateway busy": f"{100 * float(phases['gateway'].median()):.0f} % of a core",
            "load side busy": f"{100 * float(phases['load'].median()):.0f} % of a core",
        },
    )


def ways(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Hold every way of feeding a gateway side by side: delay, the server's time a change, the gateway's a delivery."""
    question = "Which way from the server to the gateways costs and delays least?"
    if reason := functions.missing(keyspace):
        return Finding(question, "", "", (), not_run=f"Ways to a gateway do not apply: {reason}.")
    found = measured(lab, brief, keyspace)
    values: list[Value] = []
    for way, rows in found.phases.groupby("transport", sort=False):
        mine, made = found.changes[found.changes["transport"] == way], int(rows["changes"].sum())
        values += [
            Value(f"{way}_p50", float(mine["latency_s"].median()), "s", len(mine)),
            Value(f"{way}_p95", float(mine["latency_s"].quantile(0.95)), "s", len(mine)),
            Value(f"{way}_server", float((rows["server_s"] * rows["changes"]).sum()) / made, "s", made),
            Value(f"{way}_gateway", float((rows["gateway_s"] * rows["changes"]).sum()) / made, "s", made),
            Value(f"{way}_incomplete", made - len(mine), "messages", made),
        ]
    return Finding(
        question=question,
        hypothesis="Pub/Sub wakes a gateway soonest and costs the server least; what is read in a second step costs both more.",
        method="As E-05a, every way on rooms of its own, one gateway process a way; CPU time of the server's main thread by changes, "
        "and of the gateway by changes, each over its slices",
        values=tuple(values),
        samples=found.phases,
        conclusion=f"Least server time a change: {WAYS[min(WAYS, key=lambda w: _value(values, f'{w}_server'))][1]}.",
        conditions={"notify-keyspace-events": f"{KEYSPACE} in the slices of keyspace notifications, else off"},
    )


def _value(values: Sequence[Value], name: str) -> float:
    return next((v.value for v in values if v.name == name), float("inf"))


def _percentiles(values: np.ndarray[Any, Any], lab: Lab) -> list[Value]:
    """Return p50, p95, p99 and max with 95 % bootstrap intervals; p99 only where 100 samples stand behind it."""
    if not len(values):
        return []
    rng = np.random.default_rng(lab.seed)
    draws = rng.choice(values, size=(200, len(values)))
    found = []
    for name, q in (("p50", 50), ("p95", 95), ("p99", 99)):
        if name == "p99" and len(values) < 100:
            continue
        low, high = np.percentile(np.percentile(draws, q, axis=1), [2.5, 97.5])
        found.append(Value(name, float(np.percentile(values, q)), "s", len(values), float(low), float(high)))
    return [*found, Value("max", float(values.max()), "s", len(values))]


def measured(lab: Lab, brief: Brief, keyspace: Keyspace) -> Measured:
    """Measure all ways and the model's configurations in one hall, once a run."""
    key = (lab.server.fingerprint.id, lab.server.url, lab.profile, str(lab.seed), brief.slug)
    if key not in _CACHE:
        _CACHE[key] = _measure(lab, brief, keyspace, load_of(brief, lab))
    return _CACHE[key]


def _measure(lab: Lab, brief: Brief, keyspace: Keyspace, load: Load) -> Measured:
    sharded = any(p.sharded for p in keyspace.channels)  # it has no other channel then
    feeds = {way: feed for way, (feed, _) in WAYS.items() if way != "sharded" or not sharded}
    feeds["pubsub"] = ""  # as delivered
    rooms = [
        Room(f"{way}-{number}", load.members, gateway, feed)
        for gateway, (way, feed) in enumerate(feeds.items())
        for number in range(load.sessions)
    ]
    groups = [range(n * load.sessions, (n + 1) * load.sessions) for n in range(len(feeds))]
    shapes = []
    for group, (count, members) in enumerate(fan_model.SHAPES):
        shapes.append(range(len(rooms), len(rooms) + count))
        rooms += [Room(f"size-{group}-{number}", members, 0, feeds["pubsub"]) for number in range(count)]
    with folders.temporary("gateways") as path, ExitStack() as held:
        own = held.enter_context(lab.own({"port": "auto"}))  # it ends after its gateways, which would miss it aloud
        here = hall.called(held, len(feeds))
        folder = hall.lay(path, brief, keyspace)
        hall.opened(folder, own, [room.session for room in rooms])
        gateways = hall.started(here.gateways, folder, own, list(feeds.values()))
        seats = held.enter_context(hall.seated(folder, own, rooms, gateways, seat=False, keep=True, here=here))
        done = _take_turns(lab, load, own, seats, dict(zip(feeds, groups, strict=True)))
        plans = fan_model.plans(lab.profile)
        for plan in plans:
            seats.act(plan.phase, SETTLE_S, list(shapes[plan.shape]), seed=lab.seed)
        seen, _ = seats.judge()
    changes = [
        (way, slice, delay / 1e9)
        for (way, slice), s in zip(done, seen, strict=False)
        for delay in s.delays_ns
    ]  # fmt: skip
    return Measured(
        pd.DataFrame(changes, columns=["transport", "slice", "latency_s"]),
        pd.DataFrame([_row(way, slice, s) for (way, slice), s in zip(done, seen, strict=False)]),
        fan_model.table(plans, seen[len(done) :]),
    )


def _take_turns(
    lab: Lab, load: Load, own: Any, seats: Hall, groups: dict[str, range]
) -> list[tuple[str, int]]:  # Any: Server
    """Let the ways take turns; those that no decision compares have half the slices. What ran, in its order."""
    client, slices, length = own.client(), lab.by_profile(2, 4, 8), lab.by_profile(0.2, 1.5, 4.0)
    phase = Phase(load.rate_per_s, length, payload=max(1, load.payload_bytes - MARKS_BYTES))
    done = []
    for slice in range(slices):
        for way, rooms in groups.items():
            if way in ("pubsub", "streams") or slice % 2 == 0:
                client.config_set("notify-keyspace-events", KEYSPACE if way == "notified" else "")
                seats.act(phase, SETTLE_S, list(rooms), seed=lab.seed)
                done.append((way, slice))
    return done


def _row(way: str, slice: int, s: Seen) -> dict[str, Any]:  # Any: a column's type
    return {
        "transport": way, "slice": slice, "changes": s.changes, "complete": s.complete, "faults": sum(s.faults.values()),
        "took_s": s.took_s, "late_s": s.late_s, "server_s": s.server_s, "gateway_s": s.cost_s * s.members, "gateway": s.gateway,
        "server": s.server, "load": max(s.audience, s.actors),
    }  # fmt: skip


def plot_delivery(*measured: pd.DataFrame, budget_s: float) -> Figure:
    """Draw the share of changes that are on their last client after a time, for each transport."""
    samples = pd.concat(measured)
    figure, axes = plt.subplots()
    names = {"pubsub": "Pub/Sub", "streams": "streams, XREAD"}
    styles = {"pubsub": ("-", figures.PALETTE[0]), "streams": ("--", figures.PALETTE[1])}
    for place, (transport, group) in enumerate(samples.groupby("transport")):
        values = np.sort(group["latency_s"].dropna().to_numpy()) * 1000
        if not len(values):
            continue
        style, colour = styles[str(transport)]
        axes.plot(values, np.arange(1, len(values) + 1) / len(values) * 100, style, color=colour, lw=2)
        axes.text(0.5, 0.62 - 0.12 * place, f"{names[str(transport)]}, n = {len(values):,}", color=colour,
                  transform=axes.transAxes)  # fmt: skip
    axes.axvline(budget_s * 1000, color=figures.CONTEXT, lw=1)
    axes.text(budget_s * 1000, 3, "budget ", ha="right", color=figures.CONTEXT)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda ms, _: units.write(ms / 1000, "s"))
    axes.set(xlabel="intended change to last client (log)", ylabel="changes (%)", ylim=(0, 101),
             title="Delivery to the last client")  # fmt: skip
    return figure
