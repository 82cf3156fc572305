"""A layout: sizes and rules of one version family, read from ``data/catalog/memory/<family>.toml``.

A build is a layout, an allocator and the server's settings; its id is named like ``7.0.15``,
``7.0.15-bundled-jemalloc``, ``8.10.2-libc`` or ``valkey-9.1.2``.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from redis_plan import resources
from redis_plan.errors import InputError
from redis_plan.memory.allocator import Usable, by_name

#: Ids that a table may name; any other version is found by its family and allocator.
KNOWN_IDS = (
    "7.0.15",
    "7.0.15-bundled-jemalloc",
    "7.2.6-bundled-jemalloc",
    "7.4.1-bundled-jemalloc",
    "8.10.2-libc",
    "valkey-9.1.2",
)

#: One build of every other version that a layout was read from.
READ_IDS = (
    "6.2.16-bundled-jemalloc",
    "8.0.6-bundled-jemalloc",
    "8.2.0-bundled-jemalloc",
    "8.4.0-bundled-jemalloc",
    "8.6.3-bundled-jemalloc",
    "8.8.0-bundled-jemalloc",
    "8.10.2-bundled-jemalloc",
    "valkey-7.2.7-bundled-jemalloc",
    "valkey-8.0.1-bundled-jemalloc",
    "valkey-8.1.1-bundled-jemalloc",
    "valkey-9.0.0",
    "valkey-9.1.2-bundled-jemalloc",
)

#: Allocator by the word that ends an id. Debian's package links the system's jemalloc (quantum 16), a source build
#: links the bundled one (quantum 8), and the embedded wheel is built with glibc malloc.
_ALLOCATOR_OF = {
    "bundled-jemalloc": "jemalloc-q8",
    "jemalloc": "jemalloc-q8",
    "jemalloc-q8": "jemalloc-q8",
    "jemalloc-q16": "jemalloc-q16",
    "system-jemalloc": "jemalloc-q16",
    "debian": "jemalloc-q16",
    "libc": "libc",
    "glibc": "libc",
}


@dataclass(frozen=True)
class Layout:
    """Struct sizes in bytes, rules, and default settings of a version family."""

    family: str
    version: str
    versions: tuple[str, ...]
    sizes: Mapping[str, int]
    rules: Mapping[str, str | int | bool]
    settings: Mapping[str, str]
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Correction:
    """What keys of one kind were seen to take beyond the layout (see :mod:`redis_plan.memory.calibration`), in bytes."""

    per_key: float = 0.0
    per_element: float = 0.0


@dataclass(frozen=True)
class Build:
    """A server build to predict for: layout, allocator, settings that differ from the layout's defaults."""

    id: str
    layout: Layout
    allocator: str
    settings: Mapping[str, str] = field(default_factory=dict)
    cluster: bool = False
    maxmemory_lru: bool = False  # maxmemory with an LRU or LFU policy: integers are not shared
    corrections: Mapping[str, Correction] = field(default_factory=dict)  # by "<type> <encoding>", and "ttl"

    @property
    def usable(self) -> Usable:
        """The allocator's function from requested to usable bytes."""
        return by_name(self.allocator)

    def correction(self, type: str, encoding: str, elements: float, ttl: bool) -> float:
        """Return the bytes a key that calibration adds to the layout's (0 for a build that was not calibrated)."""
        found = self.corrections.get(f"{type} {encoding}", Correction())
        timed = self.corrections["ttl"].per_key if ttl and "ttl" in self.corrections else 0.0
        return found.per_key + found.per_element * elements + timed

    def number(self, setting: str) -> int:
        """Return the setting as a number of entries or bytes (``4kb`` is 4096)."""
        return parse_bytes(self.settings.get(setting, self.layout.settings.get(setting, "0")))


def parse_bytes(text: str) -> int:
    """Return the number that a setting such as ``512``, ``-2``, ``4kb`` or ``1mb`` means."""
    match = re.fullmatch(r"(-?\d+)\s*([kmg]?)(b?)", text.strip().lower())
    if not match:
        raise InputError(f"setting {text!r} is not a number")
    scale = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}[match[2]]
    return int(match[1]) * scale


