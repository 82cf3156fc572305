"""Expressions: arithmetic over the Brief's facts, as the catalog writes it.

>>> evaluate("max(20, ceil(2 * events_per_session * reconnect_grace))", {"events_per_session": 0.5, "reconnect_grace": 60})
60.0
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping

_FUNCTIONS: dict[str, Callable[..., float]] = {"max": max, "min": min, "ceil": math.ceil, "floor": math.floor}
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


def evaluate(text: str | float, facts: Mapping[str, float]) -> float:
    """Return the value of ``text``; raises :class:`ValueError` on a name that is no fact or on anything but arithmetic."""
    if not isinstance(text, str):
        return float(text)
    return float(_value(ast.parse(text, mode="eval").body, facts, text))


def names(text: str | float) -> tuple[str, ...]:
    """Return the facts that ``text`` is computed from, in order of appearance."""
    if not isinstance(text, str):
        return ()
    found = (node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name))
    return tuple(dict.fromkeys(name for name in found if name not in _FUNCTIONS))


def _value(node: ast.expr, facts: Mapping[str, float], text: str) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in facts:
            return facts[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, facts, text), _value(right, facts, text))
        case ast.Call(func=ast.Name(id=name), args=args) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(argument, facts, text) for argument in args))
    raise ValueError(f"{text!r} is no arithmetic over facts: {ast.unparse(node)!r} is unknown")
