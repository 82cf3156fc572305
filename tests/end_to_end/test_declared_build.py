"""A design that a team declared, with own Lua: built whole, measured, played and planned like any other."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.conftest import redis_plan
from tests.plan import reading

BOARD = Path(__file__).parents[1] / "actions" / "whiteboard"
OWN = ("move_shape", "bring_to_front")


@pytest.fixture(scope="module")
def board(tmp_path_factory) -> Path:
    project = tmp_path_factory.mktemp("board") / "project"
    shutil.copytree(BOARD, project)
    done = redis_plan("build", project, "--profile", "quick")
    assert done.code == 0, done.err
    return project


def evidence(project: Path, id: str) -> dict:
    return json.loads((project / f"data/runs/quick/evidence/{id}.json").read_text("utf-8"))


@pytest.mark.slow
def test_its_own_actions_are_delivered_played_and_cited(board):
    played = {
        v["name"].split()[1]: (v["value"], v["n"])
        for v in evidence(board, "E-07k")["values"]
        if v["name"].startswith("played ")
    }
    for name in OWN:
        assert f"local function own_{name}(" in (board / "ai/redis/functions.lua").read_text("utf-8")
        assert f"def {name}(" in (board / "ai/redis/redis_plan_actions.py").read_text("utf-8")
        assert played[name][0] == played[name][1] > 0
    stories = (board / "ai/redis-plan/stories.md").read_text("utf-8")
    assert re.search(r"US-02.*`move_shape`.*E-07k", stories)
    assert "sequenceDiagram" in stories
    for id in ("E-07k", "E-07l", "E-07m"):
        assert {v["name"]: v["value"] for v in evidence(board, id)["values"]}["violations"] == 0, id


@pytest.mark.slow
def test_its_keys_are_measured_and_its_plan_can_be_read(board):
    record = json.loads((board / "ai/redis-plan.json").read_text("utf-8"))
    declared = {p["name"] for p in record["keyspace"]["patterns"]}
    assert {"shapes", "order", "unsaved"} <= declared
    text = reading.whole(board / "ai")
    assert re.search(r"`shapes` \| .*KiB|`shapes` \| .*\bB\b", text)
    for path in reading.files(board / "ai"):
        assert not reading.dead_links(path)
        assert not reading.long_cells(path.read_text("utf-8"))


@pytest.mark.slow
def test_the_matrix_names_the_run_that_played_them(board):
    done = redis_plan("stories", board)
    assert "Shown by data/runs/quick, notebook 07_sessions" in done.out
    rows = {row["id"]: row for row in json.loads(redis_plan("stories", board, "--json").out)}
    assert rows["US-02"]["test"] == "E-07k move_shape"
