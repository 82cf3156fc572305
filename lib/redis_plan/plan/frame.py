"""The frame: what stands before and after the ten sections, made from the run's records alone."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Sequence

from redis_plan import resources, units
from redis_plan.brief.model import Brief
from redis_plan.keyspace.model import Keyspace
from redis_plan.memory import project
from redis_plan.plan.assemble import Study, link_citations
from redis_plan.plan.decision import Decision
from redis_plan.plan.evidence import Evidence, write_interval, write_value
from redis_plan.plan.keyspace_text import counted
from redis_plan.plan.memory_words import Words
from redis_plan.plan.sections import APPENDICES

_FIT = {
    "core": "Redis is core to this project",
    "useful": "Redis is useful here, though the project could live without it",
    "unknown": "It is not known whether this project needs Redis, and what follows is a guess",
    "no": "This project can do without Redis; what follows is the small part where it helps",
}


def front(brief: Brief, keyspace: Keyspace, study: Study) -> str:
    """Return *In one minute* and *Scope*."""
    held = ", ".join(f"`{p.name}`" for p in keyspace.keys)
    points = [
        f"{_FIT[brief.fit]}: {brief.fit_because.rstrip('.')}.",
        f"Redis holds {counted(len(keyspace.keys), 'key pattern')}{f' ({held})' if held else ''} and "
        f"{counted(len(keyspace.channels), 'channel') if keyspace.channels else 'no channel'}; what is durable stays in the database.",
        *_headlines(brief, keyspace, study.evidence),
        *_risks(brief, keyspace, study),
    ]
    lines = ["## In one minute", "", *(f"- {point}" for point in points), "", _how_to_read(study)]
    scope = [r for r in brief.requirements if r.kind == "out-of-scope"]
    demand = len(brief.requirements) - len(scope)
    lines += [
        "",
        "## Scope",
        "",
        f"Read: {', '.join(f'`{name}`' for name in brief.documents)}, with {demand} requirements.",
    ]
    if scope:
        lines += ["", "Out of scope, and so not designed for:", ""]
        lines += [f"- {_one_line(r.text)} ({r.file}:{r.line})" for r in scope]
    remarks = [r for r in brief.remarks if r.kind in ("missing", "unread", "conflict", "stack", "warning")]
    if remarks:
        lines += ["", "What the reader of the documents wants you to see:", ""]
        lines += [f"- {_one_line(r.text)}{f' ({r.file}:{r.line})' if r.file and r.line else ''}" for r in remarks]
    return link_citations("\n".join(lines))


def _one_line(text: str) -> str:
    """Return text of the team's documents as inert Markdown on one line."""
    return re.sub(r"([<>|`\[\]])", r"\\\1", " ".join(text.split()))


def _headlines(brief: Brief, keyspace: Keyspace, evidence: dict[str, Evidence] | object) -> Iterable[str]:
    assert isinstance(evidence, dict)
    words = Words.of(project.per_unit(keyspace, brief.value("sessions_peak")))
    table = tomllib.loads((resources.catalog_dir() / "headlines.toml").read_text("utf-8"))
    for entry in table["headline"]:
        record = evidence.get(entry["evidence"])
        if record is not None and entry["value"] in record:
            text = entry["text"] if words.sessions else entry.get("without_sessions", entry["text"])
            if not text:
                continue
            yield text.format(
                value=record.cite(entry["value"]),
                number=record.number(entry["value"]),
                Session=words.a_one.capitalize(),
                target=units.write(brief.value("sync_latency"), "s"),
            )


def _risks(brief: Brief, keyspace: Keyspace, study: Study) -> list[str]:
    """Return the largest risk: a guard that fails, else a budget that is too small, and then what is assumed."""
    budget = study.evidence.get("E-06c")
    first = _largest_risk(brief, study.decisions)
    if budget is None or "sessions_in_budget" not in budget or not all(d.supported for d in study.decisions):
        return [first]
    carries, peak, memory = budget["sessions_in_budget"].value, brief.fact("sessions_peak"), brief.fact("memory_budget")
    if carries >= peak.value:
        return [first]
    words = Words.of(project.per_unit(keyspace, peak.value))
    short = (
        f"Largest risk: the memory budget of {units.write(memory.value, 'B')} ({memory.where}) carries {words.count(carries)} (modelled, "
        f"[{budget.id}]), and the peak is {words.count(peak.value)} ({peak.where}); section 5 says what it takes."
    )
    return [short, first.replace("Largest risk: ", "Besides, ", 1)]


def _largest_risk(brief: Brief, decisions: Sequence[Decision]) -> str:
    failing = [(d, g) for d in decisions for g in d.holds_while if not g.holds]
    if failing:
        told = (
            f"{g.says} is {units.write(g.actual, g.unit)}, the limit is {units.write(g.limit, g.unit)} [{d.id}]"
            for d, g in failing
        )
        return f"Largest risk: {'; '.join(told)}."
    assumed = brief.assumptions
    if assumed:
        first = assumed[0]
        return (
            f"Largest risk: {len(assumed)} of {len(brief.facts)} numbers behind the design are assumed, first of all "
            f"{first.name.replace('_', ' ')} = {units.write(first.value, first.unit)} ({first.where})."
        )
    return "Every number behind the design is stated in the documents, and every guard holds in this run."


