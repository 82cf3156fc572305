"""A fingerprint: what about a server and its machine influences a measurement, and nothing that identifies a person."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import redis

from redis_plan import resources, units
from redis_plan.server.binaries import Source


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One server on one machine. ``settings`` holds what CONFIG GET answered (empty where it is denied)."""

    product: str
    version: str
    source: Source
    allocator: str
    arch: str
    settings: dict[str, str]
    machine: str
    stand_in: str = ""  # the build that stands in where an experiment needs a server of its own; empty: the same

    @property
    def id(self) -> str:
        """A digest of everything above: equal ids, comparable measurements."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """Product and version for a person: ``Valkey 9.1.2``."""
        return f"{_NAMES.get(self.product, self.product)} {self.version}"

    def describe(self) -> str:
        """Return one phrase for a person: ``Valkey 9.1.2 (embedded, libc malloc) on …``."""
        text = f"{self.name} ({_SOURCES[self.source]}, {self.allocator}) on {self.machine}"
        return f"{text}; experiments that need a server of their own ran on {self.stand_in}" if self.stand_in else text


_NAMES = {"redis": "Redis", "valkey": "Valkey", "dragonfly": "Dragonfly", "keydb": "KeyDB"}
_SOURCES = {"url": "by URL", "path": "from PATH", "embedded": "embedded"}


def take(client: redis.Redis, info: Mapping[str, Any], source: Source, stand_in: str = "") -> Fingerprint:
    """Return the fingerprint of the server behind ``client``, whose INFO is ``info``."""
    product = product_of(info)
    return Fingerprint(
        product=product,
        version=str(info.get(f"{product}_version") or info.get("redis_version")).removeprefix("df-v"),
        source=source,
        allocator=_allocator(client, str(info.get("mem_allocator", "unknown allocator"))),
        arch=f"{info.get('arch_bits', '?')} bit",
        settings=read_settings(client),
        machine=machine()
        if source != "url"
        else f"a server by URL ({info.get('os', 'unknown system')}); client: {machine()}",
        stand_in=stand_in,
    )


def product_of(info: Mapping[str, Any]) -> str:
    """Return ``redis``, ``valkey`` or another's name: Valkey says ``redis_version:7.2.4`` for the sake of old clients."""
    named = str(info.get("server_name") or "")
    return next((p for p in _NAMES if p != "redis" and f"{p}_version" in info), named or "redis")


@cache
def defaults() -> Mapping[str, Mapping[str, str]]:
    """Return the settings that change what experiments see, with each product's documented default."""
    table: dict[str, dict[str, str]] = tomllib.loads((resources.catalog_dir() / "server.toml").read_text("utf-8"))[
        "settings"
    ]
    return table


def read_settings(client: redis.Redis) -> dict[str, str]:
    """Return the settings that matter, in order; empty where CONFIG GET is denied."""
    try:
        answer: Any = client.config_get(*defaults())
    except redis.RedisError:
        return {}
    seen = {_text(k): _text(v) for k, v in answer.items()}
    return {name: seen[name] for name in defaults() if name in seen}


def _allocator(client: redis.Redis, name: str) -> str:
    """Return the allocator with jemalloc's quantum: 8 and 16 give other sizes under the same name."""
    if not name.startswith("jemalloc"):
        return f"{name} malloc" if name == "libc" else name
    try:
        match = re.search(r"Quantum size: (\d+)", _text(client.execute_command("MEMORY", "MALLOC-STATS")))
    except redis.RedisError:
        match = None
    return f"{name}, quantum {match[1]}" if match else name


@cache
def machine() -> str:
    """Describe this machine: processor, cores, memory, system; no host name."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return (
        f"{_processor()}, {cores} core{'s' if cores != 1 else ''}, {units.write(round(memory / 2**30) * 2**30, 'B')}, "
        f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return platform.processor() or platform.machine()
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return " ".join(match[1].split()) if match else platform.machine()


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
