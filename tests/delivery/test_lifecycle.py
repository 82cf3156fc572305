"""From open to gone: an ended session stays until its result is acknowledged, an epoch changes in place, and what an
operation was answered belongs to one life of its session."""

import re
from types import ModuleType
from typing import Any

import pytest

from redis_plan.chapters.recovery import appendix
from redis_plan.server import Server
from tests.delivery import made


@pytest.fixture
def client(loaded: Server) -> Any:
    loaded.client().flushall()
    return loaded.client(decode_responses=True)


@pytest.fixture
def room(client: Any, generated: ModuleType) -> Any:
    """The operations, with one session that has a member, a score and three events."""
    o = generated.Operations(client, generated.Keys())
    o.create("r", epoch="ab")
    o.join("r", "ann", "c1", {"name": "Ann"})
    o.record_score("r", "ann", 7)
    o.apply("r", "titled", {"set": {"title": "x"}}, op_id="o1", fields={"title": "x"})
    return o


def held(client: Any, room: Any) -> dict[str, Any]:
    """What members have earned and who they are."""
    return {"roster": client.hgetall(room.keys.roster("r")), "score": client.zrange(room.keys.score("r"), 0, -1, withscores=True)}  # fmt: skip


def test_an_ended_session_stays_readable_until_its_result_was_acknowledged(client: Any, room: Any) -> None:
    before = held(client, room)
    assert room.end("r").status == "ended"
    client.zadd(room.keys.presence("r"), {"ann#c1": 1})  # the result page outlives the lease
    assert room.sweep("r") == []
    assert (room.catch_up("r", "ab", 0).kind, room.catch_up("r", "", 0).state["title"]) == ("delta", "x")
    assert room.remove("r") == "ended"
    assert held(client, room) == before
    assert room.hand_over("r", "row 1").status == "handed_over"
    again = ("r", "titled", {"set": {"title": "x"}})
    assert room.apply(*again, op_id="o1", fields={"title": "x"}).status == "duplicate", "who lost the answer hears it"
    assert (room.sweep("r"), room.remove("r")) == ([], "removed")
    assert list(client.scan_iter()) == []
    assert room.apply(*again, op_id="o1", fields={"title": "x"}).status == "gone"
    assert (room.remove("r"), list(client.scan_iter())) == ("removed", [])


def test_a_lapsed_lease_alone_ends_no_session(client: Any, room: Any) -> None:
    client.zadd(room.keys.presence("r"), {"ann#c1": 1})
    assert room.sweep("r") == ["ann#c1"]
    assert room.catch_up("r", "", 0).state["status"] == "open"
    assert client.exists(room.keys.score("r"))


def test_the_recovery_that_the_plan_names_loses_nothing_and_sends_nobody_away(
    client: Any, room: Any, sample: made.Project
) -> None:
    """The functions that section 9 names for a client ahead of its server, called in the order of the sentence."""
    text = appendix.versions(sample.brief, sample.keyspace)
    (sentence,) = re.findall(r"- \*\*Client ahead.+", text)
    methods = re.findall(r"`session_(\w+)`", sentence)
    assert methods
    listener = client.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(room.keys.events("r"))
    listener.get_message(timeout=1)
    before = held(client, room)
    for method in methods:
        getattr(room, method)("r", *(("ab", 99) if method == "catch_up" else ()))
    heard = []
    while message := listener.get_message(timeout=0.2):
        heard.append(re.findall(r'"t":"(\w+)"', message["data"])[0])
    listener.close()
    there = room.catch_up("r", "ab", 99)
    assert heard == ["epoch"]
    assert (there.kind, there.version, there.state["title"]) == ("snapshot", 4, "x")
    assert there.epoch != "ab"
    assert held(client, room) == before


@pytest.mark.parametrize("another_life", ["a new epoch in place", "lost and created again"])
def test_an_operation_is_applied_again_in_another_life(client: Any, room: Any, another_life: str) -> None:
    change = ("r", "titled", {"set": {"title": "x"}})
    assert room.apply(*change, op_id="o1", fields={"title": "x"}).status == "duplicate"
    if another_life == "a new epoch in place":
        room.renew("r")
    else:
        client.unlink(room.keys.state("r"))
        room.create("r")
    client.hdel(room.keys.state("r"), "title")
    assert room.apply(*change, op_id="o1", fields={"title": "x"}).status == "ok"
    assert client.hget(room.keys.state("r"), "title") == "x"
    assert room.apply(*change, op_id="o1", fields={"title": "x"}).status == "duplicate"


def test_answers_of_a_life_that_was_lost_end_by_their_ttl_and_answer_nothing_of_the_next(
    client: Any, room: Any, generated: ModuleType
) -> None:
    client.unlink(room.keys.state("r"))
    assert room.sweep("r") == ["ann#c1"]
    assert list(client.scan_iter()) == [room.keys.idem("r")]
    assert 0 < client.ttl(room.keys.idem("r")) <= generated.TTL["idem"]
    room.create("r")
    change = ("r", "titled", {"set": {"title": "x"}})
    assert room.apply(*change, op_id="o1", fields={"title": "x"}).status == "ok"
