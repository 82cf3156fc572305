"""What atomicity costs: session_apply beside its bare commands in one MULTI, on every server of this machine.

    python -m tests.benchmarks.steps           # half a minute

The bare commands read the position and the remembered answer, write state, log, answer and every TTL, and publish; they
check nothing, refuse nothing and take the clock of the caller. Between the two stands the floor: a function that takes the
same KEYS and ARGV and runs the same commands without any check; what session_apply costs beyond it, its checks cost. Two
figures each: the time that a caller waits (one round trip, in turns A B A B), and the CPU of the server's main thread
(pipelined, so that no round trip is in it). Ratios are medians of pairs, with their 95 % interval.

    python -m tests.benchmarks.steps promises  # what each promise costs: the same function without it

A promise is taken out of the function's text, or out of what it is asked for; the difference is what it costs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from statistics import median
from typing import Any

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
  for i = 1, 2 do
    if redis.call('PTTL', keys[i]) < args[6] * 500 then redis.call('EXPIRE', keys[i], args[6]) end
  end
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

    def __init__(self, live: Server) -> None:
        brief = reader.read(sample_project())
        keyspace = design(brief)
        self.live, self.client = live, live.client(decode_responses=True)
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

    def multi(self, number: int) -> list[tuple[str | int, ...]]:
        """Return the same as commands that check nothing."""
        keys, rules = self.session.keys, self.session.rules
        state, log, idem = keys["state"], keys["log"], keys["idem"]
        event = f'{{"e":"ab","v":{number},"ts":1795400000000,"t":"change","op":"op-{number}","d":{{"by":1}}}}'
        return [
            ("MULTI",),
            ("HMGET", state, "epoch", "version", "status"),
            ("HMGET", idem, "", f"op-{number}"),
            ("HSET", state, "owner", f"m{number % 10}", "version", number, "updated_at", "1795400000000"),
            ("RPUSH", log, event),
            ("LTRIM", log, -int(rules.log_max.split()[0]), -1),
            ("PUBLISH", self.session.channel, event),
            ("HSET", idem, f"op-{number}", number),
            *(("EXPIRE", key, rules.ttl_s) for key in (state, log, *self.more)),
            ("EXEC",),
        ]

    def begin(self) -> None:
        """Let the block that follows end with as many remembered answers as a session has at its peak."""
        write_answers(self.client, self.session, max(0, self.answers))

    def cpu_us(self, make: Maker, block: int) -> float:
        """Return the microseconds of the server's main thread for one change."""
        self.begin()
        with self.client.pipeline(transaction=False) as pipe:
            for number in range(CALLS):
                for command in make(block * CALLS + number):
                    pipe.execute_command(*command)
            before = self._cpu()
            pipe.execute()
        return 1e6 * (self._cpu() - before) / CALLS

    def _cpu(self) -> float:
        found: Any = self.client.info("cpu")
        return float(found["used_cpu_user_main_thread"] + found["used_cpu_sys_main_thread"])

    def wait_us(self, wire: Wire, make: Maker, number: int) -> float:
        """Return the microseconds that a caller waits for one change, sent as one write to the socket."""
        commands = make(number)
        payload = b"".join(pack(*command) for command in commands)
        began = time.perf_counter()
        wire.ask(payload, len(commands))
        return 1e6 * (time.perf_counter() - began)


def promises() -> None:
    """Print what each promise of session_apply costs of the server's CPU."""
    print(f"What session_apply costs without one promise, CPU of the server's main thread, medians; {machine()}")
    for binary in server.available():
        with closing(server.start_with(binary)) as live:
            both = Both(live)
            makers = {"": both.apply} | {p: both.calling(f"apply_{n}") for n, p in enumerate(PROMISES)}
            cpu: dict[str, list[float]] = {name: [] for name in makers}
            for block in range(BLOCKS):
                for turn, (name, make) in enumerate(makers.items()):
                    cpu[name].append(both.cpu_us(make, len(makers) * block + turn))
            whole = cpu.pop("")
            print(f"{binary.id:22} {median(whole):6.1f} µs   all that it promises")
            for name, values in cpu.items():
                over = ratio(whole, values)
                saved = median(one - other for one, other in zip(whole, values, strict=True))
                print(f"{binary.id:22} {saved:6.1f} µs   {name}   x{over.value:.2f} [{over.low:.2f}, {over.high:.2f}]")


def main() -> None:
    """Print the table."""
    print(f"session_apply beside its bare commands in one MULTI, medians; {machine()}")
    for binary in server.available():
        with closing(server.start_with(binary)) as live, Wire(live) as wire:
            both = Both(live)
            makers: dict[str, Maker] = {"MULTI": both.multi, "floor": both.calling("bare"), "session_apply": both.apply}
            cpu: dict[str, list[float]] = {name: [] for name in makers}
            waits: dict[str, list[float]] = {name: [] for name in makers}
            for block in range(BLOCKS):
                for turn, (name, make) in enumerate(makers.items()):  # each with operations of its own
                    cpu[name].append(both.cpu_us(make, len(makers) * block + turn))
                both.begin()
                for number in range(CALLS):
                    for turn, (name, make) in enumerate(makers.items()):
                        at = len(makers) * (block * CALLS + number) + turn
                        waits[name].append(both.wait_us(wire, make, 10_000_000 + at))
            for label, found in (("server's CPU", cpu), ("caller's wait", waits)):
                for name, values in list(found.items())[1:]:
                    over = ratio(values, found["MULTI"])
                    print(
                        f"{binary.id:22} {label:14} {name:14} {median(values):6.1f} µs of {median(found['MULTI']):6.1f} µs"
                        f"   x{over.value:.2f} [{over.low:.2f}, {over.high:.2f}]"
                    )


if __name__ == "__main__":
    promises() if sys.argv[1:] == ["promises"] else main()
