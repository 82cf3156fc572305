"""Bounds: how long names and values may become, and how far a structure stays from the server's encoding limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from redis_plan.errors import ServerError
from redis_plan.keyspace import naming
from redis_plan.keyspace.model import KeyPattern, Keyspace

#: Longest sample of each id that we mint ourselves; any other placeholder may take the cap of an encoded id.
MINTED = {
    "session_id": 12,
    "env": 7,
    "bucket": 2,
    "node_id": 32,
    "code": 6,
    "op_id": 26,
    "operation": 32,
    "digest": 43,
    "window": 10,
}

Setting = Callable[[str], str]


def name_bytes(pattern: KeyPattern) -> int:
    """Return the bytes of the longest name of ``pattern`` with ids that we mint; others count 26 B (a ULID)."""
    text = pattern.template
    for name in naming.placeholders(text):
        text = text.replace(f"<{name}>", "x" * MINTED.get(name, 26), 1)
    return len(text.encode())


def falls_due(pattern: KeyPattern) -> bool:
    """Whether its keys end by their TTL all the time; the answers of operations get theirs anew while the session is used."""
    return pattern.ttl.policy == "fixed" and bool(pattern.ttl.seconds) and pattern.use != "idem"


def keys_at_peak(pattern: KeyPattern, sessions_peak: float) -> float:
    """Return how many keys of ``pattern`` there are at peak."""
    return pattern.per_session * (1 if pattern.scope == "global" else sessions_peak)


def keys_in_all(keyspace: Keyspace, sessions_peak: float) -> float:
    """Return how many keys there are at peak, of all patterns."""
    return sum(keys_at_peak(p, sessions_peak) for p in keyspace.keys)


def names_total(keyspace: Keyspace, sessions_peak: float) -> float:
    """Return the bytes of all key names at peak, as they are written (the allocator rounds up)."""
    return sum(name_bytes(p) * keys_at_peak(p, sessions_peak) for p in keyspace.keys)


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding to expect at the bound: its name, and what is left to the limit that would change it."""

    name: str
    room: str


def expected(pattern: KeyPattern, setting: Setting) -> Encoding:
    """Return what OBJECT ENCODING says of ``pattern`` at its bound, by the limits that ``setting`` reads.

    Sources: redis.conf 7.0 (hash-, zset-, list-, set-max-*), OBJ_ENCODING_EMBSTR_SIZE_LIMIT 44 in src/object.c.
    """
    elements, value = pattern.max_elements, max((f.max_bytes for f in pattern.fields), default=1)
    match pattern.type:
        case "hash":
            elements = max(elements, len(pattern.fields))
            return _listpack("hash", elements, value, setting, "hashtable")
        case "zset":
            return _listpack("zset", elements, value, setting, "skiplist")
        case "set":
            return _set(elements, value, setting)
        case "list":
            return _list(elements, sum(f.max_bytes for f in pattern.fields), setting)
        case "stream":
            return Encoding("stream", f"nodes of {setting('stream-node-max-bytes')} B, one at once")
        case "string" if all(f.type == "integer" for f in pattern.fields):
            return Encoding("int", "an integer below 2^63")
        case "string":
            return Encoding("embstr" if value <= 44 else "raw", f"{value} of 44 B for embstr")
    return Encoding("–", "nothing is stored")


def _listpack(kind: str, elements: float, value: int, setting: Setting, large: str) -> Encoding:
    most, widest = int(setting(f"{kind}-max-listpack-entries")), int(setting(f"{kind}-max-listpack-value"))
    room = f"{elements:,.0f} of {most} entries, {value} of {widest} B"
    return Encoding("listpack" if elements <= most and value <= widest else large, room)


def _set(elements: float, value: int, setting: Setting) -> Encoding:
    try:
        most, widest = int(setting("set-max-listpack-entries")), int(setting("set-max-listpack-value"))
    except (KeyError, ServerError):
        return Encoding("hashtable", "this server has listpack sets only for integers (before 7.2)")
    fits = elements <= most and value <= widest
    return Encoding("listpack" if fits else "hashtable", f"{elements:,.0f} of {most} entries, {value} of {widest} B")


def _list(elements: float, entry: int, setting: Setting) -> Encoding:
    node = {-1: 4096, -2: 8192, -3: 16384, -4: 32768, -5: 65536}.get(int(setting("list-max-listpack-size")), 8192)
    nodes = math.ceil(elements * (entry + 4) / node)
    # since 7.2 a list that fits in one node is a listpack; before it is a quicklist with one node
    return Encoding("quicklist" if nodes > 1 else "listpack or quicklist", f"{nodes} nodes of {node} B at the bound")
