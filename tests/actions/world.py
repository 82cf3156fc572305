"""A session in which an action's guards pass, and how each of them is made to refuse: written to Redis directly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis

from redis_plan.actions import compose
from redis_plan.actions.model import Guard, Kind, Option

TTL, IDEM_TTL, LOG, LEASE = 600, 60, "50", 60_000
SECRET = '"violet-otter"'
GIVEN: Mapping[str, str] = {
    "member": "ann", "target": "bob", "connection": "c1", "device": "d1", "object": "o1", "round": "r1", "item": "i1",
    "team": "red", "role": "cohost", "name": "Ann", "folded": "ann", "value": SECRET, "amount": "2", "expected": "4",
}  # fmt: skip


def key(name: str, tag: str = "s") -> str:
    """A key of the session; those of a mechanic have an id of their own, as a project's have."""
    return f"t:v1:{{{tag}}}:{name}" + ("" if name in ("state", "log", "roster", "presence") else ":r1")


@dataclass
class World:
    """One session on a live server, and the arguments of one action in it."""

    client: "redis.Redis"
    kind: Kind
    tag: str = "s"
    given: dict[str, str] = field(default_factory=lambda: dict(GIVEN))
    records: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.given |= {p.name: str(p.default) for p in self.kind.parameters}

    def key(self, name: str) -> str:
        return key(name, self.tag)

    @property
    def now(self) -> int:
        seconds, micros = self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def build(self, breaks: str = "") -> "World":
        """Make the session so that every guard passes, but for the one named."""
        self.client.flushdb()
        self.state(
            status="open", epoch="0a", version=7, created_at=self.now - 10 * LEASE, updated_at=self.now, owner="host"
        )
        for member in ("ann", "bob"):
            self.client.hset(self.key("roster"), member, f'{{"name":"{member}!","as":"{member}!"}}')
        for guard in self.kind.guards:
            HOLD.get(guard.name, _nothing)(self, guard.options)
        for guard in self.kind.guards:
            if guard.name == breaks:
                BREAK[guard.name](self, guard.options)
        for (name, fieldname), record in self.records.items():
            self.record(name, fieldname, record)
        return self

    def record(self, name: str, fieldname: str, record: Mapping[str, Any]) -> None:
        if record.get("state", "none") == "none":
            return
        text = f"{record.get('version', 4)}|{record['state']}|{record.get('owner', '')}|{record.get('until', 0)}|null"
        if self.kind.keys[name][1] == "string":
            self.client.set(self.key(name), text, px=TTL * 1000)
        else:
            self.client.hset(self.key(name), fieldname, text)

    def state(self, **fields: Any) -> None:
        self.client.hset(self.key("state"), mapping=fields)

    def set(self, name: str, value: Any) -> None:
        self.client.hset(self.key("state"), name, value)

    def unset(self, name: str) -> None:
        self.client.hdel(self.key("state"), name)

    def part(self, options: Mapping[str, Option]) -> dict[str, Any]:
        """The record that a guard asks about."""
        return self.records.setdefault((str(options["key"]), self.given[str(options["field"])]), {"state": "there"})

    def number(self, name: Option) -> int:
        return int(self.given[str(name)])

    def keys_of(self, op: str = "op1") -> list[str]:
        named = [name for name, _ in compose.catalogued()[self.kind.id].call.keys[3:]]
        return [
            self.key("state"),
            self.key("log"),
            f"t:v1:{{{self.tag}}}:idem:{op}",
            *(self.key(name) for name in named),
        ]

    def args(self, op: str = "op1", **instead: str) -> list[Any]:
        given = {**self.given, **instead}
        own = [given[name] for name in (*self.kind.takes, *(p.name for p in self.kind.parameters))]
        return [f"t:v1:{{{self.tag}}}:events", op, TTL, LOG, IDEM_TTL, *own]

    def call(self, op: str = "op1", **instead: str) -> list[Any]:
        keys = self.keys_of(op)
        return self.client.fcall(self.kind.function, len(keys), *keys, *self.args(op, **instead))  # type: ignore[return-value]

    def dump(self) -> dict[str, Any]:
        """Everything that is stored, by value."""
        read: Mapping[str, Callable[[str], Any]] = {
            "hash": self.client.hgetall,
            "zset": lambda k: self.client.zrange(k, 0, -1, withscores=True),
            "list": lambda k: self.client.lrange(k, 0, -1),
            "string": self.client.get,
        }
        return {k: read[self.client.type(k)](k) for k in sorted(self.client.keys("*"))}


