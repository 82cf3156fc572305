"""users.acl: nobody gets in as it is delivered; with passwords each role can do its work and nothing else."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
import redis

from redis_plan import server
from redis_plan.delivery import acl, commands, duties, library, walkthrough
from redis_plan.keyspace import design, functions, records
from redis_plan.server import Binary, Server
from tests.conftest import BINARIES
from tests.delivery import made
from tests.keyspace.briefs import prices

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


@pytest.mark.parametrize("binary", BINARIES, ids=lambda binary: binary.id)
def test_what_functions_wrote_outlives_a_restart_with_the_users_as_delivered(
    binary: Binary, sample: made.Project, generated: ModuleType, tmp_path: Path
) -> None:
    """The append-only file is read as the default user: without its rights the loader drops every transaction."""
    file = tmp_path / "users.acl"
    file.write_text(OPEN)
    with closing(server.start_with(binary, {"aclfile": str(file), "appendonly": "yes"})) as live:
        live.client().function_load(sample.text("functions.lua"))
        file.write_text(sample.text("users.acl").replace(f"#{acl.NOBODY}", ">secret"))
        live.client().execute_command("ACL", "LOAD")
        operations = generated.Operations(live.client(username="app", password="secret"), generated.Keys())
        operations.create("kept")
        assert operations.join("kept", "ann", "c1", {}) == (1, "joined")
        live.kill()
        live.start()
        operations = generated.Operations(live.client(username="app", password="secret"), generated.Keys())
        assert operations.join("kept", "ann", "c1", {}) == (1, "again")
        with pytest.raises(redis.AuthenticationError):
            live.client().get("who has not logged in")


def test_nobody_logs_in_as_delivered(binary_server: Server) -> None:
    for user, secret in SECRET.items():
        for password in ("", "0" * 64, secret):
            with pytest.raises(redis.AuthenticationError):
                binary_server.client(username=user, password=password).ping()


@pytest.fixture
def binary_server(sample: made.Project, tmp_path: Path) -> Iterator[Server]:
    for live, _ in started(BINARIES[-1], sample, tmp_path):
        yield live


def test_each_step_of_the_walk_runs_as_its_user_and_fails_without_any_right_it_used(
    with_passwords: Server, sample: made.Project
) -> None:
    """Minimal in both directions: what the roles have is enough for the walk, and each command that it took is needed."""
    root, walk = with_passwords.client(decode_responses=True), walkthrough.steps(sample.brief, sample.keyspace)
    clients = {role: login(with_passwords, role) for role in duties.ROLES}
    for client in clients.values():
        client.ping()  # what a library says on connecting is behind it
    taken = {role: used(root, clients, walk, role) for role in duties.ROLES}
    for role in duties.ROLES:
        granted = set(acl.commands(sample.keyspace, role))
        assert taken[role] <= granted
        for command in sorted(taken[role]):
            root.execute_command("ACL", "SETUSER", role, f"-{command}")
            with pytest.raises(redis.exceptions.ResponseError, match=r"permission|can't run|^\w+: [A-Z]+"):
                run(root, clients, walk)
            root.execute_command("ACL", "SETUSER", role, f"+{command}")
        for duty in duties.duties(sample.keyspace, role):
            assert duty.functions or duty.commands


def run(root: redis.Redis, clients: dict[str, redis.Redis], walk: Sequence[walkthrough.Step]) -> None:
    """Run the walk, each step by its user; what it leaves is removed."""
    by_command = {step.command: step.user for step in walk}
    until = {step.command[:3]: step.user for step in walk}

    def execute(*words: str) -> object:
        return clients[by_command.get(words) or until[words[:3]]].execute_command(*words)

    try:
        walkthrough.play(execute, walk, list)
    finally:
        root.unlink(*walkthrough.keys_in(walk))


def used(root: redis.Redis, clients: dict[str, redis.Redis], walk: Sequence[walkthrough.Step], role: str) -> set[str]:
    """Return the commands that ``role`` took for the walk, those inside functions too, as INFO commandstats counts them."""
    found: set[str] = set()

    def counted() -> dict[str, int]:
        return {name.removeprefix("cmdstat_"): row["calls"] for name, row in root.info("commandstats").items()}

    by_command = {step.command: step.user for step in walk}
    until = {step.command[:3]: step.user for step in walk}

    def execute(*words: str) -> object:
        user = by_command.get(words) or until[words[:3]]
        before = counted()
        reply = clients[user].execute_command(*words)
        if user == role:
            found.update(name for name, calls in counted().items() if calls != before.get(name, 0))
        return reply

    walkthrough.play(execute, walk, list)
    root.unlink(*walkthrough.keys_in(walk))
    return found - {"info"}


def test_the_fallback_by_eval_runs_with_the_same_rights(
    with_passwords: Server, generated: ModuleType, sample_folder: Path
) -> None:
    form = {"form": "eval", "scripts": sample_folder / "functions-eval"}
    for role in duties.ROLES:
        o = generated.Operations(login(with_passwords, role), generated.Keys(), **form)
        generated.Operations(login(with_passwords, "app"), generated.Keys(), **form).create("fallback")
        o.end("fallback")


def test_the_generated_client_works_as_app(with_passwords: Server, generated: ModuleType) -> None:
    operations_ = generated.Operations(login(with_passwords, "app"), generated.Keys())
    operations_.create("acl", fields={"owner": "ann"})
    assert operations_.join("acl", "ann", "c1", {}) == (1, "joined")
    assert operations_.heartbeat("acl", "ann", "c1") == "renewed"
    operations_.end("acl")


def test_the_worker_may_end_a_session_that_has_rounds(with_passwords: Server, generated: ModuleType) -> None:
    app = generated.Operations(login(with_passwords, "app"), generated.Keys())
    app.create("night")
    app.record_answer("night", 1, "ann", "b")
    worker = generated.Operations(login(with_passwords, "worker"), generated.Keys())
    worker.end("night")
    worker.hand_over("night", "row 1")
    assert worker.remove("night") == "removed"
    assert not with_passwords.client().exists(generated.Keys().answer("night", 1))


REFUSED = {
    "app": [
        ("GET", "other:key"), ("HSET", "other:v1:{s}:state", "f", "v"), ("KEYS", "*"), ("FLUSHALL",), ("CONFIG", "GET", "*"),
        ("FUNCTION", "FLUSH"), ("FUNCTION", "LOAD", "x"), ("SCRIPT", "FLUSH"), ("ACL", "WHOAMI"), ("MONITOR",),
        ("EVAL", "return redis.call('GET', KEYS[1])", "1", "other:key"), ("PSUBSCRIBE", "*"), ("SUBSCRIBE", "prod:other:v1:{s}:events"),
        ("PUBLISH", "prod:other:v1:{s}:events", "x"), ("PSUBSCRIBE", "socket.io#/#*"), ("PUBLISH", "socket.io#/#r1#", "x"), ("SCAN", "0"), ("CLIENT", "LIST"), ("SHUTDOWN",),
    ],
    "worker": [
        ("GET", "other:key"), ("SUBSCRIBE", "prod:{app}:v1:{s}:events"), ("FLUSHDB",), ("CONFIG", "SET", "maxmemory", "1"),
        ("SET", "{app}:v1:rate:a:b:c", "1"), ("CLIENT", "KILL", "TYPE", "normal"),
    ],
    "monitor": [
        ("GET", "{app}:v1:code:x"), ("HGETALL", "{app}:v1:{s}:state"), ("SCAN", "0"), ("CONFIG", "SET", "maxmemory", "1"), ("SLOWLOG", "RESET"),
        ("CONFIG", "RESETSTAT"), ("SUBSCRIBE", "prod:{app}:v1:{s}:events"), ("FCALL", "{app}_rate_hit", "0"), ("CLIENT", "KILL", "TYPE", "normal"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("user", REFUSED)
def test_what_a_role_does_not_need_is_refused(with_passwords: Server, sample: made.Project, user: str) -> None:
    for command in REFUSED[user]:
        words = [word.replace("{app}", sample.keyspace.app) for word in command]
        with pytest.raises(redis.exceptions.NoPermissionError):
            login(with_passwords, user).execute_command(*words)


#: What the sections prescribe outside functions and keys: deadlines by the server's clock (3), admission by used_memory (5),
#: the primary among several servers (8), and the checks that walk the names (1, 10).
PRESCRIBED = {
    "app": [("TIME",), ("INFO", "memory"), ("ROLE",)],
    "worker": [("TIME",), ("ROLE",), ("SCAN", "0"), ("TYPE", "{app}:v1:{s}:state"), ("TTL", "{app}:v1:{s}:state")],
}


@pytest.mark.parametrize("user", PRESCRIBED)
def test_a_role_may_send_what_the_sections_prescribe_outside_functions(
    with_passwords: Server, sample: made.Project, user: str
) -> None:
    client = login(with_passwords, user)
    for command in PRESCRIBED[user]:
        client.execute_command(*(word.replace("{app}", sample.keyspace.app) for word in command))


def test_a_project_without_functions_has_the_rights_of_its_sections_too() -> None:
    """Where no function brings TIME along, the deadlines and the admission that the plan prescribes still need it."""
    keyspace = design(prices())
    assert not any("TIME" in runs for runs in library.commands(keyspace).values())
    assert {words[0].lower() for words in PRESCRIBED["app"]} <= set(acl.commands(keyspace, "app"))


def test_a_function_reaches_no_key_that_its_caller_may_not(with_passwords: Server, sample: made.Project) -> None:
    app = login(with_passwords, "app")
    with pytest.raises(redis.exceptions.NoPermissionError):
        app.execute_command("FCALL", sample.keyspace.fcall_name("rate_hit"), "1", "other:v1:rate:a:b:c", "5", "60")
    with pytest.raises(redis.exceptions.NoPermissionError):
        login(with_passwords, "worker").execute_command(
            "FCALL", sample.keyspace.fcall_name("rate_hit"), "1", f"{sample.keyspace.app}:v1:rate:a:b:c", "5", "60"
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


def test_each_command_and_kind_of_key_of_every_project_is_answered_as_wanted(
    own_server: Server, documents: Path
) -> None:
    client = own_server.client(decode_responses=True)
    for name in made.PROJECTS:
        keyspace = made.of(name, documents).keyspace
        wanted = acl.checks(keyspace)
        for user in acl.users(keyspace):
            client.execute_command("ACL", "SETUSER", f"try-{user.name}", "reset", "on", ">measured", *user.rules)
        for check in wanted:
            reply = client.execute_command("ACL", "DRYRUN", f"try-{check.user}", *check.command)
            assert (reply == "OK") == check.allowed, (name, check, reply)
        assert {check.user for check in wanted} == set(SECRET)
    client.execute_command("ACL", "DELUSER", *(f"try-{user}" for user in SECRET))


def test_the_catalog_reads_and_writes_as_the_server_says(own_server: Server) -> None:
    """Which commands only read is data; every command of a duty exists, or is known to be younger than the server."""
    client = own_server.client()
    flags = {c: about["flags"] for c, about in client.command().items()}
    every = {c for entry in commands.uses().values() for role in duties.ROLES for c in entry.get(role, ())}
    for command in every:
        if about := flags.get(command.lower()):
            assert ("readonly" in about) == commands.reads(command) or not {"readonly", "write"} & set(about), command


def test_every_function_has_a_caller_that_is_a_user() -> None:
    for step_function in (*library.common(), *functions.functions().values(), *records.functions_of().values()):
        assert set(duties.callers(step_function.call)) <= set(duties.ROLES)
        if step_function.name.startswith("session_"):
            assert step_function.name in duties.assigned(), f"{step_function.name}: say in commands.toml who calls it"


def test_a_role_that_only_reads_a_key_can_not_write_it() -> None:
    rules = acl.users(design(prices()))[0].rules
    assert any(rule.startswith("%R~") for rule in rules)
