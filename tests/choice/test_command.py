"""``redis-plan design``: the keys at a glance, and for wrong input one line with the place, before anything runs."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from redis_plan import cli, resources
from redis_plan.brief import read
from redis_plan.chapters.naming import choices_text
from redis_plan.choice import choose
from redis_plan.codec import from_json
from redis_plan.keyspace.model import Keyspace

DOCUMENTS = ("prd.md", "redis_planning_summary.md", "tech-stack.md")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The sample's documents in a project of the test's own."""
    (tmp_path / "ai").mkdir()
    for name in DOCUMENTS:
        shutil.copy(resources.sample_project() / "ai" / name, tmp_path / "ai" / name)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str, str]:
    """Run the command in this process; return exit code, output and errors."""
    monkeypatch.setattr(sys, "argv", ["redis-plan", *map(str, words)])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_the_keys_are_printed_with_runner_up_margin_and_what_is_assumed(capsys, monkeypatch, project) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run(capsys, monkeypatch, "design", project)
    assert code == 0
    assert "runner-up stream at 1.1×" in out
    assert "runner-up string-per-field (1.1×), out: the functions declare their keys" in out
    assert "buzz:v1:{<session_id>}:log" in out
    assumed = out.split("assumed, no document says: ")[1]
    assert "state_bytes 600 B" in assumed
    assert "session_capacity" not in assumed


def keyspace_of(out: str) -> Keyspace:
    """Return the keys of a design that was printed as JSON, without the uses that have none of their own."""
    told = json.loads(out)
    told["patterns"] = [p for p in told["patterns"] if "kept_in" not in p]
    return from_json(Keyspace, json.dumps(told))


def test_json_is_the_keyspace(capsys, monkeypatch, project) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run(capsys, monkeypatch, "design", project, "--json")
    assert code == 0
    told = json.loads(out)
    assert keyspace_of(out).app == told["app"] == "buzz"
    kept = {p["use"]: p for p in told["patterns"] if "kept_in" in p}
    assert {use: (p["kept_in"], p["fields"]) for use, p in kept.items()} == {
        "roles": ("state", ["role:$member"]),
        "round": ("state", ["phase"]),
    }


def tree(project: Path) -> dict[Path, bytes]:
    """Every file of the project with its content."""
    return {path: path.read_bytes() for path in sorted(project.rglob("*")) if path.is_file()}


def prd(project: Path, text: str) -> Path:
    for name in DOCUMENTS[1:]:
        (project / "ai" / name).unlink()
    (project / "ai" / "prd.md").write_text(text)
    return project


def test_documents_without_entities_design_nothing_and_say_why(capsys, monkeypatch, project) -> None:  # type: ignore[no-untyped-def]
    code, out, err = run(
        capsys, monkeypatch, "design", prd(project, "# Poem\n\nThe wind is old and the sea is older.\n")
    )
    assert (code, err) == (0, "")
    assert "no key is proposed" in out
    assert "too little to judge by" in out
    asked = read(project)
    assert asked.fit == "unknown"
    assert choices_text.options(choose(asked)).empty


def test_an_entity_without_a_quantity_is_designed_on_named_assumptions(capsys, monkeypatch, project) -> None:  # type: ignore[no-untyped-def]
    text = (
        "# Chess\n\n## User stories\n\n- As a player I join a room and see the other player's moves in real time.\n"
        "- When a player makes a move, everyone in the room sees it immediately over WebSocket.\n"
        "- A player who loses the connection can reconnect to the room.\n"
    )
    code, out, err = run(capsys, monkeypatch, "design", prd(project, text))
    assert (code, err) == (0, "")
    assert "chess:v1:{<session_id>}:state" in out
    for fact in ("sessions_peak", "members_per_session", "events_per_session", "payload_bytes"):
        assert fact in out.split("assumed, no document says:")[1]


REFUSED = {
    "contradictory pins": (
        '[structures]\nscore = "zset"\nleaderboard = "hash"\n',
        ":2: contradictory pins of `score`", "redis-plan.toml:3",
    ),
    "the same pin twice": ('[structures]\nlog = "list"\nlog = "stream"\n', ":3: is not TOML", "overwrite"),
    "a structure that the version lacks": (
        '[naming]\nprefix = "quiz"\n[structures]\ncode = "hash-buckets"\n',
        ":4: code is pinned to hash-buckets, which needs hash-field-setex (Redis 8.0, Valkey 9.0)", "the stack names Redis 7.4",
    ),
    "a prefix that breaks the grammar": ('[naming]\nprefix = "Quiz:{1}"\n', ":2: [naming] prefix must be", "'Quiz:{1}'"),
    "a prefix that is too long": ('[naming]\nprefix = "a-name-of-more-than-the-forty-four-bytes-of-one"\n', ":2: [naming] prefix must be at most 44", "'a-name"),
    "an empty prefix": ('[naming]\nprefix = ""\n', ":2: [naming] prefix must be", "''"),
    "a prefix that is no text": ('[naming]\nprefix = 5\n', ":2: [naming] prefix must be", "got 5"),
    "a structure that is no text": ('[structures]\ncode = 5\n', ":2: [structures] code must be", "got 5"),
    "a key that does not exist": ('[structures]\nrooster = "hash"\n', ":2: no key is called 'rooster'", "did you mean roster?"),
    "a structure that does not exist": ('[structures]\nlog = "geo-list"\n', ":2: log is pinned to 'geo-list'", "its structures are list"),
    "a type that the functions can't write": ('[structures]\nstate = "string"\n', ":2: state is pinned to", "functions write a hash"),
    "an entity dropped and added": ('[entities]\nadd = ["Jury"]\ndrop = ["Jury"]\n', ":3: [entities] drops 'Jury'", "add names it"),
    "a cap below the usual number": (
        "[facts]\nmembers_per_session = 30\nsession_capacity = 10\n",
        ":3: session_capacity 10 is below members_per_session 30", "(line 2)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_fault_in_the_overrides_is_one_line_with_its_place(capsys, monkeypatch, project, case: str) -> None:  # type: ignore[no-untyped-def]
    text, *words = REFUSED[case]
    (project / "ai" / "redis-plan.toml").write_text(text)
    before = tree(project)
    code, out, err = run(capsys, monkeypatch, "design", project)
    assert code == 2, err
    assert tree(project) == before
    assert out == ""
    assert err.startswith("redis-plan: ")
    assert err.count("\n") == 1
    assert "redis-plan.toml" in err
    for word in words:
        assert word in err


def test_a_build_refuses_a_pin_before_it_measures(capsys, monkeypatch, project) -> None:  # type: ignore[no-untyped-def]
    (project / "ai" / "redis-plan.toml").write_text('[structures]\nrooster = "hash"\n')
    code, _, err = run(capsys, monkeypatch, "build", project, "--profile", "quick")
    assert code == 2
    assert "redis-plan.toml:2: no key is called 'rooster'" in err
    assert not (project / "data").exists()


def test_a_pin_by_type_or_by_name_is_taken(capsys, monkeypatch, project) -> None:  # type: ignore[no-untyped-def]
    (project / "ai" / "redis-plan.toml").write_text('[structures]\nlog = "stream"\nrate = "sliding-log"\n')
    code, out, err = run(capsys, monkeypatch, "design", project, "--json")
    assert (code, err) == (0, "")
    keyspace = keyspace_of(out)
    assert (keyspace.pattern("log").type, keyspace.pattern("rate").type) == ("stream", "zset")
