"""Lint: what is wrong with a keyspace."""

from __future__ import annotations

from redis_plan.brief.model import Brief
from redis_plan.keyspace.model import Finding, Keyspace


def lint(keyspace: Keyspace, brief: Brief) -> tuple[Finding, ...]:
    """Return the findings of every rule in ``data/catalog/lint.toml``."""
    return ()
