"""The least that a gateway can be, once with each WebSocket library that is installed: what the delivered one was chosen from.

    python -m tests.benchmarks.sync 1000 8,50 asyncio,picows,websockets,starlette

runs them as ways of that table. As a process of it, ``python -m tests.benchmarks.sync_libraries LIBRARY REDIS_PORT BEFORE AFTER``
does what yardstick.c does: Pub/Sub in, one message a write out, as the library sends one; its channel is BEFORE ROOM AFTER.
All of them run on uvloop and hear Redis by the same few lines.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import hiredis
import uvloop

from redis_plan.measure import respwire
from redis_plan.rig import wire
from redis_plan.rig.children import allow_sockets

SNAPSHOT = '{"t":"~snapshot","e":"ab","v":0,"d":{}}'
OPENED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
#: Libraries by name, and the module that each needs.
NEEDS = {
    "asyncio": "asyncio",
    "picows": "picows",
    "websockets": "websockets",
    "aiohttp": "aiohttp",
    "starlette": "uvicorn",
}
Tell = Callable[[Iterable[Any], bytes], None]


def installed() -> list[str]:
    """Return the libraries that can be measured here."""
    return [name for name, module in NEEDS.items() if importlib.util.find_spec(module)]


class Feed(asyncio.Protocol):
    """Hears Redis, and tells a room's clients, whatever the library calls them."""

    def __init__(self, before: str, after: str, tell: Tell) -> None:
        self.before, self.after, self.tell = before, after, tell
        self.rooms: defaultdict[bytes, set[Any]] = defaultdict(set)
        self.reader, self.transport = hiredis.Reader(), asyncio.Transport()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]  # uvloop's is none of asyncio's

    def data_received(self, data: bytes) -> None:
        self.reader.feed(data)
        while (reply := self.reader.gets()) is not False:
            if reply[0] == b"message":
                self.tell(self.rooms[reply[1]], reply[2])

    def join(self, word: str | bytes, client: Any) -> set[Any]:
        """Take a client's first word; return the room, of which it is a member now."""
        channel = f"{self.before}{json.loads(word)['s']}{self.after}".encode()
        room = self.rooms[channel]
        if not room:
            self.transport.write(respwire.pack("SUBSCRIBE", channel))
        room.add(client)
        return room


