"""Memory of clients: what connections, subscriptions, functions and commands cost beside the data."""

from __future__ import annotations

import pandas as pd
import redis

from redis_plan import server as servers
from redis_plan.chapters.memory import loading
from redis_plan.chapters.memory.memory import conditions
from redis_plan.keyspace import functions
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.memory import project
from redis_plan.memory.live import build_of


def client_costs(lab: Lab, *, gateways: int, channels: int) -> Finding:
    """Measure what a fresh connection, a subscription, the functions and a command's first use cost."""
    build = build_of(lab.server)
    count, names = 40, [f"{lab.server.prefix}channel:{project.identifier(i, 20)}" for i in range(channels)]
    with loading.target(lab) as server, server.client() as control:
        first = loading.settle(control, server.ours)
        used = loading.warm_up(server, server.prefix)
        before = loading.settle(control, server.ours)
        with server.client(protocol=2, max_connections=count + 1) as client:
            connections = [client.connection_pool.get_connection() for _ in range(count)]
            for connection in connections:
                connection.send_command("PING")
                connection.read_response()
            open_now = loading.read(control).used
            subscribers = connections[: max(1, gateways)]
            few = max(1, channels // 5)
            # the first subscriptions bring the buffers to their size; the later ones cost only themselves
            _subscribe(subscribers, names[:few])
            fresh = _without_buffers(control)
            _subscribe(subscribers, names[few:])
            subscribed = _without_buffers(control)
            for connection in connections:
                connection.disconnect()
                client.connection_pool.release(connection)
        library = _library(server, control)
    each = (open_now - before.used) / count
    pairs = len(subscribers) * max(1, len(names) - few)
    subscription = max(subscribed - fresh, 0) / pairs
    return Finding(
        question="What do connections, subscriptions, functions and commands cost beside the data?",
        hypothesis="a connection tens of KB when fresh, a subscription a few hundred bytes, a command's first use 25 KB",
        method=f"{count} connections that have sent one PING; then {len(subscribers)} of them subscribed to {channels} channels each",
        values=(
            Value("connection", each, "B", n=count),
            Value("subscription", subscription, "B", n=pairs),
            Value("histogram", max(before.used - first.used, 0) / used, "B", n=used),
            *library,
        ),
        samples=pd.DataFrame(
            [
                {"step": "before", "used_memory": before.used},
                {"step": "connected", "used_memory": open_now},
                {"step": "subscribed", "used_memory": subscribed},
            ]
        ),
        conclusion=f"{each:,.0f} B a fresh connection, {subscription:,.0f} B a subscription.",
        conditions=conditions(lab, build, connections=count, channels=channels),
    )


def _library(server: servers.Server, control: redis.Redis) -> tuple[Value, ...]:
    """Load the library of functions and return what it takes inside ``used_memory``, and outside it in Lua's own memory."""
    if not server.ours or "functions" not in server.capabilities:
        return ()
    control.function_flush()  # the command's first use is not the library's
    before = control.info("memory")
    control.function_load(functions.source())
    after = control.info("memory")
    # FUNCTION LOAD itself has a histogram; what the library takes is in the server's own counters
    inside = int(after["used_memory_functions"]) - int(before["used_memory_functions"])
    outside = int(after["used_memory_vm_total"])
    return Value("library", float(inside), "B"), Value("lua_vm", float(outside), "B")


def _without_buffers(control: redis.Redis) -> int:
    """Return used_memory without the clients' query and reply buffers, which shrink while we look."""
    clients = control.client_list()
    buffers = sum(int(c.get(name, 0)) for c in clients for name in ("qbuf", "qbuf-free", "rbs", "omem"))
    return loading.read(control).used - buffers


def _subscribe(connections: list[redis.Connection], names: list[str]) -> None:
    for connection in connections:
        for start in range(0, len(names), 20):
            part = names[start : start + 20]
            connection.send_command("SUBSCRIBE", *part)
            for _ in part:
                connection.read_response()
