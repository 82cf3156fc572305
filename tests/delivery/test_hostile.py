"""Browsers that mean harm, on the delivered gateway: each is answered by name or closed, and nobody else feels it."""

import asyncio
import json
import random
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import NoPermissionError

from redis_plan import server
from redis_plan.delivery import syncing
from redis_plan.delivery.redis_plan_gateway import Gateway as Gatekeeper
from redis_plan.delivery.redis_plan_gateway import Limits
from redis_plan.delivery.redis_plan_sync import SyncClient
from redis_plan.delivery.redis_plan_sync_driver import ADMITTED, Link, SyncDriver, Timing
from redis_plan.delivery.redis_plan_websocket import CLOSING, Client
from redis_plan.delivery.redis_plan_websocket import Member as Admitted
from redis_plan.delivery.redis_plan_websocket import Room as Session
from redis_plan.keyspace import naming
from redis_plan.rig import hall, wire
from redis_plan.rig.member import Member
from redis_plan.server import Server
from tests.delivery import made
from tests.delivery.playing import play, so
from tests.delivery.test_gateway import Gateway, running, state_key
from tests.delivery.test_gateway_actions import Room, room

__all__ = ["room"]


def raw(gateway: Gateway, *words: bytes) -> socket.socket:
    """Open a socket and say words on it; who opened it closes it."""
    opened = socket.create_connection(("127.0.0.1", gateway.port), 20)
    opened.sendall(wire.handshake("127.0.0.1") + b"".join(words))
    return opened


def read_on(opened: socket.socket, until: bytes) -> bytes:
    """Return what comes, up to ``until``."""
    received = b""
    while until not in received:
        piece = opened.recv(1 << 16)
        assert piece, received
        received += piece
    return received


def heard(opened: socket.socket, until: bytes) -> list[dict[str, Any]]:
    """Return the words that came since the handshake, up to one that has ``until``."""
    received = read_on(opened, until)
    found = wire.frames(received, received.index(b"\r\n\r\n") + 4)
    return [json.loads(received[begin:end]) for code, begin, end in found if code == wire.TEXT]


@pytest.fixture
def crowd() -> Iterator[list[socket.socket]]:
    """Sockets that are closed at the end."""
    found: list[socket.socket] = []
    yield found
    for each in found:
        each.close()


def test_a_session_that_can_not_be_read_keeps_nobody_out_of_another(
    sample: made.Project, sample_folder: Path, crowd: list[socket.socket]
) -> None:
    with running(sample_folder, sample) as (own, [gateway]):
        own.client().set(state_key(sample, "broken"), "no hash")
        crowd += [raw(gateway, wire.said(**hall.signed("broken", f"m{n}"))) for n in range(ADMITTED + 6)]
        ann = Member([gateway.url], hall.signed("s0", "ann"), random.Random(1))

        async def story() -> None:
            await so(lambda: ann.copy.mode == "live", "another room's joins stand in the way")

        play(story, ann)


def test_a_room_whose_seats_can_not_be_read_keeps_nobody_out_of_another(room: Room, crowd: list[socket.socket]) -> None:
    """Refused by name: who is asked in again and again holds one of the places of those who come in."""
    room.own.client().set(room.keys.roster("s1"), "no hash")
    crowd += [raw(room.gateway, wire.said(**hall.signed("s1", f"m{n}"))) for n in range(ADMITTED + 6)]
    ann = room.member("ann")

    async def story() -> None:
        await so(lambda: ann.copy.mode == "live", "another room's joins stand in the way")

    play(story, ann)
    assert heard(crowd[0], b"~refused")[-1]["why"] == "refused: the server refuses it"


