"""A world: one session on a live server in which an action's guards pass, and the call of that action in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis

from redis_plan.actions import catalog, compose, vocabulary
from redis_plan.actions.model import Effect, Guard, Kind, Option
from redis_plan.delivery import acting
from redis_plan.keyspace import functions, naming
from redis_plan.keyspace.functions import Function
from redis_plan.keyspace.model import Bound, Keyspace
from redis_plan.rig.playing import conditions

TTL, IDEM_TTL = 600, 60
SECRET = '"violet-otter"'
#: Who and what an action is about, by the arguments of the vocabulary; an argument of a team's own has its form's example.
GIVEN: Mapping[str, str] = {
    "member": "ann", "target": "bob", "connection": "c1", "device": "d1", "object": "o1", "round": "r1", "item": "i1",
    "team": "red", "role": "cohost", "name": "Ann", "folded": "ann", "value": SECRET, "amount": "2", "expected": "4",
    "reason": "r1", "token": "3",
}  # fmt: skip
#: The version that a world's session and its records have before the action.
VERSION, RECORD_VERSION = 7, 4
#: Guards and effects by which a key is known to hold records, ``<version>|<state>|<owner>|<until>|<value>``.
_OF_RECORDS = frozenset({"state", "free", "mine", "in_time", "overdue", "unchanged", "record", "remove"})


@dataclass
class World:
    """One session, the function that carries an action out, and what it is called with.

    ``key`` names the key behind a local name of the action's kind; ``others`` are the session's further keys, whose TTL
    the function refreshes, ``log`` its ``log_max``. ``client`` decodes replies, and its server is ours: every key goes, but
    for a world that is not ``alone`` on it.
    """

    client: redis.Redis
    kind: Kind
    function: Function
    key: Callable[[str], str]
    channel: str = ""
    log: str = "50"
    others: tuple[str, ...] = ()
    given: dict[str, str] = field(default_factory=dict)
    with_seat: str = "none"  # the types of those of ``others`` in which an entry goes with the seat
    alone: bool = True
    records: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)  # Any: text and numbers
    writes: Any = field(init=False, repr=False, default=None)  # the pipeline in which the session is made
    fcall: Callable[[str], str] = str  # what FCALL calls a function of the library that is loaded
    now: int = 0  # the server's clock when the session was made, in milliseconds

    def __post_init__(self) -> None:
        """Fill in what the caller gives, and the numbers of the project."""
        known = vocabulary.arguments_of(self.kind)
        own = {name: GIVEN.get(name, known[name].example) for name in self.kind.takes}
        numbers = {
            a.name: a.default for a in self.function.call.args if a.name in {p.name for p in self.kind.parameters}
        }
        self.given = {**GIVEN, **own, **numbers, **self.given}
        self._given = dict(self.given)

    @property
    def session(self) -> bool:
        """Whether the action is one of a session; else it works on its key alone."""
        return self.function.call.of_session

    def build(self, breaks: str = "") -> World:
        """Make the session so that every guard passes, but for the one named."""
        self.records, self.given, self.now = {}, dict(self._given), clock(self.client)
        self.writes = self.client.pipeline(transaction=False)
        if self.alone:
            self.writes.flushdb()
        if self.session:
            made = self.now - 10 * conditions.LEASE
            self.state(status="open", epoch="0a", version=VERSION, created_at=made, updated_at=self.now, owner="host")
            for member in ("ann", "bob"):
                self.writes.hset(self.key("roster"), member, f'{{"name":"{member}!","as":"{member}!"}}')
        for name, (_, type_) in self.kind.keys.items() if self.kind.lua else ():
            if type_ == "hash" and name not in ("roster", "presence") and "object" in self.kind.takes:
                self.records[name, self.given["object"]] = {"state": "there"}
        for guard in self.kind.guards:
            if hold := conditions.HOLD.get(guard.name):
                hold(self, guard.options)
        for guard in self.kind.guards:
            if guard.name == breaks:
                conditions.BREAK[guard.name](self, guard.options)
        for (name, fieldname), record in self.records.items():
            self._record(name, fieldname, record)
        self.writes.execute()
        return self

    def _record(self, name: str, fieldname: str, record: Mapping[str, Any]) -> None:
        if record.get("state", "none") == "none":
            return
        version, owner, until = record.get("version", RECORD_VERSION), record.get("owner", ""), record.get("until", 0)
        text = f"{version}|{record['state']}|{owner}|{until}|{record.get('value', '{}')}"
        if self.kind.keys[name][1] == "string":
            self.writes.set(self.key(name), text, px=TTL * 1000)
        else:
            self.writes.hset(self.key(name), fieldname, text)

    def recorded(self, name: str) -> bool:
        """Whether the key behind ``name`` is a hash of records."""
        parts: tuple[Guard | Effect, ...] = (*self.kind.guards, *self.kind.effects)
        used = any(p.name in _OF_RECORDS and p.options.get("key") == name for p in parts)
        return used and self.kind.keys[name][1] == "hash"

    def state(self, **fields: Any) -> None:  # Any: text and numbers
        """Write fields of the session's state."""
        self.writes.hset(self.key("state"), mapping=fields)

    def set(self, name: str, value: Any) -> None:  # Any: text or a number
        """Write one field of the state."""
        self.writes.hset(self.key("state"), name, value)

    def unset(self, name: str) -> None:
        """Remove one field of the state."""
        self.writes.hdel(self.key("state"), name)

    def part(self, options: Mapping[str, Option]) -> dict[str, Any]:  # Any: text and numbers
        """Return the record that a guard asks about, to be changed."""
        return self.records.setdefault((str(options["key"]), self.given[str(options["field"])]), {"state": "there"})

    def number(self, name: Option) -> int:
        """Return a parameter's value."""
        return int(self.given[str(name)])

    def keys_of(self, op: str = "op1") -> list[str]:
        """Return KEYS of the call."""
        own = [self.key(name) for name in compose.ordered_keys(self.kind)]
        if not self.session:
            return own
        return [self.key("state"), self.key("log"), self.key("idem"), *own, *self.others]

    def args(self, op: str = "op1", **instead: str) -> list[Any]:  # Any: text and numbers
        """Return ARGV of the call."""
        given = {**self.given, **instead}
        own = [given[name] for name in (*self.kind.takes, *(p.name for p in self.kind.parameters))]
        own += [self.with_seat] if compose.vacates(self.kind) else []
        return [self.channel, op, TTL, self.log, IDEM_TTL, *own] if self.session else [TTL, *own]

    def words(self, op: str = "op1", **instead: str) -> tuple[Any, ...]:  # Any: text and numbers
        """Return the command, for who sends it himself."""
        keys = self.keys_of(op)
        return ("FCALL", self.fcall(self.function.name), len(keys), *keys, *self.args(op, **instead))

    def call(self, op: str = "op1", **instead: str) -> list[Any]:  # Any: a number and a named result
        """Run the action and return ``[version, result]``; without a session the version is that of no change."""
        return self.reply(self.client.execute_command(*self.words(op, **instead)))

    def run(self, script: str, *calls: Mapping[str, str]) -> list[str]:
        """Run an EVAL form in place of the function, once for each of ``calls`` (``op`` and what it gives instead).

        Returns the named results; raises what redis-py raises.
        """
        sha = self.client.script_load(script)
        with self.client.pipeline(transaction=False) as together:
            for given in calls:
                rest = {name: value for name, value in given.items() if name != "op"}
                keys = self.keys_of(given["op"])
                together.evalsha(sha, len(keys), *keys, *self.args(given["op"], **rest))
            return [str(self.reply(found)[1]) for found in together.execute()]

    def reply(self, found: Any) -> list[Any]:  # Any: what the function answers
        """Return a reply in the form of :meth:`call`, without what a refusal tells besides."""
        return list(found[:2]) if self.session else [VERSION, found]

    def events(self) -> list[dict[str, Any]]:  # Any: JSON
        """Return every event of the log."""
        return events(self.client, self.key("log"))

    def dump(self) -> dict[str, Any]:  # Any: what each type holds
        """Return everything that is stored, by value."""
        return dump(self.client)


