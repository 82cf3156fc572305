"""Comparing: after a build, its live experiments run once more on another server, and on the first one again.

::

    data/runs/<profile>/
    ├── comparison.md  comparison.json   html/comparison.html
    └── compare/         a run folder of the other server
        └── again/       a run folder of the first server's second run
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from redis_plan import parameters, server
from redis_plan.build.kernel import Kernel
from redis_plan.codec import save
from redis_plan.errors import OutputError, ParameterError, ServerError
from redis_plan.measure import sidebyside
from redis_plan.parameters import NOTEBOOKS, Parameters
from redis_plan.plan import comparison, review
from redis_plan.run import Run

#: Notebooks whose evidence is about the server; the others read documents, model, or break servers on purpose.
COMPARED = ("03_structures", "04_expiry", "05_synchronization", "07_sessions")
NAME = "comparison"

#: Runs a notebook with its parameters into a run folder: name, parameters of all, run, kernel.
Execute = Callable[[str, Mapping[str, Parameters], Run, Kernel], object]


@dataclass(frozen=True, slots=True)
class Compared:
    """Where a comparison is, and what it found."""

    path: Path
    page: Path
    found: comparison.Comparison


def check(target: str, names: tuple[str, ...]) -> str:
    """Return the description of the server to compare with, before anything runs.

    ``target`` is a URL, the path of a server program, or ``embedded``; ``names`` are the notebooks that a build will
    run. Raises :class:`ServerError` or :class:`ParameterError` in one line.
    """
    if not any(name in COMPARED for name in names):
        numbers = ", ".join(name[:2] for name in COMPARED)
        raise ParameterError(f"--compare runs notebooks {numbers} on a second server, and this build runs none of them")
    if "://" not in target and not server.is_program(target):
        shown = "there" if "@" in target else repr(target)  # what has an @ may have a password before it
        what = f"{target} is a folder" if Path(target).is_dir() else f"no URL and no file {shown}"
        raise ServerError(
            f"--compare: {what}; give a URL (redis://HOST:PORT) or the path of a redis-server or valkey-server"
        )
    try:
        with server.open(target) as other:
            return other.fingerprint.describe()
    except ServerError as error:
        raise ServerError(f"--compare: {error}") from None


def forget(run: Run) -> None:
    """Remove the comparison of an earlier build: it would stand beside evidence that it was not made from."""
    for path in (run.folder / f"{NAME}.md", run.folder / f"{NAME}.json", run.folder / "html" / f"{NAME}.html"):
        path.unlink(missing_ok=True)


def measure(run: Run, given: Mapping[str, Parameters], first: str, target: str, execute: Execute) -> Compared:
    """Run the compared notebooks among ``given`` on ``target`` and again on ``first``; write the comparison.

    The design is the first server's: brief and keyspace are taken over, so that the same commands meet.
    """
    names = tuple(name for name in given if name in COMPARED)
    other = Run(run.project, run.folder / "compare")
    again = Run(run.project, other.folder / "again")
    for each, url in ((other, target), (again, first)):
        _prepare(each, run, names, reuse=next(iter(given.values())).reuse)
        # the password of a URL is kept in the environment, which the kernel of this pass inherits
        chosen = {name: _moved(name, given[name], each, server.conceal(url)) for name in names}
        with Kernel() as kernel:
            for name in names:
                execute(name, chosen, each, kernel)
    found = _found(run, other, again, given[names[0]], first, target)
    return _write(run, found)


def _prepare(each: Run, run: Run, names: tuple[str, ...], *, reuse: bool) -> None:
    each.prepare()
    for name in ("brief.json", "keyspace.json", "actions.json"):
        shutil.copy(run.folder / name, each.folder / name)
    if not reuse:
        for name in names:
            for stale in each.folder.glob(f"evidence/E-{name[:2]}*"):
                stale.unlink()


def _moved(name: str, given: Parameters, each: Run, url: str) -> Parameters:
    return parameters.check(name, given.model_dump() | {"run_dir": str(each.folder), "server_url": url})


def _found(run: Run, other: Run, again: Run, given: Parameters, first: str, target: str) -> comparison.Comparison:
    rows, missing = comparison.compare(run.evidence.all(), other.evidence.all(), again.evidence.all())
    with ExitStack() as held:
        a = held.enter_context(server.open(first))
        b = held.enter_context(server.open(target))
        budget = {"quick": 0.25, "standard": 1.0, "full": 5.0}[given.profile]
        sides = sidebyside.side_by_side(a, b, budget, given.seed)
        return comparison.Comparison(
            a.fingerprint.describe(), b.fingerprint.describe(), given.profile, rows, sides, missing,
            tuple(sorted(a.capabilities - b.capabilities - b.not_checked)),
            tuple(sorted(b.capabilities - a.capabilities - a.not_checked)),
        )  # fmt: skip


def _write(run: Run, found: comparison.Comparison) -> Compared:
    title = run.load_brief().title
    text = comparison.render(found, title)
    path, page = run.folder / f"{NAME}.md", run.folder / "html" / f"{NAME}.html"
    notebooks = tuple(name for name in NOTEBOOKS if (page.parent / f"{name}.html").exists())
    try:
        path.write_text(text, encoding="utf-8")
        save(path.with_suffix(".json"), found)
        page.parent.mkdir(parents=True, exist_ok=True)
        body = review.markdown_to_html(text)
        page.write_text(review.page(f"{title}: comparison", body, notebooks, NAME), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"can't write the comparison to {run.folder}: {error.strerror}") from None
    return Compared(path, page, found)