def _how_to_read(study: Study) -> str:
    profiles = sorted({e.profile for e in study.evidence.values()})
    servers = sorted({e.server.describe() for e in study.evidence.values()})
    return (
        "Every number wears a grade: *measured* in this run (cited as `[E-NNx]`, listed at the end), *modelled* "
        "(computed from measured or documented terms), *documented* (source named) or *assumed* (with the line of "
        f"`ai/redis-plan.toml` that replaces it, where there is one); *chosen* is free to set. A citation covers the numbers before it in its sentence. Profile: {', '.join(profiles) or 'none'}. "
        f"Measured on: {'; '.join(servers) or 'no server'}."
    )


def back(brief: Brief, appendices: Sequence[str]) -> str:
    """Return *Assumptions*, *Open questions* and the list of ``appendices``."""
    parts = [
        _assumptions(brief),
        _list(
            "Open questions of the team",
            [f"{_one_line(n.text)} ({n.file}:{n.line})" for n in brief.notes if n.kind == "open-question"],
        ),
        _list(
            "Appendices",
            [f"[{a.title}]({a.file}): {a.holds}" for name, a in APPENDICES.items() if name in appendices],
        ),
    ]
    return "\n\n".join(link_citations(part) for part in parts if part)


def appendices(study: Study, html_dir: str) -> dict[str, str]:
    """Return what the records add to appendices, by name; ``html_dir`` leads from there to the rendered notebooks."""
    return {
        "untested": link_citations("\n".join(f"- {item}" for item in (*_not_run(study), *study.limits)), "untested"),
        "decisions": link_citations(_revisit(study.decisions), "decisions"),
        "evidence": _evidence(study, html_dir),
    }


def _not_run(study: Study) -> list[str]:
    """Return what did not run: each question with its reason; those that share one as a list behind it."""
    reasons: dict[str, list[Evidence]] = {}
    for record in study.evidence.values():
        if record.not_run:
            reasons.setdefault(record.not_run.rpartition(": ")[2], []).append(record)
    found = []
    for reason, records in reasons.items():
        if len(records) == 1:
            found.append(f"{records[0].question} Not run: {records[0].not_run} [{records[0].id}]")
            continue
        questions = " ".join(f"{e.question} [{e.id}]" for e in records)
        found.append(f"Not run ({reason.rstrip(chr(46))}): {questions}")
    return found


def _list(title: str, items: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *(f"- {item}" for item in items)]) if items else ""


def _revisit(decisions: Sequence[Decision]) -> str:
    if not decisions:
        return ""
    rows = [
        f"| [{d.id}] | {d.title} | {'; '.join(str(guard) for guard in d.holds_while)} | {'yes' if d.supported else '**no**'} |"
        for d in decisions
    ]
    return "\n".join(
        [
            "## When to revisit",
            "",
            "Each decision holds while its guard holds; every build evaluates them again.",
            "",
            "| Decision | What | Holds while | Holds |",
            "|:--|:--|:--|:--|",
            *rows,
        ]
    )


def _assumptions(brief: Brief) -> str:
    if not brief.assumptions:
        return ""
    rows = [
        f"| {f.name.replace('_', ' ')} | {units.write(f.value, f.unit)} | {_one_line(f.because)} | `{f.toml}` |"
        for f in brief.assumptions
    ]
    return "\n".join(
        [
            "## Assumptions",
            "",
            "The documents are silent on these. Put the line into `ai/redis-plan.toml` under `[facts]` to replace one.",
            "",
            "| What | Assumed | Because | Replace it with |",
            "|:--|--:|:--|:--|",
            *rows,
        ]
    )


def _evidence(study: Study, html_dir: str) -> str:
    if not study.evidence:
        return ""
    shown = study.evidence_cells
    lines = ["Raw samples and the full record of each are in the run folder under `evidence/`.", ""]
    lines += ["| Id | Question | Measured values | Samples | Cell |", "|:--|:--|:--|--:|:--|"]
    for id, record in study.evidence.items():
        notebook, cell = shown.get(id, (record.notebook, ""))
        link = f"[{notebook}]({html_dir}/{notebook}.html{f'#cell-id={cell}' if cell else ''})" if html_dir else notebook
        lines.append(
            f'| <a id="{id.lower()}"></a>{id} | {record.question} | {_values(record)} '
            f"| {record.samples_count:,} | {link} |"
        )
    return "\n".join(lines)


def _values(record: Evidence) -> str:
    if record.not_run:
        return "not run"
    written = [
        f"{v.name.replace('_', ' ')} {write_value(v)}" + (f" ({write_interval(v)})" if v.low is not None else "")
        for v in record.values[:6]
    ]
    while len("; ".join(written)) > 160:
        written.pop()
    more = len(record.values) - len(written)
    return "; ".join(written) + (f"; {more} more in the record" if more > 0 else "")


def relative(target: os.PathLike[str] | str, start: os.PathLike[str] | str) -> str:
    """Return ``target`` relative to ``start`` with forward slashes, as a link in Markdown."""
    return os.path.relpath(target, start).replace(os.sep, "/")
