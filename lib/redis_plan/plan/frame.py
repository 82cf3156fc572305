"""The frame: what stands before and after the ten sections, made from the run's records alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from redis_plan import resources, units
from redis_plan.actions import matrix
from redis_plan.brief.model import Brief
from redis_plan.evidence.decision import Decision
from redis_plan.evidence.store import Evidence, write_interval, write_value
from redis_plan.keyspace.model import Keyspace
from redis_plan.memory import project
from redis_plan.plan import build_this, on_notes, played
from redis_plan.plan.assemble import Executed, link_citations
from redis_plan.run import Run
from redis_plan.words import levers, words
from redis_plan.words.capacity import Budget, Capacity
from redis_plan.words.memory_words import Words
from redis_plan.words.nouns import own_nouns
from redis_plan.words.sections import APPENDICES
from redis_plan.words.tables import counted
from redis_plan.words.words import inert

#: Characters of a cell that is still read in a table.
_CELL = 180


def front(brief: Brief, keyspace: Keyspace, executed: Executed, run: Run) -> str:
    """Return *In one minute*, *Build this*, *Where this plan differs from your notes* and *Answers to your open questions*."""
    used = words.facts_used(brief, keyspace)
    short, peak = _short(brief, executed), brief.fact("sessions_peak")
    answered, left = on_notes.answers(brief, keyspace, executed.evidence, executed.decisions)
    text = words.render(
        "plan/front", brief, keyspace,
        keys=counted(len(keyspace.keys), "key pattern"),
        channels=counted(len(keyspace.channels), "channel") if keyspace.channels else "no channel",
        stories=APPENDICES["stories"].file, served=matrix.summary(played.shown(run.load_stories(), run).rows),
        headlines=tuple(_headlines(brief, keyspace, executed.evidence)),
        short=short, memory=brief.fact("memory_budget"), peak=peak,
        counts=Words.of(project.per_unit(keyspace, peak.value)),
        cures=levers.enough(levers.levers(brief, keyspace, Capacity.of(executed.evidence)), peak.value) if short else (),
        failing=[(d, g) for d in executed.decisions for g in d.holds_while if not g.holds],
        used=used, assumed=[fact for fact in used if fact.grade == "assumed"],
        profiles=", ".join(sorted({e.profile for e in executed.evidence.values()})),
        servers="; ".join(sorted({e.server.describe() for e in executed.evidence.values()})),
        build=own_nouns(build_this.build_this(brief, keyspace, run), keyspace),
        differences=on_notes.differences(brief, keyspace, executed.evidence), answered=answered, left=left,
    )  # fmt: skip
    return link_citations(text)


def _headlines(brief: Brief, keyspace: Keyspace, evidence: Mapping[str, Evidence]) -> Iterator[str]:
    said = Words.of(project.per_unit(keyspace, brief.value("sessions_peak")))
    for entry in resources.catalog("headlines.toml")["headline"]:
        record = evidence.get(entry["evidence"])
        text = entry["text"] if said.sessions else entry.get("without_sessions", entry["text"])
        if text and record is not None and entry["value"] in record:
            yield text.format(
                value=f"{write_value(record[entry['value']])} ({record[entry['value']].grade}, [{record.id}])",
                number=record.number(entry["value"]),
                Session=said.a_one.capitalize(),
                target=units.write(brief.value("sync_latency"), "s"),
            )


def _short(brief: Brief, executed: Executed) -> Budget | None:
    """Return the budget of memory where it does not carry the peak, and no decision has fallen, which would come first."""
    budget = Capacity.of(executed.evidence).budget
    if budget is None or not all(d.supported for d in executed.decisions):
        return None
    return budget if budget.carries.value < brief.value("sessions_peak") else None


def back(brief: Brief, keyspace: Keyspace, appendices: Sequence[str]) -> str:
    """Return *Assumptions*, *Scope* and the list of ``appendices``."""
    outside = [r for r in brief.requirements if r.kind == "out-of-scope"]
    inside = [r for r in brief.requirements if r.kind != "out-of-scope"]
    below = sum(r.parent_line is not None for r in inside)
    told = [r for r in brief.remarks if r.kind in ("missing", "unread", "conflict", "stack", "warning")]
    text = words.render(
        "plan/back", brief, keyspace,
        assumed=[fact for fact in words.facts_used(brief, keyspace) if fact.grade == "assumed"],
        read=", ".join(f"`{name}`" for name in brief.documents),
        demands=counted(len(inside) - below, "demand"), conditions=counted(below, "condition") if below else "",
        outside=[f"{inert(r.text).rstrip('.')} ({r.file}:{r.line})" for r in outside],
        remarks=[f"{inert(r.text)}{f' ({r.file}:{r.line})' if r.file and r.line else ''}" for r in told],
        appendices=[about for name, about in APPENDICES.items() if name in appendices],
    )  # fmt: skip
    return link_citations(text)


def appendices(executed: Executed, html_dir: str) -> dict[str, str]:
    """Return what the records add to appendices, by name; ``html_dir`` leads from there to the rendered notebooks."""
    return {
        "untested": link_citations(
            "\n".join(f"- {item}" for item in (*_not_run(executed), *executed.limits)), "untested"
        ),
        "decisions": link_citations(_revisit(executed.decisions), "decisions"),
        "evidence": _evidence(executed, html_dir),
    }


def _not_run(executed: Executed) -> list[str]:
    """Return what did not run: each question with its reason; those that share one as a list behind it."""
    reasons: dict[str, list[Evidence]] = {}
    for record in executed.evidence.values():
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


def _revisit(decisions: Sequence[Decision]) -> str:
    if not decisions:
        return ""
    rows = [f"| [{d.id}] | {d.title} | {_guards(d)} | {'yes' if d.supported else '**no**'} |" for d in decisions]
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


def _evidence(executed: Executed, html_dir: str) -> str:
    if not executed.evidence:
        return ""
    shown = executed.evidence_cells
    lines = ["Raw samples and the full record of each are in the run folder under `evidence/`.", ""]
    lines += ["| Id | Question | Measured values | Samples | Cell |", "|:--|:--|:--|--:|:--|"]
    for id, record in executed.evidence.items():
        notebook, cell = shown.get(id, (record.notebook, ""))
        link = f"[{notebook}]({html_dir}/{notebook}.html{f'#cell-id={cell}' if cell else ''})" if html_dir else notebook
        lines.append(
            f'| <a id="{id.lower()}"></a>{id} | {record.question} | {_values(record)} '
            f"| {record.samples_count:,} | {link} |"
        )
    return "\n".join(lines)


#: Characters of measured values in one cell; units such as sessions become the project's own, longer words.
_MOST_OF_VALUES = 140


def _values(record: Evidence) -> str:
    if record.not_run:
        return "not run"
    written = [
        f"{v.name.replace('_', ' ')} {write_value(v)}" + (f" ({write_interval(v)})" if v.low is not None else "")
        for v in record.values[:6]
    ]
    while len("; ".join(written)) > _MOST_OF_VALUES:
        written.pop()
    more = len(record.values) - len(written)
    return "; ".join(written) + (f"; {more} more in the record" if more > 0 else "")


def relative(target: os.PathLike[str] | str, start: os.PathLike[str] | str) -> str:
    """Return ``target`` relative to ``start`` with forward slashes, as a link in Markdown."""
    return os.path.relpath(target, start).replace(os.sep, "/")


def _guards(decision: Decision) -> str:
    """Return the guards of a decision as they fit a cell; its record below has all of them."""
    told = [str(guard) for guard in decision.holds_while]
    shown = len(told)
    while shown > 1 and len("; ".join(told[:shown])) > _CELL:
        shown -= 1
    return "; ".join(told[:shown]) + (f"; {len(told) - shown} more below" if shown < len(told) else "")
