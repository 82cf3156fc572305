"""A build that is stopped leaves no kernel, no server, no folder, and the previous plan as it was."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def children_of(session: int) -> list[int]:
    """Processes whose environment carries this test's mark."""
    mark = f"REDIS_PLAN_TEST_MARK={session}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (
                    mark in (entry / "environ").read_bytes()
                    and (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
                ):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_a_stopped_build_leaves_nothing_behind(project, tmp_path, number):
    plan = project / "ai/redis-plan.md"
    plan.write_text("the previous plan\n")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    mark = os.getpid() * 1000 + int(number)
    environment = os.environ | {"REDIS_PLAN_TEST_MARK": str(mark), "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "redis_plan", "build", str(project), "--profile", "quick"]
    build = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_for_measuring(project, build)
    build.send_signal(number)
    _, err = build.communicate(timeout=120)
    if number != signal.SIGKILL:
        assert build.returncode == 130
        assert "stopped; the previous plan is as it was" in err
        assert "Traceback" not in err
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (children_of(mark) or list(temporary.glob("redis-plan-*"))):
        time.sleep(0.1)
    assert children_of(mark) == []
    assert list(temporary.glob("redis-plan-*")) == []
    assert plan.read_text() == "the previous plan\n"


def wait_for_measuring(project: Path, build: "subprocess.Popen[str]") -> None:
    """Wait until notebook 02 or 03 has recorded something, so that kernels and servers are up."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and build.poll() is None:
        if list((project / "data/runs/quick").glob("evidence/E-0*.json")):
            time.sleep(0.5)
            return
        time.sleep(0.05)
    raise AssertionError(f"the build never measured anything: {build.stderr.read() if build.stderr else ''}")
