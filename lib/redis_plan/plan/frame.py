"""The frame: what stands before and after the ten sections, made from the run's records alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

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
from redis_plan.words.capacity import Capacity
from redis_plan.words.memory_words import Words
from redis_plan.words.nouns import own_nouns
from redis_plan.words.sections import APPENDICES
from redis_plan.words.tables import counted
from redis_plan.words.words import inert

#: Characters of a cell that is still read in a table.
_CELL = 180
_FIT = {
    "core": "Redis is core to this project",
    "useful": "Redis is useful here, though the project could live without it",
    "unknown": "It is not known whether this project needs Redis, and what follows is a guess",
    "no": "This project can do without Redis; what follows is the small part where it helps",
}


def front(brief: Brief, keyspace: Keyspace, executed: Executed, run: Run) -> str:
    """Return *In one minute*, *Build this*, *Where this plan differs from your notes* and *Answers to your open questions*."""
    keys = counted(len(keyspace.keys), "key pattern")
    channels = counted(len(keyspace.channels), "channel") if keyspace.channels else "no channel"
    fit = f"{_FIT[brief.fit]}: {brief.fit_because.rstrip('.')}."
    points = [
        fit,
        f"It holds {keys} and {channels}; what is durable stays in the database.",
        f"[What serves each demand]({APPENDICES['stories'].file}): {matrix.summary(played.shown(run.load_stories(), run).rows)}.",
        *_headlines(brief, keyspace, executed.evidence),
        *_risks(brief, keyspace, executed),
    ]
    if not keyspace.patterns:
        points = [fit, "No key and no channel is proposed; the database keeps everything."]
    parts = [
        "\n".join(["## In one minute", "", *(f"- {point}" for point in points), "", _how_to_read(executed)]),
        own_nouns(build_this.build_this(brief, keyspace, run), keyspace),
        _differences(brief, keyspace, executed),
        _answers(brief, keyspace, executed),
    ]
    return link_citations("\n\n".join(part for part in parts if part))


def _differences(brief: Brief, keyspace: Keyspace, executed: Executed) -> str:
    found = on_notes.differences(brief, keyspace, executed.evidence)
    return f"## Where this plan differs from your notes\n\n{found}" if found else ""


def _answers(brief: Brief, keyspace: Keyspace, executed: Executed) -> str:
    answered, left = on_notes.answers(brief, keyspace, executed.evidence, executed.decisions)
    if not answered and not left:
        return ""
    rest = ["", f"Yours to answer: {' · '.join(left)}"] if left else []
    return "\n".join(["## Answers to your open questions", "", *(f"- {said}" for said in answered), *rest])


def _scope(brief: Brief) -> str:
    """Return what was read, what is left out on purpose, and what the reader wants to be seen."""
    outside = [r for r in brief.requirements if r.kind == "out-of-scope"]
    read = ", ".join(f"`{name}`" for name in brief.documents)
    demands = sum(r.parent_line is None for r in brief.requirements if r not in outside)
    below = len(brief.requirements) - len(outside) - demands
    conditions = f" and {counted(below, 'condition')} beneath them" if below else ""
    lines = ["## Scope", "", f"Read: {read}, with {counted(demands, 'demand')}{conditions}."]
    if outside:
        told = " · ".join(f"{inert(r.text).rstrip('.')} ({r.file}:{r.line})" for r in outside)
        lines[-1] += f" Out of scope, and so not designed for: {told}."
    remarks = [r for r in brief.remarks if r.kind in ("missing", "unread", "conflict", "stack", "warning")]
    if remarks:
        lines += ["", "What the reader of the documents wants you to see:", ""]
        lines += [f"- {inert(r.text)}{f' ({r.file}:{r.line})' if r.file and r.line else ''}" for r in remarks]
    return "\n".join(lines)


def _headlines(brief: Brief, keyspace: Keyspace, evidence: dict[str, Evidence] | object) -> Iterable[str]:
    assert isinstance(evidence, dict)
    said = Words.of(project.per_unit(keyspace, brief.value("sessions_peak")))
    table = resources.catalog("headlines.toml")
    for entry in table["headline"]:
        record = evidence.get(entry["evidence"])
        if record is not None and entry["value"] in record:
            text = entry["text"] if said.sessions else entry.get("without_sessions", entry["text"])
            if not text:
                continue
            yield text.format(
                value=f"{write_value(record[entry['value']])} ({record[entry['value']].grade}, [{record.id}])",
                number=record.number(entry["value"]),
                Session=said.a_one.capitalize(),
                target=units.write(brief.value("sync_latency"), "s"),
            )


def _risks(brief: Brief, keyspace: Keyspace, executed: Executed) -> list[str]:
    """Return the largest risk: a guard that fails, else a budget that is too small, and then what is assumed."""
    found = Capacity.of(executed.evidence)
    first = _largest_risk(brief, keyspace, executed.decisions)
    if found.budget is None or not all(d.supported for d in executed.decisions):
        return [first]
    carries, peak, memory = found.budget.carries.value, brief.fact("sessions_peak"), brief.fact("memory_budget")
    if carries >= peak.value:
        return [first]
    said = Words.of(project.per_unit(keyspace, peak.value))
    short = (
        f"Largest risk: the memory of {words.fact(memory)} carries {said.count(carries)} (modelled, [{found.budget.id}]), and the "
        f"peak is {said.count(peak.value)} ({peak.where}). {_cheapest(brief, keyspace, found)}"
    )
    return [short, first.replace("Largest risk: ", "Besides, ", 1)]


def _cheapest(brief: Brief, keyspace: Keyspace, found: Capacity) -> str:
    """Say what in the design causes a budget that is too small, and what mends it first."""
    taken = levers.enough(levers.levers(brief, keyspace, found), brief.value("sessions_peak"))
    if not taken:
        return "Section 5 says what it takes."
    cures = "; ".join(lever.what for lever in taken)
    return f"What cures it first is a smaller design, not a larger node ({cures}): {taken[-1].fit:,.0f} then fit (section 5)."


def _largest_risk(brief: Brief, keyspace: Keyspace, decisions: Sequence[Decision]) -> str:
    failing = [(d, g) for d in decisions for g in d.holds_while if not g.holds]
    if failing:
        told = (
            f"“{d.title}” is no longer supported: {g.says} is {units.write(g.actual, g.unit)}, the limit {units.write(g.limit, g.unit)}"
            for d, g in failing
        )
        return f"Largest risk: {'; '.join(told)}."
    used = words.facts_used(brief, keyspace)
    if assumed := [fact for fact in used if fact.grade == "assumed"]:
        first = assumed[0]
        return (
            f"Largest risk: {len(assumed)} of {len(used)} numbers behind the design are assumed, first of all "
            f"`{first.name}` = {units.write(first.value, first.unit)} ([Assumptions](#assumptions))."
        )
    return "Every number behind the design is stated in the documents, and every guard holds in this run."


def _how_to_read(executed: Executed) -> str:
    profiles = sorted({e.profile for e in executed.evidence.values()})
    servers = sorted({e.server.describe() for e in executed.evidence.values()})
    return (
        "A number is *measured* in this run (`[E-NNx]` leads to its record), *modelled* from such or documented terms, "
        "*documented*, *assumed* (a line of `ai/redis-plan.toml` replaces it) or *chosen*, which is free to set. "
        "*Holds while* is checked at every build. "
        f"Profile: {', '.join(profiles) or 'none'}. Measured on: {'; '.join(servers) or 'no server'}."
    )


def back(brief: Brief, keyspace: Keyspace, appendices: Sequence[str]) -> str:
    """Return *Assumptions*, *Scope* and the list of ``appendices``."""
    parts = [
        _assumptions(brief, keyspace),
        _scope(brief),
        "## Appendices\n\n"
        + " · ".join(f"[{a.title}]({a.file}): {a.holds}" for name, a in APPENDICES.items() if name in appendices),
    ]
    return "\n\n".join(link_citations(part) for part in parts if part)


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


def _assumptions(brief: Brief, keyspace: Keyspace) -> str:
    assumed = [fact for fact in words.facts_used(brief, keyspace) if fact.grade == "assumed"]
    if not assumed:
        return ""
    lines = [f"{fact.toml.removeprefix('[facts] ')}  # {' '.join(fact.because.split())}" for fact in assumed]
    return "\n".join(
        [
            "## Assumptions",
            "",
            "The documents are silent on these; a line in `ai/redis-plan.toml` replaces one.",
            "",
            "```toml",
            "[facts]",
            *lines,
            "```",
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
