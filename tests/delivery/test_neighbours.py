"""Two projects on one server: both libraries are there, each user reaches his own keys alone, and an upgrade is one project's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from redis_plan import brief as reader
from redis_plan.actions import designing
from redis_plan.delivery import acl, library
from redis_plan.server import Server
from tests.delivery import made

BOARD = Path(__file__).parents[1] / "actions" / "whiteboard"
PASSWORD = "only-for-this-test"


@pytest.fixture(scope="module")
def quiz(documents: Path) -> made.Project:
    return made.acting(made.SAMPLE, documents)


@pytest.fixture(scope="module")
def board() -> made.Project:
    read = reader.read(BOARD)
    return made.Project("whiteboard", read, designing.design(read))


@pytest.fixture
def shared(fresh: Server, quiz: made.Project, board: made.Project) -> Iterator[Any]:
    """A server that has both libraries."""
    client = fresh.client(decode_responses=True)
    client.function_flush()
    for project in (quiz, board):
        client.function_load(project.text("functions.lua"), replace=True)
    yield client
    client.function_flush()
    client.flushall()


def operations(project: made.Project, client: Any, folder: Path, **how: Any) -> Any:
    module = made.client_module(made.write(project.artefacts, folder / project.name), project.name)
    return module.Operations(client, module.Keys("prod"), **how)


def user(fresh: Server, project: made.Project, role: str) -> Any:
    """A connection as a user of one project; the names of users are the server's, so here each begins with the project's."""
    rules = next(found.rules for found in acl.users(project.keyspace) if found.name == role)
    name = f"{project.keyspace.app}-{role}"
    fresh.client().execute_command("ACL", "SETUSER", name, "reset", "on", f">{PASSWORD}", *rules)
    return fresh.client(decode_responses=True, username=name, password=PASSWORD)


def played(ours: Any, worker: Any, session: str) -> list[str]:
    """One session from its creation to its end, by the application and its worker."""
    told = [ours.create(session), ours.join(session, "ann", "c1", {"name": "Ann"}).status]
    told += [ours.apply(session, "named", {}, op_id="o1", fields={"title": "x"}).status]
    assert ours.catch_up(session, "", 0).state["title"] == "x"
    return [*told, ours.end(session).status, worker.hand_over(session, "row 1").status, worker.remove(session)]


@pytest.mark.parametrize("form", ["function", "eval"])
def test_both_projects_play_on_one_server_each_as_its_own_user(
    fresh: Server, shared: Any, quiz: made.Project, board: made.Project, tmp_path: Path, form: str
) -> None:
    for project in (quiz, board):
        app, worker = (
            operations(project, user(fresh, project, role), tmp_path, form=form) for role in ("app", "worker")
        )
        assert played(app, worker, "s") == ["created", "joined", "ok", "ended", "handed_over", "removed"]
    assert not shared.keys("*:state")


def test_no_function_of_either_project_reaches_the_others_keys(
    fresh: Server, shared: Any, quiz: made.Project, board: made.Project
) -> None:
    for mine, other in ((quiz, board), (board, quiz)):
        home = f"{other.keyspace.app}:v1:{{s}}"
        shared.hset(f"{home}:state", mapping={"epoch": "ab", "version": "1", "status": "open"})
        before = shared.dump(f"{home}:state")
        keys = [f"{home}:{name}" for name in ("state", "log")]
        for name in (mine.keyspace.fcall_name("session_end"), other.keyspace.fcall_name("session_end")):
            for role in ("app", "worker"):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    user(fresh, mine, role).fcall(name, len(keys), *keys, "", "600", "50")
        assert shared.dump(f"{home}:state") == before


def test_an_upgrade_of_one_library_leaves_the_others_as_it_was(
    shared: Any, quiz: made.Project, board: made.Project, tmp_path: Path
) -> None:
    names = [project.keyspace.library for project in (quiz, board)]
    ours = operations(board, shared, tmp_path)
    assert ours.create("s") == "created"

    def code(name: str) -> Any:
        return shared.function_list(library=name, withcode=True)

    before = [code(name) for name in names]
    shared.function_load(quiz.text("functions.lua") + "-- the next version\n", replace=True)
    assert code(names[0]) != before[0]
    assert code(names[1]) == before[1]
    assert ours.apply("s", "named", {}, op_id="o1", fields={"title": "x"}).status == "ok"
    shared.function_delete(names[0])
    assert ours.catch_up("s", "", 0).state["title"] == "x"
    assert {f"{names[1]}_{step.function.name}" for step in library.steps(board.keyspace)} == {
        function[1]
        for found in code(names[1])
        for function in dict(zip(found[::2], found[1::2], strict=True))["functions"]
    }