@pytest.mark.parametrize("drips", [True, False], ids=["a byte at a time", "nothing"])
def test_who_says_nothing_whole_is_closed_however_many_bytes_come(
    sample: made.Project, sample_folder: Path, drips: bool
) -> None:
    """A frame of 200,000 bytes that grows by one byte, or none, and no answer to any ping: two heartbeats are enough."""
    with server.open_own({"port": "auto"}) as own:
        hall.opened(sample_folder, own, ["s0"])
        with hall.gateway(sample_folder, [made.url(own)], limits={"heartbeat_s": 1.0}) as (_, port):
            ann = Member([f"ws://127.0.0.1:{port}/"], hall.signed("s0", "ann"), random.Random(1))
            with socket.create_connection(("127.0.0.1", port), 20) as opened:
                opened.sendall(wire.handshake("127.0.0.1") + wire.said(**hall.signed("s0", "mallory")))
                received = read_on(opened, b"~snapshot")
                at = received.index(b"\r\n\r\n") + 4
                opened.sendall(wire.masked(b"x" * 200_000)[:14])
                opened.settimeout(0.1)

                async def story() -> None:
                    codes: list[int] = []

                    def closed() -> bool:
                        nonlocal received
                        with suppress(TimeoutError):
                            received += opened.recv(1 << 16)
                        if drips and not codes:
                            opened.send(b"x")
                        ends = [received[a : a + 2] for code, a, _ in wire.frames(received, at) if code == wire.CLOSE]
                        codes[:] = [int.from_bytes(end, "big") for end in ends]
                        return codes == [CLOSING["slow"][0]]

                    await so(lambda: ann.copy.mode == "live", "not in")
                    await so(closed, "it stays")
                    assert await ann.act("o1", "named", {"title": "x"}) == "ok"

                play(story, ann)


@pytest.mark.parametrize("name", ["x" * 5000, "\ud800", "x" * 250_000], ids=["long", "half", "huge"])
def test_a_name_that_no_function_takes_is_refused_and_another_one_gets_in(room: Room, name: object) -> None:
    hello = hall.signed("s0", "ann", "player")
    with raw(room.gateway, wire.said(**{**hello, "name": name})) as opened:
        assert heard(opened, b"~refused")[-1]["why"].startswith(("bad name", "refused"))
        opened.sendall(wire.said(**{**hello, "name": "Ann"}))
        read_on(opened, b"~snapshot")


def test_who_was_banned_changes_nothing_before_or_after_being_told(sample: made.Project, sample_folder: Path) -> None:
    """Changes come with the join itself, and more from a peer that does not answer the closing frame."""
    change = wire.said(t="act", op="1", k="note", set={"x": "eve"})
    with running(sample_folder, sample) as (own, [gateway]):
        state = state_key(sample, "s0")
        own.client().hset(state, "hidden:ban:eve", "1")
        version = own.client().hget(state, "version")
        with raw(gateway, wire.said(**hall.signed("s0", "eve")), change) as opened:
            read_on(opened, CLOSING["kicked"][1].encode())
            opened.sendall(wire.said(t="act", op="2", k="note", set={"x": "eve"}))
            ann = Member([gateway.url], hall.signed("s0", "ann"), random.Random(1))

            async def story() -> None:
                await so(lambda: ann.copy.mode == "live", "not in")
                assert await ann.act("1", "note", {"y": "ann"}) == "ok"

            play(story, ann)
        assert own.client().hget(state, "x") is None
        assert int(own.client().hget(state, "version")) == int(version) + 2  # the join and the change of another


def test_a_flood_of_words_closes_its_own_socket_and_delays_nobody(sample: made.Project, sample_folder: Path) -> None:
    flood = wire.said(t="at", e="", v=0) * 5_000
    with running(sample_folder, sample) as (_, [gateway]):
        ann = Member([gateway.url], hall.signed("s0", "ann"), random.Random(1))

        async def story() -> None:
            await so(lambda: ann.copy.mode == "live", "not in")
            with raw(gateway, wire.said(**hall.signed("s0", "bob"))) as bob:
                await asyncio.to_thread(heard, bob, b"~snapshot")
                bob.sendall(flood)
                received = await asyncio.to_thread(read_on, bob, CLOSING["limit"][1].encode())
            assert received.count(b"~snapshot") < 1000
            assert await ann.act("1", "note", {"x": "1"}) == "ok"
            assert not [name for name in ann.counts if name.startswith("closed")]

        play(story, ann)


