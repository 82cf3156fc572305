"""A wire that can be cut: a TCP proxy that, for a while, carries nothing and says nothing, as a network that is gone does."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Wire:
    """Forwards 127.0.0.1:port, its own, to ``target``."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, 0
        self._whole = asyncio.Event()
        self._whole.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """End every connection."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        while self._writers:
            await asyncio.sleep(0.01)

    async def cut(self, seconds: float) -> None:
        """Carry nothing for so long; what was sent meanwhile arrives late, as TCP sends it again."""
        self._whole.clear()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._whole.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        try:
            to, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        await asyncio.gather(self._pour(reader, back), self._pour(to, writer))
        for each in (writer, back):
            each.transport.abort()
        self._writers -= {writer, back}

    async def _pour(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
            await self._whole.wait()
            writer.close()
