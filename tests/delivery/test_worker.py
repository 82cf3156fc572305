"""The delivered worker: one owner of a deadline, also where a worker is killed in the middle; rooms swept, ended and handed over."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import redis

from redis_plan import brief as reader
from redis_plan import server
from redis_plan.actions import designing
from redis_plan.brief.model import Component
from redis_plan.delivery import syncing, timekeeping
from redis_plan.delivery.redis_plan_worker import Pace, Worker
from redis_plan.keyspace import naming
from redis_plan.server import Server
from tests import projects
from tests.actions.test_stories import with_stories
from tests.conftest import within
from tests.delivery import made

#: A duty of its own that says what it does and takes a while.
SLOW = """
    async def slow(session_id: str, kind: str) -> None:
        print("began", session_id, flush=True)
        await asyncio.sleep(0.1 + int(session_id[1:]) % 7 / 10)
        print("ended", session_id, flush=True)

    return {"timer": slow, """


@pytest.fixture(scope="module")
def folder(sample: made.Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefacts of the sample, and two programs: as delivered but that nothing stays, and with a duty that is slow."""
    found = made.write(sample.artefacts, tmp_path_factory.mktemp("worker"))
    lines = sample.text(syncing.PYTHON_DUTIES).replace("kept, STAYS_S", "kept, 0.0", 1)
    (found / "work.py").write_text(lines, "utf-8")
    slow = lines.replace("\n    return {", SLOW, 1).replace("Pace(POLL_S, CLAIM_S)", "Pace(POLL_S, 4.0)")
    assert slow.count("slow") > 1
    (found / "slow.py").write_text(slow, "utf-8")
    return found


@pytest.fixture(scope="module")
def guarded(sample: made.Project) -> Iterator[Server]:
    """A server with the sample's library and users."""
    with server.open_own({"port": "auto"}) as live:
        root = live.client()
        made.install(root, sample)
        yield live


class Process:
    """A worker by its own rights, and what it said so far."""

    def __init__(self, folder: Path, live: Server, program: str) -> None:
        environment = {**os.environ, "REDIS_URL": made.url(live, "worker"), "PYTHONPATH": ""}
        self.said = folder / f"{secrets.token_hex(4)}.txt"
        with self.said.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, program], cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT
            )

    @property
    def lines(self) -> list[str]:
        return self.said.read_text().splitlines()

    def words(self, word: str) -> list[str]:
        """The sessions of which it said so."""
        return [line.split()[1] for line in self.lines if line.startswith(word)]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to stop, and hold that it ended well."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0


@contextmanager
def working(folder: Path, live: Server, program: str) -> Iterator[Process]:
    """Run a worker; it is killed at the end if it has not ended."""
    it = Process(folder, live, program)
    try:
        assert within(60, lambda: "working" in it.lines)
        yield it
    finally:
        it.kill()


def due(live: Server, generated: ModuleType, session: str, kind: str) -> None:
    key = generated.Keys().due(generated.bucket(session))
    live.client().zadd(key, {f"{generated.encode_id(session)}:{kind}": 1})


def open_deadlines(live: Server) -> int:
    client: Any = live.client()
    return sum(client.zcard(key) for key in client.scan_iter("*:due:*"))


def test_what_is_over_is_swept_ended_handed_over_and_removed(
    guarded: Server, folder: Path, generated: ModuleType
) -> None:
    client: Any = guarded.client(decode_responses=True)
    o = generated.Operations(client, generated.Keys())
    rooms = ["left", "idle", "a:b {c}", "busy"]
    for room in rooms:
        o.create(room)
        o.join(room, "ann", "c1", {})
        due(guarded, generated, room, "lease")
    client.zadd(o.keys.presence("left"), {"ann#c1": 1})
    for room in ("idle", "a:b {c}"):
        client.hset(o.keys.state(room), "updated_at", "1")
        due(guarded, generated, room, "idle")
    with working(folder, guarded, "work.py") as process:
        assert within(60, lambda: not client.exists(o.keys.state("idle"), o.keys.state("a:b {c}")))
        assert within(60, lambda: not client.hlen(o.keys.roster("left")))
        assert within(60, lambda: open_deadlines(guarded) == 2)  # those of the two that go on have their next one
        process.stop()
        assert process.lines == ["working"]
    assert client.hkeys(o.keys.roster("busy")) == ["ann"]
    client.flushdb()


