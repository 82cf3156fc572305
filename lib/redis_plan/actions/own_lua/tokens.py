"""Lua tokens: a text of Lua 5.1 as words, strings, numbers and signs with their lines; comments are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Form = Literal["name", "word", "string", "number", "sign"]

WORDS = frozenset((
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if",
    "in", "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
))  # fmt: skip
_LONG = r"\[(?P<{0}>=*)\[.*?\](?P={0})\]"
_TOKEN = re.compile(
    rf"""(?P<comment>--(?:{_LONG.format("c")}|[^\n]*))
    |(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|{_LONG.format("s")})
    |(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>\.\.\.|\.\.|==|~=|<=|>=|[-+*/%^\#<>=(){{}}\[\];:,.])
    |(?P<blank>\s+)""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its form, its text (of a string what stands between the quotes), its line and its place in the text."""

    form: Form
    text: str
    line: int
    begin: int
    end: int

    def is_(self, *texts: str) -> bool:
        """Whether it is one of these signs, words or names; a string never is."""
        return self.form != "string" and self.text in texts


class LuaError(ValueError):
    """A text that is no Lua: its line, and what is wrong."""

    def __init__(self, line: int, says: str) -> None:
        super().__init__(says)
        self.line = line


def tokens(text: str) -> tuple[Token, ...]:
    """Return the tokens of ``text``; raises :class:`LuaError` where it is no Lua."""
    return tuple(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            what = "a string that does not end" if text[at] in "'\"[" else f"{text[at]!r}, which is no Lua"
            raise LuaError(line, f"has {what}")
        form, whole = found.lastgroup, found.group()
        if found["name"]:
            yield Token("word" if whole in WORDS else "name", whole, line, at, found.end())
        elif found["string"]:
            bare = whole[1:-1] if whole[0] in "'\"" else whole[2 + len(found["s"]) : -2 - len(found["s"])]
            yield Token("string", bare, line, at, found.end())
        elif form in ("number", "sign"):
            yield Token("number" if form == "number" else "sign", whole, line, at, found.end())
        line += whole.count("\n")
        at = found.end()
