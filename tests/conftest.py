"""Real servers for every test that needs one, and a look at the end that none is left."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from redis_plan import server
from redis_plan.server import Binary, Server

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
BINARIES = server.available()


@pytest.fixture(scope="session")
def server_binaries() -> tuple[Binary, ...]:
    """Every server build this machine has: PATH first, then the embedded one."""
    return BINARIES


@pytest.fixture(scope="session", params=BINARIES, ids=lambda binary: binary.id)
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of ours, once for each build; a test that leaves keys behind names them uniquely."""
    live = server.start_with(request.param)
    yield live
    live.close()


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real documents, where it is there."""
    if not CORPUS.is_dir():
        pytest.skip("the annotated documents of ../shared/corpus are not on this machine")
    return CORPUS


def python(code: str, **options: object) -> "subprocess.Popen[str]":
    """Start a child Python that runs ``code``; its output is piped."""
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )
