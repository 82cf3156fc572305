"""Assembly: plan cells in, a short plan and its appendices out.

The steps are small and in this order: collect the cells of each section, refuse what is empty or unproven, join them,
turn citations into links, put the frame around them. The same cells and records give the same bytes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from redis_plan.errors import PlanError
from redis_plan.evidence.decision import Decision
from redis_plan.evidence.store import Evidence
from redis_plan.plan.cells import Figure, PlanCell, evidence_cells, limits, plan_cells
from redis_plan.remembered import remembered
from redis_plan.words.decision_table import decision_table
from redis_plan.words.sections import APPENDICES, SECTIONS, anchor, heading

_CITED = re.compile(r"\[((?:[ED]-\d\d[a-z]+)(?:, [ED]-\d\d[a-z]+)*)\](?!\()")
_FIGURE = re.compile(r"^\[figure ([\w-]+)\]$", re.MULTILINE)
_SENTENCES = re.compile(r"(?<=[.;:] )")
_PART = re.compile(r"^### (.+)$", re.MULTILINE)
_DECISION_HEADING = re.compile(r"^### (D-\d\d[a-z]+)", re.MULTILINE)


@remembered
def _cells(notebooks: Mapping[str, NotebookNode]) -> tuple[PlanCell, ...]:
    found = [cell for name, node in notebooks.items() for cell in plan_cells(name, node)]
    return tuple(sorted(found, key=lambda cell: (cell.section, cell.notebook, cell.position)))


@dataclass(frozen=True, slots=True)
class Executed:
    """The executed notebooks of one run by name, in order, with the records they left."""

    notebooks: Mapping[str, NotebookNode]
    evidence: Mapping[str, Evidence]
    decisions: Sequence[Decision]

    @property
    def cells(self) -> tuple[PlanCell, ...]:
        """Every plan cell, ordered by section, then notebook, then position."""
        return _cells(self.notebooks)

    @property
    def evidence_cells(self) -> dict[str, tuple[str, str]]:
        """Where each record is shown: evidence id → (notebook, cell id)."""
        return {
            id: (name, cell_id) for name, node in self.notebooks.items() for id, cell_id in evidence_cells(node).items()
        }

    @property
    def limits(self) -> tuple[str, ...]:
        """What was not tested, in the notebooks' own words; a notebook whose questions this project does not ask is left out."""
        asked = (node for name, node in self.notebooks.items() if not self._idle(name))
        return tuple(dict.fromkeys(item for node in asked for item in limits(node)))

    def _idle(self, notebook: str) -> bool:
        """Whether most experiments of a notebook did not run here, so that its limits limit nothing."""
        records = [e for e in self.evidence.values() if e.notebook == notebook]
        return sum(bool(e.not_run) for e in records) * 2 > len(records)

    def figures(self) -> dict[str, Figure]:
        """Every figure of the plan by file; raises :class:`PlanError` when two share a name."""
        found: dict[str, Figure] = {}
        for cell in self.cells:
            for block in cell.blocks:
                if isinstance(block, Figure):
                    if block.file in found and found[block.file].svg != block.svg:
                        raise PlanError(f"{cell.where}: a second figure is called {block.name}")
                    found[block.file] = block
        return found


def sections(executed: Executed) -> dict[int, str]:
    """Return the Markdown of each section of the plan, citations resolved; raises :class:`PlanError` at the first fault."""
    check_citations(executed)
    bodies = {number: _body(executed, number) for number in SECTIONS}
    for number, body in bodies.items():
        if not _has_text(body):
            cells = [f"{c.notebook}/{c.cell_id}" for c in executed.cells if c.section == number and not c.appendix]
            said = f"its cells {', '.join(cells)} say nothing" if cells else f"no cell is tagged plan-{number:02d}"
            raise PlanError(f"section {number} ({SECTIONS[number]}) is empty: {said}")
    return {
        number: "\n\n".join(
            part
            for part in (
                tidy(link_citations(thin_citations(body))),
                decision_table(decisions_of(executed, number)),
                further(executed, number),
            )
            if part
        )
        for number, body in bodies.items()
    }


def appendix(executed: Executed, name: str) -> str:
    """Return what the cells give to an appendix, under the headings of their sections; "" where they give nothing."""
    parts = []
    for number in SECTIONS:
        body = _body(executed, number, name)
        if _has_text(body):
            parts += [heading(number), tidy(link_citations(thin_citations(body), name))]
    return "\n\n".join(parts)


def decisions_of(executed: Executed, number: int) -> tuple[Decision, ...]:
    """Return the decisions that a section's cells show, in the order in which they stand."""
    shown = [
        id
        for cell in executed.cells
        if cell.section == number
        for block in cell.blocks
        if isinstance(block, str)
        for id in _DECISION_HEADING.findall(block)
    ]
    known = {decision.id: decision for decision in executed.decisions}
    return tuple(known[id] for id in dict.fromkeys(shown) if id in known)


def further(executed: Executed, number: int) -> str:
    """Return where the rest of a section stands: a link to its part of each appendix that has one."""
    place = anchor(heading(number).lstrip("# "))
    found = [
        f"[{about.title}]({about.file}#{place})"
        for name, about in APPENDICES.items()
        if name != "decisions" and _has_text(_body(executed, number, name))  # a decision has a link of its own
    ]
    return f"More: {', '.join(found)}." if found else ""


