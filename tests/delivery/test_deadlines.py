"""What a gateway tells the workers: by the server's clock, whatever its own says, and what was lost is told again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

import pytest

from redis_plan.delivery import redis_plan_deadlines
from redis_plan.delivery.redis_plan_deadlines import CLAIM, Deadlines
from redis_plan.delivery.redis_plan_sync import SyncClient
from redis_plan.delivery.redis_plan_sync_driver import Link, Timing
from redis_plan.server import Server

SWEEP_S, IDLE_S, CLAIM_S = 5.0, 1800.0, 5.0
TIMING = Timing(command_s=5.0, beacon_s=30.0, probe_s=20.0, backoff_s=0.05, backoff_cap_s=0.2)


class Index:
    """The deadlines of a server, as a gateway writes them, and the delivered calls."""

    def __init__(self, live: Server, generated: ModuleType, link: Link) -> None:
        self.keys, self.client = generated.Keys("prod"), live.client(decode_responses=True)
        self.operations = generated.AsyncOperations(link, self.keys)
        self.bucket = generated.bucket
        self.key = lambda session: self.keys.due(generated.bucket(session))
        self.deadlines = Deadlines(link, self.key, generated.encode_id, ("phase_until",), SWEEP_S, IDLE_S, CLAIM_S)

    async def copy(self, session: str, **fields: int | str) -> SyncClient:
        """Return a copy of a new session that has heard of a change of these fields."""
        await self.operations.create(session)
        copy = SyncClient()
        copy.caught_up(await self.operations.catch_up(session, "", 0))
        await self.operations.apply(session, "set", {"set": {n: str(v) for n, v in fields.items()}}, fields=fields)
        for event in (await self.operations.catch_up(session, copy.epoch, 0)).events:
            copy.receive(event)
        return copy

    def at(self, session: str, kind: str = "timer") -> float:
        found: Any = self.client.zscore(self.key(session.removeprefix(CLAIM)), f"{session}:{kind}")
        return float(found)

    def now(self) -> float:
        seconds, micros = self.client.time()
        return 1000 * seconds + micros / 1000


def tell(live: Server, generated: ModuleType, story: Callable[[Index], Awaitable[None]]) -> None:
    async def told() -> None:
        link = Link([f"unix://{live.address[1]}"], TIMING)
        await story(Index(live, generated, link))
        await link.drop()

    asyncio.run(told())


@pytest.mark.parametrize("wrong_s", [600.0, -600.0], ids=["ahead", "behind"])
def test_a_gateway_whose_clock_is_wrong_makes_no_deadline_late(
    loaded: Server, generated: ModuleType, monkeypatch: pytest.MonkeyPatch, wrong_s: float
) -> None:
    wrong = type("Clock", (), {"time": staticmethod(lambda: time.time() + wrong_s)})

    async def story(index: Index) -> None:
        session = f"clock{wrong_s:.0f}"
        copy = await index.copy(session, phase="closed")
        monkeypatch.setattr(redis_plan_deadlines, "time", wrong)
        index.deadlines.heard(session, copy, '{"phase":"closed"}')
        index.deadlines.soon(session)
        index.deadlines.heard(session, copy, None)
        await index.deadlines.written()
        assert index.at(session) <= index.now()
        assert index.at(session, "lease") <= index.now() + 5000
        assert index.at(session, "lease") > index.now() - 60_000

    tell(loaded, generated, story)


def test_a_heartbeat_brings_a_deadline_forward_that_nobody_wrote_or_a_clock_set_back_and_leaves_a_claimed_one(
    loaded: Server, generated: ModuleType
) -> None:
    async def story(index: Index) -> None:
        begun = round(index.now())
        lost, claimed, claim = begun + 600_000, begun - 10_000, begun + 5_000
        copies = {
            "lost": await index.copy("lost", phase_until=lost),
            "claimed": await index.copy("claimed", phase_until=claimed),
            "set-back": await index.copy("set-back", phase_until=claimed),
        }
        for session in copies:
            until = claim if session == "claimed" else begun + 3_600_000
            kinds = ("timer", "lease", "idle") if session != "lost" else ("timer",)
            index.client.zadd(index.key(session), {f"{session}:{kind}": until for kind in kinds})
        before = {CLAIM + "set-back:timer": begun + 3_600_000, CLAIM + "claimed:timer": claim}  # of a worker
        for entry, at in before.items():
            index.client.zadd(index.key(entry.removeprefix(CLAIM).partition(":")[0]), {entry: at})
        for session, copy in copies.items():
            index.deadlines.heard(session, copy, None)
        await index.deadlines.written()
        assert begun + 5_000 < index.at(CLAIM + "set-back") <= index.now() + 12_000
        assert index.at(CLAIM + "claimed") == claim
        assert index.client.zscore(index.key("lost"), f"{CLAIM}lost:timer") is None
        assert index.at("lost") == lost
        assert [index.at("claimed", kind) for kind in ("timer", "lease", "idle")] == [claim] * 3
        for kind, latest in (("timer", 12_000), ("lease", 12_000), ("idle", 1_810_000)):
            assert begun + 5_000 < index.at("set-back", kind) <= index.now() + latest

    tell(loaded, generated, story)


def test_signals_in_a_quiet_session_set_no_clock_and_take_no_claim_from_a_worker(
    loaded: Server, generated: ModuleType
) -> None:
    async def story(index: Index) -> None:
        quiet, ended = await index.copy("quiet", phase="open"), await index.copy("over", phase="open")
        quiet.changed_at = round(index.now()) - 600_000  # nothing happened in it for ten minutes
        await index.operations.end("over")
        for event in (await index.operations.catch_up("over", ended.epoch, ended.version)).events:
            ended.receive(event)
        claim = round(index.now()) + 5_000
        index.client.zadd(index.key("over"), {"over:idle": claim})
        for signal in ('{"t":"~cursor","d":"\\"phase\\":\\"closed\\""}', '{"d":1,"t":"\\u007ecursor"}'):
            index.deadlines.heard("quiet", quiet, signal)
            index.deadlines.heard("over", ended, signal)
        await index.deadlines.written()
        assert index.at("over", "idle") == claim
        assert index.client.zscore(index.key("quiet"), "quiet:timer") is None
        before = index.now()
        index.deadlines.heard("quiet", quiet, None)
        await index.deadlines.written()
        assert index.at("quiet", "lease") > before

    tell(loaded, generated, story)


def test_a_claim_that_is_longer_than_the_sweeps_stays_the_worker_s(loaded: Server, generated: ModuleType) -> None:
    async def story(index: Index) -> None:
        copy, claim = await index.copy("short"), round(index.now()) + 60_000
        kinds = ("lease", "idle")
        index.client.zadd(index.key("short"), {f"short:{kind}": claim for kind in kinds})
        often = Deadlines(index.deadlines.link, index.key, str, ("phase_until",), sweep_s=1.0, idle_s=2.0, claim_s=60.0)
        often.heard("short", copy, None)
        await often.written()
        assert [index.at("short", kind) for kind in kinds] == [claim] * 2

    tell(loaded, generated, story)


def test_a_session_that_went_on_since_its_snapshot_is_looked_at_when_it_may_be_idle_and_not_before(
    loaded: Server, generated: ModuleType
) -> None:
    async def story(index: Index) -> None:
        copy = await index.copy("long", phase="open")
        copy.state["updated_at"] = str(round(index.now()) - 3_600_000)  # as of the snapshot, an hour and a change ago
        index.client.zadd(index.key("long"), {"long:idle": round(index.now() + 1000 * IDLE_S)})  # as a worker moved it
        before = index.at("long", "idle")
        index.deadlines.heard("long", copy, None)
        await index.deadlines.written()
        assert before - 60_000 < index.at("long", "idle") <= before

    tell(loaded, generated, story)


def test_a_heartbeat_of_many_sessions_is_two_commands_for_each_part_of_the_index(
    loaded: Server, generated: ModuleType
) -> None:
    def calls(index: Index) -> int:
        stats: Any = index.client.info("commandstats")
        return int(stats.get("cmdstat_zadd", {"calls": 0})["calls"])

    async def story(index: Index) -> None:
        ahead = round(index.now()) + 60_000
        copies = {f"many{n}": await index.copy(f"many{n}", phase_until=ahead) for n in range(60)}
        before = calls(index)
        for session, copy in copies.items():
            index.deadlines.heard(session, copy, None)
        await index.deadlines.written()
        assert calls(index) - before <= 2 * 16
        assert all(index.at(session) == ahead for session in copies)

    tell(loaded, generated, story)


@pytest.mark.parametrize("written", ["soon", "1e400", "nan", "-5", "9" * 40])
def test_a_timer_or_a_date_that_is_no_time_keeps_no_other_deadline_from_being_written(
    loaded: Server, generated: ModuleType, written: str
) -> None:
    async def story(index: Index) -> None:
        session = f"strange{len(written)}"
        copy = await index.copy(session, phase_until=written)
        copy.state["updated_at"] = written
        index.deadlines.heard(session, copy, None)
        index.deadlines.heard(session, copy, '{"phase_until":"…"}')
        await index.deadlines.written()
        entries = {
            entry.rpartition(":")[2] for entry in index.client.zrange(index.key(session), 0, -1) if session in entry
        }
        assert entries == {"lease", "idle"}

    tell(loaded, generated, story)


def test_the_end_of_a_round_that_stays_closed_is_told_once_and_again_only_where_the_index_may_be_lost(
    loaded: Server, generated: ModuleType
) -> None:
    async def story(index: Index) -> None:
        over = round(index.now()) - 20_000
        copy = await index.copy("stays", phase="closed", phase_until=over)
        missing = lambda: index.client.zscore(index.key("stays"), "stays:timer") is None  # noqa: E731

        async def heard(message: str | None) -> None:
            index.deadlines.heard("stays", copy, message)
            await index.deadlines.written()

        await heard('{"phase":"closed"}')
        assert not missing()
        index.client.zrem(index.key("stays"), "stays:timer")  # a worker has looked, and settled the round
        for _heartbeat in range(3):
            await heard(None)
            assert missing()
        copy.caught_up(await index.operations.catch_up("stays", "", 0))  # as after a lost connection
        await heard(None)
        assert index.at("stays") == over
        index.client.zrem(index.key("stays"), "stays:timer")
        copy.state |= {"phase": "open", "phase_until": str(over)}  # the next round, whose worker died with its index
        for _heartbeat in range(2):
            await heard(None)
            assert index.at("stays") == over
            index.client.zrem(index.key("stays"), "stays:timer")

    tell(loaded, generated, story)


async def claims(index: Index, session: str, claim_ms: int = 60_000, batch: int = 10) -> dict[str, int]:
    """What a worker that looks now gets of the session's part of the index: kind → until when it is its own."""
    found = await index.operations.claim_due(index.bucket(session), claim_ms=claim_ms, batch=batch)
    return {kind: claim.until for claim in found for of, _, kind in [claim.entry.rpartition(":")] if of == session}


