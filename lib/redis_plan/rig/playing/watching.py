"""Watching: what one session on a live server has before and after a call, and which invariants the call broke."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import redis

from redis_plan.actions import compose
from redis_plan.actions.model import Guard, Kind
from redis_plan.delivery.redis_plan_sync import patch
from redis_plan.keyspace import naming
from redis_plan.keyspace.model import Keyspace
from redis_plan.rig.playing import world
from redis_plan.rig.playing.checks import shown_of

#: What is looked at after every step: name, what a violation of it is.
INVARIANTS = {
    "result": "an answer that the function does not name",
    "version": "a change without version + 1, or a version without a change",
    "log": "a change without its one event, an event without a change, or a hole",
    "copy": "a copy that took the event, and is not what the server has",
    "refusal": "a refused call that wrote something",
    "again": "an operation that was sent again and done again",
    "guard": "a call that was accepted though a guard of it does not hold",
    "hidden": "what must not be seen yet, in an event or in a snapshot",
    "seats": "more seats than there are, or a seat of somebody who was banned",
    "TTL": "a key that would stay for ever",
    "registry": "a key of no pattern, or one whose session is gone",
}
#: What every change writes, whatever it is about.
_MOVED = {"version": "", "updated_at": ""}
Given = Mapping[str, Any]  # Any: what a caller gives, by name


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that the server has at one moment, operations' own keys left out."""

    now: int
    keys: Mapping[str, Any]  # Any: what each type holds
    endless: tuple[str, ...]
    state: Mapping[str, str]
    roster: Mapping[str, str]
    log: tuple[Mapping[str, Any], ...]

    @property
    def version(self) -> int:
        """The session's version, -1 where there is none."""
        return int(self.state.get("version", -1))


class Watch:
    """Looks at one session by its keys, and says what a call broke."""

    def __init__(self, client: redis.Redis, keyspace: Keyspace, keys: Mapping[str, str]) -> None:
        """Watch the session whose state, roster and log are ``keys``; ``client`` sees every key and decodes."""
        self.client, self.keys = client, keys
        self.patterns = [naming.regex(p.template) for p in keyspace.keys]
        self.untimed = [naming.regex(p.template) for p in keyspace.keys if p.ttl.policy == "none"]
        self.home = keys["state"].rpartition(":")[0]

    def look(self) -> Seen:
        """Return what there is now."""
        keys = {k: v for k, v in world.dump(self.client).items() if not k.endswith(":idem")}
        with self.client.pipeline(transaction=False) as together:
            for key in keys:
                together.ttl(key)
            together.time()
            *ttls, (seconds, micros) = together.execute()
        return Seen(
            now=int(seconds) * 1000 + int(micros) // 1000,
            keys=keys,
            endless=tuple(k for k, ttl in zip(keys, ttls, strict=True) if ttl == -1 and not _any(self.untimed, k)),
            state=keys.get(self.keys["state"], {}),
            roster=keys.get(self.keys["roster"], {}),
            log=tuple(_event(entry) for entry in keys.get(self.keys["log"], ())),
        )

    def after_action(
        self, kind: Kind, given: Given, names: list[str], answer: str, before: Seen, after: Seen
    ) -> Iterator[str]:
        """Yield the invariants that a call of ``kind`` broke; ``names`` are its own keys, as it was sent with them."""
        if answer != "ok":
            if not same(before, after):
                yield "refusal"
            yield from self.always(before, after)
            return
        if after.version != before.version + 1:
            yield "version"
        new = [event for event in after.log if int(event["v"]) > before.version]
        if len(new) != 1 or new[0]["t"] != kind.announces or new[0]["v"] != after.version:
            yield "log"
        elif patch(shown_of(before.state), new[0]) | _MOVED != shown_of(after.state) | _MOVED:
            yield "copy"
        own = dict(zip(compose.ordered_keys(kind), names, strict=False))
        if not all(_holds(guard, before, given, own) for guard in kind.guards):
            yield "guard"
        if "value" in kind.hides and json.dumps(given["value"]).strip('"') in json.dumps(new):
            yield "hidden"
        yield from self.always(before, after)

    def always(self, before: Seen, after: Seen) -> Iterator[str]:
        """Yield what holds after every step, whatever it was, and was broken."""
        if after.endless:
            yield "TTL"
        strange = [key for key in after.keys if not _any(self.patterns, key)]
        # a string ends by itself, as what is held for a time does; every other key goes with its session
        lasting = [key for key, value in after.keys.items() if not isinstance(value, str)]
        orphans = [key for key in lasting if not after.state and key.startswith(self.home)]
        if strange or orphans:
            yield "registry"
        versions = [int(event["v"]) for event in after.log]
        of_epoch = {event["e"] for event in after.log} <= {after.state.get("epoch")} | {e["e"] for e in before.log}
        if versions != list(range(after.version - len(versions) + 1, after.version + 1)) or not of_epoch:
            yield "log"
        if any(after.state.get(f"hidden:ban:{member}") for member in after.roster):
            yield "seats"


