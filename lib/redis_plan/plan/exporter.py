"""The exporter: ``jupyter nbconvert --to redis-plan data/runs/<profile>/notebooks/01_requirements.ipynb``.

Given one executed notebook of a run it takes its siblings along, because a plan is assembled from all nine. Figures and
appendices are written beside the plan. It fails, naming section and cell, when a section is empty or a figure has no evidence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from traitlets import Unicode

from redis_plan.errors import PlanError
from redis_plan.plan import assemble, frame
from redis_plan.plan.assemble import Executed
from redis_plan.run import Run
from redis_plan.words.nouns import own_nouns
from redis_plan.words.sections import APPENDICES

_NOTEBOOK = re.compile(r"\d\d_\w+\.ipynb$")


class PlanExporter(Exporter):
    """Turn the executed notebooks of a run into ``redis-plan.md`` and its figures."""

    export_from_notebook = "Redis plan"
    output_mimetype = "text/markdown"
    html_dir = Unicode(
        "", help="Folder of the rendered notebooks, relative to the plan; empty: beside the notebooks."
    ).tag(config=True)

    def _file_extension_default(self) -> str:
        return ".md"

    def from_filename(self, filename: str, resources: dict[str, Any] | None = None, **kw: Any) -> Any:
        """Assemble the plan of the run that the notebook ``filename`` belongs to."""
        path = Path(filename)
        resources = dict(resources or {})
        resources["metadata"] = {"name": path.stem, "path": str(path.parent), **resources.get("metadata", {})}
        return self._export(read_executed(path.resolve().parent), path.resolve().parent, resources)

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> Any:  # nbconvert's base class says notebook, every real exporter returns text
        """Assemble a plan from one notebook; with a path in ``resources``, from its siblings too."""
        folder = Path((resources or {}).get("metadata", {}).get("path") or ".").resolve()
        name = (resources or {}).get("metadata", {}).get("name", "notebook")
        executed = read_executed(folder) if (folder / f"{name}.ipynb").exists() else Executed({name: nb}, {}, ())
        return self._export(executed, folder, resources)

    def _export(self, executed: Executed, folder: Path, resources: dict[str, Any] | None) -> tuple[str, Any]:
        plan = render(executed, Run(folder, folder.parent), self.html_dir or "../html")
        beside = {name: text.encode() for name, text in (plan.appendices | plan.figures).items()}
        resources = dict(resources or {})
        resources["output_extension"] = self.file_extension
        resources["outputs"] = {**resources.get("outputs", {}), **beside}
        return plan.text, resources


def read_executed(folder: Path) -> Executed:
    """Read the executed notebooks in ``folder`` and the records beside it."""
    run = Run(folder, folder.parent)
    paths = sorted(path for path in folder.glob("*.ipynb") if _NOTEBOOK.match(path.name))
    if not paths:
        raise PlanError(f"no executed notebook NN_name.ipynb in {folder.name}/")
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in paths}
    return Executed(notebooks, run.evidence.all(), run.decisions())


@dataclass(frozen=True, slots=True)
class Rendered:
    """A plan ready to be written: its text, and what stands beside it by file."""

    text: str
    appendices: dict[str, str]  # Markdown
    figures: dict[str, str]  # SVG
    sections: dict[int, str] = field(default_factory=dict)  # the ten of the text, each by its number

    @property
    def whole(self) -> str:
        """Everything that the plan says, in one text."""
        return "\n".join((self.text, *self.appendices.values()))


def render(executed: Executed, run: Run, html_dir: str) -> Rendered:
    """Return the plan of ``executed``; ``html_dir`` leads from the plan to the rendered notebooks."""
    bodies = assemble.sections(executed)
    texts = {name: assemble.appendix(executed, name) for name in APPENDICES}
    title, front, back = "untitled", "", ""
    if (run.folder / "brief.json").exists():
        brief, keyspace = run.load_brief(), run.load_keyspace()
        title, front = brief.title, frame.front(brief, keyspace, executed, run)
        bodies = {number: own_nouns(body, keyspace) for number, body in bodies.items()}
        added = frame.appendices(executed, f"../{html_dir}")
        whole = {name: "\n\n".join(filter(None, (added.get(name, ""), text))) for name, text in texts.items()}
        texts = {name: own_nouns(text, keyspace) for name, text in whole.items()}
        back = frame.back(brief, keyspace, [name for name, text in texts.items() if text])
    kept = {
        APPENDICES[name].file: assemble.appendix_document(title, name, text) for name, text in texts.items() if text
    }
    figures = {file: figure.svg for file, figure in executed.figures().items()}
    return Rendered(assemble.document(title, front, bodies, back), kept, figures, bodies)
