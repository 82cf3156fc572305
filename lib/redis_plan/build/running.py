"""Running: papermill executes the notebooks of a build in order, in one kernel and one run folder."""

from __future__ import annotations

import fcntl
import importlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from redis_plan.build import without

with without("rfc3987_syntax"):  # jsonschema would compile it for seconds, for a format that no notebook has
    import nbformat

from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook

from redis_plan import errors as our_errors
from redis_plan import resources, server
from redis_plan.brief.model import Brief
from redis_plan.build import engine
from redis_plan.build.kernel import Kernel
from redis_plan.build.order import Built, Order, Timing, Watch, plan_folder, run_folder
from redis_plan.errors import InputError, OutputError, RedisPlanError, Stopped
from redis_plan.parameters import NOTEBOOKS, Parameters
from redis_plan.run import Run

if TYPE_CHECKING:
    from redis_plan.build.compare import Compared

TIMINGS = "timings.json"


def notebooks(order: Order, watch: Watch, read: Brief, given: Mapping[str, Parameters], kernel: Kernel) -> Built:
    """Run the notebooks, assemble the plan and compare, as ``order`` asks."""
    run = Run(order.project.resolve(), run_folder(order).resolve())
    with server.open(order.server_url) as live:
        measured_on = live.fingerprint.describe()
    compared_with = ""
    if order.compare:
        from redis_plan.build import compare  # noqa: PLC0415  # it imports pandas, and few builds compare

        compared_with = compare.check(order.compare, tuple(given))
    run.prepare()
    check_writable(plan_folder(order))
    with only_build_in(run.folder):
        run.save_brief(read)
        if not order.reuse:
            clear(run, tuple(given))
        for remark in read.remarks:
            if remark.kind in ("missing", "unread", "conflict"):
                where = f"{remark.file}:{remark.line}: " if remark.file and remark.line else ""
                watch.warn(f"{where}{remark.text}")
        watch.plan(tuple(given), expected_seconds(run, order.profile, tuple(given)), measured_on)
        _import_ahead(next(iter(given)))
        timings = tuple(_execute(name, given, run, watch, kernel) for name in given)
        kernel.end()
        _save_timings(run, timings)
        started = time.perf_counter()
        from redis_plan.build import assembling, compare  # noqa: PLC0415  # there by now

        published, page, unused = assembling.assembled(order, run)
        rendering_s = time.perf_counter() - started
        compare.forget(run)
        compared = _compare(order, run, given, watch, compared_with) if compared_with else None
    return Built(run, published, page, measured_on, timings, rendering_s, unused, compared)


def _import_ahead(first: str) -> None:
    """Import what the end of a build needs while its ``first`` notebook runs, if that is the one that measures nothing."""

    def import_it() -> None:
        with suppress(ImportError):  # said where it is needed
            importlib.import_module("redis_plan.build.assembling")

    if first == next(iter(NOTEBOOKS)):
        threading.Thread(target=import_it, name="imports", daemon=True).start()


def _compare(order: Order, run: Run, given: Mapping[str, Parameters], watch: Watch, compared_with: str) -> Compared:
    """Run the comparison; what stops it leaves the plan that has just been written."""
    from redis_plan.build import compare  # noqa: PLC0415

    names = tuple(name for name in given if name in compare.COMPARED)
    expected = expected_seconds(run, order.profile, names)
    again = {f"{name} again": expected[name] for name in names}
    watch.plan((*names, *again), expected | again, f"{compared_with}, to compare, and once more on the first server")

    def execute(name: str, every: Mapping[str, Parameters], where: Run, kernel: Kernel) -> None:
        _execute(name, every, where, watch, kernel, " again" if where.folder.name == "again" else "")

    try:
        return compare.measure(run, given, order.server_url, order.compare, execute)
    except KeyboardInterrupt:
        raise Stopped("stopped while comparing; the plan is written, the comparison is not") from None
    except RedisPlanError as error:
        raise type(error)(f"the plan is written, but comparing failed: {error}") from None


