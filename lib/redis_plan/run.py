"""A run: the folder where one build keeps the Brief, the keyspace, the evidence and the executed notebooks.

::

    data/runs/<profile>/
    ├── brief.json  keyspace.json  actions.json
    ├── evidence/     E-03a.json and E-03a.parquet for each record
    ├── decisions/    D-03a.json …
    ├── notebooks/    the executed notebooks
    └── html/         the rendered ones
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from redis_plan import resources
from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.codec import load, save
from redis_plan.errors import MissingStepError, OutputError
from redis_plan.evidence.decision import Decision
from redis_plan.evidence.store import Store
from redis_plan.keyspace.model import Keyspace
from redis_plan.parameters import Parameters

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    """A project and the folder of one build of it."""

    project: Path
    folder: Path

    @classmethod
    def of(cls, parameters: Parameters) -> Run:
        """Return the run that ``parameters`` name, with the defaults filled in."""
        project = Path(parameters.project).resolve() if parameters.project else resources.sample_project()
        folder = (
            Path(parameters.run_dir).resolve() if parameters.run_dir else default_folder(project, parameters.profile)
        )
        return cls(project, folder)

    def prepare(self) -> None:
        """Make the folder, hidden from the project's git; raises :class:`OutputError` where that is impossible."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / ".gitignore").write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"can't write the run folder {self.folder}: {error.strerror}; choose another with --out"
            ) from None

    @property
    def evidence(self) -> Store:
        """The evidence of this run."""
        return Store(self.folder / "evidence")

    def load_brief(self) -> Brief:
        """Return the Brief that notebook 01 wrote."""
        return self._load(Brief, "brief.json", "01_requirements")

    def load_keyspace(self) -> Keyspace:
        """Return the keyspace that notebook 02 wrote."""
        return self._load(Keyspace, "keyspace.json", "02_keyspace")

    def load_stories(self) -> Stories:
        """Return the actions and the story matrix that notebook 02 wrote."""
        return self._load(Stories, "actions.json", "02_keyspace")

    def save_brief(self, brief: Brief) -> None:
        """Write ``brief.json``."""
        save(self.folder / "brief.json", brief)

    def save_keyspace(self, keyspace: Keyspace) -> None:
        """Write ``keyspace.json``."""
        save(self.folder / "keyspace.json", keyspace)

    def save_stories(self, stories: Stories) -> None:
        """Write ``actions.json``: the project's actions, and what serves each demand."""
        save(self.folder / "actions.json", stories)

    def save_decision(self, decision: Decision) -> None:
        """Write the decision's record."""
        save(self.folder / "decisions" / f"{decision.id}.json", decision)

    def decisions(self) -> tuple[Decision, ...]:
        """Return every decision of this run, in order of id."""
        return tuple(load(Decision, path) for path in sorted((self.folder / "decisions").glob("D-*.json")))

    def _load(self, kind: type[T], name: str, notebook: str) -> T:
        path = self.folder / name
        if not path.exists():
            raise MissingStepError(f"{name} is not in the run folder {self.folder}: run notebook {notebook} first")
        return load(kind, path)


def default_folder(project: Path, profile: str) -> Path:
    """Return where a build of ``project`` keeps its results unless told otherwise."""
    return project / "data" / "runs" / profile
