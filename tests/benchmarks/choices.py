"""``make bench-choices``: is the chosen structure the best one? The close calls' workloads, replayed on every feasible candidate.

For each close call of the sample project, and of the documents in ../shared/corpus where they are there, the keys are
made at their typical size and read and written as often as the choice assumed. The objective is the one of the choice
(``data/catalog/choice.toml``) with measured bytes, server CPU and network bytes in place of the modelled ones. It fails
where the chosen candidate is dearer than the best by more than the noise of this machine.

    python -m tests.benchmarks.choices [--fit] [--scale] [--operations 4000]
"""

import argparse
import itertools
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from redis_plan import brief as briefs
from redis_plan import resources
from redis_plan import server as servers
from redis_plan.actions.designing import draft
from redis_plan.brief.model import Brief, Component
from redis_plan.chapters.memory import loading
from redis_plan.choice import Choice, choose, constants
from redis_plan.keyspace.model import KeyPattern
from redis_plan.measure.respwire import Wire, pack
from redis_plan.memory import project
from redis_plan.server import Binary, Server
from redis_plan.training.corpus import lay_out
from tests.conftest import CORPUS
from tests.keyspace.briefs import access, entity, requirement, workshop

ROUNDS, MOST_BYTES, LEAST_NOISE = 7, 12_000_000, 0.05


@dataclass
class Replay:
    """One candidate's keys on a server of their own, and what its operations cost there."""

    name: str
    pattern: KeyPattern
    write: tuple[str, ...]
    read: tuple[str, ...]
    owners: int
    server: Server
    bytes_each: float = 0.0
    rounds: dict[str, list[float]] = None  # type: ignore[assignment]
    network: dict[str, float] = None  # type: ignore[assignment]

    def prepare(self) -> None:
        """Make the keys and read what they take."""
        self.rounds, self.network = {"write": [], "read": []}, {}
        loading.warm_up(self.server, "")
        with self.server.client() as client:
            before = loading.settle(client)
            self.load = project.load_of(self.pattern, self.owners)
            loading.send(self.server, project.commands(self.load, 0, self.load.shape.n_keys))
            self.bytes_each = (loading.settle(client).used - before.used) / self.owners
        self.keys = list(project.keys(self.load, 0, min(self.load.shape.n_keys, 2_000)))

    def operations(self, templates: tuple[str, ...], rng: random.Random) -> Iterator[tuple[bytes, int]]:
        """Yield packed operations on random elements; all commands of one are sent at once."""
        made = []
        for number in range(256):
            at = rng.randrange(len(self.keys))
            words = self._words(at, number, rng)
            commands = [pack(*(_filled(word, words) for word in t.split())) for t in templates]
            if len(commands) > 1 and not self.pattern.functions:
                commands = [pack("MULTI"), *commands, pack("EXEC")]
            made.append((b"".join(commands), len(commands)))
        return itertools.cycle(made)

    def _words(self, at: int, number: int, rng: random.Random) -> dict[str, str]:
        shape, size = self.load.shape, self.load.fields[0][1]
        element = at * shape.n_elem + rng.randrange(shape.n_elem)
        length = int(shape.fsize) if shape.type == "hash" and shape.fsize.isdigit() else int(size.removeprefix("i"))
        name = self.load.fields[0][0] if project.is_record(self.pattern) else project.identifier(element, length)
        return {
            "<key>:<member>": self.keys[at], "<key>": self.keys[at], "<member>": name,
            "<value>": project.text_of(str(int(size.removeprefix("i"))), number), "<score>": str(1_760_000_000_000 + number),
            "<count>": str(max(1, int(self.pattern.typical_elements))),
        }  # fmt: skip

    def run(self, kind: str, count: int, seed: int) -> None:
        """Run ``count`` operations of ``kind``; add server CPU and network bytes of one."""
        templates = self.write if kind == "write" else self.read
        operations = self.operations(templates, random.Random(seed))
        with self.server.client() as client, Wire(self.server.address) as wire:
            for payload, replies in itertools.islice(operations, 20):
                answer = wire.ask(payload, replies)
                assert not isinstance(answer, Exception), f"{self.name}: {answer}"
            before = _used(client)
            for payload, replies in itertools.islice(operations, count):
                wire.ask(payload, replies)
            after = _used(client)
        self.rounds[kind].append((after[0] - before[0]) / count)
        self.network[kind] = (after[1] - before[1]) / count


def _used(client) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    cpu, stats = client.info("cpu"), client.info("stats")
    return cpu["used_cpu_user"] + cpu["used_cpu_sys"], stats["total_net_input_bytes"] + stats["total_net_output_bytes"]


def _filled(word: str, words: dict[str, str]) -> str:
    for placeholder, text in words.items():
        word = word.replace(placeholder, text)
    return word


