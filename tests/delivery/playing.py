"""How a test tells a story: members live while it goes on, and it waits for what it asks for."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from redis_plan.rig.member import Member


def until(is_so: Callable[[], object], what: str, limit_s: float = 40.0) -> None:
    """Wait until it is so; where it is not in time, say ``what`` is wrong."""
    deadline = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


async def so(is_so: Callable[[], object], what: str) -> None:
    """Wait likewise, and let everybody else go on."""
    await asyncio.to_thread(until, is_so, what)


def play(story: Callable[[], Awaitable[None]], *members: Member) -> None:
    """Let the members live while the story is told."""

    async def told() -> None:
        lives = [asyncio.create_task(member.live()) for member in members]
        try:
            await story()
        finally:
            for member in members:
                member.stop()
            await asyncio.gather(*lives)

    asyncio.run(told())
