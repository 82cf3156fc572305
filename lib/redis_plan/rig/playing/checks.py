"""Checks of one action on a live server. Each yields what is wrong, in words; nothing where the action holds.

What an action is called with, and the session in which it is called, come from its :class:`~redis_plan.rig.playing.world.World`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from redis_plan.actions import vocabulary
from redis_plan.actions.model import Guard, Kind
from redis_plan.delivery.redis_plan_sync import patch
from redis_plan.rig.playing.world import GIVEN, RECORD_VERSION, SECRET, VERSION, World

#: Guards about a point in time: where it stands, and whether the action is accepted before it (else from then on).
TIMED: Mapping[str, bool] = {"deadline": True, "in_time": True, "due": False, "overdue": False}
#: How far from that point in time it is called, in milliseconds of the server's clock.
OFFSETS_MS = (-1, 0, 1)
#: Sets a field, or the record in it, to a time relative to the server's clock of this very command.
_AT = """
local t = redis.call('TIME')
local at = string.format('%.0f', tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000) + tonumber(ARGV[2]))
local text = string.gsub(ARGV[3], '@', at)
if ARGV[1] == '' then redis.call('SET', KEYS[1], text, 'EX', 600) else redis.call('HSET', KEYS[1], ARGV[1], text) end
return at
"""
#: How a guard stands in a composed function: one line each, in their order.
_GUARD = re.compile(r"  if .+ then return (?:\{session\.version, '[^']*'(?:, unpack\(t\.\w+\))?\}|'[^']*') end")
#: What every change writes, whatever it is about.
_MOVED = {"version": "", "updated_at": ""}
Connection = redis.Connection


def shown_of(state: Mapping[Any, Any]) -> dict[str, str]:  # Any: what a client is said to return
    """Return what a snapshot has of the state."""
    return {name: value for name, value in state.items() if not name.startswith(("hidden:", "key:"))}


def names_shown(kind: Kind) -> set[str]:
    """Return the names in the data of the event of ``kind``."""
    names = {vocabulary.shown_name(shown) for shown in kind.shows}
    return names | ({"to"} if kind.audience != "all" else set())


def accepted(world: World) -> Iterator[str]:
    """Accepted once, with one version and one event that shows what it says and hides the rest; then it is a duplicate."""
    world.build()
    began = shown_of(world.client.hgetall(world.key("state"))) if world.session else {}
    version, answer = world.call()
    if answer != "ok":
        yield f"is answered {answer!r} where every guard passes"
        return
    with world.client.pipeline(transaction=False) as together:
        for key in world.keys_of():
            together.ttl(key)
        if endless := [key for key, ttl in zip(world.keys_of(), together.execute(), strict=True) if ttl == -1]:
            yield f"leaves {', '.join(endless)} without a TTL"
    if world.session:
        yield from _told(world, began, int(version))
        before = world.dump()
        if (again := world.call()) != [VERSION + 1, "duplicate"]:
            yield f"sent again is answered {again}"
        if world.dump() != before:
            yield "sent again writes something"


def _told(world: World, began: Mapping[str, str], version: int) -> Iterator[str]:
    kind, state, told = world.kind, world.client.hgetall(world.key("state")), world.events()
    if len(told) != 1:
        yield f"appends {len(told)} events"
        return
    (event,) = told
    found = (version, event["v"], event["t"], event["op"], state["version"])
    if found != (VERSION + 1, VERSION + 1, kind.announces, "op1", str(VERSION + 1)):
        yield f"has version, event and operation {found}"
    if set(event["d"] or {}) - {"set", "del"} != names_shown(kind):
        yield f"shows {sorted(event['d'] or {})}, and says that it shows {sorted(names_shown(kind))}"
    if patch(dict(began), event) | _MOVED != shown_of(state) | _MOVED:
        yield "has an event that makes another state of a copy than the server has"
    if "value" in kind.hides:
        asked = (world.fcall("session_catch_up"), 2, world.key("state"), world.key("log"), "ff", 0, world.log)
        if SECRET.strip('"') in str(event) + str(world.client.fcall(*asked)):
            yield "shows what it hides"


def refused(world: World, guard: Guard) -> Iterator[str]:
    """Refused by one guard, as it says, and nothing is written."""
    world.build(breaks=guard.name)
    before = world.dump()
    if (found := world.call()) != [VERSION, guard.answer]:
        yield f"is answered {found} where {guard.name} must refuse with {guard.answer!r}"
    if world.dump() != before:
        yield f"writes although {guard.name} refuses"


def noticed(world: World, guard: Guard) -> bool:
    """Whether :func:`refused` fails where the guard is left out: the control, without which it proves nothing."""
    others = {g.answer for g in world.kind.guards if g.name != guard.name}
    script = unguarded(world, guard.name)
    world.build(breaks=guard.name)
    try:
        (answer,) = world.run(script, {"op": "op1"})
    except redis.ResponseError:
        return True  # what the guard would have looked up for the effects is not there
    return answer != guard.answer or guard.answer in others


def unguarded(world: World, *names: str) -> str:
    """Return the EVAL form of a world's function without the guards of these names, or without any: for controls."""
    asked = iter(world.kind.guards)
    head, begins, body = world.function.script.partition(f"local function {world.function.lua}(")
    lines = [
        line
        for line in body.split("\n")
        if not (_GUARD.fullmatch(line) and (guard := next(asked, None)) and (not names or guard.name in names))
    ]
    return head + begins + "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Race:
    """How many of so many calls at once were accepted, and what is wrong about it."""

    calls: int
    accepted: int
    faults: tuple[str, ...]


