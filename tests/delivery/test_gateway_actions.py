"""The delivered gateway of a project with actions: who comes in, asks, watches and is told goes through these actions."""

import asyncio
import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from redis_plan.delivery.redis_plan_websocket import CLOSING
from redis_plan.keyspace import naming
from redis_plan.rig import hall, wire
from redis_plan.server import Server
from tests.delivery import made
from tests.delivery.games.players import AskingMember as Member
from tests.delivery.playing import play, so
from tests.delivery.test_gateway import Gateway, running


class Room(NamedTuple):
    """A running gateway of the sample with actions, its server, and the delivered modules on it."""

    gateway: Gateway
    own: Server
    operations: Any
    act: Any
    keys: Any

    def member(self, who: str, role: str = "player", **more: Any) -> Member:
        return Member([self.gateway.url], hall.signed("s0", who, role, **more), random.Random(who))


@pytest.fixture
def room(documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    acting = made.acting(made.SAMPLE, documents)
    folder = made.write(acting.artefacts, tmp_path / "redis")
    client, actions = made.imported(folder, monkeypatch)
    with running(folder, acting) as (own, [gateway]):
        keys = client.Keys(environment=naming.ENVIRONMENT)
        operations = client.Operations(own.client(decode_responses=True), keys)
        operations.apply("s0", "owned", {"set": {"owner": "host"}}, op_id="o", fields={"owner": "host"})
        yield Room(gateway, own, operations, actions.Actions(keys), keys)


def test_the_limit_of_those_who_watch_holds_and_takes_no_seat(room: Room) -> None:
    watching = [room.member(f"w{number}", "spectator", seat=False) for number in range(6)]

    async def story() -> None:
        await so(lambda: sum(w.copy.mode == "live" for w in watching) == 5, "not five watch")
        await so(
            lambda: sum(w.counts["closed 4009"] > 0 for w in watching) == 1, "the sixth was not told that it is full"
        )
        presence = room.own.client(decode_responses=True).zrange(room.keys.presence("s0"), 0, -1)
        assert len(presence) == 5
        assert all(str(lease).startswith("watch:") for lease in presence)
        assert not room.own.client().exists(room.keys.roster("s0"))

    play(story, *watching)


def test_a_name_that_another_has_is_refused_and_another_one_gets_in(room: Room) -> None:
    ann, bob = room.member("ann", name="Ann"), room.member("bob", name="ANN")

    async def story() -> None:
        await so(lambda: "live" in (ann.copy.mode, bob.copy.mode), "nobody is in")
        await so(lambda: ann.refused + bob.refused, "both have the name")
        late = ann if ann.refused else bob
        assert late.refused == ["name taken"]
        assert late.copy.mode == "catching up"
        late.say(**{**late.hello, "name": "Bea"}, e="", v=0)
        await so(lambda: late.copy.mode == "live", "another name does not help")
        await so(lambda: late.views, "no view")
        names = sorted(json.loads(seat)["name"] for seat in late.views[-1]["d"]["roster"].values())
        assert names[-1] == "Bea"

    play(story, ann, bob)


def test_people_act_through_the_gateway_and_each_gets_its_own_view(room: Room) -> None:
    host = room.member("host", "host", seat=False)
    ann, bob = (room.member(name, name=name.title()) for name in ("ann", "bob"))
    guest = room.member("guest", "spectator", seat=False)

    async def story() -> None:
        everybody = (host, ann, bob, guest)
        await so(lambda: all(m.copy.mode == "live" and m.views for m in everybody), "not all are in")
        assert await ann.ask("o1", "start_question", round="q1", value={"text": "?"}) == "not allowed"
        asked = {"round": "q1", "value": {"text": "?"}}
        for op, length_ms in enumerate((4_999, 60_001, 10**30)):  # the documents let the host set 5 to 60 s
            assert await host.ask(f"l{op}", "start_question", **asked, length_ms=length_ms) == "bad length"
        assert await host.ask("l9", "start_question", **asked, length_ms="long") == "refused"
        assert await host.ask("o1", "start_question", **asked, length_ms=60_000) == "ok"
        assert await ann.ask("o2", "answer", round="q1", value="the secret") == "ok"
        assert await ann.ask("o2", "answer", round="q1", value="the secret") == "duplicate"
        assert await ann.ask("o3", "award", target="ann", reason="q1", amount=100) == "refused"
        assert await guest.ask("o1", "answer", round="q1", value="x") == "no seat"
        for member in everybody:
            member.say(t="view")
        await so(lambda: all(len(m.views) > 1 for m in everybody), "no new view")
        own = {m.hello["m"]: m.views[-1]["d"]["answer"]["own"] for m in everybody}
        assert [who for who, answer in own.items() if answer] == ["ann"]
        for member in (host, bob, guest):
            assert "the secret" not in json.dumps([member.views, member.heard, member.copy.state])
        assert [m.views[-1]["role"] for m in everybody] == ["host", "member", "member", "spectator"]

    play(story, host, ann, bob, guest)


def test_what_is_told_to_those_who_lead_is_heard_by_nobody_else_and_leaves_no_hole(room: Room) -> None:
    host, ann = room.member("host", "host", seat=False), room.member("ann", name="Ann")
    guest = room.member("guest", "spectator", seat=False)

    async def story() -> None:
        await so(lambda: host.copy.mode == ann.copy.mode == "live", "not in")
        version = ann.copy.version
        life = asyncio.create_task(guest.live())
        await so(
            lambda: ann.copy.version > version and host.copy.version > version, "nobody heard that somebody watches"
        )
        counts = {m.hello["m"]: [e["d"] for e in m.heard if e["t"] == "watching"] for m in (host, ann)}
        assert counts["host"][-1]["count"] >= 1
        assert counts["ann"][-1] == {"set": {}, "del": []}
        assert ann.copy.counts["gap"] == 0
        guest.stop()
        await life

    play(story, host, ann)


def everything_said(gateway: Gateway, *words: bytes, then: bytes = b"") -> tuple[list[dict[str, Any]], int]:
    """Say words at once on a socket of one's own, and more once it is in; what came until it was closed, and the code of that."""
    with socket.create_connection(("127.0.0.1", gateway.port), 20) as raw:
        raw.sendall(wire.handshake("127.0.0.1") + b"".join(words))
        received = b""
        while then and b"~snapshot" not in received:
            received += raw.recv(1 << 16)
        raw.sendall(then)
        while piece := raw.recv(1 << 16):
            received += piece
    found = list(wire.frames(received, received.index(b"\r\n\r\n") + 4))
    texts = [json.loads(received[begin:end]) for code, begin, end in found if code == wire.TEXT]
    closes = [int.from_bytes(received[begin : begin + 2], "big") for code, begin, _ in found if code == wire.CLOSE]
    return texts, closes[0]


def test_a_ticket_shows_nothing_of_a_session_before_its_member_is_in(room: Room) -> None:
    """Who was banned asks for state and view together with the join, in a room that others are in."""
    ann = room.member("ann", name="Ann")
    room.own.client().hset(room.keys.state("s0"), "hidden:ban:eve", "eve")
    asked = (wire.said(t="at", e="", v=0), wire.said(t="view"))

    async def story() -> None:
        await so(lambda: ann.copy.mode == "live", "not in")
        hello = wire.said(**hall.signed("s0", "eve", "player", name="Eve"))
        heard, code = await asyncio.to_thread(everything_said, room.gateway, hello, *asked)
        assert (heard, code) == ([], CLOSING["kicked"][0])

    play(story, ann)


@pytest.mark.parametrize(
    "hostile",
    [
        wire.masked(b'{"t":"at","e":"","v":1e999}'),
        wire.masked(b"[" * 100_000),
        wire.masked(b'"t"'),
        wire.masked(b'{"t":"act","op":[]'),
        wire.masked(b"\xff\xfe"),
        wire.said(t="join", s="s0", m="eve", r="player", k="\u00e9"),
        wire.said(t="join", s="s0\n", m="eve", r="player", k=""),
        wire.said(t="no such word"),
    ],
)
def test_what_is_no_word_closes_its_own_socket_and_no_other(room: Room, hostile: bytes) -> None:
    ann, bob = room.member("ann", name="Ann"), wire.said(**hall.signed("s0", "bob", "player", name="Bob"))

    async def story() -> None:
        await so(lambda: ann.copy.mode == "live", "not in")
        _, code = await asyncio.to_thread(everything_said, room.gateway, bob, then=hostile)
        assert code in (1008, CLOSING["kicked"][0])
        assert await ann.ask("o1", "give_role", target="bob", role="cohost") == "not allowed"
        assert not [name for name in ann.counts if name.startswith("closed")]

    play(story, ann)


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"target": ""},
        {"target": None},
        {"target": {"a": 1}},
        {"target": "bob", "role": 1e400},
        {"target": "b" * 70_000},
    ],
)
def test_what_an_action_can_not_take_is_refused_for_good_and_never_unknown(room: Room, about: dict[str, Any]) -> None:
    """Unknown would be asked again for ever."""
    host, client = room.member("host", "host", seat=False), room.own.client()

    async def story() -> None:
        await so(lambda: host.copy.mode == "live", "not in")
        version = client.hget(room.keys.state("s0"), "version")
        assert await host.ask("o1", "give_role", **about) in ("refused", "unknown")
        assert client.hget(room.keys.state("s0"), "version") == version

    play(story, host)


