"""Rules: the project's numbers that every call of a session's functions carries."""

from __future__ import annotations

from dataclasses import dataclass

from redis_plan.brief.model import Brief
from redis_plan.keyspace import chain, functions
from redis_plan.keyspace.model import Keyspace


@dataclass(frozen=True, slots=True)
class Rules:
    """Seats, TTLs, lease and log length, as the functions take them."""

    capacity: int
    ttl_s: int
    idem_ttl_s: int
    lease_ms: int
    log_max: str
    with_seat: str = "none"

    @property
    def remembered_s(self) -> int:
        """For how long the answer of an operation is remembered at least, in seconds."""
        return int(chain.REMEMBERED * self.idem_ttl_s)


def rules(brief: Brief, keyspace: Keyspace) -> Rules:
    """Return the numbers of this project: seats, TTLs, lease and log length, as the keyspace has them."""
    return Rules(
        capacity=max(1, int(brief.value("session_capacity"))),
        ttl_s=keyspace.pattern("state").ttl.seconds or 7200,
        idem_ttl_s=keyspace.pattern("idem").ttl.seconds or 120,
        lease_ms=int(1000 * chain.lease(brief)),
        log_max=functions.log_argument(keyspace),
        with_seat=functions.with_seat(keyspace),
    )
