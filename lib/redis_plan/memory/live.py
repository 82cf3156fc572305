"""A live server as a build: its family, its allocator told apart, its thresholds read and not assumed."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

from redis_plan import server as servers
from redis_plan.errors import InputError, ServerError
from redis_plan.memory import layout
from redis_plan.memory.allocator import NAMES

#: The layout for a product or version that none was read from; a calibration then tells how far it is.
NEAREST = "redis-7.2"


def build_of(server: servers.Server) -> layout.Build:
    """Return the build that ``server`` runs.

    The quantum of jemalloc is not in INFO: the fingerprint has read it from MEMORY MALLOC-STATS. Where that is not allowed it
    is taken to be 8, as in source builds. What a calibration found in this process is used. A cluster and a ``maxmemory`` with an LRU or LFU policy are seen in the settings.
    """
    fingerprint = server.fingerprint
    try:
        family = layout.load(layout.family_of(fingerprint.product.lower(), fingerprint.version))
    except InputError:
        family = layout.load(NEAREST)
    allocator = "libc"
    if "jemalloc" in fingerprint.allocator.lower():
        allocator = f"jemalloc-q{_quantum(fingerprint.allocator)}"
    policy = _setting(server, "maxmemory-policy", "noeviction")
    build = layout.Build(
        id=f"{fingerprint.product.lower()}-{fingerprint.version}-{allocator}",
        layout=family,
        allocator=allocator,
        settings={name: _setting(server, name, family.settings[name]) for name in family.settings},
        cluster=_setting(server, "cluster-enabled", "no") == "yes",
        maxmemory_lru=_setting(server, "maxmemory", "0") != "0" and policy.endswith(("lru", "lfu")),
    )
    found = _CALIBRATED.get(_kind(server))
    if found is None:
        return build
    more = {name: value for name, value in found.settings.items() if name not in build.settings or value == "0"}
    return replace(
        build,
        layout=found.layout,
        allocator=found.allocator,
        corrections=found.corrections,
        settings={**build.settings, **more},
    )


#: What a calibration found in this process, for servers of the same product, version and allocator.
_CALIBRATED: dict[tuple[str, str, str], layout.Build] = {}


def remember(server: servers.Server, build: layout.Build | None) -> None:
    """Let :func:`build_of` return what a calibration of ``server`` found; ``None`` forgets it."""
    if build is None:
        _CALIBRATED.pop(_kind(server), None)
    else:
        _CALIBRATED[_kind(server)] = build


def _kind(server: servers.Server) -> tuple[str, str, str]:
    return server.fingerprint.product, server.fingerprint.version, server.fingerprint.allocator


def allocators(server: servers.Server) -> tuple[str, ...]:
    """Return the allocators that this server may have, by what it says of itself."""
    name = server.fingerprint.allocator.lower()
    if "jemalloc" in name:
        return (f"jemalloc-q{_quantum(name)}",) if "quantum" in name else ("jemalloc-q8", "jemalloc-q16")
    return ("libc",) if name.startswith("libc") else NAMES


def doubt(server: servers.Server) -> str:
    """Return why the layout of this server is a guess, or an empty text where it was read from this very version."""
    fingerprint = server.fingerprint
    product, version = fingerprint.product.lower(), fingerprint.version
    short = ".".join(re.findall(r"\d+", version)[:2])
    read = [layout.load(name) for name in layout.families() if name.startswith(f"{product}-")]
    if not read:
        return f"no layout was read from {fingerprint.name}; the nearest is taken to be {NEAREST}"
    if not any(short in family.versions for family in read):
        return f"no layout was read from {fingerprint.name}; the nearest is {build_of(server).layout.family}"
    if "jemalloc" in fingerprint.allocator.lower() and "quantum" not in fingerprint.allocator:
        return "the server does not tell the quantum of its jemalloc; 8 is assumed"
    if not re.match(r"jemalloc|libc", fingerprint.allocator.lower()):
        return f"the size classes of {fingerprint.allocator} are not known; glibc's are assumed"
    return ""


def _setting(server: servers.Server, name: str, default: str) -> str:
    with suppress(KeyError, ServerError):
        return str(server.setting(name))
    return default


def _quantum(allocator: str) -> int:
    found = re.search(r"quantum (\d+)", allocator)
    return int(found[1]) if found else 8
