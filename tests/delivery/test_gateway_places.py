"""The delivered gateway as it is, where the server is a cluster, has sharded channels, or lends it a replica to read from."""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redis_plan import server
from redis_plan.keyspace import naming
from redis_plan.rig import hall
from redis_plan.rig.member import Member
from redis_plan.server import topology
from tests.delivery import made
from tests.delivery.playing import until
from tests.delivery.test_cluster import load, with_events

SESSIONS = [f"p{number}" for number in range(6)]  # of all three primaries
#: No beacon comes and leases are renewed at once: what a copy has, it heard.
GIVEN = {"timing": {"beacon_s": 3600.0}, "limits": {"heartbeat_s": 0.5}}
Place = tuple[Any, str, Mapping[str, str]]  # a client of the server, its URL, and what more the gateway is told


@contextmanager
def place(name: str, project: made.Project) -> Iterator[Place]:
    with ExitStack() as held:
        like = held.enter_context(server.open_own({"port": "auto"}))
        if name == "cluster":
            cluster = held.enter_context(topology.cluster(like))
            load(cluster, project)
            client = cluster.client(decode_responses=True)
            held.callback(client.close)
            yield client, f"redis://127.0.0.1:{cluster.nodes[0].address[-1]}", {"REDIS_CLUSTER": "1"}
            return
        like.client().function_load(project.text("functions.lua"))
        told: Mapping[str, str] = {}
        if name == "replica":
            replica = held.enter_context(
                server.open_own({"port": "auto", "replicaof": f"127.0.0.1 {like.address[-1]}"})
            )
            until(lambda: replica.client().info("replication")["master_link_status"] == "up", "never a replica")
            told = {"REDIS_READ_URL": f"redis://127.0.0.1:{replica.address[-1]}"}
        yield like.client(decode_responses=True), f"redis://127.0.0.1:{like.address[-1]}", told


@pytest.mark.parametrize(
    ("name", "channel"), [("cluster", "sharded-pubsub"), ("single", "sharded-pubsub"), ("replica", "pubsub")]
)
def test_what_a_member_does_is_heard_by_the_others_and_leases_are_renewed(
    tmp_path: Path, sample: made.Project, name: str, channel: str
) -> None:
    project = made.Project(sample.name, sample.brief, with_events(sample, channel))
    folder = made.write(project.artefacts, tmp_path / "redis")
    delivered = made.client_module(folder, f"places_{name}")
    with (
        place(name, project) as (client, address, told),
        hall.gateway(folder, [address], environment=told, **GIVEN) as (_, port),
    ):
        asyncio.run(story(delivered, client, [f"ws://127.0.0.1:{port}/"]))


async def story(delivered: ModuleType, client: Any, urls: list[str]) -> None:
    keys = delivered.Keys(naming.ENVIRONMENT)
    operations = delivered.Operations(client, keys)
    for session in SESSIONS:
        assert operations.create(session) == "created"
    members = [Member(urls, hall.signed(session, m), random.Random(m)) for session in SESSIONS for m in ("ann", "bob")]
    lives = [asyncio.create_task(member.live()) for member in members]
    await waited(lambda: all(member.copy.mode == "live" for member in members), "not all in")
    before = {session: client.zrange(keys.presence(session), 0, -1, withscores=True) for session in SESSIONS}
    for member in members:
        assert await asyncio.wait_for(member.act("op-1", "count", {f"n:{member.hello['m']}": "1"}), 10) == "ok"
    heard = lambda: all(m.copy.state.get("n:ann") == m.copy.state.get("n:bob") == "1" for m in members)  # noqa: E731
    await waited(heard, "not all heard")

    def renewed() -> bool:
        now = {session: client.zrange(keys.presence(session), 0, -1, withscores=True) for session in SESSIONS}
        return all(dict(now[s])[lease] > score for s in SESSIONS for lease, score in before[s])

    await waited(renewed, "leases are not renewed")
    for member in members:
        member.stop()
    await asyncio.gather(*lives)


async def waited(is_so: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(until, is_so, what)