async def given_back(index: Index, session: str, until: int, at: int | None = None) -> str:
    about = index.bucket(session), f"{session}:timer", until
    done, move = index.operations.done_due, index.operations.move_due
    return str(await (done(*about) if at is None else move(*about, at)))


TELLS: dict[str, Callable[[Index, str, SyncClient], None]] = {
    "soon": lambda index, session, _: index.deadlines.soon(session),
    "closed": lambda index, session, copy: index.deadlines.heard(session, copy, '{"phase":"closed"}'),
    "a new end": lambda index, session, copy: index.deadlines.heard(session, copy, '{"phase_until":"…"}'),
}


@pytest.mark.parametrize("move", [False, True], ids=["done", "moved"])
@pytest.mark.parametrize("what", TELLS)
def test_what_is_told_while_a_worker_has_a_deadline_gives_it_to_no_other_and_is_looked_at_when_it_is_done(
    loaded: Server, generated: ModuleType, what: str, move: bool
) -> None:
    async def story(index: Index) -> None:
        session = f"held-{what}-{move}".replace(" ", "-")
        copy = await index.copy(session, phase="closed" if what == "closed" else "open", phase_until=1)
        index.client.zadd(index.key(session), {f"{session}:timer": 1})
        until = (await claims(index, session))["timer"]
        for _look in range(3):
            TELLS[what](index, session, copy)
            await index.deadlines.written()
            await asyncio.sleep(0.3)  # longer than soon
            assert await claims(index, session) == {}
        assert await given_back(index, session, until, round(index.now()) + 3_600_000 if move else None) == "lost"
        assert list(await claims(index, session)) == ["timer"], "who came meanwhile would wait for ever"

    tell(loaded, generated, story)


def test_a_claim_that_nobody_ends_ends_by_itself_and_leaves_nothing_behind(
    loaded: Server, generated: ModuleType
) -> None:
    async def story(index: Index) -> None:
        key = index.key("dies")
        index.client.delete(key)
        index.client.zadd(key, {"dies:timer": 1})
        first = (await claims(index, "dies", 50, batch=1))["timer"]
        assert await claims(index, "dies") == {}
        await asyncio.sleep(0.1)
        second = (await claims(index, "dies", batch=1))["timer"]  # as another worker finds it
        assert await given_back(index, "dies", first) == "lost", "whose claim is over says nothing of the next one's"
        assert await claims(index, "dies") == {}
        assert await given_back(index, "dies", second) == "done"
        assert not index.client.exists(key)
        index.client.zadd(key, {"dies:timer": 1})
        third = (await claims(index, "dies", 50))["timer"]
        assert await given_back(index, "dies", third, 7) == "moved"
        assert index.client.zrange(key, 0, -1, withscores=True) == [("dies:timer", 7)]

    tell(loaded, generated, story)
