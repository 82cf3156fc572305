"""What atomicity costs: session_apply beside bare commands, on every server of this machine.

    python -m tests.benchmarks.steps           # a minute

None of the bare commands checks or refuses anything. There are four ways to send them, since what a function is held
against decides the ratio:

- every TTL: position and remembered answer are read, state, log and answer written, every key of the session gets its TTL,
  in one MULTI. The TTLs are in it because a MULTI can't ask how much is left and do nothing; this is what `session_apply`
  replaces, and what its goal is stated against.
- the same commands: what session_apply sends while no TTL is due, neither more nor less, in one MULTI; the clock among them.
- guarded: what a client without functions sends for the same guarantees: WATCH of what it decides by, the reads, and the
  writes in a MULTI. It takes two round trips, and starts again where somebody else was faster.
- the effect: the writes alone, in one MULTI: what the version, the answer and the TTL are is known by magic.

Between them and session_apply stands the floor: a function that takes the same KEYS and ARGV and runs the same commands
without any check; what session_apply costs beyond it, its checks cost. Three figures: the CPU of the server's main thread
against each of the four, pipelined and as clients send it (asking.py), and the time that a caller waits (one write to the
socket, in turns A B A B) against the first. Ratios are medians of pairs, with their 95 % interval.

    python -m tests.benchmarks.steps promises  # what each promise costs: the same function without it

A promise is taken out of the function's text, or out of what it is asked for; the difference is what it costs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from statistics import median

from redis_plan import brief as reader
from redis_plan import server
from redis_plan.chapters.sessions.functioncost import write_answers, write_log
from redis_plan.keyspace import design, functions
from redis_plan.measure.respwire import Wire, pack
from redis_plan.measure.statistics import ratio
from redis_plan.resources import sample_project
from redis_plan.rig.session import Session, start
from redis_plan.server import Server
from redis_plan.server.fingerprint import machine
from tests.benchmarks.asking import AS_SENT, PIPELINED, connected, cpu_us

CALLS, BLOCKS = 200, 15
#: What session_apply runs, and nothing that it checks.
BARE = """#!lua name=bare
redis.register_function('bare', function(keys, args)
  local f = redis.call('HMGET', keys[1], 'epoch', 'version', 'status')
  redis.call('HMGET', keys[3], '', args[2])
  local t = redis.call('TIME')
  local now, version = t[1] .. string.sub('00000' .. t[2], -6, -4), string.format('%.0f', f[2] + 1)
  redis.call('HSET', keys[1], 'version', version, 'updated_at', now, args[9], args[10])
  local message = '{"e":"' .. f[1] .. '","v":' .. version .. ',"ts":' .. now .. ',"t":' .. cjson.encode(args[4]) ..
    ',"op":' .. cjson.encode(args[2]) .. ',"d":' .. args[5] .. '}'
  redis.call('RPUSH', keys[2], message)
  redis.call('LTRIM', keys[2], '-' .. args[7], '-1')
  redis.call('PUBLISH', args[1], message)
  redis.call('HSET', keys[3], args[2], version)
  if redis.call('PTTL', keys[1]) < args[6] * 500 then redis.call('EXPIRE', keys[1], args[6]) end
  return {tonumber(version), 'ok'}
end)
"""
Maker = Callable[[int], list[tuple[str | int, ...]]]
#: A promise, and what of the function's text keeps it, with what stands there without it.
PROMISES: Mapping[str, tuple[str, str]] = {
    "a missing right is found before the first write": (
        "local function forbidden(call, keys, a, runs)\n",
        "local function forbidden(call, keys, a, runs)\n  do return nil end\n",
    ),
    "no key of another type is written to": (
        "local function misfit(call, keys, a, places)\n",
        "local function misfit(call, keys, a, places)\n  do return nil end\n",
    ),
    "only JSON goes into an event": (
        "text == '' and 'null' or is_json(text) and text or nil",
        "text == '' and 'null' or text",
    ),
    "fields are text, none of the functions' own": (
        "  local wrong = reserved(a.fields)\n",
        "  local wrong = nil\n",
    ),
    "an operation counts once": (
        "  remember(keys[3], session, a)\n",
        "",
    ),
    "no key outlives its session": (
        "  refresh(keys, a.ttl_s, 3, 2, 1, 3)\n",
        "",
    ),
    "who was away catches up from the log": (
        "    list_append(log, a, message)\n",
        "",
    ),
    "everybody is told": (
        "  tell(a, message)\n",
        "",
    ),
}


def without(number: int, promise: tuple[str, str]) -> str:
    """Return a library with session_apply as ``apply_<number>``, which does not keep a promise."""
    name = f"apply_{number}"
    text = functions.library(name, [functions.functions()["session_apply"]])
    kept, instead = promise
    assert text.count(kept) == 1, kept
    return text.replace(kept, instead).replace("register_function('session_apply'", f"register_function('{name}'")


class Both:
    """One session of the sample with every key and a full log, and a change of it in both ways."""

    def __init__(self, live: Server, wires: Sequence[Wire]) -> None:
        brief = reader.read(sample_project())
        keyspace = design(brief)
        self.live, self.wires, self.client = live, wires, live.client(decode_responses=True)
        session = self.session = Session.of(brief, keyspace, start(live), "cost")
        session.create(self.client)
        self.client.function_load(BARE)
        for number, promise in enumerate(PROMISES.values()):
            self.client.function_load(without(number, promise))
        write_log(self.client, session, int(session.rules.log_max.split()[0]))
        self.answers = int(keyspace.pattern("idem").max_elements) - CALLS
        self.more = functions.other_keys(keyspace, session.keys, "state", "log")
        for key in self.more:
            self.client.hset(key, "a", "b")
            self.client.expire(key, session.rules.ttl_s)

    def apply(self, number: int) -> list[tuple[str | int, ...]]:
        """Return the call."""
        s, r = self.session, self.session.rules
        keys = [s.keys["state"], s.keys["log"], s.keys["idem"], *self.more]
        args = [
            s.channel_argument,
            f"op-{number}",
            "",
            "change",
            '{"by":1}',
            r.ttl_s,
            r.log_max,
            r.idem_ttl_s,
            "owner",
            f"m{number % 10}",
        ]
        return [("FCALL", "session_apply", len(keys), *keys, *args)]

    def calling(self, name: str) -> Maker:
        """Return what makes the same call of another function: the floor, or one without a promise."""

        def make(number: int) -> list[tuple[str | int, ...]]:
            ((verb, _, *rest),) = self.apply(number)
            return [(verb, name, *rest)]

        return make

    def read(self, number: int) -> list[tuple[str | int, ...]]:
        """Return what the guards need to know: the position, and whether the operation was answered."""
        keys = self.session.keys
        return [
            ("HMGET", keys["state"], "epoch", "version", "status"),
            ("HMGET", keys["idem"], "", f"op-{number}"),
        ]

    def written(self, number: int) -> list[tuple[str | int, ...]]:
        """Return the effect: state, log, channel, remembered answer."""
        keys = self.session.keys
        event = f'{{"e":"ab","v":{number},"ts":1795400000000,"t":"change","op":"op-{number}","d":{{"by":1}}}}'
        return [
            ("HSET", keys["state"], "owner", f"m{number % 10}", "version", number, "updated_at", "1795400000000"),
            ("RPUSH", keys["log"], event),
            ("LTRIM", keys["log"], -int(self.session.rules.log_max.split()[0]), -1),
            ("PUBLISH", self.session.channel, event),
            ("HSET", keys["idem"], f"op-{number}", number),
        ]

    def multi(self, number: int) -> list[tuple[str | int, ...]]:
        """Return the reads, the writes and every TTL in one MULTI."""
        keys, ttl = self.session.keys, self.session.rules.ttl_s
        ttls = [("EXPIRE", key, ttl) for key in (keys["state"], keys["log"], *self.more)]
        return [("MULTI",), *self.read(number), *self.written(number), *ttls, ("EXEC",)]

    def same(self, number: int) -> list[tuple[str | int, ...]]:
        """Return what session_apply runs while no TTL is due, in one MULTI."""
        asked = [*self.read(number), ("TIME",), ("PTTL", self.session.keys["state"])]
        return [("MULTI",), *asked, *self.written(number), ("EXEC",)]

    def guarded(self, number: int) -> list[tuple[str | int, ...]]:
        """Return what a client sends that decides by what it watches."""
        keys = self.session.keys
        asked = [*self.read(number), ("TIME",), ("PTTL", keys["state"])]
        watched = ("WATCH", keys["state"], keys["idem"])
        return [watched, *asked, ("MULTI",), *self.written(number), ("EXEC",)]

    def effect(self, number: int) -> list[tuple[str | int, ...]]:
        """Return the writes alone, in one MULTI."""
        return [("MULTI",), *self.written(number), ("EXEC",)]

    def begin(self) -> None:
        """Let the block that follows end with as many remembered answers as a session has at its peak."""
        write_answers(self.client, self.session, max(0, self.answers))

    def cpu_us(self, make: Maker, block: int, way: str) -> float:
        """Return the microseconds of the server's main thread for one change, asked in a way of asking.py."""
        self.begin()
        return cpu_us(self.client, self.wires, [make(block * CALLS + number) for number in range(CALLS)], way)

    def wait_us(self, make: Maker, number: int) -> float:
        """Return the microseconds that a caller waits for one change, sent as one write to the socket."""
        commands = make(number)
        payload = b"".join(pack(*command) for command in commands)
        began = time.perf_counter()
        self.wires[0].ask(payload, len(commands))
        return 1e6 * (time.perf_counter() - began)


