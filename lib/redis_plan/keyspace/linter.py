"""Lint: what is wrong with a keyspace, rule by rule, with the fix.

The rules are data (``data/catalog/lint.toml``): a code, a severity, a message, a fix and the fact behind it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pydantic import TypeAdapter

from redis_plan.brief.model import Brief
from redis_plan.keyspace import checks
from redis_plan.keyspace.model import Finding, Keyspace, Severity
from redis_plan.keyspace.subject import Subject
from redis_plan.resources import catalog_dir

Needs = Literal["", "documents", "candidates"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One lint rule. ``check`` names the function that finds it; ``message`` takes that function's words.

    ``needs`` says what a keyspace has to come with for the rule to say anything: the documents or the candidates.
    """

    code: str
    check: str
    severity: Severity
    message: str
    fix: str
    source: str
    needs: Needs = ""


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """Return every rule of the catalog, in the order of its codes."""
    text = (catalog_dir() / "lint.toml").read_text("utf-8")
    return TypeAdapter(tuple[Rule, ...]).validate_python(tomllib.loads(text)["rule"])


def lint(
    keyspace: Keyspace, brief: Brief, policy: str = "noeviction", without: Collection[Needs] = ()
) -> tuple[Finding, ...]:
    """Return what the rules find: errors first, then warnings, each by code.

    ``policy`` is the ``maxmemory-policy`` that the server will run with; rules that need what is named in ``without`` are left
    out.
    """
    subject = Subject(keyspace, brief, policy)
    found = [
        Finding(rule.code, rule.severity, pattern, rule.message.format(**words), rule.fix)
        for rule in rules()
        if rule.needs not in without
        for pattern, words in checks.find(rule.check)(subject)
    ]
    return tuple(sorted(found, key=lambda f: (f.severity, f.rule)))
