"""One atomic function an action: the kernel's step (epoch, version, log, publish, idempotency, TTLs) around guards and effects.

A composed function checks its arguments, the types of its keys and its caller's rights, then its guards; what it writes
can't fail after that. It is a :class:`~redis_plan.keyspace.functions.Function` as those of ``functions/`` are, so that
library, EVAL form, clients, rights and documentation come from its definition in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from redis_plan.actions import catalog, own_lua, vocabulary
from redis_plan.actions.model import Effect, Guard, Kind, Option, Parameter, many
from redis_plan.actions.vocabulary import Word
from redis_plan.errors import RedisPlanError
from redis_plan.keyspace import calls, cues, functions
from redis_plan.keyspace.calls import Argument, Call
from redis_plan.keyspace.functions import Function

#: Keys and arguments of every action of a session, in front of its own.
SESSION_KEYS = (("state", "hash"), ("log", "log"), ("idem", "hash"))
SESSION_ARGS = ("channel", "op_id", "ttl_s", "log_max", "idem_ttl_s")
#: What stands for the words of a project in the catalog's sentences.
NOUNS: Mapping[str, str] = {"member": "member", "entity": "entry", "noun": "session"}
_COUNT = {"hash": "HLEN", "zset": "ZCARD", "list": "LLEN"}
_NUMBERS = ("count", "whole", "milliseconds")
_OPTION = re.compile(r"<(\w+)>")


def alone(kind: Kind) -> bool:
    """Whether the action also works where there is no session: every guard and effect is one of its key alone."""
    parts: tuple[Guard | Effect, ...] = (*kind.guards, *kind.effects)
    return bool(parts) and not kind.lua and all(_word(part).alone for part in parts)


def vacates(kind: Kind) -> bool:
    """Whether the action takes the entries away that a member has only as long as the seat."""
    return any(_word(effect).vacates for effect in kind.effects)


def ordered_keys(kind: Kind) -> tuple[str, ...]:
    """Return the names of the keys of ``kind`` as its function takes them, behind the session's own.

    What ends by itself comes first: the keys behind it get the session's TTL in the same step.
    """
    return tuple(sorted(kind.keys, key=lambda name: kind.keys[name][1] != "string"))


@cache
def catalogued() -> Mapping[str, Function]:
    """Return the function of every kind that is composed, under the catalog's names, by the kind's id."""
    return {name: compose(kind) for name, kind in catalog.kinds().items() if not kind.call}


def compose(
    kind: Kind,
    name: str = "",
    *,
    session: bool = True,
    keys: Mapping[str, str] | None = None,
    values: Mapping[str, int] | None = None,
    nouns: Mapping[str, str] = NOUNS,
) -> Function:
    """Return the function of ``kind`` under ``name``.

    ``keys`` are the names of the project's key patterns by those of the kind, ``values`` the project's numbers by
    parameter, which the clients then fill in, ``nouns`` its words. Without a ``session`` the record itself is all that is
    changed. Raises :class:`RedisPlanError` where another function carries the action out, or where it needs a session.
    """
    if kind.call:
        raise RedisPlanError(f"{kind.id} is carried out by {kind.call}: there is nothing to compose")
    if not session and not alone(kind):
        raise RedisPlanError(f"{kind.id} needs a session: its guards and effects read one")
    kind = kind.on(keys) if keys is not None else kind
    writer = _Writer(kind, session)
    patterns = keys or {}
    own = [(patterns.get(local, local), type_) for local, (_, type_) in writer.keys.items()]
    call = Call(
        name=name or kind.function,
        says=cues.filled(kind.says, nouns),
        keys=(*SESSION_KEYS, *own) if session else tuple(own),
        args=(
            *_session_args(session, own),
            *_given(kind),
            *(_parameter(p, values or {}) for p in kind.parameters),
            *([calls.arguments()["with_seat"]] if vacates(kind) else []),
        ),
        rest=None,
        results=dict(kind.results) if session else {r: s for r, s in kind.results.items() if r not in _OF_SESSION},
        users=("worker",) if set(kind.actors) == {"worker"} else ("app",),
        number="version" if session else "",
        more=session,
        session=session,
        flags=("allow-oom",) if any(_word(effect).frees for effect in kind.effects) else (),
        shows=tuple(patterns.get(name, name) for name in writer.shows()) if session else (),
    )
    body = writer.body(call)
    after = "\n".join(line for line in body.split("\n") if line.strip() not in writer.certain) if session else ""
    return Function(call, body, lua=f"act_{call.name}", own=writer.commands(), asks=writer.asks(), after=after)


_OF_SESSION = ("duplicate", "ended", "gone")


def _session_args(session: bool, own: Sequence[tuple[str, str]]) -> Iterable[Argument]:
    known = calls.arguments()
    if session:
        return (known[name] for name in SESSION_ARGS)
    ttl = known["ttl_s"]
    return (Argument(ttl.name, ttl.check, ttl.says, constant=f"ttl:{own[0][0]}"),)


def _given(kind: Kind) -> Iterable[Argument]:
    return (vocabulary.arguments_of(kind)[name] for name in kind.takes)


def _parameter(parameter: Parameter, values: Mapping[str, int]) -> Argument:
    value = values.get(parameter.name, parameter.default)
    check = "milliseconds" if parameter.unit == "ms" else "whole"
    unit = "milliseconds" if parameter.unit == "ms" else parameter.unit
    return Argument(
        parameter.name, check, f"{parameter.says}, in {unit}", kind="int", default=str(value), example=str(value)
    )


class _Writer:
    """The Lua text of one action."""

    def __init__(self, kind: Kind, session: bool) -> None:
        self.kind, self.session = kind, session
        self.certain: set[str] = set()  # lines of guards
        self.keys = {name: kind.keys[name] for name in ordered_keys(kind)}
        self.numeric = {p.name for p in kind.parameters}
        self.arguments = vocabulary.arguments_of(kind)
        self.numeric |= {n for n in kind.takes if self.arguments[n].check in _NUMBERS}

    def body(self, call: Call) -> str:
        """Return the function: guards in their order, effects in theirs, then version, log and publish."""
        lines = [f"local function act_{call.name}(keys, a{', session' if self.session else ''})", *self.turn()]
        first = len(SESSION_KEYS) + len(self.keys) + 1  # of the session's other keys
        if vacates(self.kind):
            lines += [
                f"local wrong = unfit('{call.name}', keys, {first}, a.with_seat)",
                "if wrong then return redis.error_reply(wrong) end",
            ]
        for guard in self.kind.guards:
            refused = _quoted(guard.answer)
            more = f", unpack(t.{tells})" if (tells := _word(guard).tells) else ""
            answer = f"{{session.version, {refused}{more}}}" if self.session else refused
            asked = self.lua(guard)
            fails = asked.removeprefix("not ") if asked.startswith("not ") else f"not {asked}"
            lines.append(f"if {fails} then return {answer} end")
            runs = functions.called(f"{functions.prune(functions.words(), asked)}\n{asked}")
            if _word(guard).finds and len(runs) == 1:  # it reads in any case, so that Redis refuses who may not
                self.certain.add(lines[-1])
        if self.kind.lua:
            lines += [
                f"local event, answer = {{}}, 'ok'  -- {self.kind.lua_file}",
                f"answer = own_{call.name}(t, a, t.now, event) or answer",
                "if answer ~= 'ok' then return {session.version, answer} end",
            ]
        for effect in self.kind.effects:
            if sure := _word(effect).sure.get(self.type_of(effect)):
                key = self.keys_of(effect)
                lines.append(
                    f"if not ({self.filled(sure, effect)}) then return "
                    f"redis.error_reply('BADDATA {call.name}: ' .. {key} .. ' holds no such count') end"
                )
        for effect in self.kind.effects:
            lines += self.lua(effect).split("\n")
            lines += [f"vacate(keys, {first}, a.with_seat, a.target)"] if _word(effect).vacates else []
        lines += self.ending()
        return "\n".join([*self.own(call), lines[0], *(f"  {line}" for line in lines[1:]), "end"])

    def own(self, call: Call) -> list[str]:
        """Return the team's own Lua as a function of its own."""
        if not self.kind.lua:
            return []
        head = [
            f"-- {self.kind.lua_file}, as the team wrote it",
            f"local function own_{call.name}(keys, args, now, event)",
        ]
        return [*head, own_lua.embedded(self.kind.lua), "end", ""]

    def turn(self) -> list[str]:
        names = ["state", "log", "idem", *self.keys] if self.session else list(self.keys)
        there = ", ".join(f"{name} = keys[{place}]" for place, name in enumerate(names, 1))
        more = "session = session, s = session and session.s, set = {}, del = {}, " if self.session else ""
        parts: tuple[Guard | Effect, ...] = (*self.kind.guards, *self.kind.effects)
        more += "keys = keys, " if any(_word(part).tells for part in parts) else ""
        clock = "clock(session)" if self.session else "clock()"
        made = [f"local t = {{{there}, {more}a = a, now = {clock}}}"]
        if any(_word(part).reopens for part in parts):
            made.append("if session and session.status == 'handed_over' then session.ended = false end")
        if self.session:
            made += ["local refused = refusal(t.idem, session, a)", "if refused then return refused end"]
        return made

    def asks(self) -> str:
        """Return the fields of the state that guards, effects and the event ask for, as Lua expressions."""
        found: list[str] = []
        parts: tuple[Guard | Effect, ...] = (*self.kind.guards, *self.kind.effects)
        for part in parts:
            for field in _word(part).reads:
                option = _OPTION.fullmatch(field)
                found.append(_field(str(part.options[option[1]]) if option else field))
        found += [_field(shown.partition(" ")[2]) for shown in self.kind.shows if shown.startswith("field ")]
        return ", ".join(dict.fromkeys(found))

    def shows(self) -> tuple[str, ...]:
        """Return the keys whose type shows before anything is written: a guard reads them, or the log is written first."""
        found, record = set[str](), ""
        for guard in self.kind.guards:
            finds, key = _word(guard).finds, str(guard.options.get("key", ""))
            record = record or (key if finds == "record" else "")
            found |= {"roster": {"roster"}, "key": {key}, "record": {record}}.get(finds, set())
        written = functions.prune(functions.words(), text := "\n".join(map(self.lua, self.kind.effects)))
        log = not self.kind.lua and not self.written() and not functions.called(f"{written}\n{text}")
        return tuple(dict.fromkeys([*(["log"] if log else []), *(name for name in self.keys if name in found)]))

    def written(self) -> dict[str, None]:
        """Return the keys that effects and own Lua fill, in their order."""
        found = dict.fromkeys(str(e.options["key"]) for e in self.kind.effects if vocabulary.fills(e))
        return found | dict.fromkeys(own_lua.written(self.kind.lua))

    def ending(self) -> list[str]:
        if not self.session:
            return ["return 'ok'"]
        strings = sum(type_ == "string" for _, type_ in self.keys.values())
        written = self.written()
        session = {name for e in self.kind.effects for name in _word(e).session}
        places = [
            n for n, name in enumerate(self.keys, 4) if name in session | written.keys()
        ]  # of KEYS, which may be new
        first, last = (places[0], places[-1]) if places else (4, 3)
        settle = ", settle, t" if any(_word(e).fields for e in self.kind.effects) else ""
        of = ", ROUND" if "round" in self.kind.takes else ""
        return [
            *(f"note(t.state, t.{name}{of})" for name in written if self.keys[name][1] != "string"),
            f"advance(keys, t.log, session, a, {_quoted(self.kind.announces)}, a.op_id, {self.event()}, t.set{settle})",
            "remember(t.idem, session, a)",
            # the answer and what ends by itself keep theirs
            f"refresh(keys, a.ttl_s, {first}, {last}, {1 + strings}, {len(SESSION_KEYS) + len(self.keys)})",
            "return {session.version, 'ok'}",
        ]

    def event(self) -> str:
        """Return the data of the event as a Lua expression: JSON with what the action shows, and to whom."""
        parts = [] if self.kind.audience == "all" else [("to", _quoted(f'"{self.kind.audience}"'))]
        for shown in self.kind.shows:
            what, _, of = shown.partition(" ")
            parts.append((vocabulary.shown_name(shown), self.shown(what, of)))
        pairs = [f"""'"{name}":' .. {value}""" for name, value in parts]
        if any(_word(effect).fields for effect in self.kind.effects):
            pairs.append("changes(t)")
        return "'{' .. " + " .. ',' .. ".join(pairs) + " .. '}'" if pairs else "'null'"

    def shown(self, what: str, of: str) -> str:
        match what:
            case _ if what in vocabulary.shown():
                return vocabulary.shown()[what]["lua"]
            case "own":
                return f"told(event.{of})"
            case "field":
                return f"shown(t.s[{_quoted(of)}])"
            case "count":
                return f"digits(redis.call('{_COUNT[self.keys[of][1]]}', t.{of}))"
            case _ if what in self.numeric:
                return f"digits(a.{what})"
            case _:
                return f"a.{what}" if self.arguments[what].check == "json" else f"cjson.encode(a.{what})"

    def lua(self, part: Guard | Effect) -> str:
        word = _word(part)
        text = word.lua if isinstance(word.lua, str) else word.lua[self.type_of(part)]
        many = part.options.get("fields")
        if isinstance(many, tuple):  # once for each
            return "\n".join(self.filled(text, part, {"fields": one}) for one in many)
        return self.filled(text, part)

    def keys_of(self, part: Guard | Effect) -> str:
        return f"t.{part.options['key']}"

    def type_of(self, part: Guard | Effect) -> str:
        key = part.options.get("key")
        return self.keys[str(key)][1] if key else ""

    def filled(self, text: str, part: Guard | Effect, instead: Mapping[str, Option] | None = None) -> str:
        """Return a word's Lua with each option in its place; an option that is not given is nil."""
        word = _word(part)
        options = {**part.options, **(instead or {})}

        def option(found: re.Match[str]) -> str:
            name = found[1]
            return (
                self.rendered(name, word.options[name].removesuffix("?"), options[name]) if name in options else "nil"
            )

        return _OPTION.sub(option, text)

    def rendered(self, name: str, kind: str, value: Option) -> str:
        if kind == "key":
            return f"t.{value}"
        if kind in ("argument", "parameter"):
            return f"a.{value}"
        if kind == "value" and not str(value).startswith("="):
            return f"digits(a.{value})" if value in self.numeric else f"a.{value}"
        if kind in ("words", "roles") and name == "is":
            return "{" + ", ".join(f"{word} = true" for word in many(value)) + "}"
        return _quoted(str(value).removeprefix("="))

    def commands(self) -> frozenset[str]:
        """Return the commands of its own guards and effects, which are checked before the first write."""
        own = own_lua.embedded(self.kind.lua)
        text = "\n".join([*(self.lua(g) for g in self.kind.guards), own, *(self.lua(e) for e in self.kind.effects)])
        return functions.called(f"{functions.prune(functions.words(), text)}\n{text}")


def _word(part: Guard | Effect) -> Word:
    return (vocabulary.guards() if isinstance(part, Guard) else vocabulary.effects())[part.name]


def _field(name: str) -> str:
    """Return a field's name as a Lua expression: ``role:$member`` is ``'role:' .. a.member``."""
    text, _, argument = name.partition("$")
    return f"{_quoted(text)} .. a.{argument}" if argument else _quoted(text)


def _quoted(text: str) -> str:
    return "'" + text + "'"
