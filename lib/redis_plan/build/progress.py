"""Progress: which notebook, which cell, elapsed and estimate; a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text


class _Clock(ProgressColumn):
    """Elapsed and estimated remaining seconds, from how long each notebook is expected to take."""

    def render(self, task: Task) -> Text:
        left = max(0.0, float(task.total or 0) - float(task.elapsed or 0))
        return Text(
            f"{task.elapsed or 0:4.0f} s, about {left:.0f} s left" if left else f"{task.elapsed or 0:4.0f} s", "cyan"
        )


class Display:
    """A watch of a build that shows on a console."""

    def __init__(self, console: Console, bar: Progress | None) -> None:
        self._console, self._bar = console, bar
        self._task = bar.add_task("reading the documents", total=None, note="") if bar else None
        self._expected: dict[str, float] = {}
        self._done_s = 0.0
        self._order: tuple[str, ...] = ()

    def plan(self, notebooks: tuple[str, ...], expected_s: Mapping[str, float], server: str) -> None:
        """Say what will run, on which server."""
        self._order, self._expected, self._done_s = notebooks, dict(expected_s), 0.0
        self._started = time.monotonic()
        self._console.print(f"measuring on {server}", highlight=False, soft_wrap=True)
        if self._bar and self._task is not None:
            self._bar.update(self._task, total=sum(expected_s.values()))

    def warn(self, text: str) -> None:
        """Print a warning."""
        self._console.print(f"warning: {text}", highlight=False, markup=False, soft_wrap=True)

    def cell(self, notebook: str, index: int, count: int, cell_id: str) -> None:
        """Show the cell that starts."""
        if self._bar and self._task is not None:
            here = self._done_s + self._expected[notebook] * index / count
            position = f"{self._order.index(notebook) + 1}/{len(self._order)}"
            self._bar.update(
                self._task,
                completed=here,
                description=f"{position} {notebook}",
                note=f"cell {index + 1}/{count} {cell_id}",
            )

    def done(self, notebook: str, seconds: float) -> None:
        """Correct the estimate by what the notebook really took."""
        self._done_s += seconds
        self._expected[notebook] = seconds
        remaining = self._order[self._order.index(notebook) + 1 :]
        left = sum(self._expected[name] for name in remaining)
        line = f"{notebook:<20} {seconds:6.1f} s"
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=self._done_s, total=self._done_s + left)
            self._bar.console.print(line, highlight=False)
        else:
            self._console.print(f"{line}   ({self._done_s:.0f} s so far, about {left:.0f} s left)", highlight=False)


@contextmanager
def shown(console: Console) -> Iterator[Display]:
    """Show a build's progress on ``console`` while the context lasts."""
    if not console.is_terminal:
        yield Display(console, None)
        return
    columns = (TextColumn("{task.description:<24}"), BarColumn(24), _Clock(), TextColumn("[dim]{task.fields[note]}"))
    with Progress(*columns, console=console, transient=True) as bar:
        yield Display(console, bar)
