"""What is delivered survives: idle disconnects, lost functions, restarts, an outage and a failover, in Python and in Node."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import redis

from redis_plan import server
from redis_plan.server import Binary, Server, topology
from tests.conftest import BINARIES
from tests.delivery import made

PROGRAMS = Path(__file__).parent / "survivors"
SESSIONS = ["s1", "s2", "s3"]
#: Seconds without a server; the whole minute in the long form of the suite.
OUTAGE_S = float(os.environ.get("REDIS_PLAN_OUTAGE_S", "5"))
#: Seconds in which a survivor must be right again: far more than it needs, for a machine that is busy or slow.
PATIENCE_S = 45.0
AOF = {"appendonly": "yes", "appendfsync": "everysec", "min-replicas-to-write": "0"}


#: Each language and each build of the server at least once; all pairs in the long form of the suite.
LANGUAGES = ("python", "node-redis")
LONG = "REDIS_PLAN_OUTAGE_S" in os.environ
PAIRS = [(one, b) for n, one in enumerate(LANGUAGES) for m, b in enumerate(BINARIES) if LONG or n % len(BINARIES) == m]


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]}-{pair[1].id}")
def pair(request: pytest.FixtureRequest, sample_folder: Path) -> tuple[list[str], Binary]:
    """The command of a process that uses only the delivered files, and the build of its server."""
    language, binary = request.param
    if language == "python":
        return [sys.executable, str(PROGRAMS / "survivor.py"), str(sample_folder)], binary
    program = request.getfixturevalue("programs") / language / "survivor.js"
    return ["node", str(program), str(sample_folder)], binary


class Survivor:
    """The process, and what the server must have for it to be right."""

    def __init__(self, process: "subprocess.Popen[str]", primary: Server, sample: made.Project) -> None:
        self.process, self.primary, self.library = process, primary, sample.text("functions.lua")
        self.app = sample.keyspace.app

    def ask(self, line: str) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.process.stdout.readline() or "{}")
        return found

    def is_right(self, fault: str) -> dict[str, Any]:
        """Hold that it writes on, that nothing it saw acknowledged is lost, and that its copies become the server's state."""
        before = self.ask("report")
        deadline = time.monotonic() + PATIENCE_S
        while min(self.ask("report")["acked"].values()) < max(before["acked"].values()) + 3:
            assert time.monotonic() < deadline, f"{fault}: no change went through"
            time.sleep(0.1)
        report = self.ask("pause")
        while wrong := [s for s in SESSIONS if not self._same(s, report["copies"][s])]:
            assert time.monotonic() < deadline, (fault, [(report["copies"][s], self._state(s)) for s in wrong])
            time.sleep(0.1)
            report = self.ask("report")
        for session in SESSIONS:
            assert int(self._state(session)["total"]) >= report["acked"][session] > 0, fault
        while set(self.ask("report")["heard"].values()) != {fault}:  # a signal is lost while nobody is subscribed
            assert time.monotonic() < deadline, f"{fault}: signals are not heard"
            for session in SESSIONS:
                signal = json.dumps({"t": "~beat", "d": fault})
                self.primary.client().publish(f"test:{self.app}:v1:{{{session}}}:events-signals", signal)
            time.sleep(0.1)
        self.ask("go on")
        return report

    def becomes(self, wanted: Callable[[dict[str, Any], dict[str, str]], bool], when: str) -> None:
        """Wait until each copy is as wanted, given the server's state."""
        deadline = time.monotonic() + PATIENCE_S
        while not all(wanted(copy, self._state(s)) for s, copy in self.ask("report")["copies"].items()):
            assert time.monotonic() < deadline, (when, self.ask("report")["copies"], [self._state(s) for s in SESSIONS])
            time.sleep(0.1)

    def _state(self, session: str) -> dict[str, str]:
        client = self.primary.client(decode_responses=True)
        found: Any = client.hgetall(f"{self.app}:v1:{{{session}}}:state")
        return {k: v for k, v in found.items() if not k.startswith("key:")}

    def _same(self, session: str, copy: dict[str, Any]) -> bool:
        state = self._state(session)
        there = (copy["mode"], copy["epoch"], str(copy["version"]), copy["state"].get("total"))
        return there == ("live", state["epoch"], state["version"], state["total"])


