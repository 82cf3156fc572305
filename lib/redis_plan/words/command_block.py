"""Command blocks: the commands that the plan prints, each with the user that sends it, so that every one can be tried.

A block has the language ``redis`` and one command a line, ``user> COMMAND arguments   # what it answers``. Who sends a
command is a duty (:mod:`redis_plan.delivery.duties`); a word in ``<>`` stands for a value that only the running system knows.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from redis_plan.delivery import walkthrough
from redis_plan.keyspace.model import Keyspace

LANGUAGE = "redis"
_BLOCK = re.compile(rf"^```{LANGUAGE}\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"(?P<user>\w+)> (?P<command>.+?)(?: {3,}# (?P<says>.*))?$")


@dataclass(frozen=True, slots=True)
class Line:
    """One command of a block: who sends it, its words, and what is said of it."""

    user: str
    command: tuple[str, ...]
    says: str = ""

    def __str__(self) -> str:
        """Return the line as the plan prints it."""
        said = f"   # {self.says}" if self.says else ""
        return f"{self.user}> {walkthrough.shell(self.command)}{said}"


def line(keyspace: Keyspace, command: Sequence[str], says: str = "") -> Line:
    """Return a line for ``command``; its user is the one whose duty it is."""
    return Line(walkthrough.user_of(keyspace, command), tuple(command), says)


def block(lines: Iterable[Line]) -> str:
    """Return a block of Markdown."""
    return "\n".join([f"```{LANGUAGE}", *map(str, lines), "```"])


def lines(text: str) -> Iterator[Line]:
    """Return every line of every block in ``text``; raises ``ValueError`` for one that names no user."""
    for found in _BLOCK.finditer(text):
        for row in found[1].splitlines():
            parsed = _LINE.fullmatch(row)
            if parsed is None:
                raise ValueError(f"no user in the command {row!r}")
            yield Line(parsed["user"], tuple(shlex.split(parsed["command"])), parsed["says"] or "")
