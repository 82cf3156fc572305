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
from redis_plan.actions.own_lua.text import OPENING, Call, Text, is_key
from redis_plan.actions.own_lua.tokens import LuaError, Token
from redis_plan.keyspace.versions import parse_version

#: What one step may read or go through, as the kernel bounds arguments that are few (MOST_FEW of kernel.lua).
MOST = 1000
#: Options of SET that give it an end.
_ENDS = frozenset({"EX", "PX", "EXAT", "PXAT", "KEEPTTL"})

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


def faults(text: str, scope: Scope) -> list[Fault]:
    """Return what is wrong with ``text``, by line."""
    try:
        found = _Rules(text, scope)
    except LuaError as error:
        return [(error.line, str(error))]
    rules = (
        found.blocks,
        found.names,
        found.unbounded,
        found.arguments,
        found.calls_,
        found.key_places,
        found.clocks,
        found.order,
        found.returns,
        found.loops,
        found.events,
    )
    return sorted({fault for rule in rules for fault in rule()})


class _Rules(Text):
    """The rules on one file."""

    def __init__(self, text: str, scope: Scope) -> None:
        super().__init__(text)
        self.scope = scope
        self.writes = [c for c in self.calls if (command := commands().get(c.command)) and command.writes]

    def blocks(self) -> Iterator[Fault]:
        """Find what is opened and never closed, or closed and never opened."""
        open_: list[Token] = []
        for token in self.tokens:
            if token.is_("do", "if", "function", "repeat", *OPENING):
                open_.append(token)
            elif token.is_("end", "until", *OPENING.values()):
                last = open_.pop() if open_ else None
                wanted = "" if last is None else OPENING.get(last.text, "until" if last.text == "repeat" else "end")
                if wanted != token.text:
                    yield token.line, f"{token.text!r} closes nothing that is open here"
                    return
        yield from ((token.line, f"{token.text!r} is never closed") for token in open_[:1])

    def names(self) -> Iterator[Fault]:
        """Find names that nobody declares, that the kernel has, or that must not stand here."""
        wrong_names, seen = refused_names(), set(offered())
        inside: list[str] = []
        for n, token in enumerate(self.tokens):
            before, after = self.at(n - 1), self.at(n + 1)
            if token.is_(*OPENING):
                inside.append(token.text)
            elif token.is_(*OPENING.values()):
                del inside[-1:]
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
            elif after.is_("=") and inside[-1:] == ["{"]:
                continue  # a field of a table
            elif token.text not in seen and after.is_("="):
                yield token.line, f"{token.text} would be a global, which Redis forbids: write local {token.text}"
            elif token.text not in seen:
                yield token.line, f"{token.text} is no name here; {_near(token.text, seen)}"

    def unbounded(self) -> Iterator[Fault]:
        """Find functions, which may call themselves, and texts of any length."""
        for n, token in enumerate(self.tokens):
            if token.is_("function"):
                yield token.line, "a function of its own may call itself without end: write the step in one piece"
            elif token.is_("rep", "dump") and self.at(n - 1).is_(".", ":"):
                yield token.line, f"{token.text} of a string has no bound: join what is there"

    def arguments(self) -> Iterator[Fault]:
        """Find arguments that the action does not have, or that are changed."""
        for n, token in enumerate(self.tokens):
            if not token.is_("args") or self.at(n - 1).is_(".", ":"):
                continue
            if self._assigned(n):
                yield token.line, "args are what the caller gave: keep what differs in a local"
            elif wrong := self._unknown(n, self.scope.arguments):
                yield token.line, f"the action has no argument {wrong!r}; {_near(wrong, self.scope.arguments)}"

    def _assigned(self, place: int) -> bool:
        """Whether something is assigned to the argument at ``place``, alone or as one of several: "args.a, b = 1, 2"."""
        place += 3 if self.at(place + 1).is_(".") else 1
        inside = 0  # brackets of an index, as in "args.a, t[f(x)] = 1, 2"
        while inside or not self.at(place).is_("="):
            token = self.at(place)
            if not token.text:
                return False  # the end of the text
            inside += token.is_("[", "(") - token.is_("]", ")")
            if inside < 0 or (not inside and not (token.is_(",", ".", "]", ")") or token.form == "name")):
                return False
            if not inside and token.form == "name" and not self.at(place - 1).is_(",", "."):
                return False  # the next statement
            place += 1
        return not self._field(place)

    def _field(self, place: int) -> bool:
        """Whether the sign at ``place`` stands directly within the braces of a table."""
        open_: list[Token] = []
        for token in self.tokens[:place]:
            if token.is_(*OPENING):
                open_.append(token)
            elif token.is_(*OPENING.values()):
                del open_[-1:]
        return bool(open_) and open_[-1].is_("{")

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

    def _command(self, call: Call, command: Command) -> Iterator[Fault]:
        product, version = self.scope.server
        since = command.valkey if product == "valkey" else command.redis
        if version < parse_version(since):
            has = f"{product.capitalize()} {'.'.join(map(str, version))}"
            yield call.line, f"{command.name} needs {product.capitalize()} {since}, and the stack has {has}"
        given = call.arguments if command.many else call.arguments[:1]
        if not given:
            yield call.line, f"{command.name} names no key: write keys.<name>"
        for argument in given:
            if not is_key(argument):
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
        legal = {a[0].begin for call in self.calls for a in call.arguments if is_key(a)}
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
        loops = [(n, self.end(n)) for n, token in enumerate(self.tokens) if token.is_("for")]
        for call in self.writes:
            again = call is not first or any(begin < call.at < end for begin, end in loops)
            if (fails := commands()[call.command].fails) and again:
                yield (
                    call.line,
                    f"{call.command} can fail on {fails}, and line {first.line} has written by then: make it the first write, or read the value in front and set it",
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
                says = (
                    f"{token.text} may run without end while the server waits: write for … = 1, <number up to {MOST:,}>"
                )
                yield token.line, says
            elif token.is_("for") and self.at(n + 2).is_("="):
                if not _counts(self.parts(n + 3)):
                    yield (
                        token.line,
                        f"the loop's end is not bounded: write for … = 1, and a number up to {MOST:,}, #list, or math.min(<number>, …)",
                    )
            elif token.is_("for"):
                yield from self._through(n)

    def _through(self, place: int) -> Iterator[Fault]:
        """Find a loop over what has no end, or over a list that grows in it."""
        begin = next(n for n in range(place, len(self.tokens) + 1) if self.at(n).is_("in", ""))
        over, line = self.parts(begin + 1)[0], self.at(place).line
        if not over or not (over[0].is_("ipairs", "pairs") or any(t.is_("gmatch") for t in over[:3])):
            yield (
                line,
                "a loop goes through ipairs(…), pairs(…) or string.gmatch(…), or counts: other ones may have no end",
            )
            return
        names = {t.text for t in over[1:] if t.form == "name"}
        for n in range(begin, self.end(place)):
            grows = self.at(n).is_("insert") or (self.at(n + 1).is_("[") and self.at(n + 2).is_("#"))
            if grows and names & {self.at(n).text, self.at(n + 2).text, self.at(n + 3).text}:
                yield self.at(n).line, "the list grows while the loop goes through it: gather in another one"

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


def _whole(command: Command, call: Call) -> bool:
    words = {t.text.upper() for argument in call.arguments for t in argument if t.form != "name"}
    joined = {"".join(t.text for t in argument) for argument in call.arguments}
    return command.whole == "always" or (
        not words & {"LIMIT", "COUNT"} and bool(joined & {"-1", "+inf", "+", "-inf", "-"})
    )


def _counts(parts: Sequence[Sequence[Token]]) -> bool:
    """Whether a numeric loop with these expressions (from, to, step) ends soon: a step of 0 never does."""
    if len(parts) < 2:
        return False
    step = "".join(t.text for t in parts[2]).lstrip("-") if len(parts) > 2 else "1"
    plain = [t for t in parts[0] if not t.is_("-")]
    return step.isdigit() and int(step) > 0 and _bounded(plain) and _bounded([t for t in parts[1] if not t.is_("-")])


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
