"""Active expiry as the server does it: how late a key is removed, and how many may be due before the sweep speeds up."""

from __future__ import annotations

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
