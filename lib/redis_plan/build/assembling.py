"""The last step of a build: the exporter assembles the plan from executed notebooks, and the pages are rendered."""

from __future__ import annotations

import time
from pathlib import Path

from redis_plan.brief import documents
from redis_plan.build.order import Built, Order, plan_folder, run_folder
from redis_plan.errors import InputError, OutputError
from redis_plan.parameters import NOTEBOOKS
from redis_plan.plan import assemble as assembly
from redis_plan.plan import delivery, exporter, frame, publish, review
from redis_plan.run import Run


def assemble(order: Order) -> Built:
    """Assemble the plan again from an earlier build's executed notebooks, without measuring anything."""
    run = Run(order.project.resolve(), run_folder(order).resolve())
    missing = missing_from(run.folder)
    if missing:
        built = [path.name for path in sorted(run.folder.parent.glob("*")) if not missing_from(path)]
        do = (
            f"there is a build of profile {built[0]}: add --profile {built[0]}"
            if built
            else "run redis-plan build first"
        )
        raise InputError(f"{run.folder} has no executed notebook {missing[0]}; {do}")
    started = time.perf_counter()
    published, page, unused = assembled(order, run)
    return Built(run, published, page, "", (), time.perf_counter() - started, unused)


def assembled(order: Order, run: Run) -> tuple[publish.Published | None, Path | None, tuple[str, ...]]:
    """Return the plan, its page and the evidence that it does not cite; nothing while a notebook has not run."""
    folder = run.folder / "notebooks"
    if missing_from(run.folder):
        return None, None, ()
    study = exporter.read_executed(folder)
    target = plan_folder(order)
    plan = exporter.render(study, run, frame.relative(run.folder / "html", target.resolve()))
    made = delivery.artefacts(run)
    delivery.check(plan.whole, made)
    published = publish.publish(target, plan, publish.plan_record(plan, study, run, made), made)
    try:
        read = {document.name: document.lines for document in documents.load(order.project).values()}
        page = review.write_pages(run.folder / "html", run.load_brief().title, plan, study.notebooks, read)
    except OSError as error:
        raise OutputError(f"can't write the pages to {run.folder / 'html'}: {error.strerror}") from None
    return published, page, assembly.unused_evidence(study)


def missing_from(folder: Path) -> list[str]:
    """Return the notebooks that no build has executed in the run folder ``folder``."""
    return [name for name in NOTEBOOKS if not (folder / "notebooks" / f"{name}.ipynb").exists()]
