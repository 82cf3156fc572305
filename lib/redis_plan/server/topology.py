"""Topologies of our own: a primary with replicas, Sentinels that watch it, and a cluster; all on loopback ports.

Every process has a guard of its own, so a topology leaves as little behind as a single server does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import redis
from redis.sentinel import Sentinel

from redis_plan.errors import ServerError
from redis_plan.server.live import Server
from redis_plan.server.opening import build_like, start_with

SLOTS = 16_384  # Redis Cluster specification, "Key distribution model"
READY_TIMEOUT_S = 45.0
NAME = "redis-plan"  # by which Sentinels know the primary
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Replicated:
    """A primary and its replicas, all in sync when they are handed over."""

    primary: Server
    replicas: tuple[Server, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """A replicated primary and the Sentinels that agree on it; ``name`` is what clients ask them for."""

    primary: Server
    replicas: tuple[Server, ...]
    sentinels: tuple[Server, ...]
    name: str = NAME

    def sentinel(self, **options: Any) -> Sentinel:
        """Return redis-py's view of the Sentinels; ``options`` are those of its connections."""
        return Sentinel([(s.address[1], s.address[2]) for s in self.sentinels if len(s.address) == 3], **options)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Primaries that share the slots evenly, in order of slots."""

    nodes: tuple[Server, ...]

    def client(self, **options: Any) -> redis.RedisCluster:
        """Return a client of the whole cluster; the caller closes it."""
        first = self.nodes[0].address
        assert len(first) == 3
        return redis.RedisCluster(host=first[1], port=first[2], **options)

    def node_of(self, slot: int) -> Server:
        """Return the node that was given ``slot``."""
        return next(node for node, slots in zip(self.nodes, _shares(len(self.nodes)), strict=True) if slot in slots)


@contextmanager
def replicated(
    like: Server | None = None, replicas: int = 1, config: Mapping[str, str] | None = None
) -> Iterator[Replicated]:
    """Yield a primary with ``replicas`` in sync, of the build of ``like``; ``config`` is for each of them."""
    with ExitStack() as stack:
        yield _replicate(stack, like, replicas, config or {})


@contextmanager
def watched(
    like: Server | None = None,
    replicas: int = 1,
    sentinels: int = 3,
    down_after_ms: int = 500,
    config: Mapping[str, str] | None = None,
) -> Iterator[Watched]:
    """Yield a replicated primary and Sentinels that see it, its replicas and each other.

    A majority of them declares the primary down after ``down_after_ms`` without an answer.
    """
    quorum = sentinels // 2 + 1
    with ExitStack() as stack:
        group = _replicate(stack, like, replicas, config or {})
        rules = (
            f"monitor {NAME} 127.0.0.1 {_port(group.primary)} {quorum}\n"
            f"down-after-milliseconds {NAME} {down_after_ms}\n"
            f"failover-timeout {NAME} {max(10 * down_after_ms, 5_000)}\n"
            f"parallel-syncs {NAME} 1"
        )
        watchers = tuple(
            _start(stack, like, {"port": "auto", "sentinel": rules}, ("--sentinel",)) for _ in range(sentinels)
        )
        _wait(
            lambda: all(_sees(watcher, replicas, sentinels) for watcher in watchers),
            "the Sentinels do not find each other",
        )
        yield Watched(group.primary, group.replicas, watchers)


@contextmanager
def cluster(
    like: Server | None = None, primaries: int = 3, config: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """Yield a cluster of ``primaries`` nodes (3 or more) that all say ``cluster_state:ok``."""
    wanted = {"cluster-node-timeout": "10000"} | dict(config or {}) | {"port": "auto", "cluster-enabled": "yes"}
    with ExitStack() as stack:
        nodes = tuple(_start(stack, like, wanted) for _ in range(primaries))
        for number, (node, slots) in enumerate(zip(nodes, _shares(primaries), strict=True), start=1):
            client = node.client()
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number)
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", slots.start, slots.stop - 1)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", _port(nodes[0])) if number > 1 else None
        _wait(lambda: all(_is_joined(node, primaries) for node in nodes), "the cluster does not come together")
        yield Cluster(nodes)


def _replicate(stack: ExitStack, like: Server | None, replicas: int, config: Mapping[str, str]) -> Replicated:
    fast = {"repl-diskless-sync": "yes", "repl-diskless-sync-delay": "0"}  # the default waits 5 s for more replicas
    primary = _start(stack, like, fast | dict(config) | {"port": "auto"})
    followers = tuple(
        _start(stack, like, fast | dict(config) | {"port": "auto", "replicaof": f"127.0.0.1 {_port(primary)}"})
        for _ in range(replicas)
    )
    _wait(lambda: all(_info(f, "replication").get("master_link_status") == "up" for f in followers), "no replica syncs")
    return Replicated(primary, followers)


def _start(stack: ExitStack, like: Server | None, config: Mapping[str, str], arguments: tuple[str, ...] = ()) -> Server:
    server = start_with(build_like(like), config, arguments)
    stack.callback(server.close)
    return server


def _port(server: Server) -> int:
    assert len(server.address) == 3
    return server.address[2]


def _shares(count: int) -> tuple[range, ...]:
    """Return even, adjoining shares of the slots."""
    ends = [SLOTS * n // count for n in range(count + 1)]
    return tuple(range(start, stop) for start, stop in pairwise(ends))


def _info(server: Server, section: str) -> dict[str, Any]:
    answer: Any = server.admin.info(section)
    return dict(answer)


def _sees(watcher: Server, replicas: int, sentinels: int) -> bool:
    about: Any = _info(watcher, "sentinel").get("master0", {})
    return bool(about.get("status") == "ok" and about.get("slaves") == replicas and about.get("sentinels") == sentinels)


def _is_joined(node: Server, count: int) -> bool:
    answer: Any = node.admin.execute_command("CLUSTER INFO")
    said = (
        answer
        if isinstance(answer, dict)
        else dict(line.split(":", 1) for line in _text(answer).split() if ":" in line)
    )
    return said.get("cluster_state") == "ok" and int(said.get("cluster_known_nodes", 0)) == count


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _wait(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            raise ServerError(f"a topology of our own is not ready after {READY_TIMEOUT_S:.0f} s: {complaint}")
        time.sleep(_POLL_S)
