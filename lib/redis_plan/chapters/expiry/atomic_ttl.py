"""A crash between two commands: how many keys live for ever when the write and its TTL are not one step."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.measure.respwire import pack
from redis_plan.server import Server

#: Stands for the key in a packed command; keys are as long, so that the length before it stays right.
_SLOT = "k" * 14
#: A library with one function, and the same as a script: write and TTL in one step.
_FUNCTION = "#!lua name=ttl\nredis.register_function('put', function(keys, args) return redis.call('SET', keys[1], args[1], 'EX', args[2]) end)"
_SCRIPT = "return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])"

TWO_STEPS = "SET, then EXPIRE"
ONE_WRITE = "SET and EXPIRE in one pipeline"
IN_MULTI = "MULTI, SET, EXPIRE, EXEC"
ONE_COMMAND = "SET … EX"
IN_FUNCTION = "function"

#: An application of many workers: each waits for its byte on standard input, then for key after key sends each group of
#: commands and waits for its replies, until it is killed or the server is.
_APPLICATION = r"""
import os, select, socket, sys
where, kind, count, slot = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].encode()
packed = [(bytes.fromhex(text), int(lines)) for text, lines in (g.split(":") for g in sys.argv[5:])]
for worker in range(count):
    child = os.fork()
    if child:
        print(child, flush=True)
        continue
    link = socket.socket(socket.AF_UNIX if "/" in where else socket.AF_INET)
    link.connect(where if "/" in where else ("127.0.0.1", int(where)))
    os.read(0, 1) or os._exit(0)
    n = 0
    while True:
        key, n = b"%s%04d:%08d" % (kind.encode(), worker, n), (n + 1) % 50  # few keys: all are looked at in the end
        for text, lines in packed:
            seen = 0
            try:
                link.sendall(text.replace(slot, key))
                while seen < lines:
                    got = link.recv(4096) or os._exit(0)
                    seen += got.count(b"\r\n")
            except OSError:
                os._exit(0)
owner = select.poll()
owner.register(0, 0)
owner.poll()  # until the owner hangs up; a read would take the workers' bytes
"""


def ways(functions: bool) -> dict[str, tuple[tuple[bytes, int], ...]]:
    """Return each way to write a key with a TTL: groups of packed commands, and the reply lines of each group."""
    put, expire, put_ex = pack("SET", _SLOT, "x"), pack("EXPIRE", _SLOT, 3600), pack("SET", _SLOT, "x", "EX", 3600)
    called = pack("FCALL", "put", 1, _SLOT, "x", 3600) if functions else pack("EVAL", _SCRIPT, 1, _SLOT, "x", 3600)
    return {
        TWO_STEPS: ((put, 1), (expire, 1)),
        ONE_WRITE: ((put + expire, 2),),
        IN_MULTI: ((pack("MULTI") + put + expire + pack("EXEC"), 6),),
        ONE_COMMAND: ((put_ex, 1),),
        IN_FUNCTION: ((called, 1),),
    }


class _Application:
    """A process with ``count`` workers beneath it that wait to be set going; gone with :meth:`end`, whatever happens."""

    def __init__(self, server: Server, groups: tuple[tuple[bytes, int], ...], kind: str, count: int) -> None:
        where = str(server.address[1] if len(server.address) == 2 else server.address[2])
        packed = [f"{text.hex()}:{lines}" for text, lines in groups]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _APPLICATION, where, kind, str(count), _SLOT, *packed],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.count = count

    def go(self) -> list[int]:
        """Set the workers going; return their process ids (their parent keeps them from being used again)."""
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        workers = [int(self._process.stdout.readline()) for _ in range(self.count)]
        self._process.stdin.write(b"!" * self.count)
        self._process.stdin.flush()
        return workers

    def end(self) -> None:
        """Kill what is left of it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()


def crashes(lab: Lab) -> Finding:
    """Kill clients, then the server, at random moments of each way to write a key with a TTL; count keys without one."""
    kills, turns = lab.by_profile((16, 1), (40, 2), (100, 10))
    functions = "functions" in lab.server.capabilities
    rows: list[dict[str, object]] = []
    for turn in range(turns):

        def one(item: tuple[str, tuple[tuple[bytes, int], ...]], turn: int = turn) -> dict[str, int]:
            return _one(lab, item[1], kills, lab.rng(f"crash {item[0]} {turn}"), functions)

        tried = ways(functions)
        with ThreadPoolExecutor(2) as pool:  # each way has a server of its own, and half of it is waiting
            for way, left in zip(tried, pool.map(one, tried.items()), strict=True):
                rows += [{"way": way, "killed": killed, "round": turn, "victims": kills, "immortal": count}
                         for killed, count in left.items()]  # fmt: skip
    return _finding(pd.DataFrame(rows), functions)


