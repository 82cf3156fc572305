r"""RESP on the wire: prepacked commands over a plain socket, so that the client costs as little as possible.

>>> pack("SET", "a", 1)
b'*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n'
"""

from __future__ import annotations

import socket
import struct
from types import TracebackType

import hiredis

from redis_plan.server import Address, Server


def pack(*words: str | bytes | int) -> bytes:
    """Return one command as RESP bytes."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"".join([b"*%d\r\n" % len(parts), *(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)])


def connect(target: Address | Server, timeout_s: float = 30.0) -> socket.socket:
    """Return a connected blocking socket; raises ``OSError`` where that is impossible.

    An address is connected to as it is. A server is logged in to, within TLS, where its URL says so. The timeout of a
    plain socket is the kernel's (``SO_RCVTIMEO``): Python's own costs one more system call for every read and write.
    """
    if isinstance(target, Server):
        if target.url == target.secret_url and not target.url.startswith("rediss:"):
            return connect(target.address, timeout_s)
        link = target.raw_socket(timeout_s)
        link.settimeout(timeout_s)
        return link
    if len(target) == 3:
        link = socket.create_connection((target[1], target[2]), timeout_s)
    else:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if len(target) == 3:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            link.settimeout(timeout_s)
            link.connect(target[1])
        link.settimeout(None)
        limit = struct.pack("@ll", int(timeout_s), int(timeout_s % 1 * 1e6))
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    except BaseException:
        link.close()
        raise
    return link


class Wire:
    """One connection to an address, or to a server with its login. Not for subscribers: every command has one reply."""

    def __init__(self, target: Address | Server, timeout_s: float = 30.0) -> None:
        self.socket = connect(target, timeout_s)
        self._timeout_s = timeout_s
        self._reader = hiredis.Reader()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def ask(self, payload: bytes, replies: int = 1) -> object:
        """Send packed commands and wait for their replies; return the last one (an error reply is returned, not raised)."""
        self.send(payload)
        return self.receive(replies)

    def send(self, payload: bytes) -> None:
        """Send packed commands; their replies are to be received afterwards."""
        try:
            self.socket.sendall(payload)
        except BlockingIOError:
            raise TimeoutError(f"the server took nothing for {self._timeout_s:g} s") from None

    def receive(self, replies: int = 1) -> object:
        """Wait for replies to what was sent; return the last one."""
        last: object = None
        for _ in range(replies):
            last = self._next()
        return last

    def _next(self) -> object:
        while (reply := self._reader.gets()) is False:
            try:
                received = self.socket.recv(1 << 16)
            except BlockingIOError:
                raise TimeoutError(f"no reply within {self._timeout_s:g} s") from None
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
