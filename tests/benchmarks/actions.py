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

The figure is the CPU of the server's main thread, in turns A B A B, as clients send it, and pipelined (asking.py). Only actions that are accepted again and again can be measured; they have every form of guard and effect
among them.
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
from redis_plan.delivery.commands import reads
from redis_plan.keyspace import functions
from redis_plan.measure.respwire import Wire
from redis_plan.measure.statistics import ratio
from redis_plan.rig.playing.world import catalogued
from redis_plan.server.fingerprint import machine
from tests.benchmarks.asking import AS_SENT, PIPELINED, Command, connected, cpu_us

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
Commands = list[Command]


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


def measure(client: redis.Redis, wires: Sequence[Wire], name: str) -> dict[tuple[str, str], list[float]]:
    """Return the microseconds, block by block, for each way of asking and of sending the commands, the function's under ""."""
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
    # Who watches what the other connections write would give up: such changes are pipelined alone.
    kinds = [(way, how) for way in (AS_SENT, PIPELINED) for how in makers if way == PIPELINED or how != "guarded"]
    found: dict[tuple[str, str], list[float]] = {kind: [] for kind in kinds}
    for block in range(BLOCKS):
        for turn, (way, how) in enumerate(kinds):  # each with operations of its own
            first = (len(kinds) * block + turn) * CALLS
            found[way, how].append(cpu_us(client, wires, [makers[how](first + at) for at in range(CALLS)], way))
    answer = client.execute_command(*call(10**6)[0])[1]
    assert answer == "ok", f"{name} is not accepted again and again: {answer}"
    return found


def main() -> None:
    """Print the table."""
    print(f"actions beside their bare commands, CPU of the server, medians; {machine()}")
    for binary in server.available():
        with closing(server.start_with(binary)) as live, connected(live) as wires:
            client: redis.Redis = live.client(decode_responses=True)
            client.function_load(functions.library("actions", compose.catalogued().values()))
            for name in AGAIN:
                found = measure(client, wires, name)
                for (way, how), bare in found.items():
                    if how:
                        show(f"{binary.id:22} {name:18} {way:9}", found[way, ""], bare, how, way == AS_SENT)


def show(label: str, whole: list[float], bare: list[float], how: str, held: bool) -> None:
    """Print what the function costs against a way of sending its commands, and whether that is more than wanted."""
    over = ratio(whole, bare)
    more = f": more than x{MOST}" if held and how in GOAL and over.value > MOST else ""
    figures = f"{median(whole):6.1f} µs of {median(bare):6.1f} µs   x{over.value:.2f} [{over.low:.2f}, {over.high:.2f}]"
    print(f"{label} {figures}   {how}{more}")


if __name__ == "__main__":
    main()
