"""The generated Python: strictly typed, formatted, and names and steps as the design has them."""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_plan.delivery import clients, library, spelling, syncing
from redis_plan.keyspace import naming
from redis_plan.server import Server
from tests.conftest import MACHINE_PATHS
from tests.delivery import made
from tests.delivery.test_cluster import with_events
from tests.delivery.test_odd import odd_clients

HOSTILE = [
    "k3",
    "a:b",
    "{x}",
    "}{",
    "*",
    "a b",
    "\n",
    "\0",
    "é",
    "ł",
    "漢字",
    "😀" * 3000,
    "x" * 64,
    "x" * 65,
    "%41",
    "~",
    "-._",
    "\ud800x",
    7,
    2**53 - 1,
]


def test_every_python_file_is_strictly_typed_and_formatted(
    documents: Path, sample: made.Project, tmp_path: Path
) -> None:
    """The sample's files, each project's client and those of odd projects: one run of each tool."""
    texts = {a.path: a.text for a in sample.artefacts if a.path.endswith(".py")}
    sharded = made.Project(sample.name, sample.brief, with_events(sample, "sharded-pubsub"))
    texts[syncing.PYTHON_CLUSTER] = sharded.text(syncing.PYTHON_CLUSTER)  # delivered only there
    texts["serve_sharded.py"] = sharded.text(syncing.PYTHON_SERVE)
    odd = odd_clients()
    assert len(odd) >= 6
    projects = {name: made.of(name, documents) for name in made.PROJECTS}
    odd |= {name: clients.python_client(p.brief, p.keyspace) for name, p in projects.items()}
    texts |= {f"client_{name.replace('-', '_')}.py": text for name, text in odd.items()}
    for path, text in texts.items():
        (tmp_path / path).write_text(text, "utf-8")
    files = [str(tmp_path / path) for path in texts]
    (tmp_path / "empty.ini").write_text("[mypy]\nstrict = True\n")
    rules = ["--select", "E,F,W,I,UP,B,RUF,N", "--ignore", "RUF002,RUF001"]
    for tool in (
        ["mypy", "--strict", f"--config-file={tmp_path / 'empty.ini'}", f"--cache-dir={tmp_path / 'cache'}"],
        ["ruff", "format", "--check", "--isolated", "--line-length", "120"],
        ["ruff", "check", "--isolated", "--line-length", "120", *rules],
    ):
        done = subprocess.run([sys.executable, "-m", *tool, *files], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-500:]


def test_no_todo_and_no_path_of_this_machine_is_left(project: made.Project) -> None:
    for artefact in project.artefacts:
        assert not re.search(r"\b(TODO|FIXME|XXX)\b(?!-\d)", artefact.text), artefact.path  # TODO-02 is a requirement
        assert not [path for path in MACHINE_PATHS if path in artefact.text], artefact.path
        assert artefact.text.endswith("\n")
        assert not re.search(r"[ \t]\n", artefact.text), artefact.path


@given(st.text(min_size=1, max_size=200) | st.integers())
def test_an_id_is_encoded_as_the_design_encodes_it(generated: ModuleType, value: str | int) -> None:
    assert generated.encode_id(value) == naming.encode_id(value)
    segment = generated.encode_id(value)
    assert naming.ID.fullmatch(segment)
    if not segment.startswith("~"):
        assert generated.decode_id(segment) == str(value)


def test_an_empty_id_is_refused(generated: ModuleType) -> None:
    with pytest.raises(ValueError, match="can't be empty"):
        generated.Keys().state("")


def test_every_builder_makes_the_names_of_the_registry(project: made.Project, tmp_path: Path) -> None:
    (tmp_path / "redis_plan_client.py").write_text(clients.python_client(project.brief, project.keyspace), "utf-8")
    module = made.client_module(tmp_path, project.name)
    keys = module.Keys(environment="stage")
    for pattern, value in itertools.product(project.keyspace.patterns, HOSTILE):
        ids = [name for name in naming.placeholders(pattern.template) if name != "env"]
        name = getattr(keys, spelling.snake(pattern.name))(*[value] * len(ids))
        assert name == naming.render(pattern.template, env="stage", **dict.fromkeys(ids, value))
        parsed = naming.parse(pattern.template, name)
        assert parsed is not None


def test_a_bucket_is_the_slot_of_the_session_modulo_their_number(generated: ModuleType) -> None:
    for value in ("k3v9", "a:b", 17):
        assert generated.bucket(value) == f"{naming.slot(naming.encode_id(value)) % 16:02d}"


