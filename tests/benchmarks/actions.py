"""What an action costs the server: its function beside the very commands that it runs, in one MULTI, on every server here.

    python -m tests.benchmarks.actions         # a minute

What the function runs is taken from MONITOR, but for the types of the keys and the clock: the MULTI checks nothing, refuses
nothing and takes the clock of its caller. The figure is the CPU of the server's main thread, pipelined, in turns A B A B.
Only actions that are accepted again and again can be measured so; they have every form of guard and effect among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from statistics import median
from typing import Any

import redis

from redis_plan import server
from redis_plan.actions import catalog, compose
from redis_plan.keyspace import functions
from redis_plan.measure.statistics import ratio
from redis_plan.rig.playing.world import catalogued
from redis_plan.server.fingerprint import machine

CALLS, BLOCKS, MOST = 200, 15, 1.5
AGAIN = (
    "submission.change",
    "scoring.award",
    "bidding.bid",
    "objects.select",
    "chat.read_to",
    "hold.hold",
    "teams.choose",
    "seats.join",
)
#: What each call of an action says anew, so that it is accepted again: a higher bid of another one, points for another reason.
ANEW: Mapping[str, Callable[[int], dict[str, str]]] = {
    "bidding.bid": lambda number: {"amount": str(number + 10), "member": ("ann", "bob")[number % 2]},
    "scoring.award": lambda number: {"reason": f"r{number}"},
}
_CHECKS = {"TYPE", "TIME"}
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"')
Commands = list[tuple[str, ...]]


def ran(client: redis.Redis, call: Callable[[], Any]) -> Commands:
    """Return the commands that a function runs inside one call."""
    found: Commands = []
    with client.monitor() as watch:
        call()
        client.echo("done")
        while True:
            line = str(watch.connection.read_response())
            words = tuple(word.encode().decode("unicode_escape") for word in _WORD.findall(line))
            if words[:1] == ("ECHO",):
                return found
            if " lua]" in line and words[0] not in _CHECKS:
                found.append(words)


def again(commands: Sequence[Sequence[str]], number: int) -> Commands:
    """Return the commands with the id of another operation, together."""
    return [("MULTI",), *(tuple(w.replace("first-op", f"op{number}") for w in words) for words in commands), ("EXEC",)]


def cpu_us(client: redis.Redis, make: Callable[[int], Commands], block: int) -> float:
    """Return the microseconds of the server's main thread for one change."""

    def used() -> float:
        found: Any = client.info("cpu")
        return float(found["used_cpu_user_main_thread"] + found["used_cpu_sys_main_thread"])

    with client.pipeline(transaction=False) as pipe:
        for number in range(CALLS):
            for command in make(block * CALLS + number):
                pipe.execute_command(*command)
        before = used()
        pipe.execute(raise_on_error=False)
        return 1e6 * (used() - before) / CALLS


def measure(client: redis.Redis, name: str) -> tuple[list[float], list[float]]:
    """Return the microseconds of the bare commands and of the function, pair by pair."""
    kind = catalog.kinds()[name]
    world = catalogued(client, kind).build()
    world.given |= {"step": "0"} if name == "bidding.bid" else {}
    bare = ran(client, lambda: world.call("first-op"))

    def call(number: int) -> Commands:
        op, keys = f"act{number}", world.keys_of(f"act{number}")
        given = ANEW.get(name, lambda _: {})(number)
        return [("FCALL", kind.function, str(len(keys)), *keys, *map(str, world.args(op, **given)))]

    found: tuple[list[float], list[float]] = ([], [])
    for block in range(BLOCKS):
        found[0].append(cpu_us(client, lambda number: again(bare, number), block))
        found[1].append(cpu_us(client, call, block))
    answer = client.execute_command(*call(10**6)[0])[1]
    assert answer == "ok", f"{name} is not accepted again and again: {answer}"
    return found


def main() -> None:
    """Print the table."""
    print(f"actions beside their bare commands in one MULTI, CPU of the server, medians; {machine()}")
    for binary in server.available():
        with closing(server.start_with(binary)) as live:
            client: redis.Redis = live.client(decode_responses=True)
            client.function_load(functions.library("actions", compose.catalogued().values()))
            for name in AGAIN:
                bare, whole = measure(client, name)
                over = ratio(whole, bare)
                print(
                    f"{binary.id:22} {name:18} {median(bare):6.1f} µs -> {median(whole):6.1f} µs   x{over.value:.2f} "
                    f"[{over.low:.2f}, {over.high:.2f}]{'' if over.value <= MOST else f'   more than x{MOST}'}"
                )


if __name__ == "__main__":
    main()
