"""The decisions of a section as a short table: what was decided, why, instead of what, and while which guard holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from redis_plan import units
from redis_plan.evidence.decision import Decision, Guard
from redis_plan.words.sections import APPENDICES

#: What a cell may hold before a reader loses the line, in characters.
CELL = 180
#: Rows of a table; of what follows only the titles are told.
ROWS = 5
_EVIDENCE = re.compile(r" ?\[(?:[ED]-\d\d[a-z]+)(?:, [ED]-\d\d[a-z]+)*\]")
#: What stands in brackets behind a number: interval, sample count and grade, which the record in full has.
_BRACKETED = re.compile(r" \((?:95 %|n = |measured)[^()]*\)")
#: Where a clause ends that can stand alone: not inside brackets.
_CLAUSE = re.compile(r"[;.] (?![^(]*\))")


def decision_table(decisions: Sequence[Decision]) -> str:
    """Return the table, each decision a link to its record in full; "" where there is none."""
    if not decisions:
        return ""
    ordered = sorted(decisions, key=lambda d: d.supported)  # what no longer holds is never left to the rest
    rows = [f"| {_linked(d)} | {_because(d)} | {_instead(d)} | {_holds(d)} |" for d in ordered[:ROWS]]
    lines = ["| Decision | Because | Instead of | Holds while |", "|:--|:--|:--|:--|", *rows]
    if further := ordered[ROWS:]:
        lines += ["", f"Decided likewise: {', '.join(_linked(d) for d in further)}."]
    return "\n".join(lines)


def _linked(decision: Decision) -> str:
    return f"[{_cell(decision.title)}]({APPENDICES['decisions'].file}#{decision.id.lower()})"


def plain(markdown: str) -> str:
    """Return text without citations and without what the brackets behind its numbers say.

    >>> plain("The hash takes 912 B (n = 2,000; measured, [E-06d]), the string 900 B [E-06d].")
    'The hash takes 912 B, the string 900 B.'
    """
    return _EVIDENCE.sub("", _BRACKETED.sub("", markdown)).strip()


def _because(decision: Decision) -> str:
    said = plain(decision.because)
    clauses = _CLAUSE.split(said)
    short = clauses[0] if len(clauses[0].split()) > 3 else said
    return _cell(short[:1].upper() + short[1:])


def _instead(decision: Decision) -> str:
    return _cell("; ".join(a.name for a in decision.instead_of))


def _holds(decision: Decision) -> str:
    if not decision.supported:
        failing = next(g for g in decision.holds_while if not g.holds)
        return f"**no longer**: {_guard(failing)}, now {units.write(failing.actual, failing.unit)}"
    return _cell("; ".join(_guard(g) for g in decision.holds_while))


def _guard(guard: Guard) -> str:
    sign = {"<=": "≤", ">=": "≥"}[guard.op]
    return f"{guard.says} {sign} {units.write(guard.limit, guard.unit) if guard.limit else 0}"


def _cell(text: str) -> str:
    """Return ``text`` for a cell: at most :data:`CELL` characters, cut where a clause or else a word ends."""
    told = " ".join(text.split()).rstrip(".;:")
    if len(told) > CELL:
        cut = told[:CELL]
        at = max(cut.rfind("; "), cut.rfind(", "))
        told = cut[: at if at > CELL // 2 else cut.rfind(" ")].rstrip(" ;,") + " …"
    return re.sub(r"(?<!\\)\|", r"\\|", told)