def _execute(
    name: str, every: Mapping[str, Parameters], run: Run, watch: Watch, kernel: Kernel, mark: str = ""
) -> Timing:
    """Run a notebook; ``mark`` tells a watch a second run of it in this build from the first."""
    source, target = resources.notebooks_dir() / f"{name}.ipynb", run.folder / "notebooks" / f"{name}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    count = len(nbformat.read(source, as_version=4).cells) + 1
    started = time.perf_counter()
    try:
        engine.interruptible(
            lambda: execute_notebook(
                str(source),
                str(target),
                parameters=every[name].model_dump(),
                engine_name=engine.ENGINE,
                kernel_name="python3",
                progress_bar=False,
                manager=kernel.manager(),
                cell_watch=lambda index, cell_id: watch.cell(name + mark, index, count, cell_id),
            )
        )
    except PapermillExecutionError as error:
        raise notebook_error(name, target, error) from None
    except RuntimeError as error:  # jupyter_client says no more than that a kernel does not answer, or died
        raise RedisPlanError(f"notebook {name}: {error}; is the machine overloaded or out of memory?") from None
    except OSError as error:
        raise OutputError(f"can't write {target}: {error.strerror or error}; the previous plan is as it was") from None
    seconds = time.perf_counter() - started
    watch.done(name + mark, seconds)
    return _timing(name, target, run, seconds)


def notebook_error(name: str, target: Path, error: PapermillExecutionError) -> RedisPlanError:
    """Return the failure of a notebook as one line: notebook, cell, what, and where to look."""
    cell = nbformat.read(target, as_version=4).cells[error.cell_index]
    what = f"notebook {name}, cell {cell.get('id')}: {error.ename}: {' '.join(str(error.evalue).split())}"
    kind = getattr(our_errors, str(error.ename), RedisPlanError)
    ours = isinstance(kind, type) and issubclass(kind, RedisPlanError)
    failure = InputError if ours and issubclass(kind, InputError) else RedisPlanError
    if ours and kind is not RedisPlanError:
        return failure(what)
    return RedisPlanError(f"{what}; the executed notebook is {target}")


def _timing(name: str, target: Path, run: Run, seconds: float) -> Timing:
    cells = nbformat.read(target, as_version=4).cells
    spent = [float(cell.metadata.get("papermill", {}).get("duration") or 0) for cell in cells]
    setup = sum(s for s, cell in zip(spent, cells, strict=True) if "setup" in cell.metadata.get("tags", ()))
    measuring = sum(e.seconds for e in run.evidence.all().values() if e.notebook == name)
    return Timing(name, seconds, seconds - sum(spent), setup, min(measuring, sum(spent)))


def clear(run: Run, names: tuple[str, ...]) -> None:
    """Remove what an earlier build of these notebooks left in the run folder."""
    for name in names:
        number = name[:2]
        (run.folder / "notebooks" / f"{name}.ipynb").unlink(missing_ok=True)
        for stale in (*run.folder.glob(f"evidence/E-{number}*"), *run.folder.glob(f"decisions/D-{number}*")):
            stale.unlink()


def check_writable(folder: Path) -> None:
    """Raise :class:`OutputError` unless a file can be made in ``folder``."""
    probe = folder / ".redis-plan-probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        probe.unlink(missing_ok=True) if folder.is_dir() else None
        raise OutputError(
            f"can't write the plan to {folder}: {error.strerror}; choose another folder with --out"
        ) from None


@contextmanager
def only_build_in(folder: Path) -> Iterator[None]:
    """Hold the run folder; raises :class:`OutputError` while another build holds it."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OutputError(f"another build is running in {folder}; wait for it or choose --out") from None
        yield


_TYPICAL_S = {"quick": 7.0, "standard": 25.0, "full": 240.0}


def expected_seconds(run: Run, profile: str, names: tuple[str, ...]) -> dict[str, float]:
    """Return how long each notebook took in the last build here, or takes typically."""
    try:
        last = {row["notebook"]: float(row["total"]) for row in json.loads((run.folder / TIMINGS).read_text("utf-8"))}
    except (OSError, ValueError, KeyError, TypeError):
        last = {}
    return {name: last.get(name, _TYPICAL_S.get(profile, 25.0)) for name in names}


def _save_timings(run: Run, timings: tuple[Timing, ...]) -> None:
    path = run.folder / TIMINGS
    try:
        rows = {row["notebook"]: row for row in json.loads(path.read_text("utf-8"))}
    except (OSError, ValueError):
        rows = {}
    rows |= {timing.notebook: asdict(timing) for timing in timings}
    path.write_text(json.dumps(list(rows.values()), indent=1) + "\n", encoding="utf-8")
