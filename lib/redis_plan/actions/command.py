"""``redis-plan stories``: what serves each demand, as a table to read or as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from redis_plan import brief as reader
from redis_plan.actions import confirming, designing
from redis_plan.actions.matrix import Served, Stories, declared, stories, summary

#: The colour of a row's verdict.
_COLOURS: dict[Served, str] = {"concrete": "green", "generic": "cyan", "outside": "dim", "not": "yellow"}
#: Characters of a demand that a table shows.
SHOWN = 64


def read(project: Path) -> Stories:
    """Return the matrix of ``project``; raises what reading its documents and designing its keys raise."""
    asked = reader.read(project)
    return stories(asked, designing.design(asked))


def as_json(found: Stories) -> str:
    """Return the rows as a JSON list."""
    rows = [
        {
            "id": row.id,
            "file": row.file,
            "line": row.line,
            "text": row.text,
            "served": row.served,
            "actions": list(row.actions),
            "keys": list(row.keys),
            "test": row.test,
            "why": row.why,
        }
        for row in found.rows
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def print_stories(found: Stories, out: Console, run: str = "") -> None:
    """Print the matrix as a table, a line a demand where the window is wide enough, and the counts under it.

    ``run`` names the run whose evidence shows the actions at work; "" where there is none.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column("where", no_wrap=True)
    table.add_column("demand", max_width=SHOWN)
    table.add_column("served", no_wrap=True)
    table.add_column("by, or why not")
    for row in found.rows:
        by = ", ".join(row.actions) or row.why.partition("; ")[0]
        table.add_row(row.place, Text(_short(row.text)), Text(row.served, style=_COLOURS[row.served]), Text(by))
    out.print(table)
    out.print(f"\n{summary(found.rows)}", highlight=False)
    out.print(f"\n{_run_of(found, run)}", highlight=False, markup=False, soft_wrap=True)
    if pasted := confirming.entries(found):
        said = (
            f"Where an action that “may” carry something out does so, this in ai/redis-plan.toml says it:\n\n{pasted}"
        )
        out.print(f"\n{said}", highlight=False, markup=False, soft_wrap=True)
    if unserved := [row for row in found.rows if row.served == "not"]:
        said = (
            f"What else is not served and is about live state is declared there, too, such as {declared(unserved[-1])}"
        )
        out.print(f"\n{said}", highlight=False, markup=False, soft_wrap=True)


def _run_of(found: Stories, run: str) -> str:
    """Return what ran of the actions that carry demands out, and what did not."""
    rows = [row for row in found.rows if row.served == "concrete"]
    if not run:
        return (
            "No run of this project is here: what carries a demand out was tested as its kind in the catalog, not with this "
            "project's own keys and numbers. redis-plan build plays each action."
        )
    shown = sum(row.test.startswith("E-") for row in rows)
    return f"Shown by {run}, notebook 07_sessions: the actions of {shown} of the {len(rows)} demands that have one; --json names the evidence."


def _short(text: str) -> str:
    """Return the title of a story, or the first words of a demand."""
    said = " ".join(text.split(" · ", maxsplit=1)[0].split())
    return said if len(said) <= SHOWN else said[: SHOWN - 1].rsplit(" ", 1)[0] + "…"
