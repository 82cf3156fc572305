"""An owner: a worker that claims a session, reads it, and writes when its parent says so. It will be paused in between.

``python -m redis_plan.chapters.sessions.owner own '<json>'``
"""

from __future__ import annotations

import json
import socket
import sys
from typing import Any

import hiredis

from redis_plan.chapters.sessions.moves import pack

#: What stands for the version that was read, in the command that writes.
VERSION = "<version>"


class Line:
    """One connection."""

    def __init__(self, address: list[Any]) -> None:
        unix = len(address) == 2
        self.socket = socket.socket(socket.AF_UNIX if unix else socket.AF_INET, socket.SOCK_STREAM)
        self.socket.connect(address[1] if unix else (address[1], address[2]))
        self.reader = hiredis.Reader()

    def ask(self, *words: str | int) -> Any:  # Any: replies of Redis
        """Send one command and return its reply."""
        self.socket.sendall(pack(*words))
        while (reply := self.reader.gets()) is False:
            self.reader.feed(self.socket.recv(1 << 16))
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply


def main() -> None:
    """Claim, read, wait for stdin to close, write."""
    job = json.loads(sys.argv[2])
    line = Line(job["address"])
    claimed = line.ask("SET", job["claim"], "first", "NX", "PX", job["claim_ms"])
    version = line.ask("HGET", job["state"], "version").decode()
    print("ready" if claimed else "claimed by another", flush=True)
    sys.stdin.read()
    _, status = line.ask(*(version if word == VERSION else word for word in job["write"]))
    print(json.dumps({"answer": status.decode()}), flush=True)


if __name__ == "__main__":
    main()
