"""Parameters: what each notebook may be told, checked before a kernel starts.

The ``parameters`` cell of a notebook repeats its class here, name by name (a test holds them together), so that
papermill's help and this check never disagree.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from redis_plan.errors import ParameterError


class Parameters(BaseModel):
    """What every notebook takes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    project: str = Field("", description="folder that holds ai/ or .ai/; empty: the sample project")
    run_dir: str = Field("", description="where this run keeps its results; empty: data/runs/<profile> of the project")
    profile: Literal["quick", "standard", "full"] = Field(
        "standard", description="quick, standard or full: how much is measured"
    )
    server_url: str = Field("", description="redis://… of a server to measure; empty: one of our own")
    seed: int = Field(20261123, ge=0, description="every random draw descends from this")
    reuse: bool = Field(False, description="take this run folder's evidence again where its inputs have not changed")


#: Notebooks in the order they run, with the class of their parameters.
NOTEBOOKS: dict[str, type[Parameters]] = {
    "01_requirements": Parameters,
    "02_keyspace": Parameters,
    "03_structures": Parameters,
    "04_expiry": Parameters,
    "05_synchronization": Parameters,
    "06_memory": Parameters,
    "07_sessions": Parameters,
    "08_recovery": Parameters,
    "09_operations": Parameters,
}


def known_names() -> tuple[str, ...]:
    """Return every parameter name that some notebook takes."""
    return tuple(dict.fromkeys(name for kind in NOTEBOOKS.values() for name in kind.model_fields))


def check(notebook: str, given: Mapping[str, Any]) -> Parameters:
    """Return the parameters of ``notebook``; raises :class:`ParameterError` naming the first fault."""
    kind = NOTEBOOKS[notebook]
    for name in given:
        if name not in kind.model_fields:
            raise ParameterError(unknown(name, tuple(kind.model_fields), f"notebook {notebook}"))
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        fault = error.errors()[0]
        name = ".".join(str(part) for part in fault["loc"])
        raise ParameterError(f"parameter {name} of {notebook}: {fault['msg']}, got {fault['input']!r}") from None


def unknown(name: str, known: tuple[str, ...], owner: str) -> str:
    """Return the sentence for an unknown ``name``, with the nearest known one."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return f"{owner} has no parameter {name!r}; {hint}"