def _body(executed: Executed, number: int, name: str = "") -> str:
    """Join what a section has in the plan, or in an appendix.

    A figure stands where a text of the section has a line ``[figure NAME]``, else where its own cell goes.
    """
    cells = [cell for cell in executed.cells if cell.section == number]
    figures = {block.name: block for cell in cells for block in cell.blocks if isinstance(block, Figure)}
    texts = [block for cell in cells for block in cell.blocks if isinstance(block, str)]
    placed = set(_FIGURE.findall("\n".join(texts))) & set(figures)
    up = "../" if name else ""
    parts = [
        block.markdown(up) if isinstance(block, Figure) else block
        for cell in cells
        if cell.appendix == name
        for block in cell.blocks
        if (isinstance(block, Figure) and block.name not in placed) or (isinstance(block, str) and block.strip())
    ]
    return _FIGURE.sub(lambda m: figures[m[1]].markdown(up) if m[1] in figures else "", "\n\n".join(parts))


def _has_text(markdown: str) -> bool:
    """Whether anything but headings and blank lines is there."""
    return any(line.strip() and not line.lstrip().startswith("#") for line in markdown.splitlines())


def check_citations(executed: Executed) -> None:
    """Raise :class:`PlanError` when a cell cites evidence or a decision that this run does not have."""
    known = set(executed.evidence) | {decision.id for decision in executed.decisions}
    for cell in executed.cells:
        for block in cell.blocks:
            cited = block.draws if isinstance(block, Figure) else cited_in(block)
            for id in cited:
                if id not in known:
                    raise PlanError(f"{cell.where} cites {id}, which this run did not record")


def cited_in(markdown: str) -> list[str]:
    """Return the ids of evidence and decisions that a text cites, as ``[E-04a]`` or ``[E-04a, E-04b]``."""
    return [id for found in _CITED.findall(markdown) for id in found.split(", ")]


def thin_citations(markdown: str) -> str:
    """Leave out a citation where the next one in the same sentence is the same: it covers the numbers before it.

    Tables keep theirs, since a cell is read alone; a citation with a grade or a sample count in its bracket stays, too.
    """
    lines, inside = [], False
    for line in markdown.splitlines():
        fence = line.lstrip().startswith("```")
        inside ^= fence
        plain = inside or fence or line.startswith(("|", "!"))
        lines.append(line if plain else "".join(_thinned(part) for part in _SENTENCES.split(line)))
    return "\n".join(lines)


def _thinned(sentence: str) -> str:
    found = list(_CITED.finditer(sentence))
    for one, following in reversed(list(itertools.pairwise(found))):
        bare = sentence[: one.start()].endswith(" ") and not sentence[: one.start()].rstrip().endswith(
            (",", "measured", "modelled")
        )
        if bare and one[1] == following[1]:
            sentence = sentence[: one.start()].rstrip(" ") + sentence[one.end() :]
    return sentence


def link_citations(markdown: str, name: str = "") -> str:
    """Turn ``[E-04a]`` into a link to its record, and give each decision's heading an anchor.

    ``name`` is the appendix that the text stands in; empty is the plan itself.
    """
    linked = _CITED.sub(lambda m: ", ".join(f"[{id}]({_place(id, name)})" for id in m[1].split(", ")), markdown)
    return _DECISION_HEADING.sub(lambda m: f'<a id="{m[1].lower()}"></a>\n\n### {m[1]}', linked)


def _place(id: str, name: str) -> str:
    """Return the link from an appendix, or from the plan, to the record of a measurement or a decision."""
    target = "evidence" if id.startswith("E") else "decisions"
    file = "" if target == name else f"{target}.md" if name else APPENDICES[target].file
    return f"{file}#{id.lower()}"


def unused_evidence(executed: Executed) -> tuple[str, ...]:
    """Return the records that no plan cell cites or draws."""
    used: set[str] = set()
    for cell in executed.cells:
        for block in cell.blocks:
            used |= set(block.draws if isinstance(block, Figure) else cited_in(block))
    for decision in executed.decisions:
        used |= set(cited_in(decision.because + decision.costs))
    return tuple(id for id in executed.evidence if id not in used)


def document(title: str, front: str, bodies: Mapping[int, str], back: str) -> str:
    """Return the plan itself: title, front, ten sections, back; one blank line between blocks."""
    parts = [f"# Redis plan: {title}", front]
    for number in SECTIONS:
        parts += [heading(number), bodies[number]]
    return "\n\n".join(tidy(part) for part in (*parts, back) if part.strip()) + "\n"


def appendix_document(title: str, name: str, body: str) -> str:
    """Return an appendix as a document of its own, with the way back to the plan."""
    about = APPENDICES[name]
    says = f"{about.holds[:1].upper()}{about.holds[1:]}. Section numbers are those of [the plan](../redis-plan.md)."
    parts = [part for part in _PART.findall(body) if name != "decisions"]
    here = " · ".join(f"[{part}](#{anchor(part)})" for part in parts)
    return "\n\n".join(filter(None, [f"# {title}: {about.title.lower()}", says, here, tidy(body)])) + "\n"


def tidy(markdown: str) -> str:
    """Return the text without outer blanks, runs of blank lines, or blanks at line ends but a hard break's two."""
    lines = (line.rstrip() + ("  " if line.endswith("  ") else "") for line in markdown.strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
