"""What a remembered answer costs as a field of the session's hash, as a key of its own, and as a field with its own TTL.

    python -m tests.benchmarks.idempotency [answers in a bucket]       # half a minute; 40 and 400 answers without a number

Each design does what an operation needs: look whether it was answered, then remember the answer for idem_ttl. Bytes are the
growth of used_memory over sessions of which each holds so many answers, expiry included; time is the CPU of the server's main
thread, pipelined, in turns A B A B. The hash is what the kernel does; its looks, one every fifth of the TTL, stand by themselves: of
a listpack (up to hash-max-listpack-entries) in one call, of a larger hash in steps of some hundred answers a call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from statistics import median
from typing import Any

import redis

from redis_plan import server
from redis_plan.keyspace import functions
from redis_plan.server.fingerprint import machine

#: Sizes of a hash that is looked through.
LOOKED = (500, 1000, 12_000)
SESSIONS, BLOCKS, CALLS, TTL = 200, 15, 400, 120
ANSWER = "5f0c1b2a9d3e4f60:1234"
Commands = list[tuple[str | int, ...]]


def key(session: int, op: int) -> Commands:
    """A string for each answer."""
    name = f"quiz:v1:{{s{session:05}}}:idem:m{op:010}"
    return [("GET", name), ("SET", name, ANSWER, "EX", TTL)]


def hashed(session: int, op: int) -> Commands:
    """A field of the session's one hash, beside the record of what is to go; the TTL is set with that record."""
    name, one = f"quiz:v1:{{s{session:05}}}:idem", f"m{op:010}"
    record = ("", "5f0c1b2a9d3e4f60:1795400000000:0,9,9,9") if op == 0 else ()
    more: Commands = [("EXPIRE", name, TTL)] if op == 0 else []
    return [("HMGET", name, "", one), ("HSET", name, *record, one, op), *more]


def field(session: int, op: int) -> Commands:
    """A field with a TTL of its own: Redis 8, Valkey 9."""
    name, one = f"quiz:v1:{{s{session:05}}}:idem", f"m{op:010}"
    return [("HGET", name, one), ("HSETEX", name, "EX", TTL, "FIELDS", 1, one, ANSWER)]


DESIGNS: dict[str, Callable[[int, int], Commands]] = {
    "a key each": key,
    "one hash": hashed,
    "a field with TTL": field,
}


def run(client: redis.Redis, commands: Commands) -> list[Any]:
    """Send commands in one pipeline."""
    with client.pipeline(transaction=False) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        return pipe.execute()


def used(client: redis.Redis, section: str, *names: str) -> float:
    """Return the sum of figures of INFO."""
    found: Any = client.info(section)
    return float(sum(found[name] for name in names))


def bytes_each(client: redis.Redis, make: Callable[[int, int], Commands], answers: int) -> float:
    """Return the bytes of one remembered answer, after a first session that nothing is counted of."""
    client.execute_command("FLUSHALL", "SYNC")  # what is freed behind the reply would be taken off
    run(client, make(99_999, 0))
    before = used(client, "memory", "used_memory") - used(client, "memory", "mem_clients_normal")
    for session in range(SESSIONS):
        run(client, [command for op in range(answers) for command in make(session, op)])
    after = used(client, "memory", "used_memory") - used(client, "memory", "mem_clients_normal")
    return (after - before) / (SESSIONS * answers)


def cpu_us(client: redis.Redis, make: Callable[[int, int], Commands], answers: int, block: int) -> float:
    """Return the microseconds of the server for looking and remembering, in buckets that fill up."""
    numbers = [block * CALLS + n for n in range(CALLS)]
    commands = [c for n in numbers for c in make(n // answers, n % answers)]
    cpu = ("used_cpu_user_main_thread", "used_cpu_sys_main_thread")
    before = used(client, "cpu", *cpu)
    run(client, commands)
    return 1e6 * (used(client, "cpu", *cpu) - before) / CALLS


def look_ms(client: redis.Redis, answers: int) -> tuple[float, int]:
    """Look through so many answers, a fifth of which are to go; the milliseconds of the dearest change, and how many it took."""
    state, log, idem, epoch = "q:{s}:state", "q:{s}:log", "q:{s}:idem", "5f0c1b2a9d3e4f60"
    client.flushall()
    client.function_load(functions.library("look", [*functions.functions().values()]), replace=True)
    client.fcall("session_create", 3, state, "q:{s}:roster", log, epoch, 600)
    held = {"": f"{epoch}:0:{answers // 5},1,1,1", **{f"m{n:025}": n for n in range(1, answers + 1)}}
    client.hset(idem, mapping=held)
    client.hset(state, "version", answers)
    took: list[float] = []
    while not took or str(client.hget(idem, "")).count(":") > 2:
        client.config_resetstat()
        client.fcall("session_apply", 3, state, log, idem, "", f"now-{len(took)}", "", "t", "", 600, 200, 600)
        found: Any = client.info("commandstats")
        took.append(float(found["cmdstat_fcall"]["usec"]) / 1000)
    return max(took), len(took)


def main(sizes: tuple[int, ...] = (40, 400)) -> None:
    """Print the table."""
    print(f"a remembered answer, {SESSIONS} sessions; {machine()}")
    for binary in server.available():
        with closing(server.start_with(binary)) as live:
            client: redis.Redis = live.client()
            designs = {n: m for n, m in DESIGNS.items() if m is not field or "hash-field-setex" in live.capabilities}
            for answers in sizes:
                took: dict[str, list[float]] = {name: [] for name in designs}
                held = {name: bytes_each(client, make, answers) for name, make in designs.items()}
                client.execute_command("FLUSHALL", "SYNC")
                for block in range(BLOCKS):
                    for name, make in designs.items():
                        took[name].append(cpu_us(client, make, answers, block))
                for name in designs:
                    print(
                        f"{binary.id:22} {answers:4} answers   {name:18} {held[name]:6.0f} B   {median(took[name]):5.1f} µs"
                    )

            for answers in LOOKED:
                found = [look_ms(client, answers) for _ in range(5)]
                most, calls = median(ms for ms, _ in found), found[0][1]
                print(
                    f"{binary.id:22} {answers:6} answers looked through in {calls:4} calls, the dearest {most:6.2f} ms"
                )


if __name__ == "__main__":
    main(*([(int(sys.argv[1]),)] if sys.argv[1:] else []))
