"""Words of the memory section: what is counted, in projects with sessions and in those without."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from redis_plan import units
from redis_plan.keyspace.cues import plural, with_article
from redis_plan.keyspace.model import Keyspace


@dataclass(frozen=True, slots=True)
class Words:
    """What memory grows with: the project's sessions under their own noun, or its keys where it has no sessions.

    The experiments count in units of the Brief's ``sessions_peak``; ``keys_each`` is how many keys one unit has, and 1
    where a unit is a session.
    """

    one: str
    many: str
    groups: str  # keys that belong together, more than one
    keys_each: float

    @classmethod
    def of(cls, keyspace: Keyspace) -> Words:
        """Return the words for ``keyspace``, whose keys are counted for one unit."""
        if keyspace.session_entity:
            return cls(keyspace.session_noun, plural(keyspace.session_noun), plural(keyspace.session_noun), 1.0)
        each = sum(p.per_session for p in keyspace.keys if p.scope != "global")
        return cls("key", "keys", "groups of keys", each or 1.0)

    @property
    def sessions(self) -> bool:
        """Whether the project has sessions."""
        return self.one != "key"

    @property
    def a_one(self) -> str:
        """One of what is counted, with its article: ``a room``, ``an auction``, ``a key``."""
        return with_article(self.one)

    def count(self, value: float) -> str:
        """Write a number of units: ``500 rooms``, ``55,200 keys``."""
        number = value * self.keys_each
        return f"{number:,.0f} {self.one if round(number) == 1 else self.many}"

    def each(self, value: float) -> str:
        """Write bytes of one unit as bytes of what is counted."""
        return units.write(round(value / self.keys_each), "B")

    def counted(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Return ``samples`` with its column ``sessions`` in what is counted."""
        return samples.assign(sessions=samples.sessions * self.keys_each)

    def steps(self, steps: list[tuple[int, float]]) -> list[tuple[int, float]]:
        """Return the tables' steps in what is counted."""
        return [(round(count * self.keys_each), size) for count, size in steps]
