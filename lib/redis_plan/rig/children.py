"""Child processes of an experiment: started together, and always ended, also on an interrupt."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

from redis_plan.errors import RedisPlanError


def allow_sockets(count: int) -> None:
    """Raise this process's own limit of open files to ``count`` where the machine lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


class Line:
    """Two pipes to a process that takes and answers lines: JSON, or words."""

    def __init__(self, to: IO[str], back: IO[str]) -> None:
        self.to, self.back = to, back

    def ready(self) -> None:
        """Wait for the line ``ready``."""
        self.answer(expected="ready")

    def answer(self, expected: str = "") -> str:
        """Return the process's next line; raises if it ended instead."""
        line = self.back.readline().strip()
        if not line or (expected and line != expected):
            raise RedisPlanError("a child process of the experiment ended early")
        return line

    def tell(self, **given: Any) -> None:  # Any: JSON
        """Write a line of JSON to its stdin, for what is too much for an argument."""
        self.to.write(json.dumps(given) + "\n")
        self.to.flush()

    def ask(self, **question: Any) -> dict[str, Any]:  # Any: JSON
        """Tell it something and return its answer."""
        self.tell(**question)
        found: dict[str, Any] = json.loads(self.answer())
        return found

    def close(self) -> None:
        """Close both pipes."""
        for pipe in (self.to, self.back):
            with suppress(BrokenPipeError):
                pipe.close()


class Child(Line):
    """A Python module of ours run as a process, with JSON as its argument and JSON lines as its answers."""

    def __init__(
        self, module: str, role: str, given: dict[str, Any], command: Sequence[str] = (), **options: Any
    ) -> None:  # Any: JSON, and what Popen takes
        """Start it; ``command`` is another program that answers as our modules do."""
        self.process = subprocess.Popen(
            list(command) or [sys.executable, "-m", module, role, json.dumps(given)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options,
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        super().__init__(self.process.stdin, self.process.stdout)

    def finish(self) -> dict[str, Any]:  # Any: JSON
        """Close its stdin and return its last line as JSON."""
        self.to.close()
        found: dict[str, Any] = json.loads(self.answer())
        return found

    def end(self) -> None:
        """End the process, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.close()


class Twins:
    """Processes that are forked from one which has imported what all of them need: once, in place of once each.

    The module is run as a :class:`Child` is, and calls :func:`twin` when it has imported; ``lines`` are to its forks.
    """

    def __init__(self, module: str, role: str, count: int) -> None:
        """Start the one; its group is its own, so that all can be ended at once."""
        ours: list[Line] = []
        theirs: list[tuple[int, int]] = []
        for _ in range(count):
            (there, to), (back, said) = os.pipe(), os.pipe()
            ours.append(Line(os.fdopen(to, "w"), os.fdopen(back)))
            theirs.append((there, said))
        self.lines = tuple(ours)
        passed = [end for pair in theirs for end in pair]
        try:
            self._first = Child(module, role, {"pipes": theirs}, pass_fds=passed, start_new_session=True)
        finally:
            _close(theirs)
        self.tell = self._first.tell

    def end(self) -> None:
        """End every one of them, whatever they do."""
        with suppress(ProcessLookupError):
            os.killpg(self._first.process.pid, signal.SIGKILL)  # not reaped yet, so the number is still its group's
        self._first.end()
        for line in self.lines:
            line.close()


def twin(pipes: Sequence[Sequence[int]], be: Callable[[int], None]) -> None:
    """Fork one process a pair of pipes, its stdin and stdout, which is ``be`` with its number; wait until all have ended."""
    for number, (there, said) in enumerate(pipes):
        if os.fork() == 0:
            failed = 1
            try:
                os.dup2(there, 0)
                os.dup2(said, 1)
                _close(pipes)
                be(number)
                sys.stdout.flush()
                failed = 0
            except BaseException:  # of a fork, which must not go on as the one that it was forked from
                traceback.print_exc()
            finally:
                os._exit(failed)
    _close(pipes)
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _close(pipes: Sequence[Sequence[int]]) -> None:
    for end in (end for pair in pipes for end in pair):
        os.close(end)


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
