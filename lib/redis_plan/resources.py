"""Resources: where the catalog, the notebooks and the sample project are, in a checkout and in an installed wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parents[1]


def _find(in_wheel: str, in_checkout: str) -> Path:
    wheel = _PACKAGE / "_data" / in_wheel
    return wheel if wheel.is_dir() else _CHECKOUT / in_checkout


def catalog_dir() -> Path:
    """Return the folder of the catalog: knowledge as data."""
    return _find("catalog", "data/catalog")


def catalog(name: str) -> dict[str, Any]:  # Any: TOML
    """Return a table of the catalog, such as ``versions.toml``."""
    return tomllib.loads((catalog_dir() / name).read_text("utf-8"))


def notebooks_dir() -> Path:
    """Return the folder of the nine notebooks."""
    return _find("notebooks", "notebooks")


def sample_project() -> Path:
    """Return the sample project, the folder that holds ``ai/``."""
    return _find("sample/ai", "ai").parent
