"""Fidelity: the lab's client and ``redis-benchmark`` side by side, so that a figure is the server's and not the client's."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from redis_plan.errors import ServerError
from redis_plan.measure import statistics
from redis_plan.measure.drive import Driven, drive
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.measure.respwire import Wire, pack
from redis_plan.server import Server
from redis_plan.server.visit import clean

TOOLS = ("redis-benchmark", "valkey-benchmark")
PIPELINES, CONNECTIONS = (1, 16, 100), (1, 50)
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One comparison: a command at a pipeline depth over a number of connections."""

    command: str
    pipeline: int
    connections: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Commands per second of both, measured one after the other in the same cell."""

    ours: Driven
    theirs_per_s: float

    @property
    def ratio(self) -> float:
        """Ours relative to theirs."""
        return self.ours.per_s / self.theirs_per_s


def words(command: str, root: str) -> tuple[str, ...]:
    """Return the words of a command of the comparison on keys under ``root``; the value has three bytes, as theirs."""
    return {
        "SET": ("SET", f"{root}string", "xxx"),
        "GET": ("GET", f"{root}string"),
        "HSET": ("HSET", f"{root}hash", "field", "xxx"),
        "ZADD": ("ZADD", f"{root}zset", "1", "member"),
        "XADD": ("XADD", f"{root}stream", "*", "field", "xxx"),
    }[command]


def tool() -> Path | None:
    """Return the C tool that is installed here; None without any."""
    return next((Path(found) for name in TOOLS if (found := shutil.which(name))), None)


def cells(
    commands: Sequence[str] = ("SET", "GET", "HSET", "ZADD", "XADD"),
    pipelines: Sequence[int] = PIPELINES,
    connections: Sequence[int] = CONNECTIONS,
) -> tuple[Cell, ...]:
    """Return the cells of a comparison."""
    return tuple(Cell(name, p, c) for p in pipelines for c in connections for name in commands)


@contextmanager
def filled(server: Server, root: str) -> Iterator[None]:
    """Hold the keys that the commands work on; on a return every command answers as it did before."""
    client = server.client()
    try:
        with Wire(server) as wire:
            for name in ("SET", "HSET", "ZADD", "XADD"):
                wire.ask(pack(*words(name, root)))
        yield
    finally:
        clean(client, root)


def pair(server: Server, cell: Cell, root: str, commands: int, program: Path, ours_first: bool) -> Pair:
    """Run one cell with both clients, ``commands`` each; raises :class:`ServerError` where the tool fails."""
    asked = words(cell.command, root)
    if cell.command == "XADD":  # a stream that grew for minutes would be another experiment
        server.client().unlink(asked[1])
    packed = pack(*asked)
    with Wire(server) as wire:
        wire.socket.sendall(packed)
        reply = wire.socket.recv(4096)

    def ours() -> Driven:
        return drive(server, packed, reply, pipeline=cell.pipeline, connections=cell.connections, commands=commands)

    if ours_first:
        first = ours()
        return Pair(first, run_tool(program, server, asked, cell, commands))
    theirs = run_tool(program, server, asked, cell, commands)
    return Pair(ours(), theirs)


def run_tool(program: Path, server: Server, asked: Sequence[str], cell: Cell, commands: int) -> float:
    """Return commands per second of the C tool in one cell; raises :class:`ServerError` with its last words."""
    where = server.address
    to = ["-s", where[1]] if len(where) == 2 else ["-h", where[1], "-p", str(where[2])]
    numbers = ["-n", str(commands), "-P", str(cell.pipeline), "-c", str(cell.connections)]
    done = subprocess.run(
        [program, *to, *numbers, "--csv", *asked],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    try:
        return float(next(row for row in csv.reader(reversed(done.stdout.splitlines())) if len(row) > 1)[1])
    except (StopIteration, ValueError):
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ServerError(f"{program.name} failed: {said[0][:200] if said else 'it said nothing'}") from None


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(np.asarray(values, dtype=float)))))


#: Commands of one run by pipeline and connections: about a tenth of a second on the machine that this was written on.
COUNTS: Mapping[tuple[int, int], int] = {
    (1, 1): 3_000, (1, 50): 8_000, (16, 1): 30_000, (16, 50): 60_000, (100, 1): 80_000, (100, 50): 150_000,
}  # fmt: skip


def cross_check(lab: Lab) -> Finding:
    """Compare the lab's client with the C tool on SET and GET, once each depth; about a second in ``quick``.

    Runs on a server of ours: what is judged is the client.
    """
    question = "Is a throughput of this lab the server's, or its own client's?"
    hypothesis = "The lab's client is at least 0.9 times as fast as the C tool at every depth."
    method = "Both clients in turn, the same command, key, pipeline depth and connections, closed loop"
    program = tool()
    if program is None:
        reason = "no redis-benchmark or valkey-benchmark on PATH; it comes with the server's tools (redis-tools)"
        return Finding(question, hypothesis, method, (), not_run=reason)
    rounds, part = lab.by_profile(2, 5, 20), lab.by_profile(0.35, 1.0, 2.0)
    chosen = cells(("SET", "GET"), (1, 16), (1, 50))
    rows: list[dict[str, object]] = []
    with lab.own() as server, filled(server, "fidelity:"):
        for turn in range(rounds):
            for cell in chosen:
                count = int(COUNTS[cell.pipeline, cell.connections] * part)
                found = pair(server, cell, "fidelity:", count, program, turn % 2 == 0)
                rows.append(
                    {
                        "command": cell.command, "pipeline": cell.pipeline, "connections": cell.connections,
                        "round": turn, "ours_per_s": found.ours.per_s, "theirs_per_s": found.theirs_per_s,
                        "ratio": found.ratio, "client_share": found.ours.client_share,
                    }
                )  # fmt: skip
    samples = pd.DataFrame(rows)
    values = []
    for (depth, connections), group in samples.groupby(["pipeline", "connections"]):
        e = statistics.median(group["ratio"], lab.seed)
        values.append(Value(f"ratio {depth} × {connections}", e.value, "x", e.n, e.low, e.high))
    overall = geometric_mean(list(samples["ratio"]))
    values.append(Value("ratio", overall, "x", len(samples)))
    return Finding(
        question=question,
        hypothesis=hypothesis,
        method=method,
        values=tuple(values),
        samples=samples,
        conclusion=f"The lab's client does {overall:.2f} times what {program.name} does.",
        conditions={
            "loop": "closed",
            "commands": "SET, GET, 3-byte value",
            "pipeline × connections": "1 and 16 × 1 and 50",
            "rounds": rounds,
        },
    )
