"""A WebSocket from the client's side on a raw socket: no library, so that a load side has the time for its own work."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator

#: Opcodes of RFC 6455, 11.8.
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA


def handshake(host: str, path: str = "/") -> bytes:
    """Return the request that opens a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def masked(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return a client's frame. Its mask is zero: a mask must be there, and this one costs the sender nothing."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0xFF)) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


def said(*, before: str = "", **words: object) -> bytes:
    """Return a client's word as a frame; a dialect puts its own mark before each."""
    return masked((before + json.dumps(words, separators=(",", ":"))).encode())


def frames(received: bytes | bytearray, at: int = 0) -> Iterator[tuple[int, int, int]]:
    """Yield opcode, begin and end of each whole frame's payload in what a server sent; the last end is where to go on."""
    size = len(received)
    while at + 2 <= size:
        begin, length = at + 2, received[at + 1]
        if length == 126:
            begin, length = at + 4, int.from_bytes(received[at + 2 : at + 4], "big")
        elif length == 127:
            begin, length = at + 10, int.from_bytes(received[at + 2 : at + 10], "big")
        if begin > size or begin + length > size:
            return
        yield received[at] & 0x0F, begin, begin + length
        at = begin + length
