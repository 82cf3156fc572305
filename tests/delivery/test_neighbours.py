"""Two projects on one server: the first library stays, the second is refused by name, and both play."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import redis

from redis_plan import brief as reader
from redis_plan.actions import designing
from redis_plan.server import Server
from tests.delivery import made

BOARD = Path(__file__).parents[1] / "actions" / "whiteboard"


@pytest.fixture(scope="module")
def first(documents: Path) -> made.Project:
    return made.acting(made.SAMPLE, documents)


@pytest.fixture(scope="module")
def second() -> made.Project:
    read = reader.read(BOARD)
    return made.Project("whiteboard", read, designing.design(read))


@pytest.fixture
def shared(fresh: Server, first: made.Project) -> Iterator[Any]:
    """A server that has the first project's library."""
    client = fresh.client(decode_responses=True)
    client.function_load(first.text("functions.lua"), replace=True)
    yield client
    client.function_flush()
    client.flushall()


def client_of(project: made.Project, folder: Path) -> ModuleType:
    return made.client_module(made.write(project.artefacts, folder), project.name)


def test_a_second_library_is_refused_by_name_and_leaves_the_first(shared: Any, second: made.Project) -> None:
    before = shared.function_list(withcode=True)
    with pytest.raises(redis.ResponseError, match=r"Function \w+ already exists"):
        shared.function_load(second.text("functions.lua"), replace=True)
    assert shared.function_list(withcode=True) == before


def test_both_projects_play_on_one_server(
    shared: Any, first: made.Project, second: made.Project, tmp_path: Path
) -> None:
    for project, form in ((first, "function"), (second, "auto"), (second, "eval")):
        module = client_of(project, tmp_path / project.name)
        ours = module.Operations(shared, module.Keys("prod"), form=form)
        session = f"s-{form}"
        assert ours.create(session) == "created"
        assert ours.join(session, "ann", "c1", {"name": "Ann"}).status == "joined"
        assert ours.apply(session, "named", {}, op_id="o1", fields={"title": "x"}).status == "ok"
        assert ours.catch_up(session, "", 0).state["title"] == "x"
        assert [ours.end(session).status, ours.hand_over(session, "row 1").status] == ["ended", "handed_over"]
        assert ours.remove(session) == "removed"
    assert not shared.keys("*:state")


def test_a_call_that_meets_the_other_projects_function_is_told_whose_it_is_and_writes_nothing(
    shared: Any, first: made.Project, second: made.Project, tmp_path: Path
) -> None:
    module = client_of(second, tmp_path)
    ours = module.Operations(shared, module.Keys("prod"))
    with pytest.raises(module.LibraryMissingError, match=f"is a function of {first.keyspace.app}"):
        ours.create("s")
    assert not shared.keys("*")
