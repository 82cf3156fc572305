"""A cluster of three primaries: the whole walk and the generated client, without CROSSSLOT; and how evenly sessions lie."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterator
from types import ModuleType

import pytest
import redis

from redis_plan import server
from redis_plan.delivery import library, walkthrough
from redis_plan.experiments import walkthrough as experiment
from redis_plan.keyspace import naming
from redis_plan.server import topology
from redis_plan.server.topology import Cluster
from tests.conftest import BINARIES
from tests.delivery import made

SESSIONS = 10_000


@pytest.fixture(scope="module", params=BINARIES, ids=lambda binary: binary.id)
def cluster(request: pytest.FixtureRequest, sample: made.Project) -> Iterator[Cluster]:
    """Three primaries of each build, each with the sample's library."""
    like = server.start_with(request.param)
    try:
        with topology.cluster(like) as made_of:
            load(made_of, sample)
            yield made_of
    finally:
        like.close()


def load(cluster: Cluster, project: made.Project) -> None:
    for node in cluster.nodes:
        node.client().function_flush()
        if text := library.compose(project.brief, project.keyspace):
            node.client().function_load(text)


def test_the_whole_walk_of_every_project_runs_on_three_primaries(cluster: Cluster, documents: object) -> None:
    client, used = cluster.client(decode_responses=True), set()
    try:
        for name in made.PROJECTS:
            project = made.of(name, documents)  # type: ignore[arg-type]
            load(cluster, project)
            for number in range(5):  # sessions of several slots
                walk = walkthrough.steps(project.brief, project.keyspace, session=f"s{number}")
                named = walkthrough.keys_in(walk)
                seen = walkthrough.play(client.execute_command, walk, lambda keys=named: experiment.look(client, keys))
                assert len(seen) == len(walk)
                used |= {cluster.nodes.index(cluster.node_of(naming.slot(key))) for key in named}
                for key in named:
                    client.unlink(key)
        assert used == {0, 1, 2}
    finally:
        client.close()


def test_names_without_the_tag_are_refused(cluster: Cluster, sample: made.Project) -> None:
    """The control: the same step with names in several slots must fail."""
    load(cluster, sample)
    with pytest.raises(
        redis.ResponseError, match=r"CROSSSLOT|same slot"
    ):  # asked of a node: the client refuses by itself
        cluster.nodes[0].client().fcall("session_create", 3, "a:state", "b:roster", "c:log", "ab", "60")


def test_the_generated_client_works_on_a_cluster(cluster: Cluster, generated: ModuleType, sample: made.Project) -> None:
    load(cluster, sample)
    client = cluster.client(decode_responses=True)
    o = generated.Operations(client, generated.Keys())
    for number in range(30):
        assert o.create(f"g{number}") == "created"
        assert o.join(f"g{number}", "ann", "c", {}) == (1, "joined")
        assert o.record_answer(f"g{number}", 1, "ann", "b").status == "ok"
        o.end(f"g{number}")
        o.hand_over(f"g{number}", "row")
        assert o.remove(f"g{number}") == "removed"
        assert not client.exists(o.keys.answer(f"g{number}", 1))
    client.close()


def test_hundreds_of_clients_lose_nothing_on_a_cluster(
    cluster: Cluster, generated: ModuleType, sample: made.Project
) -> None:
    load(cluster, sample)
    _, host, port = cluster.nodes[0].address  # type: ignore[misc]

    async def storm() -> list[object]:
        async with redis.asyncio.RedisCluster(host=host, port=port, max_connections=200) as client:
            o = generated.AsyncOperations(client, generated.Keys())
            for number in range(10):
                await o.create(f"h{number}")
            work = [o.join(f"h{n % 10}", f"m{n}", "c", {}, capacity=15) for n in range(200)]
            return list(await asyncio.gather(*work))

    replies = asyncio.run(storm())
    assert Counter(str(reply.status) for reply in replies) == {"joined": 150, "full": 50}  # type: ignore[attr-defined]


def test_ten_thousand_sessions_spread_evenly_over_three_primaries(
    cluster: Cluster, sample: made.Project, record_property: object
) -> None:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    template = sample.keyspace.pattern("state").template
    client = cluster.nodes[0].client()
    shares: Counter[int] = Counter()
    pipeline = client.pipeline(transaction=False)
    names = [
        naming.render(template, session_id="".join(secrets.choice(alphabet) for _ in range(12)))
        for _ in range(SESSIONS)
    ]
    for name in names:
        pipeline.execute_command("CLUSTER", "KEYSLOT", name)
    for name, slot in zip(names, pipeline.execute(), strict=True):
        assert slot == naming.slot(name)
        shares[cluster.nodes.index(cluster.node_of(slot))] += 1
    fullest = max(shares.values()) / (SESSIONS / 3)
    record_property("fullest_share", fullest)  # type: ignore[operator]
    print(
        f"\n{SESSIONS:,} sessions on three primaries: {sorted(shares.values())}; the fullest has {fullest:.3f} of an even share"
    )
    assert fullest < 1.06  # five standard deviations
