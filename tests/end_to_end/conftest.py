"""Whole builds: the command run as a user runs it, in projects made for the test."""

import io
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from redis_plan import cli, resources

DOCUMENTS = ("prd.md", "redis_planning_summary.md", "tech-stack.md")


@dataclass(frozen=True)
class Ran:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.strip()]


def redis_plan(*arguments: object, **options: object) -> Ran:
    """Run the command and wait for it."""
    done = subprocess.run(
        [sys.executable, "-m", "redis_plan", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def told(*arguments: object) -> Ran:
    """Run the command in this process, which has its imports already; a signal or an environment of its own needs :func:`redis_plan`."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["redis-plan", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def copy_sample(folder: Path) -> Path:
    """Make a project with the sample's documents."""
    (folder / "ai").mkdir(parents=True)
    for name in DOCUMENTS:
        shutil.copy(resources.sample_project() / "ai" / name, folder / "ai" / name)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of the test's own."""
    return copy_sample(tmp_path / "project")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample project, built once with the quick profile."""
    folder = copy_sample(tmp_path_factory.mktemp("built") / "project")
    done = redis_plan("build", folder, "--profile", "quick")
    assert done.code == 0, done.err
    return folder
