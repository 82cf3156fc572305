"""A study: what a notebook talks to.

study = notebook.begin("03_structures", globals())
lag = study.measure("E-04a", expiry.active_lag, volatile_keys=10_000)
study.show(expiry.plot_lag(study.samples(lag)), "04-lag", alt="…", evidence=[lag])
study.say(f"A due key is gone after {study.found(Expiry).lag.p50.full}.")
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import Any, TypeVar

import pandas as pd
from IPython.core.getipython import get_ipython
from IPython.display import Markdown, display
from matplotlib.figure import Figure

from redis_plan import figures, parameters, server
from redis_plan.actions.matrix import Stories
from redis_plan.brief import documents
from redis_plan.brief.model import Brief
from redis_plan.evidence.decision import Decision
from redis_plan.evidence.findings import Findings
from redis_plan.evidence.store import Evidence
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding
from redis_plan.measure.lab import Lab
from redis_plan.run import Run

F = TypeVar("F", bound=Findings)


class Study:
    """One notebook's view of a run: its inputs, its server, and where its results go."""

    def __init__(self, notebook: str, given: parameters.Parameters) -> None:
        self.notebook = notebook
        self.parameters = given
        self.run = Run.of(given)
        documents.find_folder(self.run.project)  # a mistyped project is said, not made
        self.run.prepare()
        self._resources = ExitStack()
        self._decided: list[Decision] = []

    def close(self) -> None:
        """End what this study opened."""
        self._resources.close()

    @cached_property
    def brief(self) -> Brief:
        """The Brief; raises if notebook 01 has not run."""
        return self.run.load_brief()

    @cached_property
    def keyspace(self) -> Keyspace:
        """The keyspace; raises if notebook 02 has not run."""
        return self.run.load_keyspace()

    @cached_property
    def stories(self) -> Stories:
        """The actions and the story matrix; raises if notebook 02 has not run."""
        return self.run.load_stories()

    @cached_property
    def server(self) -> server.Server:
        """The live server of this notebook, opened at first use and closed when the kernel ends."""
        return self._resources.enter_context(server.open(self.parameters.server_url))

    @cached_property
    def lab(self) -> Lab:
        """The server with this run's profile and seed."""
        return Lab(self.server, self.parameters.profile, self.parameters.seed)

    def measure(self, id: str, experiment: Callable[..., Finding], **given: Any) -> Evidence:
        """Run ``experiment`` and record its finding as evidence ``id``; put the result last in a cell to show it."""
        return self.run.evidence.record(id, self.notebook, experiment, self.lab, given, self.parameters.reuse)

    def found(self, kind: type[F]) -> F:
        """Return what this run has recorded of a chapter's findings, each number as the chapter declares it."""
        return kind.of(self.run.evidence.all())

    def samples(self, evidence: Evidence) -> pd.DataFrame:
        """Return the raw samples behind ``evidence``."""
        return self.run.evidence.samples(evidence.id)

    def show(self, figure: Figure, name: str, alt: str, evidence: Sequence[Evidence], caption: str = "") -> None:
        """Show ``figure`` as SVG under a stable ``name``, with alternative text and the evidence it draws.

        Where what it draws was not measured, nothing is shown. Without ``evidence`` it draws the documents.
        """
        if evidence and all(record.not_run for record in evidence):
            figures.close(figure)
            return
        metadata = {"redis_plan": {"figure": name, "alt": alt, "caption": caption, "draws": [e.id for e in evidence]}}
        display({"image/svg+xml": figures.render_svg(figure), "text/plain": alt}, raw=True, metadata=metadata)

    def say(self, markdown: str) -> None:
        """Show Markdown; in a cell tagged ``plan-NN`` it becomes text of that section."""
        display(Markdown(markdown))

    def decide(self, decision: Decision) -> None:
        """Record ``decision`` and show it; where no key and no channel is proposed, there is nothing that it decides."""
        if not self.keyspace.patterns:
            return
        self.run.save_decision(decision)
        self._decided.append(decision)
        places = (
            {r.id: f"{r.file}:{r.line}" for r in self.run.load_brief().requirements} if decision.requirements else {}
        )
        self.say(decision.render(places))

    def record(self) -> None:
        """Show what this notebook left in the run folder: how it ran, on which servers, and what it measured and decided."""
        mine = [e for e in self.run.evidence.all().values() if e.notebook == self.notebook]
        idle = [e for e in mine if e.not_run]
        failing = [d for d in self._decided if not d.supported]
        lines = [
            f"Profile {self.parameters.profile}, seed {self.parameters.seed}.",
            *(f"Server: {server}." for server in sorted({e.server.describe() for e in mine})),
            f"Measured: {_listed(e.id for e in mine if not e.not_run)}."
            if len(mine) > len(idle)
            else "Nothing was measured.",
            f"Not run: {_listed(e.id for e in idle)}." if idle else "",
            f"Decided: {_listed(d.id for d in self._decided)}." if self._decided else "",
            f"No longer supported by this run: {_listed(d.id for d in failing)}." if failing else "",
        ]
        self.say("\n".join(["**Run record**", "", *(f"- {line}" for line in lines if line)]))


def _listed(ids: Iterable[str]) -> str:
    return ", ".join(f"[{id}]" for id in ids)


#: The study of this process: a kernel holds one at a time.
_begun: list[Study] = []


#: Characters of a cell of a table that a notebook shows.
_CELL = 160


def begin(name: str, given: Mapping[str, Any]) -> Study:
    """Start notebook ``name`` with the parameters among ``given`` (a notebook's ``globals()``).

    What an earlier one in this kernel opened is closed, as where a person runs all cells again.
    """
    _close()
    fields = parameters.NOTEBOOKS[name].model_fields
    figures.use_theme()
    pd.set_option("display.max_colwidth", _CELL)
    study = Study(name, parameters.check(name, {k: v for k, v in given.items() if k in fields}))
    _begun.append(study)
    gc.collect()
    gc.freeze()  # what is there before the first measurement is never walked in the middle of one
    return study


def end() -> None:
    """Close the study of this kernel and forget every name that its notebook bound: the next one finds it empty."""
    _close()
    shell = get_ipython()
    if shell is not None:
        shell.reset()


@atexit.register
def _close() -> None:
    while _begun:
        _begun.pop().close()
