"""Chaos, seeded and bounded: members act while gateways are killed, the server restarts and clients stall; who is right then?"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis_plan.rig.member import Member

#: Reads the state of a session from the server.
StateOf = Callable[[str], Mapping[str, str]]
#: What a member does until the event is set, by a random generator of its own.
Work = Callable[[Any, asyncio.Event, random.Random], Coroutine[Any, Any, None]]
#: How long members may take to be right again when the last fault is over.
SETTLE_S = 20.0


@dataclass(slots=True)
class Outcome:
    """What was left: members whose copy is not the server's, acknowledged changes that the server does not have."""

    members: int
    acted: int
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    settled_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)


async def run(
    members: Sequence[Member],
    faults: Mapping[str, Callable[[], Any]],
    state_of: StateOf,
    *,
    seconds: float,
    rng: random.Random,
    pause_s: tuple[float, float] = (0.3, 1.5),
    settle_s: float = SETTLE_S,
    doing: Work | None = None,
) -> Outcome:
    """Let members act and faults happen for ``seconds``; then wait until every copy is the server's, or give up.

    ``faults`` are blocking calls by name, made one after the other in a thread; besides them members lose their
    connection or stall. ``state_of`` reads a session's state from the server. ``doing`` is what each does instead of
    writing numbers.
    """
    outcome = Outcome(len(members), 0)
    lives = [asyncio.create_task(member.live()) for member in members]
    stop = asyncio.Event()
    acting = [asyncio.create_task((doing or work)(member, stop, random.Random(rng.random()))) for member in members]
    end = time.monotonic() + seconds
    names = [*faults, "drops", "stalls"]
    while time.monotonic() < end:
        await asyncio.sleep(rng.uniform(*pause_s))
        name = rng.choice(names)
        outcome.counts[name] += 1
        some = rng.sample(list(members), max(1, len(members) // 10))
        if name == "drops":
            for member in some:
                member.drop()
        elif name == "stalls":
            for member in some:
                member.stall(rng.uniform(0.2, 1.5))
        else:
            await asyncio.to_thread(faults[name])
    stop.set()
    over = time.monotonic()
    await asyncio.gather(*acting)
    sessions = sorted({str(member.hello["s"]) for member in members})
    while time.monotonic() < over + settle_s:
        states = {session: await asyncio.to_thread(state_of, session) for session in sessions}
        outcome.wrong = [where(member, states) for member in members if where(member, states)]
        if not outcome.wrong:
            break
        await asyncio.sleep(0.2)
    outcome.settled_s = time.monotonic() - over
    outcome.lost = lost_of(members, states)
    for member in members:
        outcome.acted += len(member.acked)
        outcome.counts.update(member.counts)
        member.stop()
    await asyncio.wait_for(asyncio.gather(*lives, return_exceptions=True), 10)
    return outcome


async def work(member: Member, stop: asyncio.Event, rng: random.Random) -> None:
    """Make a change now and then, until ``stop``; each writes the next number to the member's own field."""
    count = 0
    while not stop.is_set():
        await asyncio.sleep(rng.uniform(0.2, 1.2))
        count += 1
        await member.act(f"op-{count}", "count", {f"n:{member.hello['m']}": str(count)})


def lost_of(members: Sequence[Member], states: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the members of whose acknowledged changes the server lacks the newest: it may not have an older one."""
    found = []
    for member in members:
        name, state = f"n:{member.hello['m']}", states[str(member.hello["s"])]
        newest = max((int(op.rpartition("-")[2]) for op in member.acked), default=0)
        if int(state.get(name, "0")) < newest:
            found.append(f"{member.hello['s']}/{member.hello['m']}: {state.get(name)} < {newest}")
    return found


def where(member: Member, states: Mapping[str, Mapping[str, str]]) -> str:
    """Return how a member's copy differs from the server's state; "" where it does not."""
    state, copy = states[str(member.hello["s"])], member.copy
    there = {name: value for name, value in state.items() if name.startswith("n:")}
    here = {name: value for name, value in copy.state.items() if name.startswith("n:")}
    if (copy.mode, copy.epoch, str(copy.version)) == (
        "live",
        state.get("epoch"),
        state.get("version"),
    ) and here == there:
        return ""
    return f"{member.hello['s']}/{member.hello['m']}: {copy.mode} {copy.epoch} {copy.version}, the server {state.get('epoch')} {state.get('version')}"
