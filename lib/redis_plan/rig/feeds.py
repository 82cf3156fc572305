"""Other ways from the server to a gateway's copies than Pub/Sub, to be measured beside it: what SyncDriver is, fed otherwise.

The streams' entries have their versions as ids, so a copy's version is all that a reader must remember.
"""

from __future__ import annotations

import asyncio
import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from redis.asyncio import Redis

from redis_plan.delivery.redis_plan_sync import SyncClient
from redis_plan.delivery.redis_plan_sync_driver import BATCH, Listener, SyncDriver, _Followed

#: notify-keyspace-events for Notified: the keyspace channel, commands on streams.
KEYSPACE = "Kt"
#: Milliseconds that a reader of streams waits in one XREAD: a room that is new meanwhile waits so long at most.
BLOCK_MS = 50
COUNT = 500


class Sharded(SyncDriver):
    """Sharded Pub/Sub: the channel lives on the node that has the slot of its name."""

    def __init__(self, *args: Any, **options: Any) -> None:
        link, ask, channel, *rest = args
        super().__init__(
            link, ask, lambda session: channel(session).removesuffix(" sharded"), *rest, **{**options, "sharded": True}
        )


class Unplaced(SyncDriver):
    """No primary holds a session's slot at first, as on a cluster that has just lost one: following it is refused twice."""

    _refused = 0

    async def follow(self, session_id: str, listener: Listener | None = None) -> SyncClient:
        """Return the copy of a session."""
        if self._refused < 2:
            self._refused += 1
            raise LookupError(session_id)
        return await super().follow(session_id, listener)


class Lossy(SyncDriver):
    """Pub/Sub that loses four messages of five: what a beacon and a gap must repair."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._rng = random.Random(14)

    def receive(self, followed: _Followed, message: str) -> None:
        """Take an envelope, or lose it."""
        if self._rng.random() >= 0.8:
            super().receive(followed, message)


def _log_of(state: str) -> str:
    return state.removesuffix("state") + "log"  # the two lie side by side in every keyspace


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode()


class Streams(SyncDriver):
    """One reader a gateway: it blocks in XREAD on the logs of all its rooms, each from its copy's version."""

    async def _live(self) -> None:
        client = await self.link.primary()
        for followed in self._followed.values():
            followed.copy.disconnected()
        self.counts["confirmed"] += 1
        async with client.client() as reader:  # a connection of its own: it blocks
            while not self._closed:
                for followed in self._followed.values():
                    if followed.copy.mode == "catching up":
                        self._catch_up(followed)
                live = [f for f in self._followed.values() if f.copy.mode == "live"]
                if live:
                    await self._take(reader, live, "BLOCK", BLOCK_MS)
                else:
                    await asyncio.sleep(BLOCK_MS / 1000)

    def _log(self, followed: _Followed) -> str:
        return _log_of(self._key(followed.session_id))

    async def _take(self, client: Any, wanted: list[_Followed], *options: Any) -> None:
        """Read what is new for these copies and give it to them."""
        keys = {self._log(f): f for f in wanted}
        words = ("XREAD", "COUNT", COUNT, *options, "STREAMS", *keys, *(f"{f.copy.version}-0" for f in wanted))
        reply = await client.execute_command(*words)
        for key, entries in reply.items() if isinstance(reply, dict) else reply or ():
            for _, fields in entries:
                message = fields["m"] if isinstance(fields, dict) else fields[1]
                self.receive(keys[_text(key)], message)


