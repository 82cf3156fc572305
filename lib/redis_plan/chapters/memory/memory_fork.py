"""The fork: how fast a child writes the dataset here, and how many pages an event copies meanwhile."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from itertools import chain

import pandas as pd
import redis

from redis_plan.chapters.memory import loading
from redis_plan.chapters.memory.memory import conditions, fill
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.memory import capacity, project
from redis_plan.memory.live import build_of

#: Microseconds that the child sleeps after each key, so that it still runs while our events arrive.
_DELAY_US = 1
#: The function that writes an event; the patterns that it touches are what an event dirties.
_EVENT = "session_apply"


#: The rate at which a child writes is told from a dataset of at least this size on.
_TELLING = 16 * capacity.MIB


def fork_cost(lab: Lab, *, keyspace: Keyspace) -> Finding:
    """Load sessions, save them with a fork, then again under events, and read what was copied.

    An event writes to each key that the design's function touches and renews its TTL. The pages an event dirties follow
    from the copied bytes over those of a save without events.
    """
    question = "What does a fork cost: how fast is the save, and how many pages does an event copy meanwhile?"
    touched = tuple(p for p in keyspace.keys if p.scope != "global" and _EVENT in p.functions) or tuple(
        p for p in keyspace.keys if p.scope != "global"
    )
    if not lab.server.ours:
        return Finding(question, "", "", (), not_run="needs BGSAVE on a server of our own")
    if not touched:
        return Finding(question, "", "", (), not_run="no key of this keyspace belongs to a session")
    build = build_of(lab.server)
    own = replace(keyspace, patterns=tuple(p for p in keyspace.keys if p.scope != "global"))
    sessions = max(
        lab.by_profile(2, 4, 4), int(lab.by_profile(1_500, 30_000, 100_000) / sum(p.per_session for p in own.keys))
    )
    loads = project.loads(own, sessions)
    events = max(10, sessions // 2)
    rows: list[dict[str, float]] = []
    with lab.own({"hz": "100", "save": ""}) as server, server.client() as client:
        loading.warm_up(server, "")
        before = loading.settle(client)
        fill(server, loads)
        dataset = float(loading.settle(client).data - before.data)
        seconds, quiet = _save(client)
        stats = client.info("stats")
        rows.append({"events": 0, "seconds": seconds, "copied": quiet, "fork_us": float(stats["latest_fork_usec"])})
        client.config_set("rdb-key-save-delay", str(_DELAY_US))
        writes = list(_events([load for load in loads if load.pattern in touched], sessions, events))
        # what commands copy by themselves (buffers, statistics) is not the event's
        seconds, quiet = _save(client, [("TTL", command[1]) for command in writes])
        rows.append({"events": 0, "seconds": seconds, "copied": quiet, "fork_us": rows[0]["fork_us"]})
        seconds, copied = _save(client, writes)
        rows.append({"events": events, "seconds": seconds, "copied": copied, "fork_us": rows[0]["fork_us"]})
    pages = dataset / capacity.PAGE
    more = min(max(copied - quiet, capacity.PAGE) / capacity.PAGE, 0.9 * pages)
    # each page is copied once: t touches reach D (1 - exp(-t / D)) of D pages
    per_event = -pages * math.log1p(-more / pages) / events
    rate = dataset / max(rows[0]["seconds"], 1e-3)
    return Finding(
        question=question,
        hypothesis="one to two pages for each key that an event writes, and none twice",
        method=(
            f"{sessions} sessions, BGSAVE; then with as many reads, and with {events} events on random sessions while the child, "
            "slowed by rdb-key-save-delay, is at work"
        ),
        values=(
            # a small dataset is written within the fork's own time, which says nothing of a large one
            *([Value("save_rate", rate, "B/s")] if dataset >= _TELLING else []),
            Value("fork", rows[0]["fork_us"] / 1e6, "s"),
            Value("pages_per_event", per_event, "pages", n=events),
            Value("keys_per_event", float(len(touched)), "keys"),
            Value("copied_quiet", quiet, "B"),
            Value("copied_busy", copied, "B"),
        ),
        samples=pd.DataFrame(rows),
        conclusion=f"An event copies {per_event:.1f} pages; a save of {dataset / 1e6:,.1f} MB took {rows[0]['seconds']:.3f} s.",
        conditions=conditions(lab, build, sessions=sessions, events=events),
    )


def _save(client: redis.Redis, commands: list[tuple[str, ...]] | None = None) -> tuple[float, float]:
    """Run BGSAVE, send ``commands`` meanwhile, and return its seconds and the bytes copied."""
    began = time.monotonic()
    client.bgsave()
    if commands:
        pipeline = client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        pipeline.execute()
    while client.info("persistence")["rdb_bgsave_in_progress"]:
        time.sleep(0.001)
    return time.monotonic() - began, float(client.info("persistence")["rdb_last_cow_size"])


def _events(loads: list[project.Load], sessions: int, events: int) -> chain[tuple[str, ...]]:
    """Return the commands of ``events`` events, each on a session far from the last one's."""
    return chain.from_iterable(
        _event(load, (number * 7919) % sessions, number) for number in range(events) for load in loads
    )


def _event(load: project.Load, session: int, number: int) -> list[tuple[str, ...]]:
    each = max(1, round(load.per_session))
    index = session * each + number % each
    key = next(project.keys(load, index, index + 1))
    (verb, _, *arguments), *_ = project.commands(load, index, index + 1)
    write = (verb, key, *arguments[: 2 if verb in ("HSET", "ZADD", "XADD") else 1])
    if verb == "SET":
        write = (verb, key, *arguments)
    elif verb == "XADD":
        write = (verb, key, "*", *arguments[1:3])
    commands = [write]
    if verb == "RPUSH":
        commands.append(("LPOP", key))
    if load.shape.ttl and verb != "SET":
        commands.append(("EXPIRE", key, str(load.pattern.ttl.seconds)))
    return commands
