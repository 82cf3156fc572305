"""Many connections, mixed commands: everything sent is answered, counted once, and timed from when it was meant to leave."""

import itertools
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_plan.measure import replies
from redis_plan.measure.crowd import Share, offer_crowd
from redis_plan.measure.respwire import pack


def mix():
    return {
        "write": Share(itertools.repeat(pack("SET", "crowd:a", "x" * 40)), 1),
        "read": Share(itertools.repeat(pack("GET", "crowd:a")), 3),
    }


@pytest.mark.parametrize("connections", [1, 7, 60])
def test_every_command_of_the_mix_is_sent_once_and_answered(own_server, connections):
    client = own_server.client()
    client.config_resetstat()
    load = offer_crowd(own_server, mix(), 2000, 0.4, connections=connections)
    stats = client.info("commandstats")
    assert stats["cmdstat_set"]["calls"] == len(load.of("write"))
    assert stats["cmdstat_get"]["calls"] == len(load.of("read"))
    assert len(load.latency_s) == 800
    assert 0.65 < len(load.of("read")) / 800 < 0.85
    assert (load.latency_s > 0).all()
    assert load.errors == 0
    assert set(load.samples()["kind"]) == {"read", "write"}


def test_the_same_seed_draws_the_same_mix(own_server):
    one, two = (offer_crowd(own_server, mix(), 5000, 0.1, connections=3, seed=5) for _ in range(2))
    assert (one.kinds == two.kinds).all()


def test_errors_are_counted_and_are_answers(own_server):
    load = offer_crowd(own_server, {"bad": Share(itertools.repeat(pack("NOPE")))}, 1000, 0.1, connections=4)
    assert load.errors == 100


def test_commands_larger_than_a_socket_takes_arrive_whole(own_server):
    big = {"big": Share(itertools.repeat(pack("SET", "crowd:big", "x" * 3_000_000)))}
    load = offer_crowd(own_server, big, 100, 0.2, connections=2, counting=replies.lines)
    assert own_server.client().strlen("crowd:big") == 3_000_000
    assert load.errors == 0


@pytest.mark.alone
def test_a_stall_is_charged_to_every_connection_that_it_delayed(own_server):
    client = own_server.client()

    def calls() -> int:
        return client.info("commandstats").get("cmdstat_get", {"calls": 0})["calls"]

    def stall() -> None:
        while calls() == before:  # the crowd has not begun
            time.sleep(0.01)
        own_server.pause()
        time.sleep(0.3)
        own_server.resume()

    before, stalling = calls(), threading.Thread(target=stall)
    stalling.start()
    load = offer_crowd(own_server, mix(), 1000, 1.0, connections=20)
    stalling.join()
    assert (load.latency_s > 0.02).sum() > 100  # everything that was due while the server hung


chunks = st.lists(st.integers(1, 9), min_size=1, max_size=40)


def split(text: bytes, sizes: list[int]):
    place = 0
    for size in itertools.cycle(sizes):
        if place >= len(text):
            return
        yield text[place : place + size]
        place += size


@given(st.lists(st.sampled_from([b"+OK\r\n", b":17\r\n", b"-ERR no - no\r\n"]), max_size=30), chunks)
def test_replies_of_one_line_are_counted_in_any_pieces(sent, sizes):
    counter = replies.lines()
    assert sum(counter.feed(piece) for piece in split(b"".join(sent), sizes)) == len(sent)
    assert counter.errors == sum(reply.startswith(b"-") for reply in sent)


@given(st.lists(st.sampled_from([b"$3\r\nabc\r\n", b"$4\r\n17-0\r\n", b"-ERR no\r\n"]), max_size=30), chunks)
def test_bulk_strings_are_counted_in_any_pieces(sent, sizes):
    for make in (lambda: replies.lines(2), replies.parsed):
        counter = make()
        assert sum(counter.feed(piece) for piece in split(b"".join(sent), sizes)) == len(sent)
        assert counter.errors == sum(reply.startswith(b"-") for reply in sent)


@given(st.integers(0, 30), chunks)
def test_replies_of_one_size_are_counted_in_any_pieces(count, sizes):
    counter = replies.sized(9)
    assert sum(counter.feed(piece) for piece in split(b"$3\r\nabc\r\n" * count, sizes)) == count
    assert counter.errors == 0
