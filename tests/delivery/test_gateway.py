"""The delivered gateway, run as it is delivered: clients that we did not write join, act and recover; chaos leaves all right."""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from redis_plan import server
from redis_plan.delivery import sockets
from redis_plan.delivery.redis_plan_gateway import Limits
from redis_plan.delivery.redis_plan_websocket import CLOSING
from redis_plan.keyspace import naming
from redis_plan.rig import chaos, hall, wire
from redis_plan.rig.member import Member
from redis_plan.server import Server
from redis_plan.server.process import free_port
from tests.delivery import made, node
from tests.delivery.playing import play, so, until
from tests.delivery.test_survivors import AOF

#: Seconds of chaos and its members; a minute with 200 of them in the long form of the suite.
CHAOS_S = float(os.environ.get("REDIS_PLAN_CHAOS_S", "6"))
MEMBERS = 200 if CHAOS_S >= 60 else 40
SESSIONS = 5


class Gateway:
    """The delivered process at a port of its own, which it keeps over its lives."""

    def __init__(self, folder: Path, own: Server, user: str = "") -> None:
        self.folder, self.port = folder, free_port()
        known = {"REDIS_URL": made.url(own, user), "GATEWAY_SECRET": hall.SECRET, "PYTHONPATH": ""}
        self.environment = {**os.environ, **known}
        self.start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(self.folder / "redis_plan_serve.py"), f"127.0.0.1:{self.port}"],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self.process.stdout
        assert self.process.stdout.readline() == f"listening on 127.0.0.1:{self.port}\n"

    def kill(self) -> None:
        self.process.kill()
        self.end()

    def end(self) -> None:
        self.process.wait(30)
        if self.process.stdout:
            self.process.stdout.close()

    def restart(self) -> None:
        self.kill()
        self.start()


@contextmanager
def running(
    folder: Path, sample: made.Project, count: int = 1, config: dict[str, str] = AOF
) -> Iterator[tuple[Server, list[Gateway]]]:
    """Run a server with sessions s0 … and ``count`` gateways on it."""
    with server.open_own({"port": "auto", **config}) as own:
        hall.opened(folder, own, [f"s{number}" for number in range(SESSIONS)])
        gateways: list[Gateway] = []
        try:
            for _ in range(count):
                gateways.append(Gateway(folder, own))
            yield own, gateways
        finally:
            for gateway in gateways:
                gateway.kill()


def state_key(sample: made.Project, session: str, name: str = "state") -> str:
    return f"{sample.keyspace.app}:v1:{{{session}}}:{name}"


def state_of(own: Server, sample: made.Project) -> Callable[[str], dict[str, str]]:
    def read(session: str) -> dict[str, str]:
        found: Any = own.client(decode_responses=True).hgetall(state_key(sample, session))
        return found

    return read


@pytest.fixture
def node_member(programs: Path) -> list[str]:
    """A member that uses the package ws."""
    if not (node.HERE / "node_modules" / "ws").exists():
        pytest.skip(node.WHY)
    return ["node", str(programs / "node-redis" / "member.mjs")]


