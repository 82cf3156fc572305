"""Snapshots: what a member's screen is drawn from, read in one step, and nothing that is hidden from the role.

What a role sees of a collection follows from the actions that fill it: what one of them hides, or the documents forbid to
show, is counted, and only the member's own is told; what is announced to those who lead they see, and everybody else sees
what is theirs; of what is announced only to one person, or to nobody, each sees what is theirs, whoever leads; everything
else is for all. The role itself is read from the state, never taken from the caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from redis_plan.actions import catalog, own_lua, vocabulary
from redis_plan.actions.model import LEADERS, Kind
from redis_plan.delivery import acting, commands
from redis_plan.delivery.artefact import render
from redis_plan.keyspace import functions, naming
from redis_plan.keyspace.calls import Call
from redis_plan.keyspace.functions import Function
from redis_plan.keyspace.model import KeyPattern, Keyspace

NAME = "session_snapshot"
#: all: as it is; ranked: the first places and one's own; highest: the first alone, an element of member and operation;
#: counted: how many, and one's own; named: whose they are, and one's own; guarded: by whom it concerns.
Form = Literal["all", "ranked", "highest", "counted", "named", "guarded"]

_NOT_SHOWN = ("state", "roster", "presence", "log", "idem")
#: What reads a collection whole, where its structure in the design names no read that bounds it.
_READS = {"hash": "HGETALL <key>", "zset": "ZRANGE <key> 0 9 REV WITHSCORES", "list": "LRANGE <key> -50 -1"}
_BOUNDED = {"zset": "ZRANGE <key> ", "list": "LRANGE <key> "}
_OWN = {"hash": "redis.call('HGET', {key}, a.member)", "zset": "redis.call('ZSCORE', {key}, a.member)", "list": "false"}


@dataclass(frozen=True, slots=True)
class Part:
    """One collection of a snapshot; ``of_round`` where each round has a key of its own.

    ``led`` where who leads sees all of it: an action that fills it tells everybody, or those who lead, of it.
    """

    pattern: KeyPattern
    form: Form
    of_round: bool = False
    led: bool = False

    @property
    def count(self) -> str:
        """The command that counts it, or tells whose its entries are."""
        return "HKEYS" if self.form == "named" else commands.COUNTS[self.pattern.type]

    def read(self, key: str) -> str:
        """Return the words of the command that reads it, as arguments in Lua."""
        begins = _BOUNDED.get(self.pattern.type, "no read of this type is bounded")
        reads = self.pattern.candidate.read if self.pattern.candidate else ()
        chosen = next((r for r in reads if r.startswith(begins)), _READS[self.pattern.type])
        return ", ".join(key if word == "<key>" else f"'{word}'" for word in chosen.split())

    def own(self, key: str) -> str:
        """Return what a member alone may know of what is counted, in Lua."""
        return _OWN[self.pattern.type].format(key=key)


@lru_cache(maxsize=64)
def parts(keyspace: Keyspace) -> tuple[Part, ...]:
    """Return the collections of a session that a screen is drawn from, the roster first; none where nobody acts in one."""
    if functions.missing(keyspace) or not any(f.call.of_session for _, f in acting.composed(keyspace)):
        return ()
    return (Part(keyspace.pattern("roster"), "all"), *_further(keyspace))


def _further(keyspace: Keyspace) -> Iterator[Part]:
    for pattern in keyspace.keys:
        if pattern.scope != "session" or pattern.use in _NOT_SHOWN or pattern.type not in _READS:
            continue
        kinds = tuple(_on(pattern, keyspace))
        further = set(naming.placeholders(pattern.template)) - {"session_id"}
        of_round = len(further) == 1 and bool(kinds) and all("round" in k.takes for k, _ in kinds)
        if not further or of_round:
            fill = [k for k, local in kinds if local in _filled(k)]
            led = any(k.audience in ("all", "leaders") for k in fill)
            yield Part(pattern, _form(pattern, fill), of_round, led)


def _on(pattern: KeyPattern, keyspace: Keyspace) -> Iterator[tuple[Kind, str]]:
    """Yield the kinds of action that read or write ``pattern``, each with its own name for it."""
    for action, _ in acting.composed(keyspace):
        for local, name in action.keys:
            if name == pattern.name:
                yield catalog.kind_of(action), local


def _form(pattern: KeyPattern, fill: Sequence[Kind]) -> Form:
    if pattern.type == "hash" and any(k.audience != "all" for k in fill):
        return "guarded"
    if commands.counted(pattern) or any(k.hides or k.audience != "all" for k in fill):
        told = ["member" in k.shows for k in fill if k.hides and k.audience == "all"]
        return "named" if pattern.type == "hash" and told and all(told) else "counted"
    if pattern.type != "zset":
        return "all"
    return "highest" if any(field.name.startswith("<member_id>:") for field in pattern.fields) else "ranked"


def _filled(kind: Kind) -> frozenset[str]:
    """Return the keys, by the kind's own names, into which it writes; what only takes away tells nothing of what is there."""
    put = (e.options["key"] for e in kind.effects if vocabulary.fills(e))
    return frozenset(map(str, put)) | frozenset(own_lua.written(kind.lua))


def function(keyspace: Keyspace) -> Function | None:
    """Return the function that reads a snapshot, or None where there is nothing of the kind."""
    shown = parts(keyspace)
    if not shown:
        return None
    who = replace(vocabulary.arguments()["member"], says="who looks; from the verified token, never from the message")
    call = Call(
        name=NAME,
        says="What the screen of a member is drawn from, in one step: state, roster and collections as its role may see them",
        keys=(("state", "hash"), *((p.pattern.name, p.pattern.type) for p in shown)),
        args=(who,),
        rest=None,
        results={},
        users=("app",),
        shape="snapshot",
        flags=("no-writes",),
        session=True,
    )
    guarded = any(p.form == "guarded" and p.led for p in shown)
    body = render("snapshot.lua.j2", parts=shown, guarded=guarded, leaders=tuple(dict.fromkeys(LEADERS.values())))
    return Function(call, body.strip(), asks="'owner', 'role:' .. a.member")
