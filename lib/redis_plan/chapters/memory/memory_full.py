"""A full server: what each eviction policy does to keys that belong together."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import redis

from redis_plan import server as servers
from redis_plan.chapters.memory.memory import baseline
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.memory import model, project
from redis_plan.memory.live import build_of

#: Of what the sessions need so much fits, beside the buffers of the connection that writes them, in bytes at most.
_SHARE, _BUFFERS = 0.6, 200_000


def full_server(lab: Lab, *, keyspace: Keyspace) -> Finding:
    """Fill a server to its maxmemory under three eviction policies and see which sessions are still whole.

    Sessions are loaded until the server refuses or evicts; then a session is read, ended and published to.
    """
    question = "What happens to keys that belong together when the server is full, by eviction policy?"
    if not lab.server.ours:
        return Finding(
            question, "", "", (), not_run="needs CONFIG SET maxmemory: a server of our own, not a shared one"
        )
    patterns = tuple(p for p in keyspace.keys if p.scope != "global" and 1 <= p.per_session <= 4)
    if not patterns:
        return Finding(question, "", "", (), not_run="no session of this keyspace has keys of its own to lose")
    small = replace(keyspace, patterns=patterns)
    sessions = lab.by_profile(40, 400, 1_000)
    loads = project.loads(small, sessions)
    per_session = sum(round(load.per_session) for load in loads)
    rows: list[dict[str, float | str]] = []
    for policy in ("noeviction", "allkeys-lru", "volatile-ttl"):
        with lab.own({"maxmemory-policy": policy}) as server, server.client() as client:
            at_rest = baseline(client, server).used
            need = sum(model.predict(load.shape, build_of(server)).per_key * load.shape.n_keys for load in loads)
            buffers = min(_BUFFERS, 0.2 * need)
            client.config_set("maxmemory", int(at_rest + buffers + _SHARE * need))
            refused = _fill_by_session(server, loads, sessions)
            names = [list(project.keys(load, 0, load.shape.n_keys)) for load in loads]
            left = [sum(counts) for counts in _alive(client, names, sessions, refused)]
            whole, none = sum(n == per_session for n in left), sum(n == 0 for n in left)
            rows.append(
                {
                    "policy": policy,
                    "accepted": len(left),
                    "refused": sessions - len(left),
                    "whole": whole,
                    "broken": len(left) - whole - none,
                    "gone": none,
                    "evicted_keys": int(client.info("stats")["evicted_keys"]),
                    "unlink_works": float(client.unlink(names[0][0]) >= 0),
                    "publish_works": float(client.publish(f"{server.prefix}c", "x") >= 0),
                }
            )
    samples = pd.DataFrame(rows)
    by_policy = {str(row["policy"]): row for row in rows}
    keep, lose = by_policy["noeviction"], by_policy["allkeys-lru"]
    return Finding(
        question=question,
        hypothesis="noeviction refuses new sessions and keeps the old ones whole; an evicting policy breaks live sessions",
        method=f"maxmemory at {100 * _SHARE:.0f} % of what {sessions} sessions need, and room for the buffers of who writes them; one session after the other, as the functions write them",
        values=(
            Value("noeviction_broken", float(keep["broken"]), "sessions"),
            Value("noeviction_refused", float(keep["refused"]), "sessions"),
            Value("noeviction_whole", float(keep["whole"]), "sessions"),
            Value("allkeys_lru_broken", float(lose["broken"]), "sessions"),
            Value("allkeys_lru_gone", float(lose["gone"]), "sessions"),
            Value("volatile_ttl_broken", float(by_policy["volatile-ttl"]["broken"]), "sessions"),
            Value("accepted_lru", float(lose["accepted"]), "sessions"),
        ),
        samples=samples,
        conclusion=(
            f"noeviction refuses {keep['refused']} sessions and keeps {keep['whole']} whole; allkeys-lru accepts all and "
            f"leaves {lose['broken']} with a part of their keys and {lose['gone']} with none."
        ),
        conditions={"sessions": sessions, "keys a session": per_session, "layout": build_of(lab.server).layout.family},
    )


def _fill_by_session(server: servers.Server, loads: tuple[project.Load, ...], sessions: int) -> int:
    """Write session after session and return the number of the first that was refused (``sessions`` if none was).

    Each session is one transaction that refuses as a whole: the server checks memory before it queues a write.
    """
    with server.client() as client:
        for number in range(sessions):
            pipeline = client.pipeline(transaction=True)
            for load in loads:
                each = round(load.per_session)
                for command in project.commands(load, number * each, (number + 1) * each):
                    pipeline.execute_command(*command)
            try:
                pipeline.execute()
            except redis.RedisError:
                return number
    return sessions


def _alive(client: redis.Redis, names: list[list[str]], sessions: int, accepted: int) -> list[list[int]]:
    """Return for each accepted session which of its keys exist."""
    pipeline = client.pipeline(transaction=False)
    order = []
    for number in range(accepted):
        keys = []
        for part in names:
            each = len(part) // sessions
            keys += part[number * each : (number + 1) * each]
        order.append(len(keys))
        for key in keys:
            pipeline.exists(key)
    answers = iter(pipeline.execute())
    return [[int(next(answers)) for _ in range(count)] for count in order]
