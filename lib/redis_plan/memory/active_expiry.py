"""Active expiry as the server does it: how late a key is removed, and how many may be due before the sweep speeds up."""

from __future__ import annotations

from dataclasses import dataclass

from redis_plan.memory.remains import sweep_rate

#: Keys that one active-expire run samples at effort 1, and runs a second at hz 10 (redis 7.0.15 src/expire.c,
#: ACTIVE_EXPIRE_CYCLE_KEYS_PER_LOOP 20; about 200 to 240 keys/s).
KEYS_PER_RUN = 20.0


def expected_lag_s(volatile_keys: float, hz: float) -> float:
    """Return the mean time from a key's deadline to its removal in seconds: half a sweep over all volatile keys.

    Valid at effort 1 while fewer than 10 % of the volatile keys are past their deadline.
    """
    return volatile_keys / (2 * KEYS_PER_RUN * hz)


def due_share(effort: int) -> float:
    """Return the share of the live keys that may fall due without the sweep speeding up, 0–1.

    It speeds up above 10 % at effort 1 and above 1 % at effort 10 (redis 7.0.15 src/expire.c,
    ACTIVE_EXPIRE_CYCLE_ACCEPTABLE_STALE 10 less one for each step of effort), and then there is no lag to see.
    """
    return 0.8 * (11 - effort) / 100


@dataclass(frozen=True, slots=True)
class Standing:
    """Keys past their deadline that are still in memory while others fall due at a steady pace: share of all, keys, lateness."""

    share: float
    keys: float
    lag_s: float


def standing(volatile_keys: float, due_per_s: float, hz: float = 10.0) -> Standing:
    """Return what stays past its deadline while ``due_per_s`` keys fall due among ``volatile_keys`` that are not due.

    The sweep removes what it looks at times the share of it that is due, and speeds up with that share, so the share grows
    until both paces are equal. An upper end: the sweep's own order leaves fewer. A live server had 26 % where this says
    31 %, after two minutes of 2,000 keys a second among 375,000 (``python -m tests.benchmarks.standing``).
    """
    low, high = 0.0, 0.999
    for _ in range(60):
        share = (low + high) / 2
        low, high = (share, high) if sweep_rate(share, hz) * share < due_per_s else (low, share)
    keys = volatile_keys * high / (1 - high)
    return Standing(high, keys, keys / due_per_s if due_per_s else 0.0)