def same(before: Seen, after: Seen) -> bool:
    """Whether nothing was written between two looks; a string may have ended by itself, as what is held for a time does."""
    ended = {key for key, value in before.keys.items() if isinstance(value, str) and key not in after.keys}
    return {key: value for key, value in before.keys.items() if key not in ended} == after.keys


def _any(patterns: list[re.Pattern[str]], key: str) -> bool:
    return any(pattern.fullmatch(key) for pattern in patterns)


def _event(entry: Any) -> Mapping[str, Any]:  # Any: a list's text, or a stream's id and fields
    found: Mapping[str, Any] = json.loads(entry if isinstance(entry, str) else dict(entry[1])["m"])
    return found


def _role(seen: Seen, member: object) -> str:
    return "host" if seen.state.get("owner") == member else seen.state.get(f"role:{member}", "")


def words(option: object) -> tuple[str, ...]:
    """Return an option that is a word or a list of them as a list."""
    return (option,) if isinstance(option, str) else tuple(option)  # type: ignore[arg-type]  # words


def _has(guard: Guard, seen: Seen, given: Given, own: Mapping[str, str]) -> bool:
    held = seen.keys.get(own[str(guard.options["key"])], ())
    name = str(given[str(guard.options["field"])])
    return any((entry if isinstance(entry, str) else entry[0]) == name for entry in held)


#: Guards as a reader of the stored values understands them, apart from the Lua that asks: true where it may go on.
_READ: Mapping[str, Callable[[Guard, Seen, Given, Mapping[str, str]], bool]] = {
    "seat": lambda _g, seen, given, _own: given["member"] in seen.roster,
    "seated": lambda _g, seen, given, _own: given["target"] in seen.roster,
    "other": lambda _g, _seen, given, _own: given["target"] != given["member"],
    "role": lambda g, seen, given, _own: _role(seen, given["member"]) in words(g.options["is"]),
    "phase": lambda g, seen, _given, _own: seen.state.get("phase", "lobby") in words(g.options["is"]),
    "current": lambda g, seen, given, _own: seen.state.get(str(g.options["field"])) == given[str(g.options["argument"])],
    "next": lambda g, seen, given, _own: seen.state.get(str(g.options["field"])) != given[str(g.options["argument"])],
    "deadline": lambda g, seen, _given, _own: seen.now < int(seen.state.get(str(g.options["field"]), 2**53)),
    "admitted": lambda _g, seen, given, _own: not {f"hidden:ban:{given[w]}" for w in ("member", "device")} & set(seen.state),
    "seats": lambda g, seen, given, _own: given["member"] in seen.roster or len(seen.roster) < int(given[str(g.options["most"])]),
    "unset": lambda g, seen, _given, _own: seen.state.get(str(g.options["field"])) is None,
    "unlocked": lambda g, seen, given, _own: (
        seen.state.get(str(g.options["field"])) is None or _role(seen, given["member"]) in words(g.options["is"])
    ),
    "fenced": lambda g, seen, given, own: seen.keys.get(own[str(g.options["key"])]) == f"{given['member']}:{given['token']}",
    "first": lambda g, seen, given, own: not _has(g, seen, given, own),
    "known": _has,
}  # fmt: skip


def _holds(guard: Guard, seen: Seen, given: Given, own: Mapping[str, str]) -> bool:
    """Whether ``guard`` may be passed, as far as a reader can tell."""
    read = _READ.get(guard.name)
    return read is None or read(guard, seen, given, own)
