"""Text: a file of own Lua as its tokens, the calls of Redis in it, and where its loops end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from redis_plan.actions.own_lua.allowed import commands
from redis_plan.actions.own_lua.tokens import Token, tokens

#: What opens, and what closes it.
OPENING = {"(": ")", "{": "}", "[": "]"}


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a command: its place among the tokens, and each argument's tokens."""

    at: int
    line: int
    command: str
    arguments: tuple[tuple[Token, ...], ...]


class Text:
    """A text of Lua; raises :class:`LuaError` where it is none."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.calls = tuple(self._calls())

    def at(self, place: int) -> Token:
        """Return the token at ``place``; an empty sign outside of the text."""
        if 0 <= place < len(self.tokens):
            return self.tokens[place]
        last = self.tokens[-1].line if self.tokens else 1
        return Token("sign", "", last, 0, 0)

    def _calls(self) -> Iterator[Call]:
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
                yield Call(n, token.line, name, arguments[1:])

    def _arguments(self, opening: int) -> Iterator[tuple[Token, ...]]:
        """Yield the arguments of the call that opens at ``opening``."""
        depth = 0
        part: list[Token] = []
        for token in self.tokens[opening:]:
            depth += token.is_(*OPENING) - token.is_(*OPENING.values())
            if depth == 0 or (depth == 1 and token.is_(",")):
                if part:
                    yield tuple(part)
                part = []
                if depth == 0:
                    return
            elif depth > 1 or not token.is_("("):
                part.append(token)

    def end(self, place: int) -> int:
        """Return where the block of the loop at ``place`` ends."""
        depth = 0
        for n in range(place, len(self.tokens)):
            depth += self.at(n).is_("do", "if") - self.at(n).is_("end")
            if depth == 0 and self.at(n).is_("end"):
                return n
        return len(self.tokens)

    def parts(self, place: int) -> list[list[Token]]:
        """Return the expressions from ``place`` to the ``do`` of a loop."""
        depth = 0
        parts: list[list[Token]] = [[]]
        while not self.at(place).is_("do", ""):
            token = self.at(place)
            depth += token.is_(*OPENING) - token.is_(*OPENING.values())
            if depth == 0 and token.is_(","):
                parts.append([])
            else:
                parts[-1].append(token)
            place += 1
        return parts


def is_key(argument: Sequence[Token]) -> bool:
    """Whether an argument is ``keys.<name>``."""
    return len(argument) == 3 and argument[0].is_("keys") and argument[1].is_(".") and argument[2].form == "name"


def written(text: str) -> tuple[str, ...]:
    """Return the keys that ``text``, which is without faults, writes, in their order."""
    made = Text(text)
    names = [a[2].text for c in made.calls if commands()[c.command].writes for a in c.arguments if is_key(a)]
    return tuple(dict.fromkeys(names))


def embedded(text: str) -> str:
    """Return ``text``, which is without faults, with each command spelt as the kernel spells its own."""
    found, end = Text(text), 0
    parts = []
    for call in found.calls:
        begin, name = found.at(call.at).begin, found.at(call.at + 4)
        parts += [text[end:begin], f"redis.call('{call.command}'"]
        end = name.end
    return "".join([*parts, text[end:]]).rstrip("\n")


def called(text: str) -> frozenset[str]:
    """Return the commands that ``text`` calls."""
    return frozenset(c.command for c in Text(text).calls)
