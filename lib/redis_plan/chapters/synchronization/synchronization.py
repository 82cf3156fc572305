"""Synchronization: what Pub/Sub costs, what a stalled subscriber loses, and how a client learns that it missed one."""

from __future__ import annotations

import math
import time
from typing import Any

import hiredis
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures, units
from redis_plan.brief.model import Brief
from redis_plan.delivery.redis_plan_sync import SyncClient
from redis_plan.keyspace import functions, periods
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure import respwire
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig import raw
from redis_plan.rig.session import Session, start

#: The part of a beacon's period in which sessions without one have their bursts: they are watched for longer than it lasts.
_SILENT_PART = 0.7


def publish_cost(lab: Lab, *, brief: Brief) -> Finding:
    """Measure the server's time for one PUBLISH against the number of subscribers of the channel."""
    question = "What does one PUBLISH cost the server, by number of subscribers?"
    reason = raw.unreachable(lab.server)
    if reason:
        return Finding(question, "", "", (), not_run=f"{reason}.")
    client, channel = lab.server.client(), f"{lab.server.prefix}cost:events"
    calls = lab.by_profile(400, 1000, 3000)
    payload = b"x" * int(brief.value("payload_bytes"))
    rows = []
    for _ in range(lab.by_profile(2, 4, 8)):
        for count in (0, 1, 10, 100, *lab.by_profile((), (1000,), (1000,))):
            with raw.subscribers(lab.server, count, channel):
                before: Any = client.info("commandstats")
                with client.pipeline(transaction=False) as pipe:
                    for _ in range(calls):
                        pipe.publish(channel, payload)
                    pipe.execute()
                after: Any = client.info("commandstats")
            rows.append((count, _per_call(before, after, "cmdstat_publish")))
    samples = pd.DataFrame(rows, columns=["subscribers", "usec"])
    medians = samples.groupby("subscribers")["usec"].median()
    slope = float(np.polyfit(medians.index.to_numpy(dtype=float), medians.to_numpy(dtype=float), 1)[0])
    return Finding(
        question=question,
        hypothesis="The cost grows linearly with subscribers; with one subscription a gateway it is negligible.",
        method="INFO commandstats before and after a pipeline of PUBLISH, subscribers on raw sockets",
        values=(
            *(Value(f"at_{count}", float(us) / 1e6, "s", len(samples) // len(medians)) for count, us in medians.items()),
            Value("per_subscriber", slope / 1e6, "s", len(samples)),
        ),
        samples=samples,
        conclusion=f"Each further subscriber adds {units.write(slope / 1e6, 's')} of server time.",
        conditions={"payload": f"{len(payload)} B", "calls a point": calls, "what it counts": "the command, not the socket writes"},
    )  # fmt: skip


def _per_call(before: dict[str, Any], after: dict[str, Any], name: str) -> float:
    """Return microseconds per call between two INFO commandstats."""
    old, new = before.get(name, {"calls": 0, "usec": 0}), after[name]
    return float(new["usec"] - old["usec"]) / max(1, int(new["calls"] - old["calls"]))


def stalled_subscriber(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Let a gateway stop reading until the server cuts it; count what was counted, received and lost, and recover."""
    question = "What does a gateway lose that stops reading, and does it get right again?"
    if reason := functions.missing(keyspace):
        return Finding(question, "", "", (), not_run=f"The stalled subscriber does not apply: {reason}.")
    limit = 1 << lab.by_profile(18, 20, 20)
    rows = []
    config = {"client-output-buffer-limit": f"pubsub {limit} 0 0"}
    with lab.own(config) as own:
        client = own.client(decode_responses=True)
        library = start(own)
        for number in range(lab.by_profile(3, 5, 10)):
            session = Session.of(brief, keyspace, library, f"stall-{number}")
            session.create(client, fields={"total": 0})
            rows.append(_stall(own, client, session, int(brief.value("payload_bytes"))))
            session.end(client)
    samples = pd.DataFrame(rows, columns=["counted", "received", "lost", "recovery_s", "by", "right"])
    n, middle = len(samples), samples.median(numeric_only=True)
    wrong = int((~samples["right"].astype(bool)).sum())
    return Finding(
        question=question,
        hypothesis="PUBLISH counts the subscriber until the cut; what sat in its buffer is lost; versions repair it.",
        method="A subscriber on a raw socket stops reading; session_apply until PUBSUB NUMSUB says 0; then it drains what "
        "is left, connects and subscribes again, and catches up",
        values=(
            Value("limit", limit, "B"),
            Value("counted", float(middle["counted"]), "messages", n),
            Value("received", float(middle["received"]), "messages", n),
            Value("lost", float(middle["lost"]), "messages", n),
            Value("recovery", float(middle["recovery_s"]), "s", n),
            Value("wrong", wrong, "clients", n),
        ),
        samples=samples,
        conclusion=f"{n - wrong} of {n} clients ended with the server's state, by {' and '.join(sorted(set(samples['by'])))}.",
        conditions={"pubsub hard limit": f"{limit} B", "message": f"{brief.value('payload_bytes'):g} B and its envelope"},
    )  # fmt: skip


def _stall(
    own: Any, client: redis.Redis, session: Session, payload: int
) -> tuple[int, int, int, float, str, bool]:  # Any: Server
    """One stall: (counted, received, lost, seconds to recover, by delta or snapshot, state right)."""
    sync = SyncClient()
    pad = "x" * max(1, payload - 30)
    with raw.open_socket(own, receive_bytes=4096) as stalled:
        stalled.sendall(respwire.pack("SUBSCRIBE", session.channel))
        stalled.recv(4096)
        sync.caught_up(session.answer(client, "", 0))
        counted = 0
        while dict(client.pubsub_numsub(session.channel)).get(session.channel, 0):
            counted += 1
            data = f'{{"set":{{"total":{counted}}},"pad":"{pad}"}}'
            session.apply(client, "change", data, fields={"total": counted})
        parser = hiredis.Reader()
        while data_read := _read(stalled):
            parser.feed(data_read)
        received = 0
        while (reply := parser.gets()) is not False:
            received += 1
            sync.receive(reply[2])
    begin = time.monotonic()
    sync.disconnected()
    with raw.open_socket(own) as again:
        again.sendall(respwire.pack("SUBSCRIBE", session.channel))
        again.recv(4096)
        answer = session.answer(client, sync.epoch, sync.version)
        sync.caught_up(answer)
    recovery = time.monotonic() - begin
    right = int(client.hget(session.keys["state"], "total") or 0) == counted == int(sync.state["total"])
    return counted, received, counted - received, recovery, answer.kind, right


def _read(connection: Any) -> bytes:  # Any: socket.socket
    try:
        return bytes(connection.recv(1 << 18))
    except ConnectionError:
        return b""


def tail_loss(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Drop the last event of a burst at the gateway; how long until the client knows, with and without the beacon?"""
    question = "When the last message of a burst is lost, when does the client know?"
    if reason := functions.missing(keyspace):
        return Finding(question, "", "", (), not_run=f"Tail loss does not apply: {reason}.")
    period = periods.seconds(brief, "beacon")
    count = lab.by_profile(24, 60, 200)
    client = lab.server.client(decode_responses=True)
    library = start(lab.server)
    sessions = [Session.of(brief, keyspace, library, f"tail-{n}", lab.server.prefix) for n in range(count)]
    for session in sessions:
        session.create(client, fields={"total": 0})
    try:
        samples = _lose_tails(lab, client, sessions, period)
    finally:
        for session in sessions:
            session.end(client)
    beaten, silent = samples[samples["beacon"]], samples[~samples["beacon"]]
    repaired = beaten["repair_s"].dropna()
    q = {name: float(repaired.quantile(p)) for name, p in (("p50", 0.5), ("p95", 0.95))} if len(repaired) else {}
    return Finding(
        question=question,
        hypothesis="Without a beacon never; with it after one period and a catch-up at most.",
        method="Bursts of three events at random moments; the last one is dropped at the gateway; every second session has "
        "a beacon: one pipelined HMGET of epoch and version for all sessions each period",
        values=(
            Value("period", period, "s"),
            *(Value(name, value, "s", len(repaired)) for name, value in q.items()),
            Value("max", float(repaired.max()), "s", len(repaired)),
            Value("repaired_with", len(repaired), "sessions", len(beaten)),
            Value("repaired_without", int(silent["repair_s"].notna().sum()), "sessions", len(silent)),
            Value("watched", float(silent["watched_s"].min()), "s", len(silent)),
        ),
        samples=samples,
        conclusion=f"{len(repaired)} of {len(beaten)} lost tails were found with the beacon, "
        f"{int(silent['repair_s'].notna().sum())} of {len(silent)} without.",
        conditions={"burst": 3, "beacon period": f"{period:g} s"},
    )


def _lose_tails(lab: Lab, client: redis.Redis, sessions: list[Session], period: float) -> pd.DataFrame:
    """Run the bursts and the beacon on one clock; a row a session: beacon, repair_s (NaN: not repaired), watched_s."""
    rng = lab.rng("tail")
    copies = [SyncClient() for _ in sessions]
    by_channel = {s.channel: n for n, s in enumerate(sessions)}
    subscriber = client.pubsub(ignore_subscribe_messages=True)
    subscriber.subscribe(*by_channel)
    for session, copy in zip(sessions, copies, strict=True):
        copy.caught_up(session.answer(client, "", 0))
    start_s = time.monotonic()
    windows = period, _SILENT_PART * period
    due = sorted((start_s + 0.1 + rng.random() * windows[n % 2], n) for n in range(len(sessions)))
    lost_at: dict[int, float] = {}
    repaired: dict[int, float] = {}
    beaten, silent = (max(at for at, n in due if n % 2 == side) for side in (0, 1))
    found = start_s + period * math.ceil((beaten - start_s) / period)  # the first beacon after the last of its bursts
    end = max(found + 0.05, silent + max(1.2 * period, 0.4))
    next_beacon = start_s + period
    try:
        while (now := time.monotonic()) < end or next_beacon < end:  # a beacon that is late is no lost one
            while due and due[0][0] <= now:
                _, n = due.pop(0)
                for total in (1, 2, 3):
                    sessions[n].apply(client, "change", f'{{"set":{{"total":{total}}}}}', fields={"total": total})
                lost_at[n] = time.monotonic()
            if now >= next_beacon:
                next_beacon += period
                _beat(client, sessions, copies, lost_at, repaired)
            message = subscriber.get_message(timeout=0.002)
            if message and '"v":3,' not in message["data"][:40]:  # the injector: the third event is lost
                copies[by_channel[message["channel"]]].receive(message["data"])
    finally:
        subscriber.close()
    rows = [
        (n % 2 == 0, repaired.get(n, float("nan")), end - lost_at[n], copies[n].version) for n in range(len(sessions))
    ]
    return pd.DataFrame(rows, columns=["beacon", "repair_s", "watched_s", "version"])


def _beat(
    client: redis.Redis, sessions: list[Session], copies: list[SyncClient], lost_at: dict[int, float], repaired: dict[int, float]
) -> None:  # fmt: skip
    """One beacon: the positions of every second session in one round trip, and a catch-up where one is behind."""
    watched = range(0, len(sessions), 2)
    with client.pipeline(transaction=False) as pipe:
        for n in watched:
            pipe.hmget(sessions[n].keys["state"], "epoch", "version")
        positions = pipe.execute()
    for n, (epoch, version) in zip(watched, positions, strict=True):
        if copies[n].beacon(epoch, int(version)) == "catch up":
            copies[n].caught_up(sessions[n].answer(client, copies[n].epoch, copies[n].version))
            if n in lost_at and copies[n].version == 3:
                repaired.setdefault(n, time.monotonic() - lost_at[n])


def plot_publish_cost(samples: pd.DataFrame) -> Figure:
    """Draw the server's time for one PUBLISH against subscribers."""
    figure, axes = plt.subplots()
    medians = samples.groupby("subscribers")["usec"].median()
    axes.plot(samples["subscribers"] + 1, samples["usec"], "o", color=figures.CONTEXT, ms=4, alpha=0.5)
    axes.plot(medians.index + 1, medians.to_numpy(), "-o", color=figures.HIGHLIGHT, lw=2)
    for count, value in medians.items():
        axes.annotate(units.write(float(value) / 1e6, "s", 2), (float(str(count)) + 1, value), xytext=(0, 7), textcoords="offset points", ha="center", fontsize=9, bbox=figures.PLATE)  # fmt: skip
    axes.margins(0.08)
    axes.set(xscale="log", yscale="log", xlabel="subscribers + 1 (log)", ylabel="server time (log)",
             title="Server time of one PUBLISH, by subscribers of the channel")  # fmt: skip
    axes.yaxis.set_major_formatter(lambda us, _: units.write(us / 1e6, "s"))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    return figure


def plot_tail_loss(samples: pd.DataFrame, period_s: float) -> Figure:
    """Draw when each lost tail was repaired, with the beacon and without."""
    figure, axes = plt.subplots()
    for place, beacon in enumerate((True, False)):
        group = samples[samples["beacon"] == beacon]
        found = group["repair_s"].dropna().to_numpy() * 1000
        never = len(group) - len(found)
        axes.plot(found, np.full(len(found), place) + np.linspace(-0.15, 0.15, max(1, len(found)))[: len(found)], "o",
                  color=figures.HIGHLIGHT, ms=5)  # fmt: skip
        if never:
            axes.text(period_s * 1000, place, f"{never} of {len(group)} never, while we watched", color=figures.PALETTE[3], bbox=figures.PLATE,
                      va="center", ha="center")  # fmt: skip
    axes.axvline(period_s * 1000, color=figures.CONTEXT, lw=1)
    axes.text(period_s * 1000, 1.42, "beacon period ", ha="right", color=figures.CONTEXT)
    axes.set(yticks=[0, 1], yticklabels=["with beacon", "without"], ylim=(-0.5, 1.6), xlim=(0, 2 * period_s * 1000),
             xlabel="time from the lost message to a right copy (ms)", title="Repair of a lost last message")  # fmt: skip
    return figure
