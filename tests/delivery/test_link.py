"""The delivered connections, each for itself: what happens to one of them is not the other's."""

import asyncio
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import TimeoutError as LateError

from redis_plan.delivery import redis_plan_sync_driver as module
from redis_plan.delivery.redis_plan_sync import Answer
from redis_plan.delivery.redis_plan_sync_driver import AT_ONCE, Link, SyncDriver, Timing
from redis_plan.keyspace.settings import CONNECTIONS_PER_GATEWAY
from redis_plan.server import Server

TIMING = Timing(command_s=1.5, beacon_s=30.0, probe_s=20.0, backoff_s=0.05, backoff_cap_s=0.2)


def subscribers(live: Server) -> set[str]:
    listed: Any = live.client(decode_responses=True).client_list(_type="pubsub")
    return {client["id"] for client in listed}


def test_a_command_that_is_late_does_not_end_the_subscription(loaded: Server, generated: ModuleType) -> None:
    keys = generated.Keys("prod")

    async def story() -> None:
        link = Link([f"unix://{loaded.address[1]}"], TIMING)
        operations = generated.AsyncOperations(link, keys)
        await operations.create("late")
        driver = SyncDriver(link, operations.catch_up, keys.events, keys.state, TIMING, probe=keys.probe("gw"))
        async with driver:
            copy = await driver.follow("late")
            while copy.mode != "live":
                await asyncio.sleep(0.01)
            before = subscribers(loaded)
            with pytest.raises(LateError):
                await link.execute_command("BLPOP", "nothing-comes-here", "5")
            applied = await operations.apply("late", "set", {"set": {"x": "1"}}, fields={"x": "1"})
            while copy.version < applied.version:
                await asyncio.sleep(0.01)
            assert subscribers(loaded) == before
            assert link.counts["lost"] == 1
            assert driver.counts["lost"] == 0
            assert copy.counts["snapshot"] == 1  # the event came by the channel, not by another catch-up
        await link.drop()

    asyncio.run(asyncio.wait_for(story(), 30))


def test_without_a_server_a_subscription_waits_as_its_link_does_and_no_longer(generated: ModuleType) -> None:
    """Tries that the link only refuses must not grow the wait: two waits, one on the other, kept gateways away for seconds."""

    async def story() -> None:
        link = Link(["unix:///nowhere/redis.sock"], TIMING)
        keys = generated.Keys("prod")
        operations = generated.AsyncOperations(link, keys)
        async with SyncDriver(link, operations.catch_up, keys.events, keys.state, TIMING) as driver:
            while link.counts["not found"] < 6:
                await asyncio.sleep(0.01)
            while not link.away_s():  # it may be trying at this moment
                await asyncio.sleep(0.001)
            assert link.away_s() <= TIMING.backoff_cap_s
            assert driver.counts["lost"] <= link.counts["not found"] + 1  # each try was a look

    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_link_is_the_breaker_it_refuses_at_once_while_no_primary_is_found_and_the_first_look_that_finds_one_ends_that(
    loaded: Server, tmp_path: Path
) -> None:
    """A thousand commands in an outage are no thousand tries to connect, and nobody has to close it."""
    asked = tmp_path / "redis.sock"  # a name that leads nowhere until the server is there

    async def story() -> None:
        link = Link([f"unix://{asked}"], TIMING)
        for _ in range(1000):
            with pytest.raises(LostError):
                await link.execute_command("PING")
        assert link.counts["not found"] < 50
        asked.symlink_to(loaded.address[1])
        while True:
            try:
                assert await link.execute_command("PING")
                break
            except LostError:
                assert link.away_s() <= TIMING.backoff_cap_s
                await asyncio.sleep(0.005)
        assert link.away_s() == 0
        await link.drop()

    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_storm_waits_its_turn_on_the_connections_that_the_plan_counts(loaded: Server, generated: ModuleType) -> None:
    """A plain pool of redis-py refuses the command after its last connection, and what it raises looks like a lost server."""

    async def story() -> None:
        link = Link([f"unix://{loaded.address[1]}"], TIMING)
        operations = generated.AsyncOperations(link, generated.Keys("prod"))
        seen = loaded.client()
        before = len(seen.client_list())
        await asyncio.gather(*(operations.create(f"storm{n}") for n in range(400)))
        assert link.counts["lost"] == 0
        assert len(seen.client_list()) - before <= AT_ONCE
        assert AT_ONCE + 2 == CONNECTIONS_PER_GATEWAY  # one subscribes, and one to spare
        await link.drop()

    asyncio.run(asyncio.wait_for(story(), 30))


class Held(SyncDriver):
    """Its life of the connection stays behind its first subscription until it is let go."""

    async def _subscribe(self, pubsub: Any, these: Any) -> None:
        await super()._subscribe(pubsub, these)
        if self.deaf:
            self.reached.set()
            await self.let_go.wait()

    async def __aenter__(self) -> SyncDriver:
        self.reached, self.let_go = asyncio.Event(), asyncio.Event()
        return await super().__aenter__()