async def by_asyncio(feed: Feed) -> int:
    """Frames by hand on a transport."""

    class Client(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport, self.received = transport, bytearray()
            self.room: set[Any] | None = None
            self.opened = False

        def data_received(self, data: bytes) -> None:
            if self.room is not None:
                return
            self.received += data
            if not self.opened and self.received.endswith(b"\r\n\r\n"):
                self.opened = True
                self.received.clear()
                self.transport.write(OPENED)
            elif self.opened and len(self.received) > 8:
                at = 8 if self.received[1] & 0x7F == 126 else 6  # the rig's mask is zero
                self.room = feed.join(bytes(self.received[at:]), self.transport)
                self.transport.write(wire_frame(SNAPSHOT.encode()))

        def connection_lost(self, _: Exception | None) -> None:
            if self.room is not None:
                self.room.discard(self.transport)

    def tell(clients: Iterable[Any], payload: bytes) -> None:
        data = wire_frame(payload)
        for transport in clients:
            transport.write(data)

    feed.tell = tell
    server = await asyncio.get_running_loop().create_server(Client, "127.0.0.1", 0, backlog=4096)
    return int(server.sockets[0].getsockname()[1])


def wire_frame(payload: bytes) -> bytes:
    """Return a server's frame: a client's without its mask."""
    masked = wire.masked(payload)
    head = 2 if len(payload) < 126 else 4 if len(payload) < 1 << 16 else 10
    return bytes((masked[0], masked[1] & 0x7F)) + masked[2:head] + payload


async def by_picows(feed: Feed) -> int:
    """transport.send for each."""
    from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

    class Client(WSListener):
        room: set[Any] | None = None

        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            if frame.msg_type == WSMsgType.TEXT and self.room is None:
                self.room = feed.join(frame.get_payload_as_bytes(), transport)
                transport.send(WSMsgType.TEXT, SNAPSHOT.encode())

        def on_ws_disconnected(self, transport: WSTransport) -> None:
            if self.room is not None:
                self.room.discard(transport)

    def tell(clients: Iterable[Any], payload: bytes) -> None:
        for transport in clients:
            transport.send(WSMsgType.TEXT, payload)

    feed.tell = tell
    server = await ws_create_server(lambda _: Client(), "127.0.0.1", 0, backlog=4096)
    return int(server.sockets[0].getsockname()[1])


async def by_websockets(feed: Feed) -> int:
    """broadcast(), which is its way for many."""
    from websockets.asyncio.server import broadcast, serve

    async def client(socket: Any) -> None:
        room = feed.join(await socket.recv(), socket)
        await socket.send(SNAPSHOT)
        try:
            await socket.wait_closed()
        finally:
            room.discard(socket)

    feed.tell = lambda clients, payload: broadcast(clients, payload.decode())
    server = await serve(client, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=4096)
    return int(next(iter(server.sockets)).getsockname()[1])


async def by_aiohttp(feed: Feed) -> int:
    """send_str for each, one after the other."""
    from aiohttp import web

    async def client(request: Any) -> Any:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        room = feed.join(await socket.receive_str(), socket)
        await socket.send_str(SNAPSHOT)
        try:
            async for _ in socket:
                pass
        finally:
            room.discard(socket)
        return socket

    feed.tell = one_by_one(lambda socket, payload: socket.send_str(payload.decode()))
    app = web.Application()
    app.router.add_get("/", client)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    return int(runner.addresses[0][1])


async def by_starlette(feed: Feed) -> int:
    """What FastAPI's sockets are, on uvicorn: send_text for each, one after the other."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocketDisconnect

    async def client(socket: Any) -> None:
        await socket.accept()
        room = feed.join(await socket.receive_text(), socket)
        await socket.send_text(SNAPSHOT)
        try:
            while True:
                await socket.receive()
        except (WebSocketDisconnect, RuntimeError):
            room.discard(socket)

    feed.tell = one_by_one(lambda socket, payload: socket.send_text(payload.decode()))
    app = Starlette(routes=[WebSocketRoute("/", client)])
    quiet = {"log_level": "error", "ws_ping_interval": None, "ws_per_message_deflate": False, "lifespan": "off"}
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, backlog=4096, **quiet))  # type: ignore[arg-type]
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running.add(asyncio.create_task(server.serve()))
    while not server.started:
        await asyncio.sleep(0.01)
    return int(server.servers[0].sockets[0].getsockname()[1])


running: set[asyncio.Task[Any]] = set()


def one_by_one(send: Callable[[Any, bytes], Awaitable[None]]) -> Tell:
    """Return what tells everybody by awaiting each send, in the order of the messages."""
    waiting: asyncio.Queue[tuple[list[Any], bytes]] = asyncio.Queue()

    async def send_for_ever() -> None:
        while True:
            clients, payload = await waiting.get()
            for client in clients:
                await send(client, payload)

    running.add(asyncio.create_task(send_for_ever()))
    return lambda clients, payload: waiting.put_nowait((list(clients), payload))


async def serve(library: str, port: int, before: str, after: str) -> None:
    """Be a gateway for ever."""
    feed = Feed(before, after, lambda clients, payload: None)
    await asyncio.get_running_loop().create_connection(lambda: feed, "127.0.0.1", port)
    listening = await globals()[f"by_{library}"](feed)
    print(f"listening on 127.0.0.1:{listening}", flush=True)
    await asyncio.Event().wait()


def answer() -> None:
    """Answer each line on stdin with the CPU time, and end when it closes."""
    for _ in sys.stdin:
        print(json.dumps({"cpu_s": time.process_time(), "at_s": time.monotonic()}), flush=True)
    os._exit(0)


def main() -> None:
    """Be the gateway that the command line names."""
    library, port, before, after = sys.argv[1:]
    allow_sockets(20_000)
    threading.Thread(target=answer, daemon=True).start()
    uvloop.run(serve(library, int(port), before, after))


if __name__ == "__main__":
    main()
