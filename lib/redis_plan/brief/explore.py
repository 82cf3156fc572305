"""Exploring a Brief: its parts as tables to filter, the weakest readings, and where the design's numbers come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from redis_plan import figures, units
from redis_plan.brief import documents as files
from redis_plan.brief.model import Brief, Fact


def requirements_table(brief: Brief, kind: str = "", live: bool | None = None) -> pd.DataFrame:
    """Return the requirements, only those of ``kind`` and real-time flag where given."""
    kept = [r for r in brief.requirements if (not kind or r.kind == kind) and (live is None or r.realtime == live)]
    rows = [(r.id, r.kind, "live" if r.realtime else "", f"{r.file}:{r.line}", r.confidence, r.text) for r in kept]
    return _frame(rows, ("id", "kind", "live", "where", "confidence", "text"))


def quantities_table(brief: Brief, kind: str = "", design_relevant: bool | None = None) -> pd.DataFrame:
    """Return the quantities, only those of ``kind`` and of weight for the design where given."""
    kept = [
        q
        for q in brief.quantities
        if (not kind or q.kind == kind) and (design_relevant is None or q.design_relevant == design_relevant)
    ]
    rows = [(q.text, q.kind, q.op or "", q.value, q.value_max, q.unit, f"{q.file}:{q.line}", q.subject) for q in kept]
    return _frame(rows, ("text", "kind", "op", "value", "upper end", "unit", "where", "under the heading"))


def entities_table(brief: Brief) -> pd.DataFrame:
    """Return the entities, the most spoken of first."""
    rows = [
        (e.name, e.lifetime, "live" if e.realtime else "", ", ".join(e.aliases), f"{e.file}:{e.line}", e.confidence)
        for e in brief.entities
    ]
    return _frame(rows, ("entity", "lifetime", "live", "also called", "where", "confidence"))


def facts_table(brief: Brief, grade: str = "") -> pd.DataFrame:
    """Return the numbers the design is computed from, with the TOML line that corrects each."""
    kept = [f for f in brief.facts if not grade or f.grade == grade]
    rows = [(f.name, units.write(f.value, f.unit), span(f), f.grade, f.because, source(f), f.toml) for f in kept]
    return _frame(rows, ("fact", "value", "range", "grade", "because", "where", "to correct, in ai/redis-plan.toml"))


def access_table(brief: Brief) -> pd.DataFrame:
    """Return the access patterns, the most frequent first; rates are for the whole system at peak."""
    rows = [
        (a.actor, a.verb, a.entity, a.mode, units.write(a.rate_per_s, "/s"), a.grade, ", ".join(a.requirements[:4]))
        for a in brief.access_patterns
    ]
    return _frame(rows, ("who", "does", "what", "mode", "rate at peak", "grade", "because of"))


def notes_table(brief: Brief, kind: str = "") -> pd.DataFrame:
    """Return the planning notes, only those of ``kind`` where given."""
    rows = [(n.id, n.kind, f"{n.file}:{n.line}", n.text) for n in brief.notes if not kind or n.kind == kind]
    return _frame(rows, ("id", "kind", "where", "text"))


def remarks_table(brief: Brief) -> pd.DataFrame:
    """Return what the reader wants a person to see."""
    rows = [(r.kind, r.text, f"{r.file}:{r.line}" if r.file else "") for r in brief.remarks]
    return _frame(rows, ("kind", "remark", "where"))


def weakest(brief: Brief, count: int = 10) -> pd.DataFrame:
    """Return the readings that deserve a second look first: assumed facts, then the least certain statements."""
    rows: list[tuple[float, str, str, str, str]] = [
        (0.3, "fact", f"{f.name} = {units.write(f.value, f.unit)}", "no document says so", f.toml)
        for f in brief.facts
        if f.grade == "assumed"
    ]
    rows += [
        (e.confidence, "entity", e.name, f"{e.file}:{e.line}", f'[entities] drop = ["{e.name}"]')
        for e in brief.entities
    ]
    rows += [
        (r.confidence, r.kind, _short(r.text), f"{r.file}:{r.line}", "give the statement an id, or reword it")
        for r in brief.requirements
    ]
    ordered = sorted(rows, key=lambda row: row[0])[:count]
    return _frame(ordered, ("confidence", "reading", "what we read", "where", "to correct"))


def source_line(project: Path, where: str) -> str:
    """Return the line that ``prd.md:29`` names, as the document has it; "" where there is none."""
    name, _, number = where.rpartition(":")
    path = files.find_folder(project) / name
    if not number.isdigit() or not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    return lines[int(number) - 1] if 0 < int(number) <= len(lines) else ""


def source(fact: Fact) -> str:
    """Return where a fact comes from: file and line, or "assumed"."""
    return f"{fact.file}:{fact.line}" if fact.file else "assumed"


def span(fact: Fact) -> str:
    """Return the documents' range of a fact, or ""."""
    if fact.low is None or fact.high is None:
        return ""
    return f"{units.write(fact.low, fact.unit)} – {units.write(fact.high, fact.unit)}"


def plot_sources(brief: Brief) -> Figure:
    """Draw where the design's numbers come from: one dot a fact, on the axis of its origin."""
    origins = _origins(brief)
    order = {
        fact.name: n
        for n, fact in enumerate(sorted(brief.facts, key=lambda f: (origins.index(source_name(f)), f.name)))
    }
    figure, axes = plt.subplots(figsize=(7, 3.8))
    for fact in brief.facts:
        y, x = -order[fact.name], origins.index(source_name(fact))
        documented = fact.grade == "documented"
        axes.plot([x], [y], "o" if documented else "D", color=figures.HIGHLIGHT if documented else figures.CONTEXT)
        label = units.write(fact.value, fact.unit) + (f" (:{fact.line})" if fact.file else "")
        axes.annotate(label, (x, y), xytext=(8, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks([-n for n in order.values()], list(order), fontsize=9)
    axes.set_xticks(range(len(origins)), [name.replace("_", "_\n") for name in origins], fontsize=9)
    axes.set_xlim(-0.3, len(origins) - 0.3)
    axes.set_xlabel("where the value stands (line in brackets)")
    axes.set_ylabel("fact")
    axes.set_title("Origin of the numbers the design is computed from")
    return figure


def source_name(fact: Fact) -> str:
    """Return the document a fact comes from, or "assumed"."""
    return fact.file or "assumed"


def _origins(brief: Brief) -> list[str]:
    names = [name for name in brief.documents if any(f.file == name for f in brief.facts)]
    return names + (["assumed"] if brief.assumptions else [])


def _frame(rows: Iterable[Sequence[object]], columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns))


def _short(text: str, limit: int = 90) -> str:
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"
