"""The delivered actions: loaded, called as the user that each is for, typed in both languages, and one game by its own files."""

import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from redis_plan.actions import catalog, matrix
from redis_plan.delivery import acl, action_clients, clients, duties, library, spelling, walkthrough
from redis_plan.delivery import operations as model
from redis_plan.server import Server
from tests.delivery import made, node

MOST_LINES = 900


@pytest.fixture(scope="module", params=made.PROJECTS)
def project(request: pytest.FixtureRequest, documents: Path) -> made.Project:
    """Each project in turn, with its actions."""
    return made.acting(request.param, documents)


@pytest.fixture(scope="module")
def played(documents: Path) -> made.Project:
    return made.acting(made.SAMPLE, documents)


def users_on(server: Server, project: made.Project) -> dict[str, Any]:
    """A client for each user of the project's ACL file."""
    admin = server.client(decode_responses=True)
    for user in acl.users(project.keyspace):
        admin.execute_command(*user.command(made.PASSWORD))
    return {role: server.client(decode_responses=True, username=role, password=made.PASSWORD) for role in duties.ROLES}


def test_every_action_is_one_function_that_its_user_may_call_in_one_slot(fresh: Server, project: made.Project) -> None:
    admin = fresh.client(decode_responses=True)
    admin.flushall()
    admin.function_flush()
    text = library.compose(project.brief, project.keyspace)
    if not text:
        assert not project.keyspace.actions
        return
    admin.function_load(text)
    for script in library.eval_scripts(project.brief, project.keyspace):
        admin.script_load(script.text)
    users, writer = users_on(fresh, project), walkthrough.Writer(project.brief, project.keyspace)
    steps = {step.function.name: step for step in library.steps(project.keyspace)}
    if "create" in writer.operations:
        admin.execute_command(*writer.call("create", fields="owner ann"))
    for operation in writer.actions.values():
        command = writer.command(operation)
        (role,) = duties.callers(steps[operation.function.name].function.call)
        answer = users[role].execute_command(*command)
        result = answer[1] if isinstance(answer, list) else answer
        assert result in operation.function.call.results, operation.method
        assert not {"worker", "app"} - {role} or role == steps[operation.function.name].function.call.users[0]


def test_every_name_that_the_plan_prints_of_an_action_is_a_method(project: made.Project) -> None:
    actions = matrix.stories(project.brief, project.keyspace).actions
    names = {a.name for a in actions}
    in_python, in_typescript = (
        "".join(project.text(path) for path in files if path in {a.path for a in project.artefacts})
        for files in ((clients.PYTHON, action_clients.PYTHON), (clients.TYPESCRIPT, action_clients.TYPESCRIPT))
    )
    methods = set(re.findall(r"^    def (\w+)\(|^        self\.(\w+) = calls\.", in_python, re.MULTILINE))
    assert names - {name for pair in methods for name in pair} == set()
    others = set(re.findall(r"^  async (\w+)\(|^    this\.(\w+) = operations\.", in_typescript, re.MULTILINE))
    assert {spelling.camel(name) for name in names} - {name for pair in others for name in pair} == set()


OWNERS, NAMES = ["ann", "ann:1", "Zażółć", 7], ["Straße", "STRASSE", " Ann ", "ＡＮＮ", "ΟΔΟΣ"]


