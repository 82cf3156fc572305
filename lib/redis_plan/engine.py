"""The papermill engine of a build: nbclient, watched cell by cell and ended at once on Ctrl-C and SIGTERM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from traitlets.config import Config

ENGINE = "redis-plan"

#: Called before each cell with its index and id.
CellWatch = Callable[[int, str], None]

# Local sockets in place of TCP ports: nobody else on the machine can read what a kernel says.
_KERNEL = Config({"KernelManager": {"transport": "ipc", "shutdown_wait_time": 3.0}})


class WatchedEngine(NBClientEngine):
    """Run a notebook and tell a watcher which cell runs."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: Any, *args: Any, start_timeout: Any = 60, **given: Any
    ) -> None:
        """Execute the notebook that ``nb_man`` manages; raises ``KeyboardInterrupt`` when a signal ended it."""
        start, cell_watch = nb_man.cell_start, given["cell_watch"]

        def watched_start(cell: Any, cell_index: int | None = None, **more: Any) -> None:
            cell_watch(cell_index or 0, str(cell.get("id", "")))
            start(cell, cell_index, **more)

        nb_man.cell_start = watched_start
        client = PapermillNotebookClient(
            nb_man, kernel_name=kernel_name, startup_timeout=start_timeout, timeout=None, config=_KERNEL
        )
        try:
            client.execute()
        except DeadKernelError:
            if getattr(client, "_async_cleanup_kernel_future", None) is not None:  # nbclient saw SIGINT or SIGTERM
                raise KeyboardInterrupt from None
            raise


papermill_engines.register(ENGINE, WatchedEngine)
