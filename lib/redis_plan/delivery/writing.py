"""Writing: which of its keys a function writes, read from its Lua body and from the helpers that it calls.

>>> sorted(written(functions.functions()["session_join"]))
['log', 'presence', 'roster', 'state']

What only gives a key another end (EXPIRE) or removes it as a whole (UNLINK) writes nothing into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from redis_plan.delivery.commands import reads
from redis_plan.keyspace import functions
from redis_plan.keyspace.functions import Function

_ENDS = frozenset(
    {"EXPIRE", "PEXPIRE", "UNLINK", "DEL", "TTL", "PTTL", "TYPE", "TIME", "PUBLISH", "SPUBLISH", "PERSIST"}
)
_DEFINED = re.compile(r"^local function (\w+)\(([^)]*)\)", re.MULTILINE)
_CALLED = re.compile(r"\b(\w+(?:\.\w+)?)\(")
_WORD = re.compile(r"'([A-Z]+)'")
_OF_KEYS = re.compile(r"(\w+)\[(\d+|i|first \+ i - 1)\]")


@dataclass(frozen=True, slots=True)
class _Written:
    """One key that a function of Lua writes: a parameter, or one of those that a parameter holds."""

    parameter: str
    place: str = ""  # in a list of keys: which; "i" is any of the further ones


@cache
def written(function: Function) -> frozenset[str]:
    """Return the names of the keys that ``function`` writes, those of its definition; "more" where further ones are among them."""
    head = functions.prune(functions.kernel(), function.body)
    found = set(_of(function.lua or function.name, _bodies(f"{head}\n\n{function.body}"), frozenset()))
    names = [name for name, _ in function.call.keys]
    places = {w.place for w in found if w.parameter == "keys"}
    own = {names[int(p) - 1] for p in places if p.isdigit() and int(p) <= len(names)}
    return frozenset(own | {"more" for p in places if not p.isdigit()})


def _bodies(text: str) -> Mapping[str, tuple[tuple[str, ...], str]]:
    """Return the parameters and the body of each function of a Lua text, without comments."""
    plain = re.sub(r"--.*", "", text)
    found = list(_DEFINED.finditer(plain))
    ends = [*(f.start() for f in found[1:]), len(plain)]
    return {f[1]: (tuple(re.split(r",\s*", f[2])), plain[f.end() : end]) for f, end in zip(found, ends, strict=True)}


def _of(name: str, bodies: Mapping[str, tuple[tuple[str, ...], str]], above: frozenset[str]) -> Iterator[_Written]:
    """Yield what the Lua function ``name`` writes of what it is given."""
    parameters, body = bodies[name]
    for call in _CALLED.finditer(body):
        arguments = _arguments(body, call.end())
        if call[1] in ("redis.call", "redis.pcall"):
            commands = set(_WORD.findall(arguments[0])) if arguments else set()
            if len(arguments) > 1 and commands and not commands <= _ENDS and not all(reads(c) for c in commands):
                yield from _named(arguments[1], parameters, body)
        elif call[1] in bodies and call[1] != name and call[1] not in above:
            given = dict(zip(bodies[call[1]][0], arguments, strict=False))
            for one in _of(call[1], bodies, above | {name}):
                if one.parameter in given:
                    said = given[one.parameter]
                    yield from _named(f"{said}[{one.place}]" if one.place else said, parameters, body)


def _named(said: str, parameters: tuple[str, ...], body: str) -> Iterator[_Written]:
    """Yield the parameter that an expression of Lua is, or is one of."""
    if (found := _OF_KEYS.fullmatch(said)) and found[1] in parameters:
        yield _Written(found[1], found[2] if found[2].isdigit() else "i")
    elif said in parameters:
        yield _Written(said)
    elif re.fullmatch(r"\w+", said) and (made := re.search(rf"\blocal {said} = (\w+\[\d+\])", body)):
        yield from _named(made[1], parameters, body)


def _arguments(text: str, at: int) -> list[str]:
    """Return the arguments of the call whose parenthesis opened before ``at``."""
    found, depth, begin, quote = [], 0, at, ""
    for place in range(at, len(text)):
        sign = text[place]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "([{":
            depth += 1
        elif sign in ")]}" and depth:
            depth -= 1
        elif sign == ")" or (sign == "," and not depth):
            found.append(text[begin:place].strip())
            begin = place + 1
            if sign == ")":
                break
    return found
