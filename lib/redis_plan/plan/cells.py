"""Plan cells: the parts of executed notebooks that become text of the plan.

A cell tagged ``plan-NN`` belongs to section NN of the plan itself; one that is also tagged ``appendix-NAME`` gives its
text to that appendix, under the same section. A Markdown cell is copied; a code cell gives its Markdown outputs and its
figures, never its code. Every notebook also has a part headed *What this does not show*, whose list items are
gathered into the plan's own list of what was not tested.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from redis_plan.errors import PlanError
from redis_plan.words.sections import APPENDICES, SECTIONS

_TAG = re.compile(r"plan-(\d\d)$")
_APPENDIX = "appendix-"
_LIMITS_HEADING = "## What this does not show"
FIGURES = "redis-plan-figures"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the plan: SVG text under a stable name, with alternative text and the evidence it draws."""

    name: str
    svg: str
    alt: str
    caption: str
    draws: tuple[str, ...]

    @property
    def file(self) -> str:
        """Where the figure stands, relative to the plan."""
        return f"{FIGURES}/{self.name}.svg"

    def markdown(self, up: str = "") -> str:
        """Return the image with its alternative text, its caption and its evidence; ``up`` leads to the plan's folder."""
        cited = ", ".join(f"[{id}]" for id in self.draws)
        return f"![{self.alt}]({up}{self.file})\n\n*{self.caption + ' ' if self.caption else ''}Evidence: {cited}.*"


@dataclass(frozen=True, slots=True)
class PlanCell:
    """A cell's contribution to one section: blocks of Markdown and figures, in the order they were shown.

    ``appendix`` names the file that its text goes to; empty is the plan itself.
    """

    section: int
    notebook: str
    position: int
    cell_id: str
    blocks: tuple[str | Figure, ...]
    appendix: str = ""

    @property
    def where(self) -> str:
        """The cell, as an error names it."""
        return f"section {self.section} ({SECTIONS[self.section]}), notebook {self.notebook}, cell {self.cell_id}"


def section_of(cell: NotebookNode) -> int | None:
    """Return the number of the section that ``cell`` is tagged for, or None; raises on a section that is not."""
    for tag in cell.metadata.get("tags", ()):
        if match := _TAG.match(tag):
            number = int(match[1])
            if number not in SECTIONS:
                raise PlanError(f"cell {cell.get('id')} is tagged {tag}: sections are 01 to 10")
            return number
    return None


def appendix_of(cell: NotebookNode) -> str:
    """Return the name of the appendix that ``cell`` is tagged for, or "" for the plan; raises on one that is not."""
    for tag in cell.metadata.get("tags", ()):
        if tag.startswith(_APPENDIX):
            name = str(tag.removeprefix(_APPENDIX))
            if name not in APPENDICES:
                raise PlanError(f"cell {cell.get('id')} is tagged {tag}: appendices are {', '.join(APPENDICES)}")
            return name
    return ""


def plan_cells(notebook: str, node: NotebookNode) -> Iterator[PlanCell]:
    """Yield the plan cells of an executed notebook in the order they stand."""
    for position, cell in enumerate(node.cells):
        section = section_of(cell)
        if section is None:
            continue
        cell_id = str(cell.get("id", position))
        where = f"section {section} ({SECTIONS[section]}), notebook {notebook}, cell {cell_id}"
        blocks = (cell.source,) if cell.cell_type == "markdown" else tuple(_outputs(cell.get("outputs", ()), where))
        yield PlanCell(section, notebook, position, cell_id, blocks, appendix_of(cell))


def _outputs(outputs: Iterable[NotebookNode], where: str) -> Iterator[str | Figure]:
    for output in outputs:
        if output.output_type == "error":
            raise PlanError(f"{where} failed: {output.ename}: {output.evalue}")
        data = output.get("data", {})
        if any(kind.startswith("image/") for kind in data):
            yield _figure(output, where)
        elif "text/markdown" in data:
            yield data["text/markdown"].strip()


def _figure(output: NotebookNode, where: str) -> Figure:
    about = output.get("metadata", {}).get("redis_plan", {})
    if not about.get("draws"):
        name = about.get("figure", "a figure")
        raise PlanError(f"{where}: {name} cites no evidence; show it with study.show(…, evidence=[…])")
    if not about.get("alt"):
        raise PlanError(f"{where}: {about['figure']} has no alternative text")
    svg = output.data.get("image/svg+xml")
    if not svg:
        raise PlanError(f"{where}: {about['figure']} is not SVG")
    return Figure(about["figure"], svg, about["alt"], about.get("caption", ""), tuple(about["draws"]))


def evidence_cells(node: NotebookNode) -> dict[str, str]:
    """Return which cell of the notebook shows which evidence record: ``{"E-04a": "expiry-lag"}``."""
    found: dict[str, str] = {}
    for cell in node.cells:
        for output in cell.get("outputs", ()):
            id = output.get("metadata", {}).get("redis_plan", {}).get("evidence")
            if id:
                found.setdefault(id, str(cell.get("id")))
    return found


def limits(node: NotebookNode) -> tuple[str, ...]:
    """Return the list items under *What this does not show*, each as one line."""
    items: list[str] = []
    inside = False
    for cell in node.cells:
        texts = (
            [cell.source]
            if cell.cell_type == "markdown"
            else [
                output.data["text/markdown"]
                for output in cell.get("outputs", ())
                if "text/markdown" in output.get("data", {})
            ]
        )
        for line in "\n".join(texts).splitlines():
            if line.startswith("## "):
                inside = line.startswith(_LIMITS_HEADING)
            elif inside and line.startswith(("- ", "* ")):
                items.append(line[2:].strip())
            elif inside and items and line.startswith("  ") and line.strip():
                items[-1] += " " + line.strip()
    return tuple(items)
