"""What serves each demand: the story matrix as text of the plan, and its counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from redis_plan.actions import deadlines, diagram, messages
from redis_plan.actions.matrix import SERVED, Row, Served, Stories, declared, summary
from redis_plan.actions.model import Action
from redis_plan.keyspace.model import Keyspace
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


def matrix_section(stories: Stories, keyspace: Keyspace) -> str:
    """Return the matrix, a table for each way of being served, and the actions behind it."""
    parts = ["### What serves each demand", f"{summary(stories.rows)}."]
    parts.append(
        "A demand counts as carried out where an action does what it says and a test or an experiment ran that action; "
        "words in common are no service."
    )
    for served in SERVED:
        rows = [row for row in stories.rows if row.served == served]
        if rows:
            told = _unserved(rows) if served == "not" else _table(served, rows, stories, keyspace)
            parts += [f"#### {_HEADINGS[served]}", told]
    return "\n\n".join(parts)


def actions_section(actions: Sequence[Action], keyspace: Keyspace) -> str:
    """Return the actions of the project: who does each, what refuses it and who is told; their life, and their main loop."""
    rows = [
        [
            f"`{action.name}`",
            action.actor,
            ", ".join(dict.fromkeys(guard.answer for guard in action.kind.guards)) or "–",
            f"`{action.kind.announces}` to {action.kind.audience}" if action.kind.announces else "–",
            ", ".join(f"{given.parameter.name} {given.value:,} ({_grade(given.grade, given.file, given.line)})" for given in action.parameters) or "–",
        ]
        for action in actions
    ]  # fmt: skip
    if not rows:
        return ""
    head = ["Action", "Who", "Refused as", "Announced", "Numbers"]
    drawn = diagram.life(actions)
    told = [f"The life that these actions make:\n\n```mermaid\n{drawn}\n```"] if drawn else []
    if loop := messages.loop(actions, keyspace.member_noun, keyspace.session_noun):
        told.append(
            f"The main loop as messages; what is refused has written nothing and tells nobody:\n\n```mermaid\n{loop}\n```"
        )
    return "\n\n".join(["### Actions of this project", table(head, rows), *told, *_deadlines(actions)])


def _deadlines(actions: Sequence[Action]) -> Iterable[str]:
    """Yield which action sets, moves and removes which deadline, and who takes it up."""
    found = deadlines.deadlines((action.name, action.kind) for action in actions)
    if not found:
        return
    yield (
        "Deadlines lie in `due`, in another slot than the session: who calls an action writes the entry `<session_id>:<entry>` "
        "after it, as `redis/redis_plan_deadlines.py` does for a gateway, and the action that takes it up (in "
        "`redis/redis_plan_duties.py`) looks once more by the server's clock."
    )
    head = ["Deadline", "Entry", "Due at", "Set by", "Moved by", "Removed by", "Taken up by"]
    yield table(
        head, [[d.what, f"`{d.entry}`", d.at, *map(_names, (d.sets, d.moves, d.removes, d.taken_up))] for d in found]
    )


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


def _unserved(rows: list[Row]) -> str:
    """Return the demands that nothing serves: with what declares it where a key lacks or an action may be meant, the others as a list."""
    hinted = [f"- {_demand(row)}: {inert(row.why)}" for row in rows if row.lacking or row.likely]
    others = [_demand(row) for row in rows if not (row.lacking or row.likely)]
    told = [f"- No action does this: {'; '.join(others)}."] if others else []
    last = f"\n\nWhat of it is about live state is declared in `ai/redis-plan.toml`, such as `{declared(rows[-1])}`."
    return "\n".join([*hinted, *told]) + last


def _demand(row: Row) -> str:
    text = row.text.split(" · ")[0].replace("|", "·")
    short = text if len(text) <= SHOWN else text[: SHOWN - 1].rsplit(" ", 1)[0] + "…"
    return f"{inert(short)} ({row.place})"


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names if name) or "–"