def test_a_ticket_for_a_spectator_gives_no_seat(room: Room) -> None:
    guest = room.member("guest", "spectator", seat=True, name="Guest")

    async def story() -> None:
        await so(lambda: guest.copy.mode == "live", "not in")
        assert not room.own.client().exists(room.keys.roster("s0"))

    play(story, guest)


def test_who_is_in_is_told_that_the_server_is_away_and_that_it_is_back(room: Room) -> None:
    ann = room.member("ann", name="Ann")

    def since(word: str) -> list[str]:
        kinds = [str(json.loads(text)["t"]) for text in ann.texts]
        return kinds[kinds.index(word) + 1 :] if word in kinds else []

    async def story() -> None:
        await so(lambda: ann.copy.mode == "live", "not in")
        await asyncio.to_thread(room.own.kill)
        await so(lambda: any('"~degraded"' in text for text in ann.texts), "nobody says that the server is away")
        await asyncio.to_thread(room.own.start)
        await so(lambda: {"~at", "~snapshot"} & set(since("~degraded")), "nobody says that it is back")
        assert ann.counts["closed 4010"] == 0

    play(story, ann)


def test_who_led_and_was_kicked_does_not_come_back_by_a_leaders_ticket(room: Room) -> None:
    host, ann = room.member("host", "host", seat=False), room.member("ann", "cohost", name="Ann")
    back = room.member("ann", "cohost", seat=False, c="t2")

    async def story() -> None:
        await so(lambda: all(m.copy.mode == "live" for m in (host, ann)), "not in")
        assert await host.ask("o1", "give_role", target="ann", role="cohost") == "ok"
        assert await host.ask("o2", "kick", target="ann") == "ok"
        again = asyncio.create_task(back.live())
        await so(lambda: back.counts["closed 4003"], "who was kicked is let in")
        assert back.copy.mode != "live"
        back.stop()
        await again

    play(story, host, ann)


