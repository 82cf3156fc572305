"""Serving: which demands each key is for, from the story matrix and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from redis_plan.actions.matrix import Row
from redis_plan.keyspace.model import Keyspace

#: Demands named beside one key at most: a reader wants the ones it exists for.
MOST = 8


def with_demands(keyspace: Keyspace, rows: Sequence[Row]) -> Keyspace:
    """Return ``keyspace`` with the demands on each key that an action carries out on it; then those on the whole.

    A key that no action works on keeps the demand that the design made it for.
    """
    ranked = [row for served in ("concrete", "generic") for row in rows if row.served == served]
    patterns = [
        replace(p, requirements=tuple(row.id for row in ranked if p.template in row.keys)[:MOST] or p.requirements[:1])
        for p in keyspace.patterns
    ]
    return replace(keyspace, patterns=tuple(patterns))
