"""Recovery: a killed server, restarted with and without an append-only file, and clients that must get right again."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter
from redis.backoff import NoBackoff
from redis.retry import Retry

from redis_plan import figures
from redis_plan.brief.model import Brief
from redis_plan.errors import ServerError
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.session import any_session
from redis_plan.server import Server

AOF = {"appendonly": "yes", "appendfsync": "everysec", "save": ""}
NO_FILE = {"appendonly": "no", "save": ""}
POLICIES: dict[str, dict[str, str]] = {
    "everysec": AOF,
    "always": {**AOF, "appendfsync": "always"},
    "no persistence": NO_FILE,
}
_LOST = (redis.ConnectionError, redis.TimeoutError)


def once(server: Server) -> redis.Redis:
    """Return a client that never retries by itself: what was acked is then known exactly."""
    return server.client(decode_responses=True, retry=Retry(NoBackoff(), 0))


def acked_and_recovered(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Kill the server with SIGKILL under load; how many acknowledged changes are there after the restart?"""
    question = "How many acknowledged changes survive a killed server process?"
    rows: list[tuple[str, int, int, float, int, float]] = []
    try:
        for policy, config in POLICIES.items():
            for number in range(lab.by_profile(1, 3, 5)):
                rows.append((policy, *_kill_under_load(lab, brief, keyspace, config, f"kill-{number}")))
    except ServerError as error:
        return Finding(question, "", "", (), not_run=f"No server of our own to kill: {error}")
    names = ["policy", "acked", "recovered", "restart_s", "torn_recovered", "read_rate"]
    samples = pd.DataFrame(rows, columns=names)
    by = samples.groupby("policy")[["acked", "recovered", "torn_recovered"]].sum()
    values = []
    for policy in POLICIES:
        name = policy.replace(" ", "_")
        acked, recovered = int(by.loc[policy, "acked"]), int(by.loc[policy, "recovered"])  # type: ignore[arg-type]
        values += [
            Value(f"{name}_acked", acked, "changes", acked),
            Value(f"{name}_lost", max(0, acked - recovered), "changes", acked),
        ]
    with_file = samples[samples["policy"] != "no persistence"]
    torn = int((with_file["recovered"] - with_file["torn_recovered"]).max())
    values += [
        Value("torn_lost", torn, "changes", len(with_file)),
        Value("restart", float(with_file["restart_s"].median()), "s", len(with_file)),
        Value("read_rate", float(with_file["read_rate"].median()), "B/s", len(with_file)),
    ]
    return Finding(
        question=question,
        hypothesis="With an append-only file all of them, whatever the fsync policy, because write(2) comes before the reply "
        "and the page cache outlives the process, unless the fsync of a slow disk still runs: everysec then holds the write back, "
        "by 2 s at most (aof.c, flushAppendOnlyFile, 7.0); without one none.",
        method="One writer applies changes and counts the acknowledged; SIGKILL; restart; the session's version is read. Then "
        "the last 9 bytes of the file are cut off and it is started again (aof-load-truncated yes). Last, the file's own changes "
        "are repeated in it until it is long, and the CPU time of the server that reads it is taken",
        values=tuple(values),
        samples=samples,
        conclusion="A process kill is no power loss: fsync policies differ only where the kernel dies too, which is not tested.",
        conditions={"writers": 1, "loop": "closed", "seconds before the kill": lab.by_profile(0.25, 1.0, 3.0)},
    )


def _kill_under_load(
    lab: Lab, brief: Brief, keyspace: Keyspace, config: dict[str, str], id: str
) -> tuple[int, int, float, int, float]:
    with lab.own(config) as own:
        session = any_session(own, brief, keyspace, id)
        client = once(own)
        session.create(client)
        acked = 0
        stop = threading.Timer(lab.by_profile(0.25, 1.0, 3.0), own.kill)
        stop.start()
        try:
            while True:
                acked = session.apply(client, "change", "")[0]
        except _LOST:
            stop.join()
        begin = time.monotonic()
        own.start()
        restart = time.monotonic() - begin
        recovered = int(once(own).hget(session.keys["state"], "version") or 0)
        torn, rate = recovered, 0.0
        files = sorted(Path(own.folder).rglob("*.incr.aof"))
        if files:
            own.kill()
            with files[-1].open("r+b") as file:
                file.truncate(max(0, files[-1].stat().st_size - 9))
            own.start()
            torn = int(once(own).hget(session.keys["state"], "version") or 0)
            rate = _read_rate(own, lab.by_profile(32, 64, 256) * 1024 * 1024)
        return acked, recovered, restart, torn, rate


def _read_rate(own: Server, size: int) -> float:
    """Return how many bytes of an append-only file the server reads in a second of its CPU: ``size`` more than it has read."""
    before = _cpu_s(own)
    own.kill()
    path = sorted(Path(own.folder).rglob("*.incr.aof"))[-1]
    changes = path.read_bytes()
    times = size // len(changes) + 1
    with path.open("ab") as file:
        for _ in range(times):
            file.write(changes)
    own.start()
    client = once(own)
    while client.info("persistence")["loading"]:
        time.sleep(0.01)
    return times * len(changes) / max(_cpu_s(own) - before, 1e-3)


def _cpu_s(server: Server) -> float:
    used = once(server).info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


def plot_survival(samples: pd.DataFrame) -> Figure:
    """Draw acknowledged changes and how many of them were there after the restart, by persistence."""
    figure, axes = plt.subplots(figsize=(7, 2.8))
    # what was written but not yet acknowledged when the kill came may be there too; it is no gain to show
    kept = samples.assign(recovered=samples[["acked", "recovered"]].min(axis=1))
    sums = kept.groupby("policy", sort=False)[["acked", "recovered"]].sum()
    places = range(len(sums))
    axes.barh(list(places), sums["acked"], color=figures.CONTEXT, alpha=0.35, height=0.6)
    axes.barh(list(places), sums["recovered"], color=figures.HIGHLIGHT, height=0.3)
    for place, (acked, recovered) in enumerate(zip(sums["acked"], sums["recovered"], strict=True)):
        axes.text(acked, place, f" {recovered:,} of {acked:,}", va="center", fontsize=9)
    axes.set(yticks=list(places), yticklabels=list(sums.index), xlabel="changes", xlim=(0, float(sums["acked"].max()) * 1.3),
             title="Acknowledged changes (wide) and changes after the restart (narrow)")  # fmt: skip
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.grid(visible=False, axis="y")
    axes.invert_yaxis()
    return figure
