"""The atomic steps outside sessions, each under two hundred clients, and each refusing what it can't take."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import redis

from redis_plan.delivery import library
from redis_plan.keyspace import functions
from redis_plan.server import Server
from tests.delivery import made
from tests.delivery.conftest import CLIENTS, Crowd

KEY, OTHER = "c:{x}:one", "c:{x}:two"
GOOD = {"channel": "", "bytes": "m"}


@pytest.fixture(scope="module")
def every(fresh: Server) -> Server:
    """A server with every function of the catalog's common.lua."""
    fresh.client().function_load(functions.library("common", library.common()))
    return fresh


@pytest.fixture
def client(every: Server) -> redis.Redis:
    live = every.client(decode_responses=True)
    live.flushall()
    return live


@pytest.fixture
def storm(crowd: Crowd, client: redis.Redis) -> Callable[..., list[Any]]:
    """Call a function from every client at once, with arguments made from its number."""

    def run(name: str, keys: list[str], args: Callable[[int], list[object]]) -> list[Any]:
        work = [c.fcall(name, len(keys), *keys, *args(n)) for n, c in enumerate(crowd.clients)]
        return crowd.run(work)  # type: ignore[arg-type]

    return run


def test_a_sliding_window_lets_exactly_its_number_through_and_a_repeat_counts_once(storm: Any, client: Any) -> None:
    replies = storm("rate_slide", [KEY], lambda n: [20, 60_000, f"op{n}"])
    assert sum(status == b"allowed" for _, status in replies) == 20
    (member, *_) = client.zrange(KEY, 0, 0)
    assert client.fcall("rate_slide", 1, KEY, 20, 60_000, member) == [20, "allowed"]
    assert client.pttl(KEY) > 0


def test_one_takes_the_lock_and_the_next_holder_gets_a_higher_token(storm: Any, client: Any) -> None:
    replies = storm("lock_take", [KEY, OTHER], lambda n: [f"w{n}", 60_000, 600])
    assert Counter(status for _, status in replies) == {b"held": CLIENTS - 1, b"taken": 1}
    holder = f"w{replies.index([1, b'taken'])}"
    assert client.fcall("lock_take", 2, KEY, OTHER, holder, 60_000, 600) == [1, "taken"]  # again, for longer
    assert client.fcall("lock_release", 1, KEY, "w-none", 1) == "lost"
    assert client.fcall("lock_release", 1, KEY, holder, 1) == "released"
    assert sorted(storm("lock_take", [KEY, OTHER], lambda n: [f"v{n}", 60_000, 600]))[-1] == [2, b"taken"]


def test_a_clock_that_was_set_back_refuses_nobody(client: Any) -> None:
    """The uses of the hour to come, as a server noted them whose clock was an hour ahead."""
    seconds, _ = client.time()
    client.zadd(KEY, {f"early{n}": (seconds + 3600) * 1000 + n for n in range(20)})
    assert client.fcall("rate_slide", 1, KEY, 20, 60_000, "now") == [1, "allowed"]


def test_a_code_leads_to_one_session_and_only_that_one_keeps_it_or_gives_it_back(storm: Any, client: Any) -> None:
    replies = storm("code_take", [KEY], lambda n: [f"s{n}", 60])
    assert Counter(replies) == {b"held": CLIENTS - 1, b"taken": 1}
    session = client.get(KEY)
    assert client.fcall("code_release", 1, KEY, "s-none") == "lost"
    assert client.fcall("code_take", 1, KEY, session, 600) == "taken"  # asked once more: kept for longer
    assert client.ttl(KEY) > 60
    assert client.fcall("code_release", 1, KEY, session) == "released"
    assert not client.exists(KEY)


def test_an_inbox_keeps_its_newest_and_publishes_each(storm: Any, client: Any) -> None:
    listener = client.pubsub(ignore_subscribe_messages=True)
    listener.subscribe("news")
    listener.get_message(timeout=1)
    assert max(storm("inbox_push", [KEY], lambda n: ["news", f"m{n}", 50, 60])) == 50
    assert client.llen(KEY) == 50
    assert client.ttl(KEY) > 0
    heard, until = set(), time.monotonic() + 5
    while len(heard) < CLIENTS and time.monotonic() < until:
        if message := listener.get_message(timeout=0.5):
            heard.add(message["data"])
    listener.close()
    assert heard == {f"m{n}" for n in range(CLIENTS)}


def test_the_fields_of_one_value_are_never_mixed(storm: Any, client: Any) -> None:
    storm("hash_put", [KEY], lambda n: ["", "", 60, "price", n, "at", n])
    assert len(set(client.hgetall(KEY).values())) == 1
    assert client.ttl(KEY) > 0