def catalogued(client: redis.Redis, kind: Kind, tag: str = "s") -> World:
    """Return the world of a kind of the catalog that no project names; those of a mechanic have an id of their own."""

    def key(name: str) -> str:
        return f"t:v1:{{{tag}}}:{name}" + ("" if name in ("state", "log", "idem", "roster", "presence") else ":r1")

    function, channel = compose.catalogued()[kind.id], f"t:v1:{{{tag}}}:events"
    return World(client, kind, function, key, channel)


def of_project(client: redis.Redis, keyspace: Keyspace, session: str = "k3v9") -> Iterator[tuple[Bound, World]]:
    """Yield the world of each action of a design that has a function of its own, on the keys of the design."""
    ids = {"session_id": session, "env": naming.ENVIRONMENT, "round_id": GIVEN["round"]}

    def named(pattern: str, **more: str) -> str:
        template = keyspace.pattern(pattern).template
        known = {**dict.fromkeys(naming.placeholders(template), GIVEN["object"]), **ids, **more}
        return naming.render(template, **known)

    has_session = not functions.missing(keyspace)
    keys = functions.session_keys(keyspace, session, environment=naming.ENVIRONMENT) if has_session else {}
    for action, function in acting.composed(keyspace):
        local = {
            "state": "state",
            "log": "log",
            "idem": "idem",
            "roster": "roster",
            "presence": "presence",
            **dict(action.keys),
        }
        yield (
            action,
            World(
                client,
                catalog.kind_of(action).on(dict(action.keys)),
                function,
                lambda name, local=local: named(local[name]),  # type: ignore[misc]
                functions.channel_argument(keyspace, keys) if has_session else "",
                functions.log_argument(keyspace) if has_session else "",
                tuple(functions.other_keys(keyspace, keys, *function.keys)) if function.more_keys else (),
                with_seat=functions.with_seat(keyspace) if has_session else "none",
                fcall=keyspace.fcall_name,
            ),
        )


