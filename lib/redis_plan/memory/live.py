"""A live server as a build: its family, its allocator told apart, its thresholds read and not assumed."""

from __future__ import annotations

import re

from redis_plan import server as servers
from redis_plan.errors import InputError, ServerError
from redis_plan.memory import layout

#: The layout for a product or version that none was read from; the error of the prediction then tells how far it is.
NEAREST = "redis-7.2"


def build_of(server: servers.Server) -> layout.Build:
    """Return the build that ``server`` runs.

    The quantum of jemalloc is not in INFO: the fingerprint has read it from MEMORY MALLOC-STATS. Where that is not allowed it
    is taken to be 8, as in source builds.
    """
    fingerprint = server.fingerprint
    try:
        family = layout.load(layout.family_of(fingerprint.product.lower(), fingerprint.version))
    except InputError:
        family = layout.load(NEAREST)
    allocator = "libc"
    if "jemalloc" in fingerprint.allocator.lower():
        allocator = f"jemalloc-q{_quantum(fingerprint.allocator)}"
    settings = {}
    for name in family.settings:
        try:
            settings[name] = str(server.setting(name))
        except (KeyError, ServerError):
            settings[name] = family.settings[name]
    return layout.Build(
        id=f"{fingerprint.product.lower()}-{fingerprint.version}-{allocator}",
        layout=family,
        allocator=allocator,
        settings=settings,
    )


def _quantum(allocator: str) -> int:
    found = re.search(r"quantum (\d+)", allocator)
    return int(found[1]) if found else 8
