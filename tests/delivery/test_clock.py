"""The server's clock is set forward and back while people play: delivered gateway and worker go on, as their own users."""

import random
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from redis_plan import server
from redis_plan.rig import hall
from redis_plan.server import Binary, Server
from tests.conftest import BINARIES
from tests.delivery import made
from tests.delivery.games.players import AskingMember as Member
from tests.delivery.playing import play, so
from tests.delivery.test_gateway import Gateway
from tests.delivery.test_worker import working

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler (cc) makes the clock that can be stepped")
SHIM = Path(__file__).with_name("clock.c")
#: How far the clock is set: beyond every lease and claim, and less than the half of a room's TTL that is always left.
STEP_S = 1200.0
#: Longer than a lease of the sample goes on, and far shorter than the clock is set.
LEASE_MS = 300_000
#: What a project waits for, in a twentieth of the time, so that a test need not.
SHORT = {"HEARTBEAT_S": "0.5", "SWEEP_S": "0.5", "CLAIM_S": "0.5"}


class Clock:
    """What a server that is started with it takes for the time of day."""

    def __init__(self, folder: Path) -> None:
        self.file, self.library = folder / "clock", folder / "clock.so"
        self.file.write_bytes(bytes(8))
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", self.library, SHIM], check=True)

    def start(self, binary: Binary, monkeypatch: pytest.MonkeyPatch) -> Server:
        with monkeypatch.context() as environment:
            environment.setenv("LD_PRELOAD", str(self.library))
            environment.setenv("REDIS_PLAN_CLOCK", str(self.file))
            return server.start_with(binary, {"port": "auto"})

    def set(self, seconds: float) -> None:
        """Set it so far from the true time."""
        with self.file.open("r+b") as file:
            file.write(struct.pack("=q", round(1000 * seconds)))


class Room(NamedTuple):
    """A server of the sample with its actions, and a clock; a gateway and a worker run on it by their users' rights."""

    clock: Clock
    root: Any
    operations: Any
    keys: Any
    gateway: str

    def member(self, who: str, role: str) -> Member:
        return Member([self.gateway], hall.signed("s0", who, role, name=who.title()), random.Random(who))

    def now_ms(self) -> float:
        seconds, micros = self.root.time()
        return float(1000 * seconds + micros / 1000)

    def lease_ms(self, who: str) -> float:
        """How long the last lease of a member goes on; below zero where it has none or has lapsed."""
        leases = self.root.zrange(self.keys.presence("s0"), 0, -1, withscores=True)
        return max([at for name, at in leases if name.partition("#")[0] == who], default=0.0) - self.now_ms()


@pytest.fixture(params=BINARIES, ids=lambda binary: binary.id)
def room(
    request: pytest.FixtureRequest, documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Room]:
    acting = made.acting(made.SAMPLE, documents)
    folder = made.write(acting.artefacts, tmp_path / "redis")
    periods = folder / "redis_plan_periods.py"
    text = periods.read_text("utf-8")
    for name, value in SHORT.items():
        text, found = re.subn(rf"^({name}: Final) = .+", rf"\1 = {value}", text, flags=re.MULTILINE)
        assert found, name
    periods.write_text(text, "utf-8")
    (client,) = made.imported(folder, monkeypatch, made.CLIENTS[:1])
    clock = Clock(tmp_path)
    with closing(clock.start(request.param, monkeypatch)) as live:
        root = live.client(decode_responses=True)
        made.install(root, acting)
        keys = client.Keys(environment="prod")
        operations = client.Operations(root, keys)
        operations.create("s0", owner="host")
        gateway = Gateway(folder, live, "app")
        try:
            with working(folder, live, "redis_plan_duties.py"):
                yield Room(clock, root, operations, keys, gateway.url)
        finally:
            gateway.kill()


def test_people_play_on_when_the_clock_of_the_server_is_set_forward_and_back(room: Room) -> None:
    host, ann = room.member("host", "host"), room.member("ann", "player")
    state = room.keys.state("s0")

    def seated(who: str) -> bool:
        return bool(room.root.hexists(room.keys.roster("s0"), who))

    async def is_right(when: str) -> None:
        """Both sit by a lease that goes on for no longer than one does, and their copies are the server's state."""
        for who in ("host", "ann"):
            await so(lambda: seated(who) and 0 < room.lease_ms(who) <= LEASE_MS, f"{when}: {who} has no seat and lease")  # noqa: B023
        there = lambda: tuple(room.root.hmget(state, "epoch", "version"))  # noqa: E731
        for member in (host, ann):
            await so(lambda: (member.copy.epoch, str(member.copy.version)) == there(), f"{when}: a copy is behind")  # noqa: B023

    async def asks(number: int, length_ms: int) -> None:
        asked = {"round": f"q{number}", "value": {"text": "?"}, "length_ms": length_ms}
        assert await host.ask(f"start-{number}", "start_question", **asked) == "ok"

    async def answers(number: int) -> str:
        return await ann.ask(f"answer-{number}", "answer", round=f"q{number}", value="x")

    async def is_closed(when: str) -> None:
        await so(lambda: room.root.hget(state, "phase") == "closed", f"{when}: the question goes on")

    async def ghost_goes(when: str) -> None:
        """Who has no socket and whose lease has lapsed goes, by the worker."""
        room.operations.join("s0", "ghost", "c9", {"name": "Ghost"})
        room.root.zadd(room.keys.presence("s0"), {"ghost#c9": room.now_ms() - 1})
        await so(lambda: not seated("ghost"), f"{when}: the ghost stays")

    async def story() -> None:
        await so(lambda: host.copy.mode == ann.copy.mode == "live", "not both are in")
        await is_right("at first")
        await asks(1, 60_000)
        assert await answers(1) == "ok"
        await ghost_goes("at first")

        room.clock.set(STEP_S)
        await is_closed("set forward, what ran ends early")
        await is_right("set forward")
        await ghost_goes("set forward")
        await asks(2, 60_000)
        assert await answers(2) == "ok"

        room.clock.set(-STEP_S)
        await is_right("set back")
        assert await answers(2) == "duplicate", "what was acknowledged is known"
        await ghost_goes("set back")
        assert await host.ask("skip-2", "skip_question", round="q2") == "ok", "it would go on for as long as the step"
        await asks(3, 5_000)
        assert await answers(3) == "ok"
        await is_closed("set back")

        room.clock.set(0.0)
        await is_right("and right again")
        await asks(4, 5_000)
        assert await answers(4) == "ok"
        await is_closed("and right again")
        assert await answers(4) == "duplicate"
        assert all(member.counts["lost"] == 0 for member in (host, ann)), "nobody's socket was closed for it"

    play(story, host, ann)
