"""Fan-out: how long from an accepted change to the last client that has it, by Pub/Sub and by streams?

Publisher, Redis, two gateway processes and one process with the clients' sockets, all on one machine and one monotonic
clock. The publisher is open loop: latency counts from the intended time of each change, so a stall is never hidden.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from redis_plan import figures, units
from redis_plan.brief.model import Brief
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig import raw
from redis_plan.rig.children import children
from redis_plan.rig.session import Rules, Session, start

Transport = Literal["pubsub", "streams"]
QUESTION = "How long until an accepted change is on the last client of its session?"
GATEWAYS = 2  # processes on this machine; the project's own number is in the conditions
_CACHE: dict[tuple[str, ...], pd.DataFrame] = {}


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


def load_of(brief: Brief, lab: Lab) -> Load:
    """Return the load for this profile: the project's rate, bounded by sockets and by deliveries a second."""
    members = max(1, min(int(brief.value("members_per_session")), lab.by_profile(100, 200, 500)))
    sockets = lab.by_profile(200, 400, 1000)
    sessions = max(GATEWAYS, min(int(brief.value("sessions_peak")), sockets // members))
    wanted = brief.value("sessions_peak") * brief.value("events_per_session")
    # a slow project is measured faster than it is, for enough samples; the conditions name its own rate
    rate = max(5.0, min(max(wanted, 130.0), lab.by_profile(2000, 3000, 6000) / members, 400.0))
    return Load(sessions, members, rate, wanted, int(brief.value("payload_bytes")))


def delivery(lab: Lab, *, brief: Brief, keyspace: Keyspace, transport: Transport) -> Finding:
    """Measure delivery by ``transport``; both are measured interleaved (A B A B), at the first call of a run."""
    reason = functions.missing(keyspace) or raw.unreachable(lab.server)
    if reason:
        return Finding(QUESTION, "", "", (), not_run=f"End-to-end fan-out does not apply: {reason}.")
    key = (lab.server.fingerprint.id, lab.server.url, lab.profile, str(lab.seed), brief.slug)
    if key not in _CACHE:
        _CACHE[key] = _measure(lab, brief, keyspace, load_of(brief, lab))
    load, samples = load_of(brief, lab), _CACHE[key]
    mine = samples[samples["transport"] == transport].reset_index(drop=True)
    whole = mine[mine["receivers"] == load.members]
    values = _percentiles(whole["latency_s"].to_numpy(), lab)
    spread = whole.groupby("slice")["latency_s"].quantile(0.95)
    floor = 100 * float(spread.max() / spread.min() - 1) if len(spread) > 1 else 0.0
    lost = len(mine) - len(whole)
    achieved = len(mine) / float(mine["span_s"].iloc[0]) if len(mine) else 0.0
    return Finding(
        question=QUESTION,
        hypothesis=f"p99 stays below the project's sync latency of {brief.value('sync_latency'):g} s at its own rate",
        method=f"session_apply at intended times, {'Pub/Sub' if transport == 'pubsub' else 'XREAD BLOCK'} to {GATEWAYS} "
        "gateway processes, each writes to one local socket a client; a change's latency is that of its last client",
        values=(
            *values,
            Value("incomplete", lost, "messages", len(mine)),
            Value("offered", load.rate_per_s, "messages/s"),
            Value("achieved", achieved, "messages/s", len(mine)),
            Value("slice_spread", floor, "%", len(spread)),
        ),
        samples=mine,
        conclusion=f"{len(whole):,} of {len(mine):,} changes reached all {load.members} clients.",
        conditions={
            "loop": "open",
            "sessions": load.sessions,
            "clients": load.sessions * load.members,
            "the project's rate": f"{load.wanted_per_s:g} changes/s",
            "payload": f"{load.payload_bytes} B",
            "order": "interleaved slices, first 20 % of each dropped as warm-up",
            "publisher busy": f"{100 * float(mine['busy'].iloc[0]) if len(mine) else 0:.0f} % of the time",
            "client process CPU": f"{float(mine['client_cpu_s'].iloc[0]) if len(mine) else 0:.2f} s",
        },
    )


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


def _measure(lab: Lab, brief: Brief, keyspace: Keyspace, load: Load) -> pd.DataFrame:
    server, client = lab.server, lab.server.client()
    library = start(server)
    made: dict[str, list[Session]] = {"pubsub": [], "streams": []}
    for transport, sessions in made.items():
        for number in range(load.sessions):
            session = Session.of(brief, keyspace, library, f"fan-{transport}-{number}", server.prefix)
            if transport == "streams":
                # the reader of a stream needs no channel; the log is a stream whatever the design chose
                rules = replace(session.rules, log_max="200 stream")
                session = replace(session, channel_argument="", rules=rules)
            else:
                session = replace(session, rules=_list_log(session.rules))
            session.create(client)
            sessions.append(session)
    try:
        with tempfile.TemporaryDirectory(prefix="redis-plan-") as folder:
            return _run(lab, load, made, folder)
    finally:
        for session in (*made["pubsub"], *made["streams"]):
            session.end(client)


def _list_log(rules: Rules) -> Rules:
    return replace(rules, log_max=rules.log_max.split()[0])


def _run(lab: Lab, load: Load, made: dict[str, list[Session]], folder: str) -> pd.DataFrame:
    roles: list[tuple[str, dict[str, Any]]] = []
    clients: list[tuple[str, str, int]] = []
    for node in range(GATEWAYS):
        listen = f"{folder}/g{node}"
        # each session's members are spread over the gateways, as a load balancer would
        share = load.members // GATEWAYS + (1 if node < load.members % GATEWAYS else 0)
        named = {t: {f"{t}{i}": s for i, s in enumerate(made[t])} for t in made}
        roles.append(
            (
                "gateway",
                {
                    "address": list(lab.server.address),
                    "listen": listen,
                    "sharded": made["pubsub"][0].channel_argument.endswith(" sharded"),
                    "channels": {n: s.channel for n, s in named["pubsub"].items()} if share else {},
                    "streams": {n: s.keys["log"] for n, s in named["streams"].items()} if share else {},
                },
            )
        )
        clients += [(listen, name, share) for names in named.values() for name in names] if share else []
    module = "redis_plan.rig.gateway"
    with children(module, *roles) as gateways:
        for gateway in gateways:
            gateway.ready()
        with children(module, ("clients", {"clients": clients})) as meters:
            meters[0].ready()
            sent, busy = _publish(lab, load, made)
            time.sleep(0.15)
            seen = meters[0].finish()
        for gateway in gateways:
            gateway.finish()
    rows = []
    for at, transport, slice, warm in sent:
        if warm:
            continue
        receivers, last = seen["seen"].get(str(at), (0, 0))
        rows.append((transport, slice, (last - at) / 1e9 if receivers else float("nan"), receivers))
    frame = pd.DataFrame(rows, columns=["transport", "slice", "latency_s", "receivers"])
    slices = lab.by_profile(2, 4, 8)
    return frame.assign(span_s=0.8 * slices * _slice_s(lab), busy=busy, client_cpu_s=float(seen["cpu_s"]))


def _slice_s(lab: Lab) -> float:
    return lab.by_profile(0.45, 1.5, 5.0)


def _publish(lab: Lab, load: Load, made: dict[str, list[Session]]) -> tuple[list[tuple[int, str, int, bool]], float]:
    """Apply changes at their intended times, A B A B; returns what was sent and the publisher's busy share."""
    client = lab.server.client()
    rng = lab.rng("fanout")
    slices, length_ns = lab.by_profile(2, 4, 8), int(_slice_s(lab) * 1e9)
    sent: list[tuple[int, str, int, bool]] = []
    busy_ns = 0
    started = time.monotonic_ns()
    for slice in range(slices):
        for transport in ("pubsub", "streams"):
            begin = time.monotonic_ns()
            at = begin
            while True:
                at += int(rng.expovariate(load.rate_per_s) * 1e9)  # arrivals of many people: exponential gaps
                if at - begin > length_ns:
                    break
                if (wait := at - time.monotonic_ns()) > 0:
                    time.sleep(wait / 1e9)
                before = time.monotonic_ns()
                pad = "x" * max(1, load.payload_bytes - 40)
                session = made[transport][rng.randrange(load.sessions)]
                session.apply(client, "change", f'{{"at":{at},"pad":"{pad}"}}')
                busy_ns += time.monotonic_ns() - before
                sent.append((at, transport, slice, at - begin < 0.2 * length_ns))
    return sent, busy_ns / (time.monotonic_ns() - started)


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
