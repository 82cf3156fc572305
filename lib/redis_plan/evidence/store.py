"""Evidence: recorded findings that the plan's text cites.

A record is one JSON file and one Parquet file of raw samples in the run folder. What a notebook gets is always what was
read back from disk, so a rebuild from the same evidence writes the same text. The record says everything that repeating
the measurement needs: see :class:`~redis_plan.evidence.provenance.Repeat`.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redis_plan import units
from redis_plan.codec import load, save
from redis_plan.errors import PlanError
from redis_plan.evidence import provenance
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.server import Fingerprint

if TYPE_CHECKING:  # it takes long to import, and who only reads what was recorded needs none of it
    import pandas as pd

#: Values that a notebook shows at once; a longer table is folded, so that question, finding and figure stay in sight.
SHOWN_AT_ONCE = 8

FORMAT = 2  # 1: first version; 2: samples as Parquet, with what repeats them


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measured claim: the question, how it was measured, its values, and where and on what."""

    id: str
    notebook: str
    question: str
    hypothesis: str
    method: str
    conclusion: str
    values: tuple[Value, ...]
    conditions: dict[str, str | float]
    server: Fingerprint
    profile: str
    inputs: str
    samples_file: str
    samples_count: int
    seconds: float
    not_run: str = ""
    repeat: provenance.Repeat = field(default_factory=provenance.Repeat)
    samples_sha256: str = ""
    format: int = FORMAT

    def __getitem__(self, name: str) -> Value:
        """Return the value called ``name``; raises :class:`PlanError` with the names there are."""
        for value in self.values:
            if value.name == name:
                return value
        names = ", ".join(value.name for value in self.values) or f"none: {self.not_run}"
        raise PlanError(f"{self.id} has no value {name!r}; it has {names}")

    def __contains__(self, name: str) -> bool:
        return any(value.name == name for value in self.values)

    def condition(self, name: str) -> str:
        """Write a condition of the measurement: a number without a needless fraction, or the text as it is."""
        value = self.conditions[name]
        return units.write(value, "") if isinstance(value, float | int) else value

    def number(self, name: str) -> str:
        """Write the value alone, with its unit and grade link: ``26.2 s [E-04a]``."""
        return f"{write_value(self[name])} [{self.id}]"

    def cite(self, name: str) -> str:
        """Write the value in full: ``26.2 s (95 % 25.1–27.4, n = 300; measured, [E-04a])``."""
        value = self[name]
        parts = [f"95 % {write_interval(value)}"] if value.low is not None else []
        parts += [f"n = {value.n:,}"] if value.n > 1 else []
        lead = ", ".join(parts)
        return f"{write_value(value)} ({lead + '; ' if lead else ''}{value.grade}, [{self.id}])"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        """Show the record in a notebook, and tell the exporter which cell made it."""
        return {"text/markdown": describe(self), "text/plain": f"<{self.id}>"}, {"redis_plan": {"evidence": self.id}}


def write_value(value: Value) -> str:
    """Write the number with its unit."""
    return units.write(value.value, value.unit)


def write_interval(value: Value) -> str:
    """Write the interval's two ends, the unit once where both share it."""
    assert value.low is not None
    assert value.high is not None
    low, high = units.write(value.low, value.unit), units.write(value.high, value.unit)
    number, _, unit = low.partition(" ")
    return f"{number}–{high}" if unit and high.endswith(" " + unit) else f"{low}–{high}"


def describe(evidence: Evidence) -> str:
    """Return the record as Markdown: question, finding, a table of values (folded where it is long), method, conditions."""
    if evidence.not_run:
        return f"**{evidence.id} · not run.** {evidence.not_run}"
    conditions = " · ".join(
        f"{k} {units.write(v, '') if isinstance(v, float) else v}" for k, v in evidence.conditions.items()
    )
    table = ["| value | | 95 % interval | n | grade |", "|:--|--:|:--|--:|:--|"]
    table += [
        f"| {v.name} | {write_value(v)} | {write_interval(v) if v.low is not None else '–'} | {v.n:,} | {v.grade} |"
        for v in evidence.values
    ]
    if len(evidence.values) > SHOWN_AT_ONCE:
        summary = f"<summary>All {len(evidence.values)} values</summary>"
        table = [f"<details>{summary}", "", *table, "", "</details>"]
    lead = f"**{evidence.id} · {evidence.question}** {evidence.conclusion}"
    method = f"*{evidence.method}{' — ' + conditions if conditions else ''}*"
    return "\n".join([lead, "", *table, "", method])


