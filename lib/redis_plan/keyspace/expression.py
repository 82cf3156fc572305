"""Numbers of the catalog: a plain number, or arithmetic over the Brief's facts.

>>> compute("max(20, ceil(2 * events_per_session))", {"events_per_session": 45.0})
90.0
>>> facts_in("2 * max(idle_ttl, reconnect_grace)")
('idle_ttl', 'reconnect_grace')
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache

from redis_plan import expressions


def compute(text: str | float, facts: Mapping[str, float]) -> float:
    """Return the value of ``text``; raises :class:`ValueError` on a name that is no fact or on anything but arithmetic."""
    return expressions.evaluate(text, facts) if isinstance(text, str) else float(text)


def facts_in(text: str | float) -> tuple[str, ...]:
    """Return the facts that ``text`` is computed from, in order of appearance."""
    if not isinstance(text, str) or not text:
        return ()
    return _names(text)


@lru_cache(maxsize=1024)
def _names(text: str) -> tuple[str, ...]:
    tree = ast.parse(text, mode="eval")
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called)
    names = sorted(found, key=lambda node: (node.lineno, node.col_offset))
    return tuple(dict.fromkeys(node.id for node in names))