def test_each_further_key_gets_its_ttl_in_whatever_order_it_is_named(loaded: Server, generated: ModuleType) -> None:
    client, keys = loaded.client(), generated.Keys("test")
    answer, score, own = keys.answer("s", 7), keys.score("s"), f"{keys.state('s').rpartition(':')[0]}:own"
    for also in itertools.permutations((answer, score, own, answer)):
        client.flushall()
        o: Any = generated.Operations(client, keys)
        o.create("s", epoch="ab")
        client.hset(answer, "ann", "b")
        call = generated.Calls(keys).apply("s", "rename", None, also=also)
        assert call.keys[-2:] == [own, answer]
        assert len(set(call.keys)) == len(call.keys)
        o.run(call)
        assert client.ttl(answer) > 0, also
    client.flushall()


@pytest.mark.parametrize("form", ["function", "eval"])
@pytest.mark.parametrize("decode", [True, False], ids=["text", "bytes"])
def test_a_session_lives_through_the_client(
    loaded: Server, generated: ModuleType, sample_folder: Path, form: str, decode: bool
) -> None:
    client = loaded.client(decode_responses=decode)
    keys = generated.Keys("test")
    o: Any = generated.Operations(client, keys, form=form, scripts=sample_folder / "functions-eval")
    client.script_flush()  # EVALSHA finds nothing at first
    assert o.create("s", epoch="ab", fields={"owner": "ann"}) == "created"
    assert o.create("s") == "exists"
    assert o.join("s", "ann", "c1", {"name": "Ann"}, capacity=1) == (1, "joined")
    assert o.join("s", "bob", "c1", {}, capacity=1) == (1, "full")
    assert o.apply("s", "rename", {"to": "x"}, op_id="1", expected_version=1, fields={"title": "x"}) == (2, "ok")
    assert o.apply("s", "rename", None, op_id="1") == (2, "duplicate")
    assert o.apply("s", "rename", None, expected_version=9) == (2, "conflict")
    assert o.record_answer("s", 1, "ann", "b", once=True) == (3, "ok")
    assert o.record_answer("s", 1, "ann", "c", once=True) == (3, "taken")
    assert o.remove_answer("s", 1, "ann").status == "ok"
    assert o.record_score("s", "ann", 2.5).version == 5
    assert o.catch_up("s", "ab", 4).kind == "delta"
    assert [json.loads(event)["v"] for event in o.catch_up("s", "ab", 3).events] == [3, 4, 5]
    assert len(o.catch_up("s", "ab", 3, overlap=0).events) == 2
    snapshot = o.catch_up("s", "", 0)
    assert (snapshot.kind, snapshot.version, snapshot.epoch) == ("snapshot", 5, "ab")
    assert snapshot.state["title"] == "x"
    assert o.heartbeat("s", "ann", "c1") == "renewed"
    assert o.sweep("s") == []
    assert o.leave("s", "ann", connection="c1") == (6, "left")
    assert (o.end("s"), o.end("s")) == ((7, "ended"), (7, "again"))
    assert o.catch_up("s", "ab", 6).kind == "delta"
    assert o.remove("s") == "ended"
    assert o.hand_over("s", "row 1") == (8, "handed_over")
    assert (o.remove("s"), o.remove("s")) == ("removed", "removed")
    assert o.catch_up("s", "ab", 5).kind == "gone"
    assert o.hit_rate("join", "u", 1, 1).status == "allowed"
    assert o.hit_rate("join", "u", 1, 1).status == "refused"
    client.zadd(keys.due("00"), {"s:idle": 1})
    (claim,) = o.claim_due("00")
    assert claim.entry == "s:idle"
    assert o.done_due("00", claim.entry, claim.until) == "done"
    left = {key.decode() if isinstance(key, bytes) else key for key in client.scan_iter()}
    assert [name for name in left if "{s}" in name] == []
    client.flushall()


def test_the_scripts_on_disk_are_those_of_the_registry(sample: made.Project, sample_folder: Path) -> None:
    import hashlib
    import json

    for function in json.loads(sample.text("keyspace.json"))["functions"]:
        text = (sample_folder / function["script"]).read_bytes()
        assert hashlib.sha1(text, usedforsecurity=False).hexdigest() == function["sha1"]
    names = {step.function.name for step in library.steps(sample.keyspace)}
    assert {path.stem for path in (sample_folder / "functions-eval").iterdir()} == names


def test_what_is_no_json_does_not_leave_the_client(loaded: Server, generated: ModuleType) -> None:
    operations = generated.Operations(loaded.client(), generated.Keys())
    with pytest.raises(ValueError, match="JSON"):
        operations.apply("nan", "set", {"x": float("nan")})
