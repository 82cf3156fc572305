r"""RESP on the wire: prepacked commands over a plain socket, so that the client costs as little as possible.

>>> pack("SET", "a", 1)
b'*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n'
"""

from __future__ import annotations

import socket
from types import TracebackType

import hiredis

from redis_plan.server import Address


def pack(*words: str | bytes | int) -> bytes:
    """Return one command as RESP bytes."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"".join([b"*%d\r\n" % len(parts), *(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)])


class Wire:
    """One connection. Not for subscribers: every command has one reply."""

    def __init__(self, address: Address, timeout_s: float = 30.0) -> None:
        family = socket.AF_UNIX if address[0] == "unix" else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout_s)
        self.socket.connect(address[1] if len(address) == 2 else (address[1], address[2]))
        if len(address) == 3:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = hiredis.Reader()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def ask(self, payload: bytes, replies: int = 1) -> object:
        """Send packed commands and wait for their replies; return the last one (an error reply is returned, not raised)."""
        self.socket.sendall(payload)
        last: object = None
        for _ in range(replies):
            last = self._next()
        return last

    def _next(self) -> object:
        while (reply := self._reader.gets()) is False:
            received = self.socket.recv(1 << 20)
            if not received:
                raise ConnectionError("the server closed the connection")
            self._reader.feed(received)
        return reply

    def replies_so_far(self, received: bytes) -> int:
        """Feed ``received`` and return how many whole replies it completed."""
        self._reader.feed(received)
        count = 0
        while self._reader.gets() is not False:
            count += 1
        return count
