"""The harness sees what is there, and nothing that is not."""

import threading
import time

import numpy as np
import pytest

from redis_plan import server
from redis_plan.measure import openloop, serverside, statistics
from redis_plan.measure.interleave import interleaved
from redis_plan.measure.respwire import Wire, pack

RNG = np.random.default_rng(7)


@pytest.mark.parametrize(("size", "q"), [(200, 50), (200, 99), (5000, 50), (5000, 99)])
def test_a_percentile_is_numpys_and_its_interval_holds_it(size, q):
    values = RNG.lognormal(0, 1, size)
    found = statistics.percentile(values, q)
    assert found.value == np.percentile(values, q)
    assert found.low <= found.value <= found.high
    assert found.n == size


def test_the_interval_covers_the_true_median_about_as_often_as_it_says():
    covered = sum(
        (e := statistics.median(RNG.exponential(1, 101), seed=i)).low <= np.log(2) <= e.high for i in range(200)
    )
    assert covered >= 180


def test_a_drift_of_the_machine_divides_out_of_a_paired_ratio():
    drift = np.linspace(1, 3, 60)
    found = statistics.ratio(list(2.0 * drift * RNG.normal(1, 0.01, 60)), list(drift * RNG.normal(1, 0.01, 60)))
    assert found.low < 2 < found.high
    assert found.half_width < 0.01


def test_ratios_of_unequal_runs_are_refused():
    with pytest.raises(ValueError, match="3 values against 2"):
        statistics.ratio([1, 2, 3], [1, 2])


def test_a_difference_below_the_noise_floor_is_none():
    slower = statistics.Estimate(1.05, 1.02, 1.08, 50)
    assert statistics.verdict(slower, 0.10) == "no difference seen"
    assert statistics.verdict(slower, 0.01) == "slower"
    assert statistics.verdict(statistics.Estimate(0.5, 0.4, 0.6, 50), 0.1) == "faster"
    assert statistics.verdict(slower, None) == "not checked"


def test_two_labels_of_one_design_differ_rarely_in_simulated_runs():
    called = 0
    for seed in range(100):
        a, b, c = (RNG.lognormal(0, 0.2, 40) for _ in range(3))
        floor = statistics.noise_floor(statistics.ratio(list(b), list(a), seed))
        called += statistics.verdict(statistics.ratio(list(c), list(a), seed), floor) != "no difference seen"
    assert called <= 5


def endless(*commands: bytes):
    def make():
        while True:
            yield commands

    return make


@pytest.mark.alone
def test_a_busy_script_is_called_slower_than_none_on_a_live_server(own_server):
    busy = pack("EVAL", "local x = 0; for i = 1, 200000 do x = x + i end; return x", 0)
    idle = pack("EVAL", "return 1", 0)
    seen = []
    for budget_s in (0.2, 1.0, 5.0):  # a machine that is busy itself needs more rounds
        with Wire(own_server.address) as wire:
            timed = interleaved(wire, {"idle": endless(idle), "again": endless(idle), "busy": endless(busy)}, budget_s)
        by = {label: list(rows["seconds"]) for label, rows in timed.rounds.groupby("label")}
        floor = statistics.noise_floor(statistics.ratio(by["again"], by["idle"]))
        seen.append(statistics.verdict(statistics.ratio(by["busy"], by["idle"]), floor))
        if seen[-1] == "slower":
            break
    assert seen[-1] == "slower"
    assert "faster" not in seen


def test_every_candidate_gets_equally_many_rounds(own_server):
    with Wire(own_server.address) as wire:
        timed = interleaved(wire, {"a": endless(pack("PING")), "b": endless(pack("TIME"))}, 0.05)
    assert timed.rounds.groupby("label").size().nunique() == 1


@pytest.mark.alone
def test_a_stall_shows_in_the_open_loop_and_hides_in_the_closed_one():
    with server.open() as live, Wire(live.address) as wire, Wire(live.address) as closed:

        def stall():
            time.sleep(0.3)
            live.pause()
            time.sleep(0.3)
            live.resume()

        naive = []

        def closed_loop():
            until = time.perf_counter() + 1.2
            while time.perf_counter() < until:
                started = time.perf_counter()
                closed.ask(pack("PING"))
                naive.append(time.perf_counter() - started)
                time.sleep(0.001)

        threads = [threading.Thread(target=stall), threading.Thread(target=closed_loop)]
        for thread in threads:
            thread.start()
        load = openloop.offer(wire, iter(lambda: pack("PING"), None), 1000, 1.2)
        for thread in threads:
            thread.join()
    assert np.percentile(load.latency_s, 80) > 0.03
    assert np.percentile(naive, 95) < np.percentile(load.latency_s, 80)


@pytest.mark.alone
def test_offered_and_achieved_rate_agree_when_the_server_keeps_up(own_server):
    with Wire(own_server.address) as wire:
        load = openloop.offer(wire, iter(lambda: pack("PING"), None), 500, 2.0)
    assert load.achieved_per_s == pytest.approx(500, rel=0.1)
    assert len(load.latency_s) == 1000


def test_server_side_cost_counts_our_commands_and_not_the_looking(own_server):
    client = own_server.client()
    before = serverside.command_stats(client)
    for n in range(7):
        client.set("serverside", n)
    costs = serverside.since(before, serverside.command_stats(client))
    assert costs["set"].calls == 7
    assert "info" not in costs
    assert costs["set"].seconds_per_call > 0


def test_an_error_reply_is_returned_and_the_connection_goes_on(own_server):
    with Wire(own_server.address) as wire:
        assert "unknown command" in str(wire.ask(pack("NOPE"))).lower()
        assert wire.ask(pack("PING") * 3, 3) == b"PONG"
