"""The walkthrough: the life of one session, or one use of each key, as real commands; and what the server had after each.

The commands come from the same contracts as the clients. :func:`play` runs them on any client, a cluster's too.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from redis_plan.actions import catalog, messages, vocabulary
from redis_plan.actions.model import Kind
from redis_plan.brief.model import Brief
from redis_plan.delivery import acting, commands, duties, library
from redis_plan.delivery import operations as model
from redis_plan.delivery.artefact import plain
from redis_plan.delivery.operations import Argument, Operation
from redis_plan.keyspace import calls, chain, functions, naming
from redis_plan.keyspace.model import KeyPattern, Keyspace

SESSION, OP = "k3v9", "01JD8Q6Z7K3W9M2N4P5R6S7T8V"
#: The two members of the walk: the second one leads it from the first change on.
_FIRST, _LEADS = "ann", "bob"
UNTIL = "<until>"  # what a claim answered, known when the step runs
_IDS = {"session_id": SESSION, "op_id": OP, "code": "K7PQXM", "node_id": "gw-2", "env": naming.ENVIRONMENT,
        "action": "join", "subject": "u-4f2a9c", "window": "29923940", "round_id": "7", "digest": "9f86d081884c7d65"}  # fmt: skip
_TAKES_KEYS = {"FCALL", "EVALSHA", "EVAL"}
_CONTAINERS = {"XGROUP", "MEMORY"}  # commands whose subcommand is a right of its own


@dataclass(frozen=True, slots=True)
class Step:
    """One command, what it is for, and the user of users.acl that sends it."""

    name: str
    says: str
    command: tuple[str, ...]
    user: str = "app"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a step answered, and the keys that existed after it: name, type, TTL in seconds (-1: none)."""

    step: Step
    reply: str
    keys: tuple[tuple[str, str, int], ...]


class Writer:
    """Writes the commands of one walk; ``prefix`` stands before every key and channel."""

    def __init__(self, brief: Brief, keyspace: Keyspace, prefix: str = "", session: str = SESSION) -> None:
        """Prepare the operations of the keyspace."""
        self.brief, self.keyspace, self.prefix = brief, keyspace, prefix
        bucket = f"{naming.slot(naming.encode_id(session)) % 16:02d}"
        self.ids = _IDS | {"session_id": session, "bucket": bucket}
        made = model.operations(brief, keyspace)
        self.operations = {o.method: o for o in made if not o.kind}
        self.actions = {o.method: o for o in made if o.kind}
        self.by_kind = {o.kind: o for o in made if o.kind}

    def key(self, pattern: str, **ids: object) -> str:
        """Return a name of ``pattern`` with the walk's ids."""
        template = self.keyspace.pattern(pattern).template
        known = self.ids | {name: str(value) for name, value in ids.items()}
        given = {n: known.get(n, f"{n.removesuffix('_id')[:3]}-1") for n in naming.placeholders(template)}
        return self.prefix + naming.render(template, **given)

    def call(self, method: str, also: Iterable[str] = (), **given: object) -> tuple[str, ...]:
        """Return the FCALL of an operation with example values, or those ``given``."""
        return self.command(self.operations[method], also, **given)

    def command(self, operation: Operation, also: Iterable[str] = (), **given: object) -> tuple[str, ...]:
        """Return the FCALL of any operation or action; see :meth:`call`."""
        keys = []
        for key in operation.keys:
            own = dict(zip(naming.placeholders(self.keyspace.pattern(key.pattern).template), key.ids, strict=True))
            ids = {place: given.get(name, self.ids.get(place)) for place, name in own.items()}
            ids |= {
                place: f"{name.partition('_')[0]}-1" for place, name in own.items() if name.startswith(("from_", "to_"))
            }
            keys.append(self.key(key.pattern, **{n: v for n, v in ids.items() if v is not None}))
        if operation.takes_more:
            named = {key.pattern for key in operation.keys}
            keys += [self.key(p.name) for p in model.session_others(self.keyspace) if p.name not in named]
            keys += list(also)
        arguments = [text for a in operation.arguments for text in self._argument(a, operation, given)]
        return ("FCALL", self.keyspace.fcall_name(operation.function.name), str(len(keys)), *keys, *arguments)

    def _argument(self, a: Argument, operation: Operation, given: Mapping[str, object]) -> list[str]:
        if a.kind == "constant":
            return [self._constant(a)]
        if a.kind == "channel":
            channel = self.keyspace.use("events")
            sharded = " sharded" if channel and channel.sharded else ""
            return [self.key(channel.name) + sharded if channel else ""]
        if a.kind == "connection":
            member, connection = given.get("member_id", "ann"), given.get("connection", "c1")
            return [f"{member}#{connection}" if connection else str(member)]
        if a.kind in ("literal", "once"):
            return [a.name]
        if a.kind == "folded":
            return [str(given.get(a.name, vocabulary.arguments()[a.name].example)).casefold()]
        parameter = next(p for p in operation.parameters if p.name == a.name)
        if parameter.kind == "fields":
            return str(given.get("fields", "" if parameter.default else "value 5")).split()
        return [str(given.get(a.name, _example(a.name, parameter.default, operation, self.brief)))]

    def _constant(self, a: Argument) -> str:
        ttl = {p.name: p.ttl.seconds or 0 for p in self.keyspace.keys}
        if a.name in ("ttl", "ms"):
            return str(ttl[a.of] * (1000 if a.name == "ms" else 1))
        if a.name == "bound":
            return str(int(self.keyspace.pattern(a.of).max_elements))
        if a.name == "with_seat":
            return functions.with_seat(self.keyspace)
        return (
            str(int(1000 * chain.lease(self.brief))) if a.name == "lease_ms" else functions.log_argument(self.keyspace)
        )


