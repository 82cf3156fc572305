"""The papermill engine of a build: nbclient, watched cell by cell, stopped in order on Ctrl-C and SIGTERM.

The notebook runs in a thread of its own, so that signals stay with the main thread: it interrupts the kernel, whose
cell then ends its servers and processes by itself, and kills it only if that takes too long.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from redis_plan.build.kernel import ORDERLY_S

ENGINE = "redis-plan"
#: Closes and forgets all that a notebook has in its kernel.
LEAVE = "__import__('redis_plan.notebook').notebook.end()"

#: Called before each cell with its index and id.
CellWatch = Callable[[int, str], None]

_running: list[PapermillNotebookClient] = []


class WatchedEngine(NBClientEngine):
    """Run a notebook in the build's kernel, tell a watcher which cell runs, and leave the kernel empty."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: Any, *args: Any, start_timeout: Any = 60, **given: Any
    ) -> None:
        """Execute the notebook that ``nb_man`` manages; ``cell_watch`` is told of each cell, ``manager`` is the kernel's."""
        start, cell_watch, manager = nb_man.cell_start, given["cell_watch"], given["manager"]

        def watched_start(cell: Any, cell_index: int | None = None, **more: Any) -> None:
            cell_watch(cell_index or 0, str(cell.get("id", "")))
            start(cell, cell_index, **more)

        nb_man.cell_start = watched_start
        # papermill writes the whole notebook before and after each cell, which takes longer than most cells, and at the end anyway
        save, nb_man.save = nb_man.save, lambda **_: None
        client: Any = PapermillNotebookClient(
            nb_man, km=manager, kernel_name=kernel_name, startup_timeout=start_timeout, timeout=None
        )
        _running.append(client)
        try:
            client.execute(cleanup_kc=manager is None)
            if manager is not None:
                client.wait_for_reply(client.kc.execute(LEAVE, silent=True))
                client.kc.stop_channels()
        finally:
            nb_man.save = save
            _running.remove(client)


papermill_engines.register(ENGINE, WatchedEngine)


def interruptible(execute: Callable[[], object]) -> None:
    """Run ``execute`` (a papermill call with this engine) in a thread; raise what it raises.

    On ``KeyboardInterrupt`` the kernel is interrupted, and killed after :data:`ORDERLY_S` or at the second interrupt.
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
