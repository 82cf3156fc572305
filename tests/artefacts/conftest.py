"""Projects, their artefacts on disk, and servers that hold nothing but a project's library."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from redis_plan import server
from redis_plan.server import Server
from tests.artefacts import made
from tests.conftest import BINARIES


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