def _example(name: str, default: str, operation: Operation, brief: Brief) -> str:
    if default == "capacity":
        return str(max(1, int(brief.value("session_capacity"))))
    if default == "none":
        return "null" if name == "data" else ""
    if default.isdigit() or default.startswith("="):
        return default.removeprefix("=")
    own = {a.name: a for a in operation.function.call.args if a.example}
    known = {**own, **vocabulary.arguments(), **calls.arguments()}
    return known[name].example or name if name in known else name


#: What no shell changes: it would expand a ``*`` or a ``~``, and write into a file after a ``>``.
_PLAIN = re.compile(r"[\w:{}./=-][\w:{}./#=-]*")


def steps(brief: Brief, keyspace: Keyspace, prefix: str = "", session: str = SESSION) -> tuple[Step, ...]:
    """Return the walk: the life of a session from create to cleanup, then the uses that belong to no session."""
    writer = Writer(brief, keyspace, prefix, session)
    of_session = () if functions.missing(keyspace) else tuple(_session(writer))
    done = {"join-code", "due"} if of_session else set()
    return tuple(
        replace(step, user=user_of(keyspace, step.command, prefix)) for step in (*of_session, *_others(writer, done))
    )


def user_of(keyspace: Keyspace, command: Sequence[str], prefix: str = "") -> str:
    """Return the user whose duty ``command`` is; the application's where it is both users'.

    Raises ``LookupError`` where no user of users.acl may run it.
    """
    verb = "|".join(command[:2]) if command[0] in _CONTAINERS else command[0]
    names = [name[len(prefix) :] for name in keys_of(command)]
    touched = [p for name in names for p in keyspace.patterns if naming.parse(p.template, name) is not None]
    for role in duties.ROLES:
        if verb == "FCALL":
            call = next(
                s.function.call for s in library.steps(keyspace) if keyspace.fcall_name(s.function.name) == command[1]
            )
            if any(role in duties.callers(call, p) for p in touched[:1]):
                return role
        elif any(verb in duties.sent(keyspace, p, role) for p in touched) or (not names and verb in ("MULTI", "EXEC")):
            return role
    raise LookupError(f"no user of users.acl may run {' '.join(command)}")