def _nothing(_world: World, _options: Mapping[str, Option]) -> None:
    return


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
    w.client.hset(w.key("roster"), who, f'{{"name":"{who}!","as":"{who}!"}}')


def _of(w: World, o: Mapping[str, Option]) -> tuple[str, str, str]:
    """Key, its type, and the field that a guard names."""
    name = str(o["key"])
    return w.key(name), w.kind.keys[name][1], w.given.get(str(o.get("field", "")), "")


def _put(w: World, o: Mapping[str, Option], fieldname: str, value: str = "2") -> None:
    k, kind, _ = _of(w, o)
    if kind == "zset":
        w.client.zadd(k, {fieldname: 2})
    else:
        w.client.hset(k, fieldname, value)


def _known(w: World, o: Mapping[str, Option]) -> None:
    _, kind, name = _of(w, o)
    if kind == "hash" and w.kind.use == "records" and w.kind.mechanic not in ("claim", "teams"):
        w.part(o)
    else:
        _put(w, o, name)


def _unknown(w: World, o: Mapping[str, Option]) -> None:
    k, kind, name = _of(w, o)
    w.records.pop((str(o["key"]), name), None)
    if kind == "zset":
        w.client.zrem(k, name)
    else:
        w.client.hdel(k, name)


def _full(w: World, o: Mapping[str, Option]) -> None:
    _put(w, o, "zed")
    w.given[str(o["most"])] = "1"


def _same_group(w: World, o: Mapping[str, Option]) -> None:
    _put(w, o, "zed", w.given[str(o["value"])])
    w.given[str(o["most"])] = "1"


