"""Exploring a Brief: its parts as tables to filter, and where the design's numbers come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from redis_plan import figures, units
from redis_plan.brief import documents as files
from redis_plan.brief import examples
from redis_plan.brief.lexicon import fold
from redis_plan.brief.model import Brief, Entity, Fact
from redis_plan.errors import DocumentError


def requirements_table(brief: Brief, kind: str = "", live: bool | None = None) -> pd.DataFrame:
    """Return the requirements, only those of ``kind`` and real-time flag where given."""
    kept = [r for r in brief.requirements if (not kind or r.kind == kind) and (live is None or r.realtime == live)]
    rows = [(r.id, r.kind, "live" if r.realtime else "", f"{r.file}:{r.line}", r.confidence, r.text) for r in kept]
    return _frame(rows, ("id", "kind", "live", "where", "confidence", "text"))


def reasons_table(brief: Brief, count: int = 20) -> pd.DataFrame:
    """Return the ``count`` demands that we are least sure of, each beside the line of our own documents most like it.

    What that line is marked as (a kind, live, or no demand) is what a reading like this was learnt from.
    """
    weak = sorted((r for r in brief.requirements if r.kind != "out-of-scope"), key=lambda r: r.confidence)[:count]
    like = examples.most_alike([r.text for r in weak])
    rows = [
        (f"{r.file}:{r.line}", r.text, _kind(r.kind, r.realtime), round(r.confidence, 2), own.text, ", ".join(sorted(own.labels)) or "no demand", round(alike, 2))
        for r, (own, alike) in zip(weak, like, strict=True)
    ]  # fmt: skip
    return _frame(rows, ("where", "text", "read as", "confidence", "our example", "is", "likeness"))


def _kind(kind: str, live: bool) -> str:
    return f"{kind}, live" if live else kind


def quantities_table(brief: Brief, kind: str = "", design_relevant: bool | None = None) -> pd.DataFrame:
    """Return the quantities, only those of ``kind`` and of weight for the design where given."""
    kept = [
        q
        for q in brief.quantities
        if (not kind or q.kind == kind) and (design_relevant is None or q.design_relevant == design_relevant)
    ]
    rows = [
        (q.text, q.kind, q.op or "", _number(q.value), _number(q.value_max), q.unit, f"{q.file}:{q.line}", q.subject)
        for q in kept
    ]
    return _frame(rows, ("text", "kind", "op", "value", "upper end", "unit", "where", "under the heading"))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.12g}"


def entities_table(brief: Brief) -> pd.DataFrame:
    """Return the entities, the most spoken of first."""
    rows = [
        (e.name, e.lifetime, "live" if e.realtime else "", _parts(e), ", ".join(e.aliases), f"{e.file}:{e.line}", e.confidence)
        for e in brief.entities
    ]  # fmt: skip
    return _frame(rows, ("entity", "lifetime", "live", "holds", "also called", "where", "confidence"))


def _parts(entity: Entity) -> str:
    return ", ".join(a.name + (f" ({units.write(a.size_bytes, 'B')})" if a.size_bytes else "") for a in entity.attributes[:8])  # fmt: skip


def relations_table(brief: Brief) -> pd.DataFrame:
    """Return who has how many of whom."""
    rows = [
        (r.source, f"at most {r.at_most:g}" if r.at_most else "many" if r.many else "one", r.target, f"{r.file}:{r.line}")
        for r in brief.relations
    ]  # fmt: skip
    return _frame(rows, ("one", "has", "of", "where"))


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


def search(brief: Brief, words: str) -> pd.DataFrame:
    """Return every reading whose text holds ``words``, whatever its kind, in the documents' order."""
    wanted = fold(words)
    rows = [("requirement: " + r.kind, r.text, r.file, r.line) for r in brief.requirements]
    rows += [("quantity: " + q.kind, f"{q.text} ({q.unit}; {q.subject})", q.file, q.line) for q in brief.quantities]
    rows += [("entity", ", ".join((e.name, *e.aliases)), e.file, e.line) for e in brief.entities]
    rows += [("stack: " + c.role, f"{c.name} {c.version or ''}".strip(), c.file, c.line) for c in brief.stack]
    rows += [("note: " + n.kind, n.text, n.file, n.line) for n in brief.notes]
    order = {name: place for place, name in enumerate(brief.documents)}
    found = sorted((r for r in rows if wanted in fold(r[1])), key=lambda r: (order.get(r[2], 99), r[3]))
    return _frame([(kind, text, f"{file}:{line}") for kind, text, file, line in found], ("kind", "text", "where"))


