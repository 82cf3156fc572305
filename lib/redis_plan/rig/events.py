"""One thing that goes wrong, on purpose: how long until every member is back, and what was lost for good."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from redis_plan.rig.chaos import StateOf, lost_of, where, work
from redis_plan.rig.member import Member

#: Members act so long before something happens, and after everybody is back.
AROUND_S = 1.0
#: Every so many seconds we look who is back.
LOOK_S = 0.005


@dataclass(slots=True)
class Recovery:
    """What one event did: seconds from its end until each member had what the server had then, by member.

    A member that never came back counts as infinity. ``lost`` are acknowledged changes that the server does not have at the end,
    ``wrong`` the members whose copy is not the server's then; ``counts`` what members went through meanwhile.
    """

    back_s: list[float]
    event_s: float
    acted: int
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


async def recover(
    members: Sequence[Member], event: Callable[[], Awaitable[None]], state_of: StateOf, rng: random.Random, limit_s: float = 40.0
) -> Recovery:  # fmt: skip
    """Let members be connected and act, let ``event`` happen, and watch until everybody is back; raises TimeoutError before it."""
    lives = [asyncio.create_task(member.live()) for member in members]
    await _until(lambda: all(member.copy.mode == "live" for member in members), limit_s)
    stop = asyncio.Event()
    acting = [asyncio.create_task(work(member, stop, random.Random(rng.random()))) for member in members]
    await asyncio.sleep(AROUND_S)
    begun, before = time.monotonic(), _counts(members)
    await event()
    over = time.monotonic()
    there = await _states(members, state_of)
    back: dict[int, float] = {}
    while len(back) < len(members) and time.monotonic() < over + limit_s:
        for number, member in enumerate(members):
            if number not in back and _has(member, there[str(member.hello["s"])]):
                back[number] = time.monotonic() - over
        await asyncio.sleep(LOOK_S)
    await asyncio.sleep(AROUND_S)
    stop.set()
    await asyncio.gather(*acting)
    counts = _counts(members) - before
    wrong, until = ["not looked at"], time.monotonic() + limit_s
    while wrong and time.monotonic() < until:
        await asyncio.sleep(0.1)
        there = await _states(members, state_of)
        wrong = [differs for member in members if (differs := where(member, there))]
    found = Recovery(
        [back.get(number, float("inf")) for number in range(len(members))], over - begun,
        sum(len(member.acked) for member in members), lost_of(members, there), wrong, counts,
    )  # fmt: skip
    for member in members:
        member.stop()
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*lives, return_exceptions=True), 10)
    return found


async def _states(members: Sequence[Member], state_of: StateOf) -> dict[str, Mapping[str, str]]:
    return {
        session: await asyncio.to_thread(state_of, session)
        for session in sorted({str(member.hello["s"]) for member in members})
    }


def _has(member: Member, state: Mapping[str, str]) -> bool:
    copy = member.copy
    return (
        copy.mode == "live"
        and member.is_connected
        and copy.epoch == state.get("epoch")
        and copy.version >= int(state.get("version", "0"))
    )


def _counts(members: Sequence[Member]) -> Counter[str]:
    """Return what members went through: connections lost and why, answers by delta and by snapshot."""
    found: Counter[str] = Counter()
    for member in members:
        found.update(member.counts)
        found.update({name: member.copy.counts[name] for name in ("delta", "snapshot")})
    return found


async def _until(is_so: Callable[[], bool], limit_s: float) -> None:
    async with asyncio.timeout(limit_s):
        while not is_so():
            await asyncio.sleep(LOOK_S)
