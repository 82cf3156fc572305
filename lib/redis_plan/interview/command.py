"""What the options of ``redis-plan read`` and ``design`` print that are about correcting: text and exit code."""

from __future__ import annotations

from pathlib import Path

from redis_plan.brief import documents
from redis_plan.brief.overrides import NAME
from redis_plan.brief.overrides.published import json_schema
from redis_plan.interview import assistant, checking, design_task, designed, prompting, proposal, reading


def run(option: str, project: Path, force: bool = False) -> tuple[str, int]:
    """Return what ``option`` prints for ``project``, and the exit code: 1 or 2 where a check found something."""
    if option == "--schema":
        return json_schema(), 0
    if option == "--check":
        return _checked(project)
    if option == "design --check":
        wrong = designed.check(project)
        return "".join(f"{fault}\n" for fault in wrong), 2 if wrong else 0
    if option == "init --agent":
        return f"{prompting.write(project, force)}\n", 0
    found = reading.read(project)
    if option == "design --agent":
        return design_task.task(found), 0
    if option == "--agent":
        return assistant.task(found), 0
    path = proposal.write(found, force)
    weak = next(iter(reading.open_points(found)), None)
    hint = f"the weakest reading is {weak.key} ({weak.where or 'said nowhere'})" if weak else "nothing is open"
    return f"{path}: {hint}; correct it, save it as {NAME}, and run redis-plan read --check\n", 0


def _checked(project: Path) -> tuple[str, int]:
    found = checking.check(project)
    name = str(documents.find_folder(project) / NAME)
    return "".join(finding.text(name) + "\n" for finding in found), 1 if found else 0
