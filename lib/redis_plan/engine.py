"""The papermill engine of a build: nbclient, watched cell by cell, stopped in order on Ctrl-C and SIGTERM.

The notebook runs in a thread of its own, so that signals stay with the main thread: it interrupts the kernel, whose
cell then ends its servers and processes by itself, and kills it only if that takes too long.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from traitlets.config import Config

ENGINE = "redis-plan"
ORDERLY_S = 8.0  # how long an interrupted cell may take to end its servers and processes

#: Called before each cell with its index and id.
CellWatch = Callable[[int, str], None]

_SOCKET_LIMIT = 80  # sun_path holds 104 bytes on macOS, 108 on Linux; jupyter_client appends a number
_running: list[PapermillNotebookClient] = []


class WatchedEngine(NBClientEngine):
    """Run a notebook and tell a watcher which cell runs."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: Any, *args: Any, start_timeout: Any = 60, **given: Any
    ) -> None:
        """Execute the notebook that ``nb_man`` manages, telling ``cell_watch`` of each cell."""
        start, cell_watch = nb_man.cell_start, given["cell_watch"]

        def watched_start(cell: Any, cell_index: int | None = None, **more: Any) -> None:
            cell_watch(cell_index or 0, str(cell.get("id", "")))
            start(cell, cell_index, **more)

        nb_man.cell_start = watched_start
        with socket_folder() as folder:
            # Local sockets in place of TCP ports: nobody else on the machine can read what a kernel says. Named, since
            # jupyter_client would put them all under one name into the current folder, where two builds meet.
            kernel = {"transport": "ipc", "ip": str(folder / "k"), "shutdown_wait_time": 3.0}
            client = PapermillNotebookClient(
                nb_man,
                kernel_name=kernel_name,
                startup_timeout=start_timeout,
                timeout=None,
                config=Config({"KernelManager": kernel}),
            )
            _running.append(client)
            try:
                client.execute()
            finally:
                _running.remove(client)


@contextmanager
def socket_folder() -> Iterator[Path]:
    """Make a folder whose name leaves room for a socket's, and remove it in the end."""
    base = None if len(tempfile.gettempdir()) < _SOCKET_LIMIT - 20 else "/tmp"  # the one short path
    with tempfile.TemporaryDirectory(prefix="redis-plan-", dir=base) as name:
        yield Path(name)


papermill_engines.register(ENGINE, WatchedEngine)


def interruptible(execute: Callable[[], object]) -> None:
    """Run ``execute`` (a papermill call with this engine) in a thread; raise what it raises.

    On ``KeyboardInterrupt`` the kernel is interrupted, and killed after eight seconds or at the second interrupt.
    """
    outcome: list[BaseException] = []
    done = threading.Event()  # a join that an interrupt breaks would take the thread for dead (python/cpython#89437)

    def run() -> None:
        try:
            execute()
        except BaseException as error:  # handed to the main thread as it is
            outcome.append(error)
        finally:
            done.set()

    threading.Thread(target=run, name="notebook", daemon=True).start()
    try:
        done.wait()
    except KeyboardInterrupt:
        _stop(done)
        raise
    if outcome:
        raise outcome[0]


def _stop(done: threading.Event) -> None:
    try:
        _signal_kernels(signal.SIGINT)
        done.wait(ORDERLY_S)
    except KeyboardInterrupt:
        pass
    if not done.is_set():
        _signal_kernels(signal.SIGKILL)
        done.wait(ORDERLY_S)


def _signal_kernels(number: signal.Signals) -> None:
    for client in list(_running):
        provisioner = getattr(client.km, "provisioner", None)
        pid = getattr(provisioner, "pid", None)
        if pid:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
