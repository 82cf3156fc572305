"""``make bench-memory``: a fresh random grid of key shapes on every server here, predicted and then measured.

For each build it prints the share predicted to the byte, median, p95 and maximum relative error by type, for the growth
of ``used_memory`` and for MEMORY USAGE, beside the server's own MEMORY USAGE times the number of keys.

    python -m tests.benchmarks.memory [--points 60] [--seed 1] [--url redis://…]
"""

import argparse
import contextlib
import random
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd

from redis_plan import server as servers
from redis_plan.experiments import loading
from redis_plan.keyspace.model import KeyPattern, TtlRule
from redis_plan.memory import live, model, project
from redis_plan.memory.layout import Build
from redis_plan.memory.reported import memory_usage
from redis_plan.memory.shape import Shape
from redis_plan.server import Server

#: Bytes that one point may load.
POINT_BYTES = 6_000_000


def draw(rng: random.Random) -> Shape:
    """Return a random shape, of sizes that a project's keys have."""
    kind = rng.choice(["string", "hash", "hash", "list", "set", "set", "zset", "zset", "stream"])
    elements = 1 if kind == "string" else rng.choice([1, 3, 8, 20, 50, 100, 128, 129, 200, 300, 513, 700, 1100])
    small, large = rng.choice([1, 4, 8, 12, 20, 31, 32, 50, 64]), rng.choice([65, 80, 100, 200, 500, 1000])
    value = str(rng.choice([small, small, small, large]))
    if kind == "set":
        value = rng.choice([str(max(int(value), 4)), "12", "20"])
    field = str(rng.choice([6, 8, 12, 20, 32]))
    shape = Shape(
        kind,  # type: ignore[arg-type]
        key_len=rng.randint(24, 80),
        n_elem=elements,
        fsize=field if kind in ("hash", "zset", "stream") else "0",
        vsize=value,
        score="big" if kind == "zset" else "",
        step_ms=100,
        batch=1 if kind == "stream" else project.BATCH,
        ttl=rng.random() < 0.5,
    )
    each = max(60, elements * (max(int(value), 1) + int(field) + 60))
    return replace(shape, n_keys=max(20, min(6000, POINT_BYTES // each)))


def load_of(shape: Shape) -> project.Load:
    """Return ``shape`` as keys to make."""
    ttl = TtlRule("fixed", 3600, "") if shape.ttl else TtlRule("none", None, "")
    name = "m" * (shape.key_len - len(":<session_id>") + 1)  # the id that stands for <session_id> is 12 long
    pattern = KeyPattern(
        name="part", template=f"{name}:<session_id>", type=shape.type, use="", holds="", scope="session", ttl=ttl,
        writers=(), readers=(), deleted_by="",
    )  # fmt: skip
    key_len = len(next(project.keys(project.Load(pattern, shape, 1.0, (("e", "1"),)), 0, 1)))
    shape = replace(shape, key_len=key_len)
    if shape.type == "stream":
        fields = (("f" * int(shape.fsize), shape.vsize),)
    else:
        fields = (("element", shape.fsize if shape.type == "zset" else shape.vsize),)
    return project.Load(pattern, shape, 1.0, fields)


def measure(server: Server, build: Build, load: project.Load) -> dict[str, object]:
    """Load one point, remove it again, and return prediction and truth."""
    shape, prefix = load.shape, server.prefix
    with server.client() as client:
        before = loading.settle(client, server.ours)
        loading.send(server, project.commands(load, 0, shape.n_keys, prefix))
        after = loading.settle(client, server.ours)
        names = list(project.keys(load, 0, shape.n_keys, prefix))
        reported = float(np.mean(loading.usage(client, names[:100])))
        loading.unlink(server, names)
        loading.settle(client, server.ours)
    placed = replace(shape, key_len=shape.key_len + len(prefix))
    least = 0 if build.layout.rules["keyspace"] == "hashtable" else 1
    tables = [
        model.keyspace_tables(max(before.keys + more, least), max(before.volatile + timed, least), build)
        for more, timed in ((0, 0), (shape.n_keys, shape.n_keys if shape.ttl else 0))
    ]
    predicted = model.predict(placed, build).per_key * shape.n_keys + tables[1] - tables[0]
    truth = float(after.used - before.used)
    return {
        "type": shape.type,
        "encoding": model.predict(placed, build).encoding,
        "exact": round(predicted) == truth,
        "growth %": 100 * abs(predicted - truth) / truth,
        "server x N %": 100 * abs(reported * shape.n_keys - truth) / truth,
        "usage %": 100 * abs(memory_usage(placed, build) - reported) / reported,
        "shape": shape,
    }


def report(title: str, rows: pd.DataFrame) -> None:
    """Print the table of one build."""
    print(f"\n{title}: {len(rows)} points")
    kinds = [*rows.groupby(["type", "encoding"]), (("all", ""), rows)]
    lines = [
        {
            "type": " ".join(name).strip(), "points": len(part), "exact": f"{part.exact.mean():.0%}",
            **{
                f"{column} {label}": f"{part[f'{column} %'].quantile(q):.3f}"
                for column in ("growth", "usage", "server x N")
                for label, q in (("median", 0.5), ("p95", 0.95), ("max", 1.0))
            },
        }
        for name, part in kinds
    ]  # fmt: skip
    print(pd.DataFrame(lines).to_string(index=False))
    worst = rows.sort_values("growth %").iloc[-1]
    print(f"worst: {worst['growth %']:.2f} % for {worst['shape']}")


def main() -> None:
    """Run the grid on every server here, or on the one at ``--url``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--url", default="")
    options = parser.parse_args()
    print(
        f"seed {options.seed}; errors are relative, in percent; 'server x N' is MEMORY USAGE times the number of keys"
    )
    rng = random.Random(options.seed)
    loads = [load_of(draw(rng)) for _ in range(options.points)]
    places = (
        [servers.open(options.url)]
        if options.url
        else [contextlib.closing(servers.start_with(binary, {"hz": "100"})) for binary in servers.available()]
    )
    for place in places:
        with place as server:
            build = live.build_of(server)
            loading.warm_up(server, server.prefix)
            report(build.id, pd.DataFrame([measure(server, build, load) for load in loads]))


if __name__ == "__main__":
    sys.exit(main())
