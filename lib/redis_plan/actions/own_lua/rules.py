"""Own Lua: what a team's file must keep to, so that it can run inside an action; each fault with its line.

The file is the body of one step between guards and kernel. It sees ``keys.<name>``, ``args.<name>``, ``now`` and ``event``;
it returns nothing where it is done, or the name of a result before its first write. What it may call is data
(``functions/own_lua.toml``). There is no flow analysis: what stands further down counts as later.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from redis_plan.actions.own_lua.allowed import Command, commands, offered, refused, refused_names
from redis_plan.actions.own_lua.tokens import LuaError, Token, tokens
from redis_plan.keyspace.versions import parse_version

#: What one step may read or go through, as the kernel bounds arguments that are few (MOST_FEW of kernel.lua).
MOST = 1000
#: Options of SET that give it an end.
_ENDS = frozenset({"EX", "PX", "EXAT", "PXAT", "KEEPTTL"})
_OPENING = {"(": ")", "{": "}", "[": "]"}

Fault = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a file of own Lua may use, as its action declares it."""

    keys: Mapping[str, str]  # name -> type
    arguments: frozenset[str]
    results: frozenset[str]
    shows: frozenset[str] = frozenset()  # what the event takes from `event`
    hides: frozenset[str] = frozenset()
    bounds: Mapping[str, float] = field(default_factory=dict)  # elements of a key at most
    reads_only: frozenset[str] = frozenset()  # keys that belong to the kernel
    kernel: frozenset[str] = frozenset()  # names that the kernel's Lua has
    server: tuple[str, tuple[int, ...]] = ("redis", (7, 0))


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of a command: its place among the tokens, and each argument's tokens."""

    at: int
    line: int
    command: str
    arguments: tuple[tuple[Token, ...], ...]


def faults(text: str, scope: Scope) -> list[Fault]:
    """Return what is wrong with ``text``, by line."""
    try:
        found = _Text(tokens(text), scope)
    except LuaError as error:
        return [(error.line, str(error))]
    rules = (
        found.blocks,
        found.names,
        found.calls_,
        found.key_places,
        found.clocks,
        found.order,
        found.returns,
        found.loops,
        found.events,
    )
    return sorted({fault for rule in rules for fault in rule()})


def written(text: str) -> tuple[str, ...]:
    """Return the keys that ``text``, which is without faults, writes, in their order."""
    made = _Text(tokens(text), Scope({}, frozenset(), frozenset()))
    names = [a[2].text for c in made.calls if commands()[c.command].writes for a in c.arguments if _is_key(a)]
    return tuple(dict.fromkeys(names))


def embedded(text: str) -> str:
    """Return ``text``, which is without faults, with each command spelt as the kernel spells its own."""
    found, end = _Text(tokens(text), Scope({}, frozenset(), frozenset())), 0
    parts = []
    for call in found.calls:
        begin, name = found.at(call.at).begin, found.at(call.at + 4)
        parts += [text[end:begin], f"redis.call('{call.command}'"]
        end = name.end
    return "".join([*parts, text[end:]]).rstrip("\n")


def called(text: str) -> frozenset[str]:
    """Return the commands that ``text`` calls."""
    return frozenset(c.command for c in _Text(tokens(text), Scope({}, frozenset(), frozenset())).calls)


def _is_key(argument: Sequence[Token]) -> bool:
    return len(argument) == 3 and argument[0].is_("keys") and argument[1].is_(".") and argument[2].form == "name"


