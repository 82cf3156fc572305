"""users.acl: nobody gets in as it is delivered; with passwords each role can do its work and nothing else."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import redis

from redis_plan import server
from redis_plan.delivery import acl, walkthrough
from redis_plan.experiments import operations
from redis_plan.measure.lab import Lab
from redis_plan.server import Binary, Server
from tests.conftest import BINARIES
from tests.delivery import made

OPEN = "user default on nopass ~* &* +@all\n"
SECRET = {"app": "a-1", "worker": "w-1", "monitor": "m-1", "admin": "r-1"}


@pytest.fixture(scope="module", params=BINARIES, ids=lambda binary: binary.id)
def guarded(
    request: pytest.FixtureRequest, sample: made.Project, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Path]]:
    """A server with the sample's users.acl as delivered, and the file."""
    yield from started(request.param, sample, tmp_path_factory.mktemp("acl"))


def started(binary: Binary, sample: made.Project, folder: Path) -> Iterator[tuple[Server, Path]]:
    file = folder / "users.acl"
    file.write_text(OPEN)
    live = server.start_with(binary, {"aclfile": str(file)})
    live.client().function_load(sample.text("functions.lua"))
    admin = live.client()
    file.write_text(
        OPEN + sample.text("users.acl").partition("\n")[2]
    )  # default stays on for the tests' own connection
    admin.execute_command("ACL", "LOAD")
    yield live, file
    live.close()


@pytest.fixture(scope="module")
def with_passwords(guarded: tuple[Server, Path], sample: made.Project, sample_folder: Path) -> Server:
    """The same after the operator has done what the README says."""
    live, file = guarded
    readme = (sample_folder / "README.md").read_text("utf-8")
    script = re.search(r"```sh\nfor user.+?```", readme, re.DOTALL)
    assert script
    commands = script[0].removeprefix("```sh\n").removesuffix("```")
    for name, secret in SECRET.items():
        one = commands.replace("app worker monitor admin", name).replace("$(openssl rand -hex 32)", secret)
        subprocess.run(["bash", "-euc", one], cwd=file.parent, check=True)
    live.client().execute_command("ACL", "LOAD")
    return live


def login(live: Server, user: str) -> redis.Redis:
    return live.client(username=user, password=SECRET[user], decode_responses=True)


def test_the_file_turns_the_default_user_off_and_holds_no_secret(project: made.Project) -> None:
    lines = project.text("users.acl").splitlines()
    assert lines[0].startswith("user default off")
    assert all(re.match(rf"user \w+ on #{acl.NOBODY} ", line) for line in lines[1:])
    assert ">" not in project.text("users.acl")
    assert "nopass" not in project.text("users.acl")


def test_nobody_logs_in_as_delivered(binary_server: Server) -> None:
    for user, secret in SECRET.items():
        for password in ("", "0" * 64, secret):
            with pytest.raises(redis.AuthenticationError):
                binary_server.client(username=user, password=password).ping()


@pytest.fixture
def binary_server(sample: made.Project, tmp_path: Path) -> Iterator[Server]:
    for live, _ in started(BINARIES[-1], sample, tmp_path):
        yield live


def test_the_life_of_a_session_runs_under_its_roles_alone(with_passwords: Server, sample: made.Project) -> None:
    app, worker = login(with_passwords, "app"), login(with_passwords, "worker")
    walk = walkthrough.steps(sample.brief, sample.keyspace)
    done: list[str] = []

    def execute(*words: str) -> object:
        client = worker if words[1] in ("due_claim", "due_done", "session_sweep") else app
        done.append(words[0])
        return client.execute_command(*words)

    seen = walkthrough.play(execute, walk, list)
    assert len(seen) == len(walk)
    assert "FCALL" in done


def test_the_generated_client_works_as_app(with_passwords: Server, generated: ModuleType) -> None:
    operations_ = generated.Operations(login(with_passwords, "app"), generated.Keys())
    operations_.create("acl", fields={"owner": "ann"})
    assert operations_.join("acl", "ann", "c1", {}) == 1
    assert operations_.heartbeat("acl", "ann", "c1") == 1
    operations_.end("acl")


