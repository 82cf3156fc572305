"""What one atomic step costs the server: session_apply beside session_record, by the server's own account."""

from __future__ import annotations

from statistics import median

import redis

from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions.functioncost import write_answers, write_log
from redis_plan.keyspace import records
from redis_plan.keyspace.functions import Library
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure import serverside
from redis_plan.measure.finding import Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.session import Session

MOST_ANSWERS = 10_000  # beyond this filling would take longer than measuring
_RUNS = ("fcall", "evalsha", "eval")


def steps(lab: Lab, client: redis.Redis, brief: Brief, keyspace: Keyspace, library: Library) -> tuple[Value, ...]:
    """Return the mean server time of one session_apply and one session_record, each with its operation id.

    Both run in turns (A B A B) in short blocks around INFO commandstats, with a log and remembered answers at their
    bounds; the median block counts.
    """
    session = Session.of(brief, keyspace, library, "steps", lab.server.prefix)
    collection = next(iter(records.recorded(keyspace)), None)
    if collection is not None:
        records.install(client, use_functions=library.form == "function")
    session.create(client)
    write_log(client, session, min(1000, int(keyspace.pattern("log").max_elements)))
    calls, blocks = lab.by_profile(40, 150, 1000), lab.by_profile(5, 9, 21)
    answers = min(MOST_ANSWERS, int(keyspace.pattern("idem").max_elements))
    found: dict[str, list[float]] = {"apply_server": [], "record_server": []}
    for block in range(blocks):
        write_answers(client, session, max(0, answers - calls))
        before = serverside.command_stats(client)
        for n in range(calls):
            session.apply(client, "change", '{"by":1}', op_id=f"a{block}-{n}", fields={"owner": f"m{n % 10}"})
        found["apply_server"].append(_per_call(before, serverside.command_stats(client)))
        if collection is not None:
            write_answers(client, session, max(0, answers - calls))
            between = serverside.command_stats(client)
            for n in range(calls):
                session.record(client, collection, f"m{n % 10}", op_id=f"r{block}-{n}")
            found["record_server"].append(_per_call(between, serverside.command_stats(client)))
    session.end(client)
    client.unlink(session.keys["idem"])
    if collection is not None:
        client.unlink(session.name_of(collection))
    return tuple(Value(name, median(costs), "s", calls * blocks) for name, costs in found.items() if costs)


def _per_call(before: dict[str, serverside.Cost], after: dict[str, serverside.Cost]) -> float:
    """Return the seconds of one call of whatever runs functions here; commands inside it are part of it."""
    costs = [cost for name, cost in serverside.since(before, after).items() if name in _RUNS]
    return sum(cost.usec for cost in costs) / 1e6 / max(1, sum(cost.calls for cost in costs))
