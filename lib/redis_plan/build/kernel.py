"""The kernel of a build: one process that runs its notebooks one after the other, emptied between them.

What a notebook leaves is closed and forgotten before the next one begins (:func:`redis_plan.notebook.end`), so that each
finds what it finds in a kernel of its own, but for modules and tables that were loaded once. The kernel starts while the
documents are read.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Awaitable
from contextlib import ExitStack, suppress
from queue import Empty
from types import TracebackType
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager

from redis_plan import folders

_SOCKET_LIMIT = 80  # sun_path holds 104 bytes on macOS, 108 on Linux; jupyter_client appends a number
_FOLDER_LENGTH = len("/redis-plan-kernel-01234567/k")
#: How long a kernel may take to end its servers and processes before it is killed.
ORDERLY_S = 8.0
#: What every notebook imports first; done while nobody waits, and binding no name.
_PRELOAD = ("__import__('gc').disable()", "__import__('redis_plan.notebook')")
#: What is there is not looked through again and again while it comes; a notebook looks once, and then no more (notebook.begin).
_LOADED = "__import__('gc').enable()"
#: The notebook that reads needs the encoder, and what it compares demands with.
_READS = (
    "__import__('redis_plan.brief.reader')",
    "__import__('redis_plan.brief.encoder', fromlist=['prepare']).prepare()",
    "__import__('redis_plan.actions.matching', fromlist=['labelled']).labelled()",
)
#: A kernel that ends is interrupted first and would print that on the terminal; its real faults come as messages.
_QUIET = "--IPKernelApp.log_level=50"


class Client(AsyncKernelClient):
    """A client that knows from the kernel's own word that it hears everything.

    jupyter_client's waits until nothing has come for a fifth of a second instead, once for each notebook.
    """

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Ask for kernel_info until the answer and the "idle" behind it have come; raises RuntimeError as jupyter_client does."""
        until = time.monotonic() + (timeout or float("inf"))
        while time.monotonic() < until:
            asked = self.kernel_info()
            with suppress(Empty):
                while _parent(reply := await self.get_shell_msg(timeout=1)) != asked:
                    pass
                self._handle_kernel_info_reply(reply)
                while True:  # where it is not subscribed yet, nothing comes, and we ask again
                    said = await self.get_iopub_msg(timeout=0.2)
                    if _parent(said) == asked and said["content"].get("execution_state") == "idle":
                        return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
        raise RuntimeError(f"Kernel didn't respond in {timeout:g} seconds")


def _parent(message: dict[str, Any]) -> str:
    return str(message["parent_header"].get("msg_id", ""))


class Kernel:
    """A kernel that starts with the context, in the background, and ends with it, in order.

    It speaks over local sockets in place of TCP ports, so that nobody else on the machine can read what is said. The
    sockets are named, because jupyter_client would put them all under one name into the current folder, where two
    builds meet.
    """

    def __init__(self, *, reads: bool = False) -> None:
        """``reads``: documents will be read in it."""
        self._resources = ExitStack()
        self._manager: Any = None
        self._used = False
        self._arguments = [
            f"--IPKernelApp.exec_lines={line}" for line in (*_PRELOAD, *(_READS if reads else ()), _LOADED)
        ]

    def __enter__(self) -> Kernel:
        base = None if len(tempfile.gettempdir()) < _SOCKET_LIMIT - _FOLDER_LENGTH else "/tmp"  # the one short path
        self._folder = self._resources.enter_context(folders.temporary("kernel", base))
        self._thread = threading.Thread(target=self._start, name="kernel", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """End the kernel, in order where anything ran in it; what has ended stays so."""
        self._thread.join()
        manager, self._manager = self._manager, None
        if manager is not None:
            asyncio.run(_end(manager, now=not self._used))
        self._resources.close()

    def manager(self) -> Any:
        """Return the kernel's manager when it runs; None where it could not start (the caller starts its own)."""
        self._thread.join()
        self._used = True
        return self._manager

    def _start(self) -> None:
        manager = AsyncKernelManager(
            kernel_name="python3",
            transport="ipc",
            ip=str(self._folder / "k"),
            shutdown_wait_time=ORDERLY_S,
            client_factory=Client,
        )
        try:
            asyncio.run(_run(manager.start_kernel(extra_arguments=[*self._arguments, _QUIET])))
        except (OSError, RuntimeError):
            return
        self._manager = manager


async def _end(manager: Any, *, now: bool) -> None:
    """Let the kernel end; one that is dead already leaves its sockets to be removed."""
    if await manager.is_alive():
        await manager.shutdown_kernel(now=now)
    await manager.cleanup_resources()


async def _run(awaitable: Awaitable[object]) -> None:
    await awaitable
