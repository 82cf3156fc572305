"""The design as a task: what an assistant needs stands in it, and the prompt file names both tasks."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from redis_plan.actions import catalog, vocabulary
from redis_plan.brief.overrides.schema import DeclaredAction, DeclaredKey
from redis_plan.cli import app
from redis_plan.interview import design_task, prompting, reading
from tests.interview.documents import QUIZ

FAULTY = '[[actions]]\nname = "wave"\nguards = [{ guard = "seet" }]\nannounces = "waved"\n'


@pytest.fixture
def task(project):
    return design_task.task(reading.read(project(prd=QUIZ, stack="- Redis 7\n", toml=FAULTY)))


def test_it_holds_documents_demands_keys_mechanics_vocabulary_and_schema(task):
    for number, line in enumerate(QUIZ.splitlines(), 1):
        assert any(f"{number:>5} {mark} {line}".rstrip() in task for mark in " DLx")
    for kind in catalog.kinds().values():
        assert f"`{kind.id}`" in task
    for word in (*vocabulary.guards().values(), *vocabulary.effects().values()):
        assert f"- `{word.name}` {{" in task
    for field in (*DeclaredAction.model_fields, *DeclaredKey.model_fields):
        assert f"- `{field}`:" in task
    assert "redis-plan design --check" in task
    assert "$file" not in task


def test_what_nothing_serves_stands_first(task):
    rows = task.split("## What serves each demand now")[1].split("##")[0].strip().splitlines()
    served = [row.split("), ")[1].split(" by ")[0].split(":")[0] for row in rows]
    assert served == sorted(served, key=("not", "generic", "concrete", "outside").index)


def test_a_prompt_file_is_written_where_editors_look_and_an_edited_one_stays(project):
    folder = project(prd=QUIZ)
    done = CliRunner().invoke(app, ["init", str(folder), "--agent"])
    path = Path(done.stdout.strip())
    assert path == folder / prompting.PLACE
    for command in ("read --agent", "read --check", "design --agent", "design --check"):
        assert f"`redis-plan {command}`" in path.read_text("utf-8")
    assert CliRunner().invoke(app, ["init", str(folder), "--agent"]).exit_code == 0
    path.write_text("ours", "utf-8")
    edited = CliRunner().invoke(app, ["init", str(folder), "--agent"])
    assert edited.exception is not None
    assert "was edited; --force replaces it" in str(edited.exception)
    assert path.read_text("utf-8") == "ours"
    assert CliRunner().invoke(app, ["init", str(folder), "--agent", "--force"]).exit_code == 0
    assert "$folder" not in path.read_text("utf-8")