def test_a_code_in_a_bucket_of_them_lives_as_long_as_its_room_and_goes_with_it(tmp_path: Path) -> None:
    """Where the server has a TTL for each field, codes are held in hashes: the worker renews and frees those, too."""
    binary = next((b for b in server.available() if b.id.startswith("valkey-server-9")), None)
    if binary is None:
        pytest.skip("no server here has HSETEX: install Valkey 9 or Redis 8")
    held = Component("Valkey", "cache", "tech-stack.md", 3, "9.1")
    asked = replace(projects.read(made.SAMPLE), stack=(held,), pinned={"code": "hash-buckets"})
    project = made.Project("codes", asked, designing.design(asked))
    folder = made.write(project.artefacts, tmp_path)
    (folder / "work.py").write_text(
        project.text(syncing.PYTHON_DUTIES).replace("kept, STAYS_S", "kept, 0.0", 1), "utf-8"
    )
    delivered = made.client_module(folder, "codes")
    with closing(server.start_with(binary, {"port": "auto"})) as live:
        root: Any = live.client(decode_responses=True)
        made.install(root, project)
        app: Any = live.client(username="app", password=made.PASSWORD, decode_responses=True)
        o = delivered.Operations(app, delivered.Keys())

        def code(room: str) -> str:
            return f"CODE{room}"

        def left_s(room: str) -> int:
            key = o.keys.code(delivered.bucket(code(room)))
            return int(root.execute_command("HTTL", key, "FIELDS", 1, code(room))[0])

        for room in ("busy", "idle", "other"):
            o.create(room)
            app.hset(o.keys.state(room), "code", code(room))
            assert o.take_code(delivered.bucket(code(room)), code(room), room) == "taken"
            root.execute_command("HEXPIRE", o.keys.code(delivered.bucket(code(room))), 60, "FIELDS", 1, code(room))
            due(live, delivered, room, "idle" if room != "busy" else "lease")
        assert o.take_code(delivered.bucket(code("busy")), code("busy"), "idle") == "held"
        root.hset(
            o.keys.code(delivered.bucket(code("other"))), code("other"), "another"
        )  # drawn by another room meanwhile
        for room in ("idle", "other"):
            root.hset(o.keys.state(room), "updated_at", "1")
        with working(folder, live, "work.py") as process:
            assert within(60, lambda: not root.exists(o.keys.state("idle"), o.keys.state("other")))
            assert within(60, lambda: left_s("busy") > 60)
            assert within(60, lambda: left_s("idle") == -2)
            process.stop()
            assert process.lines == ["working"]
        assert root.hget(o.keys.code(delivered.bucket(code("other"))), code("other")) == "another"


OFFERS = """[[actions]]
name = "offer_seat"
like = "offers.offer"
serves = ["US-901"]

[[actions]]
name = "time_out"
like = "offers.time_out"
serves = ["US-902"]
"""


def test_what_nobody_answered_in_time_is_taken_back_and_the_next_one_waits_for_its_own_end(tmp_path: Path) -> None:
    said = ["As a host I offer the hot seat to one player", "An offer that nobody answers in time is taken back"]
    asked = reader.read(with_stories(tmp_path, said, OFFERS))
    project = made.Project("offers", asked, designing.design(asked))
    ((name, pattern),) = timekeeping.overdue(project.keyspace)
    assert name == "time_out"
    folder = made.write(project.artefacts, tmp_path / "delivered")
    (folder / "work.py").write_text(project.text(syncing.PYTHON_DUTIES), "utf-8")
    delivered = made.client_module(folder, "offers")
    with server.open_own({"port": "auto"}) as live:
        root: Any = live.client(decode_responses=True)
        made.install(root, project)
        app: Any = live.client(username="app", password=made.PASSWORD, decode_responses=True)
        keys = delivered.Keys()
        delivered.Operations(app, keys).create("r1")
        key = naming.render(pattern.template, session_id="r1")
        far = 10**14
        root.hset(
            key, mapping={"i.1": "1|offered|bob|1|{}", "i.2": f"1|offered|cyd|{far}|{{}}", "i.3": "1|accepted|dan|0|{}"}
        )
        root.hset(key, mapping={f"a.{n}": no for n, no in enumerate(("", "done", "1|offered|eve|soon|{}", "1|2"))})
        before = root.hgetall(key)
        due(live, delivered, "r1", "lease")
        with working(folder, live, "work.py") as process:
            assert within(60, lambda: root.hget(key, "i.1").startswith("2|passed||"))
            process.stop()
            assert process.lines == ["working"], "what is no record of the design keeps the others waiting"
        assert {"i.2": before["i.2"], "i.3": before["i.3"]}.items() <= root.hgetall(key).items()
        assert root.hget(keys.state("r1"), "version") == "1"


