"""Small executed notebooks, made in memory, named after their situation."""

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'


def said(text: str, section: int, cell_id: str = "said", appendix: str = "") -> NotebookNode:
    """A code cell tagged for a section, or for its part of an appendix, that printed Markdown."""
    output = new_output("display_data", data={"text/markdown": text, "text/plain": "…"})
    tags = [f"plan-{section:02d}", *([f"appendix-{appendix}"] if appendix else [])]
    return new_code_cell("study.say(…)", id=cell_id, metadata={"tags": tags}, outputs=[output])


def wrote(text: str, section: int, cell_id: str = "wrote") -> NotebookNode:
    """A Markdown cell tagged for a section."""
    return new_markdown_cell(text, id=cell_id, metadata={"tags": [f"plan-{section:02d}"]})


def drew(
    section: int,
    name: str = "04-lag",
    draws: tuple[str, ...] = ("E-04a",),
    alt: str = "Line chart of lag.",
    svg: str = SVG,
) -> NotebookNode:
    """A code cell tagged for a section that showed a figure."""
    about = {"figure": name, "alt": alt, "caption": "What it means.", "draws": list(draws)}
    output = new_output("display_data", data={"image/svg+xml": svg, "text/plain": alt}, metadata={"redis_plan": about})
    return new_code_cell("study.show(…)", id="drew", metadata={"tags": [f"plan-{section:02d}"]}, outputs=[output])


def measured(id: str, cell_id: str) -> NotebookNode:
    """A code cell that recorded evidence."""
    output = new_output(
        "execute_result", data={"text/markdown": id, "text/plain": id}, metadata={"redis_plan": {"evidence": id}}
    )
    return new_code_cell("study.measure(…)", id=cell_id, outputs=[output])


def full(*cells: NotebookNode) -> NotebookNode:
    """A notebook with a line for each of the ten sections, and ``cells`` after them."""
    return new_notebook(cells=[*(wrote(f"Text of section {n}.", n, f"s{n}") for n in range(1, 11)), *cells])