def promises() -> None:
    """Print what each promise of session_apply costs of the server's CPU."""
    print(f"What session_apply costs without one promise, CPU of the server's main thread, medians; {machine()}")
    for binary in server.available():
        with closing(server.start_with(binary)) as live, connected(live) as wires:
            both = Both(live, wires)
            makers = {"": both.apply} | {p: both.calling(f"apply_{n}") for n, p in enumerate(PROMISES)}
            cpu: dict[str, list[float]] = {name: [] for name in makers}
            for block in range(BLOCKS):
                for turn, (name, make) in enumerate(makers.items()):
                    cpu[name].append(both.cpu_us(make, len(makers) * block + turn, PIPELINED))
            whole = cpu.pop("")
            print(f"{binary.id:22} {median(whole):6.1f} µs   all that it promises")
            for name, values in cpu.items():
                over = ratio(whole, values)
                saved = median(one - other for one, other in zip(whole, values, strict=True))
                print(f"{binary.id:22} {saved:6.1f} µs   {name}   x{over.value:.2f} [{over.low:.2f}, {over.high:.2f}]")


def main() -> None:
    """Print the table."""
    print(f"session_apply beside its bare commands, medians; {machine()}")
    for binary in server.available():
        with closing(server.start_with(binary)) as live, connected(live) as wires:
            both = Both(live, wires)
            bare: dict[str, Maker] = {
                "every TTL": both.multi,
                "the same commands": both.same,
                "guarded": both.guarded,
                "the effect": both.effect,
            }
            made: dict[str, Maker] = {"floor": both.calling("bare"), "session_apply": both.apply}
            cpu: dict[str, list[float]] = {name: [] for name in bare | made}
            # Who watches what the other connections write would give up: such changes are pipelined alone.
            sent: dict[str, list[float]] = {name: [] for name in bare | made if name != "guarded"}
            waits: dict[str, list[float]] = {name: [] for name in ("every TTL", *made)}
            for block in range(BLOCKS):
                for turn, (name, make) in enumerate((bare | made).items()):  # each with operations of its own
                    cpu[name].append(both.cpu_us(make, 2 * (len(cpu) * block + turn), PIPELINED))
                    if name in sent:
                        sent[name].append(both.cpu_us(make, 2 * (len(cpu) * block + turn) + 1, AS_SENT))
                both.begin()
                for number in range(CALLS):
                    for turn, name in enumerate(waits):
                        at = len(waits) * (block * CALLS + number) + turn
                        waits[name].append(both.wait_us((bare | made)[name], 10_000_000 + at))
            for way in bare:
                show(f"{binary.id:22} CPU, pipelined", cpu, way, made)
                if way in sent:
                    show(f"{binary.id:22} CPU, as sent  ", sent, way, made)
            show(f"{binary.id:22} caller's wait ", waits, "every TTL", made)


def show(label: str, found: Mapping[str, list[float]], way: str, made: Iterable[str]) -> None:
    """Print each function against a way of sending the bare commands."""
    for name in made:
        over = ratio(found[name], found[way])
        print(
            f"{label} {name:14} {median(found[name]):6.1f} µs of {median(found[way]):6.1f} µs   "
            f"x{over.value:.2f} [{over.low:.2f}, {over.high:.2f}]   {way}"
        )


if __name__ == "__main__":
    promises() if sys.argv[1:] == ["promises"] else main()
