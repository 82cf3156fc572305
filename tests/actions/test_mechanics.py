"""Every action of the catalog on a real server, from the catalog alone: accepted, refused by each guard, sent again, raced,
at its deadline to the millisecond; and controls that show that each of these checks can fail."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import redis
import redis.asyncio

from redis_plan import server
from redis_plan.actions import catalog, compose
from redis_plan.actions.model import Kind
from redis_plan.delivery.redis_plan_sync import patch
from redis_plan.keyspace import functions
from redis_plan.server import Binary, Server
from tests.actions.world import GIVEN, SECRET, World, refusals
from tests.conftest import BINARIES

KINDS = [kind for kind in catalog.kinds().values() if not kind.call]
RACERS = 40
#: Guards about a point in time: where it stands, and whether the action is accepted before it (else from then on).
TIMED = {"deadline": True, "in_time": True, "due": False, "overdue": False}
#: Sets a field, or the record in it, to a time relative to the server's clock of this very command.
AT = """
local t = redis.call('TIME')
local at = string.format('%.0f', tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000) + tonumber(ARGV[2]))
local text = string.gsub(ARGV[3], '@', at)
if ARGV[1] == '' then redis.call('SET', KEYS[1], text, 'EX', 600) else redis.call('HSET', KEYS[1], ARGV[1], text) end
return at
"""


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


MOVED = {"version": "", "updated_at": ""}


def shown_of(state: Mapping[str, str]) -> dict[str, str]:
    """What a snapshot has of the state."""
    return {name: value for name, value in state.items() if not name.startswith(("hidden:", "key:"))}


@of(KINDS)
def test_plays(client: "redis.Redis", kind: Kind) -> None:
    """Accepted once, with one version, one event that shows what it says and hides the rest; then a duplicate."""
    world = World(client, kind).build()
    began = shown_of(client.hgetall(world.key("state")))
    assert world.call() == [8, "ok"]
    state, (event,) = client.hgetall(world.key("state")), client.lrange(world.key("log"), 0, -1)
    found = json.loads(event)
    assert (found["v"], found["t"], found["op"], state["version"]) == (8, kind.announces, "op1", "8")
    shown = {{"now": "at", "field": s.split(" ")[-1]}.get(s.split(" ")[0], s.split(" ")[0]) for s in kind.shows}
    data = found["d"] or {}
    assert set(data) - {"set", "del"} == shown | ({"to"} if kind.audience != "all" else set())
    assert patch(began, found) | MOVED == shown_of(state) | MOVED  # a copy that takes the event is what the server has
    if "value" in kind.hides:
        snapshot = client.fcall("session_catch_up", 2, world.key("state"), world.key("log"), "ff", 0, "50")
        assert SECRET.strip('"') not in event + str(snapshot)
    assert [k for k in world.keys_of() if client.ttl(k) == -1] == []
    before = world.dump()
    assert world.call() == [8, "duplicate"]
    assert world.dump() == before


def test_who_only_watches_stays_by_heartbeats_and_takes_no_seat(client: "redis.Redis") -> None:
    world = World(client, catalog.kinds()["seats.watch"]).build()
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


@pytest.mark.parametrize("binary", BINARIES[1:], ids=lambda binary: binary.id)
def test_every_other_build_accepts_the_same(binary: Binary) -> None:
    with serving(binary) as started:
        for kind in KINDS:
            assert World(started.client(decode_responses=True), kind).build().call() == [8, "ok"], kind.id


@of(KINDS)
def test_each_guard_refuses_and_nothing_is_written(client: "redis.Redis", kind: Kind) -> None:
    for guard in refusals(kind):
        world = World(client, kind).build(breaks=guard.name)
        before = world.dump()
        assert world.call() == [7, guard.answer], guard.name
        assert world.dump() == before, guard.name


@of([kind for kind in KINDS if kind.guards])
def test_the_check_of_a_guard_fails_where_the_guard_is_left_out(client: "redis.Redis", kind: Kind) -> None:
    """The control: without a guard its refusal does not come, so the test above is about that guard and no other."""
    for guard in refusals(kind):
        without = replace(kind, guards=tuple(g for g in kind.guards if g.name != guard.name))
        script = compose.compose(without)
        world = World(client, without)
        world.kind = kind
        world.build(breaks=guard.name)
        keys = [*world.keys_of()[:3], *(world.key(name) for name, _ in script.call.keys[3:])]
        try:
            (_, answer) = functions.run(client, script, keys, world.args(), "eval")
        except redis.ResponseError:
            continue  # what the guard would have looked up for the effects is not there
        assert answer != guard.answer or guard.answer in {g.answer for g in without.guards}, guard.name


@of(KINDS)
def test_bad_arguments_and_foreign_keys_write_nothing(client: "redis.Redis", kind: Kind) -> None:
    world = World(client, kind).build()
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
            world = World(client, kind).build(breaks=guard.name)
            world.client = caller
            assert world.call() == [7, guard.answer], guard.name
        world, mine = World(client, kind).build(), World(caller, kind)
        before, mine.given = world.dump(), world.given
        for command in sorted(needs):
            client.execute_command("ACL", "SETUSER", "caller", f"-{command}")
            with pytest.raises(redis.exceptions.NoPermissionError, match=command):
                mine.call()
            client.execute_command("ACL", "SETUSER", "caller", f"+{command}")
        assert world.dump() == before
        assert mine.call() == [8, "ok"]


@of(KINDS)
def test_a_race_ends_as_some_order_of_the_same_calls(live: Server, client: "redis.Redis", kind: Kind) -> None:
    """As many are accepted at once as one after the other, each with a version of its own and one event."""
    operations = [f"op{n}" for n in range(RACERS)]
    world = World(client, kind).build()
    serial = [world.call(op)[1] for op in operations]
    world = World(client, kind).build()
    raced = asyncio.run(race(live, world, operations))
    assert sorted(answer for _, answer in raced) == sorted(serial)
    versions = sorted(int(version) for version, answer in raced if answer == "ok")
    assert versions == list(range(8, 8 + len(versions)))
    assert [json.loads(e)["v"] for e in client.lrange(world.key("log"), 0, -1)] == versions[-50:]


async def race(live: Server, world: World, ops: list[str], *, as_members: bool = False) -> list[list[Any]]:
    """Send one call an operation, each on a connection of its own, at the same moment."""
    instead: list[dict[str, str]] = [{"member": op, "name": op, "folded": op} if as_members else {} for op in ops]
    path = str(live.address[1])
    crowd = [redis.asyncio.Redis(unix_socket_path=path, decode_responses=True, retry=None) for _ in ops]
    await asyncio.gather(*(c.ping() for c in crowd))
    many, function = len(world.keys_of()), world.kind.function
    sent = (
        c.fcall(function, many, *world.keys_of(op), *world.args(op, **i))
        for c, op, i in zip(crowd, ops, instead, strict=True)
    )
    found = await asyncio.gather(*sent)
    await asyncio.gather(*(c.aclose() for c in crowd))
    return list(found)


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
def test_of_many_members_at_once_exactly_as_many_get_it_as_may(live: Server, client: "redis.Redis", name: str) -> None:
    given, many = CONTENDED[name]
    kind = catalog.kinds()[name]
    world = World(client, kind).build()
    world.given |= given
    members = [f"m{n}" for n in range(RACERS)]
    if kind.guards[0].name == "seat":
        client.hset(world.key("roster"), mapping=dict.fromkeys(members, "{}"))
    if name == "stock.take":
        client.hset(world.key("stock"), "i1", 7)
    found = asyncio.run(race(live, world, members, as_members=True))
    winners = [m for m, (_, answer) in zip(members, found, strict=True) if answer == "ok"]
    assert len(winners) == many
    told = [json.loads(e)["d"] for e in client.lrange(world.key("log"), 0, -1)]
    assert len(told) == many
    if name == "claim.claim":
        assert client.hget(world.key("claims"), "o1") == winners[0] == told[0]["member"]
    if name == "stock.take":
        left = client.hgetall(world.key("stock"))
        assert left.pop("i1") == "1"
        assert sorted(left) == sorted(f"by|{m}|i1" for m in winners)


def test_the_race_finds_a_check_that_the_application_makes_before_it_writes(client: "redis.Redis") -> None:
    """The control: where all look before one writes, all find it free, and the last one has it."""
    world = World(client, catalog.kinds()["claim.claim"]).build()
    free = [not client.hexists(world.key("claims"), "o1") for _ in range(RACERS)]
    for n, was_free in enumerate(free):
        if was_free:
            client.hset(world.key("claims"), "o1", f"m{n}")
    assert sum(free) == RACERS
    assert client.hget(world.key("claims"), "o1") == f"m{RACERS - 1}"


@of([kind for kind in KINDS if any(g.name in TIMED for g in kind.guards)])
@pytest.mark.parametrize("offset_ms", [-1, 0, 1])
def test_the_servers_clock_decides_to_the_millisecond(client: "redis.Redis", kind: Kind, offset_ms: int) -> None:
    """The end is set relative to the clock of the same transaction, and the answer is that of the clock before and after."""
    guard = next(g for g in kind.guards if g.name in TIMED)
    decided = 0
    for _ in range(20):
        world = World(client, kind).build()
        name, fieldname, text = "state", str(guard.options["field"]), "@"
        if "key" in guard.options:
            name, state = (
                str(guard.options["key"]),
                next(str(g.options["is"]) for g in kind.guards if g.name == "state"),
            )
            owner = GIVEN["member"] if "member" in kind.takes else "zed"
            fieldname, text = GIVEN[str(guard.options["field"])], f"4|{state}|{owner}|@|null"
        fieldname = "" if kind.keys.get(name, ("", ""))[1] == "string" else fieldname
        together = client.pipeline(transaction=True)
        together.eval(AT, 1, world.key(name), fieldname, offset_ms, text)
        together.time()
        together.fcall(kind.function, len(world.keys_of()), *world.keys_of(), *world.args())
        together.time()
        at, before, (_, answer), after = together.execute()
        first, last = (int(s) * 1000 + int(us) // 1000 for s, us in (before, after))
        if last < int(at) or first >= int(at):
            decided += 1
            assert (answer == "ok") == ((last < int(at)) == TIMED[guard.name]), (answer, first, at, last)
            assert answer in ("ok", guard.answer)
    assert decided, "the server was too slow to decide anything within a millisecond"
