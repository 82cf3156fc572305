"""Remembered answers: an operation that is sent again gets its first answer for as long as promised, and old ones go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from redis_plan.keyspace import chain, functions
from redis_plan.server import Server

STATE, LOG, IDEM = (f"r:{{s}}:{name}" for name in ("state", "log", "idem"))
TTL = 600


@pytest.fixture
def client(own_server: Server) -> Iterator[redis.Redis]:
    client = own_server.client(decode_responses=True)
    client.flushall()
    client.function_load(functions.library("remembered", list(functions.functions().values())), replace=True)
    client.fcall("session_create", 3, STATE, "r:{s}:roster", LOG, "5f0c1b2a9d3e4f60", TTL)
    yield client
    client.flushall()
    client.function_flush()


def apply(client: redis.Redis, op: str) -> list[Any]:
    found: Any = client.fcall("session_apply", 3, STATE, LOG, IDEM, "", op, "", "t", "", TTL, "5", TTL)
    return list(found)


def let_a_look_be_due(client: redis.Redis) -> None:
    """A fifth of the TTL has gone by, as the record under the empty name says it."""
    epoch, _, looks = str(client.hget(IDEM, "")).split(":", 2)
    client.hset(IDEM, "", f"{epoch}:0:{looks}")


def test_an_answer_is_remembered_for_four_looks_and_gone_after_the_fifth(client: redis.Redis) -> None:
    first = apply(client, "first")
    for look in range(5):
        assert apply(client, "first") == [first[0], "duplicate"], f"after {look} looks"
        let_a_look_be_due(client)
        assert apply(client, f"look-{look}")[1] == "ok"
    assert not client.hexists(IDEM, "first")
    assert chain.REMEMBERED == 4 / 5, "what the plan promises: four looks, a fifth of the TTL apart"
    assert apply(client, "look-0")[1] == "duplicate"
    assert apply(client, "first")[1] == "ok", "beyond the promise it is an operation like any other"


def test_a_look_comes_no_sooner_than_a_fifth_of_the_ttl(client: redis.Redis) -> None:
    apply(client, "first")
    seconds, micros = client.time()  # type: ignore[misc]
    due = int(str(client.hget(IDEM, "")).split(":")[1])
    assert TTL * 200 - 10_000 < due - seconds * 1000 - micros // 1000 <= TTL * 200
    before = client.hget(IDEM, "")
    for number in range(20):
        apply(client, f"more-{number}")
    assert client.hget(IDEM, "") == before


def test_a_clock_that_was_set_back_delays_no_look(client: redis.Redis) -> None:
    apply(client, "first")
    epoch, due, looks = str(client.hget(IDEM, "")).split(":")
    client.hset(IDEM, "", f"{epoch}:{int(due) + 3_600_000}:{looks}")  # as an hour later would have left it
    apply(client, "second")
    assert int(str(client.hget(IDEM, "")).split(":")[1]) < int(due) + 3_600_000


def test_a_room_at_its_peak_keeps_its_answers_in_one_compact_block(client: redis.Redis) -> None:
    client.hset(STATE, "version", 12_345_678)  # a room that lived long: its version is no short number
    for number in range(500):
        assert apply(client, f"01JD8Q6Z7K3W9M2N4P5R6{number:05d}")[1] == "ok"
        if number % 90 == 0:
            let_a_look_be_due(client)
    assert client.object("encoding", IDEM) == "listpack"


@pytest.mark.parametrize("op", ["a" * 33, f"{'m' * 36}:{'o' * 36}", "ł" * 200])
def test_a_long_operation_id_takes_no_more_than_a_short_one_and_counts_once(client: redis.Redis, op: str) -> None:
    first = apply(client, op)
    assert apply(client, op) == [first[0], "duplicate"]
    assert apply(client, op[:-1])[1] == "ok", "another id is another operation"
    assert max(len(field) for field in client.hkeys(IDEM)) == 32  # type: ignore[union-attr]
    assert client.object("encoding", IDEM) == "listpack"


def under_way(client: redis.Redis) -> bool:
    """Whether a look has not come to its end yet."""
    return str(client.hget(IDEM, "")).count(":") > 2


def look_to_the_end(client: redis.Redis, looks: int) -> list[int]:
    """Let looks be due, each when the one before is at its end; how much longer each call made the hash."""
    grown: list[int] = []
    for look in range(max(1, looks)):
        if looks:
            let_a_look_be_due(client)
        while under_way(client) or str(client.hget(IDEM, "")).split(":")[1] == "0":
            before = int(str(client.hlen(IDEM)))
            assert apply(client, f"look-{looks}-{look}-{len(grown)}")[1] == "ok"
            assert len(grown) < 1000, "a look comes to no end"
            grown.append(int(str(client.hlen(IDEM))) - before)
    return grown


def test_thousands_of_old_answers_go_a_few_at_a_call(client: redis.Redis) -> None:
    apply(client, "first")
    client.hset(IDEM, mapping={f"old-{number}": 1 for number in range(9000)})
    calls = look_to_the_end(client, 4)
    assert client.hlen(IDEM) == 9002 + len(calls), "four looks are not over"
    calls += look_to_the_end(client, 1)
    assert client.hlen(IDEM) == 1 + len(calls), "what is left are the record of the looks and what came since"
    assert min(calls) > -1000, "no call goes through all of them"
    assert 80 < sum(grown < 1 for grown in calls) <= 100, "and each takes its share, so that they are gone soon"


def test_a_look_in_many_steps_lets_go_of_no_answer_that_is_promised(client: redis.Redis) -> None:
    """Answers of five looks, a thousand each: those of the first go, while others come; a look that comes meanwhile ends both."""
    versions: dict[str, int] = {}
    for look in range(5):
        client.hset(STATE, "version", 1000 * look)
        if look:
            let_a_look_be_due(client)
        versions[f"{look}:0"] = apply(client, f"{look}:0")[0]
        more = {f"{look}:{number}": 1000 * look + number + 1 for number in range(1, 1000)}
        client.hset(IDEM, mapping=more)
        client.hset(STATE, "version", 1000 * (look + 1))
        versions |= more

    def kept(look: int) -> int:
        return sum(value is not None for value in client.hmget(IDEM, [f"{look}:{number}" for number in range(1000)]))  # type: ignore[misc]

    let_a_look_be_due(client)
    for number in range(10):
        versions[f"late-{number}"] = apply(client, f"late-{number}")[0]
    assert under_way(client)
    assert kept(0) < 1000
    assert [kept(look) for look in range(1, 5)] == [1000] * 4
    let_a_look_be_due(client)  # the next one, before this one was at its end: the answers of the second look may go too
    assert apply(client, "later")[1] == "ok"
    assert under_way(client)
    look_to_the_end(client, 0)
    assert [kept(look) for look in range(2, 5)] == [1000] * 3
    assert all(apply(client, op) == [version, "duplicate"] for op, version in versions.items() if op[0] in "234l")
    look_to_the_end(client, 1)
    assert [kept(look) for look in range(5)] == [0, 0, 0, 1000, 1000], (
        "what a look had passed by then goes with the next"
    )


def test_a_look_that_somebody_else_wrote_a_cursor_into_ends_all_the_same(client: redis.Redis) -> None:
    apply(client, "first")
    client.hset(IDEM, "", str(client.hget(IDEM, "")) + ":99:x:1")
    assert apply(client, "second")[1] == "ok"
    client.hset(IDEM, "", str(client.hget(IDEM, "")) + "::")
    assert apply(client, "third")[1] == "ok"
    record = re.match(r"\w+:\d+:[\d,]+", str(client.hget(IDEM, "")))
    assert record
    client.hset(IDEM, "", record[0] + ":99999999999999999999999:1")  # no cursor that HSCAN takes
    assert apply(client, "fourth")[1] == "ok"
    assert not under_way(client)


def test_answers_of_another_epoch_count_no_more_and_go(client: redis.Redis) -> None:
    apply(client, "first")
    client.fcall("session_renew", 2, STATE, LOG, "ab", "", TTL, "5")
    assert apply(client, "second")[1] == "ok"
    assert client.hkeys(IDEM) == ["", "second"]
    assert apply(client, "first")[1] == "ok"


def test_what_somebody_else_wrote_under_the_empty_name_is_no_record_of_ours(client: redis.Redis) -> None:
    client.hset(IDEM, mapping={"": "nonsense", "first": "7"})
    assert apply(client, "first")[1] == "ok"
    assert apply(client, "first")[1] == "duplicate"


def test_the_answers_end_with_their_ttl_and_without_an_operation_id_there_are_none(client: redis.Redis) -> None:
    apply(client, "")
    assert not client.exists(IDEM)
    apply(client, "first")
    assert 0 < client.ttl(IDEM) <= TTL  # type: ignore[operator]
