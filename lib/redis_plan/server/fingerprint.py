"""A fingerprint: what about a server and its machine influences a measurement, and nothing that identifies a person."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import redis

from redis_plan import units
from redis_plan.server.binaries import Source

#: Settings that change what experiments see.
SETTINGS = (
    "hash-max-listpack-entries", "hash-max-listpack-value", "zset-max-listpack-entries", "zset-max-listpack-value",
    "set-max-intset-entries", "set-max-listpack-entries", "set-max-listpack-value", "list-max-listpack-size",
    "list-compress-depth", "stream-node-max-bytes", "stream-node-max-entries", "hz", "dynamic-hz",
    "active-expire-effort", "maxmemory", "maxmemory-policy", "maxmemory-clients", "appendonly", "appendfsync", "save",
    "lazyfree-lazy-expire", "lazyfree-lazy-user-del", "activedefrag", "io-threads", "client-output-buffer-limit",
    "repl-backlog-size", "latency-tracking", "cluster-enabled", "notify-keyspace-events", "databases",
)  # fmt: skip


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

    @property
    def id(self) -> str:
        """A digest of everything above: equal ids, comparable measurements."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    def describe(self) -> str:
        """Return one phrase for a person: ``Valkey 9.1.2 (embedded, libc malloc) on …``."""
        name = {"redis": "Redis", "valkey": "Valkey"}.get(self.product, self.product)
        return f"{name} {self.version} ({_SOURCES[self.source]}, {self.allocator}) on {self.machine}"


_SOURCES = {"url": "by URL", "path": "from PATH", "embedded": "embedded"}


def take(client: redis.Redis, info: dict[str, Any], source: Source) -> Fingerprint:
    """Return the fingerprint of the server behind ``client``, whose INFO is ``info``."""
    product = str(info.get("server_name") or "redis")
    return Fingerprint(
        product=product,
        version=str(info.get(f"{product}_version") or info.get("redis_version")),
        source=source,
        allocator=_allocator(client, str(info.get("mem_allocator", "unknown allocator"))),
        arch=f"{info.get('arch_bits', '?')} bit",
        settings=read_settings(client),
        machine=machine()
        if source != "url"
        else f"a server by URL ({info.get('os', 'unknown system')}); client: {machine()}",
    )


def read_settings(client: redis.Redis) -> dict[str, str]:
    """Return the settings that matter, in order; empty where CONFIG GET is denied."""
    try:
        answer: Any = client.config_get(*SETTINGS)
    except redis.RedisError:
        return {}
    seen = {_text(k): _text(v) for k, v in answer.items()}
    return {name: seen[name] for name in SETTINGS if name in seen}


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
