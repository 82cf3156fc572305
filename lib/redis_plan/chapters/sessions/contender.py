"""Contender: a client process that hammers sessions with others, told by JSON lines what to do.

``python -m redis_plan.chapters.sessions.contender hammer '<json>'``: prints ``ready``, then answers each job line with one
line: counts of every connection, and the microseconds of every move. One loop over plain sockets a process, so that
dozens of connections really wait at the server at the same time and no interpreter lock takes turns for them.
"""

from __future__ import annotations

import gc
import json
import random
import selectors
import socket
import sys
import time
from collections import Counter
from typing import Any

import hiredis

from redis_plan.chapters.sessions import fuzz_moves
from redis_plan.chapters.sessions.moves import MOVES, Job, Move, RefusedError, Steps, pack

WORK: dict[str, Move] = {**MOVES, **fuzz_moves.MOVES}


class Link:
    """One connection and the move that it is in."""

    def __init__(self, address: list[Any], login: list[str]) -> None:
        self.address, self.login = address, login
        self.counts: Counter[str] = Counter()
        self.move: Steps | None = None
        self.began = 0.0
        self.waiting = 0
        self.replies: list[Any] = []
        self.socket, self.reader = self.connect()

    def connect(self) -> tuple[socket.socket, hiredis.Reader]:
        """Return a fresh connection, logged in where the job asks for it."""
        unix = len(self.address) == 2
        link = socket.socket(socket.AF_UNIX if unix else socket.AF_INET, socket.SOCK_STREAM)
        link.connect(self.address[1] if unix else (self.address[1], self.address[2]))
        reader = hiredis.Reader()
        if self.login:
            link.sendall(pack("AUTH", *self.login))
            reader.feed(link.recv(4096))
            if reader.gets() != b"OK":
                raise ConnectionError("the server refused the test's user")
        return link, reader

    def advance(self, replies: list[Any] | None) -> bool:
        """Give the move its replies and send what it asks next; False at its end."""
        assert self.move is not None
        try:
            commands, self.waiting = self.move.send(replies) if replies is not None else next(self.move)
        except StopIteration:
            self.move = None
            return False
        except RefusedError as error:
            self.move = None
            self.counts["errors"] += 1
            self.counts[f"error: {str(error)[:160]}"] += 1
            return False
        self.replies = []
        self.socket.sendall(commands)
        return True

    def received(self) -> bool:
        """Read what came; whether every reply of the step is there."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.reader.feed(data)
        while (reply := self.reader.gets()) is not False:
            self.replies.append(reply)
        return len(self.replies) >= self.waiting


class Hammer:
    """The loop: every connection does one move after the other until the job's time is up."""

    def __init__(self, address: list[Any]) -> None:
        self.address = address
        self.links: list[Link] = []
        self.selector = selectors.DefaultSelector()

    def run(self, job: Job) -> dict[str, Any]:
        """Do the job; counts of every connection, µs of every move and how many ended in time."""
        work, login = WORK[job["work"]], job.get("login", [])
        self.links = [Link(self.address, login) for _ in range(job["threads"])]
        for number, link in enumerate(self.links):
            self.selector.register(link.socket, selectors.EVENT_READ, (number, link))
        names = [f"{job['process']}-{number}" for number in range(len(self.links))]
        chances = [random.Random(f"{job['seed']}:{name}") for name in names]
        spent: list[int] = []
        in_time, busy, limit = 0, len(self.links), job.get("moves", 0)
        done = [0] * len(self.links)
        gc.collect()
        gc.disable()  # a collection in the middle would be a stall of every connection of this process
        time.sleep(max(0.0, job["from"] - time.monotonic()))
        until = time.monotonic() + job["seconds"]  # a process that comes late works as long as the others
        started = time.process_time()

        def proceed(number: int, link: Link, replies: list[Any] | None) -> int:
            """Go on with the move, or start the next; 1 when the connection has ended."""
            nonlocal in_time
            while True:
                if link.move is None:
                    if time.monotonic() >= until or (limit and done[number] >= limit):
                        return 1
                    link.move = work(job, chances[number], names[number], link.counts)
                    link.began, replies = time.monotonic(), None
                going = link.advance(replies)
                if going and link.waiting:
                    return 0
                if going:  # a cut: the commands are sent, the answer is never read
                    self._reconnect(number, link)
                    replies = []
                    continue
                now = time.monotonic()
                done[number] += 1
                in_time += now <= until
                spent.append(int((now - link.began) * 1e6))

        for number, link in enumerate(self.links):
            busy -= proceed(number, link, None)
        while busy:
            for key, _ in self.selector.select(1.0):
                number, link = key.data
                if link.received():
                    busy -= proceed(number, link, link.replies)
        gc.enable()
        for link in self.links:
            self.selector.unregister(link.socket)
            link.socket.close()
        counts = [dict(link.counts) for link in self.links]
        return {"counts": counts, "spent_us": spent, "in_time": in_time, "cpu_s": time.process_time() - started}

    def _reconnect(self, number: int, link: Link) -> None:
        self.selector.unregister(link.socket)
        link.socket.close()
        link.socket, link.reader = link.connect()
        self.selector.register(link.socket, selectors.EVENT_READ, (number, link))


def main() -> None:
    """Answer jobs until stdin closes."""
    hammer = Hammer(json.loads(sys.argv[2])["address"])
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(hammer.run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
