"""Every action of the catalog on a real server, from the catalog alone: accepted, refused by each guard, sent again, raced,
at its deadline to the millisecond; and controls that show that each of these checks can fail."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import redis

from redis_plan import server
from redis_plan.actions import catalog, compose
from redis_plan.actions.model import Kind
from redis_plan.keyspace import functions
from redis_plan.rig.playing import checks
from redis_plan.rig.playing.world import catalogued, refusals
from redis_plan.server import Binary, Server
from tests.conftest import BINARIES

KINDS = [kind for kind in catalog.kinds().values() if not kind.call]
RACERS = 40


@contextmanager
def serving(binary: Binary) -> Iterator[Server]:
    """A server with the catalog's actions, and the session's functions beside them."""
    started = server.start_with(binary)
    try:
        made = [*functions.functions().values(), *compose.catalogued().values()]
        started.client().function_load(functions.library("actions", made))
        yield started
    finally:
        started.close()


@pytest.fixture(scope="module")
def live() -> Iterator[Server]:
    """The first server of this machine: the ids of these tests are the actions', which the story matrix cites."""
    with serving(BINARIES[0]) as started:
        yield started


@pytest.fixture
def client(live: Server) -> "redis.Redis":
    made: redis.Redis = live.client(decode_responses=True)
    return made


def of(kinds: list[Kind]) -> Any:
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.id)


@of(KINDS)
def test_plays(client: "redis.Redis", kind: Kind) -> None:
    """Accepted once, with one version, one event that shows what it says and hides the rest; then a duplicate."""
    assert list(checks.accepted(catalogued(client, kind))) == []


@of(KINDS)
def test_cut_before_the_answer_and_sent_again_it_is_done_once(client: "redis.Redis", kind: Kind) -> None:
    with checks.crowd(client, 1) as (connection,):
        assert list(checks.cut(catalogued(client, kind), connection)) == []


def test_who_only_watches_stays_by_heartbeats_and_takes_no_seat(client: "redis.Redis") -> None:
    world = catalogued(client, catalog.kinds()["seats.watch"]).build()
    assert world.call() == [8, "ok"]
    (lease,) = client.zrange(world.key("presence"), 0, -1)
    client.zadd(world.key("presence"), {lease: world.now + 1000})
    sent = (
        "session_heartbeat",
        2,
        world.key("state"),
        world.key("presence"),
        lease.removeprefix("watch:"),
        "90000",
        "600",
    )
    assert client.fcall(*sent) == "renewed"
    assert client.zscore(world.key("presence"), lease) > world.now + 60_000
    assert client.zcard(world.key("presence")) == 1


def test_messages_older_than_a_chat_keeps_them_go_with_the_next_one(client: "redis.Redis") -> None:
    """Sent long ago, sent a moment ago, sent now: what is too old goes from the front, and nothing where no time is set."""
    world = catalogued(client, catalog.kinds()["chat.post"]).build()
    for age in (3_700_000, 3_650_000, 60_000):
        client.rpush(world.key("messages"), f'{{"id":"m{age}","by":"ann","at":{world.now - age},"d":"at"}}')
    assert world.call() == [8, "ok"]
    assert client.llen(world.key("messages")) == 4
    assert world.call("op2", member="bob", keep_s="3600") == [9, "ok"]
    kept = [json.loads(entry)["id"] for entry in client.lrange(world.key("messages"), 0, -1)]
    assert kept == ["m60000", "o1", "o1"]


@pytest.mark.parametrize("binary", BINARIES[1:], ids=lambda binary: binary.id)
def test_every_other_build_accepts_the_same(binary: Binary) -> None:
    with serving(binary) as started:
        for kind in KINDS:
            assert catalogued(started.client(decode_responses=True), kind).build().call() == [8, "ok"], kind.id


@of(KINDS)
def test_each_guard_refuses_and_nothing_is_written(client: "redis.Redis", kind: Kind) -> None:
    for guard in refusals(kind):
        assert list(checks.refused(catalogued(client, kind), guard)) == [], guard.name


@of([kind for kind in KINDS if kind.guards])
def test_the_check_of_a_guard_fails_where_the_guard_is_left_out(client: "redis.Redis", kind: Kind) -> None:
    """The control: without a guard its refusal does not come, so the test above is about that guard and no other."""
    for guard in refusals(kind):
        assert checks.noticed(catalogued(client, kind), guard), guard.name


@of(KINDS)
def test_bad_arguments_and_foreign_keys_write_nothing(client: "redis.Redis", kind: Kind) -> None:
    world = catalogued(client, kind).build()
    before, keys, args = world.dump(), world.keys_of(), world.args()
    for place in range(len(args)):
        if place not in (0, 1):  # no channel and no operation id are allowed
            bad = [*args[:place], "\xff" * 1100, *args[place + 1 :]]
            with pytest.raises(redis.ResponseError, match=f"BADARG {kind.function}"):
                client.fcall(kind.function, len(keys), *keys, *bad)
    client.set("foreign", "1")
    client.rpush("foreign-list", "1")
    for place, (_, type_) in enumerate(compose.catalogued()[kind.id].call.keys):
        wrong = [*keys[:place], "foreign-list" if type_ == "string" else "foreign", *keys[place + 1 :]]
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            client.fcall(kind.function, len(keys), *wrong, *args)
    client.delete("foreign", "foreign-list")
    assert world.dump() == before


