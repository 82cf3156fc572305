"""Other tools on the same keys: each in a throwaway environment, on one small load, with a reason where it does not work."""

import csv
import io
import random
import subprocess
import sys
import tempfile
import venv
from contextlib import closing
from pathlib import Path

import redis

from redis_plan import server as servers
from redis_plan.chapters.memory import loading
from redis_plan.memory.shape import Shape
from tests.benchmarks import keygrid

#: Packages of the index and the program of each; both need the data first.
PEERS = {"rdbtools": ("rdb", ("rdbtools", "python-lzf")), "rma": ("rma", ("rma",))}
_INSTALL_S, _RUN_S = 60.0, 60.0


def compare(binary: servers.Binary, seed: int) -> list[str]:
    """Return a line for each peer: its error on a mixed load of some thousand keys, or why it gave none."""
    lines = []
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        place = Path(folder)
        venv.create(place, with_pip=True)
        for name, (program, packages) in PEERS.items():
            reason = _install(place, packages)
            lines.append(f"{name}: {reason or _judge(place / 'bin' / program, binary, seed)}")
    return lines


def _install(place: Path, packages: tuple[str, ...]) -> str:
    try:
        run = subprocess.run(
            [place / "bin" / "python", "-m", "pip", "install", "-q", *packages],
            check=False, capture_output=True, text=True, timeout=_INSTALL_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "skipped, it did not install in time"
    return "" if run.returncode == 0 else f"skipped, it can't be installed ({_last(run.stderr)})"


def _judge(program: Path, binary: servers.Binary, seed: int) -> str:
    rng = random.Random(seed)
    with closing(servers.start_with(binary, {"hz": "100"})) as server, server.client() as client:
        loading.warm_up(server, "")
        before = loading.settle(client)
        for kind, elements in (("string", 1), ("hash", 20), ("list", 50), ("set", 20), ("zset", 50)):
            shape = Shape(kind, 24, n_elem=elements, fsize="8", vsize="20", score="idx", n_keys=400)  # type: ignore[arg-type]
            loading.send(server, keygrid.commands(shape, rng, f"{kind}:"))
        grown = loading.settle(client).used - before.used
        client.execute_command("SAVE")
        folder = Path(client.config_get("dir")["dir"])
        if program.name == "rdb":
            command = [str(program), "-c", "memory", str(folder / client.config_get("dbfilename")["dbfilename"])]
        else:
            port = _listen(client)
            command = [str(program), "-s", "127.0.0.1", "-p", str(port), "-f", "json"]
        try:
            run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_RUN_S)
        except subprocess.TimeoutExpired:
            return f"no answer within {_RUN_S:.0f} s"
        if run.returncode:
            return f"stops on {server.fingerprint.name}: {_last(run.stderr)}"
        if program.name != "rdb":
            return "runs, and gives averages of patterns but no sum to compare"
        total = sum(float(row["size_in_bytes"]) for row in csv.DictReader(io.StringIO(run.stdout)))
        return f"{100 * abs(total - grown) / grown:.1f} % off the growth of used_memory"


def _listen(client: redis.Redis) -> int:
    client.config_set("bind", "127.0.0.1")
    for port in random.sample(range(20_000, 30_000), 20):
        try:
            client.config_set("port", port)
        except redis.ResponseError:
            continue
        return port
    sys.exit("no free port for the peer")


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:120] if lines else "no message"
