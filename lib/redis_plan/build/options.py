"""Options: what a word on the command line means to a build."""

from __future__ import annotations

import json
from typing import Any

from redis_plan.errors import ParameterError

#: Parameters of the notebooks that a build sets itself: given twice, checks and results would disagree.
_HAVE_OPTIONS = {
    "project": "the argument PROJECT",
    "run_dir": "--out",
    "profile": "--profile",
    "server_url": "--url",
    "reuse": "--reuse",
}


def notebook(text: str) -> str:
    """Return the notebook that ``05``, ``5`` or ``05_synchronization`` means."""
    from redis_plan.parameters import NOTEBOOKS  # noqa: PLC0415

    for name in NOTEBOOKS:
        if text in (name, name[:2], name[:2].lstrip("0")):
            return name
    raise ParameterError(f"--only {text}: no such notebook; there are 01 to {len(NOTEBOOKS):02d}, such as --only 05")


def assignment(text: str) -> tuple[str, Any]:
    """Return name and value of ``name=value``; JSON values are read as such, others as text."""
    from redis_plan import parameters  # noqa: PLC0415

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ParameterError(f"--param {text}: write NAME=VALUE, such as --param seed=7")
    if name in _HAVE_OPTIONS:
        raise ParameterError(f"--param {text}: the build sets {name}; use {_HAVE_OPTIONS[name]}")
    known = tuple(one for one in parameters.known_names() if one not in _HAVE_OPTIONS)
    if name not in known:
        raise ParameterError(f"--param {text}: {parameters.unknown(name, known, 'the build')}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