def refusals(kind: Kind) -> list[Guard]:
    """Return the guards of a kind that a session can be made for; the first of a name speaks for it."""
    return list({guard.name: guard for guard in reversed(kind.guards)}.values())[::-1]


def events(client: redis.Redis, log: str) -> list[dict[str, Any]]:  # Any: JSON
    """Return every event of a log, whichever form it has."""
    if client.type(log) == "stream":
        found: Any = client.xrange(log)
        return [json.loads(entry["m"]) for _, entry in found]
    return [json.loads(entry) for entry in client.lrange(log, 0, -1)]


_READ: Mapping[str, tuple[str, ...]] = {
    "hash": ("HGETALL",), "zset": ("ZRANGE", "0", "-1", "WITHSCORES"), "list": ("LRANGE", "0", "-1"),
    "set": ("SMEMBERS",), "string": ("GET",), "stream": ("XRANGE", "-", "+"),
}  # fmt: skip


def dump(client: redis.Redis) -> dict[str, Any]:  # Any: what each type holds
    """Return every key of the server by value, but for those that end by themselves meanwhile."""
    keys = sorted(client.scan_iter(count=1000))
    with client.pipeline(transaction=False) as together:
        for key in keys:
            together.type(key)
        there = {key: type_ for key, type_ in zip(keys, together.execute(), strict=True) if type_ in _READ}
        for key, type_ in there.items():
            command, *rest = _READ[type_]
            together.execute_command(command, key, *rest)
        return {key: value for key, value in zip(there, together.execute(), strict=True) if value}


def clock(client: redis.Redis) -> int:
    """Return the server's clock in milliseconds."""
    found: Any = client.time()
    return int(found[0]) * 1000 + int(found[1]) // 1000
