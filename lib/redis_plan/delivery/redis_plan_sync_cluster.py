"""The same on a cluster: one SyncDriver a primary, and each session with the one that answers for its slot.

    cluster = RedisCluster.from_url("redis://app:PASSWORD@HOST:6379", decode_responses=True)
    operations = AsyncOperations(cluster, keys, form="auto")
    url = "redis://app:PASSWORD@{host}:{port}"
    async with ClusterDriver(cluster, url, operations.catch_up, keys.events, keys.state, TIMING, sharded=True) as it:
        room = await it.follow("k3v9")

Written by redis-plan: the next build writes it again and keeps an edited one aside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis.asyncio.cluster import RedisCluster

from redis_plan.delivery.redis_plan_sync import Answer, Event, State, SyncClient, patch
from redis_plan.delivery.redis_plan_sync_driver import Link, Listener, Renew, SyncDriver, Timing


class ClusterDriver:
    """The copies of the sessions that a process follows, whichever primary holds them.

    A slot that moves, or a primary that fails, ends a life of its driver's connection, or its beacon fails. Then each
    of its sessions goes to the driver of the node that has its slot now: the copy stays, and catches up there.
    """

    def __init__(
        self,
        cluster: RedisCluster,
        url: str,
        catch_up: Callable[[str, str, int], Awaitable[Answer]],
        channel: Callable[[str], str],
        state: Callable[[str], str],
        timing: Timing,
        *,
        sharded: bool = False,
        fold: Callable[[State, Event], State] = patch,
        renew: Renew | None = None,
        signals: Sequence[Callable[[str], str]] = (),
    ) -> None:
        self.cluster, self.drivers = cluster, dict[str, SyncDriver]()
        self._url, self._ask, self._channel, self._state = url, catch_up, channel, state
        self.timing, self._sharded, self._fold, self._renew, self._signals = timing, sharded, fold, renew, signals
        self._ending = set[asyncio.Task[None]]()

    async def __aenter__(self) -> ClusterDriver:
        """Read who has which slot."""
        await self.cluster.initialize()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every driver and its connections; the cluster's client stays open."""
        for driver in self.drivers.values():
            await self._end(driver)
        await asyncio.gather(*self._ending)

    @property
    def deaf(self) -> bool:
        """Whether the subscription to sessions of a primary is lost now: one that has gone has none."""
        return any(driver.deaf and driver.followed for driver in self.drivers.values())

    async def follow(self, session_id: str, listener: Listener | None = None) -> SyncClient:
        """Return the copy of a session; see SyncDriver."""
        return await (await self._driver_of(session_id)).follow(session_id, listener)

    async def unfollow(self, session_id: str) -> None:
        """Forget a session and its listeners."""
        for driver in self.drivers.values():
            await driver.unfollow(session_id)

    async def send(self, calls: Sequence[tuple[str, Any]]) -> list[Any]:
        """Send calls of the clients, each of a session, in one round trip a primary; the reply or the error of each."""
        places: dict[SyncDriver, list[int]] = {}
        for place, (session_id, _) in enumerate(calls):
            places.setdefault(await self._driver_of(session_id), []).append(place)
        found: list[Any] = [None] * len(calls)
        sent = (driver.send([calls[place] for place in those]) for driver, those in places.items())
        for those, replies in zip(places.values(), await asyncio.gather(*sent, return_exceptions=True), strict=True):
            each = [replies] * len(those) if isinstance(replies, BaseException) else replies  # one primary's alone
            for place, reply in zip(those, each, strict=True):
                found[place] = reply
        return found

    async def _driver_of(self, session_id: str) -> SyncDriver:
        node = self.cluster.get_node_from_key(self._channel(session_id))
        if node is None:
            raise LookupError(f"no primary holds the slot of session {session_id}")
        if node.name not in self.drivers:
            link = Link([self._url.format(host=node.host, port=node.port)], self.timing)
            driver = self.drivers[node.name] = SyncDriver(
                link, self._ask, self._channel, self._state, self.timing,
                sharded=self._sharded, fold=self._fold, elsewhere=self._place, renew=self._renew,
                signals=self._signals,
            )  # fmt: skip
            await driver.__aenter__()
        return self.drivers[node.name]

    async def _place(self, driver: SyncDriver) -> None:
        """Hand each session of a driver that lost its connection to the one that has its slot now."""
        await self.cluster.nodes_manager.initialize()
        failed: Exception | None = None
        for followed in driver.followed:
            try:
                owner = await self._driver_of(followed.session_id)
                if owner is not driver and driver.give(followed):  # else somebody handed it on or forgot it meanwhile
                    await owner.take(followed)
            except (
                Exception
            ) as error:  # nobody holds its slot now: the others go on, and the next beacon tries it again
                failed = failed or error
        primaries = {node.name for node in self.cluster.get_primaries()}
        for name in [n for n, d in self.drivers.items() if n not in primaries and not d.followed]:
            ending = asyncio.create_task(self._end(self.drivers.pop(name)))  # else it looks for its node for ever
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
        if failed is not None:
            raise failed

    @staticmethod
    async def _end(driver: SyncDriver) -> None:
        await driver.__aexit__()
        await driver.link.drop()