def _session(w: Writer) -> Iterable[Step]:
    noun, member, state = w.keyspace.session_noun, w.keyspace.member_noun, w.keyspace.pattern("state").name
    code, due = w.keyspace.use("join-code"), w.keyspace.use("due")
    leads = w.ids["session_id"]
    entry = f"{leads}:idle"
    if code and code.type == "string":
        yield Step(
            "code",
            "the join code; held would mean: draw another",
            w.call(f"take_{model.identifier(code.name)}", leads_to=leads),
        )
    yield Step("create", f"the {noun} exists; {state} is its only key", w.call("create", fields="owner ann"))
    if due and due.type == "zset":
        yield Step("index", "when the worker must look at it (here: at once)", ("ZADD", w.key(due.name), "1", entry))
    yield Step("join", f"the first {member} takes a seat", _joined(w, _FIRST, "c1", 90))
    yield Step("join", f"a second {member}", _joined(w, _LEADS, "c9", 91))
    yield Step("heartbeat", "a lease is renewed", w.call("heartbeat"))
    yield Step(
        "apply", "a change, with an operation id", w.call("apply", op_id=OP, fields="owner bob", data='{"owner":"bob"}')
    )
    also: list[str] = []
    number, loop = 0, list(_loop(w))
    if not loop:
        again = w.call("apply", op_id=OP, fields="owner bob", data='{"owner":"bob"}')
        yield Step("apply", "the same change again: a duplicate", again)
    for step, keys in loop:
        also += [key for key in keys if key not in also]
        yield step
    for method, operation in w.operations.items():
        if method.startswith("record_"):
            pattern = w.keyspace.pattern(operation.keys[-1].pattern)
            number += 1
            yield Step("record", plain(pattern.holds), w.call(method, data="null", op_id=_op(50 + number)))
            also += [w.key(pattern.name)] if set(naming.placeholders(pattern.template)) - {"session_id"} else []
    yield Step("catch up", "a client that has version 1 gets what it missed", w.call("catch_up", version="1"))
    yield Step("catch up", "a client of another epoch gets a snapshot", w.call("catch_up", epoch="00", version="1"))
    if due and "claim_due" in w.operations:
        yield Step("claim", "a worker takes what is due", w.call("claim_due"))
        yield Step("sweep", "no lease has lapsed", w.call("sweep", also=also))
        yield Step("done", "and is done with it", w.call("done_due", entry=entry, claimed_until=UNTIL))
    yield Step("leave", "the seat is free again", w.call("leave", member_id="ann", connection=""))
    ends = f"the terminal event; the {noun} takes no change any more and stays readable"
    own_end = w.by_kind.get("session.finish")
    yield Step("end", ends, w.command(own_end, member=_LEADS, op_id=_op(92)) if own_end else w.call("end"))
    yield Step("catch up", "its result is read, and kept in the database", w.call("catch_up", version="1"))
    yield Step("hand over", "acknowledged, after the commit", w.call("hand_over"))
    if also:
        yield Step("remove", "refused: it names the keys that it was not given, nothing is done", w.call("remove"))
    yield Step("remove", f"every key of the {noun} is unlinked", w.call("remove", also=also))
    yield Step("remove", "again: the same", w.call("remove", also=also))
    if code and code.type == "string":
        yield Step("code", "what led to it goes last", w.call(f"release_{model.identifier(code.name)}", leads_to=leads))


def _joined(w: Writer, member: str, connection: str, number: int) -> tuple[str, ...]:
    """Return the call by which ``member`` takes a seat: the project's own action where it has one."""
    name = member.capitalize()
    if own := w.by_kind.get("seats.join"):
        return w.command(own, member=member, connection=connection, name=name, device=f"d-{member}", op_id=_op(number))
    return w.call(
        "join", member_id=member, connection=connection, data=json.dumps({"name": name}, separators=(",", ":"))
    )


def _op(number: int) -> str:
    return f"{OP[:-2]}{number:02d}"


@dataclass(frozen=True, slots=True)
class _Own:
    """An action of the project that has a function of its own."""

    name: str
    kind: Kind
    keys: Mapping[str, str]
    demands: tuple[str, ...]


def _loop(w: Writer) -> Iterable[tuple[Step, list[str]]]:
    """Yield the main loop of the project's own actions, as two members play it, each step with its keys of an id of their own."""
    own = [
        _Own(bound.name, catalog.kind_of(bound).on(dict(bound.keys)), dict(bound.keys), bound.requirements)
        for bound, _ in acting.composed(w.keyspace)
    ]
    there: list[str] = []
    for action in messages.at_once(messages.main(own), own):
        maker = messages.makes(action, own)
        if maker is not None and maker.name not in there:
            there.append(maker.name)
            yield _act(w, maker, _FIRST, len(there))
        if action.kind.actors == ("worker",) or messages.is_led(action.kind):
            there.append(action.name)
            yield _act(w, action, _LEADS, len(there))
            continue
        there.append(action.name)
        step, keys = _act(w, action, _FIRST, len(there))
        yield step, keys
        yield replace(step, says="the same operation once more"), keys
        if not any("owner" in effect.options for effect in action.kind.effects):
            there.append(action.name)
            step, keys = _act(w, action, _LEADS, len(there))
            yield replace(step, says=f"the same by another {w.keyspace.member_noun}"), keys


