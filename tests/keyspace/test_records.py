"""session_record: one change of a collection is one step with version, log, idempotency, TTL and publish."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from redis_plan.keyspace import functions, records
from redis_plan.server import Server

Record = Callable[..., Any]
KEYS = [f"rec:{{s}}:{part}" for part in ("state", "log", "idem", "target")]
TYPES = {"HSET": "hash", "HINCRBY": "hash", "ZINCRBY": "zset", "ZADD": "zset", "RPUSH": "list", "SADD": "set"}


@pytest.fixture(params=["eval", "function"])
def record(own_server: Server, request: pytest.FixtureRequest) -> Record:
    """Call the function on a fresh session in both of its forms."""
    client = own_server.client(decode_responses=True)
    for key in client.scan_iter(match="rec:*"):
        client.unlink(key)
    records.install(client, use_functions=request.param == "function")
    functions.call(client, "session_create", [KEYS[0], "rec:{s}:roster", KEYS[1]], ["9f3c", 60])

    def run(command: str, element: str, *value: str, op: str = "", expected: str = "", most: int = 100) -> Any:
        args = ["", op, expected, "record", '{"n":1}', 60, "100", 30, command, most, element, *value]
        return records.call(client, KEYS, args, form=request.param)

    run.client = client  # type: ignore[attr-defined]
    return run


@pytest.mark.parametrize("command", TYPES)
def test_a_change_bumps_the_version_logs_it_and_sets_the_ttl(record: Record, command: str) -> None:
    client: redis.Redis = record.client  # type: ignore[attr-defined]
    value = () if command in ("RPUSH", "SADD") else ("5",)
    assert record(command, "ann", *value) == [1, "ok"]
    assert client.type(KEYS[3]) == TYPES[command]
    assert client.hget(KEYS[0], "version") == "1"
    assert json.loads(client.lrange(KEYS[1], -1, -1)[0])["v"] == 1  # type: ignore[index]
    assert 0 < client.ttl(KEYS[3]) <= 60  # type: ignore[operator]


def test_an_operation_sent_again_counts_once(record: Record) -> None:
    assert record("ZINCRBY", "ann", "10", op="op1") == [1, "ok"]
    assert record("ZINCRBY", "ann", "10", op="op1") == [1, "duplicate"]
    assert record.client.zscore(KEYS[3], "ann") == 10  # type: ignore[attr-defined]


def test_what_was_made_against_an_older_version_writes_nothing(record: Record) -> None:
    assert record("ZADD", "ann", "100", expected="0") == [1, "ok"]
    assert record("ZADD", "bob", "90", expected="0") == [1, "conflict"]
    assert record.client.zrange(KEYS[3], 0, -1) == ["ann"]  # type: ignore[attr-defined]


def test_a_session_that_is_gone_gets_no_orphan(record: Record) -> None:
    record.client.unlink(KEYS[0])  # type: ignore[attr-defined]
    assert record("HSET", "ann", "5") == [0, "gone"]
    assert not record.client.exists(KEYS[3])  # type: ignore[attr-defined]


def test_ending_names_the_keys_of_rounds_that_it_was_not_given(own_server: Server, record: Record) -> None:
    client: redis.Redis = record.client  # type: ignore[attr-defined]
    target, KEYS[3] = KEYS[3], "rec:{s}:vote:7"
    try:
        record("HSET", "ann", "5")
    finally:
        KEYS[3] = target
    functions.call(client, "session_end", KEYS[:2], ["", 60, 100])
    functions.call(client, "session_hand_over", KEYS[:2], ["row 7", "", 60, 100])
    assert functions.call(client, "session_remove", KEYS[:2], []) == ["unnamed", "vote:7"]
    assert client.exists(KEYS[0], "rec:{s}:vote:7") == 2  # nothing was done
    snapshot = functions.call(client, "session_catch_up", KEYS[:2], ["00", 0, "100"])
    assert not any("vote" in str(part) for part in snapshot)  # the note is no part of the state that clients see
    assert functions.call(client, "session_remove", [*KEYS[:2], "rec:{s}:vote:7"], []) == ["removed"]
    assert client.exists(KEYS[0], "rec:{s}:vote:7") == 0


def test_a_dropped_round_is_no_longer_noted(record: Record) -> None:
    client: redis.Redis = record.client  # type: ignore[attr-defined]
    client.hset("rec:{s}:vote:7", "ann", "5")
    client.hset(KEYS[0], "key:vote:7", "")
    drop = records.functions_of()["session_drop"]
    assert client.eval(drop.script, 2, KEYS[0], "rec:{s}:vote:7") == 1
    assert not [field for field in client.hkeys(KEYS[0]) if field.startswith("key:")]  # type: ignore[union-attr]


def test_the_bound_refuses_a_new_element_but_not_a_change(record: Record) -> None:
    assert record("HSET", "ann", "1", most=1) == [1, "ok"]
    assert record("HSET", "bob", "1", most=1) == [1, "full"]
    assert record("HSET", "ann", "2", most=1) == [2, "ok"]


def test_a_second_answer_is_refused_where_the_first_counts(record: Record) -> None:
    assert record("HSETNX", "ann", "a") == [1, "ok"]
    assert record("HSETNX", "ann", "b") == [1, "taken"]
    assert record.client.hget(KEYS[3], "ann") == "a"  # type: ignore[attr-defined]


def test_a_list_keeps_its_newest(record: Record) -> None:
    for text in "abcd":
        record("RPUSH", text, most=3)
    assert record.client.lrange(KEYS[3], 0, -1) == ["b", "c", "d"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("command", "value"), [("DEL", ()), ("HSET", ()), ("SADD", ("1",)), ("HINCRBY", ("x",)), ("ZADD", ("high",))]
)
def test_a_bad_argument_writes_nothing(record: Record, command: str, value: tuple[str, ...]) -> None:
    with pytest.raises(redis.ResponseError, match=r"BADARG|BADDATA"):
        record(command, "ann", *value)
    assert record.client.hget(KEYS[0], "version") == "0"  # type: ignore[attr-defined]


def test_a_foreign_type_under_the_name_writes_nothing(record: Record) -> None:
    record.client.set(KEYS[3], "x")  # type: ignore[attr-defined]
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        record("HSET", "ann", "1")
    assert record.client.hget(KEYS[0], "version") == "0"  # type: ignore[attr-defined]


def test_a_value_that_is_no_integer_stops_before_the_version(record: Record) -> None:
    record("HSET", "ann", "text")
    with pytest.raises(redis.ResponseError):
        record("HINCRBY", "ann", "1")
    assert record.client.hget(KEYS[0], "version") == "1"  # type: ignore[attr-defined]


def test_two_hundred_writers_lose_no_update(own_server: Server, record: Record) -> None:
    def write(number: int) -> str:
        return str(record("ZINCRBY", "ann", "1", op=f"o{number}")[1])

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(200))) == {"ok"}
    assert record.client.zscore(KEYS[3], "ann") == 200  # type: ignore[attr-defined]
    assert record.client.hget(KEYS[0], "version") == "200"  # type: ignore[attr-defined]
