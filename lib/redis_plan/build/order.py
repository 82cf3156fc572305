"""What is to be built, and what a build leaves; it imports nothing that takes long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from redis_plan.brief import documents

if TYPE_CHECKING:
    from redis_plan.build.compare import Compared
    from redis_plan.plan.publish import Published
    from redis_plan.run import Run


@dataclass(frozen=True, slots=True)
class Order:
    """What to build; ``only`` names notebooks (all when empty), ``out`` a folder for the results."""

    project: Path
    profile: str = "standard"
    server_url: str = ""
    only: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    out: Path | None = None
    reuse: bool = False
    compare: str = ""  # a URL, or the path of a server program, that the live notebooks run on, too


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the wall time of one notebook went, in seconds."""

    notebook: str
    total: float
    kernel: float  # waiting for the kernel, and what passes between cells
    imports: float  # the set-up cell
    measuring: float


@dataclass(frozen=True, slots=True)
class Built:
    """What a build left; there is no plan with ``only`` while other notebooks have not run."""

    run: Run
    published: Published | None
    page: Path | None
    server: str
    timings: tuple[Timing, ...]
    rendering_s: float
    unused: tuple[str, ...]
    compared: Compared | None = None


class Watch(Protocol):
    """Is told how far a build is."""

    def plan(self, notebooks: tuple[str, ...], expected_s: Mapping[str, float], server: str) -> None:
        """The build is about to start."""

    def warn(self, text: str) -> None:
        """Something about the documents that a person should know before the build goes on."""

    def cell(self, notebook: str, index: int, count: int, cell_id: str) -> None:
        """A cell starts."""

    def done(self, notebook: str, seconds: float) -> None:
        """A notebook ended well."""


def plan_folder(order: Order) -> Path:
    """Return where the plan goes: the documents' own folder, or ``out``."""
    return order.out if order.out else documents.find_folder(order.project)


def run_folder(order: Order) -> Path:
    """Return where notebooks, evidence and pages go."""
    return order.out / "runs" / order.profile if order.out else order.project / "data" / "runs" / order.profile