def test_a_series_keeps_one_value_a_time_and_its_newest(storm: Any, client: Any) -> None:
    storm("series_add", [KEY], lambda n: [1000 + n % 40, f"v{n}", 30, 60])
    scores = [score for _, score in client.zrange(KEY, 0, -1, withscores=True)]
    assert scores == list(range(1010, 1040))


def test_of_a_ranking_the_best_stay_each_with_the_last_value(storm: Any, client: Any) -> None:
    assert set(map(tuple, storm("board_put", [KEY], lambda n: [f"u{n}", n, 50, 60]))) == {(0, b"missing")}
    storm("board_fill", [KEY], lambda n: [50, 60, f"u{n}", n])
    storm("board_put", [KEY], lambda n: [f"u{n}", 1000 + n, 50, 60])
    best = [f"u{n}" for n in range(CLIENTS - 1, CLIENTS - 51, -1)]
    assert client.zrange(KEY, 0, -1, desc=True) == best


def test_nobody_is_matched_twice(storm: Any, client: Any) -> None:
    client.zadd(KEY, {f"m{n}": n for n in range(31)})
    matched = [tuple(reply) for reply in storm("match_take", [KEY], lambda n: [2]) if reply]
    assert len(matched) == 15
    assert len({m for pair in matched for m in pair}) == 30
    assert client.zrange(KEY, 0, -1) == ["m30"]


def test_a_position_has_a_lease_and_goes_with_it(storm: Any, client: Any) -> None:
    storm("position_put", [KEY, OTHER], lambda n: [f"d{n}", 21 + n / 1000, 52, 60_000, 60])
    assert client.zcard(KEY) == client.zcard(OTHER) == CLIENTS
    client.zadd(OTHER, {f"d{n}": 1 for n in range(30)})
    swept = [name for reply in storm("position_sweep", [KEY, OTHER], lambda n: [5]) for name in reply]
    assert len(swept) == len(set(swept)) == 30
    assert client.zcard(KEY) == client.zcard(OTHER) == CLIENTS - 30


def test_what_moves_between_cells_is_in_one_of_them(storm: Any, client: Any) -> None:
    cells = ["c:{x}:a", "c:{x}:b", "c:{x}:c"]
    for turn in range(3):
        storm("cell_move", [cells[turn % 3], cells[(turn + 1) % 3]], lambda n: [f"d{n}", 60_000, 60])
    assert [client.zcard(cell) for cell in cells] == [CLIENTS, 0, 0]


def test_who_comes_online_is_new_once(storm: Any, client: Any) -> None:
    assert storm("online_beat", [KEY], lambda n: [f"u{n % 25}", 60_000, 60]).count(b"new") == 25
    assert client.ttl(KEY) > 0


def test_uniques_are_counted_about_right(storm: Any, client: Any) -> None:
    storm("unique_add", [KEY], lambda n: [f"u{n % 100}", 60])
    assert 95 <= client.pfcount(KEY) <= 105
    assert client.ttl(KEY) > 0


@pytest.mark.parametrize("function", library.common(), ids=lambda f: f.name)
def test_bad_arguments_and_foreign_types_write_nothing(
    client: Any, fresh: Server, function: functions.Function
) -> None:
    made.skip_without(fresh, function)
    keys = [KEY, OTHER][: len(function.keys)]
    with pytest.raises(redis.ResponseError, match=f"BADARG {function.name}"):
        client.fcall(function.name, len(keys), *keys)
    for key, (_, type_) in zip(keys, function.call.keys, strict=True):  # each holds what its function can't work on
        client.set(key, "text") if type_ == "stream" else client.xadd(key, {"f": "v"})
    before = [client.get(key) if client.type(key) == "string" else client.xlen(key) for key in keys]
    enough = [GOOD.get(a.check, "1") for a in function.call.args]
    enough += ["f", "1"] if function.call.rest else []
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        client.fcall(function.name, len(keys), *keys, *enough)
    assert [client.get(key) if client.type(key) == "string" else client.xlen(key) for key in keys] == before


def test_cleanup_works_when_memory_is_full(client: Any) -> None:
    client.fcall("code_take", 1, KEY, "ann", 60)
    client.config_set("maxmemory", "1")
    try:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.fcall("code_take", 1, OTHER, "ann", 60)
        assert client.fcall("code_release", 1, KEY, "ann") == "released"
    finally:
        client.config_set("maxmemory", "0")
