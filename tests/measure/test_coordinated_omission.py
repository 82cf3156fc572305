"""A second's stall is in the open loop's p99, and the naive closed loop beside it never saw it."""

import itertools
import threading
import time

import numpy as np

from redis_plan import server
from redis_plan.measure import histogram, openloop
from redis_plan.measure.respwire import Wire, pack

SECONDS, STALL_S, RATE = 10.0, 1.0, 400


def closed_loop(wire: Wire, seconds: float) -> list[float]:
    """Ask, wait for the answer, ask again every two milliseconds: the way that most benchmarks measure."""
    spent, ends = [], time.perf_counter() + seconds
    while time.perf_counter() < ends:
        started = time.perf_counter()
        wire.ask(pack("GET", "stall"))
        spent.append(time.perf_counter() - started)
        time.sleep(0.002)
    return spent


def test_a_stall_of_one_second_in_ten_shows_in_p99_of_the_open_loop_only():
    naive: list[float] = []
    with server.open_own({"enable-debug-command": "yes"}) as live, Wire(live) as wire, Wire(live) as asked:
        client = live.client(socket_timeout=30)

        def stall() -> None:
            time.sleep(4)
            client.execute_command("DEBUG", "SLEEP", STALL_S)

        threads = [
            threading.Thread(target=stall),
            threading.Thread(target=lambda: naive.extend(closed_loop(asked, SECONDS))),
        ]
        for thread in threads:
            thread.start()
        load = openloop.offer(wire, itertools.repeat(pack("GET", "stall")), RATE, SECONDS)
        for thread in threads:
            thread.join()

    honest = histogram.of(load.latency_s)
    assert honest.count == SECONDS * RATE
    assert honest.percentile(99) > 0.5  # a tenth of the time was lost, so p99 lies deep in the stall
    assert honest.max_s >= STALL_S * 0.95
    assert np.percentile(naive, 99) < 0.2  # one command of thousands waited; the others were never sent
    assert sum(value > STALL_S / 2 for value in naive) <= 2
    assert np.count_nonzero(load.latency_s > STALL_S / 2) > 0.4 * STALL_S * RATE
