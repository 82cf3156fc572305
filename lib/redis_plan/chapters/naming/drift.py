"""Drift: whether what really lies in a server after a run is what the registry says."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import redis

from redis_plan.brief.model import Brief
from redis_plan.errors import ServerError
from redis_plan.keyspace import functions, naming, records
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.session import Session, start
from redis_plan.server import Server

_QUESTION = "After sessions were played, does every key match the registry, with its type and a TTL?"


def registry_holds(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Play sessions by the functions on a server of our own, then compare every key with the registry.

    Half of the sessions are ended. The control is three planted faults: a stranger, a wrong type and a key without TTL.
    """
    if reason := functions.missing(keyspace):
        return Finding(
            _QUESTION,
            "",
            "",
            (),
            not_run=f"{reason}: the printed drift check does it against the application's own keys",
        )
    count = lab.by_profile(40, 200, 1000)
    try:
        with lab.own() as own:
            rows, planted, found = _run(own, brief, keyspace, count)
    except ServerError as error:
        return Finding(_QUESTION, "", "", (), not_run=f"no server of our own: {error}")
    samples = pd.DataFrame(rows, columns=["pattern", "fault", "key"])
    faults = samples[samples["fault"] != ""]
    return Finding(
        question=_QUESTION,
        hypothesis="Every key matches one pattern, has its type and a TTL; ended sessions leave only operation results.",
        method="Sessions played by the functions (create, join, apply, record, heartbeat, leave, end), then SCAN, TYPE and TTL",
        values=(
            Value("keys", len(samples), "keys"),
            Value("patterns", samples["pattern"].nunique(), "patterns"),
            Value("faults", len(faults), "keys", len(samples)),
            Value("planted", planted, "faults"),
            Value("planted_found", found - len(faults), "faults"),
        ),
        samples=samples,
        conclusion=f"{len(faults)} of {len(samples):,} keys deviate from the registry.",
        conditions={"sessions": count, "ended": (count + 1) // 2},
    )


def _run(own: Server, brief: Brief, keyspace: Keyspace, count: int) -> tuple[list[dict[str, str]], int, int]:
    client = own.client(decode_responses=True)
    library = start(own)
    records.install(client, use_functions=library.form == "function")
    sessions = [Session.of(brief, keyspace, library, f"s{n}") for n in range(count)]
    for session in sessions:
        _play(client, keyspace, session)
    for session in sessions[::2]:
        session.end(client)
    rows = list(_compare(client, keyspace))
    planted = _plant(client, keyspace)
    found = sum(row["fault"] != "" for row in _compare(client, keyspace))
    return rows, planted, found


def _play(client: redis.Redis, keyspace: Keyspace, session: Session) -> None:
    session.create(client)
    for member in ("ann#1", "bob#1"):
        session.join(client, member)
    session.apply(client, "change", "{}", op_id="op1", fields={"status": "open"})
    for pattern in records.recorded(keyspace):
        session.record(client, pattern, "ann")
    session.heartbeat(client, "ann#1")
    session.leave(client, "bob")


def _compare(client: redis.Redis, keyspace: Keyspace) -> Iterable[dict[str, str]]:
    for key in client.scan_iter(match="*", count=1000):
        pattern = next((p for p in keyspace.keys if naming.parse(p.template, key) is not None), None)
        if pattern is None:
            yield {"pattern": "", "fault": "not in the registry", "key": key}
        elif client.type(key) != pattern.type:
            yield {"pattern": pattern.name, "fault": "wrong type", "key": key}
        elif client.ttl(key) == -1 and pattern.ttl.policy != "none":
            yield {"pattern": pattern.name, "fault": "no TTL", "key": key}
        else:
            yield {"pattern": pattern.name, "fault": "", "key": key}


def _plant(client: redis.Redis, keyspace: Keyspace) -> int:
    client.set("stranger", "1", ex=60)
    client.set(naming.render(keyspace.pattern("state").template, session_id="planted"), "1", ex=60)
    client.rpush(naming.render(keyspace.pattern("log").template, session_id="planted"), "1")
    return 3