def measured(replay: Replay, choice: Choice, brief: Brief) -> float:
    """Return the objective with what was measured in place of memory, CPU and network."""
    option = next(o for o in choice.weighed.options if o.candidate.name == replay.name.removesuffix(" again"))
    rates, weight = choice.weighed.rates, {w.name: w.value for w in constants.weights()}
    # what else this machine does can only add CPU time: the least of the rounds is nearest to the operation's own
    cpu = sum(r * min(replay.rounds[k]) for k, r in (("write", rates.writes), ("read", rates.reads)) if r)
    wire = sum(r * replay.network[k] for k, r in (("write", rates.writes), ("read", rates.reads)) if r)
    owners = brief.value("sessions_peak") if replay.pattern.scope != "global" else 1.0
    shares = dict(option.cost.shares) | {
        "memory": weight["memory"] * replay.bytes_each * owners / brief.value("memory_budget"),
        "cpu": weight["cpu"] * cpu / constants.limit("core_s"),
        "network": weight["network"] * wire / constants.limit("network_bytes"),
    }
    return sum(shares.values())


def replayed(choice: Choice, brief: Brief, count: int, binary: Binary) -> list[dict[str, object]]:
    """Return one row for each feasible candidate of ``choice``, the chosen one twice: its second run is the noise."""
    drafted = draft(brief)
    slot = next(s for s in drafted.slots if s.name == choice.pattern.name)
    feasible = [o for o in choice.weighed.options if o.feasible]
    names = [o.candidate.name for o in feasible] + [choice.chosen.candidate.name + " again"]
    found: list[Replay] = []
    with ExitStack() as stack:
        for name in names:
            option = next(o for o in feasible if o.candidate.name == name.removesuffix(" again"))
            pattern = drafted.held(slot, option.candidate.name)
            each = max(1.0, option.cost.bytes_each)
            owners = 1
            if pattern.scope == "global":  # so many keys of all, each as it is
                part = min(1.0, MOST_BYTES / each)
                pattern = replace(pattern, per_session=max(1, round(pattern.per_session * part)))
                scale = option.cost.keys_each / pattern.per_session
            else:
                owners, scale = max(4, min(500, int(MOST_BYTES / each))), 1.0
            server = stack.enter_context(closing(servers.start_with(binary, {"hz": "100", "save": ""})))
            replay = Replay(name, pattern, option.candidate.write, option.candidate.read, owners, server)
            replay.prepare()
            replay.bytes_each *= scale
            found.append(replay)
        rates = choice.weighed.rates
        for number in range(ROUNDS):
            for kind, rate in (("write", rates.writes), ("read", rates.reads)):
                for replay in found if number % 2 else found[::-1]:
                    if rate:
                        answer = dict(zip(("write", "read"), (o_bytes(choice, replay)), strict=True))[kind]
                        replay.run(kind, max(50, min(count, int(40_000_000 / answer))), number)
        costs = {r.name: measured(r, choice, brief) for r in found}
    return [
        {"candidate": o.candidate.name, "modelled": o.cost.total, "measured": costs[o.candidate.name],
         "chosen": o.candidate.name == choice.chosen.candidate.name, "again": costs[names[-1]]}
        for o in feasible
    ]  # fmt: skip


def o_bytes(choice: Choice, replay: Replay) -> tuple[float, float]:
    """Return the modelled wire bytes of one write and one read."""
    option = next(o for o in choice.weighed.options if o.candidate.name == replay.name.removesuffix(" again"))
    return option.cost.write.bytes, option.cost.read.bytes


def projects() -> Iterator[tuple[str, Brief, Binary]]:
    """Yield the sample on every server here, and the corpus on the first, each chosen for the server that it runs on."""
    sample, binaries = briefs.read(resources.sample_project()), servers.available()
    for binary in binaries:
        yield f"sample {binary.product} {binary.version}", on(sample, binary), binary
    if CORPUS.is_dir():
        with tempfile.TemporaryDirectory() as folder:
            for source in sorted(p for p in CORPUS.iterdir() if p.is_dir()):
                asked = briefs.read(lay_out(source, Path(folder) / source.name))
                yield source.name, on(asked, binaries[0]), binaries[0]


def on(brief: Brief, binary: Binary) -> Brief:
    """Return ``brief`` with the server program as its stack."""
    return replace(brief, stack=(Component(binary.product.capitalize(), "cache", "", 0, binary.version),))


def quality(count: int) -> int:
    """Print the table; return how many choices are dearer than the best by more than the noise."""
    print(
        f"{'project':<22}{'key':<22}{'candidate':<18}{'modelled %':>11}{'measured %':>11}{'to best':>9}{'noise':>8}  verdict"
    )
    wrong = calls = 0
    for name, brief, binary in projects():
        for choice in choose(brief, sensitivity=False).close:
            rows = replayed(choice, brief, count, binary)
            best = min(float(r["measured"]) for r in rows)  # type: ignore[arg-type]
            calls += 1
            for row in rows:
                cost, again = float(row["measured"]), float(row["again"])  # type: ignore[arg-type]
                first = next(float(r["measured"]) for r in rows if r["chosen"])  # type: ignore[arg-type]
                noise = max(LEAST_NOISE, abs(again / first - 1))
                verdict = ""
                if row["chosen"]:
                    good = cost <= best * (1 + noise)
                    wrong += not good
                    verdict = "chosen, best within noise" if good else "chosen, WORSE THAN THE BEST"
                print(f"{name:<22}{choice.pattern.name:<22}{row['candidate']!s:<18}{100 * float(row['modelled']):>11.3f}"  # type: ignore[arg-type]
                      f"{100 * cost:>11.3f}{cost / best:>8.2f}x{100 * noise:>7.1f}%  {verdict}", flush=True)  # fmt: skip
    print(f"{calls} close calls, {wrong} of them dearer than the best by more than the noise")
    return wrong


