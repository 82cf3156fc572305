"""Gateway and clients as processes of their own: what a WebSocket node and its members do, on real local sockets.

``python -m redis_plan.rig.gateway gateway '<json>'`` subscribes to Redis by raw RESP and forwards each envelope
to the clients of its session, one socket a client, one line a message. ``… clients '<json>'`` opens the clients'
sockets and writes down when each message had come to all of them. Both print ``ready`` and end when stdin closes.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from typing import Any

import hiredis

from redis_plan.rig.children import allow_sockets

#: Written to a client that falls behind by more than this, the gateway closes its socket.
CLIENT_QUEUE_BYTES = 1 << 20


def encode(*words: str | bytes | int) -> bytes:
    """Return a command as RESP."""
    parts = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)


async def connect(address: list[Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a raw connection to Redis at ``("unix", path)`` or ``("tcp", host, port)``, logged in where need be."""
    if address[0] == "unix":
        reader, writer = await asyncio.open_unix_connection(address[1], limit=1 << 22)
    else:
        reader, writer = await asyncio.open_connection(address[1], address[2], limit=1 << 22)
    return reader, writer


class Gateway:
    """One gateway node: its sessions' subscriptions, and the sockets of its clients by session."""

    def __init__(self, given: dict[str, Any]) -> None:  # Any: the parent's JSON
        self.given = given
        self.clients: dict[str, list[asyncio.StreamWriter]] = {}

    def forward(self, session: str, message: bytes) -> None:
        """Write one line to every client of ``session``; a client whose queue is full is cut, the others go on."""
        line = message + b"\n"  # built once a node, not once a client
        for writer in self.clients.get(session, ()):
            if writer.transport.get_write_buffer_size() > CLIENT_QUEUE_BYTES:
                writer.transport.abort()
            else:
                writer.write(line)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a client: it names its session in the first line."""
        session = (await reader.readline()).decode().strip()
        self.clients.setdefault(session, []).append(writer)
        await reader.read()
        writer.close()

    async def pubsub(self) -> None:
        """One connection, one SUBSCRIBE for each session of this node; the reader always drains the socket."""
        channels: dict[bytes, str] = {c.encode(): s for s, c in self.given["channels"].items()}
        reader, writer = await connect(self.given["address"])
        command = "SSUBSCRIBE" if self.given.get("sharded") else "SUBSCRIBE"
        for channel in channels:
            writer.write(encode(command, channel))
        parser = hiredis.Reader()
        while data := await reader.read(1 << 18):
            parser.feed(data)
            while (reply := parser.gets()) is not False:
                if reply[0] in (b"message", b"smessage"):
                    self.forward(channels[reply[1]], reply[2])

    async def streams(self) -> None:
        """One connection that blocks in XREAD on every session's stream, from the last id it has seen."""
        last: dict[bytes, bytes] = {k.encode(): b"0-0" for k in self.given["streams"].values()}
        session_of = {k.encode(): s for s, k in self.given["streams"].items()}
        if not last:
            return
        reader, writer = await connect(self.given["address"])
        parser = hiredis.Reader()
        while True:
            writer.write(encode("XREAD", "COUNT", 100, "BLOCK", 1000, "STREAMS", *last, *last.values()))
            while (reply := parser.gets()) is False:
                data = await reader.read(1 << 18)
                if not data:
                    return
                parser.feed(data)
            for key, entries in reply or ():
                for id, values in entries:
                    last[key] = id
                    self.forward(session_of[key], values[1])


class Meter:
    """What the clients see: for each message, how many of them have it and when the last one got it."""

    def __init__(self) -> None:
        self.seen: dict[int, list[int]] = {}

    async def client(self, path: str, session: str) -> None:
        """Be one client of ``session``."""
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(session.encode() + b"\n")
        while line := await reader.readline():
            now = time.monotonic_ns()
            at = line.find(b'"at":')
            if at > 0:
                intended = int(line[at + 5 : line.index(b",", at)])
                row = self.seen.setdefault(intended, [0, 0])
                row[0] += 1
                row[1] = now


async def _until_stdin_closes() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


async def run_gateway(given: dict[str, Any]) -> None:  # Any: the parent's JSON
    """Be a gateway until stdin closes; prints its CPU seconds at the end."""
    gateway = Gateway(given)
    server = await asyncio.start_unix_server(gateway.serve, given["listen"], backlog=4096)
    tasks = [asyncio.create_task(gateway.pubsub()), asyncio.create_task(gateway.streams())]
    print("ready", flush=True)
    await _until_stdin_closes()
    print(json.dumps({"cpu_s": time.process_time()}), flush=True)
    for task in tasks:
        task.cancel()
    server.close()


async def run_clients(given: dict[str, Any]) -> None:  # Any: the parent's JSON
    """Be every client until stdin closes; prints what they saw."""
    meter = Meter()
    tasks = []
    for path, session, count in given["clients"]:
        tasks += [asyncio.create_task(meter.client(path, session)) for _ in range(count)]
    await asyncio.sleep(0.2)
    print("ready", flush=True)
    await _until_stdin_closes()
    print(json.dumps({"cpu_s": time.process_time(), "seen": meter.seen}), flush=True)
    for task in tasks:
        task.cancel()


def main() -> None:
    """Run the role named on the command line."""
    socket.setdefaulttimeout(10)
    allow_sockets(8192)
    role, given = sys.argv[1], json.loads(sys.argv[2])
    asyncio.run(run_gateway(given) if role == "gateway" else run_clients(given))


if __name__ == "__main__":
    main()