def test_a_client_that_we_did_not_write_recovers_after_the_gateway_and_then_redis_restart(
    node_member: list[str], sample: made.Project, sample_folder: Path
) -> None:
    with running(sample_folder, sample) as (own, [gateway]):
        read, hello = state_of(own, sample), hall.signed("s0", "ann")
        with subprocess.Popen([*node_member, json.dumps([gateway.url]), json.dumps(hello)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # fmt: skip

            def ask(line: str = "report") -> dict[str, Any]:
                assert process.stdin
                assert process.stdout
                process.stdin.write(line + "\n")
                process.stdin.flush()
                found: dict[str, Any] = json.loads(process.stdout.readline())
                return found

            def is_right(total: str) -> None:
                def same() -> bool:
                    report, state = ask(), read("s0")
                    return (
                        report["mode"],
                        str(report["version"]),
                        report["state"].get("total"),
                        report["waiting"],
                    ) == ("live", state["version"], total, 0)

                until(same, f"{total}: {ask()}, {read('s0')}")

            until(lambda: ask()["mode"] == "live", "never live")
            ask('{"total":"1"}')
            is_right("1")
            gateway.kill()
            ask('{"total":"2"}')  # made while nobody is there to take it
            gateway.start()
            is_right("2")
            closes = ask()["closes"]
            own.kill()
            ask('{"total":"3"}')
            own.start()
            is_right("3")
            assert ask()["closes"] == closes, "a server that is away closes nobody's socket"
            assert process.stdin
            process.stdin.close()


def test_who_joins_while_connections_to_the_server_are_lost_is_in_all_the_same(
    sample: made.Project, sample_folder: Path
) -> None:
    with running(sample_folder, sample, 0) as (own, _):
        sessions = [f"j{number}" for number in range(60)]
        hall.opened(sample_folder, own, sessions)
        with hall.gateway(sample_folder, [made.url(own)]) as (_, port):
            urls = [f"ws://127.0.0.1:{port}/"]
            members = [Member(urls, hall.signed(s, "ann"), random.Random(n)) for n, s in enumerate(sessions)]

            async def story() -> None:
                lives = [asyncio.create_task(member.live()) for member in members]
                for _ in range(30):
                    await asyncio.sleep(0.03)
                    for kind in ("pubsub", "normal"):
                        own.client().client_kill_filter(_type=kind, skipme=True)
                is_in = lambda: all(member.copy.mode == "live" for member in members)  # noqa: E731
                await asyncio.to_thread(until, is_in, "not all are in", 40.0)
                for member in members:
                    assert await asyncio.wait_for(member.act("op-1", "count", {"n:ann": "1"}), 20) == "ok"
                    member.stop()
                await asyncio.gather(*lives)

            asyncio.run(story())
        assert not sum(member.counts["lost"] > 1 for member in members)


def test_a_drained_gateway_sends_its_clients_to_the_others(sample: made.Project, sample_folder: Path) -> None:
    with (
        running(sample_folder, sample) as (own, [other]),
        hall.gateway(sample_folder, [made.url(own)], limits={"drain_s": 1.0}) as (drained, port),
    ):
        urls = [other.url, f"ws://127.0.0.1:{port}/"]
        members = [Member(urls, hall.signed("s1", f"m{n}"), random.Random(n)) for n in range(20)]

        async def story() -> None:
            lives = [asyncio.create_task(member.live()) for member in members]
            await asyncio.to_thread(until, lambda: all(m.copy.mode == "live" for m in members), "not all live")
            drained.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(drained.process.wait, 30) == 0
            await asyncio.wait_for(members[0].act("op-1", "count", {"total": "7"}), 10)
            await asyncio.to_thread(
                until, lambda: all(m.copy.state.get("total") == "7" for m in members), "not all told"
            )
            for member in members:
                member.stop()
            await asyncio.gather(*lives)

        asyncio.run(story())
        sent = [m.counts["closed 4012"] for m in members]
        assert 0 < sum(sent) <= 20
        assert max(sent) == 1


def test_who_does_not_read_is_closed_catches_up_and_delays_nobody(sample: made.Project, sample_folder: Path) -> None:
    with running(sample_folder, sample) as (_, [gateway]), socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", gateway.port))
        slow.sendall(wire.handshake("127.0.0.1") + wire.said(**hall.signed("s2", "slow")))
        while b"~snapshot" not in slow.recv(4096, socket.MSG_PEEK):
            time.sleep(0.01)
        quick = Member([gateway.url], hall.signed("s2", "quick"), random.Random(2))
        again = Member([gateway.url], hall.signed("s2", "slow"), random.Random(1))
        most = 450

        async def story() -> None:
            lives = [asyncio.create_task(quick.live())]
            await asyncio.to_thread(until, lambda: quick.copy.mode == "live", "not live")
            for number in range(most):
                change = {"x": str(number), "pad": "x" * 16_000}
                assert await asyncio.wait_for(quick.act(f"op-{number}", "fill", change), 10) == "ok"
                await asyncio.sleep(1 / Limits._field_defaults["most_words"])  # who says more is closed, too
            lives.append(asyncio.create_task(again.live()))
            for member in (quick, again):
                await asyncio.to_thread(until, lambda: member.copy.state.get("x") == str(most - 1), "not right")  # noqa: B023
                member.stop()
            await asyncio.gather(*lives)

        asyncio.run(story())
        slow.settimeout(10)
        received = b""
        with suppress(ConnectionResetError):
            while piece := slow.recv(1 << 20):
                received += piece
        found = list(wire.frames(received, received.index(b"\r\n\r\n") + 4))
        closed = [int.from_bytes(received[begin : begin + 2], "big") for code, begin, _ in found if code == wire.CLOSE]
        assert closed in ([CLOSING["slow"][0]], [])  # cut with what nobody read, where that took longer than CUT_S
        assert len(found) < most
        assert not [name for name in quick.counts if name.startswith("closed")]


@pytest.mark.parametrize("hello", [{"k": "forged"}, {"m": "somebody else"}, {"r": "host"}])
def test_a_ticket_of_somebody_else_lets_nobody_in(
    sample: made.Project, sample_folder: Path, hello: dict[str, str]
) -> None:
    with running(sample_folder, sample) as (_, [gateway]):
        member = Member([gateway.url], {**hall.signed("s0", "ann"), **hello}, random.Random(1))

        async def story() -> None:
            life = asyncio.create_task(member.live())
            await asyncio.to_thread(until, lambda: member.counts["closed 4003"], "let in")
            member.stop()
            await life

        asyncio.run(story())
        assert member.copy.mode == "catching up"


def test_who_was_banned_comes_in_no_more(sample: made.Project, sample_folder: Path) -> None:
    with running(sample_folder, sample) as (own, [gateway]):
        state = naming.render(sample.keyspace.pattern("state").template, session_id="s0")
        own.client().hset(state, "hidden:ban:ann", "1")
        member = Member([gateway.url], hall.signed("s0", "ann"), random.Random(1))

        async def story() -> None:
            life = asyncio.create_task(member.live())
            await asyncio.to_thread(until, lambda: member.counts["closed 4003"], "let in")
            member.stop()
            await life

        asyncio.run(story())
        assert not own.client().exists(state.replace(":state", ":roster"))


def test_who_is_here_and_whose_lease_lapsed_all_the_same_takes_the_seat_again(
    sample: made.Project, sample_folder: Path
) -> None:
    with running(sample_folder, sample) as (own, [gateway]):
        client: Any = own.client(decode_responses=True)
        roster, presence = (state_key(sample, "s0", name) for name in ("roster", "presence"))
        delivered = made.client_module(sample_folder, "lapsed")
        operations = delivered.Operations(client, delivered.Keys(naming.ENVIRONMENT))
        member = Member([gateway.url], hall.signed("s0", "ann"), random.Random(1))

        async def story() -> None:
            life = asyncio.create_task(member.live())
            await asyncio.to_thread(until, lambda: member.copy.mode == "live", "not live")
            client.zadd(presence, dict.fromkeys(client.zrange(presence, 0, -1), 1))  # no renewal came in time
            assert operations.sweep("s0")
            await asyncio.to_thread(until, lambda: client.hexists(roster, "ann"), "a member who is here has no seat")
            member.stop()
            await life

        asyncio.run(story())
        assert not [name for name in member.counts if name.startswith("closed")]


def test_a_gateway_heeds_the_projects_own_actions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name stays, the copy has what an action changed, and who was kicked is sent away."""
    acting = made.acting("sample", tmp_path)
    folder = made.write(acting.artefacts, tmp_path / "redis")
    client, actions = made.imported(folder, monkeypatch)
    with running(folder, acting) as (own, [gateway]):
        keys = client.Keys(environment=naming.ENVIRONMENT)
        operations, act = client.Operations(own.client(decode_responses=True), keys), actions.Actions(keys)
        operations.apply("s0", "owned", {"set": {"owner": "host"}}, op_id="o", fields={"owner": "host"})
        assert operations.run(act.join("s0", "ann", "c0", "d-ann", "Ann")).status == "ok"
        member = Member([gateway.url], hall.signed("s0", "ann"), random.Random(1))

        async def story() -> None:
            life = asyncio.create_task(member.live())
            await asyncio.to_thread(until, lambda: member.copy.mode == "live", "not live")
            assert "Ann" in own.client(decode_responses=True).hget(keys.roster("s0"), "ann")
            started = operations.run(act.start_question("s0", "host", "q1", {"text": "?"}))
            assert started.status == "ok"
            await asyncio.to_thread(until, lambda: member.copy.state.get("round") == "q1", "the copy is stale")
            assert member.copy.state["phase"] == "open"
            assert operations.run(act.kick("s0", "host", "ann")).status == "ok"
            await asyncio.to_thread(until, lambda: member.counts["closed 4003"], "a kicked one stays")
            member.stop()
            await life

        asyncio.run(story())


def test_chaos_leaves_every_copy_right_and_loses_nothing_acknowledged(
    sample: made.Project, sample_folder: Path
) -> None:
    with running(sample_folder, sample, 3) as (own, gateways):
        rng, urls = random.Random(20261129), [gateway.url for gateway in gateways]
        members = [Member(urls, hall.signed(f"s{n % SESSIONS}", f"m{n}"), random.Random(n)) for n in range(MEMBERS)]

        def restart_server() -> None:
            own.kill()
            time.sleep(rng.uniform(0, 0.5))
            own.start()

        faults = {"gateway killed": lambda: rng.choice(gateways).restart(), "server killed": restart_server}
        outcome = asyncio.run(chaos.run(members, faults, state_of(own, sample), seconds=CHAOS_S, rng=rng))
    assert not outcome.wrong
    assert not outcome.lost
    assert outcome.acted > len(members)


@pytest.mark.parametrize(
    ("beacon_s", "catches_up", "right"),
    [(0.3, True, True), (3600.0, True, False), (0.3, False, False)],
    ids=["as delivered", "control: no beacon", "control: no catch-up"],
)
def test_what_a_gateway_loses_is_repaired_by_beacon_and_catch_up_and_by_nothing_else(
    sample: made.Project, sample_folder: Path, beacon_s: float, catches_up: bool, right: bool
) -> None:
    rng = random.Random(7)
    with (
        running(sample_folder, sample, 0) as (own, _),
        hall.gateway(
            sample_folder, [made.url(own)], feed="lossy", timing={"beacon_s": beacon_s}, limits={"heartbeat_s": 1.0}
        ) as (_, port),
    ):
        members = [
            Member([f"ws://127.0.0.1:{port}/"], hall.signed(f"s{n % SESSIONS}", f"m{n}", seat=False), random.Random(n), catches_up=catches_up)
            for n in range(20)
        ]  # fmt: skip
        outcome = asyncio.run(
            chaos.run(members, {}, state_of(own, sample), seconds=3.0, rng=rng, settle_s=8.0 if right else 2.0)
        )
    assert bool(outcome.wrong) != right
    assert not outcome.lost


def test_who_comes_while_no_primary_answers_for_the_session_is_in_once_one_does_and_so_are_those_behind(
    sample: made.Project, sample_folder: Path
) -> None:
    with (
        running(sample_folder, sample, 0) as (own, _),
        hall.gateway(sample_folder, [made.url(own)], feed="unplaced") as (_, port),
    ):
        members = [Member([f"ws://127.0.0.1:{port}/"], hall.signed("s0", f"m{n}"), random.Random(n)) for n in range(5)]

        async def story() -> None:
            for member in members:
                await so(lambda member=member: member.copy.mode == "live", f"{member.hello['m']} is not in")

        play(story, *members)


def test_codes_and_words_are_those_of_the_catalog() -> None:
    assert {name: (reason.code, reason.word) for name, reason in sockets.reasons().items()} == CLOSING


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_a_frame_made_by_the_gateway_is_read_as_it_was(size: int) -> None:
    from redis_plan.delivery.redis_plan_websocket import frame

    data = frame("x" * size) + frame("end")
    assert [(code, end - begin) for code, begin, end in wire.frames(data)] == [(wire.TEXT, size), (wire.TEXT, 3)]
