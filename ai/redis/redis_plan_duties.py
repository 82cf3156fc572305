"""Buzzroom: a worker as a process.

python redis_plan_duties.py

Run two: the second goes on where the first one died.

REDIS_URL has the server with the user worker, several with commas between them; SIGTERM lets it finish what it began.
What is yours: keep, which writes a result to the database, and settled, which follows when a round is over.

Written by redis-plan: the next build writes it again and keeps an edited one aside.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import Any

from redis_plan_actions import Actions
from redis_plan_client import AsyncOperations, Keys, decode_id
from redis_plan_periods import CLAIM_S, HEARTBEAT_S, IDLE_S, LEASE_S, POLL_S, PRESENCE_S, STAYS_S, SWEEP_S, TIMING
from redis_plan_sync_driver import Link
from redis_plan_worker import Connection, Duty, Pace, Worker, leases, lifetime

#: So long nothing was heard of who is shown as away: with the look that finds it, PRESENCE_S after the last sign.
AWAY_MS = round(1000 * max(2 * HEARTBEAT_S, PRESENCE_S - SWEEP_S))


async def keep(operations: AsyncOperations, session_id: str) -> str:
    """Write the result to the database, once whatever happens, and return what proves it."""
    return f"row of {session_id}"  # yours


async def settled(operations: AsyncOperations, session_id: str, round: str, once: str) -> None:
    """Do what follows when a round is over, such as showing its result and giving points: yours.

    It may be called again, where a worker dies in it or two look at one end, so each action in it has an operation
    id that begins with ``once``, which is this end of this round, and another one when the same round is played again.
    When this returns, what the rounds before this one left under keys of their own goes: read here what is to be kept.
    """


def duties(link: Connection, operations: AsyncOperations) -> dict[str, Duty]:
    """Return what is done when a deadline of each kind is due; each action looks once more by the server's clock."""
    keys = operations.keys
    actions = Actions(keys)
    sweep = leases(link, operations, keys.state, SWEEP_S)

    async def fields(session_id: str, *names: str) -> Any:
        return await link.execute_command("HMGET", keys.state(session_id), *names)

    async def lease(session_id: str, kind: str) -> float | None:
        at = await sweep(session_id, kind)
        if at is None:
            return None
        unheard = at + 1000 * (LEASE_S - SWEEP_S) - AWAY_MS
        for name in await link.execute_command("ZRANGEBYSCORE", keys.presence(session_id), "-inf", f"{unheard:.0f}"):
            member = decode_id(name.removeprefix("watch:").partition("#")[0])
            await operations.run(actions.mark_away(session_id, member, away_ms=AWAY_MS))
        await operations.run(actions.pause_without_host(session_id))
        (code,) = await fields(session_id, "code")
        if code:  # it lies in another slot than the session, so no function of it keeps it
            await operations.take_code(code, session_id)
        return at

    async def end(session_id: str) -> None:
        await operations.run(actions.end_idle(session_id))

    async def kept(session_id: str) -> str:
        return await keep(operations, session_id)

    over = lifetime(link, operations, keys.state, IDLE_S, kept, STAYS_S, end)

    async def idle(session_id: str, kind: str) -> float | None:
        (code,) = await fields(session_id, "code")
        at = await over(session_id, kind)
        if at is None and code:
            await operations.release_code(code, session_id)
        return at

    drops = {"answer": operations.drop_answer}

    async def drop_earlier(session_id: str, round: str) -> None:
        (now,) = await fields(session_id, "round")
        if now is None or decode_id(now) != round:
            return  # the next one runs by now, and its own end drops what is left
        noted = await link.execute_command("HKEYS", keys.state(session_id))
        for what, _, of in (name.removeprefix("key:").partition(":") for name in noted if name.startswith("key:")):
            if what in drops and decode_id(of) != round:
                await drops[what](session_id, decode_id(of))

    async def timer(session_id: str, _kind: str) -> float | None:
        phase, round, *_ = await fields(session_id, "phase", "round")
        if round is None:
            return None
        round = decode_id(round)
        await operations.run(actions.all_answered(session_id, round))
        await operations.run(actions.time_up(session_id, round))
        phase, *ends = await fields(session_id, "phase", "phase_until")
        if phase == "closed":
            await settled(operations, session_id, round, f"{round}:{ends[0]}")
            await drop_earlier(session_id, round)
            return None
        if phase != "open":
            return None
        return min((float(end) for end in ends if end), default=None)

    return {"lease": lease, "idle": idle, "timer": timer}


async def work() -> None:
    """Work until SIGTERM."""
    keys, link = Keys(environment="prod"), Link(os.environ["REDIS_URL"].split(","), TIMING)
    operations = AsyncOperations(link, keys, form="auto")
    worker = Worker(operations, duties(link, operations), Pace(POLL_S, CLAIM_S), decode_id)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, worker.stop)
    print("working", flush=True)
    await worker.run()
    await link.drop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(work())
