"""A kernel holds one study at a time: what it opened is closed before the next one begins, and nothing of it is left."""

import os
from pathlib import Path

import pytest

from redis_plan import notebook
from redis_plan.build import engine
from redis_plan.build.kernel import Kernel
from tests.conftest import within


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "ai").mkdir()
    (tmp_path / "ai" / "prd.md").write_text("# Shop\n\nUsers buy things.\n")
    return {"project": str(tmp_path), "run_dir": str(tmp_path / "run"), "profile": "quick"}


def test_beginning_again_ends_the_server_of_before(given):
    first = notebook.begin("04_expiry", given).server
    assert first.client().ping()
    again = notebook.begin("04_expiry", given).server
    assert again.client().ping()
    assert within(5, lambda: not Path(first.address[1]).exists())
    notebook.end()
    assert within(5, lambda: not Path(again.address[1]).exists())


def test_the_kernel_of_a_build_is_one_process_that_is_empty_for_each_notebook():
    with Kernel() as kernel:
        client = kernel.manager().blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=180)
        found = []
        for _ in range(2):
            client.execute_interactive(
                "import os; print('left' in globals(), os.getpid()); left = 1",
                output_hook=lambda message: found.append(message["content"].get("text", "").split()),
            )
            client.execute_interactive(engine.LEAVE, silent=True)
        client.stop_channels()
    (before, pid), (again, same) = filter(None, found)
    assert before == again == "False"
    assert pid == same != str(os.getpid())
    assert within(5, lambda: not Path(f"/proc/{pid}").exists())
