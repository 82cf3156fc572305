"""Kernels: the next notebook's kernel starts while the notebook before it writes its text, never while it measures."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Awaitable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from jupyter_client.manager import AsyncKernelManager

_SOCKET_LIMIT = 80  # sun_path holds 104 bytes on macOS, 108 on Linux; jupyter_client appends a number
#: What every notebook imports first; done while nobody waits, and binding no name.
_PRELOAD = "__import__('redis_plan.notebook')"
#: A kernel that ends is interrupted first and would print that on the terminal; its real faults come as messages.
_ARGUMENTS = [f"--IPKernelApp.exec_lines={_PRELOAD}", "--IPKernelApp.log_level=50"]


class Kernels:
    """A supply of kernels, one at a time; the context ends every kernel that nobody took.

    They speak over local sockets in place of TCP ports, so that nobody else on the machine can read what is said. The
    sockets are named, because jupyter_client would put them all under one name into the current folder, where two
    builds meet.
    """

    def __init__(self) -> None:
        self._resources = ExitStack()
        self._thread: threading.Thread | None = None
        self._manager: Any = None
        self._number = 0

    def __enter__(self) -> Kernels:
        base = None if len(tempfile.gettempdir()) < _SOCKET_LIMIT - 20 else "/tmp"  # the one short path
        self._folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="redis-plan-", dir=base)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        manager = self.take() if self._thread else None
        if manager is not None:
            asyncio.run(manager.shutdown_kernel(now=True))
        self._resources.close()

    def begin(self) -> None:
        """Start a kernel in the background, unless one has been begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._start, name="kernel", daemon=True)
            self._thread.start()

    def take(self) -> Any:
        """Return the kernel that was begun, when it runs; None where it could not start (the caller starts its own)."""
        self.begin()
        assert self._thread is not None
        self._thread.join()
        manager, self._thread, self._manager = self._manager, None, None
        return manager

    def _start(self) -> None:
        self._number += 1
        manager = AsyncKernelManager(
            kernel_name="python3", transport="ipc", ip=str(self._folder / f"k{self._number}"), shutdown_wait_time=3.0
        )
        try:
            asyncio.run(_run(manager.start_kernel(extra_arguments=_ARGUMENTS)))
        except (OSError, RuntimeError):
            return
        self._manager = manager


async def _run(awaitable: Awaitable[object]) -> None:
    await awaitable