@contextmanager
def crowd(client: redis.Redis, count: int) -> Iterator[list[Connection]]:
    """Hold ``count`` connections of ``client``'s pool."""
    pool = client.connection_pool
    held: list[Connection] = [pool.get_connection() for _ in range(count)]
    try:
        yield held
    finally:
        for connection in held:
            pool.release(connection)


def at_once(world: World, sent: Sequence[tuple[Any, ...]], held: Sequence[Connection]) -> list[list[Any]]:
    """Send each command on a connection of its own, none of them waiting for another, and return the replies."""
    for connection, command in zip(held, sent, strict=True):
        connection.send_command(*command)
    return [world.reply(connection.read_response()) for connection in held]


def raced(world: World, held: Sequence[Connection], *, as_members: bool = False) -> Race:
    """As many are accepted at once as one after the other, each with a version of its own and one event.

    All calls are one caller's, as taps of an impatient hand; with ``as_members`` each is another member's.
    """
    many = [f"op{n}" for n in range(len(held))]
    sent = [world.words(op, **(_as(op) if as_members else {})) for op in many]
    _all_seated(world.build(), many if as_members else ())
    with world.client.pipeline(transaction=False) as in_turn:
        for words in sent:
            in_turn.execute_command(*words)
        serial = [world.reply(found)[1] for found in in_turn.execute()]
    _all_seated(world.build(), many if as_members else ())
    found = at_once(world, sent, held)
    accepted = [version for version, answer in found if answer == "ok"]
    return Race(len(held), len(accepted), tuple(_of_race(world, found, serial)))


def _all_seated(world: World, members: Sequence[str]) -> None:
    if members and any(guard.name == "seat" for guard in world.kind.guards):
        world.client.hset(world.key("roster"), mapping=dict.fromkeys(members, "{}"))


def _of_race(world: World, found: Sequence[Sequence[Any]], serial: Sequence[str]) -> Iterator[str]:
    if sorted(answer for _, answer in found) != sorted(serial):
        yield f"raced is answered {sorted(a for _, a in found)}, one after the other {sorted(serial)}"
    if world.session:
        versions = sorted(int(version) for version, answer in found if answer == "ok")
        if versions != list(range(VERSION + 1, VERSION + 1 + len(versions))):
            yield f"raced gives the versions {versions}"
        kept = int(world.log.split()[0])
        if [event["v"] for event in world.events()] != versions[-kept:]:
            yield "raced leaves another log than its versions"


def looked_first(world: World, count: int, *, as_members: bool = False) -> int | None:
    """Return how many of ``count`` callers get it where each asks the guards first and writes then: the control.

    All of them ask before one of them writes, and are told yes; so each of them writes, with no guard asked again. None
    where an effect can't do without what its guard has looked up.
    """
    script = unguarded(world)
    many = [f"op{n}" for n in range(count)]
    _all_seated(world.build(), many if as_members else ())
    try:
        found = world.run(script, *({"op": op, **(_as(op) if as_members else {})} for op in many))
    except redis.ResponseError:
        return None
    return found.count("ok")


def _as(member: str) -> dict[str, str]:
    return {"member": member, "folded": member, "name": member}


def cut(world: World, connection: Connection) -> Iterator[str]:
    """Sent on a connection that is cut before the answer, then again with the same operation: it is done once."""
    world.build()
    connection.send_command(*world.words())
    connection.disconnect()
    version, answer = world.call()
    if answer not in ("ok", "duplicate") or (world.session and int(version) != VERSION + 1):
        yield f"cut and sent again is answered {[version, answer]}"
    if world.session and len(world.events()) != 1:
        yield f"cut and sent again is in the log {len(world.events())} times"


@dataclass(frozen=True, slots=True)
class Timing:
    """How often a call about a deadline could be judged to the millisecond, and what is wrong."""

    decided: int
    faults: tuple[str, ...]


def timed(world: World, offset_ms: int, repetitions: int) -> Timing:
    """At its deadline and ``offset_ms``: the answer is that of the server's clock before and after, where both agree."""
    guard = next(g for g in world.kind.guards if g.name in TIMED)
    decided, faults = 0, []
    for _ in range(repetitions):
        key, field, text = _deadline(world.build(), guard)
        together = world.client.pipeline(transaction=True)
        together.eval(_AT, 1, key, field, offset_ms, text)
        together.time()
        together.execute_command(*world.words())
        together.time()
        at, before, reply, after = together.execute()
        answer = world.reply(reply)[1]
        first, last = (int(s) * 1000 + int(us) // 1000 for s, us in (before, after))
        if last < int(at) or first >= int(at):
            decided += 1
            wanted = (last < int(at)) == TIMED[guard.name]
            if (answer == "ok") != wanted or answer not in ("ok", guard.answer):
                faults.append(f"is answered {answer!r} between {first} and {last}, its deadline being {at}")
    return Timing(decided, tuple(faults))


def _deadline(world: World, guard: Guard) -> tuple[str, str, str]:
    """Return where a guard's point in time stands: the key, the field ("" for a string) and the text around ``@``."""
    if "key" not in guard.options:
        return world.key("state"), str(guard.options["field"]), "@"
    name = str(guard.options["key"])
    state = next((g.options["is"] for g in world.kind.guards if g.name == "state"), "there")
    owner = GIVEN["member"] if "member" in world.kind.takes else "zed"
    text = f"{RECORD_VERSION}|{state if isinstance(state, str) else state[0]}|{owner}|@|{{}}"
    is_hash = world.kind.keys[name][1] == "hash"
    return world.key(name), world.given[str(guard.options["field"])] if is_hash else "", text


def has_deadline(kind: Kind) -> bool:
    """Whether a guard of ``kind`` is about a point in time."""
    return any(guard.name in TIMED for guard in kind.guards)