def test_who_is_followed_again_while_a_connection_subscribes_hears_and_who_is_forgotten_is_not_subscribed_to(
    loaded: Server, generated: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 1)  # so that each session is a batch of its own
    keys = generated.Keys("prod")

    async def story() -> None:
        link = Link([f"unix://{loaded.address[1]}"], TIMING)
        operations = generated.AsyncOperations(link, keys)
        driver = Held(link, operations.catch_up, keys.events, keys.state, TIMING)
        sessions = ("again0", "again1", "forgotten")
        for session in sessions:
            await operations.create(session)
            await driver.follow(session)
        async with driver:
            await driver.reached.wait()  # the first is subscribed to, the others come with the next batches
            for session in sessions:
                await driver.unfollow(session)
            copies = [await driver.follow(session) for session in sessions[:2]]
            driver.let_go.set()
            while any(copy.mode != "live" for copy in copies):
                await asyncio.sleep(0.01)
            for session in sessions:
                await operations.apply(session, "set", {"set": {"x": "1"}}, fields={"x": "1"})
            while any(copy.state.get("x") != "1" for copy in copies):
                await asyncio.sleep(0.01)
            assert [copy.counts["snapshot"] for copy in copies] == [1, 1]  # the event came by the channel
            assert await link.execute_command("PUBSUB", "NUMSUB", keys.events("forgotten")) == [
                keys.events("forgotten"),
                0,
            ]
        await link.drop()

    asyncio.run(asyncio.wait_for(story(), 30))


def test_who_is_followed_again_does_not_wait_for_the_catch_up_of_the_copy_that_was_forgotten(
    loaded: Server, generated: ModuleType
) -> None:
    keys = generated.Keys("prod")

    async def story() -> None:
        link = Link([f"unix://{loaded.address[1]}"], TIMING)
        operations = generated.AsyncOperations(link, keys)
        await operations.create("slow")
        asked = asyncio.Event()

        async def ask(session: str, epoch: str, version: int) -> Answer:
            if not asked.is_set():  # the first answer never comes
                asked.set()
                await asyncio.Event().wait()
            answer: Answer = await operations.catch_up(session, epoch, version)
            return answer

        async with SyncDriver(link, ask, keys.events, keys.state, TIMING) as driver:
            await driver.follow("slow")
            await asked.wait()
            await driver.unfollow("slow")
            copy = await driver.follow("slow")
            while copy.mode != "live":
                await asyncio.sleep(0.01)
        await link.drop()

    asyncio.run(asyncio.wait_for(story(), 15))


def test_a_signal_s_channel_makes_no_events_and_bytes_that_are_no_text_end_no_subscription(
    loaded: Server, generated: ModuleType
) -> None:
    keys, told = generated.Keys("prod"), list[str | None]()

    async def story() -> None:
        link = Link([f"unix://{loaded.address[1]}"], TIMING)
        operations = generated.AsyncOperations(link, keys)
        await operations.create("forge")
        cursors = lambda session: f"cursors:{session}"  # noqa: E731
        of_all = (operations.catch_up, keys.events, keys.state, TIMING)
        async with SyncDriver(link, *of_all, signals=[cursors]) as driver:
            copy = await driver.follow("forge", lambda _id, _copy, message: told.append(message))
            while copy.mode != "live":
                await asyncio.sleep(0.01)
            forged = {"e": copy.epoch, "v": copy.version + 1, "ts": 1, "t": "x", "op": "", "d": {"set": {"x": "no"}}}
            for channel in (cursors("forge"), keys.events("forge")):
                await link.execute_command("PUBLISH", channel, b"\xff\xfe")
            signal = json.dumps({"t": "~cursor", "d": 1})
            for text in (json.dumps(forged), '{"t":"x"}', "~", "[]", signal):
                await link.execute_command("PUBLISH", cursors("forge"), text)
            while signal not in told:
                await asyncio.sleep(0.01)
            assert told == [None, signal]
            assert "x" not in copy.state
            assert driver.counts["lost"] == 0
        await link.drop()

    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_session_followed_again_at_once_by_sharded_channels_ends_no_subscription(
    loaded: Server, generated: ModuleType
) -> None:
    keys = generated.Keys("prod")

    async def story() -> None:
        link = Link([f"unix://{loaded.address[1]}"], TIMING)
        operations = generated.AsyncOperations(link, keys)
        await operations.create("back")
        of_all = (operations.catch_up, keys.events, keys.state, TIMING)
        async with SyncDriver(link, *of_all, sharded=True) as driver:
            copy = await driver.follow("back")
            for _ in range(3):
                while copy.mode != "live":
                    await asyncio.sleep(0.01)
                await driver.unfollow("back")
                copy = await driver.follow("back")
                await driver.unfollow("back")
                copy = await driver.follow("back")
            while copy.mode != "live":
                await asyncio.sleep(0.01)
            assert driver.counts["lost"] == 0
        await link.drop()

    asyncio.run(asyncio.wait_for(story(), 30))
