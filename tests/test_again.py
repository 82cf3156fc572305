"""The second look of CI at a red run: chance is told from a fault, and never hides one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

AGAIN = Path(__file__).parents[1] / ".ci" / "again.py"
SUITE = "def test_sound():\n    pass\n\n\ndef test_faulty():\n    assert False\n"


def look(folder: Path, *failed: str) -> subprocess.CompletedProcess[str]:
    """Look again at what a run of the suite in ``folder`` remembers as failed."""
    (folder / "test_suite.py").write_text(SUITE)
    (folder / "pytest.ini").write_text("[pytest]\n")
    if failed:
        remembered = folder / ".pytest_cache/v/cache/lastfailed"
        remembered.parent.mkdir(parents=True)
        remembered.write_text(json.dumps({f"test_suite.py::{name}": True for name in failed}))
    return subprocess.run([sys.executable, AGAIN], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_what_passes_alone_each_time_failed_by_chance_and_is_named(tmp_path: Path) -> None:
    found = look(tmp_path, "test_sound")
    assert found.returncode == 0
    assert found.stdout.count(" passed") == 3
    assert "FAILED BY CHANCE" in found.stdout
    assert found.stdout.rstrip().endswith("test_suite.py::test_sound")


def test_a_fault_fails_again_also_beside_chance(tmp_path: Path) -> None:
    found = look(tmp_path, "test_sound", "test_faulty")
    assert found.returncode == 1
    assert "BY CHANCE" not in found.stdout


@pytest.mark.parametrize("failed", [(), ("test_sound", "a", "b", "c")], ids=["none remembered", "too many"])
def test_none_and_many_are_no_chance(tmp_path: Path, failed: tuple[str, ...]) -> None:
    found = look(tmp_path, *failed)
    assert (found.returncode, found.stdout) == (
        1,
        f"again: {len(failed)} failures are not looked at again (1 to 3 are)\n",
    )