def _act(w: Writer, action: _Own, member: str, number: int) -> tuple[Step, list[str]]:
    """Return the call of an action by ``member``, and those of its keys that have an id of their own and the session's TTL."""
    operation = w.actions[action.name]
    given = {"op_id": _op(number), "member": member, "target": _FIRST, "round": "r1", "reason": "r1", "object": "o1"}
    command = w.command(operation, **given)
    sliding = {p.name for p in w.keyspace.keys if p.ttl.policy == "sliding"}
    named = zip(command[3:], operation.keys, strict=False)
    apart = [key for key, of in named if len(of.ids) > 1 and of.pattern in sliding]
    about = re.split(r"[.;:] ", operation.about)[0]
    return Step(action.name.replace("_", " "), about[:1].lower() + about[1:], command), apart


def _others(w: Writer, done: set[str]) -> Iterable[Step]:
    """Yield one use of each key that belongs to no session: by the catalog's plain commands and by its functions."""
    by_pattern: dict[str, list[str]] = {}
    for method, operation in w.operations.items():
        if not operation.function.name.startswith("session_"):
            by_pattern.setdefault(operation.keys[0].pattern, []).append(method)
    for pattern in w.keyspace.keys:
        if pattern.use in done or pattern.functions:
            continue
        plain_steps: Any = commands.uses().get((pattern.use, pattern.type), {}).get("steps", ())
        for says, command in plain_steps:
            yield Step(pattern.name, says, tuple(_filled(word, w, pattern) for word in command.split()))
        for method in by_pattern.get(pattern.name, ()):
            yield Step(method.replace("_", " "), plain(pattern.holds), w.call(method))


def _filled(word: str, w: Writer, pattern: KeyPattern) -> str:
    values = {"<key>": w.key(pattern.name), "<ttl>": str(pattern.ttl.seconds or 60), "<value>": "v1", "<member>": "ann"}
    return values.get(word, word)


def play(
    execute: Callable[..., Any], walk: Sequence[Step], look: Callable[[], Iterable[tuple[str, str, int]]]
) -> tuple[Seen, ...]:
    """Run ``walk`` by ``execute``; after each step ``look`` says which keys there are. Errors are raised."""
    seen: list[Seen] = []
    until = "0"
    for step in walk:
        reply = execute(*(until if word == UNTIL else word for word in step.command))
        if step.command[1].endswith("_due_claim") and reply:
            until = _text(reply[1])
        seen.append(Seen(step, write(reply), tuple(sorted(look()))))
    return tuple(seen)


def keys_in(walk: Iterable[Step]) -> tuple[str, ...]:
    """Return every key that the walk names, in order."""
    return tuple(dict.fromkeys(key for step in walk for key in keys_of(step.command)))


def keys_of(command: Sequence[str]) -> tuple[str, ...]:
    """Return the keys that a command of the walk names."""
    if command[0] in _TAKES_KEYS:
        return tuple(command[3 : 3 + int(command[2])])
    if command[0] == "XREADGROUP":
        return (command[command.index("STREAMS") + 1],)
    return (command[2],) if command[0] in _CONTAINERS else tuple(command[1:2])


def write(reply: Any) -> str:  # Any: what redis-py returns
    """Return a reply as redis-cli would have it, on one line."""
    if reply is None:
        return "(nil)"
    if isinstance(reply, list | tuple):
        return "[" + ", ".join(write(part) for part in reply) + "]"
    return "OK" if reply is True else _text(reply)


def _text(value: Any) -> str:  # Any: bytes, str or int
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def shell(command: Sequence[str]) -> str:
    """Return a command as one types it after ``redis-cli`` in a shell, which takes each word as it is."""
    return " ".join(w if _PLAIN.fullmatch(w) else shlex.quote(w) for w in command)
