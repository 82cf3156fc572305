"""``make bench-memory``: a fresh random grid of key shapes on every server here, predicted and then measured.

Each point has a fresh server of its own: keys are loaded into it, and the growth of ``used_memory`` and MEMORY USAGE are compared
with the prediction, by type: the share predicted to the byte, median, p95 and maximum relative error; beside it the server's own
MEMORY USAGE times the number of keys, and other tools. On a server of yours (``--url``) keys stand under a prefix and are removed.

    python -m tests.benchmarks.memory [--points 60] [--seed 1] [--seconds 150] [--binary PATH …] [--url redis://…]
"""

import argparse
import random
import sys
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pandas as pd

from redis_plan import server as servers
from redis_plan.chapters.memory import loading
from redis_plan.errors import ServerError
from redis_plan.memory import live, model
from redis_plan.memory.layout import Build
from redis_plan.memory.reported import memory_usage
from redis_plan.memory.shape import Shape
from redis_plan.server import Server
from redis_plan.server.binaries import named
from tests.benchmarks import keygrid, peers

#: Tables come to rest sooner, and no command allocates a latency histogram at its first use (about 25 KB each).
_FRESH = {"hz": "100", "latency-tracking": "no"}
#: Keys whose MEMORY USAGE is read at each point.
_REPORTED_KEYS = 100


def measure(server: Server, build: Build, shape: Shape, seed: int) -> dict[str, object]:
    """Load one point and return prediction and truth; a server that is not ours is left as it was."""
    rng = random.Random(seed)
    if not server.ours:
        loading.warm_up(server, server.prefix)
    with server.client(driver_info=None) as client:
        if server.ours:  # whoever asked while it started gives its buffers back amid our readings
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        before = loading.settle(client, server.ours)
        loading.send(server, keygrid.commands(shape, rng, server.prefix))
        after = loading.settle(client, server.ours)
        names = keygrid.names(shape, server.prefix)
        reported = float(np.mean(loading.usage(client, [name.decode() for name in names[:_REPORTED_KEYS]])))
        encoding = client.object("ENCODING", names[0])
        if not server.ours:
            loading.unlink(server, [name.decode() for name in names])
            loading.settle(client, server.ours)
    growth = model.predict(shape, build)
    predicted = growth.used_memory
    if not server.ours:  # its tables are there, and what loads leave behind too
        old = max(before.keys, 1), max(before.volatile, 1)
        new = old[0] + shape.n_keys, old[1] + shape.n_keys * shape.ttl
        predicted = growth.per_key * shape.n_keys
        predicted += model.keyspace_tables(*new, build) - model.keyspace_tables(*old, build)
    truth = float(after.used - before.used)
    return {
        "type": shape.type,
        "encoding": encoding.decode() if isinstance(encoding, bytes) else str(encoding),
        "exact": round(predicted) == truth,
        "as predicted": (encoding.decode() if isinstance(encoding, bytes) else encoding) == growth.encoding,
        "growth %": 100 * abs(predicted - truth) / truth,
        "server x N %": 100 * abs(reported * shape.n_keys - truth) / truth,
        "usage exact": abs(memory_usage(shape, build) - reported) < 0.5,
        "usage %": 100 * abs(memory_usage(shape, build) - reported) / reported,
        "shape": shape,
    }


def report(title: str, rows: pd.DataFrame) -> None:
    """Print the table of one build."""
    print(f"\n{title}: {len(rows)} points, {(~rows['as predicted']).sum()} with another encoding than predicted")
    # what nothing random stands in: no hash seed, no skiplist level, no drawn size
    fixed = ~rows.encoding.isin(["hashtable", "skiplist"]) & ~rows["shape"].map(
        lambda s: "uni" in s.vsize or s.score == "rand17"
    )
    kinds = [*rows.groupby(["type", "encoding"]), (("fixed", ""), rows[fixed]), (("all", ""), rows)]
    lines = [
        {
            "type": " ".join(name).strip(), "points": len(part), "exact": f"{part.exact.mean():.0%}",
            **{
                f"{column} {label}": f"{part[f'{column} %'].quantile(q):.3f}"
                for column in ("growth", "usage", "server x N")
                for label, q in (("median", 0.5), ("p95", 0.95), ("max", 1.0))
            },
        }
        for name, part in kinds if len(part)
    ]  # fmt: skip
    print(pd.DataFrame(lines).to_string(index=False))
    worst = rows.sort_values("growth %").iloc[-1]
    print(f"worst growth: {worst['growth %']:.2f} % for {worst['shape']}")
    worst = rows.sort_values("usage %").iloc[-1]
    print(f"worst MEMORY USAGE: {worst['usage %']:.2f} % for {worst['shape']}")


def run(binary: servers.Binary, points: int, seed: int, seconds: float) -> pd.DataFrame:
    """Measure up to ``points`` points, each on a fresh server, within ``seconds``."""
    rng, rows, start = random.Random(seed), [], time.monotonic()
    knows = _knows_field_ttl(binary)
    while len(rows) < points and time.monotonic() - start < seconds:
        shape = keygrid.draw(rng, knows)
        with closing(servers.start_with(binary, _FRESH)) as server:
            rows.append(measure(server, live.build_of(server), shape, seed))
    return pd.DataFrame(rows)


def _knows_field_ttl(binary: servers.Binary) -> bool:
    with closing(servers.start_with(binary)) as server:
        return str(live.build_of(server).layout.rules["hash_field_ttl"]) != "none"


def main() -> None:
    """Run the grid on every server here, or on those named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seconds", type=float, default=75.0, help="longest time for one server")
    parser.add_argument("--binary", action="append", default=[], help="path of another server program")
    parser.add_argument("--url", default="")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    print(
        f"seed {options.seed}; errors are relative, in percent; 'server x N' is MEMORY USAGE times the number of keys"
    )
    print("'fixed': nothing random inside; 'exact': predicted to the byte")
    if options.url:
        rng = random.Random(options.seed)
        with servers.open(options.url) as server:
            build = live.build_of(server)
            knows = str(build.layout.rules["hash_field_ttl"]) != "none"
            shapes = [keygrid.draw(rng, knows) for _ in range(options.points)]
            long = [replace(s, key_len=max(s.key_len, len(server.prefix) + 12)) for s in shapes]
            report(build.id, pd.DataFrame([measure(server, build, shape, options.seed) for shape in long]))
        return
    try:
        binaries = [*servers.available(), *(named(path) for path in options.binary)]
    except ServerError as error:
        sys.exit(str(error))
    for binary in binaries:
        rows = run(binary, options.points, options.seed, options.seconds)
        with closing(servers.start_with(binary)) as server:
            title = live.build_of(server).id
        report(title, rows)
    if not options.no_peers:
        print("\nother tools, which need the data first, on 2,000 keys of five types:")
        print("\n".join(f"  {line}" for line in peers.compare(binaries[0], options.seed)))


if __name__ == "__main__":
    main()
