"""A live server as a build: its family, its allocator told apart, its thresholds read and not assumed."""

from __future__ import annotations

import re

import redis

from redis_plan import server as servers
from redis_plan.errors import InputError, ServerError
from redis_plan.memory import layout

#: The layout for a product or version that none was read from; the error of the prediction then tells how far it is.
NEAREST = "redis-7.2"


def build_of(server: servers.Server) -> layout.Build:
    """Return the build that ``server`` runs.

    The quantum of jemalloc is not in INFO: it is read from MEMORY MALLOC-STATS ("Quantum size"), and assumed to be 8,
    as in source builds, where that is not allowed.
    """
    fingerprint = server.fingerprint
    try:
        family = layout.load(layout.family_of(fingerprint.product.lower(), fingerprint.version))
    except InputError:
        family = layout.load(NEAREST)
    allocator = "libc"
    if "jemalloc" in fingerprint.allocator.lower():
        allocator = f"jemalloc-q{_quantum(server)}"
    settings = {}
    for name in family.settings:
        try:
            settings[name] = str(server.setting(name))
        except (KeyError, ServerError, redis.RedisError):
            settings[name] = family.settings[name]
    return layout.Build(
        id=f"{fingerprint.product.lower()}-{fingerprint.version}-{allocator}",
        layout=family,
        allocator=allocator,
        settings=settings,
    )


def _quantum(server: servers.Server) -> int:
    try:
        with server.client() as client:
            text = client.execute_command("MEMORY MALLOC-STATS")
    except redis.RedisError:
        return 8
    found = re.search(r"Quantum size:\s*(\d+)", text.decode() if isinstance(text, bytes) else str(text))
    return int(found[1]) if found else 8
