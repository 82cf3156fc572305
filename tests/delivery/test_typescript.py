"""The generated TypeScript: compiles with tsc --strict for both client libraries, and runs under Node on a live server."""

import itertools
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redis_plan import server
from redis_plan.delivery import clients
from redis_plan.keyspace import naming
from redis_plan.server import Server
from tests.delivery import made, node
from tests.delivery.test_python import HOSTILE

pytestmark = node.needs_node


def test_every_project_compiles_strictly_for_both_libraries(programs: Path, documents: Path) -> None:
    files = []
    for library, name in itertools.product(node.LIBRARIES, made.PROJECTS):
        project = made.of(name, documents)
        files.append(programs / f"{library}-{name}.ts")
        files[-1].write_text(clients.typescript_client(project.brief, project.keyspace, library), "utf-8")
    node.compile_all(files)


def test_the_example_at_the_head_of_a_client_compiles_also_where_nothing_is_carried_out(
    programs: Path, sample: made.Project
) -> None:
    """A project without a function has names and no Operations: an example that makes one would not compile."""
    files = []
    for name, keyspace in {
        "whole": sample.keyspace,
        "names": replace(sample.keyspace, patterns=sample.keyspace.channels, session_entity=""),
    }.items():
        text = clients.typescript_client(sample.brief, keyspace, "ioredis")
        example = re.findall(r"^ \*     (.+)$", text.partition("*/")[0], re.MULTILINE)
        used = ", ".join(re.findall(r"new (\w+)", " ".join(example)))
        lines = [f'import {{ {used} }} from "./{name}.js";', "declare const client: never;", "void client;"]
        (programs / f"{name}.ts").write_text(text, "utf-8")
        (programs / f"example-{name}.ts").write_text("\n".join([*lines, *(f"export {e}" for e in example)]) + "\n")
        files += [programs / f"{name}.ts", programs / f"example-{name}.ts"]
        assert ("Operations" in used) == ("class Operations" in text)
    node.compile_all(files)


def test_a_mistake_does_not_compile(programs: Path) -> None:
    wrong = programs / "ioredis" / "wrong.ts"
    wrong.write_text(
        'import { Keys } from "./redis-plan-client.js";\nexport const x: number = new Keys().state("s");\n'
    )
    with pytest.raises(AssertionError, match="not assignable"):
        node.compile_all([wrong])


def life(programs: Path, library: str, server: Server, form: str, scripts: Path) -> dict[str, Any]:
    program = programs / library / "life.js"
    arguments = [str(server.address[1]), form, str(scripts), json.dumps(HOSTILE)]
    done = subprocess.run(["node", str(program), *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("form", ["function", "eval"])
@pytest.mark.parametrize("library", node.LIBRARIES)
def test_a_session_lives_through_the_client_under_node(
    programs: Path, loaded: Server, sample: made.Project, sample_folder: Path, library: str, form: str
) -> None:
    client = loaded.client()
    client.flushall()
    client.script_flush()
    said = life(programs, library, loaded, form, sample_folder / "functions-eval")
    assert said["encoded"] == [naming.encode_id(value) for value in HOSTILE]
    assert said["buckets"] == [f"{naming.slot(naming.encode_id(v)) % 16:02d}" for v in ("k3v9", "a:b", 17)]
    assert said["channel"] == naming.render(sample.keyspace.pattern("events").template, env="test", session_id="k3:}")
    assert (said["create"], said["again"]) == ("created", "exists")
    assert said["join"] == {"version": 1, "status": "joined"}
    assert said["full"] == {"version": 1, "status": "full"}
    assert said["apply"] == {"version": 2, "status": "ok"}
    assert said["duplicate"] == {"version": 2, "status": "duplicate"}
    assert said["conflict"] == {"version": 2, "status": "conflict"}
    assert (said["record"]["status"], said["taken"]["status"]) == ("ok", "taken")
    assert said["delta"]["kind"] == "delta"
    assert [json.loads(event)["v"] for event in said["delta"]["events"]][:2] == [
        3,
        4,
    ]  # what it has, and what it missed
    assert (said["snapshot"]["kind"], said["snapshot"]["epoch"], said["snapshot"]["state"]["title"]) == (
        "snapshot",
        "ab",
        "x",
    )
    parts = [name.rpartition("}:")[-1] for name in said["named"]]
    assert parts == ["own", "answer:8"]  # a key with an id is last, in whatever order they are named, and there once
    assert (said["heartbeat"], said["swept"], said["gone"]) == ("renewed", [], {"kind": "gone"})
    assert [answer["status"] for answer in said["ended"]] == ["ended", "again"]
    assert (said["early"], said["handed"]["status"], said["removed"]) == ("ended", "handed_over", "removed")
    assert (said["typed"], said["nan"]) == ("BADARG session_apply: type", True)
    assert (said["allowed"]["status"], said["refused"]["status"]) == ("allowed", "refused")
    assert (said["wins"], said["empty"]) == (1, True)
    assert [key for key in client.scan_iter() if b"{s}" in key] == []  # type: ignore[operator]


@pytest.mark.parametrize("library", node.LIBRARIES)
def test_who_is_followed_again_while_a_connection_subscribes_hears_and_who_is_forgotten_is_not_subscribed_to(
    programs: Path, sample: made.Project, library: str
) -> None:
    with server.open_own({"port": "auto"}) as live:
        live.client().function_load(sample.text("functions.lua"))
        words = ["node", str(programs / library / "again.js"), str(live.address[-1])]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == {"snapshots": [1, 1], "forgotten": 0, "made": [0]}


def test_the_library_follows_the_stack(sample: made.Project) -> None:
    assert clients.library_for(sample.brief) == "node-redis"
    assert 'import type { Cluster, Redis } from "ioredis"' not in sample.text(clients.TYPESCRIPT)


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((node.HERE / "package-lock.json").read_text("utf-8"))
    assert all("resolved" not in package for package in lock["packages"].values())