def test_a_change_that_the_server_refuses_for_now_is_unknown_and_done_later(room: Room) -> None:
    """Such as while no replica is there: refused for good, it would be lost."""
    host = room.member("host", "host", seat=False)

    async def story() -> None:
        await so(lambda: host.copy.mode == "live", "not in")
        room.own.client().config_set("min-replicas-to-write", 1)
        asked = asyncio.create_task(host.ask("o1", "start_question", round="q1", value={"text": "?"}))
        await so(lambda: any('"~unknown"' in text or '"refused"' in text for text in host.texts), "no answer")
        room.own.client().config_set("min-replicas-to-write", 0)
        assert await asked == "ok"

    play(story, host)


@pytest.mark.parametrize("fault", ["a key of another type", "a right that is missing"])
def test_what_the_server_says_of_its_keys_and_commands_reaches_no_client(room: Room, fault: str) -> None:
    own, host = room.own.client(), room.member("host", "host", seat=False)

    async def story() -> None:
        await so(lambda: host.copy.mode == "live", "not in")
        if fault == "a key of another type":
            own.set(room.keys.idem("s0"), "no hash")
        else:
            own.execute_command("ACL", "SETUSER", "default", "-fcall")
        assert await host.ask("o1", "start_question", round="q1", value={"text": "?"}) == "refused"
        said = next(json.loads(text) for text in host.texts if '"refused"' in text)
        assert said["why"] == "the server refuses it"
        assert not [text for text in host.texts if "WRONGTYPE" in text or "NOPERM" in text]

    play(story, host)


