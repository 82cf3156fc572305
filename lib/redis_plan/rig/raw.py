"""Raw connections: sockets to a server without a client library, for what a library would hide or buffer."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis_plan.measure import respwire
from redis_plan.rig.children import allow_sockets
from redis_plan.server import Server


def open_socket(server: Server, *, timeout_s: float = 5.0, receive_bytes: int = 0) -> socket.socket:
    """Open a connection to ``server``; ``receive_bytes`` sets the kernel's receive buffer before connecting."""
    address = server.address
    connection = socket.socket(socket.AF_UNIX if len(address) == 2 else socket.AF_INET, socket.SOCK_STREAM)
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(timeout_s)
    until = time.monotonic() + timeout_s
    while True:
        try:
            connection.connect(address[1] if len(address) == 2 else (address[1], address[2]))
            return connection
        except BlockingIOError:
            # a Unix socket whose queue of waiting connections is full refuses at once; the server takes them in turn
            if time.monotonic() > until:
                raise
            time.sleep(0.001)


def unreachable(server: Server) -> str:
    """Return why a plain connection can't be used on this server (password, TLS), or ""."""
    try:
        with open_socket(server) as connection:
            connection.sendall(respwire.pack("PING"))
            reply = connection.recv(200)
    except OSError as error:
        return f"a plain connection fails ({error})"
    return "" if reply.startswith(b"+PONG") else "this server asks for a password or TLS on plain connections"


@contextmanager
def subscribers(server: Server, count: int, channel: str) -> Iterator[list[socket.socket]]:
    """Hold ``count`` connections that subscribe to ``channel``; closed at the end."""
    held: list[socket.socket] = []
    try:
        allow_sockets(count + 200)
        for _ in range(count):
            connection = open_socket(server)
            held.append(connection)
            connection.sendall(respwire.pack("SUBSCRIBE", channel))
            connection.recv(4096)
        yield held
    finally:
        for connection in held:
            connection.close()
