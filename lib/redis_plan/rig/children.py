"""Child processes of an experiment: started together, and always ended, also on an interrupt."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from redis_plan.errors import RedisPlanError


def allow_sockets(count: int) -> None:
    """Raise this process's own limit of open files to ``count`` where the machine lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


class Child:
    """A Python module of ours run as a process, with JSON as its argument and JSON lines as its answers."""

    def __init__(self, module: str, role: str, given: dict[str, Any], command: Sequence[str] = ()) -> None:  # Any: JSON
        """Start it; ``command`` is another program that answers as our modules do."""
        self.process = subprocess.Popen(
            list(command) or [sys.executable, "-m", module, role, json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> None:
        """Wait for the line ``ready``."""
        self.answer(expected="ready")

    def answer(self, expected: str = "") -> str:
        """Return the child's next line; raises if it ended instead."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line or (expected and line != expected):
            raise RedisPlanError(f"a child process of the experiment ended early (code {self.process.poll()})")
        return line

    def tell(self, **given: Any) -> None:  # Any: JSON
        """Write a line of JSON to its stdin, for what is too much for an argument."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(given) + "\n")
        self.process.stdin.flush()

    def ask(self, **question: Any) -> dict[str, Any]:  # Any: JSON
        """Tell it something and return its answer."""
        self.tell(**question)
        found: dict[str, Any] = json.loads(self.answer())
        return found

    def finish(self) -> dict[str, Any]:  # Any: JSON
        """Close its stdin and return its last line as JSON."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        found: dict[str, Any] = json.loads(self.answer())
        self.process.wait(10)
        return found

    def end(self) -> None:
        """End the process, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe and not pipe.closed:
                with suppress(BrokenPipeError):
                    pipe.close()


@contextmanager
def children(module: str, *roles: tuple[str, dict[str, Any]]) -> Iterator[list[Child]]:  # Any: JSON
    """Start a child for each of ``roles``; every one of them is gone when the context ends."""
    started: list[Child] = []
    try:
        for role, given in roles:
            started.append(Child(module, role, given))
        yield started
    finally:
        for child in started:
            child.end()
