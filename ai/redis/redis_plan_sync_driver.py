"""What feeds the copies of a gateway: the connection of commands to the primary, and the one that subscribes.

    link = Link(["redis://app:PASSWORD@HOST:6379"], TIMING)
    operations = AsyncOperations(link, keys, form="auto")
    of_all = (operations.catch_up, keys.events, keys.state, TIMING)
    driver = SyncDriver(link, *of_all, probe=keys.probe("gw-1"), renew=operations.renew)
    async with driver:
        room = await driver.follow("k3v9", lambda id, copy, message: print(id, copy.version, message))

Written by redis-plan: the next build writes it again and keeps an edited one aside.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, TypeVar

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import NoPermissionError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as LateError
from redis_plan_sync import Answer, Event, State, SyncClient, is_signal, patch

#: Channels of one SUBSCRIBE, and catch-ups under way at once: a reconnect must not be a burst.
BATCH, ADMITTED = 512, 64
#: Commands of a link under way at once, each on a connection; the others wait: more queue in front of one thread.
AT_ONCE = 10

_log = logging.getLogger("redis_plan")
T = TypeVar("T")


class Timing(NamedTuple):
    """Periods in seconds; redis_plan_periods.py has those of the project, each with its reason."""

    command_s: float
    beacon_s: float
    probe_s: float
    backoff_s: float
    backoff_cap_s: float

    def wait(self, attempt: int) -> float:
        """Return how long to wait before the next attempt: full jitter below a bound that doubles up to the cap."""
        return random.uniform(0, min(self.backoff_cap_s, self.backoff_s * 2.0 ** min(attempt, 30)))


_LOST = (LostError, LateError, ReadOnlyError, OSError)


async def persist(send: Callable[[], Awaitable[T]], timing: Timing, tries: int = 2) -> T:
    """Send a call again whose answer was lost, or which was refused for now, by its operation id and never a new one.

    The answer may have been lost after the work was done; a refusal that passes is one with the attribute again.

    await persist(lambda: operations.apply("k3v9", "rename", data, op_id="01JD…"), TIMING)  # duplicate is success
    """
    attempt = 0
    while True:
        try:
            return await send()
        except Exception as error:
            attempt, lost = attempt + 1, isinstance(error, LostError | LateError | OSError)
            if attempt >= tries or not (lost or getattr(error, "again", False)):
                raise
            await asyncio.sleep(timing.wait(attempt))


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _end(*tasks: asyncio.Task[None]) -> None:
    while running := [task for task in tasks if not task.done()]:
        for task in running:  # again until it ends: a library below may swallow a cancellation
            task.cancel()
        await asyncio.wait(running, timeout=0.2)


class Link:
    """The commands' connection to the primary among urls, for AsyncOperations; it never repeats a command by itself.

    A lost connection, a late answer or a primary that became a replica raise at once, and the next command looks for
    the primary again, with growing waits in between. What was lost may have been done: repeat it by its operation id.
    Of several that say to be the primary it takes the one that has replicas: one that was cut off goes on saying so.
    With any_role the first of urls that answers will do, a replica as well: for reading alone.
    """

    def __init__(self, urls: Sequence[str], timing: Timing, *, any_role: bool = False) -> None:
        self.urls, self.timing, self.any_role = tuple(urls), timing, any_role or len(urls) == 1
        self.counts: Counter[str] = Counter({"lost": 0, "not found": 0})
        self._client: Any = None  # a Redis, whose execute_command has no types
        self._finding, self._turn = asyncio.Lock(), asyncio.Semaphore(AT_ONCE)
        self._attempt, self._not_before, self._found_at, self._url = 0, 0.0, 0.0, ""

    async def execute_command(self, *words: Any, **options: Any) -> Any:
        """Send one command to the primary."""
        async with self._turn:
            return await self._sent(await self.primary(), words, options)

    async def pipelined(self, commands: Sequence[Sequence[Any]], *, raising: bool = True) -> list[Any]:
        """Send commands in one round trip, and return their replies; without raising, an error is in its place."""
        async with self._turn, (await self.primary()).pipeline(transaction=False) as pipe:
            for words in commands:
                pipe.execute_command(*words)
            return list(await pipe.execute(raise_on_error=raising))

    async def _sent(self, client: Any, words: Sequence[Any], options: dict[str, Any]) -> Any:
        try:
            return await client.execute_command(*words, **options)
        except _LOST:
            await self.drop(client)
            raise
        except ResponseError as error:
            if str(error).startswith("NOREPLICAS") and _now() - self._found_at > self.timing.backoff_cap_s:
                await self.drop(client)  # cut off, perhaps, and another one is the primary
            raise
        except (RuntimeError, AttributeError) as error:  # what a transport raises that was closed under redis-py
            await self.drop(client)
            raise LostError(str(error)) from error

    async def primary(self) -> Any:
        """Return the redis-py client of the primary; raises redis ConnectionError while there is none."""
        async with self._finding:
            if self._client is None:
                now = _now()
                if now < self._not_before:
                    raise LostError("no primary yet, and it is too early to look again")
                self._client = await self._find(now)
            return self._client

    def away_s(self) -> float:
        """Return for how long it will not look for a primary yet; 0 where it has one or looks with the next command."""
        return max(0.0, self._not_before - _now()) if self._client is None else 0.0

    async def _find(self, now: float) -> Any:
        failed: Exception = LostError("no server was named")
        alone: dict[str, Any] = {}
        for url in self.urls:
            client = self._open(url)
            try:
                role = ["master", 0, []] if self.any_role else await client.execute_command("ROLE")
                if role[0] in ("master", b"master"):
                    await client.execute_command("PING")
                    alone[url] = client
                    if role[2] or self.any_role:
                        return await self._take(url, alone)
                    continue
                failed = ReadOnlyError(f"{url.rpartition('@')[2]} is a replica")
            except (*_LOST, NoPermissionError) as error:
                failed = error
            await client.aclose()
        if alone:
            return await self._take(self._url if self._url in alone else next(iter(alone)), alone)
        self.counts["not found"] += 1
        self._not_before, self._attempt = now + self.timing.wait(self._attempt), self._attempt + 1
        raise LostError(f"no primary: {failed}") from failed

    async def _take(self, url: str, found: dict[str, Any]) -> Any:
        """Take one of those that say to be the primary, and close the others."""
        self._attempt, self._url, self._found_at = 0, url, _now()
        client = found.pop(url)
        await asyncio.gather(*(other.aclose() for other in found.values()))
        return client

    def _open(self, url: str, **options: Any) -> Any:
        late = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), self.timing.command_s)
        more: dict[str, Any] = {**options, **late, **({} if url.startswith("unix:") else {"socket_keepalive": True})}
        return Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 0), **more)

    async def subscriber(self) -> Any:
        """Return a client of the primary for subscriptions alone: a late command must not close them with its own."""
        await self.execute_command("PING")  # who only listens finds out by nothing else that the primary is another
        return self._open(self._url, encoding_errors="replace")  # bytes that are no text must end no subscription

    async def drop(self, client: Any = None) -> None:
        """Close the connections; the next command looks for the primary again."""
        if self._client is not None and client in (None, self._client):
            client, self._client = self._client, None
            self.counts["lost"] += 1
            with suppress(RedisError, OSError):
                await client.aclose()


Listener = Callable[[str, SyncClient, "str | None"], None]


class Renew(Protocol):
    """What gives a session another epoch in place: operations.renew."""

    def __call__(self, session_id: str, /, *, epoch: str) -> Awaitable[object]:
        """Answer "same" where it has this epoch already."""


def _after(epoch: str) -> str:
    """Return the epoch that follows one whose history the server lost: every gateway that sees it gives the same."""
    return hashlib.sha256(f"after {epoch}".encode()).hexdigest()[:16]


class _Followed(NamedTuple):
    session_id: str
    copy: SyncClient
    listeners: list[Listener]
    channels: tuple[str, ...]  # that of the events in front


class SyncDriver:
    """One subscriber connection of a process, and the copies of the sessions that it follows.

    reads may lead to replicas: one of them has the subscription and is asked by the beacon, since its state is never
    behind its events. renew is operations.renew: by it a session whose server lost changes gets another epoch, so that
    nobody goes on from what was lost. signals are further channels of a session: of what comes there, only what has a t
    with "~" in front is heard. A listener gets the session, its copy and the envelope that came (None: the copy moved
    by a catch-up); it must not block.
    """

    def __init__(
        self, link: Link, catch_up: Callable[[str, str, int], Awaitable[Answer]], channel: Callable[[str], str],
        state: Callable[[str], str], timing: Timing, *, reads: Link | None = None, probe: str = "",
        sharded: bool = False, fold: Callable[[State, Event], State] = patch,
        elsewhere: Callable[[SyncDriver], Awaitable[None]] | None = None, renew: Renew | None = None,
        signals: Sequence[Callable[[str], str]] = (),
    ) -> None:  # fmt: skip
        self.link, self.reads, self.timing, self.counts = link, reads or link, timing, Counter[str]()
        self._ask, self._channel, self._key, self._probe, self._signals = catch_up, channel, state, probe, signals
        self._sharded, self._fold, self._elsewhere, self._renew = sharded, fold, elsewhere, renew
        self._lost_epochs, self._leaving = dict[str, str](), Counter[str]()  # SUNSUBSCRIBEs without an answer yet
        self._followed: dict[str, _Followed] = {}  # by the channel of its events
        self._heard_on: dict[str, _Followed] = {}  # by each of its channels
        self._catching, self._tasks = dict[str, asyncio.Task[None]](), list[asyncio.Task[None]]()
        self._pubsub: PubSub | None = None
        self._reading: asyncio.Task[None]
        self._closed, self._heard_at, self._astray = False, 0.0, False
        self._said, self._admit = dict[str, str](), asyncio.Semaphore(ADMITTED)

    async def __aenter__(self) -> SyncDriver:
        """Begin to subscribe; what is followed meanwhile waits for the connection."""
        self._tasks = [asyncio.create_task(self._subscribe_for_ever()), asyncio.create_task(self._beacon_for_ever())]
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every task; the link stays open."""
        self._closed = True
        await _end(*self._tasks, *self._catching.values())

    async def follow(self, session_id: str, listener: Listener | None = None) -> SyncClient:
        """Return the copy of a session, which becomes live once the subscription is confirmed and the state is read."""
        channel = self._channel(session_id)
        followed = self._followed.get(channel)
        if followed is None:
            channels = (channel, *(of(session_id) for of in self._signals))
            followed = self._followed[channel] = _Followed(session_id, SyncClient(self._fold), [], channels)
            followed.listeners.extend([listener] if listener else [])  # before the subscription: it may be live at once
            await self._subscribe_now(followed)
        elif listener:
            followed.listeners.append(listener)
        return followed.copy

    @property
    def deaf(self) -> bool:
        """Whether there is no subscription now: what its copies show may be old."""
        return self._pubsub is None

    @property
    def followed(self) -> tuple[_Followed, ...]:
        """The sessions that are followed."""
        return tuple(self._followed.values())

    def give(self, followed: _Followed) -> bool:
        """Let go of a session that another driver takes; False where it is followed here no more."""
        if self._followed.get(followed.channels[0]) is not followed:
            return False
        del self._followed[followed.channels[0]]
        if catching := self._catching.pop(followed.session_id, None):
            catching.cancel()  # who follows it again must not wait for it
        for channel in followed.channels:
            self._heard_on.pop(channel, None)
        return True

    async def take(self, followed: _Followed) -> None:
        """Go on with a session that another driver gave: its copy catches up once the subscription is confirmed."""
        self._followed[followed.channels[0]] = followed
        await self._subscribe_now(followed)

    async def _subscribe_now(self, followed: _Followed) -> None:
        if self._pubsub is not None:
            try:
                await self._subscribe(self._pubsub, [followed])
            except Exception as error:  # whatever it is, the next life of the connection subscribes to it
                self._warn("subscribing", error)
                self._reading.cancel()

    async def unfollow(self, session_id: str) -> None:
        """Forget a session and its listeners."""
        followed, pubsub = self._followed.get(self._channel(session_id)), self._pubsub
        if followed and self.give(followed) and pubsub is not None:
            self._leaving.update(channels := followed.channels if self._sharded else ())
            with suppress(Exception):  # it is followed no more, whatever comes
                await (pubsub.sunsubscribe(*channels) if channels else pubsub.unsubscribe(*followed.channels))

    async def send(self, calls: Sequence[tuple[str, Any]]) -> list[Any]:
        """Send calls of the clients, each of a session, in one round trip; the reply or the error of each."""
        return await self.link.pipelined([call.command for _, call in calls], raising=False)

    def _warn(self, what: str, error: Exception) -> None:
        """Warn of a failure once for as long as it stays the same: a server that is away for an hour is one line."""
        said = f"{what}: {type(error).__name__}: {error}"  # a repr of redis-py has no message
        _log.log(logging.DEBUG if self._closed or self._said.get(what) == said else logging.WARNING, "%s", said)
        self._said[what] = said

    async def _subscribe(self, pubsub: PubSub, these: Sequence[_Followed]) -> None:
        if not (these := [f for f in these if self._followed.get(f.channels[0]) is f]):  # without those forgotten since
            return
        self._heard_on.update({channel: followed for followed in these for channel in followed.channels})
        if self._sharded:
            for followed in these:  # one slot a command
                await pubsub.ssubscribe(*followed.channels)
        else:
            await pubsub.subscribe(*(channel for followed in these for channel in followed.channels))

    async def _subscribe_for_ever(self) -> None:
        attempt = 0
        while not self._closed:
            lived = self.counts["confirmed"]
            try:
                await self._live()
            except Exception as error:  # whatever it is, this process must not stay deaf
                self._warn("subscription lost", error)
            attempt = 0 if self.reads.away_s() or self.counts["confirmed"] > lived else attempt + 1
            self._pubsub, self._leaving = None, Counter()
            self.counts["lost"] += 1
            tasks = list(self._catching.values())  # what they read was read before the next subscription
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for followed in self._followed.values():
                followed.copy.disconnected()
            await asyncio.sleep(self.reads.away_s() or self.timing.wait(attempt))  # not longer than the link waits
            await self._place()

    async def _place(self) -> None:
        """Let who knows the cluster hand sessions on whose slot is elsewhere now."""
        if self._elsewhere is not None:
            self._astray = True  # until each of its sessions is with who has its slot
            try:
                await self._elsewhere(self)
                self._astray = False
            except Exception as error:
                self._warn("topology", error)

    async def _live(self) -> None:
        """Live one life of the connection: each copy catches up once its subscription is confirmed, never before."""
        async with await self.reads.subscriber() as client, client.pubsub() as pubsub:
            these = list(self._followed.values())
            for at in range(0, len(these), BATCH):
                await self._subscribe(pubsub, these[at : at + BATCH])
            if self._probe:
                await pubsub.subscribe(self._probe)
            self._reading = asyncio.create_task(self._read(pubsub))
            self._pubsub, self._heard_at = pubsub, _now()
            try:
                for followed in [f for f in self.followed if self._heard_on.get(f.channels[0]) is not f]:
                    await self._subscribe(pubsub, [followed])  # what came meanwhile, or came again
                await self._probe_while(self._reading, pubsub)
            finally:
                await _end(self._reading)
        raise LateError(f"no message of our own came back in {self.timing.probe_s:g} s")

    async def _read(self, pubsub: PubSub) -> None:
        """Hear every message, without a timeout for each: that would cost more than the message."""
        while not self._closed:
            if not pubsub.subscribed:  # nothing to hear yet
                self._heard_at = _now()
                await asyncio.sleep(min(0.05, self.timing.probe_s / 4))
            elif (message := await pubsub.get_message(timeout=None)) is not None:
                self._heard_at = _now()
                self._hear(message)

    async def _probe_while(self, reading: asyncio.Task[None], pubsub: PubSub) -> None:
        """Return once nothing was heard for the probe's period, not even the probe; raise what ended the reading."""
        due = _now()
        while _now() - self._heard_at < self.timing.probe_s and not self._closed:
            if _now() >= due and pubsub.subscribed:
                due = _now() + self.timing.probe_s / 2
                primary = await self.link.primary()  # and not the link, where it would wait behind other commands
                await (primary.publish(self._probe, "") if self._probe else pubsub.ping())
            await asyncio.wait([reading], timeout=self.timing.probe_s / 4)
            if reading.cancelled():
                raise LostError("a channel could not be subscribed to")
            if reading.done():
                return reading.result()
        return None

    def _hear(self, message: Mapping[str, Any]) -> None:
        kind, channel = message["type"], message["channel"] or ""
        name = channel if isinstance(channel, str) else channel.decode()
        followed = self._heard_on.get(name)
        if kind in ("subscribe", "ssubscribe"):
            self.counts["confirmed"] += 1
            self._said.clear()
            if followed is not None and name == followed.channels[0]:
                followed.copy.disconnected()
                self._catch_up(followed)
        elif kind == "sunsubscribe" and name in self._leaving:
            self._leaving -= Counter((name,))  # we asked for it, and may follow it again by now
        elif kind == "sunsubscribe" and followed is not None:
            raise LostError("the slot of a channel moved")
        elif kind.endswith("message") and followed and (name == followed.channels[0] or is_signal(message["data"])):
            self.receive(followed, message["data"])  # no other channel makes events

    def receive(self, followed: _Followed, message: str) -> None:
        """Take an envelope of a session that is followed."""
        step = followed.copy.receive(message)
        if step == "catch up":
            self._catch_up(followed)
        elif step in ("applied", "signal"):
            self._tell(followed, message)

    def _tell(self, followed: _Followed, message: str | None) -> None:
        for listener in followed.listeners:
            try:
                listener(followed.session_id, followed.copy, message)
            except Exception:  # one listener's fault is not the others'
                _log.exception("a listener of session %s failed", followed.session_id)

    def _catch_up(self, followed: _Followed) -> None:
        task = self._catching.get(followed.session_id)
        if task is None or task.done():  # single flight: one catch-up a session
            self._catching[followed.session_id] = asyncio.create_task(self._catch_up_until_live(followed))

    async def _catch_up_until_live(self, followed: _Followed) -> None:
        attempt, copy, session_id = 0, followed.copy, followed.session_id
        while (copy.mode == "catching up" or session_id in self._lost_epochs) and not self._closed:
            known, rolled_back = copy.epoch, copy.counts["rolled back"]
            try:
                if session_id in self._lost_epochs:
                    await self._begin_epoch(session_id)
                    copy.disconnected()  # what it has was read before
                async with self._admit:
                    answer = await self._ask(session_id, copy.epoch, copy.version)
            except Exception as error:
                self._warn(f"catch-up of session {session_id}", error)
                await asyncio.sleep(self.timing.wait(attempt))
                attempt += 1
                continue
            copy.caught_up(answer)
            if copy.counts["rolled back"] > rolled_back:
                self._lost_epochs[session_id] = known
            self._tell(followed, None)

    async def _begin_epoch(self, session_id: str) -> None:
        """Give a session whose server lost changes another epoch; this copy is right also where that is refused."""
        try:
            if self._renew:
                await self._renew(session_id, epoch=_after(self._lost_epochs[session_id]))
        except _LOST:
            raise
        except Exception as error:
            self._warn(f"another epoch of session {session_id}", error)
        del self._lost_epochs[session_id]

    async def _beacon_for_ever(self) -> None:
        while not self._closed:
            await asyncio.sleep(self.timing.beacon_s)
            if self._astray:  # what nobody held then may have its primary by now
                await self._place()
            watched = [f for f in self._followed.values() if f.copy.mode != "catching up"]
            for at in range(0, len(watched), BATCH):
                try:
                    await self._compare(watched[at : at + BATCH])
                except Exception as error:
                    self._warn("beacon", error)
                    await self._place()

    async def _compare(self, watched: Sequence[_Followed]) -> None:
        """Compare the copies with the server's positions, read in one round trip."""
        before = [(f.copy.epoch, f.copy.version) for f in watched]
        asked = [("HMGET", self._key(followed.session_id), "epoch", "version") for followed in watched]
        positions = [(epoch or "", int(version or 0)) for epoch, version in await self.reads.pipelined(asked)]
        late = []
        for followed, known, there in zip(watched, before, positions, strict=True):
            if there[0] == known[0] and there[1] >= known[1]:  # as far as the copy was, or further
                late += [(followed, there)] if followed.copy.version < there[1] else []
            elif followed.copy.beacon(*there) == "catch up":
                self._catch_up(followed)
        if late:
            await asyncio.sleep(self.timing.beacon_s / 4)  # an event on its way is not a lost one
        for followed, there in late:
            behind = followed.copy.epoch == there[0] and followed.copy.version < there[1]
            if behind and followed.copy.beacon(*there) == "catch up":
                self._catch_up(followed)
