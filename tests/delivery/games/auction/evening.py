"""One auction on two gateways: who sees what, which bid counts, when a lot ends, who comes back and who does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redis_plan.rig import hall
from tests.delivery.games.evening import Make, removed, until
from tests.delivery.games.players import Player

ROOM = "k3v9"
BIDDERS = ("ann", "bob", "cid", "dee")


@dataclass
class Auction:
    """The auction by its delivered clients, and the people in it."""

    admin: Any
    app: Any
    act: Any
    keys: Any
    timer: Any  # what a worker does when the clock of the auction is due: the delivered duty
    make: Make
    people: dict[str, Player] = field(default_factory=dict)

    async def arrive(self, name: str, role: str = "bidder", **more: Any) -> None:
        self.people[name] = self.make(name, hall.signed(ROOM, name, role, name=name.title(), **more))
        await self.people[name].come()

    async def bid(self, name: str, amount: int, op: str, lot: str = "lot-1") -> str:
        return await self.people[name].ask(op, "bid", round=lot, amount=amount)

    async def all_see(self, **shown: str) -> None:
        """Wait until the screen of everybody is live and shows these fields of the state."""

        async def so() -> bool:
            screens = [await player.look() for player in self.people.values()]
            return all(s.mode == "live" and shown.items() <= s.state.items() for s in screens)

        await until(so, f"not everybody sees {shown}")

    async def highest(self, name: str) -> tuple[str, int]:
        """Return whose the highest bid is and how much, as one's own screen has it."""
        view = (await self.people[name].look(anew=True)).view
        return view["d"]["bid"]["member"], view["d"]["bid"]["amount"]

    def state(self, field: str) -> Any:
        return self.admin.hget(self.keys.state(ROOM), field)

    def time_is_over(self) -> None:
        """Let the lot have ended: nobody waits two minutes for it."""
        self.admin.hset(self.keys.state(ROOM), "phase_until", 1)


async def play(a: Auction) -> None:
    """Play it to its end."""
    try:
        await doors_open(a)
        await bids(a)
        await a_bad_connection(a)
        await blocked(a)
        await the_hammer(a)
    finally:
        for player in a.people.values():
            await player.stop()


async def doors_open(a: Auction) -> None:
    a.app.create(ROOM, owner="host")
    await a.arrive("host", "host", seat=False)
    await a.arrive("eve", "spectator", seat=False)
    for name in BIDDERS:
        await a.arrive(name)
    await until(lambda: live(a), "not everybody is in")
    assert await a.people["ann"].ask("o1", "start", round="lot-1", value={"text": "A lathe"}) == "not allowed"
    assert await a.bid("ann", 100, "b0") == "not now"
    assert await a.people["host"].ask("o1", "start", round="lot-1", value={"text": "A lathe"}) == "ok"
    await a.all_see(phase="open", round="lot-1", content='{"text":"A lathe"}')


async def live(a: Auction) -> bool:
    return all([(await player.look()).mode == "live" for player in a.people.values()])


async def bids(a: Auction) -> None:
    """The same amount from four phones by two gateways: one has it. Less than the step above it is too low."""
    ends = float(a.state("phase_until"))
    told = await asyncio.gather(*(a.bid(name, 500, "b1") for name in BIDDERS))
    assert sorted(told) == ["low", "low", "low", "ok"]
    first = BIDDERS[told.index("ok")]
    other = next(name for name in BIDDERS if name != first)
    assert float(a.state("phase_until")) > ends, "a late bid moves the end"
    assert await a.bid(other, 549, "b2") == "low"
    assert await a.bid(other, 550, "b3") == "ok"
    assert await a.bid(other, 550, "b3") == "duplicate"  # its answer was lost on the way, and it is sent again
    assert await a.bid(other, 650, "b3+") == "leading"  # nobody outbids themselves
    assert await a.bid(first, 600, "b4", lot="lot-0") == "stale"
    assert await a.bid("eve", 900, "b5") == "no seat"
    await a.all_see(phase_until=a.state("phase_until"))
    assert {await a.highest(name) for name in a.people} == {(other, 550)}


async def a_bad_connection(a: Auction) -> None:
    """Who was away sees what was bid meanwhile, and that it is not the own one."""
    ann, version = a.people["ann"], int(a.state("version"))
    leader, _ = await a.highest("eve")
    rival = "cid" if leader == "bob" else "bob"
    await ann.lose()
    assert await a.bid(rival, 700, "b6") == "ok"

    async def knows() -> bool:
        screen = await ann.look()
        return screen.mode == "live" and screen.version > version

    await until(knows, "who came back is behind")
    assert await a.highest("ann") == (rival, 700)
    assert await a.bid("ann", 800, "b7") == "ok"
    assert await a.highest("eve") == ("ann", 800)


async def blocked(a: Auction) -> None:
    dee = a.people.pop("dee")
    assert await a.people["host"].ask("o2", "kick", target="dee") == "ok"
    await until(lambda: removed(dee), "the blocked one was not sent away")
    await dee.stop()
    again = a.make("dee", hall.signed(ROOM, "dee", "bidder", name="Delia"))
    await again.come()
    await until(lambda: removed(again), "the blocked one came back")
    await again.stop()
    assert a.app.run(a.act.bid(ROOM, "dee", "lot-1", 5000)).status == "no seat"


async def the_hammer(a: Auction) -> None:
    host = a.people["host"]
    assert await host.ask("o3", "pause") == "ok"
    assert await a.bid("bob", 900, "b8") == "not now"
    assert await host.ask("o4", "resume") == "ok"
    await a.timer(ROOM, "timer")
    assert a.state("phase") == "open", "the server's clock has not got there yet"
    a.time_is_over()
    assert await a.bid("bob", 950, "b9") == "late"
    await a.timer(ROOM, "timer")
    await a.timer(ROOM, "timer")  # another worker, or the same one again
    won: Mapping[str, Any] = {"winner": "ann", "amount": 800}
    await a.all_see(phase="revealed", result=json.dumps(won, separators=(",", ":")))
    assert await host.ask("o5", "start", round="lot-2", value={"text": "A saw"}) == "ok"
    await a.all_see(phase="open", round="lot-2")
    view = (await a.people["bob"].look(anew=True)).view
    assert view["d"]["bid"] == {"member": None, "amount": None}
    assert await host.ask("o6", "end") == "ok"
    await until(lambda: ended(a), "not everybody sees the end")
    assert await a.bid("bob", 1000, "b10", lot="lot-2") == "ended"


async def ended(a: Auction) -> bool:
    return all([(await player.look()).state.get("status") == "ended" for player in a.people.values()])
