"""The constants of the running server's layout, checked against the server itself: one key in a fresh server shows each struct."""

import random
from contextlib import closing

import pytest

from redis_plan.chapters.memory import loading
from redis_plan.memory import layout, live, model
from redis_plan.memory.reported import memory_usage
from redis_plan.memory.shape import Shape
from redis_plan.server import Binary, available, start_with
from tests.benchmarks import keygrid

#: What each probe shows; the sizes of 20 bytes stand for any.
PROBES = {
    "robj, dict_entry, keyspace_dict": Shape("string", 20, vsize="20", n_keys=1),
    "expires_dict": Shape("string", 20, vsize="20", n_keys=1, ttl=True),
    "a value of its own": Shape("string", 40, vsize="200", n_keys=1),
    "listpack": Shape("hash", 20, n_elem=5, fsize="8", vsize="8", n_keys=1),
    "dict or hashtable, hash entries": Shape("hash", 20, n_elem=4, fsize="8", vsize="100", batch=0, n_keys=1),
    "intset": Shape("set", 20, n_elem=5, vsize="int24", n_keys=1),
    "quicklist, quicklist_node": Shape("list", 20, n_elem=100, vsize="200", n_keys=1),
    "stream, rax": Shape("stream", 20, n_elem=1, fsize="4", vsize="4", batch=1, n_keys=1),
    "full stream nodes": Shape("stream", 20, n_elem=200, fsize="4", vsize="4", batch=1, n_keys=1),
    "stream_group": Shape("stream", 20, n_elem=1, fsize="4", vsize="4", groups=1, batch=1, n_keys=1),
    "stream_consumer, stream_nack": Shape("stream", 20, n_elem=10, fsize="4", vsize="4", groups=2, pending=8, batch=1, n_keys=1),
}  # fmt: skip


@pytest.mark.parametrize("binary", available(), ids=lambda binary: binary.id)
@pytest.mark.parametrize("shows", PROBES)
def test_a_struct_takes_what_its_constant_says(binary: Binary, shows: str) -> None:
    shape = PROBES[shows]
    with (
        closing(start_with(binary, loading.CONFIG | {"latency-tracking": "no"})) as server,
        server.client(driver_info=None) as client,
    ):
        build = live.build_of(server)
        # whoever asked while it started gives its buffers back amid our readings
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        before = loading.settle(client).data
        loading.send(server, keygrid.commands(shape, random.Random(1)))
        grown = loading.settle(client).data - before
        reported = loading.usage(client, [keygrid.names(shape)[0].decode()])[0]
    # glibc leaves 16 B in a block that it can't split
    spare = 32 if build.allocator == "libc" else 0
    # 7.2 and later: the first blocked or grouped read leaves a list of its own once
    once = 32 if shape.groups else 0
    expected = model.predict(shape, build)
    assert abs(grown - (expected.used_memory - expected.left)) <= spare + once + expected.left, shows
    assert abs(reported - memory_usage(shape, build)) <= spare, shows


def test_each_constant_names_the_version_and_the_file_it_was_read_in() -> None:
    for name in layout.families():
        found = layout.load(name)
        assert set(found.sources) == {*found.sizes, *found.rules}
        for constant, source in found.sources.items():
            version, _, file = source.partition(", ")
            assert version.split()[0] in ("redis", "valkey"), f"{name}: {constant}"
            assert version.split()[1][0].isdigit(), f"{name}: {constant}"
            assert any(part in file for part in ("src/", "HEXPIRE", "seen on")), f"{name}: {constant}"
