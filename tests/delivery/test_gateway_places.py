"""The delivered gateway as it is, where the server is a cluster, has sharded channels, or lends it a replica to read from."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redis_plan import brief, server
from redis_plan.actions import designing
from redis_plan.delivery import acl, syncing
from redis_plan.keyspace import design, naming
from redis_plan.rig import hall
from redis_plan.server import Server, topology
from tests.delivery import made
from tests.delivery.games.players import AskingMember as Member
from tests.delivery.playing import until
from tests.delivery.test_cluster import load
from tests.delivery.test_neighbours import BOARD

SESSIONS = [f"p{number}" for number in range(6)]  # of all three primaries
#: No beacon comes and leases are renewed at once: what a copy has, it heard.
GIVEN = {"timing": {"beacon_s": 3600.0}, "limits": {"heartbeat_s": 0.5}}
#: A client of the server as the application, its URL as the same, and what more the gateway is told.
Place = tuple[Any, str, Mapping[str, str]]
APP = {"username": "app", "password": "pw", "decode_responses": True}


def board(channels: str) -> made.Project:
    """A project with two channels of signals beside the events of a session, whose events the team pinned."""
    read = replace(brief.read(BOARD), pinned={"events": channels})
    return made.Project("whiteboard", read, design(read))


def let_in(project: made.Project, *servers: Server) -> None:
    """Make the users of the project."""
    for one in servers:
        for user in acl.users(project.keyspace):
            one.client().execute_command("ACL", "SETUSER", user.name, "reset", "on", ">pw", *user.rules)


@contextmanager
def place(name: str, project: made.Project) -> Iterator[Place]:
    with ExitStack() as held:
        like = held.enter_context(server.open_own({"port": "auto"}))
        if name == "cluster":
            cluster = held.enter_context(topology.cluster(like))
            load(cluster, project)
            let_in(project, *cluster.nodes)
            client = cluster.client(**APP)
            held.callback(client.close)
            yield client, f"redis://app:pw@127.0.0.1:{cluster.nodes[0].address[-1]}", {"REDIS_CLUSTER": "1"}
            return
        like.client().function_load(project.text("functions.lua"))
        let_in(project, like)
        told: Mapping[str, str] = {}
        if name == "replica":
            replica = held.enter_context(
                server.open_own({"port": "auto", "replicaof": f"127.0.0.1 {like.address[-1]}"})
            )
            until(lambda: replica.client().info("replication")["master_link_status"] == "up", "never a replica")
            let_in(project, replica)
            told = {"REDIS_READ_URL": f"redis://app:pw@127.0.0.1:{replica.address[-1]}"}
        yield like.client(**APP), f"redis://app:pw@127.0.0.1:{like.address[-1]}", told


@pytest.mark.parametrize(
    ("name", "channels"),
    [("cluster", "sharded-pubsub"), ("single", "sharded-pubsub"), ("replica", "pubsub"), ("replica", "sharded-pubsub")],
)
def test_what_a_member_does_is_heard_by_the_others_and_leases_are_renewed(
    tmp_path: Path, name: str, channels: str
) -> None:
    project = board(channels)
    folder = made.write(project.artefacts, tmp_path / "redis")
    delivered = made.client_module(folder, f"places_{name}")
    with (
        place(name, project) as (client, address, told),
        hall.gateway(folder, [address], environment=told, **GIVEN) as (_, port),
    ):
        asyncio.run(story(delivered, client, [f"ws://127.0.0.1:{port}/"], project))


async def story(delivered: ModuleType, client: Any, urls: list[str], project: made.Project) -> None:
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
    for channel in (name for name, _ in syncing.signals(project.keyspace)):
        publish = "SPUBLISH" if project.keyspace.pattern(channel).sharded else "PUBLISH"
        for session in SESSIONS:
            signal = json.dumps({"t": "~cursor", "d": [channel, session]})
            client.execute_command(publish, getattr(keys, channel)(session), signal)

    def signalled() -> bool:
        told = [[json.loads(text)["d"] for text in m.texts if '"~cursor"' in text] for m in members]
        return told == [[[channel, m.hello["s"]] for channel in ("signals", "cursors")] for m in members]

    await waited(signalled, "not all heard the signals of their session, and no others")

    def renewed() -> bool:
        now = {session: client.zrange(keys.presence(session), 0, -1, withscores=True) for session in SESSIONS}
        return all(dict(now[s])[lease] > score for s in SESSIONS for lease, score in before[s])

    await waited(renewed, "leases are not renewed")
    for member in members:
        member.stop()
    await asyncio.gather(*lives)


async def waited(is_so: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(until, is_so, what)


def test_a_worker_on_three_primaries_ends_what_is_over_and_gives_it_back(tmp_path: Path) -> None:
    read = replace(brief.read(BOARD), pinned={"events": "sharded-pubsub"})
    project = made.Project("whiteboard", read, designing.design(read))
    folder = made.write(project.artefacts, tmp_path / "redis")
    delivered = made.client_module(folder, "places_worker")
    text = project.text(syncing.PYTHON_DUTIES).replace("kept, STAYS_S", "kept, 0.0", 1)
    (folder / "work.py").write_text(text, "utf-8")
    with place("cluster", project) as (client, address, told):
        keys = delivered.Keys(naming.ENVIRONMENT)
        operations = delivered.Operations(client, keys)
        for session in SESSIONS:
            operations.create(session, owner="ann")
            client.hset(keys.state(session), "updated_at", 1)
            client.zadd(keys.due(delivered.bucket(session)), {f"{session}:idle": 1, f"{session}:lease": 1})
        environment = {**os.environ, **told, "REDIS_URL": address.replace("app:", "worker:"), "PYTHONPATH": ""}
        process = subprocess.Popen([sys.executable, "work.py"], cwd=folder, env=environment, stderr=subprocess.PIPE)
        try:
            until(
                lambda: not any(client.hget(keys.state(session), "status") for session in SESSIONS),
                "what is over stays",
            )
            left = lambda: [e for s in SESSIONS for e in client.zrange(keys.due(delivered.bucket(s)), 0, -1)]  # noqa: E731
            until(lambda: not left(), "deadlines stay")
        finally:
            process.terminate()
            _, warned = process.communicate(timeout=30)
        assert (process.returncode, warned) == (0, b"")
