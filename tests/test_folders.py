"""Temporary folders: gone with their process, and where it was killed, with the next one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from redis_plan import folders

_HOLDS = """
import sys, time
from redis_plan import folders
with folders.temporary("held", sys.argv[1]) as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


def holder(base: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start a process that holds a folder in ``base``, as if it had done so for long."""
    process = subprocess.Popen([sys.executable, "-c", _HOLDS, str(base)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    (folder / "socket").touch()
    os.utime(folder, (0, 0))
    return process, folder


def test_what_a_killed_process_left_goes_with_the_next_and_what_is_held_or_not_ours_stays(tmp_path: Path) -> None:
    killed, left = holder(tmp_path)
    living, held = holder(tmp_path)
    foreign = tmp_path / "redis-plan-other-1"
    foreign.mkdir()
    os.utime(foreign, (0, 0))
    try:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert left.exists()
        with folders.temporary("held", str(tmp_path)) as own:
            assert own.is_dir()
            assert not left.exists()
            assert held.exists()
            assert foreign.exists()
        assert not own.exists()
    finally:
        for process in (killed, living):
            process.kill()
            process.communicate()