def test_who_only_watches_is_kicked_and_does_not_come_back(room: Room) -> None:
    host, rude = room.member("host", "host", seat=False), room.member("rude", "spectator", seat=False)

    async def story() -> None:
        await so(lambda: all(m.copy.mode == "live" for m in (host, rude)), "not in")
        assert await host.ask("o1", "kick", target="rude") == "ok"
        await so(lambda: rude.counts["closed 4003"], "who was kicked still watches")
        again = room.member("rude", "spectator", seat=False, c="t2")
        life = asyncio.create_task(again.live())
        await so(lambda: again.counts["closed 4003"], "who was kicked watches again")
        again.stop()
        await life

    play(story, host, rude)


def test_who_is_kicked_does_not_go_on_watching_in_another_tab(room: Room) -> None:
    host = room.member("host", "host", seat=False)
    seat, tab = room.member("ann", name="Ann"), room.member("ann", seat=False, c="t2")

    async def story() -> None:
        await so(lambda: all(m.copy.mode == "live" for m in (host, seat, tab)), "not in")
        assert await host.ask("o1", "kick", target="ann") == "ok"
        await so(lambda: all(m.counts["closed 4003"] for m in (seat, tab)), "one of the tabs goes on")
        assert not [c for c in room.own.client().zrange(room.keys.presence("s0"), 0, -1) if b"ann" in c]

    play(story, host, seat, tab)
