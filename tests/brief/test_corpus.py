"""The annotated documents beside this checkout: the reader keeps what it has reached."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from redis_plan.brief.report import as_json
from tests import projects
from tests.conftest import CORPUS

pytestmark = pytest.mark.skipif(not (CORPUS / "score.py").exists(), reason="no ../shared/corpus beside this checkout")

#: What was reached, less a little for a change that trades one for another.
FLOORS = {
    "macro": {"quantities": 0.91, "requirements": 0.85, "kind": 0.84, "realtime": 0.50, "stack": 0.78, "fit": 0.70},
}  # fmt: skip


def test_the_scores_stay_above_their_floors(tmp_path: Path):
    briefs = tmp_path / "briefs"
    briefs.mkdir()
    for name in projects.ANNOTATED:
        (briefs / f"{name}.json").write_text(json.dumps(as_json(projects.read(name))), encoding="utf-8")
    command = [sys.executable, str(CORPUS / "score.py"), str(CORPUS), str(briefs), "--json"]
    scores = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert scores["out_of_scope_read_as_demand"] == 0
    for macro, floors in FLOORS.items():
        assert {k: v for k, v in floors.items() if scores[macro][k] < v} == {}