def passage(project: Path, where: str, around: int = 2) -> str:
    """Return the line that ``prd.md:29`` names between its neighbours, as the document has them, marked by ``>``.

    Raises :class:`~redis_plan.errors.DocumentError` where there is no such line.
    """
    name, _, number = where.rpartition(":")
    found = {document.name: document.lines for document in files.load(project).values()}
    if name not in found or not number.isdigit() or not 0 < int(number) <= len(found[name]):
        known = ", ".join(f"{n}:1 … {n}:{len(lines)}" for n, lines in found.items())
        raise DocumentError(f"no line {where}; the documents have {known}")
    line = int(number)
    first, last = max(1, line - around), min(len(found[name]), line + around)
    return "\n".join(f"{'>' if n == line else ' '} {n:>5}  {found[name][n - 1]}" for n in range(first, last + 1))


def source(fact: Fact) -> str:
    """Return where a fact comes from: file and line, or "assumed"."""
    return f"{fact.file}:{fact.line}" if fact.file else "assumed"


def span(fact: Fact) -> str:
    """Return the documents' range of a fact, or ""."""
    if fact.low is None or fact.high is None:
        return ""
    return f"{units.write(fact.low, fact.unit)} – {units.write(fact.high, fact.unit)}"


def answer(brief: Brief) -> str:
    """Return what notebook 01 answers: what was read, what is asked, what it means for Redis, and what is left open."""
    asked = [r for r in brief.requirements if r.kind != "out-of-scope"]
    alone = sum(r.parent_line is None for r in asked)
    assumed = sum(fact.grade == "assumed" for fact in brief.facts)
    questions = sum(note.kind == "open-question" for note in brief.notes)
    return (
        f"**Answer.** {', '.join(f'`{name}`' for name in brief.documents)} (language {brief.language}) make {alone} demands, with "
        f"{len(asked) - alone} conditions beneath them. Redis is {_FIT[brief.fit]}: {brief.fit_because.rstrip('.')}. Of "
        f"{len(brief.facts)} numbers {assumed} are assumed, and {questions} questions are open."
    )


_FIT = {"core": "core", "useful": "useful", "no": "not needed", "unknown": "not known to be needed"}


def plot_sources(brief: Brief) -> Figure:
    """Draw where the design's numbers come from: one dot a fact, on the axis of its origin."""
    origins = _origins(brief)
    order = {
        fact.name: n
        for n, fact in enumerate(sorted(brief.facts, key=lambda f: (origins.index(source_name(f)), f.name)))
    }
    figure, axes = plt.subplots(figsize=(7, 1.2 + 0.19 * len(order)))
    for fact in brief.facts:
        y, x = -order[fact.name], origins.index(source_name(fact))
        documented = fact.grade == "documented"
        axes.plot([x], [y], "o" if documented else "D", color=figures.HIGHLIGHT if documented else figures.CONTEXT)
        label = units.write(fact.value, fact.unit) + (f" (:{fact.line})" if fact.file else "")
        axes.annotate(
            label, (x, y), xytext=(8, 0), textcoords="offset points", va="center", fontsize=9, bbox=figures.PLATE
        )
    axes.set_yticks([-n for n in order.values()], list(order), fontsize=9)
    axes.set_xticks(range(len(origins)), [name.replace("_", "_\n") for name in origins], fontsize=9)
    axes.set_xlim(-0.3, len(origins) - 0.3)
    axes.set_ylim(0.3 - len(order), 0.8)
    axes.set_xlabel("where the value stands (line in brackets)")
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
