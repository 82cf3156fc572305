"""Confirming: what a team pastes into ``ai/redis-plan.toml`` where an action may carry a demand out and nothing is sure of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from redis_plan.actions import ability, catalog
from redis_plan.actions.matrix import Row, Stories
from redis_plan.actions.model import Kind


def entries(found: Stories) -> str:
    """Return the TOML that has every demand served which an action may carry out; "" where there is none.

    Where the design has no session, an action that needs one comes with what could be the session. One action is one entry, with all
    its demands; the team leaves out those that the action does not carry out.
    """
    asked: dict[str, list[Row]] = {}
    for row in found.rows:
        if row.likely in catalog.kinds():
            asked.setdefault(row.likely, []).append(row)
    kinds = {id: catalog.kinds()[id] for id in asked}
    names = _names(kinds.values(), found)
    taken = {id: _use_of(kind, asked[id]) for id, kind in kinds.items()}
    needs_session = found.shared is not None and any(map(ability.lives_in_session, kinds.values()))
    made = [_session(found.shared or "")] if needs_session else []
    made += [_table("[[actions]]", name=names[id], like=id, serves=_places(asked[id])) for id in kinds if not taken[id]]
    entries = [
        f"  {{ use = {json.dumps(use)}, serves = {json.dumps(_places(asked[id]))} }},"
        for id, use in taken.items()
        if use
    ]
    made += ["\n".join(["[uses]", "take = [", *entries, "]"])] if entries else []
    return "\n\n".join(made)


def _use_of(kind: Kind, rows: Sequence[Row]) -> str:
    """Return the use that has to be taken for ``kind``: it is a function of the kernel, or the design lacks its key; else ""."""
    lacking = next((row.lacking for row in rows if row.lacking), "")
    return lacking or (kind.use if kind.call and kind.use != ability.SESSION else "")


def _session(noun: str) -> str:
    return _table("[session]", noun=noun) if noun else f"{_table('[session]', noun='room')}  # or your word for it"


def _table(head: str, **fields: object) -> str:
    return "\n".join([head, *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items())])


def _places(rows: Sequence[Row]) -> list[str]:
    return [row.place for row in rows]


def _names(kinds: Iterable[Kind], found: Stories) -> dict[str, str]:
    """Return what the action of each kind is called: as the project has it, else a name that nothing else has."""
    there = {action.kind.id: action.name for action in found.actions}
    taken, names = set(there.values()), {}
    for kind in kinds:
        free = (n for n in (kind.name, f"{kind.name}_{kind.mechanic}".replace("-", "_")) if n not in taken)
        names[kind.id] = there.get(kind.id) or next(free, kind.id.replace(".", "_").replace("-", "_"))
        taken.add(names[kind.id])
    return names