class Woken(Streams):
    """Streams with a wake-up by Pub/Sub: a message says that there is something, the log says what."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._woken: dict[str, _Followed] = {}
        self._taking: asyncio.Task[None] | None = None

    async def _live(self) -> None:
        await SyncDriver._live(self)

    def _hear(self, message: Any) -> None:
        followed = self._followed.get(message["channel"] or "")
        if message["type"] == "message" and followed is not None and followed.copy.mode == "live":
            self._woken[followed.session_id] = followed
            if self._taking is None or self._taking.done():
                self._taking = asyncio.create_task(self._read_woken())
        else:
            super()._hear(message)

    async def _read_woken(self) -> None:
        try:
            client = await self.link.primary()
            while self._woken:
                woken = [f for f in list(self._woken.values())[:BATCH] if f.copy.mode == "live"]
                for followed in list(self._woken.values())[:BATCH]:
                    del self._woken[followed.session_id]
                if woken:
                    await self._take(client, woken)
        except Exception as error:  # the beacon finds what was not read
            self._warn("a log after its wake-up", error)


class Notified(Woken):
    """Keyspace notifications as the wake-up: the server tells of every command on a log; it must be told to (KEYSPACE)."""

    def __init__(self, *args: Any, **options: Any) -> None:
        link, ask, _, state, *rest = args
        super().__init__(
            link,
            ask,
            lambda session: f"__keyspace@0__:{_log_of(state(session))}",
            state,
            *rest,
            **{**options, "sharded": False},
        )


class Tracked(Streams):
    """Client-side caching: what is read of a log is cached, and its invalidation says that there is more to read."""

    async def _live(self) -> None:
        client = await self.link.primary()
        for followed in self._followed.values():
            followed.copy.disconnected()
        self.counts["confirmed"] += 1
        plain = Redis.from_url(self.link.urls[0], decode_responses=True, protocol=2)  # invalidations as messages
        async with plain, plain.pubsub() as told, client.client() as reader:
            await told.connect()
            await told.connection.send_command("CLIENT", "ID")
            await reader.execute_command("CLIENT", "TRACKING", "ON", "REDIRECT", await told.connection.read_response())
            await told.subscribe("__redis__:invalidate")
            cached: set[str] = set()  # logs of which a change is told, once, until they are read again
            while not self._closed:
                for followed in self._followed.values():
                    if followed.copy.mode == "catching up":
                        self._catch_up(followed)
                stale = {self._log(f): f for f in self._followed.values() if f.copy.mode == "live"}
                stale = {log: f for log, f in stale.items() if log not in cached}
                if stale:
                    cached |= set(stale)  # before the read: what changes after it is told
                    await self._take(reader, list(stale.values()))
                message = await told.get_message(timeout=BLOCK_MS / 1000)
                while message is not None:
                    keys = message["data"]
                    cached.difference_update(map(_text, keys) if isinstance(keys, list) else ())
                    message = await told.get_message(timeout=0)


#: What a gateway can be fed by; the empty name is what is delivered.
FEEDS: dict[str, type[SyncDriver]] = {
    "": SyncDriver,
    "pubsub": SyncDriver,
    "sharded": Sharded,
    "streams": Streams,
    "woken": Woken,
    "notified": Notified,
    "tracked": Tracked,
    "lossy": Lossy,
    "unplaced": Unplaced,
}


def delivered_client(folder: Path, feed: str = "") -> ModuleType:
    """Return the client that was delivered to ``folder``, as a module of its own whose functions publish and log for ``feed``."""
    spec = importlib.util.spec_from_file_location(f"redis_plan_client_{feed}", folder / "redis_plan_client.py")
    assert spec is not None
    assert spec.loader is not None
    delivered = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(delivered)
    fit(feed, delivered)
    return delivered


def fit(feed: str, module: Any) -> None:  # Any: a module that was delivered
    """Make the functions that ``module`` calls publish and log as ``feed`` reads: a sharded channel, a stream."""
    if feed == "sharded":

        class Keys(module.Keys):  # type: ignore[misc]
            def events(self, session_id: str) -> str:
                return f"{super().events(session_id)} sharded"

        module.Keys = Keys
    elif issubclass(FEEDS[feed], Streams):
        client = sys.modules[module.Keys.__module__]
        client.LOG_MAX = f"{str(client.LOG_MAX).partition(' ')[0]} stream"  # type: ignore[attr-defined]