@pytest.mark.parametrize(
    ("error", "told", "logged"),
    [
        (ValueError("nobody asks for that: crash"), "nobody asks for that: crash", ""),
        (KeyError("k"), "'k' is missing", ""),
        (NoPermissionError("NOPERM key app:s1"), "the server refuses it", "NOPERM key app:s1"),
    ],
)
def test_a_client_is_told_what_is_wrong_with_its_word_and_the_log_what_the_server_says(
    error: Exception, told: str, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert Client.refusal(error) == told
    assert logged in caplog.text
    assert bool(logged) == bool(caplog.text)


def test_a_view_that_can_not_be_read_is_told_to_the_log_and_may_be_asked_for_again(
    generated: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    timing = Timing(command_s=1.0, beacon_s=1.0, probe_s=1.0, backoff_s=0.01, backoff_cap_s=0.01)
    nobody: Any = SimpleNamespace(timing=timing)

    async def see(member: Admitted, state: object) -> None:
        raise generated.WrongTypeError(f"WRONGTYPE app:{member.session_id}:answer holds a string, not a hash")

    async def story() -> None:
        gateway = Gatekeeper(nobody, nobody, nobody, nobody, Limits(1.0, 1.0, 1.0), see=see)
        gateway.rooms["s1"] = Session("s1", 1, gateway.pace)
        gateway.rooms["s1"].copy = SyncClient()
        client = Client(gateway, 1)
        client.member = Admitted("s1", "ann", "c1")
        for times in (1, 2):
            gateway._show(client)
            (asked,) = gateway._tasks
            await asked
            assert client.acting == 0
            assert caplog.text.count("WRONGTYPE") == times

    asyncio.run(story())


def test_a_change_larger_than_the_projects_are_is_refused_by_name(sample: made.Project, sample_folder: Path) -> None:
    """Two hundred of the largest that the functions take would be 50 MB of a room's log, and as much of the gateway."""
    with running(sample_folder, sample) as (own, [gateway]):
        ann = Member([gateway.url], hall.signed("s0", "ann"), random.Random(1))

        async def story() -> None:
            await so(lambda: ann.copy.mode == "live", "not in")
            most = syncing.most_change(sample.brief)
            assert await ann.act("1", "note", {"x": "y" * most}) == "refused"
            assert await ann.act("2", "note", {"x": "y" * (most - 100)}) == "ok"
            assert not [name for name in ann.counts if name.startswith("closed")]

        play(story, ann)
        assert own.client().hstrlen(state_key(sample, "s0"), "x") == syncing.most_change(sample.brief) - 100


@pytest.fixture
def beating(sample: made.Project, sample_folder: Path) -> Iterator[Any]:
    """A gateway that renews leases twice a second, its server, and the names of keys."""
    with server.open_own({"port": "auto"}) as own:
        delivered = hall.opened(sample_folder, own, ["s0", "s1"])
        with hall.gateway(sample_folder, [made.url(own)], limits={"heartbeat_s": 0.5}) as (_, port):
            client: Any = own.client(decode_responses=True)
            yield SimpleNamespace(client=client, url=f"ws://127.0.0.1:{port}/", keys=delivered.Keys(naming.ENVIRONMENT))


def at(beating: Any, session: str, who: str) -> Member:
    return Member([beating.url], hall.signed(session, who), random.Random(who))


def test_who_can_not_come_back_for_now_costs_nobody_else_a_lease(loaded: Server, generated: ModuleType) -> None:
    loaded.client().flushall()
    client, keys, away = loaded.client(decode_responses=True), generated.Keys(naming.ENVIRONMENT), [False]
    presence = keys.presence("s0")

    async def story() -> None:
        timing = Timing(command_s=1.0, beacon_s=5.0, probe_s=5.0, backoff_s=0.01, backoff_cap_s=0.1)
        link = Link([f"unix://{loaded.address[1]}"], timing)
        operations = generated.AsyncOperations(link, keys)
        await operations.create("s0")

        async def enter(member: Admitted) -> str:
            if away[0] and member.member_id == "ann":
                raise OSError("what it asks is away")
            return str((await operations.join(member.session_id, member.member_id, member.connection, None)).status)

        def admit(given: Mapping[str, Any]) -> Admitted:
            return Admitted(given["s"], given["m"], given["c"])

        async with SyncDriver(link, operations.catch_up, keys.events, keys.state, timing) as driver:
            nobody: Any = None
            gateway = Gatekeeper(operations, driver, admit, nobody, Limits(0.3, 1.0, 0.0), enter=enter)
            here = [f"ws://127.0.0.1:{await gateway.listen('127.0.0.1', 0)}/"]
            ann, bob = (Member(here, hall.signed("s0", who), random.Random(who)) for who in ("ann", "bob"))
            lives = [asyncio.create_task(member.live()) for member in (ann, bob)]
            await so(lambda: client.zcard(presence) == 2, "not both are in")
            away[0] = True
            client.zrem(presence, "ann#1")
            for _ in range(3):
                before: Any = client.zscore(presence, "bob#1")
                await so(lambda before=before: client.zscore(presence, "bob#1") > before, "bob's lease stands still")  # type: ignore[misc]
            assert client.zscore(presence, "ann#1") is None
            away[0] = False
            await so(lambda: client.zscore(presence, "ann#1"), "who is here has no lease")
            ann.stop()
            bob.stop()
            await asyncio.gather(*lives)
            await gateway.drain()
        await link.drop()

    asyncio.run(story())


def test_leases_that_can_not_be_renewed_keep_nobody_else_from_coming_back(beating: Any) -> None:
    broken, ann = [at(beating, "s1", f"m{n}") for n in range(12)], at(beating, "s0", "ann")

    async def story() -> None:
        await so(lambda: all(m.copy.mode == "live" for m in (ann, *broken)), "not all are in")
        beating.client.delete(beating.keys.presence("s1"))
        beating.client.set(beating.keys.presence("s1"), "no sorted set")
        beating.client.zrem(beating.keys.presence("s0"), "ann#1")
        await so(lambda: beating.client.zscore(beating.keys.presence("s0"), "ann#1"), "who is here has no lease")

    play(story, ann, *broken)


def test_who_waits_for_a_server_that_takes_no_writes_keeps_no_view_from_who_is_in(
    room: Room, crowd: list[socket.socket]
) -> None:
    ann = room.member("ann")

    async def story() -> None:
        await so(lambda: ann.views, "not in")
        room.own.client().config_set("min-replicas-to-write", "1")
        crowd.extend(raw(room.gateway, wire.said(**hall.signed("s1", f"m{n}"))) for n in range(ADMITTED + 6))
        await asyncio.sleep(1)  # they are all refused for now
        seen = len(ann.views)
        ann.say(t="view")
        await so(lambda: len(ann.views) > seen, "others' joins stand in the way")

    play(story, ann)
