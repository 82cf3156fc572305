"""TTLs on a replica: what its readers see of keys past their deadline, and when they really go."""

from __future__ import annotations

import time
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures, units
from redis_plan.errors import ServerError
from redis_plan.measure import statistics
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.later import left_out
from redis_plan.server import topology

QUESTION = "What does a replica show of keys past their deadline, and when does it remove them?"
AHEAD_MS = (150, 600, 2400)
"""How far ahead a deadline is set: further where a busy machine had not come round to look before it."""
TOO_SLOW = f"keys fell due before they could be read, {AHEAD_MS[-1]} ms after they were set: the machine is too busy"


def on_replica(lab: Lab) -> Finding:
    """Watch keys fall due on a replica (see :func:`compared`); from the profile standard on."""
    return left_out(lab, QUESTION) or compared(lab)


def compared(lab: Lab) -> Finding:
    """Let keys fall due on a primary with one replica, first with the primary at work, then with it hung."""
    live, due, window_s = lab.by_profile((150, 20, 0.9), (800, 60, 4.5), (10_000, 500, 90.0))
    try:
        with topology.replicated(lab.server, 1, {"notify-keyspace-events": "Exg"}) as pair:
            working = _watched(pair, live, due, window_s)
            hung = _hung(pair, lab.by_profile(0.3, 1.0, 5.0))
    except ServerError as error:
        return Finding(QUESTION, "", "", (), not_run=f"no replica of our own, or none in time: {error}")
    return _finding(lab, working, hung, live, due)


def _watched(pair: topology.Replicated, live: int, due: int, window_s: float) -> dict[str, Any]:
    """Return what readers of the replica saw, and for each due key when each side removed it."""
    primary, replica = pair.primary.client(), pair.replicas[0].client()
    heard = {}
    for name, client, event in (("primary", primary, "expired"), ("replica", replica, "del")):
        listener = client.pubsub(ignore_subscribe_messages=True)
        listener.subscribe(f"__keyevent@0__:{event}")
        listener.get_message(timeout=1)
        heard[name] = listener
    with primary.pipeline(transaction=False) as pipe:
        for n in range(live):
            pipe.set(f"live:{n}", "x", ex=7200)
        pipe.execute()
    for ahead_ms in AHEAD_MS:
        names = [f"due:{ahead_ms}:{n}" for n in range(due)]
        deadline_ms = _set_due(primary, names, ahead_ms)
        before = _read(replica, names)
        if time.time() * 1000 < deadline_ms:
            break
        primary.unlink(*names)
    else:
        raise ServerError(TOO_SLOW)
    time.sleep(max(0.0, deadline_ms / 1000 + 0.002 - time.time()))
    seen = _read(replica, names)
    gone: dict[str, dict[bytes, float]] = {"primary": {}, "replica": {}}
    until = time.time() + window_s
    while time.time() < until and len(gone["replica"]) < due:
        for name, listener in heard.items():
            while (message := listener.get_message()) is not None:
                if message["data"].startswith(f"due:{ahead_ms}:".encode()):
                    gone[name][message["data"]] = time.time() - deadline_ms / 1000
        time.sleep(0.0005)
    for listener in heard.values():
        listener.close()
    return {"before": before, "seen": seen, "gone": gone}


def _hung(pair: topology.Replicated, wait_s: float) -> dict[str, Any]:
    """Hang the primary over the deadline of some keys; return what the replica shows and holds meanwhile and after."""
    primary, replica = pair.primary.client(), pair.replicas[0].client()
    for ahead_ms in AHEAD_MS:
        names = [f"hung:{ahead_ms}:{n}" for n in range(20)]
        held = int(replica.dbsize())
        deadline_ms = _set_due(primary, names, ahead_ms)
        pair.primary.pause()
        if time.time() * 1000 < deadline_ms:
            break
        pair.primary.resume()
        primary.unlink(*names)
    else:
        raise ServerError(TOO_SLOW)
    try:
        time.sleep(max(0.0, deadline_ms / 1000 - time.time()) + wait_s)
        return {"seen": _read(replica, names)["GET"], "held": int(replica.dbsize()) - held}
    finally:
        pair.primary.resume()


def _set_due(primary: redis.Redis, names: list[str], ahead_ms: int) -> int:
    """Set ``names`` to fall due ``ahead_ms`` from now, wait until the replica has them, and return their deadline (ms)."""
    deadline_ms = int(time.time() * 1000) + ahead_ms
    with primary.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.set(name, "x", pxat=deadline_ms)
        pipe.execute()
    primary.wait(1, 1000)
    return deadline_ms