def test_a_full_server_is_emptied_of_what_is_over_and_keeps_who_is_there(
    guarded: Server, folder: Path, generated: ModuleType
) -> None:
    """Claims, lapsed leases, idle rooms and heartbeats need no memory: were they refused, nothing would become free."""
    client: Any = guarded.client(decode_responses=True)
    o = generated.Operations(client, generated.Keys())
    for room in ("idle", "left", "busy"):
        o.create(room)
        o.join(room, "ann", "c1", {})
        due(guarded, generated, room, "idle" if room == "idle" else "lease")
    o.join("left", "bob", "c2", {})
    client.hset(o.keys.state("idle"), "updated_at", "1")
    client.zadd(o.keys.presence("left"), {"ann#c1": 1})
    client.config_set("maxmemory", "1")
    try:
        with working(folder, guarded, "work.py") as process:
            assert within(60, lambda: not client.exists(o.keys.state("idle")))
            assert within(60, lambda: client.hkeys(o.keys.roster("left")) == ["bob"])
            assert within(60, lambda: open_deadlines(guarded) == 2)
            assert o.heartbeat("busy", "ann", "c1") == "renewed"
            assert o.leave("left", "bob").status == "left"
            process.stop()
            assert process.lines == ["working"]
    finally:
        client.config_set("maxmemory", "0")
        client.flushdb()


def test_each_deadline_has_one_owner_and_that_of_a_killed_worker_is_taken_up_by_another(
    guarded: Server, folder: Path, generated: ModuleType
) -> None:
    sessions = [f"t{number}" for number in range(60)]
    with working(folder, guarded, "slow.py") as first, working(folder, guarded, "slow.py") as second:
        for session in sessions:  # once both are there: one alone may be done before the other begins
            due(guarded, generated, session, "timer")
        assert within(60, lambda: first.words("ended"))
        first.kill()
        assert within(60, lambda: open_deadlines(guarded) == 0)
        second.stop()
        ended, began = Counter(first.words("ended") + second.words("ended")), set(first.words("began"))
        cut = began - set(first.words("ended"))
        assert cut, "it was killed while it worked"
        assert cut <= set(second.words("ended"))
    assert sorted(ended) == sorted(sessions)
    assert {
        session for session, times in ended.items() if times > 1
    } <= began  # nothing that the killed one had not begun


def test_two_workers_share_what_is_due_and_a_stop_finishes_what_was_begun(
    guarded: Server, folder: Path, generated: ModuleType
) -> None:
    sessions = [f"t{number}" for number in range(60)]
    for session in sessions:
        due(guarded, generated, session, "timer")
    with working(folder, guarded, "slow.py") as first, working(folder, guarded, "slow.py") as second:
        assert within(60, lambda: first.words("began"))
        first.stop()
        assert within(60, lambda: open_deadlines(guarded) == 0)
        second.stop()
        said = [line for line in first.lines + second.lines if line != "working"]
    assert sorted(said) == sorted(f"{word} {session}" for word in ("began", "ended") for session in sessions)


class Index:
    """The index of one bucket without a server: what is claimed, and what the worker says of it."""

    def __init__(self, entries: list[str]) -> None:
        self.entries, self.said = entries, list[tuple[str, str]]()

    async def claim_due(self, bucket: str, /, *, claim_ms: int, batch: int) -> list[Any]:
        taken, self.entries = self.entries[:batch], self.entries[batch:]
        return [Held(entry, claim_ms) for entry in taken]

    async def done_due(self, bucket: str, entry: str, claimed_until: int, /) -> str:
        self.said.append(("done", entry))
        return "done"

    async def move_due(self, bucket: str, entry: str, claimed_until: int, at_ms: int, /) -> str:
        self.said.append((f"moved to {at_ms}", entry))
        return "moved"


class Held:
    """A claim."""

    def __init__(self, entry: str, until: int) -> None:
        self.entry, self.until = entry, until