@of(KINDS)
def test_the_rights_that_it_declares_are_enough_and_each_is_asked_for_before_the_first_write(
    live: Server, client: "redis.Redis", kind: Kind
) -> None:
    needs = compose.catalogued()[kind.id].runs("list") - {"SPUBLISH"}
    rules = ("reset", "on", "nopass", "~t:*", "&t:*", "+fcall", *(f"+{command}" for command in needs))
    client.execute_command("ACL", "SETUSER", "caller", *rules)
    with live.client(username="caller", password="any", decode_responses=True) as caller:
        for guard in refusals(kind):
            world = catalogued(client, kind).build(breaks=guard.name)
            world.client = caller
            assert world.call() == [7, guard.answer], guard.name
        world = catalogued(client, kind).build()
        mine, before = replace(world, client=caller), world.dump()
        call = compose.catalogued()[kind.id].call
        checked = {name for name, _ in call.keys} - {"state", "idem", *call.shows}
        for command in sorted(needs if checked else needs - {"TYPE"}):  # which else tells what is wrong with a key
            client.execute_command("ACL", "SETUSER", "caller", f"-{command}")
            with pytest.raises(redis.exceptions.NoPermissionError, match=command):
                mine.call()
            client.execute_command("ACL", "SETUSER", "caller", f"+{command}")
        assert world.dump() == before
        assert mine.call() == [8, "ok"]


@of(KINDS)
def test_a_race_ends_as_some_order_of_the_same_calls(client: "redis.Redis", kind: Kind) -> None:
    """As many are accepted at once as one after the other, each with a version of its own and one event."""
    with checks.crowd(client, RACERS) as held:
        assert checks.raced(catalogued(client, kind), held).faults == ()


#: How many of forty members who all want the same thing at once get it: with these numbers, and what there is of it.
CONTENDED = {
    "claim.claim": ({}, 1),
    "hold.hold": ({}, 1),
    "objects.select": ({}, 1),
    "bidding.bid": ({"amount": "9"}, 1),
    "seats.join": ({"capacity": "7"}, 5),  # two have a seat
    "seats.watch": ({"watchers": "5"}, 5),
    "teams.choose": ({"most": "6"}, 6),
    "waiting.wait": ({"most": "12"}, 12),
    "stock.take": ({"amount": "2"}, 3),
    "submission.submit": ({}, RACERS),
}


@pytest.mark.parametrize("name", CONTENDED)
def test_of_many_members_at_once_exactly_as_many_get_it_as_may(client: "redis.Redis", name: str) -> None:
    given, many = CONTENDED[name]
    world = catalogued(client, catalog.kinds()[name]).build()
    world.given |= given
    members = [f"m{n}" for n in range(RACERS)]
    if world.kind.guards[0].name == "seat":
        client.hset(world.key("roster"), mapping=dict.fromkeys(members, "{}"))
    if name == "stock.take":
        client.hset(world.key("stock"), "i1", 7)
    with checks.crowd(client, RACERS) as held:
        found = checks.at_once(world, [world.words(m, member=m, name=m, folded=m) for m in members], held)
    winners = [m for m, (_, answer) in zip(members, found, strict=True) if answer == "ok"]
    assert len(winners) == many
    told = [event["d"] for event in world.events()]
    assert len(told) == many
    if name == "claim.claim":
        assert client.hget(world.key("claims"), "o1") == winners[0] == told[0]["member"]
    if name == "stock.take":
        left = client.hgetall(world.key("stock"))
        assert left.pop("i1") == "1"
        assert sorted(left) == sorted(f"by|{m}|i1" for m in winners)


@pytest.mark.parametrize("name", ["claim.claim", "bidding.bid", "stock.take"])
def test_the_race_finds_a_check_that_the_application_makes_before_it_writes(client: "redis.Redis", name: str) -> None:
    """The control: where all look before one writes, all of them get it."""
    assert checks.looked_first(catalogued(client, catalog.kinds()[name]), RACERS, as_members=True) == RACERS


@of([kind for kind in KINDS if checks.has_deadline(kind)])
@pytest.mark.parametrize("offset_ms", checks.OFFSETS_MS)
def test_the_servers_clock_decides_to_the_millisecond(client: "redis.Redis", kind: Kind, offset_ms: int) -> None:
    """The end is set relative to the clock of the same transaction, and the answer is that of the clock before and after."""
    found = checks.timed(catalogued(client, kind), offset_ms, 20)
    assert found.faults == ()
    assert found.decided, "the server was too slow to decide anything within a millisecond"
