"""What remains: memory after sessions have ended, or have expired and the sweep has not reached all of them.

Keys give everything back; the keyspace's tables shrink only once they are nearly empty, a global key that has become a
table stays one, and an expired key stays until it is touched or the slow sweep comes by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from redis_plan.keyspace.model import Keyspace
from redis_plan.memory import model, project, tables
from redis_plan.memory.layout import Build

#: A table shrinks when at most this share of it is filled: HASHTABLE_MIN_FILL 10 (src/server.h, Redis 7.0.15, 7.2.6),
#: HASHTABLE_MIN_FILL 8, which means 1/8 (src/dict.c, Redis 7.4.1 and later), MIN_FILL_PERCENT_SOFT 13 (src/hashtable.c,
#: Valkey 9.1).
_FILL_DICT, _FILL_EAGER, _FILL_HASHTABLE = 0.10, 0.125, 0.13
#: The sweep looks at so many keys in a loop and goes on while more than this share was due, for at most this share of a
#: core (ACTIVE_EXPIRE_CYCLE_KEYS_PER_LOOP, ACCEPTABLE_STALE, SLOW_TIME_PERC in src/expire.c, Redis 7.0.15, effort 1).
_LOOP_KEYS, _LOOP_STALE, _LOOP_CPU = 20, 0.10, 0.25
#: Microseconds to look at a key and delete it: assumed, it only bounds a mass expiry.
_KEY_US = 2.0


@dataclass(frozen=True, slots=True)
class Remains:
    """Growth of ``used_memory`` over the empty server that stays, in bytes: live keys, expired ones, tables."""

    live: float
    stale: float
    tables: float

    @property
    def used_memory(self) -> float:
        """All of it."""
        return self.live + self.stale + self.tables


def after_end(keyspace: Keyspace, peak: int, left: int, build: Build, prefix: int = 0) -> Remains:
    """Return what remains when of ``peak`` sessions ``left`` are still alive and the others were ended by UNLINK.

    Names are longer by ``prefix`` bytes. Global keys stay as they were at the peak.
    """
    then, now = counts(keyspace, peak), counts(keyspace, left)
    held = sum(table_bytes(most, least, build) for most, least in zip(then, now, strict=True))
    return Remains(live=_live(keyspace, left, build, prefix), stale=0.0, tables=held)


def after_expiry(keyspace: Keyspace, peak: int, left: int, seconds: float, build: Build, hz: float = 10.0) -> Remains:
    """Return what remains ``seconds`` after all but ``left`` of ``peak`` sessions have expired at once, untouched."""
    ended = peak - left
    (peak_keys, peak_volatile), (left_keys, left_volatile) = counts(keyspace, peak), counts(keyspace, left)
    due = peak_volatile - left_volatile
    stale = stale_keys(seconds, due, left_volatile, hz)
    each = _live(keyspace, peak, build) - _live(keyspace, left, build) if ended else 0.0
    held = table_bytes(peak_keys, left_keys + round(stale), build)
    held += table_bytes(peak_volatile, left_volatile + round(stale), build)
    return Remains(_live(keyspace, left, build), each * stale / due if due else 0.0, held)


def counts(keyspace: Keyspace, sessions: int) -> tuple[int, int]:
    """Return keys and keys with a TTL at ``sessions`` sessions; global keys stay when sessions end."""
    loads = [load for load in project.loads(keyspace, max(sessions, 1)) if sessions or load.pattern.scope == "global"]
    return sum(load.shape.n_keys for load in loads), sum(load.shape.n_keys for load in loads if load.shape.ttl)


def _live(keyspace: Keyspace, left: int, build: Build, prefix: int = 0) -> float:
    """Return the bytes of the live keys, without the keyspace's tables."""
    total = 0.0
    for load in project.loads(keyspace, max(left, 1)):
        if left or load.pattern.scope == "global":
            shape = replace(load.shape, key_len=load.shape.key_len + prefix)
            total += model.predict(shape, build).per_key * shape.n_keys
    return total


def table_bytes(most: int, left: int, build: Build) -> float:
    """Return the bytes of a keyspace table that once held ``most`` keys and holds ``left`` now, after they went one by one.

    It shrinks each time it is found nearly empty, to what is left in that moment; so it halves in leaps and never fits. An
    entry that a key needed because it shared a bucket stays as long as that key, also when it is alone there (src/dict.c 8.6.3).
    """
    if not most:
        return 0.0
    hashed = build.layout.rules["keyspace"] == "hashtable"
    per_bucket = tables.BUCKET_ENTRIES if hashed else 1
    fill = _FILL_HASHTABLE if hashed else _FILL_EAGER if build.layout.rules["eager_growth"] else _FILL_DICT
    if hashed and not left:
        return 0.0  # an empty hashtable is freed; a dict keeps its smallest size
    size = tables.hashtable_after(most, settled=True).size if hashed else _dict_size(most, build)
    filled = most  # keys when the table was made, or made smaller
    while left <= (found := math.floor(fill * size * per_bucket)):
        # what is shrunk fits exactly: deletes go on while it moves, so no cron finds it full
        smaller = tables.hashtable_buckets(found) if hashed else tables.power_at_least(found)
        if smaller >= size:
            break
        size, filled = smaller, found
    if hashed:
        return _usable(build, size * tables.BUCKET_BYTES) + _children(left, size, build)
    # the model knows a table of this size by the keys that fill it
    full = size if not build.layout.rules["eager_growth"] else size - 1
    return (
        model.keyspace_tables(full, 0, build)
        - _chained(full, size, build)
        + _chained(filled, size, build) * left / max(filled, 1)
    )


def _dict_size(keys: int, build: Build) -> int:
    return tables.power_at_least(keys + (1 if build.layout.rules["eager_growth"] else 0))


def _children(entries: int, buckets: int, build: Build) -> float:
    return tables.hashtable_children(entries, buckets) * _usable(build, tables.BUCKET_BYTES)


def _chained(entries: int, size: int, build: Build) -> float:
    if build.layout.rules["keyspace"] != "dict-kvobj":
        return 0.0
    return tables.dict_expected_chained(entries, size) * _usable(build, build.layout.sizes["set_entry"])


def _usable(build: Build, requested: int) -> float:
    return float(build.usable(np.array([requested]))[0])


def sweep_rate(due_share: float, hz: float = 10.0) -> float:
    """Return how many volatile keys a second the sweep looks at when this share of them is due.

    A loop of 20 keys is repeated while more than 10 % of it, that is 3 keys or more, were due: with few due keys it is one
    loop a tick, 200 keys a second at hz 10; with many it goes on to its share of a core.
    """
    stops = sum(
        math.comb(_LOOP_KEYS, k) * due_share**k * (1 - due_share) ** (_LOOP_KEYS - k)
        for k in range(math.floor(_LOOP_KEYS * _LOOP_STALE) + 1)
    )
    most = hz * (_LOOP_CPU / hz) * 1e6 / _KEY_US
    return min(hz * _LOOP_KEYS / max(stops, 1e-12), most)


def stale_keys(seconds: float, due: int, live: int, hz: float = 10.0) -> float:
    """Return how many of ``due`` expired keys are still there after ``seconds``, among ``live`` keys that are not due.

    The sweep goes through the table in order, so in one pass (keys / rate seconds) all due keys go, at an even pace.
    """
    if not due:
        return 0.0
    rate = sweep_rate(due / (due + live), hz)
    return due * max(0.0, 1 - seconds * rate / (due + live))
