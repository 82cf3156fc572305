"""What an action costs the server: its function beside the very commands that it runs, on every server here.

    python -m tests.benchmarks.actions         # half a minute

What the function runs is taken from MONITOR, but for TYPE, which no client would send. The commands are sent in three ways,
none of which checks or refuses anything:

- the same commands: all of them in one MULTI, the clock and what its guards read among them.
- guarded: WATCH of the keys that are read, the reads, the writes in a MULTI, as a client without functions has to, since no
  guard can be had otherwise; it takes two round trips, and starts again where somebody else was faster.
- the effect: the writes alone, in one MULTI.
- the floor: all of them in a function that checks nothing and takes the same KEYS and ARGV: what FCALL and Lua cost by
  themselves. What the action's function costs beyond it, its checks, its guards and its event cost.

The figure is the CPU of the server's main thread, pipelined, in turns A B A B. Only actions that are accepted again and
again can be measured so; they have every form of guard and effect among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import closing
from statistics import median
from typing import Any

import redis

from redis_plan import server
from redis_plan.actions import catalog, compose
from redis_plan.delivery.commands import reads
from redis_plan.keyspace import functions
from redis_plan.measure.respwire import Wire, pack
from redis_plan.measure.statistics import ratio
from redis_plan.rig.playing.world import catalogued
from redis_plan.server.fingerprint import machine

CALLS, BLOCKS = 200, 15
#: What an action's function may cost at most, and against which ways of sending its commands.
MOST, GOAL = 1.5, ("the same commands", "guarded")
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
_CHECKS = {"TYPE"}
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


def ways(ran: Commands) -> dict[str, Callable[[int], Commands]]:
    """Return the ways to send the commands, each with the id of another operation."""
    asked = [words for words in ran if words[0] in ("TIME", "PTTL") or reads(words[0])]
    writes = [words for words in ran if words not in asked]
    watched = tuple(dict.fromkeys(words[1] for words in asked if len(words) > 1))

    def together(commands: Commands) -> Commands:
        return [("MULTI",), *commands, ("EXEC",)]

    def sent(commands: Commands) -> Callable[[int], Commands]:
        return lambda number: [tuple(w.replace("first-op", f"op{number}") for w in words) for words in commands]

    return {
        "the same commands": sent(together(ran)),
        "guarded": sent([("WATCH", *watched), *asked, *together(writes)]),
        "the effect": sent(together(writes)),
    }


def floor(ran: Commands) -> str:
    """Return a library with a function that runs the commands, with the id of the operation that it is given."""

    def quoted(word: str) -> str:
        plain = word.replace("\\", "\\\\").replace("'", "\\'")
        return "'" + plain.replace("first-op", "' .. args[2] .. '") + "'"

    calls = "\n".join(f"  redis.call({', '.join(map(quoted, words))})" for words in ran)
    return f"#!lua name=floor\nredis.register_function('floor', function(keys, args)\n{calls}\n  return {{1, 'ok'}}\nend)\n"


def cpu_us(client: redis.Redis, wire: Wire, make: Callable[[int], Commands], block: int) -> float:
    """Return the microseconds of the server's main thread for one change."""

    def used() -> float:
        found: Any = client.info("cpu")
        return float(found["used_cpu_user_main_thread"] + found["used_cpu_sys_main_thread"])

    commands = [command for number in range(CALLS) for command in make(block * CALLS + number)]
    payload = b"".join(pack(*command) for command in commands)
    before = used()
    wire.ask(payload, len(commands))
    return 1e6 * (used() - before) / CALLS


def measure(client: redis.Redis, wire: Wire, name: str) -> dict[str, list[float]]:
    """Return the microseconds of each way, and of the function under "", block by block."""
    kind = catalog.kinds()[name]
    world = catalogued(client, kind).build()
    world.given |= {"step": "0"} if name == "bidding.bid" else {}
    commands = ran(client, lambda: world.call("first-op"))
    client.function_load(floor(commands), replace=True)

    def call(number: int) -> Commands:
        op, keys = f"act{number}", world.keys_of(f"act{number}")
        given = ANEW.get(name, lambda _: {})(number)
        return [("FCALL", kind.function, str(len(keys)), *keys, *map(str, world.args(op, **given)))]

    def bare(number: int) -> Commands:
        return [("FCALL", "floor", *words[2:]) for words in call(number)]

    makers = {**ways(commands), "the floor": bare, "": call}
    found: dict[str, list[float]] = {way: [] for way in makers}
    for block in range(BLOCKS):
        for turn, (way, make) in enumerate(makers.items()):  # each with operations of its own
            found[way].append(cpu_us(client, wire, make, len(makers) * block + turn))
    answer = client.execute_command(*call(10**6)[0])[1]
    assert answer == "ok", f"{name} is not accepted again and again: {answer}"
    return found


def main() -> None:
    """Print the table."""
    print(f"actions beside their bare commands, CPU of the server, medians; {machine()}")
    for binary in server.available():
        with closing(server.start_with(binary)) as live, Wire(live) as wire:
            client: redis.Redis = live.client(decode_responses=True)
            client.function_load(functions.library("actions", compose.catalogued().values()))
            for name in AGAIN:
                found = measure(client, wire, name)
                whole = found.pop("")
                for way, bare in found.items():
                    over = ratio(whole, bare)
                    print(
                        f"{binary.id:22} {name:18} {median(whole):6.1f} µs of {median(bare):6.1f} µs   x{over.value:.2f} "
                        f"[{over.low:.2f}, {over.high:.2f}]   {way}{f': more than x{MOST}' if way in GOAL and over.value > MOST else ''}"
                    )


if __name__ == "__main__":
    main()
