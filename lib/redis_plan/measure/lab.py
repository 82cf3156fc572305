"""A lab: the live server, the budget and the randomness that an experiment is given."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, TypeVar

from redis_plan import server as servers

Profile = Literal["quick", "standard", "full"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lab:
    """What an experiment may use; it gets everything it touches from here.

    ``server`` is live and maybe the user's: keys there start with ``server.prefix``. ``own`` starts a further server
    of the same build that is ours to break. ``seed`` is where every random draw descends from.
    """

    server: servers.Server
    profile: Profile = "standard"
    seed: int = 20261123

    def rng(self, salt: str = "") -> random.Random:
        """Return a generator that is the same for the same seed and ``salt``."""
        return random.Random(f"{self.seed}:{salt}")

    def by_profile(self, quick: T, standard: T, full: T) -> T:
        """Choose a sample count or a scale: a profile changes how much is measured, never what."""
        return {"quick": quick, "standard": standard, "full": full}[self.profile]

    def own(self, config: Mapping[str, str] | None = None) -> AbstractContextManager[servers.Server]:
        """Start a server of the same build that is ours, ended with the context."""
        return servers.open_own(config or {}, like=self.server)
