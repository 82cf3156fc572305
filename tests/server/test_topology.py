"""Topologies of our own: replicas in sync, Sentinels that fail over, a cluster whose slots are shared."""

import pytest
import redis
from redis.crc import key_slot

from redis_plan import server
from redis_plan.server import topology
from tests.conftest import within


@pytest.fixture(params=server.available(), ids=lambda binary: binary.id)
def like(request):
    live = server.start_with(request.param)
    yield live
    live.close()


def test_a_replica_has_what_its_primary_has(like):
    with topology.replicated(like, replicas=2) as group:
        assert group.primary.fingerprint.version == like.fingerprint.version
        group.primary.client().set("x", "1")
        assert group.primary.client().wait(2, 20_000) == 2
        assert [replica.client().get("x") for replica in group.replicas] == [b"1", b"1"]
        with pytest.raises(redis.ReadOnlyError):
            group.replicas[0].client().set("x", "2")


def named_primary(group):
    host, port = group.sentinels[0].client().execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", group.name)
    return host.decode(), int(port)


def test_sentinels_promote_the_replica_when_the_primary_is_killed(like):
    with topology.watched(like) as group:
        view = group.sentinel(socket_timeout=1)
        assert view.discover_master(group.name) == group.primary.address[1:]
        group.primary.kill()
        promoted = group.replicas[0].address[1:]
        assert within(60, lambda: named_primary(group) == promoted)
        assert within(30, lambda: group.replicas[0].client().role()[0] == b"master")
        for sentinel in view.sentinels:
            sentinel.close()


def test_a_cluster_shares_all_slots_evenly(like):
    with topology.cluster(like) as group:
        client = group.client()
        for name in ("a", "b", "{tag}c"):
            client.set(name, "1")
            assert group.node_of(key_slot(name.encode())).client().get(name) == b"1"
        with pytest.raises(redis.RedisError):
            group.nodes[0].client().mget("a", "b", "c", "d")
        client.close()
