"""What serves each demand, and the actions behind it: what their templates need beside the design."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from redis_plan.actions import catalog, confirming, deadlines, diagram, messages
from redis_plan.actions.matrix import SERVED, Row, Served, Stories, declared, summary
from redis_plan.actions.model import Action
from redis_plan.brief.model import Brief
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words
from redis_plan.words.tables import table
from redis_plan.words.words import inert

_HEADINGS: dict[Served, str] = {
    "concrete": "Carried out by an action of their own",
    "generic": "Met by the design as a whole",
    "outside": "Outside Redis",
    "not": "Not served",
}
#: Characters of a demand that a row shows.
SHOWN = 90


def matrix_section(brief: Brief, keyspace: Keyspace, stories: Stories) -> str:
    """Return the matrix, a table for each way of being served."""
    parts = []
    for served in SERVED:
        rows = [row for row in stories.rows if row.served == served]
        if rows:
            told = (
                _unserved(brief, keyspace, rows, stories)
                if served == "not"
                else _table(served, rows, stories, keyspace)
            )
            parts.append((_HEADINGS[served], told))
    return words.render("chapters/sessions/matrix", brief, keyspace, summary=summary(stories.rows), parts=parts)


def actions_section(brief: Brief, keyspace: Keyspace, actions: Sequence[Action]) -> str:
    """Return the actions of the project: who does each, what refuses it and who is told; their life, and their main loop."""
    if not actions:
        return ""
    head = ["Action", "Who", "Refused as", "Announced", "Numbers"]
    return words.render(
        "chapters/sessions/actions", brief, keyspace, actions=table(head, [_action(action) for action in actions]),
        drawn=diagram.life(actions), loop_drawn=messages.loop(actions, keyspace.member_noun, keyspace.session_noun, keyspace.fcall_name),
        deadlines=_deadlines(actions),
    )  # fmt: skip


def _action(action: Action) -> list[str]:
    """Return the cells of one action: name, who, refused as, announced, numbers."""
    numbers = (
        f"{given.parameter.name} {given.value:,} ({_grade(given.grade, given.file, given.line)})"
        for given in action.parameters
    )
    return [
        f"`{action.name}`",
        action.actor,
        ", ".join(dict.fromkeys(guard.answer for guard in action.kind.guards)) or "–",
        f"`{action.kind.announces}` to {action.kind.audience}" if action.kind.announces else "–",
        ", ".join(numbers) or "–",
    ]  # fmt: skip


def _deadlines(actions: Sequence[Action]) -> str:
    """Return which action sets, moves and removes which deadline, and who takes it up; "" where there is none."""
    found = deadlines.deadlines((action.name, action.kind) for action in actions)
    head = ["Deadline", "Entry", "Due at", "Set by", "Moved by", "Removed by", "Taken up by"]
    rows = [[d.what, f"`{d.entry}`", d.at, *map(_names, (d.sets, d.moves, d.removes, d.taken_up))] for d in found]
    return table(head, rows) if rows else ""


def _names(names: Sequence[str]) -> str:
    return ", ".join(name if " " in name else f"`{name}`" for name in dict.fromkeys(names)) or "–"


def _grade(grade: str, file: str, line: int) -> str:
    return f"{file}:{line}" if file else grade


def _table(served: Served, rows: list[Row], stories: Stories, keyspace: Keyspace) -> str:
    names = {p.template: p.name for p in keyspace.patterns}
    kinds = {action.name: action.kind for action in stories.actions}
    if served == "concrete":
        head = ["Demand", "Actions", "Keys", "Announced", "Shown by"]
        told = [
            [
                _demand(row),
                _code(row.actions),
                _code(names[key] for key in row.keys if key in names),
                _code(dict.fromkeys(kinds[name].announces for name in row.actions if name in kinds)),
                f"`{row.test}`",
            ]
            for row in rows
        ]
    else:
        head = ["Demand", "Where, or why not"]
        told = [[_demand(row), inert(row.why)] for row in rows]
    return table(head, told)


def _unserved(brief: Brief, keyspace: Keyspace, rows: list[Row], stories: Stories) -> str:
    """Return the demands that nothing serves: with what declares it where a key lacks or an action may be meant, the others as a list."""
    likely = [row for row in rows if row.likely in catalog.kinds()]
    hinted = [row for row in rows if (row.lacking or row.likely) and row not in likely]
    return words.render(
        "chapters/sessions/unserved", brief, keyspace, declared=declared(rows[-1]), pasted=confirming.entries(stories),
        likely=[{"demand": _demand(row), "kind": row.likely} for row in likely],
        hinted=[{"demand": _demand(row), "why": _hint(row.why)} for row in hinted],
        refuted=[{"demand": _demand(row), "why": row.why} for row in rows if row.by],
        others=[_demand(row) for row in rows if not (row.lacking or row.likely or row.by)],
    )  # fmt: skip


def _hint(why: str) -> str:
    """Return why nothing serves a demand; what is to be declared stands in it as code, to be copied."""
    said, table, entry = why.partition(": [")
    return f"{inert(said)}: `[{entry}`" if table else inert(why)


def _demand(row: Row) -> str:
    text = row.text.split(" · ")[0].replace("|", "·")
    short = text if len(text) <= SHOWN else text[: SHOWN - 1].rsplit(" ", 1)[0] + "…"
    return f"{inert(short)} ({row.place})"


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names if name) or "–"
