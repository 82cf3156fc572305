"""The sum over a whole project: 10,000 sessions on every server here, predicted, loaded, ended, expired.

    python -m tests.benchmarks.project_memory [--sessions 10000] [--project .] [--binary PATH …] [--url redis://…]
        [--operations 24]

For each build it prints used_memory growth, predicted and measured, with the server's own MEMORY USAGE summed over every
key beside it; then what remains when half, nine tenths and all sessions have ended, and when they have expired. The keys are
those of the project's design. ``--operations`` bounds the keys that one session has of a kind (the sample design
remembers 720 operations and as many events a session, which at 10,000 sessions would take 5 GB); 0: no bound.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import redis

from redis_plan import brief as briefs
from redis_plan import resources, units
from redis_plan import server as servers
from redis_plan.chapters.memory import loading, memory, memory_growth
from redis_plan.keyspace import design
from redis_plan.keyspace.model import Keyspace
from redis_plan.memory import live, model, project, remains
from redis_plan.memory.layout import Build
from redis_plan.server import Server
from redis_plan.server.binaries import named


def bounded(keyspace: Keyspace, operations: int) -> Keyspace:
    """Return the keyspace with at most so many keys of a kind, and elements, in a session."""
    if not operations:
        return keyspace
    patterns = tuple(
        replace(
            p,
            per_session=min(p.per_session, operations) if p.scope != "global" else p.per_session,
            typical_elements=min(p.typical_elements, 2 * operations) if p.scope != "global" else p.typical_elements,
        )
        for p in keyspace.patterns
    )
    return replace(keyspace, patterns=patterns)


def rested(client: redis.Redis, server: Server) -> loading.Memory:
    """Return the memory once large tables have moved too: their cron takes 1 ms of each tick, one table at a time."""
    loading.settle(client, server.ours, longest_s=60, quiet_s=0.5)
    return loading.settle(client, server.ours, longest_s=60)


def alone(client: redis.Redis, server: Server) -> None:
    """Close other connections of ours: whoever asked while the server started gives 20 KB back amid our readings."""
    if server.ours:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def line(label: str, predicted: float, measured: float, more: str = "") -> None:
    """Print one comparison."""
    error = 100 * (predicted - measured) / measured if measured else 0.0
    print(f"  {label:<34}{predicted:>16,.0f}{measured:>16,.0f}{error:>11.4f} %{more}")


def summed_usage(server: Server, loads: tuple[project.Load, ...]) -> float:
    """Return MEMORY USAGE summed over every key."""
    total = 0.0
    with server.client() as client:
        for load in loads:
            for first in range(0, load.shape.n_keys, 5_000):
                names = project.keys(load, first, min(first + 5_000, load.shape.n_keys), server.prefix)
                total += sum(loading.usage(client, names))
    return total


def run(server: Server, keyspace: Keyspace, sessions: int) -> None:
    """Load, compare, end."""
    build, client = live.build_of(server), server.client()
    loads = project.loads(keyspace, sessions)
    alone(client, server)
    start = memory.baseline(client, server)
    predicted = memory.predict_growth(loads, build, start, server.prefix)
    began = time.monotonic()
    memory.fill(server, loads)
    now = rested(client, server)
    measured = float(now.used - start.used)
    keys = sum(load.shape.n_keys for load in loads)
    print(f"\n{build.id}: {sessions:,} sessions, {keys:,} keys, loaded in {time.monotonic() - began:.0f} s")
    print(f"  {'growth of used_memory (B)':<34}{'predicted':>16}{'measured':>16}{'error':>13}")
    line("loaded", predicted, measured)
    line("MEMORY USAGE summed over every key", summed_usage(server, loads), measured)
    line("RSS of this fresh load", predicted, float(now.rss - start.rss), "  (not modelled)")
    base = memory_growth.least_tables(start, build)
    own, last = [load for load in loads if load.pattern.scope != "global"], sessions
    for left in (sessions // 2, sessions // 10, 0):
        for load in own:
            each = round(load.per_session)
            loading.unlink(server, project.keys(load, left * each, last * each, server.prefix))
        last = left
        now = rested(client, server)
        found = remains.after_end(keyspace, sessions, left, build, len(server.prefix))
        line(f"{left:,} sessions left, others ended", found.used_memory - base, float(now.used - start.used))
    loading.unlink(server, memory.key_names(loads, server.prefix))
    now = rested(client, server)
    print(f"  {'nothing left':<34}{0:>16,}{now.used - start.used:>16,}")


def expire(server: Server, build: Build, keyspace: Keyspace, sessions: int) -> None:
    """Let a twentieth of the sessions expire untouched, and compare what remains while the sweep goes through."""
    client = server.client()
    alone(client, server)
    memory.baseline(client, server)
    start = loading.settle(client)  # on a fresh connection, as every reading below
    loads = project.loads(keyspace, sessions)
    memory.fill(server, loads)
    left = sessions - sessions // 20
    deadline = time.time() + 1.5
    due = [
        key
        for load in loads
        if load.pattern.scope != "global" and load.shape.ttl
        for key in project.keys(load, left * round(load.per_session), load.shape.n_keys, server.prefix)
    ]
    volatile = sum(load.shape.n_keys for load in loads if load.shape.ttl)
    loading.send(server, (("PEXPIREAT", key, str(round(deadline * 1000))) for key in due))
    hz = float(server.setting("hz"))
    rate = remains.sweep_rate(len(due) / volatile, hz)
    print(
        f"  {len(due):,} of {volatile:,} volatile keys fall due untouched; the sweep should look at {rate:,.0f} keys/s "
        f"(hz {hz:g}) and be through in {volatile / rate:.0f} s"
    )
    time.sleep(max(0.0, deadline - time.time()))
    for wait in (2.0, 5.0, 10.0):
        time.sleep(max(0.0, deadline + wait - time.time()))
        now = loading.settle(client, longest_s=0.5)
        found = remains.after_expiry(keyspace, sessions, left, wait, build, hz)
        line(
            f"{wait:.0f} s after the deadline",
            found.used_memory - memory_growth.least_tables(start, build),
            float(now.used - start.used),
            f"  {now.volatile - start.volatile - (volatile - len(due)):,} due keys still there, "
            f"{remains.stale_keys(wait, len(due), volatile - len(due), hz):,.0f} predicted",
        )


def places(
    url: str, programs: list[str], config: dict[str, str]
) -> Iterator[contextlib.AbstractContextManager[Server]]:
    """Yield every server to measure, each opened when it is used: the one at ``url``, the named programs, or all here."""
    if url:
        yield servers.open(url)
        return
    for binary in [named(path) for path in programs] or servers.available():
        yield contextlib.closing(servers.start_with(binary, config))


def main() -> None:
    """Run on every server here, or on those named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--operations", type=int, default=24)
    parser.add_argument("--project", type=Path, default=resources.sample_project())
    parser.add_argument("--binary", action="append", default=[], help="path of a server program, instead of all here")
    parser.add_argument("--url", default="")
    options = parser.parse_args()
    brief = briefs.read(options.project)
    keyspace = bounded(project.per_unit(design(brief), brief.value("sessions_peak")), options.operations)
    each = sum(p.per_session for p in keyspace.keys if p.scope != "global")
    print(f"{options.project.resolve().name}: {options.sessions:,} sessions of {each:,.0f} keys")
    print(f"about {units.write(model_bytes(keyspace, options.sessions), 'B')} on each server")
    for place in places(options.url, options.binary, {"hz": "100", "save": ""}):
        with place as server:
            run(server, keyspace, options.sessions)
    if not options.url:
        print("\nexpiry at hz 10, a twentieth of a tenth of the sessions due at once:")
        for place in places("", options.binary, {"save": ""}):
            with place as server:
                build = live.build_of(server)
                print(build.id)
                expire(server, build, keyspace, max(200, options.sessions // 10))


def model_bytes(keyspace: Keyspace, sessions: int) -> float:
    """Return the predicted bytes, to tell before the loading begins."""
    from redis_plan.memory.layout import build

    return model.predict_keyspace([load.shape for load in project.loads(keyspace, sessions)], build("7.0.15"))[1]


if __name__ == "__main__":
    sys.exit(main())