def test_what_fails_takes_too_long_or_is_unknown_is_left_to_be_due_again(caplog: pytest.LogCaptureFixture) -> None:
    index = Index(["a:fails", "b:hangs", "c:later", "d:strange", "e:once", "f:broken"])

    async def fails(session_id: str, kind: str) -> None:
        raise redis.ConnectionError(session_id)

    async def hangs(session_id: str, kind: str) -> None:
        await asyncio.sleep(60)

    async def later(session_id: str, kind: str) -> float:
        return 12.4

    async def once(session_id: str, kind: str) -> None:
        return None

    async def broken(session_id: str, kind: str) -> None:
        raise KeyError(session_id)

    async def story() -> Counter[str]:
        duties = {"fails": fails, "hangs": hangs, "later": later, "once": once, "broken": broken}
        worker = Worker(index, duties, Pace(0.01, 1.0), buckets=["00"])
        running = asyncio.create_task(worker.run())
        while worker.counts.total() < 6:
            await asyncio.sleep(0.01)
        worker.stop()
        await asyncio.wait_for(running, 30)
        return worker.counts

    assert asyncio.run(story()) == {"failed": 3, "moved": 1, "unknown": 1, "done": 1}
    assert sorted(index.said) == [("done", "e:once"), ("moved to 12", "c:later")]
    traced = [record.getMessage() for record in caplog.records if record.exc_info]
    assert len(traced) == 1, "a server that is away is a line, and a fault of the team's has its traceback"
    assert "f:broken" in traced[0]


def test_what_never_succeeds_is_told_once_and_again_once_it_fails_otherwise(caplog: pytest.LogCaptureFixture) -> None:
    index = Index(["a:broken", "b:strange"] * 8 + ["c:once"])
    times = 0

    async def broken(session_id: str, kind: str) -> None:
        nonlocal times
        times += 1
        raise KeyError("another" if times == 8 else session_id)

    async def once(session_id: str, kind: str) -> None:
        worker.stop()

    worker = Worker(index, {"broken": broken, "once": once}, Pace(0.01, 1.0, most=1), buckets=["00"])
    asyncio.run(worker.run())
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert worker.counts == {"failed": 8, "unknown": 8, "done": 1}
    assert len(warned) == 3, warned
    assert all("another" in warned[-1] if line == warned[-1] else "another" not in line for line in warned)


def test_also_with_as_many_failing_as_are_kept_each_is_told_once_and_the_oldest_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("redis_plan.delivery.redis_plan_worker.MOST_FAILING", 2)
    index = Index(["a:broken", "b:broken", *["b:otherwise"] * 3, *["b:broken"] * 3, *["c:broken"] * 3, "d:once"])

    async def broken(session_id: str, kind: str) -> None:
        count[session_id] += 1
        raise KeyError("otherwise" if session_id == "a" or count[session_id] > 1 else session_id)

    async def once(session_id: str, kind: str) -> None:
        worker.stop()

    count = Counter[str]()
    duties = {"broken": broken, "otherwise": broken, "once": once}
    worker = Worker(index, duties, Pace(0.01, 1.0, most=1), buckets=["00"])
    asyncio.run(worker.run())
    warned = [record.getMessage().split()[1] for record in caplog.records if record.levelname == "WARNING"]
    assert warned == ["a:broken:", "b:broken:", "b:otherwise:", "b:broken:", "c:broken:", "c:broken:"]


def test_a_bucket_that_can_not_be_read_keeps_no_other_one_waiting(
    guarded: Server, folder: Path, generated: ModuleType
) -> None:
    """Its key is of another type, or its node is away: the rooms of the other buckets have their deadlines kept."""
    client: Any = guarded.client(decode_responses=True)
    client.set(generated.Keys().due("00"), "no index")
    sessions = [f"t{number}" for number in range(40) if generated.bucket(f"t{number}") != "00"]
    for session in sessions:
        due(guarded, generated, session, "timer")
    with working(folder, guarded, "slow.py") as process:
        assert within(60, lambda: len(process.words("ended")) == len(sessions))
        process.stop()
    client.flushdb()


def test_only_a_project_with_an_index_of_deadlines_gets_a_worker(project: made.Project) -> None:
    there = {syncing.PYTHON_WORKER, syncing.PYTHON_DUTIES} <= {a.path for a in project.artefacts}
    assert there == timekeeping.works(project.keyspace) == (syncing.PYTHON_DUTIES in project.text("README.md"))