@node.needs_node
def test_a_name_is_compared_and_a_session_is_called_alike_in_both_languages(
    played: made.Project, beside: Path, tmp_path: Path
) -> None:
    made.write(played.artefacts, tmp_path)
    client = made.client_module(tmp_path, "alike")
    beside.mkdir(parents=True)
    (beside / clients.TYPESCRIPT).write_text(played.text(clients.TYPESCRIPT), "utf-8")
    node.compile_all([beside / clients.TYPESCRIPT])
    program = (
        'import { foldName, openedAs } from "./redis-plan-client.js";'
        f'console.log(JSON.stringify([{json.dumps(OWNERS)}.map((o) => openedAs(o, "op")), {json.dumps(NAMES)}.map(foldName)]))'
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", program], cwd=beside, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [[client.opened_as(o, "op") for o in OWNERS], [*map(client.fold_name, NAMES)]]


def test_who_opens_a_session_twice_by_one_operation_has_one(played: made.Project, tmp_path: Path) -> None:
    made.write(played.artefacts, tmp_path)
    client = made.client_module(tmp_path, "opening")
    owners = OWNERS
    ids = [client.opened_as(owner, "01JD8Q6Z7K3W9M2N4P5R6S7T8V") for owner in owners]
    assert len(set(ids)) == len(owners)
    assert ids == [client.opened_as(owner, "01JD8Q6Z7K3W9M2N4P5R6S7T8V") for owner in owners]
    assert client.opened_as("ann", "another") not in ids
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{12}", id) for id in ids)
    create = client.Calls(client.Keys()).create("s", owner="ann:1", fields={"capacity": 9})
    assert create.args[-4:] == ["owner", "ann%3A1", "capacity", "9"]
    folded = [client.fold_name(name) for name in NAMES]
    assert folded[0] == folded[1]
    assert folded[2] == folded[3] == "ann"


def test_an_action_takes_the_place_of_what_was_generic(played: made.Project) -> None:
    methods = {o.method for o in model.operations(played.brief, played.keyspace)}
    assert not methods & {"record_answer", "record_score", "record_buzzer"}
    steps = [step.function.name for step in library.steps(played.keyspace)]
    assert len(steps) == len(set(steps))
    for step in library.steps(played.keyspace):
        if step.action:
            assert step.function.call.users == (
                ("worker",) if catalog.kinds()[step.action.kind].actors == ("worker",) else ("app",)
            )


def test_every_module_is_strictly_typed_and_formatted(documents: Path, tmp_path: Path) -> None:
    """Whatever Python a project is given: one run of each tool for all of them, by names of their own and as long as ours."""
    (tmp_path / "empty.ini").write_text("[mypy]\nstrict = True\n")
    texts: dict[str, list[str]] = {}
    given = [
        {a.path: a.text for a in made.acting(n, documents).artefacts if a.path.endswith(".py")} for n in made.PROJECTS
    ]
    for path, text in (item for files in given for item in files.items()):
        texts.setdefault(path, []).append(text)
    own = [path.removesuffix(".py") for path, found in texts.items() if len(set(found)) > 1]
    assert {"redis_plan_client", "redis_plan_actions", "redis_plan_serve", "redis_plan_duties"} <= set(own)
    for number, files in enumerate(given):
        for path, text in files.items():
            name, named = path.removesuffix(".py"), text
            for module in own:
                named = re.sub(rf"\b{module}\b(?= import|\.py)", f"{module[:-4]}{number:04d}", named)
            (tmp_path / (f"{name[:-4]}{number:04d}.py" if name in own else path)).write_text(named, "utf-8")
    files = sorted(str(path) for path in tmp_path.glob("*.py"))
    style = ["--isolated", "--line-length", "120"]
    for tool in (
        ["mypy", "--strict", f"--config-file={tmp_path / 'empty.ini'}", f"--cache-dir={tmp_path / 'cache'}"],
        ["ruff", "check", *style, "--select", "E,F,W,UP,B,RUF,N", "--ignore", "RUF002,RUF001"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *tool, *files], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-500:]


@pytest.fixture
def beside() -> Iterator[Path]:
    """A folder beside node_modules, where the compiler finds the types."""
    folder = node.OUT / "actions"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@node.needs_node
def test_every_module_compiles_strictly_for_both_libraries(documents: Path, beside: Path) -> None:
    files = []
    for name, chosen in itertools.product(made.PROJECTS, node.LIBRARIES):
        project = made.acting(name, documents)
        folder = made.write(tuple(a for a in project.artefacts if a.path.endswith(".ts")), beside / f"{name}-{chosen}")
        if (client := folder / clients.TYPESCRIPT).exists():
            client.write_text(clients.typescript_client(project.brief, project.keyspace, chosen), "utf-8")
        files += folder.glob("*.ts")
    node.compile_all(files)


def test_each_file_of_the_sample_stays_readable(played: made.Project) -> None:
    for path in (clients.PYTHON, clients.TYPESCRIPT, action_clients.PYTHON, action_clients.TYPESCRIPT):
        assert played.text(path).count("\n") <= MOST_LINES, path


def opened(
    server: Server, played: made.Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, Any, Any, Any]:
    """The sample's own files on a server of their own: keys, actions, and the operations of app and worker."""
    made.write(played.artefacts, folder)
    client, acting = made.imported(folder, monkeypatch)
    admin = server.client(decode_responses=True)
    admin.flushall()
    admin.function_flush()
    admin.function_load(played.text("functions.lua"))
    users, keys = users_on(server, played), client.Keys(environment="prod")
    return keys, acting, client.Operations(users["app"], keys), client.Operations(users["worker"], keys)


@pytest.mark.parametrize("how", ["leaves", "lapses"])
def test_a_full_team_of_the_sample_has_room_once_one_of_it_is_gone_and_the_ranking_keeps_the_points(
    fresh: Server, played: made.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    keys, acting, app, worker = opened(fresh, played, tmp_path, monkeypatch)
    admin, act = fresh.client(decode_responses=True), acting.Actions(keys)
    app.create("s", owner="host")
    for number in range(7):
        assert app.run(act.join("s", f"p{number}", "c1", f"d{number}", f"Player {number}")).status == "ok"
    chosen = [app.run(act.choose_team("s", f"p{number}", "red")).status for number in range(7)]
    assert chosen == [*["ok"] * 6, "full"]
    assert worker.run(act.award("s", "p0", "q1", 7)).status == "ok"
    if how == "leaves":
        assert app.leave("s", "p0").status == "left"
    else:
        admin.zadd(keys.presence("s"), {"p0#c1": 1})
        assert worker.sweep("s") == ["p0#c1"]
    assert app.run(act.choose_team("s", "p6", "red")).status == "ok"
    assert sorted(admin.hkeys(keys.team("s"))) == [f"p{number}" for number in range(1, 7)]
    assert admin.zscore(keys.score("s"), "p0") == 7
    told = {pattern.name: pattern.at_bound for pattern in played.keyspace.keys}
    assert told["team"].endswith("it goes with the seat")
    assert "who leaves keeps it" in told["score"]


def test_a_round_of_the_sample_is_played_by_its_own_files_as_its_users(
    fresh: Server, played: made.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, acting, app, worker = opened(fresh, played, tmp_path, monkeypatch)
    admin, act = fresh.client(decode_responses=True), acting.Actions(keys)

    def join(who: str, name: str, device: str = "") -> str:
        call = act.join("s", who, "c1", device or f"d-{who}", name)
        return str(app.run(call).status)

    def answer(who: str, value: str, **given: str) -> tuple[int, str]:
        version, status = app.run(act.answer("s", who, "q1", value, **given))
        return int(version), str(status)

    app.create("s", owner="host")
    assert [join("ann", "Ann"), join("bob", "ANN"), join("bob", "Bob"), join("cyd", "Cyd", "d-troll")] == [
        "ok",
        "name taken",
        "ok",
        "ok",
    ]
    assert app.run(act.start_question("s", "ann", "q1", {"text": "?"})).status == "not allowed"
    assert app.run(act.start_question("s", "host", "q1", {"text": "?"}, length_ms=60_000)).status == "ok"
    assert answer("ann", "b", op_id="t1")[1] == "ok"
    assert answer("ann", "b", op_id="t1")[1] == "duplicate"
    assert answer("ann", "c", op_id="t2")[1] == "again"
    assert answer("eve", "c")[1] == "no seat"
    assert app.run(act.kick("s", "host", "cyd")).status == "ok"
    assert join("cyd", "Cyd") == "banned"
    assert join("dan", "Dan", "d-troll") == "banned"
    assert app.join("s", "cyd", "c2", {}).status == "banned"  # nor through the session's own function
    assert worker.run(act.all_answered("s", "q1")).status == "waiting"
    assert app.run(act.pause("s", "host")).status == "ok"
    assert answer("bob", "a")[1] == "not now"
    snapshot = app.catch_up("s", "ff", 0)
    assert '"b"' not in str(snapshot)  # what ann answered
    assert snapshot.state["phase"] == "paused"
    kept = json.loads(admin.hget(keys.answer("s", "q1"), "ann"))
    assert kept["d"] == "b"
    assert kept["at"] <= int(admin.time()[0]) * 1000 + 999  # a faster answer may be worth more: by the server's clock
    told = [json.loads(e) for e in admin.lrange(keys.log("s"), 0, -1)]
    assert [e["v"] for e in told] == list(range(1, len(told) + 1))
    assert {e["t"] for e in told} <= set(acting.EVENTS)
    assert next(e["d"] for e in told if e["t"] == "submitted") == {"count": 1}  # not whose