def _one(
    lab: Lab, groups: tuple[tuple[bytes, int], ...], kills: int, rng: random.Random, functions: bool
) -> dict[str, int]:
    """Return the keys without a TTL after the clients were killed, and after the server was."""
    with lab.own({"appendonly": "yes", "appendfsync": "everysec", "save": ""}) as own, ExitStack() as stack:
        if functions:
            own.client().execute_command("FUNCTION", "LOAD", _FUNCTION)
        dying, orphaned = (_Application(own, groups, kind, kills) for kind in "cs")
        stack.callback(dying.end)
        stack.callback(orphaned.end)
        victims = dying.go()
        _await_work(own.client(), "c", kills)
        for worker in victims:
            time.sleep(rng.random() * 0.002)
            os.kill(worker, signal.SIGKILL)
        left = {"client": _immortal(own.client(), "c")}
        orphaned.go()
        _await_work(own.client(), "s", kills)
        time.sleep(rng.random() * 0.01)
        own.kill()
        own.start()
        return left | {"server": _immortal(own.client(), "s")}


def _await_work(client: redis.Redis, kind: str, count: int) -> None:
    """Wait until each worker of ``kind`` has finished a key: one that has not begun can leave nothing behind."""
    names = [f"{kind}{worker:04d}:{1:08d}" for worker in range(count)]
    until = time.monotonic() + 10
    while int(client.exists(*names)) < count and time.monotonic() < until:
        time.sleep(0.001)


def _immortal(client: redis.Redis, kind: str) -> int:
    """Return how many keys of the workers of ``kind`` have no TTL."""
    names = list(client.scan_iter(match=f"{kind}*", count=10_000))
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.ttl(name)
        return sum(answer == -1 for answer in pipe.execute())


def _finding(samples: pd.DataFrame, functions: bool) -> Finding:
    sums = samples.groupby(["way", "killed"], sort=False)[["victims", "immortal"]].sum()
    values = [
        Value(f"{way}, {killed} killed", float(row["immortal"]), "immortal keys", int(row["victims"]))
        for (way, killed), row in zip(sums.index, sums.to_dict("records"), strict=True)
    ]
    per_way = samples.groupby("way", sort=False)[["victims", "immortal"]].sum()
    killed_in = {str(way): int(count) for way, count in per_way["victims"].items()}
    left_by = {str(way): int(count) for way, count in per_way["immortal"].items()}
    leaky = [way for way, count in left_by.items() if count]
    one_step = (IN_MULTI, ONE_COMMAND, IN_FUNCTION)
    values += [
        Value("two_steps_share", 100 * left_by[TWO_STEPS] / killed_in[TWO_STEPS], "%", killed_in[TWO_STEPS]),
        Value("one_step_immortal", sum(left_by[w] for w in one_step), "keys", sum(killed_in[w] for w in one_step)),
    ]
    return Finding(
        question="How many keys live for ever when a crash falls between a write and its EXPIRE?",
        hypothesis="About every second kill leaves one where the two are separate round trips; none where they are one step.",
        method="Workers write key after key on servers of our own with an append-only file; each worker is killed (SIGKILL) at a "
        "random moment, later the server under others; then every key without a TTL is counted",
        values=tuple(values),
        samples=samples,
        conclusion=f"Keys without a TTL were left by: {', '.join(leaky) or 'none'}.",
        conditions={
            "kills": f"{killed_in[TWO_STEPS]} workers a way",
            "appendfsync": "everysec",
            "function": "FCALL" if functions else "EVAL, for want of functions",
        },
    )


def plot_crashes(samples: pd.DataFrame) -> Figure:
    """Draw the keys left for ever in a hundred kills, for each way to write, client killed and server killed."""
    sums = samples.groupby(["way", "killed"], sort=False)[["victims", "immortal"]].sum()
    shares = {
        (row["way"], row["killed"]): 100 * row["immortal"] / row["victims"]
        for row in sums.reset_index().to_dict("records")
    }
    order = list(dict.fromkeys(samples["way"]))[::-1]
    figure, axes = plt.subplots()
    for offset, killed, colour in ((0.19, "client", figures.PALETTE[0]), (-0.19, "server", figures.PALETTE[1])):
        for place, way in enumerate(order):
            value = shares[way, killed]
            axes.barh(place + offset, value, height=0.34, color=colour)
            text = f" {value:.0f}" + (f"  {killed} killed" if place == len(order) - 1 else "")
            axes.annotate(text, (value, place + offset), va="center", fontsize=9, color="#333333")
    axes.set_yticks(range(len(order)), order, fontsize=10)
    axes.set_xlabel("keys without a TTL left by 100 kills")
    axes.set_xlim(0, max(10.0, max(shares.values()) * 1.35))
    axes.grid(axis="y", visible=False)
    axes.set_title("Keys that live for ever after a crash")
    return figure