class _Text:
    """The tokens of one file, and the rules."""

    def __init__(self, found: tuple[Token, ...], scope: Scope) -> None:
        self.tokens, self.scope = found, scope
        self.calls = tuple(self._calls())
        self.writes = [c for c in self.calls if (command := commands().get(c.command)) and command.writes]

    def at(self, place: int) -> Token:
        """Return the token at ``place``; an empty sign outside of the text."""
        if 0 <= place < len(self.tokens):
            return self.tokens[place]
        last = self.tokens[-1].line if self.tokens else 1
        return Token("sign", "", last, 0, 0)

    def _calls(self) -> Iterator[_Call]:
        for n, token in enumerate(self.tokens):
            reads = (
                token.is_("redis")
                and self.at(n + 1).is_(".")
                and self.at(n + 2).is_("call")
                and self.at(n + 3).is_("(")
            )
            if reads and not self.at(n - 1).is_(".", ":"):
                arguments = tuple(self._arguments(n + 3))
                first = arguments[0] if arguments else ()
                name = first[0].text.upper() if len(first) == 1 and first[0].form == "string" else ""
                yield _Call(n, token.line, name, arguments[1:])

    def _arguments(self, opening: int) -> Iterator[tuple[Token, ...]]:
        """Yield the arguments of the call that opens at ``opening``."""
        depth = 0
        part: list[Token] = []
        for token in self.tokens[opening:]:
            depth += token.is_(*_OPENING) - token.is_(*_OPENING.values())
            if depth == 0 or (depth == 1 and token.is_(",")):
                if part:
                    yield tuple(part)
                part = []
                if depth == 0:
                    return
            elif depth > 1 or not token.is_("("):
                part.append(token)

    def blocks(self) -> Iterator[Fault]:
        """Find what is opened and never closed, or closed and never opened."""
        open_: list[Token] = []
        for token in self.tokens:
            if token.is_("do", "if", "function", "repeat", *_OPENING):
                open_.append(token)
            elif token.is_("end", "until", *_OPENING.values()):
                last = open_.pop() if open_ else None
                wanted = "" if last is None else _OPENING.get(last.text, "until" if last.text == "repeat" else "end")
                if wanted != token.text:
                    yield token.line, f"{token.text!r} closes nothing that is open here"
                    return
        yield from ((token.line, f"{token.text!r} is never closed") for token in open_[:1])

    def names(self) -> Iterator[Fault]:
        """Find names that nobody declares, that the kernel has, or that must not stand here."""
        wrong_names, seen = refused_names(), set(offered())
        for n, token in enumerate(self.tokens):
            before, after = self.at(n - 1), self.at(n + 1)
            if token.is_("function"):
                yield token.line, "a function of its own may call itself without end: write the step in one piece"
            if token.form != "name" or before.is_(".", ":"):
                continue
            if self._declares(n):
                if token.text in seen and token.text in offered():
                    yield (
                        token.line,
                        f"local {token.text} hides what the kernel gives under this name: call it otherwise",
                    )
                elif token.text in self.scope.kernel:
                    yield token.line, f"{token.text} is a name that the kernel has: call it otherwise"
                seen.add(token.text)
            elif token.text in wrong_names:
                yield token.line, f"{token.text} must not stand here: {wrong_names[token.text]}"
            elif after.is_("=") and before.is_("{", ","):
                continue  # a field of a table
            elif token.text not in seen and after.is_("="):
                yield token.line, f"{token.text} would be a global, which Redis forbids: write local {token.text}"
            elif token.text not in seen:
                yield token.line, f"{token.text} is no name here; {_near(token.text, seen)}"
            elif token.text == "args" and (wrong := self._unknown(n, self.scope.arguments)):
                yield token.line, f"the action has no argument {wrong!r}; {_near(wrong, self.scope.arguments)}"

    def _declares(self, place: int) -> bool:
        """Whether the name at ``place`` is declared there: behind local or for, first or after a comma."""
        while self.at(place - 1).is_(",") and self.at(place - 2).form == "name":
            place -= 2
        return self.at(place - 1).is_("local", "for")

    def _unknown(self, place: int, known: frozenset[str]) -> str:
        """Return what follows the name at ``place`` where that is none of ``known``."""
        name = self.at(place + 2).text if self.at(place + 1).is_(".") else self.at(place + 1).text
        return "" if self.at(place + 1).is_(".") and name in known else name

    def calls_(self) -> Iterator[Fault]:
        """Find calls that can't be checked, commands that must not run, keys of another type, strings without an end."""
        for n, token in enumerate(self.tokens):
            if token.is_("redis") and not any(call.at == n for call in self.calls):
                yield token.line, "redis stands only as redis.call('COMMAND', keys.<name>, …)"
        for call in self.calls:
            if not call.command:
                yield call.line, "the command of redis.call must stand there as text, to be checked"
            elif command := commands().get(call.command):
                yield from self._command(call, command)
            else:
                reason = refused().get(call.command) or f"own Lua may not run it; {_near(call.command, commands())}"
                yield call.line, f"{call.command}: {reason}"

    def _command(self, call: _Call, command: Command) -> Iterator[Fault]:
        product, version = self.scope.server
        since = command.valkey if product == "valkey" else command.redis
        if version < parse_version(since):
            has = f"{product.capitalize()} {'.'.join(map(str, version))}"
            yield call.line, f"{command.name} needs {product.capitalize()} {since}, and the stack has {has}"
        given = call.arguments if command.many else call.arguments[:1]
        if not given:
            yield call.line, f"{command.name} names no key: write keys.<name>"
        for argument in given:
            if not _is_key(argument):
                built = any(t.form == "string" or t.is_("..") for t in argument)
                what = (
                    "builds its key from text, which lies in no declared slot" if built else "names its key indirectly"
                )
                yield call.line, f"{command.name} {what}: declare it under [[keys]] and write keys.<name>"
                continue
            name = argument[2].text
            kind = self.scope.keys.get(name)
            if kind is None:
                yield call.line, f"the action has no key {name!r}; {_near(name, self.scope.keys)}"
            elif kind not in command.types:
                yield (
                    call.line,
                    f"{command.name} can't do a {kind}: {name} would have to be a {' or a '.join(command.types)}",
                )
            elif command.writes and name in self.scope.reads_only:
                yield call.line, f"{name} is the kernel's to write: change it by an effect, and only read it here"
            elif command.whole and self.scope.bounds.get(name, 0) > MOST and _whole(command, call):
                most = f"{self.scope.bounds[name]:,.0f}"
                yield (
                    call.line,
                    f"{command.name} reads all of {name}, which may hold {most}: read a range, or say max_elements up to {MOST:,}",
                )
        if command.name == "SET" and not _ENDS & {t.text for a in call.arguments for t in a if t.form == "string"}:
            yield call.line, "SET without PX or EX leaves a string without an end: say one, or KEEPTTL"

    def key_places(self) -> Iterator[Fault]:
        """Find keys that stand elsewhere than where a command takes them: their names could be changed or built on."""
        legal = {a[0].begin for call in self.calls for a in call.arguments if _is_key(a)}
        for token in self.tokens:
            if token.is_("keys") and token.begin not in legal and not self._is_field(token):
                yield (
                    token.line,
                    "keys.<name> stands as a command's key and nowhere else: a name that is kept or joined can't be checked",
                )

    def _is_field(self, token: Token) -> bool:
        return self.at(self.tokens.index(token) - 1).is_(".", ":")

    def clocks(self) -> Iterator[Fault]:
        """Find the clock joined to a text: Lua writes so large a number with an exponent."""
        for n, token in enumerate(self.tokens):
            bare = token.is_("now") and not self.at(n - 1).is_(".", ":")
            if bare and (self.at(n - 1).is_("..") or self.at(n + 1).is_("..")):
                yield token.line, "now joined to a text becomes 1.7e+12: write digits(now)"

    def order(self) -> Iterator[Fault]:
        """Find refusals, and commands that may fail, behind the first write: nothing is rolled back."""
        if not self.writes:
            return
        first = self.writes[0]
        for n, token in enumerate(self.tokens):
            answer = self.at(n + 1)
            if token.is_("return") and n > first.at and answer.form == "string" and answer.text != "ok":
                yield (
                    token.line,
                    f"refuses with {answer.text!r} behind the write in line {first.line}: check before the first write",
                )
        for call in self.writes[1:]:
            if fails := commands()[call.command].fails:
                yield (
                    call.line,
                    f"{call.command} can fail on {fails}, and line {first.line} has written by then: make it the first write",
                )

    def returns(self) -> Iterator[Fault]:
        """Find answers that are no named result."""
        for n, token in enumerate(self.tokens):
            if not token.is_("return"):
                continue
            answer = self.at(n + 1)
            if answer.form == "string" and self.at(n + 2).is_("end", "else", "elseif", "until", ";", ""):
                if answer.text not in self.scope.results | {"ok"}:
                    yield (
                        token.line,
                        f"returns {answer.text!r}, which the action does not name: add it to results = {{ … }}",
                    )
            elif not answer.is_("end", "else", "elseif", "until", ";", ""):
                yield (
                    token.line,
                    "returns nothing or the name of a result, as text: what others shall know goes into event",
                )

    def loops(self) -> Iterator[Fault]:
        """Find loops that nothing bounds."""
        for n, token in enumerate(self.tokens):
            if token.is_("while", "repeat", "goto"):
                yield (
                    token.line,
                    f"{token.text} may run without end while the server waits: write for … = 1, <number up to {MOST:,}>",
                )
            elif token.is_("for") and self.at(n + 2).is_("="):
                limit = self._limit(n + 3)
                if not _bounded(limit):
                    yield (
                        token.line,
                        f"the loop's end is not bounded: write a number up to {MOST:,}, #list, or math.min(<number>, …)",
                    )

    def _limit(self, place: int) -> tuple[Token, ...]:
        """Return the second expression of a numeric for."""
        depth = 0
        parts: list[list[Token]] = []
        part: list[Token] = []
        while not self.at(place).is_("do", ""):
            token = self.at(place)
            depth += token.is_(*_OPENING) - token.is_(*_OPENING.values())
            if depth == 0 and token.is_(","):
                parts, part = [*parts, part], []
            else:
                part.append(token)
            place += 1
        parts.append(part)
        return tuple(parts[1]) if len(parts) > 1 else ()

    def events(self) -> Iterator[Fault]:
        """Find what the event is given and does not show, and what it must not hold."""
        for n, token in enumerate(self.tokens):
            if not token.is_("event") or self.at(n - 1).is_(".", ":"):
                continue
            if wrong := self._unknown(n, self.scope.shows):
                yield token.line, f'event.{wrong} is not shown: add shows = ["own {wrong}"]'
            same = [m for m, t in enumerate(self.tokens) if t.line == token.line and t.is_("args")]
            for hidden in {self.at(m + 2).text for m in same} & self.scope.hides:
                yield token.line, f"{hidden} is hidden, and the event would tell it"


def _whole(command: Command, call: _Call) -> bool:
    words = {t.text.upper() for argument in call.arguments for t in argument if t.form != "name"}
    joined = {"".join(t.text for t in argument) for argument in call.arguments}
    return command.whole == "always" or (
        not words & {"LIMIT", "COUNT"} and bool(joined & {"-1", "+inf", "+", "-inf", "-"})
    )


def _bounded(limit: Sequence[Token]) -> bool:
    if len(limit) == 1 and limit[0].form == "number":
        return float(int(limit[0].text, 16) if limit[0].text[:2].lower() == "0x" else limit[0].text) <= MOST
    if len(limit) == 2 and limit[0].is_("#"):
        return True
    if len(limit) > 2 and limit[0].is_("math") and limit[2].is_("min"):
        return any(t.form == "number" and float(t.text) <= MOST for t in limit)
    return False


def _near(name: str, known: Iterable[str]) -> str:
    there = sorted(known)
    near = difflib.get_close_matches(name, there, 1)
    return f"did you mean {near[0]}?" if near else f"there is {', '.join(there) or 'none'}"
