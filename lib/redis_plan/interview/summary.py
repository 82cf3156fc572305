"""What ``redis-plan read`` prints: the Brief, what the design takes from it, and what to look at first."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from redis_plan.brief.overrides import NAME
from redis_plan.brief.report import print_brief
from redis_plan.interview.reading import Reading, open_points, points, read

FIRST = 8


def print_reading(project: Path, out: Console) -> None:
    """Print a project's Brief with the session, the uses and the weakest readings, each with its key in the TOML."""
    reading = read(project)
    print_brief(reading.brief, out)
    out.print(_followed(reading))
    weak = open_points(reading)
    if weak:
        table = Table(title="Look at these first", title_justify="left", header_style="bold")
        for column in ("confidence", f"in {NAME}", "what was read", "where"):
            table.add_column(column, overflow="fold")
        for point in weak[:FIRST]:
            table.add_row(
                f"{point.confidence:.2f}", escape(point.key), escape(point.says), point.where or "said nowhere"
            )
        out.print(table)
    out.print(
        "To correct it: redis-plan read --propose writes all of this as a file to edit, --agent as a task for a coding "
        "assistant; --check verifies the result.",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


def _followed(reading: Reading) -> Table:
    """Return the session and the uses as a table: what the documents call it, where, and the key that changes it."""
    table = Table(title="What the design takes from it", title_justify="left", header_style="bold")
    for column in ("what", "entity", "where", f"to correct, in {NAME}"):
        table.add_column(column, overflow="fold")
    session = reading.session
    point = next(point for point in points(reading) if point.path[0] == "session")
    noun = f"a session is a {session.word}, somebody in it a {reading.member}" if session else "no session is shared"
    table.add_row(
        noun, escape(session.entity.name) if session else "", point.where, escape("[session] noun, member, none")
    )
    for use in reading.taken:
        if not use.pattern.machinery:
            file, line = reading.place_of(use)
            names = escape(", ".join(e.name for e in use.entities))
            table.add_row(use.pattern.title, names, f"{file}:{line}" if file else "", escape(f'[uses] drop = ["{use.pattern.use}"]'))  # fmt: skip
    return table
