"""Conditions: for each guard, how a session is made in which it passes, and how it is then made to refuse.

Written to Redis directly, so that no action has to work for another one to be tried; all writes go in one pipeline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from redis_plan.actions.model import Option

if TYPE_CHECKING:
    from redis_plan.rig.playing.world import World

#: A lease that outlasts any trial, in milliseconds.
LEASE = 60_000
Write = Callable[["World", Mapping[str, Option]], object]


def _words(option: Option) -> tuple[str, ...]:
    return (option,) if isinstance(option, str) else option


def _member(w: World) -> str:
    return w.given["member"]


def _role(w: World, o: Mapping[str, Option]) -> None:
    if "host" in _words(o["is"]):
        w.set("owner", _member(w))
    else:
        w.set(f"role:{_member(w)}", _words(o["is"])[0])


def _no_role(w: World, _o: Mapping[str, Option]) -> None:
    w.set("owner", "host")
    w.unset(f"role:{_member(w)}")


def _seat(w: World, who: str) -> None:
    w.writes.hset(w.key("roster"), who, f'{{"name":"{who}!","as":"{who}!"}}')


def _seat_named(w: World, who: str, name: str) -> None:
    w.writes.hset(w.key("roster"), who, f'{{"name":"{name}"}}')


def _nowhere(w: World, who: str) -> None:
    w.writes.hdel(w.key("roster"), who)
    w.writes.delete(w.key("presence"))


def _of(w: World, o: Mapping[str, Option]) -> tuple[str, str, str]:
    """Key, its type, and the field that a guard names."""
    name = str(o["key"])
    return w.key(name), w.kind.keys[name][1], w.given.get(str(o.get("field", "")), "")


def _put(w: World, o: Mapping[str, Option], fieldname: str, value: str = "2") -> None:
    k, kind, _ = _of(w, o)
    if kind == "zset":
        w.writes.zadd(k, {fieldname: 2})
    else:
        w.writes.hset(k, fieldname, value)


def _known(w: World, o: Mapping[str, Option]) -> None:
    if w.recorded(str(o["key"])):
        w.part(o)
    else:
        _put(w, o, _of(w, o)[2])


def _unknown(w: World, o: Mapping[str, Option]) -> None:
    k, kind, name = _of(w, o)
    w.records.pop((str(o["key"]), name), None)
    if kind == "zset":
        w.writes.zrem(k, name)
    else:
        w.writes.hdel(k, name)


def _full(w: World, o: Mapping[str, Option]) -> None:
    _put(w, o, "zed")
    w.given[str(o["most"])] = "1"


def _same_group(w: World, o: Mapping[str, Option]) -> None:
    _put(w, o, "zed", w.given[str(o["value"])])
    w.given[str(o["most"])] = "1"


def _everyone(w: World, o: Mapping[str, Option]) -> None:
    w.writes.zadd(
        w.key("presence"),
        {"ann#1": w.now + LEASE, "bob#1": w.now + LEASE, "host#1": w.now + LEASE, "watch:x#1": w.now + LEASE},
    )
    for member in ("ann", "bob"):
        _put(w, o, member)


def _held(w: World, o: Mapping[str, Option]) -> None:
    """Another has it: in a state in which somebody can."""
    states = next((_words(g.options["is"]) for g in w.kind.guards if g.name == "state"), ("there",))
    w.part(o).update(state=states[-1], owner="zed", until=w.now + LEASE)


def _full_seats(w: World, o: Mapping[str, Option]) -> None:
    w.writes.hdel(w.key("roster"), _member(w))
    _seat(w, "zed")
    w.given[str(o["most"])] = "2"


def _watched(w: World, o: Mapping[str, Option]) -> None:
    w.writes.zadd(w.key("presence"), {"watch:zed#1": w.now + LEASE})
    w.given[str(o["most"])] = "1"


def _holders(w: World, o: Mapping[str, Option]) -> None:
    w.set("role:zed", w.given["role"])
    w.given[str(o["most"])] = "1"


def _bans(w: World, o: Mapping[str, Option]) -> None:
    w.set("hidden:ban:zed", "1")
    w.given[str(o["most"])] = "2"


def _entry(w: World, o: Mapping[str, Option], author: str = "") -> None:
    by = author or _member(w)
    text = f'{{"id":"{w.given["object"]}","by":"{by}","at":{w.now},"d":"before"}}'
    w.writes.delete(_of(w, o)[0])
    w.writes.rpush(_of(w, o)[0], '{"id":"o0","by":"zed","at":1,"d":null}', text)


def _counted(w: World, o: Mapping[str, Option], less: int = 0, share: bool = False) -> None:
    k, kind, name = _of(w, o)
    if kind == "zset":
        w.writes.zadd(k, {name: int(w.given["amount"]) - less})
        return
    w.writes.hset(k, f"by|{_member(w)}|{name}" if share else name, int(w.given["amount"]) - less)


def _silent(w: World, o: Mapping[str, Option]) -> None:
    heard = w.now - w.number(o["after"])
    w.writes.zadd(w.key("presence"), {f"{w.given['target']}#1": heard + w.number(o["lease"])})


#: What makes a guard pass, where the plain session is not enough.
HOLD: Mapping[str, Write] = {
    "role": _role,
    "phase": lambda w, o: w.set("phase", _words(o["is"])[0]),
    "current": lambda w, o: w.set(str(o["field"]), w.given[str(o["argument"])]),
    "next": lambda w, o: w.set(str(o["field"]), "r0"),
    "deadline": lambda w, o: w.set(str(o["field"]), w.now + LEASE),
    "due": lambda w, o: w.set(str(o["field"]), w.now),
    "idle": lambda w, o: w.set("updated_at", w.now - w.number(o["after"])),
    "holds": lambda w, o: w.set(str(o["field"]), _member(w)),
    "gone": lambda w, o: w.set("away:host", w.now - w.number(o["after"])),
    "silent": _silent,
    "here": lambda w, _o: w.writes.zadd(w.key("presence"), {f"{_member(w)}#c1": w.now + LEASE}),
    "any": lambda w, o: _put(w, o, "ann"),
    "everyone": _everyone,
    "known": _known,
    "state": lambda w, o: w.part(o).update(state=_words(o["is"])[0]),
    "free": lambda w, o: w.part(o).update(owner=""),
    "mine": lambda w, o: w.part(o).update(owner=_member(w), until=w.now + LEASE),
    "in_time": lambda w, o: w.part(o).update(until=w.now + LEASE),
    "overdue": lambda w, o: w.part(o).update(owner="zed", until=w.now),
    "unchanged": lambda w, _o: w.given.update(expected="4"),
    "fenced": lambda w, o: w.writes.set(_of(w, o)[0], f"ann:{w.given['token']}", px=LEASE),
    "higher": lambda w, o: w.writes.zadd(_of(w, o)[0], {"zed:op0": int(w.given["amount"]) - w.number(o["step"])}),
    "enough": _counted,
    "owns": lambda w, o: _counted(w, o, share=True),
    "written": _entry,
    "listed": lambda w, o: _entry(w, o, "zed"),
    "gained": lambda w, o: w.set(f"hidden:gained:{w.given['target']}", f"{w.given['reason']}|2"),
    "free_name": lambda w, o: w.part(o).update(value='{"name":"Bob"}'),
}  # fmt: skip

#: What makes a guard refuse that would pass.
BREAK: Mapping[str, Write] = {
    "seat": lambda w, _o: w.writes.hdel(w.key("roster"), _member(w)),
    "role": _no_role,
    "seated": lambda w, _o: w.writes.hdel(w.key("roster"), w.given["target"]),
    "belongs": lambda w, _o: _nowhere(w, w.given["target"]),
    "here": lambda w, _o: _nowhere(w, _member(w)),
    "fitting": lambda w, _o: w.given.update(name="A"),
    "complete": lambda w, _o: w.set("key:votes:r9", "round"),
    "inside": lambda w, _o: _nowhere(w, w.given["target"]),
    "led": lambda w, _o: w.state(**{"owner": w.given["target"], f"role:{_member(w)}": "cohost"}),
    "unlocked": lambda w, o: w.set(str(o["field"]), "1"),
    "within": lambda w, o: w.given.update({str(o["value"]): str(w.number(o["most"]) + 1)}),
    "ungained": lambda w, _o: w.set(f"hidden:gained:{w.given['target']}", f"{w.given['reason']}|5"),
    "gained": lambda w, _o: w.set(f"hidden:gained:{w.given['target']}", "another|2"),
    "free_name": lambda w, _o: _seat_named(w, "zed", "bob"),
    "other": lambda w, _o: w.given.update(target=_member(w)),
    "phase": lambda w, _o: w.set("phase", "elsewhere"),
    "current": lambda w, o: w.set(str(o["field"]), "r0"),
    "next": lambda w, o: w.set(str(o["field"]), w.given[str(o["argument"])]),
    "unset": lambda w, o: w.set(str(o["field"]), "bob"),
    "deadline": lambda w, o: w.set(str(o["field"]), w.now),
    "due": lambda w, o: w.set(str(o["field"]), w.now + LEASE),
    "idle": lambda w, _o: w.set("updated_at", w.now),
    "holds": lambda w, o: w.set(str(o["field"]), "zed"),
    "admitted": lambda w, _o: w.set(f"hidden:ban:{w.given['device']}", "1"),
    "heard": lambda w, _o: w.set(f"hidden:mute:{_member(w)}", "1"),
    "own_name": lambda w, _o: w.writes.hset(w.key("roster"), "zed", '{"name":"ANN","as":"ann"}'),
    "seats": _full_seats,
    "watchers": _watched,
    "holders": _holders,
    "bans": _bans,
    "gone": lambda w, _o: w.unset("away:host"),
    "silent": lambda w, o: w.writes.zadd(w.key("presence"), {f"{w.given['target']}#2": w.now + w.number(o["lease"])}),
    "marked": lambda w, _o: w.set(f"away:{w.given['target']}", w.now),
    "paced": lambda w, _o: w.set(f"hidden:pace:{_member(w)}", w.now),
    "any": lambda w, o: w.writes.delete(_of(w, o)[0], w.key("presence")),
    "everyone": lambda w, o: w.writes.hdel(_of(w, o)[0], "bob"),
    "first": _known,
    "known": _unknown,
    "room": _full,
    "group": _same_group,
    "state": lambda w, o: w.part(o).update(state="strange"),
    "free": _held,
    "mine": lambda w, o: w.part(o).update(owner="zed"),
    "in_time": lambda w, o: w.part(o).update(owner=_member(w), until=w.now),
    "overdue": lambda w, o: w.part(o).update(until=w.now + LEASE),
    "fenced": lambda w, o: w.writes.set(_of(w, o)[0], f"zed:{w.given['token']}", px=LEASE),
    "unchanged": lambda w, o: w.part(o).update(version=5),
    "higher": lambda w, o: w.writes.zadd(_of(w, o)[0], {"zed:op1": int(w.given["amount"])}),
    "trailing": lambda w, o: w.writes.delete(_of(w, o)[0]).zadd(_of(w, o)[0], {f"{w.given['member']}:op0": 1}),
    "enough": lambda w, o: _counted(w, o, less=1),
    "share": lambda w, o: w.writes.hset(_of(w, o)[0], f"by|{_member(w)}|{_of(w, o)[2]}", w.number(o["most"])),
    "owns": lambda w, o: _counted(w, o, less=1, share=True),
    "written": lambda w, o: _entry(w, o, "zed"),
    "listed": lambda w, o: w.writes.delete(_of(w, o)[0]),
}  # fmt: skip
