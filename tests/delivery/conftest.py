"""Projects, their artefacts on disk, and servers that hold nothing but a project's library."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import redis.asyncio

from redis_plan import brief as reader
from redis_plan import server
from redis_plan.actions import designing
from redis_plan.server import Server
from tests.actions.test_stories import with_stories
from tests.conftest import BINARIES
from tests.delivery import made, node

CLIENTS = 200
DEALT = "Each player is dealt a hand of cards that nobody else can see"
DEALING = """[[actions]]
name = "deal"
like = "secrets.deal"
serves = ["US-901"]
"""


class Crowd:
    """Two hundred connections of their own to one server, which start what they are given at the same moment."""

    def __init__(self, live: Server) -> None:
        self._runner = asyncio.Runner()
        self.clients = [redis.asyncio.Redis(unix_socket_path=str(live.address[1]), retry=None) for _ in range(CLIENTS)]
        self.run([client.ping() for client in self.clients])

    def run(self, work: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
        """Run all of ``work`` at once; the results in its order."""

        async def gather() -> list[Any]:
            return list(await asyncio.gather(*work))

        return self._runner.run(gather())

    def close(self) -> None:
        self.run([client.aclose() for client in self.clients])
        self._runner.close()


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


@pytest.fixture(scope="session", params=made.PROJECTS)
def project(request: pytest.FixtureRequest, documents: Path) -> made.Project:
    """Each project in turn."""
    return made.of(request.param, documents)


@pytest.fixture(scope="session")
def sample(documents: Path) -> made.Project:
    return made.of(made.SAMPLE, documents)


@pytest.fixture(scope="session")
def sample_folder(sample: made.Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's artefacts as a build leaves them."""
    return made.write(sample.artefacts, tmp_path_factory.mktemp("redis"))


@pytest.fixture(scope="session")
def generated(sample_folder: Path) -> ModuleType:
    """The sample's Python client."""
    return made.client_module(sample_folder, "sample")


@pytest.fixture(scope="session")
def programs(sample: made.Project) -> Iterator[Path]:
    """The sample's TypeScript with the tests' programs, a folder a library; compiled once, beside node_modules."""
    if node.MISSING:
        pytest.skip(node.WHY)
    out = node.OUT
    shutil.rmtree(out, ignore_errors=True)
    node.compile_all([file for library in node.LIBRARIES for file in node.write(sample, library, out / library)])
    yield out
    shutil.rmtree(out)


@pytest.fixture(scope="session")
def game(tmp_path_factory: pytest.TempPathFactory) -> made.Project:
    """The sample with its actions, in which the service deals hands in secret besides."""
    asked = reader.read(with_stories(tmp_path_factory.mktemp("dealing"), [DEALT], DEALING))
    return made.Project("dealing", asked, designing.design(asked))


@pytest.fixture(scope="session")
def game_folder(game: made.Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its files as a build delivers them."""
    return made.write(game.artefacts, tmp_path_factory.mktemp("game") / "redis")


@pytest.fixture(scope="session")
def on_node(game_folder: Path) -> Iterator[Path]:
    """These files in TypeScript with the game server on Socket.IO, compiled strictly once, beside node_modules."""
    if node.MISSING or not (node.HERE / "node_modules" / "socket.io").exists():
        pytest.skip(node.WHY)
    with tempfile.TemporaryDirectory(prefix="game-", dir=node.HERE) as name:
        out, games = Path(name), Path(__file__).parent / "games"
        programs = (games / "socketio-server.ts", games / "socketio-players.mjs")
        for file in (*game_folder.glob("*.ts"), *programs):
            shutil.copy(file, out)
        node.compile_all(sorted(out.glob("*.ts")))
        yield out


@pytest.fixture(scope="module", params=BINARIES, ids=lambda binary: binary.id)
def fresh(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of each build that no other test has touched."""
    live = server.start_with(request.param)
    yield live
    live.close()


@pytest.fixture(scope="module")
def loaded(fresh: Server, sample: made.Project) -> Server:
    """The same with the sample's functions.lua."""
    fresh.client().function_load(sample.text("functions.lua"), replace=True)
    return fresh


@pytest.fixture(scope="module")
def crowd(fresh: Server) -> Iterator[Crowd]:
    """The connections of a server's clients."""
    made_of = Crowd(fresh)
    yield made_of
    made_of.close()