@contextmanager
def surviving(program: list[str], sample: made.Project, primary: Server, *others: Server) -> Iterator[Survivor]:
    client = primary.client()
    client.function_load(sample.text("functions.lua"), replace=True)
    for session in SESSIONS:
        state = f"{sample.keyspace.app}:v1:{{{session}}}:state"
        keys = [state, *(f"{state.rpartition(':')[0]}:{name}" for name in ("roster", "log"))]
        client.fcall(sample.keyspace.fcall_name("session_create"), len(keys), *keys, "ab", "3600")
    urls = json.dumps([made.url(s) for s in (primary, *others)])
    process = subprocess.Popen(
        [*program, urls, json.dumps(SESSIONS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    try:
        assert process.stdout.readline() == "ready\n"
        yield Survivor(process, primary, sample)
    finally:
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
    assert process.returncode == 0


def test_a_process_survives_what_happens_to_one_server(pair: tuple[list[str], Binary], sample: made.Project) -> None:
    program, binary = pair
    with (
        closing(server.start_with(binary, {"port": "auto", **AOF})) as own,
        surviving(program, sample, own) as it,
    ):
        client = own.client()
        it.is_right("at first")

        client.config_set("timeout", 1)
        it.ask("pause")
        time.sleep(2.5)
        it.ask("go on")
        it.is_right("idle disconnect")
        client.config_set("timeout", 0)

        lives = it.ask("report")["counts"]["lives"]
        client.client_kill_filter(_type="normal", skipme=True)
        client.client_kill_filter(_type="pubsub", skipme=True)
        assert it.is_right("every connection killed")["counts"]["lives"] > lives

        client.script_flush()
        client.function_flush()
        it.is_right("SCRIPT FLUSH and FUNCTION FLUSH")
        client.function_load(it.library, replace=True)

        own.kill()
        own.start()
        it.is_right("restart")

        own.kill()
        time.sleep(OUTAGE_S)
        own.start()
        assert it.is_right("outage")["counts"]["retried"] > 0


def test_a_process_survives_a_failover_to_the_replica(pair: tuple[list[str], Binary], sample: made.Project) -> None:
    program, binary = pair
    with closing(server.start_with(binary)) as like, topology.replicated(like, config=AOF) as group:
        primary, replica = group.primary, group.replicas[0]
        with surviving(program, sample, primary, replica) as it:
            it.is_right("at first")
            primary.client().execute_command("FAILOVER")
            it.primary = replica
            deadline = time.monotonic() + PATIENCE_S
            while replica.client().execute_command("ROLE")[0] != b"master" and time.monotonic() < deadline:
                time.sleep(0.05)
            it.is_right("failover")
            with pytest.raises(redis.ReadOnlyError):
                primary.client().set("x", 1)


def test_a_process_leaves_a_primary_that_was_cut_off_from_its_replicas(
    pair: tuple[list[str], Binary], sample: made.Project
) -> None:
    """It still runs, says to be the primary and stands first in the list; what it can't replicate it refuses."""
    program, binary = pair
    config = {**AOF, "min-replicas-to-write": "1", "min-replicas-max-lag": "1"}
    with closing(server.start_with(binary)) as like, topology.replicated(like, replicas=2, config=config) as group:
        primary, (heir, other) = group.primary, group.replicas
        with surviving(program, sample, primary, heir) as it:
            it.is_right("at first")
            heir.client().execute_command("REPLICAOF", "NO", "ONE")
            other.client().execute_command("REPLICAOF", *map(str, heir.address[1:]))
            it.primary = heir
            it.is_right("cut off")
            assert primary.client().execute_command("ROLE")[0] == b"master"


def test_a_copy_gives_up_what_a_failover_lost_although_the_new_primary_has_come_further(
    pair: tuple[list[str], Binary], sample: made.Project, generated: ModuleType
) -> None:
    """Three acknowledged changes never reach the replica; four others have their versions before anybody asks again."""
    program, binary = pair
    with closing(server.start_with(binary)) as like, topology.replicated(like, config=AOF) as group:
        primary, replica = group.primary, group.replicas[0]

        def change(at: Server, session: str, field: str, times: int) -> None:
            operations = generated.Operations(at.client(decode_responses=True), generated.Keys("test"))
            for number in range(times):
                operations.apply(session, "note", {"set": {field: str(number)}}, fields={field: str(number)})

        with surviving(program, sample, primary, replica) as it:
            it.is_right("at first")
            it.ask("pause")
            replica.client().execute_command("REPLICAOF", "NO", "ONE")  # whatever comes now is lost
            for session in SESSIONS:
                change(primary, session, "lost", 3)
            it.becomes(lambda copy, _: copy["state"].get("lost") == "2", "before the failover")
            it.process.send_signal(signal.SIGSTOP)
            primary.kill()
            for session in SESSIONS:
                change(replica, session, "kept", 4)
            it.process.send_signal(signal.SIGCONT)
            it.primary = replica
            it.becomes(lambda copy, state: copy["state"] == {**copy["state"], **state}, "after it")
            it.becomes(lambda copy, _: copy["epoch"] != "ab" and "lost" not in copy["state"], "after it")
            it.ask("go on")
            it.is_right("failover with a lost tail")