def scale() -> None:
    """Print how long 500 entities and 2,000 access patterns take to design and to choose for."""
    brief = large()
    started = time.perf_counter()
    drafted = draft(brief).keyspace({})
    middle = time.perf_counter()
    chosen = choose(brief)
    print(f"{len(brief.entities)} entities, {len(brief.access_patterns):,} access patterns, {len(drafted.patterns)} key patterns: "
          f"designed in {middle - started:.1f} s, with every choice and its sensitivity in {time.perf_counter() - middle:.1f} s; "
          f"{len([f for f in chosen.keyspace.findings if f.severity == 'error'])} lint errors")  # fmt: skip


def large() -> Brief:
    """Return a Brief with 500 entities and 2,000 access patterns."""
    kinds = ("note", "ballot", "message", "score", "counter", "bid", "thing", "shape", "stroke", "cell")
    things = tuple(entity(f"{kinds[i % 10].capitalize()} {chr(97 + i % 26)}{i}") for i in range(499))
    verbs = ("submit", "watch", "resume", "control")
    patterns = tuple(
        replace(access(verbs[i // 500], things[i % 499].name, "subscribe" if i // 500 == 1 else "write"), id=f"A-{i}")
        for i in range(2000)
    )
    asked = tuple(requirement(i, f"A participant edits {things[i].name}") for i in range(1, 400))
    return replace(workshop(), entities=(entity("Workshop"), *things), access_patterns=patterns, requirements=asked)


def fit() -> None:
    """Print the CPU times of ``data/catalog/choice.toml`` as this machine has them, in microseconds."""
    for binary in servers.available():
        with (
            closing(servers.start_with(binary, {"save": ""})) as server,
            server.client() as client,
            Wire(server.address) as wire,
        ):

            def once(count: int, payload: bytes, replies: int) -> float:
                before = _used(client)[0]
                for _ in range(count):
                    wire.ask(payload, replies)
                return (_used(client)[0] - before) / count * 1e6

            def cost(count: int, *commands: bytes) -> float:
                return min(once(count // 5, b"".join(commands), len(commands)) for _ in range(5))

            alone = cost(20_000, pack("PING"))
            print(
                f"\n{binary.id}\ncommand = {alone:.2f}\npipelined = {(cost(4_000, *[pack('PING')] * 11) - alone) / 10:.2f}"
            )
            print(
                f"byte = {(cost(4_000, pack('SET', 'k', 'x' * 9000)) - cost(4_000, pack('SET', 'k', 'x' * 1000))) / 8000:.5f}"
            )
            client.hset("h", mapping={f"m{i:04d}": "x" * 40 for i in range(400)})
            client.zadd("z", {f"m{i:04d}": i for i in range(120)})
            client.rpush("l", *["x" * 300] * 400)
            client.sadd("s", *[f"m{i:04d}" for i in range(400)])
            for _ in range(400):
                client.xadd("x", {"d": "x" * 300})
            client.config_resetstat()
            for words in ("SET k v", "SET k v EX 100", "GET k", "HSET h m0200 y", "HGET h m0200", "HGETALL h", "ZADD z 5 m0060",
                          "ZRANGE z 0 -1", "SADD s m0200", "SMEMBERS s", "RPUSH l2 x", "LTRIM l2 -100 -1", "LRANGE l 0 -1",
                          "XADD x2 MAXLEN 100 * d x", "XREVRANGE x + - COUNT 400", "INCR c", "EXPIRE k 100", "PUBLISH p x"):  # fmt: skip
                client.config_resetstat()
                cost(1_000, pack(*words.split()))
                stats = client.info("commandstats")
                own = stats[f"cmdstat_{words.split()[0].lower()}"]["usec_per_call"]
                print(f"{re.sub(r' .*', '', words):<10} {own:8.2f}   {words}")


def main() -> int:
    """Run what was asked for; the quality of the choices by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit", action="store_true", help="print the CPU times of this machine")
    parser.add_argument("--scale", action="store_true", help="time a large Brief only")
    parser.add_argument("--operations", type=int, default=4_000)
    given = parser.parse_args()
    if given.fit:
        fit()
        return 0
    scale()
    return 0 if given.scale else int(quality(given.operations) > 0)


if __name__ == "__main__":
    sys.exit(main())