def _everyone(w: World, o: Mapping[str, Option]) -> None:
    w.client.zadd(
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
    w.client.hdel(w.key("roster"), _member(w))
    _seat(w, "zed")
    w.given[str(o["most"])] = "2"


def _watched(w: World, o: Mapping[str, Option]) -> None:
    w.client.zadd(w.key("presence"), {"watch:zed#1": w.now + LEASE})
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
    w.client.delete(_of(w, o)[0])
    w.client.rpush(_of(w, o)[0], '{"id":"o0","by":"zed","at":1,"d":null}', text)


def _counted(w: World, o: Mapping[str, Option], less: int = 0, share: bool = False) -> None:
    k, kind, name = _of(w, o)
    if kind == "zset":
        w.client.zadd(k, {name: int(w.given["amount"]) - less})
        return
    w.client.hset(k, f"by|{_member(w)}|{name}" if share else name, int(w.given["amount"]) - less)


def _silent(w: World, o: Mapping[str, Option]) -> None:
    heard = w.now - w.number(o["after"])
    w.client.zadd(w.key("presence"), {f"{w.given['target']}#1": heard + w.number(o["lease"])})


HOLD: Mapping[str, Callable[[World, Mapping[str, Option]], None]] = {
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
    "here": lambda w, _o: w.client.zadd(w.key("presence"), {f"{_member(w)}#c1": w.now + LEASE}) and None,
    "everyone": _everyone,
    "known": _known,
    "state": lambda w, o: w.part(o).update(state=_words(o["is"])[0]),
    "free": lambda w, o: w.part(o).update(owner=""),
    "mine": lambda w, o: w.part(o).update(owner=_member(w), until=w.now + LEASE),
    "in_time": lambda w, o: w.part(o).update(until=w.now + LEASE),
    "overdue": lambda w, o: w.part(o).update(owner="zed", until=w.now),
    "unchanged": lambda w, _o: w.given.update(expected="4"),
    "higher": lambda w, o: w.client.zadd(_of(w, o)[0], {"zed:op0": int(w.given["amount"]) - w.number(o["step"])}) and None,
    "enough": _counted,
    "owns": lambda w, o: _counted(w, o, share=True),
    "written": _entry,
    "listed": lambda w, o: _entry(w, o, "zed"),
}  # fmt: skip

BREAK: Mapping[str, Callable[[World, Mapping[str, Option]], None]] = {
    "seat": lambda w, _o: w.client.hdel(w.key("roster"), _member(w)) and None,
    "role": _no_role,
    "seated": lambda w, _o: w.client.hdel(w.key("roster"), w.given["target"]) and None,
    "belongs": lambda w, _o: w.client.hdel(w.key("roster"), w.given["target"]) and w.client.delete(w.key("presence")) and None,
    "here": lambda w, _o: w.client.hdel(w.key("roster"), _member(w)) and w.client.delete(w.key("presence")) and None,
    "fitting": lambda w, _o: w.given.update(name="A"),
    "complete": lambda w, _o: w.set("key:votes:r9", "round"),
    "other": lambda w, _o: w.given.update(target=_member(w)),
    "phase": lambda w, _o: w.set("phase", "elsewhere"),
    "current": lambda w, o: w.set(str(o["field"]), "r0"),
    "next": lambda w, o: w.set(str(o["field"]), w.given[str(o["argument"])]),
    "deadline": lambda w, o: w.set(str(o["field"]), w.now),
    "due": lambda w, o: w.set(str(o["field"]), w.now + LEASE),
    "idle": lambda w, _o: w.set("updated_at", w.now),
    "holds": lambda w, o: w.set(str(o["field"]), "zed"),
    "admitted": lambda w, _o: w.set(f"hidden:ban:{w.given['device']}", "1"),
    "heard": lambda w, _o: w.set(f"hidden:mute:{_member(w)}", "1"),
    "own_name": lambda w, _o: w.client.hset(w.key("roster"), "zed", '{"name":"ANN","as":"ann"}') and None,
    "seats": _full_seats,
    "watchers": _watched,
    "holders": _holders,
    "bans": _bans,
    "gone": lambda w, _o: w.unset("away:host"),
    "silent": lambda w, o: w.client.zadd(w.key("presence"), {f"{w.given['target']}#2": w.now + w.number(o["lease"])}) and None,
    "marked": lambda w, _o: w.set(f"away:{w.given['target']}", w.now),
    "paced": lambda w, _o: w.set(f"hidden:pace:{_member(w)}", w.now),
    "everyone": lambda w, o: w.client.hdel(_of(w, o)[0], "bob") and None,
    "first": _known,
    "known": _unknown,
    "room": _full,
    "group": _same_group,
    "state": lambda w, o: w.part(o).update(state="strange"),
    "free": _held,
    "mine": lambda w, o: w.part(o).update(owner="zed"),
    "in_time": lambda w, o: w.part(o).update(owner=_member(w), until=w.now),
    "overdue": lambda w, o: w.part(o).update(until=w.now + LEASE),
    "unchanged": lambda w, o: w.part(o).update(version=5),
    "higher": lambda w, o: w.client.zadd(_of(w, o)[0], {"zed:op1": int(w.given["amount"])}) and None,
    "enough": lambda w, o: _counted(w, o, less=1),
    "share": lambda w, o: w.client.hset(_of(w, o)[0], f"by|{_member(w)}|{_of(w, o)[2]}", w.number(o["most"])) and None,
    "owns": lambda w, o: _counted(w, o, less=1, share=True),
    "written": lambda w, o: _entry(w, o, "zed"),
    "listed": lambda w, o: w.client.delete(_of(w, o)[0]) and None,
}  # fmt: skip


def refusals(kind: Kind) -> list[Guard]:
    """The guards of a kind that a session can be made for; the first of a name speaks for it."""
    return list({guard.name: guard for guard in reversed(kind.guards)}.values())[::-1]
