"""A plan told again without a server: the notebooks' own cells run in this process, and get recorded evidence for measured.

A statement that draws, or that asks a live server, is left out; its appendix is shorter by that. Every other one that ends in
an error fails the test, and so does a text of the plan itself that is left out.
"""

import ast
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from redis_plan import notebook, parameters, resources
from redis_plan.codec import save
from redis_plan.evidence.store import Evidence, Store
from redis_plan.keyspace import functions
from redis_plan.plan import delivery, exporter, publish
from redis_plan.run import Run, default_folder
from redis_plan.server import Fingerprint

PROFILE = "quick"
#: Where links lead to the notebooks' pages, which nobody makes here.
PAGES = "pages"
#: Records that speak of the keys of the project that they were recorded for.
_OF_ITS_KEYS = ("E-06a", "E-06l", "E-06m", "E-07j")
#: Records of notebooks 05 and 07, and these, are about sessions.
_OF_SESSIONS = ("E-06b", "E-06d", "E-06e", "E-06h", "E-08b", "E-08c", "E-08e")


class NotHereError(Exception):
    """Something that only a live run has."""


class Recorded:
    """The server of a record: it has a name and settings, and can't be asked anything."""

    def __init__(self, fingerprint: Fingerprint) -> None:
        self.fingerprint = fingerprint

    def setting(self, name: str) -> str:
        return self.fingerprint.settings[name]

    def __getattr__(self, name: str) -> Any:
        raise NotHereError(f"{name} of a live server")


class Retold(notebook.Study):
    """A study that measures nothing: it takes what was recorded, and keeps what is said."""

    recorded: Store
    own: bool
    said: list[str]

    def measure(self, id: str, experiment: Any, **given: Any) -> Evidence:
        record = self.recorded.get(id)
        if not self.own and self._is_foreign(id):
            record = replace(record, values=(), not_run="recorded for another design")
        save(self.run.evidence.folder / f"{id}.json", record)
        samples = self.recorded.folder / record.samples_file
        if samples.exists():
            shutil.copy(samples, self.run.evidence.folder)
        return record

    def _is_foreign(self, id: str) -> bool:
        sessions = not functions.missing(self.run.load_keyspace())
        return id in _OF_ITS_KEYS or (not sessions and (id in _OF_SESSIONS or id[2:4] in ("05", "07")))

    def samples(self, evidence: Evidence) -> pd.DataFrame:
        if evidence.not_run:
            return pd.DataFrame()
        if not (self.run.evidence.folder / evidence.samples_file).exists():
            raise NotHereError(f"samples of {evidence.id}")
        return super().samples(evidence)

    def show(self, *args: Any, **given: Any) -> None:
        """Draw nothing."""

    def say(self, markdown: str) -> None:
        self.said.append(markdown)

    @property
    def server(self) -> Any:
        return Recorded(next(iter(self.recorded.all().values())).server)

    @property
    def lab(self) -> Any:
        """A lab of the recorded profile; it compares no candidates of keys that nobody recorded."""
        return SimpleNamespace(profile=PROFILE, by_profile=lambda quick, *_: quick if self.own else 0)


def tell(project: Path, records: Store, *, own: bool) -> Path:
    """Read and design ``project``, tell every notebook with ``records``, and assemble the plan; return its ``ai/``.

    ``own``: the records are of this very project; those of another one say nothing of this one's keys.
    """
    run = Run(project, default_folder(project, PROFILE))
    (run.folder / "notebooks").mkdir(parents=True)
    (run.folder / "evidence").mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("IPython.display.display", lambda *_, **__: None)
        for name, kind in parameters.NOTEBOOKS.items():
            told = Retold(name, kind(project=str(project), profile=PROFILE))
            told.recorded, told.own = records, own
            patched.setattr(notebook, "begin", lambda *_, told=told: told)
            node = nbformat.read(resources.notebooks_dir() / f"{name}.ipynb", as_version=4)
            _execute(node, told)
            plt.close("all")
            nbformat.write(node, run.folder / "notebooks" / f"{name}.ipynb")
    study = exporter.read_executed(run.folder / "notebooks")
    plan, made = exporter.render(study, run, PAGES), delivery.artefacts(run)
    delivery.check(plan.whole, made)
    publish.publish(project / "ai", plan, publish.plan_record(plan, study, run, made), made)
    return project / "ai"


def _execute(node: NotebookNode, told: Retold) -> None:
    names: dict[str, Any] = {"display": lambda *_, **__: None}
    short = False  # whether a statement was left out, so that a later one may miss its names
    for cell in node.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or "parameters" in tags:
            continue
        told.said = []
        for statement in ast.parse(cell.source).body:
            try:
                exec(compile(ast.Module([statement], []), cell.id, "exec"), names)  # our own notebooks
            except (NotHereError, NameError) as error:
                if "appendix-" not in "".join(tags) and "plan-" in "".join(tags):
                    raise
                if not (short or isinstance(error, NotHereError)):
                    raise
                short = True
        cell.outputs = [new_output("display_data", data={"text/markdown": text}) for text in told.said]
