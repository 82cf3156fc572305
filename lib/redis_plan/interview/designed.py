"""Designed: whether the keys and actions that a team declares can be built on: ``redis-plan design --check``.

What the schema refuses comes first, then keys, then actions with their own Lua, each by file and line; what is left is
loaded into a server of ours and called.
"""

from __future__ import annotations

from pathlib import Path

from redis_plan import brief as reader
from redis_plan.actions import declaring, designing, holding, proving
from redis_plan.actions.declaring import Fault
from redis_plan.actions.finding import find_actions
from redis_plan.brief import documents
from redis_plan.brief.model import Brief
from redis_plan.brief.overrides import NAME
from redis_plan.brief.overrides.loading import examine, read_text, with_lua
from redis_plan.errors import OverrideError
from redis_plan.keyspace import cues, declared
from redis_plan.keyspace.design import empty


def check(project: Path) -> tuple[Fault, ...]:
    """Return what is wrong with the declared design of ``project``, by file and line.

    Raises :class:`OverrideError` where there is no redis-plan.toml, :class:`DocumentError` where the documents can't be read.
    """
    folder = documents.find_folder(project)
    path = folder / NAME
    if not path.exists():
        raise OverrideError(f"{path}: no such file; `redis-plan read --propose` writes one to start from")
    given, faults = examine(read_text(path))
    if faults:
        return tuple(Fault(str(path), *fault) for fault in faults)
    try:
        with_lua(given, folder)
        found = of(reader.read(project))
    except OverrideError as error:
        return (split(str(error), folder),)
    return tuple(sorted(Fault(str(folder / f.file), f.line, f.says) for f in found))


def of(brief: Brief) -> tuple[Fault, ...]:
    """Return what is wrong with the keys and actions that ``brief`` declares."""
    session = cues.find_session(brief)
    _, faults = declared.examine(brief, empty(brief, session), session is not None)
    if faults:
        return tuple(Fault(NAME, *fault) for fault in faults)
    keyspace = designing.keys(brief).keyspace({})
    found, wrong = declaring.examine(brief, keyspace)
    twice = holding.held_twice(find_actions(brief, keyspace), brief) if not wrong else ()
    wrong = wrong or tuple(Fault(NAME, *fault) for fault in twice)
    return wrong or proving.prove(found, keyspace)


def split(text: str, folder: Path) -> Fault:
    """Return an error that names file and line as a fault."""
    file, _, rest = text.partition(":")
    line, _, says = rest.partition(":")
    number = int(line) if line.isdigit() else 1
    return Fault(file if "/" in file else str(folder / file), number, (says if line.isdigit() else rest).strip())
