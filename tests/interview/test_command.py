"""``redis-plan read`` with the options that are about correcting."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from redis_plan.cli import app
from redis_plan.errors import InputError
from tests.interview.documents import QUIZ


def run(*arguments):
    return CliRunner().invoke(app, ["read", *map(str, arguments)])


def test_propose_names_the_file_and_the_weakest_reading(project):
    folder = project(prd=QUIZ)
    result = run(folder, "--propose")
    assert result.exit_code == 0
    assert "redis-plan.toml.proposed: the weakest reading is " in result.output
    assert (
        (folder / "ai" / "redis-plan.toml.proposed").read_text("utf-8").startswith("# Buzzword: what redis-plan read")
    )


def test_agent_and_schema_print_to_a_pipe(project):
    assert run(project(prd=QUIZ), "--agent").output.startswith("# Correct how redis-plan read “Buzzword”")
    assert json.loads(run(project(prd=QUIZ), "--schema").output)["title"] == "redis-plan.toml"


def test_read_shows_what_the_design_takes_and_what_corrects_it(project):
    output = run(project(prd=QUIZ)).output
    assert "a session is a room" in output
    assert '[uses] drop = ["votes"]' in output
    assert "Look at these first" in output


def test_two_of_them_are_one_too_many(project):
    result = run(project(prd=QUIZ), "--check", "--agent")
    assert isinstance(result.exception, InputError)
    assert str(result.exception) == "--agent and --check exclude each other: give one"
