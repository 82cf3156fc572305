"""What a gateway does with frames while it is behind."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from picows import WSMsgType

from redis_plan.delivery.redis_plan_websocket import Client, Pace, Room

LEAST_S, MOST_S = 0.001, 0.2


class Socket:
    """What a room writes to."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.pieces.append(data)


def test_a_gateway_that_is_behind_writes_less_often_within_its_bound_and_recovers() -> None:
    pace = Pace(LEAST_S, MOST_S)
    assert pace.now_s == LEAST_S
    pace.ran(0.01)
    assert LEAST_S < pace.now_s < MOST_S
    for _ in range(500):
        pace.ran(1.0)
    assert pace.now_s == MOST_S
    for _ in range(500):
        pace.ran(0.0)
    assert pace.now_s < 1.1 * LEAST_S


def test_frames_that_wait_for_one_another_come_whole_in_order_and_once() -> None:
    frames = [b"<%d>" % number for number in range(100)]
    assert b"".join(asyncio.run(_said(frames))) == b"".join(frames)


@pytest.mark.parametrize("kind", [WSMsgType.PONG, WSMsgType.PING, WSMsgType.TEXT])
def test_a_lease_runs_from_the_last_sign_of_life_of_the_client(kind: WSMsgType) -> None:
    """A word or the answer to a ping is one; that the gateway renews the lease is none."""
    client: Any = Client(SimpleNamespace(take=lambda *_: None), 1 << 16)
    frame: Any = SimpleNamespace(msg_type=kind, fin=True, get_payload_as_utf8_text=lambda: '{"t":"view"}')
    client.heard -= 3600
    assert client.silent_ms >= 3_600_000
    client.on_ws_frame(SimpleNamespace(is_close_frame_sent=False), frame)
    assert client.silent_ms < 3_600_000


def test_a_room_that_is_written_to_before_its_time_writes_nothing_twice() -> None:
    pieces = asyncio.run(_said([b"<0>", b"<1>", b"<2>"], flushed=True))
    assert b"".join(pieces) == b"<0><1><2>"
    assert all(pieces)


async def _said(frames: list[bytes], *, flushed: bool = False) -> list[bytes]:
    room, socket = Room("r", 10, Pace(LEAST_S, MOST_S)), Socket()
    clients: set[Any] = {socket}
    room.clients = clients
    for number, data in enumerate(frames):
        room.say(data)
        if flushed:
            room.flush()
        if number % 10 == 0:
            await asyncio.sleep(0)
    while room.waiting:
        await asyncio.sleep(LEAST_S)
    await asyncio.sleep(5 * LEAST_S)
    return socket.pieces
