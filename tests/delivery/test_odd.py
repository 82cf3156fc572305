"""Odd projects: each gets a design, artefacts that compile and load, and a walk that runs as its users."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from redis_plan.choice import choose
from redis_plan.delivery import acl, clients, commands, library, walkthrough
from redis_plan.keyspace.catalog import use_patterns
from redis_plan.server import Server
from tests.delivery import made
from tests.keyspace.odd import odd

ODD = tuple(odd())
USES = tuple(p.use for p in use_patterns())


@cache
def project(number: int) -> made.Project:
    name, brief = ODD[number]
    return made.Project(name, brief, choose(brief, sensitivity=False).keyspace)


def odd_clients() -> dict[str, str]:
    """Return the Python clients of odd projects by name; all uses at once stand for each alone."""
    wanted = [n for n, (name, _) in enumerate(ODD) if "everything" in name or not name.startswith(USES)]
    with_client = [n for n in wanted if any(a.path == clients.PYTHON for a in project(n).artefacts)]
    return {ODD[n][0]: project(n).text(clients.PYTHON) for n in with_client}


@pytest.mark.parametrize("kind", ["odd", "real"])
def test_every_project_walks_as_its_users(own_server: Server, documents: Path, kind: str) -> None:
    root = own_server.client(decode_responses=True)
    all_of = (
        map(project, range(len(ODD))) if kind == "odd" else (made.acting(name, documents) for name in made.PROJECTS)
    )
    for name, brief, keyspace in ((one.name, one.brief, one.keyspace) for one in all_of):
        walk = walkthrough.steps(brief, keyspace)
        root.flushall()
        root.function_flush()
        if text := library.compose(brief, keyspace):
            root.function_load(text)
        users = acl.users(keyspace)
        for user in users:
            root.execute_command(*user.command("odd"))
        by_user = {u.name: own_server.client(username=u.name, password="odd", decode_responses=True) for u in users}
        sender = {step.command[:3]: step.user for step in walk}

        def execute(*words: str, sender=sender, by_user=by_user) -> object:  # type: ignore[no-untyped-def]
            return by_user[sender[words[:3]]].execute_command(*words)

        assert len(walkthrough.play(execute, walk, list)) == len(walk), name
        strange = set(root.scan_iter(count=1000)) - set(walkthrough.keys_in(walk))
        assert not strange, name
        for client in by_user.values():
            client.close()
    root.execute_command("ACL", "DELUSER", "app", "worker", "monitor", "admin")
    root.flushall()
    root.function_flush()


def test_a_design_is_the_same_in_every_process() -> None:
    """Python orders sets anew in each process; what is built twice must not differ."""
    code = (
        "import hashlib; from tests.delivery import test_odd as t; "
        "n = [name for name, _ in t.ODD].index('everything'); "
        "print(hashlib.sha256(''.join(a.text for a in t.project(n).artefacts).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=Path(__file__).resolve().parents[2],
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2", "5")
    }
    assert len(digests) == 1


def test_a_crowd_in_one_key_is_designed_and_what_it_exceeds_is_said() -> None:
    """A hundred thousand people at one session: a design, and where one key must hold too much, that stands beside it."""
    chosen = choose(dict(ODD)["crowd"], sensitivity=False)
    assert chosen.keyspace.use("state")
    for choice in chosen.choices:
        obstacle = choice.chosen.obstacle
        assert obstacle is None or (obstacle.kind == "size" and "blocks the server" in obstacle.says)


@pytest.mark.parametrize("name", ["empty", "one-key", "no-channel"])
def test_a_project_with_hardly_a_key_gets_little(name: str) -> None:
    small = project([n for n, _ in ODD].index(name))
    paths = {a.path for a in small.artefacts}
    assert {"README.md", "redis.conf", "users.acl", "keyspace.json"} <= paths
    assert sum(path.startswith("functions-eval/") for path in paths) <= 1
    assert len(small.text("users.acl").splitlines()) == 5


def test_no_step_gives_more_time_to_a_key_whose_ttl_is_fixed() -> None:
    """The registry, the plan and the commands say one thing: what is fixed is set when the key is made, never after."""
    for (use, kind), entry in commands.uses().items():
        again = [c for _, c in entry.get("steps", ()) if c.split()[0] in ("GETEX", "EXPIRE", "PEXPIRE", "PERSIST")]
        for number in range(len(ODD)) if again else ():
            for pattern in project(number).keyspace.keys:
                assert (pattern.use, pattern.type) != (use, kind) or pattern.ttl.policy == "sliding", again