def _read(replica: redis.Redis, names: list[str]) -> dict[str, int]:
    """Return how many of ``names`` each kind of read finds; DBSIZE is of the whole replica."""
    with replica.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.get(name)
        for name in names:
            pipe.exists(name)
        for name in names:
            pipe.pttl(name)
        found = pipe.execute()
    count = len(names)
    pattern = names[0].partition(":")[0] + ":*"
    return {
        "GET": sum(value is not None for value in found[:count]),
        "EXISTS": sum(found[count : 2 * count]),
        "PTTL": sum(value > 0 for value in found[2 * count :]),
        "SCAN": sum(1 for _ in replica.scan_iter(match=pattern, count=10_000)),
        "DBSIZE": int(replica.dbsize()),
    }


def _finding(lab: Lab, working: dict[str, Any], hung: dict[str, Any], live: int, due: int) -> Finding:
    gone = working["gone"]
    both = sorted(gone["replica"].keys() & gone["primary"].keys())
    rows = [{"key": key.decode(), "primary_s": gone["primary"][key], "replica_s": gone["replica"][key]} for key in both]
    rows += [{"key": f"left {n}", "primary_s": np.nan, "replica_s": np.nan} for n in range(due - len(both))]
    values = [
        Value("due", due, "keys"),
        Value("found by GET before", working["before"]["GET"], "keys", due),
        *(
            Value(f"found by {how} after", working["seen"][how], "keys", due)
            for how in ("GET", "EXISTS", "PTTL", "SCAN")
        ),
        Value("counted by DBSIZE after", working["seen"]["DBSIZE"] - live, "keys", due),
        Value("removed in the window", len(both), "keys", due),
        Value("primary hung: found by GET", hung["seen"], "keys", 20),
        Value("primary hung: still held", hung["held"], "keys", 20),
    ]
    if both:
        late = statistics.median([gone["replica"][key] for key in both], lab.seed)
        behind = [max(0.0, gone["replica"][key] - gone["primary"][key]) for key in both]
        e = statistics.median(behind, lab.seed)
        values += [
            Value("removed after p50", late.value, "s", late.n, late.low, late.high),
            Value("behind the primary p50", e.value, "s", e.n, e.low, e.high),
            Value("behind the primary max", max(behind), "s", len(behind)),
        ]
    return Finding(
        question=QUESTION,
        hypothesis="Reads hide them at once, by the replica's own clock; they leave its memory when the primary's DEL arrives, and "
        "never while the primary hangs.",
        method="A primary and a replica of our own on loopback; keys that fall due among live ones, read on the replica right after; "
        "then the primary paused (SIGSTOP) over a deadline",
        values=tuple(values),
        samples=pd.DataFrame(rows),
        conclusion="A reader of the replica is safe; its memory and its counts wait for the primary.",
        conditions={"live keys": live, "network": "loopback", "grain of the comparison": "about 0.5 ms"},
    )


def plot_replica(samples: pd.DataFrame) -> Figure:
    """Draw when each due key was removed on the primary and on the replica."""
    if samples.empty:
        return Figure()
    rows = samples.dropna().sort_values("primary_s").reset_index(drop=True)
    figure, axes = plt.subplots()
    if rows.empty:
        return figure
    share = 100 * (np.arange(len(rows)) + 1) / len(samples)
    for side, colour, width, dash in (
        ("primary", figures.PALETTE[1], 5, "-"),
        ("replica", figures.HIGHLIGHT, 1.8, "-"),
    ):
        axes.step(np.sort(rows[f"{side}_s"]), share, where="post", color=colour, linewidth=width, linestyle=dash,
                  alpha=0.6 if side == "primary" else 1)  # fmt: skip
    end = float(rows["replica_s"].max())
    behind = float((rows["replica_s"] - rows["primary_s"]).clip(lower=0).median())
    axes.annotate(" primary", (end, 62), color=figures.PALETTE[1], fontsize=10)
    axes.annotate(f" replica, {units.write(behind, 's')} later", (end, 50), color=figures.HIGHLIGHT, fontsize=10)
    axes.axvline(0, color="#333333", linewidth=1)
    axes.annotate(" deadline: from here\n reads answer nil\n on both", (0, 97), va="top", fontsize=9, color="#333333")
    axes.set_xlim(-0.02 * end, end * 1.5)
    axes.set_ylim(0, 104)
    axes.set_xlabel("time since the deadline (s)")
    axes.set_ylabel("due keys removed (%)")
    axes.set_title("Removal on the primary and on its replica")
    return figure
