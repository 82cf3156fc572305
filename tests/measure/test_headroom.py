"""What the server says it spent, and what is thrown away because the generator measured itself."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import redis

from redis_plan.measure import headroom, openloop, serverside
from redis_plan.measure.drive import Driven
from redis_plan.measure.respwire import Wire, pack


@pytest.mark.alone
def test_server_side_figures_count_our_commands_by_name(own_server):
    client = own_server.client()
    before = serverside.look(client)
    for number in range(300):
        client.set("headroom", number)
    between = serverside.look(client)
    client.eval("for i = 1, 5000000 do end", 0)
    after = serverside.look(client)
    seen = serverside.spent(before, after)
    assert {name: cost.calls for name, cost in seen.commands.items()} == {"set": 300, "eval": 1}
    assert seen.latency["set"].count == 300
    assert seen.latency["eval"].at_most(50) > seen.latency["set"].at_most(50)
    assert seen.latency["eval"].at_most(99) >= seen.commands["eval"].seconds_per_call
    # what the thread computed, call for call; not its microseconds, in which others may have had the processor
    assert serverside.spent(between, after).cpu_s > serverside.spent(before, between).cpu_s / 300
    assert 0 < seen.cpu_share <= 1.1
    assert seen.cpu_per_command_s == pytest.approx(seen.cpu_s / 301)


def test_percentiles_are_upper_ends_of_buckets():
    buckets = serverside.Buckets({1: 90, 4: 9, 1024: 1})
    assert [buckets.at_most(q) for q in (50, 90, 95, 99, 100)] == [1e-6, 1e-6, 4e-6, 4e-6, 1024e-6]
    with pytest.raises(ValueError, match="no calls"):
        serverside.Buckets({}).at_most(50)


def test_a_server_without_the_histogram_has_no_buckets():
    class Old(redis.Redis):
        def execute_command(self, *args, **options):
            raise redis.ResponseError("unknown subcommand")

    assert serverside.latency_histogram(Old()) == {}


def test_a_map_reply_reads_as_the_list_reply(own_server):
    two, three = own_server.client(protocol=2), own_server.client(protocol=3)
    two.set("headroom", 1)
    assert set(serverside.latency_histogram(two)) - set(serverside.latency_histogram(three)) <= {"client|setinfo"}


@pytest.mark.parametrize(
    ("server_share", "client_share", "bottleneck"),
    [
        (0.97, 0.99, "server"),
        (0.4, 0.95, "client"),
        (0.3, 0.2, "neither"),
        (0.95, 0.1, "server"),
        (0.5, 0.55, "neither"),
    ],
)
def test_the_side_that_computes_while_the_other_waits_is_the_bottleneck(server_share, client_share, bottleneck):
    driven = Driven(1000, 2.0, 2.0 * client_share, 1, 1)
    found = headroom.Saturated(driven, 1e-6, 2e-6, server_share)
    assert found.bottleneck == bottleneck
    assert found.publishable == (bottleneck != "client")


@pytest.mark.alone
def test_a_slow_script_makes_the_server_the_bottleneck(own_server):
    slow = pack("EVAL", "for i = 1, 20000 do end return 1", 0)
    found = headroom.saturate(own_server, own_server.client(), slow, b":1\r\n", commands=400, pipeline=4, connections=4)
    assert found.publishable
    quick = headroom.saturate(own_server, own_server.client(), pack("PING"), b"+PONG\r\n", commands=400, connections=4)
    assert found.cpu_s > quick.cpu_s > 0
    assert found.server_s > quick.server_s
    assert found.driven.commands >= 400


def load(late_s):
    return openloop.Load(100, 100, np.full(50, 0.001), late_s)


def test_runs_whose_generator_was_late_are_discarded():
    runs = iter([load(0.5), load(0.4), load(0.0001)])
    found = headroom.kept(lambda: next(runs))
    assert found.discarded == 2
    assert found.load.late_send_s == 0.0001
    never = headroom.kept(lambda: load(0.3), attempts=2)
    assert never.load is None
    assert "300.0 ms late at p99 in each of 2 runs" in never.reason


def test_a_lateness_that_the_latency_dwarfs_is_no_bottleneck():
    slow = replace(load(0.01), latency_s=np.full(50, 0.1))
    assert slow.has_headroom
    assert not load(0.01).has_headroom


def test_an_impossible_rate_is_seen_as_the_generators_limit(own_server):
    big = itertools.repeat(pack("SET", "headroom:big", "x" * 200_000))
    with Wire(own_server.address) as wire:
        found = headroom.kept(lambda: openloop.offer(wire, big, 50_000, 0.02), attempts=1)
    assert found.load is None or found.load.achieved_per_s < 50_000
