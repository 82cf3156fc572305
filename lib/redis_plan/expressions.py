"""Expressions: the arithmetic that catalog entries may contain.

>>> evaluate("mib(3 * payload)", {"payload": 700_000})
3145728.0
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache

_MIB = 1024 * 1024


def fullest(things: float, buckets: float) -> float:
    """Return how many of so many things at most lie in one bucket, where a hash spreads them: not their mean.

    The mean and four standard deviations of a binomial distribution, which of a thousand spreads not one exceeds.
    """
    share = 1 / buckets
    return min(things, math.ceil(things * share + 4 * math.sqrt(things * share * (1 - share))))


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "ceil": math.ceil,
    "fullest": fullest,
    "mib": lambda size: math.ceil(size / _MIB) * _MIB,  # round up to whole MiB
}
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def evaluate(expression: str, names: Mapping[str, float]) -> float:
    """Return the value of ``expression`` over ``names``; raises ``ValueError`` on anything but arithmetic."""
    return float(_value(_parsed(expression), names, expression))


@lru_cache(maxsize=1024)
def _parsed(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


def _value(node: ast.expr, names: Mapping[str, float], whole: str) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, names, whole), _value(right, names, whole))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(arg, names, whole) for arg in args))
    raise ValueError(f"{ast.unparse(node)!r} in {whole!r} is no arithmetic over {', '.join(sorted(names))}")
