"""Subject: what the lint rules look at."""

from __future__ import annotations

from dataclasses import dataclass

from redis_plan.brief.model import Brief
from redis_plan.keyspace.model import KeyPattern, Keyspace

#: The pattern at fault, and the words for the rule's message.
Fault = tuple[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Subject:
    """A keyspace, the Brief behind it, and the eviction policy that the server will run with."""

    keyspace: Keyspace
    brief: Brief
    policy: str = "noeviction"


def commands_of(pattern: KeyPattern) -> tuple[str, ...]:
    """Return everything the registry says of how ``pattern`` is written and read, with the chosen structure's commands."""
    chosen = pattern.candidate
    return (*pattern.writers, *pattern.readers, *(chosen.write + chosen.read if chosen else ()))