def test_the_worker_may_end_a_session_that_has_rounds(with_passwords: Server, generated: ModuleType) -> None:
    app = generated.Operations(login(with_passwords, "app"), generated.Keys())
    app.create("night")
    app.record_answer("night", 1, "ann", "b")
    generated.Operations(login(with_passwords, "worker"), generated.Keys()).end("night")
    assert not login(with_passwords, "app").exists(generated.Keys().answer("night", 1))


REFUSED = {
    "app": [
        ("GET", "other:key"), ("HSET", "other:v1:{s}:state", "f", "v"), ("KEYS", "*"), ("FLUSHALL",), ("CONFIG", "GET", "*"),
        ("FUNCTION", "FLUSH"), ("FUNCTION", "LOAD", "x"), ("SCRIPT", "FLUSH"), ("ACL", "WHOAMI"), ("MONITOR",),
        ("EVAL", "return redis.call('GET', KEYS[1])", "1", "other:key"), ("PSUBSCRIBE", "*"), ("SUBSCRIBE", "prod:other:v1:{s}:events"),
        ("PUBLISH", "prod:other:v1:{s}:events", "x"), ("SCAN", "0"), ("CLIENT", "LIST"), ("SHUTDOWN",),
    ],
    "worker": [
        ("GET", "other:key"), ("SUBSCRIBE", "prod:{app}:v1:{s}:events"), ("FLUSHDB",), ("CONFIG", "SET", "maxmemory", "1"),
        ("SET", "{app}:v1:rate:a:b:c", "1"), ("CLIENT", "KILL", "TYPE", "normal"),
    ],
    "monitor": [
        ("GET", "{app}:v1:code:x"), ("HGETALL", "{app}:v1:{s}:state"), ("SCAN", "0"), ("CONFIG", "SET", "maxmemory", "1"), ("SLOWLOG", "RESET"),
        ("CONFIG", "RESETSTAT"), ("SUBSCRIBE", "prod:{app}:v1:{s}:events"), ("FCALL", "rate_hit", "0"), ("CLIENT", "KILL", "TYPE", "normal"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("user", REFUSED)
def test_what_a_role_does_not_need_is_refused(with_passwords: Server, sample: made.Project, user: str) -> None:
    for command in REFUSED[user]:
        words = [word.replace("{app}", sample.keyspace.app) for word in command]
        with pytest.raises(redis.exceptions.NoPermissionError):
            login(with_passwords, user).execute_command(*words)


def test_a_function_reaches_no_key_that_its_caller_may_not(with_passwords: Server, sample: made.Project) -> None:
    app = login(with_passwords, "app")
    with pytest.raises(redis.exceptions.NoPermissionError):
        app.execute_command("FCALL", "rate_hit", "1", "other:v1:rate:a:b:c", "5", "60")
    with pytest.raises(redis.exceptions.NoPermissionError):
        login(with_passwords, "worker").execute_command(
            "FCALL", "rate_hit", "1", f"{sample.keyspace.app}:v1:rate:a:b:c", "5", "60"
        )


def test_monitor_and_admin_can_do_their_work(with_passwords: Server) -> None:
    monitor = login(with_passwords, "monitor")
    for command in (
        ("INFO",),
        ("LATENCY", "LATEST"),
        ("SLOWLOG", "GET"),
        ("CLIENT", "LIST"),
        ("CONFIG", "GET", "maxmemory"),
    ):
        monitor.execute_command(*command)
    admin = login(with_passwords, "admin")
    assert admin.function_list()
    assert admin.config_set("slowlog-max-len", 128)


def test_each_command_and_kind_of_key_is_answered_as_wanted(own_server: Server, project: made.Project) -> None:
    keyspace = project.keyspace
    found = operations.users_get_what_they_should(
        Lab(own_server, "quick"), users=acl.users(keyspace), checks=acl.checks(keyspace)
    )
    wrong = found.samples[found.samples["wanted"] != found.samples["seen"]]
    assert wrong.empty, wrong
    asked = {(c.user, c.command[0]) for c in acl.checks(keyspace)}
    assert {user for user, _ in asked} == set(SECRET)


def test_a_role_that_only_reads_a_key_can_not_write_it() -> None:
    from redis_plan.keyspace import design
    from tests.keyspace.briefs import prices

    rules = acl.users(design(prices()))[0].rules
    assert any(rule.startswith("%R~") for rule in rules)
