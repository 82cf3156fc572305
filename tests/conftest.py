"""Real servers for every test that needs one, and a look at the end that no process and no folder is left."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from redis_plan import server
from redis_plan.server import Binary, Server
from tests import shared

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
BINARIES = server.available()
# A suite that was started in the background inherits SIGINT or SIGHUP ignored, and would hand that on to every child that it ends.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
# An example that took long says how busy the machine is.
hypothesis.settings.register_profile(
    "no timing", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("no timing")
# A worker of the parallel run has a terminal's size in its environment, which tests that set another one could not undo.
for _size in ("COLUMNS", "LINES"):
    os.environ.pop(_size, None)
#: Folders of the machine at hand, which nothing that is published may name: of the checkout, of the person, for temporary files.
_FOLDERS = (Path(__file__).resolve().parents[1], Path.home(), Path(tempfile.gettempdir()))
MACHINE_PATHS = tuple(f"{folder}/" for folder in _FOLDERS if folder != folder.parent)
LEFTOVER_TIMEOUT_S = 30.0


def pytest_configure() -> None:
    """Make the folder where the workers of one run meet; they inherit its name (:mod:`tests.shared`)."""
    if shared.FOLDER not in os.environ:
        os.environ[shared.FOLDER] = _MADE["here"] = tempfile.mkdtemp(prefix="redis-plan-meet-")


def pytest_unconfigure() -> None:
    """Remove it, where this process made it."""
    if folder := _MADE.pop("here", ""):
        shutil.rmtree(folder, ignore_errors=True)
        del os.environ[shared.FOLDER]


_MADE: dict[str, str] = {}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers ``-n auto`` starts: three for two cores, as a test waits a third of its time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + cores // 2


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with builds, end with what wants quiet; tell the scheduler which tests belong on one worker."""
    groups = {item.nodeid: _group(item) for item in items}
    turns = dict.fromkeys(groups.values(), 1) | {groups[i.nodeid]: 0 for i in items if i.get_closest_marker("slow")}
    turns["alone"] = 2
    items.sort(key=lambda item: turns[groups[item.nodeid]])
    shared.once("groups", lambda: groups)


def _group(item: pytest.Item) -> str:
    """Return which tests belong together: of one file, those that look at one build, those that want the machine alone."""
    if item.get_closest_marker("alone"):
        return "alone"
    return "built" if "built" in getattr(item, "fixturenames", ()) else item.nodeid.partition("::")[0]


class InGroups(LoadScopeScheduling):
    """Keep a group on one worker. The plugin's own groups hang at the ids of tests, which pytest 9 no longer lets it change."""

    def _split_scope(self, nodeid: str) -> str:
        return _groups()[nodeid]


@cache
def _groups() -> dict[str, str]:
    """Return what the workers have told."""
    return shared.once("groups", dict)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> InGroups:
    """Let the workers of a parallel run take groups, in the order of the collection."""
    config.option.loadscopereorder = False
    return InGroups(config, log)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let a test that weighs figures against each other (marked ``alone``) run while no other worker runs any."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return (yield)
    with _turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def _turn(*, alone: bool) -> Iterator[None]:
    """Share the machine with the other workers, or have it alone; who wants it alone is not overtaken."""
    with shared.path("gate.lock").open("w") as gate, shared.path("machine.lock").open("w") as machine:
        fcntl.flock(gate, fcntl.LOCK_EX)
        if not alone:
            fcntl.flock(gate, fcntl.LOCK_UN)
        fcntl.flock(machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left() -> Iterator[Path]:
    """Give this session a folder for temporary files of its own, so that at the end whatever is ours can be told."""
    before = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="rp-tests-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setenv("PYTEST_DEBUG_TEMPROOT", before)  # tmp_path stays where pytest keeps it
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder
    deadline = time.monotonic() + LEFTOVER_TIMEOUT_S
    while (left := processes_of(folder) + servers_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)
    assert not left, f"left behind by the tests: {left}"


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


def processes_of(folder: Path) -> list[str]:
    """Return the processes that were started with ``folder`` as their place for temporary files, but for this one."""
    mark = f"TMPDIR={folder}\0".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int(entry.name) != os.getpid() and mark in (entry / "environ").read_bytes() + b"\0":
                found.append(f"{entry.name} {(entry / 'cmdline').read_bytes().replace(bytes(1), b' ').decode()}")
        except OSError:  # ended meanwhile, or another user's
            continue
    return found


def servers_in(folder: Path) -> list[str]:
    """Return the folders of servers in ``folder``."""
    return sorted(str(path) for path in folder.glob("redis-plan-*"))


def is_running(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def within(seconds: float, condition: object) -> bool:
    """Whether ``condition()`` becomes true within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