def fingerprint_inputs(experiment: Callable[..., Finding], parameters: Mapping[str, Any], lab: Lab) -> str:
    """Return a digest of all that a measurement depends on: code with all it imports, parameters, profile, seed and server."""
    module = inspect.getmodule(experiment)
    source = provenance.digest(module.__name__) if module else ""
    given = {name: provenance.as_json(value) for name, value in parameters.items()}
    text = json.dumps([source, given, lab.profile, lab.seed, lab.server.fingerprint.id], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def storable(samples: pd.DataFrame) -> pd.DataFrame:
    """Return ``samples`` as Parquet takes them: named columns of one type each, mixed ones as text, a default index."""
    import pandas as pd  # noqa: PLC0415

    plain = samples.reset_index(drop=True)
    plain.columns = pd.Index([str(name) for name in plain.columns])
    for name in plain.columns:
        column = plain[name]
        if column.dtype == object and not _is_of_one_type(column):
            plain[name] = pd.Series([None if pd.isna(value) else str(value) for value in column], dtype=object)
    return plain


def _is_of_one_type(column: pd.Series[Any]) -> bool:
    import pandas as pd  # noqa: PLC0415

    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "integer":
        return all(pd.isna(value) or abs(value) < 2**63 for value in column)
    return kind in ("string", "floating", "boolean", "empty")


@dataclass(frozen=True, slots=True)
class Store:
    """The evidence of one run: a folder with ``E-03a.json`` and ``E-03a.parquet`` for each record."""

    folder: Path

    def record(
        self,
        id: str,
        notebook: str,
        experiment: Callable[..., Finding],
        lab: Lab,
        parameters: Mapping[str, Any],
        reuse: bool,
    ) -> Evidence:
        """Run ``experiment`` and keep what it found; with ``reuse``, keep the old record if its inputs are the same."""
        path, inputs = self.folder / f"{id}.json", fingerprint_inputs(experiment, parameters, lab)
        if reuse and path.exists():
            old = load(Evidence, path)
            if old.inputs == inputs and old.format == FORMAT:
                return old
        repeat = provenance.repeat(experiment, parameters, notebook, lab.profile, lab.seed)
        waited, started = provenance.waited_s(), time.perf_counter()
        finding = experiment(lab, **parameters)
        seconds = time.perf_counter() - started
        if waited is not None and (after := provenance.waited_s()) is not None:
            repeat = replace(repeat, waiting=round(min(1.0, (after - waited) / seconds), 3))
        self.folder.mkdir(parents=True, exist_ok=True)
        samples_file = self.folder / f"{id}.parquet"
        storable(finding.samples).to_parquet(samples_file, index=False)
        evidence = Evidence(
            id=id,
            notebook=notebook,
            question=finding.question,
            hypothesis=finding.hypothesis,
            method=finding.method,
            conclusion=finding.conclusion,
            values=finding.values,
            conditions=dict(finding.conditions),
            server=lab.server.fingerprint,
            profile=lab.profile,
            inputs=inputs,
            samples_file=samples_file.name,
            samples_count=len(finding.samples),
            seconds=seconds,
            not_run=finding.not_run,
            repeat=repeat,
            samples_sha256=hashlib.sha256(samples_file.read_bytes()).hexdigest(),
        )
        save(path, evidence)
        return load(Evidence, path)

    def samples(self, id: str) -> pd.DataFrame:
        """Return the raw samples of the record ``id`` as they were written; raises :class:`PlanError` without any."""
        path = self.folder / f"{id}.parquet"
        if not path.exists():
            raise PlanError(f"no samples of {id} in {self.folder.name}/")
        import pandas as pd  # noqa: PLC0415

        return pd.read_parquet(path)

    def get(self, id: str) -> Evidence:
        """Return the record ``id``; raises :class:`PlanError` if there is none."""
        path = self.folder / f"{id}.json"
        if not path.exists():
            raise PlanError(f"no evidence {id} in {self.folder.name}/")
        return load(Evidence, path)

    def all(self) -> dict[str, Evidence]:
        """Return every record by id, in order of id."""
        return {path.stem: load(Evidence, path) for path in sorted(self.folder.glob("E-*.json"))}
