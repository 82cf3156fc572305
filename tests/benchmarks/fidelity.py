"""The lab's client against redis-benchmark, both in one run: SET GET HSET ZADD XADD, pipelines and connections.

    python -m tests.benchmarks.fidelity        # about 80 s, on the first server of this machine
    python -m tests.benchmarks.fidelity 30     # half a minute: wider scatter

Every round runs all cells with both clients in turn, so that drift of the machine falls on both. Wanted: 0.9 or more
at each depth (geometric mean over the commands), 1.0 over all.
"""

from __future__ import annotations

import statistics
import sys
import time

from redis_plan import server
from redis_plan.rig import fidelity
from redis_plan.server.fingerprint import machine

LEAST, LEAST_OVERALL = 0.9, 1.0
SECONDS = 80.0


def main() -> None:
    """Print the table; the exit code is 1 where the lab's client is slower than wanted."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    program = fidelity.tool()
    if program is None:
        print("fidelity: no redis-benchmark or valkey-benchmark on PATH, nothing to compare with")
        return
    found: dict[fidelity.Cell, list[fidelity.Pair]] = {cell: [] for cell in fidelity.cells()}
    ends, turn = time.perf_counter() + seconds, 0
    with server.open_own({"port": "auto"}) as live, fidelity.filled(live, "fidelity:"):
        print(f"lab client / {program.name}, medians over rounds; {live.fingerprint.name} over TCP; {machine()}")
        last = 0.0
        while turn < 3 or time.perf_counter() + last < ends:
            began = time.perf_counter()
            for cell, pairs in found.items():
                count = fidelity.COUNTS[cell.pipeline, cell.connections]
                pairs.append(fidelity.pair(live, cell, "fidelity:", count, program, turn % 2 == 0))
            turn, last = turn + 1, time.perf_counter() - began
    names = list(dict.fromkeys(cell.command for cell in found))
    print(
        f"{turn} rounds\n\n{'pipeline':>8} {'conns':>5}  {program.name + ' /s':>18}",
        *(f"{n:>6}" for n in names),
        "    mean",
    )
    ratios = {cell: statistics.median(pair.ratio for pair in pairs) for cell, pairs in found.items()}
    means = []
    for depth in fidelity.PIPELINES:
        for connections in fidelity.CONNECTIONS:
            row = {c: r for c, r in ratios.items() if (c.pipeline, c.connections) == (depth, connections)}
            means.append(fidelity.geometric_mean(list(row.values())))
            theirs = statistics.median(pair.theirs_per_s for cell in row for pair in found[cell])
            print(
                f"{depth:>8} {connections:>5}  {theirs:>18,.0f}",
                *(f"{r:>6.2f}" for r in row.values()),
                f"{means[-1]:>8.2f}",
            )
    overall = fidelity.geometric_mean(list(ratios.values()))
    good = min(means) >= LEAST and overall >= LEAST_OVERALL
    print(
        f"\nleast {min(means):.2f} (wanted {LEAST}), geometric mean {overall:.2f} (wanted {LEAST_OVERALL}): {'reached' if good else 'NOT reached'}"
    )
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
