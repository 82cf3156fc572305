"""Provenance: the sources that a measurement depends on, so that old evidence is not taken for new code.

An experiment's module imports others; every one of them that lies in a room which measures or designs counts, and so do
the functions that the server runs. Rooms that only read documents or write text do not change a measurement.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from redis_plan import resources

ROOMS = ("measure", "experiments", "keyspace", "memory")
#: A module that is started by name, as ``python -m redis_plan.experiments.gateway``.
_STARTED = re.compile(r"redis_plan(\.\w+)+")
PACKAGE = Path(__file__).resolve().parents[1]


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