@cache
def load(family: str) -> Layout:
    """Return the layout called ``family``; raises :class:`InputError` naming the known ones.

    A file with a ``base`` holds what differs from that layout; each source names the version that it was read in.
    """
    path = resources.catalog_dir() / "memory" / f"{family}.toml"
    if not path.is_file():
        raise InputError(f"no memory layout {family!r}; known: {', '.join(families())}")
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    base = load(raw["base"]) if "base" in raw else None
    read_in = f"{family.split('-', maxsplit=1)[0]} {raw['version']}"
    sizes = {name: entry["bytes"] for name, entry in raw.get("sizes", {}).items()}
    rules = {name: entry["value"] for name, entry in raw.get("rules", {}).items()}
    settings = dict(raw.get("settings", {}))
    sources = {
        name: f"{read_in}, {entry['source']}"
        for part in ("sizes", "rules")
        for name, entry in raw.get(part, {}).items()
    }
    if base:
        sizes, rules = {**base.sizes, **sizes}, {**base.rules, **rules}
        settings, sources = {**base.settings, **settings}, {**base.sources, **sources}
    return Layout(
        family=raw["family"],
        version=raw["version"],
        versions=tuple(raw["versions"]),
        sizes=MappingProxyType(sizes),
        rules=MappingProxyType(rules),
        settings=MappingProxyType(settings),
        sources=MappingProxyType(sources),
    )


@cache
def families() -> tuple[str, ...]:
    """Return the names of all layouts in the catalog."""
    return tuple(sorted(path.stem for path in (resources.catalog_dir() / "memory").glob("*.toml")))


def family_of(product: str, version: str) -> str:
    """Return the family that covers ``version`` of ``product``: the newest one that is not newer than it."""
    wanted = _numbers(version)
    covering: list[tuple[tuple[int, ...], str]] = []
    for name in families():
        layout = load(name)
        if not name.startswith(product):
            continue
        covering += [(_numbers(first), name) for first in layout.versions if _numbers(first) <= wanted]
    if not covering:
        known = ", ".join(name for name in families() if name.startswith(product)) or "none"
        raise InputError(f"no memory layout covers {product} {version}; known: {known}")
    return max(covering)[1]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _product(version: str) -> str:
    """Return the product that a version without a name means: Redis, unless only Valkey has a layout of it."""
    covered = {product for product in ("redis", "valkey") for name in families() if name.startswith(f"{product}-")
               for read in load(name).versions if _numbers(read) == _numbers(version)}  # fmt: skip
    return "valkey" if covered == {"valkey"} else "redis"


def build(id: str, settings: Mapping[str, str] | None = None) -> Build:
    """Return the build called ``id``: a version, optionally after ``redis-`` or ``valkey-``, and an allocator.

    Without an allocator a Redis version means Debian's package (jemalloc, quantum 16) and a Valkey version the
    embedded wheel (glibc malloc); without a product a version is Redis's, but for those that only Valkey has (9.0, 9.1).
    Raises :class:`InputError` with the nearest known id.
    """
    match = re.fullmatch(r"(?:(redis|valkey)-)?(\d+\.\d+(?:\.\d+)?)(?:-([a-z0-9-]+))?", id.strip().lower())
    name = (match[3] if match else "") or ""
    if not match or (name and name not in _ALLOCATOR_OF):
        near = difflib.get_close_matches(id, (*KNOWN_IDS, *READ_IDS), n=1)
        hint = f"did you mean {near[0]}?" if near else "redis-plan memory --servers lists some"
        raise InputError(
            f"no server id {id!r}: write a version and an allocator, such as redis-7.2-jemalloc or valkey-9.1-libc; {hint}"
        )
    product = match[1] or _product(match[2])
    chosen = _ALLOCATOR_OF.get(name) or ("libc" if product == "valkey" else "jemalloc-q16")
    return Build(id, load(family_of(product, match[2])), chosen, dict(settings or {}))
