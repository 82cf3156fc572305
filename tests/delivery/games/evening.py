"""One evening of the sample: thirty players, a whole game with all that goes wrong, and what must hold after every step."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from redis_plan.rig import hall
from tests.delivery.games.players import Player, Screen

ROOM = "k3v9"
#: Makes a player of a name and the first word of its client.
Make = Callable[[str, Mapping[str, Any]], Player]
#: Fields that no event carries: a copy knows its version beside them.
NOT_TOLD = {"version", "updated_at"}
#: How long everybody may take to be right again after a step, with a gateway that starts again.
SETTLE_S = 30.0


@dataclass
class Evening:
    """The room, what its server holds, and what should be in it by the game's own rules."""

    admin: Any
    app: Any
    worker: Any
    act: Any
    keys: Any
    make: Make
    restart: Callable[[], None]
    players: dict[str, Player] = field(default_factory=dict)
    seated: set[str] = field(default_factory=set)
    taps: dict[str, dict[str, str]] = field(default_factory=dict)  # by round: who gave which answer first
    points: dict[str, float] = field(default_factory=dict)
    hands: dict[str, str] = field(default_factory=dict)  # what each was dealt that nobody else may see
    steps: list[str] = field(default_factory=list)

    def player(self, name: str, role: str = "player", **more: Any) -> Player:
        hello = hall.signed(ROOM, name, role, name=name.title(), **more)
        self.players[name] = self.make(name, hello)
        return self.players[name]

    async def arrive(self, *names: str, role: str = "player", **more: Any) -> None:
        for name in names:
            await self.player(name, role, **more).come()
        if more.get("seat", True):
            self.seated |= set(names)

    async def settled(self, what: str) -> dict[str, Screen]:
        """Return the screens of all who are in once each shows the server's version, and hold them against the server."""
        deadline = time.monotonic() + SETTLE_S
        while True:
            version = int(self.admin.hget(self.keys.state(ROOM), "version"))
            screens = {name: await player.look() for name, player in self.players.items()}
            late = [name for name, s in screens.items() if (s.mode, s.version) != ("live", version)]
            if not late:
                screens = {name: await player.look(texts=True) for name, player in self.players.items()}
                self.check(what, screens)
                self.steps.append(what)
                return screens
            assert time.monotonic() < deadline, f"{what}: {late} are not at {version}: {[screens[n] for n in late[:2]]}"
            await asyncio.sleep(0.05)

    def check(self, what: str, screens: Mapping[str, Screen]) -> None:
        """Hold the invariants of the game against the server and against every screen."""
        state = self.admin.hgetall(self.keys.state(ROOM))
        shown = {k: v for k, v in state.items() if not k.startswith(("hidden:", "key:"))}
        log = [json.loads(entry) for entry in self.admin.lrange(self.keys.log(ROOM), 0, -1)]
        assert [e["v"] for e in log] == list(range(log[0]["v"], int(state["version"]) + 1)), (
            f"{what}: a hole in the log"
        )
        assert set(self.admin.hkeys(self.keys.roster(ROOM))) == self.seated, f"{what}: seats"
        seats = [json.loads(seat) for seat in self.admin.hvals(self.keys.roster(ROOM))]
        names = [seat.get("as", seat["name"].lower()) for seat in seats]
        assert len(names) == len(set(names)) <= 60, f"{what}: names"
        scores = {m: s for m, s in self.admin.zrange(self.keys.score(ROOM), 0, -1, withscores=True) if s}
        assert scores == self.points, f"{what}: points"
        for round_, taps in self.taps.items():
            kept = {m: json.loads(v)["d"] for m, v in self.admin.hgetall(self.keys.answer(ROOM, round_)).items()}
            assert kept == taps, f"{what}: the first tap counts"
        for name, screen in screens.items():
            differs = {k for k in {*shown, *screen.state} if shown.get(k) != screen.state.get(k)} - NOT_TOLD
            assert not differs, f"{what}: {name} sees another {differs}"
            said = "".join(screen.texts)
            dealt = [hand for who, hand in self.hands.items() if who != name and hand in said]
            assert not dealt, f"{what}: {name} sees a hand"
            for taps in self.taps.values():
                assert not [v for who, v in taps.items() if who != name and v in said], f"{what}: {name} sees an answer"

    async def tap(self, name: str, round_: str, op: str) -> str:
        """Answer twice at once, as a bad network does it, and once more; exactly one of the three counts."""
        player, value = self.players[name], f"secret-{name}-{round_}"
        told = await asyncio.gather(
            *(player.ask(op, "answer", round=round_, value=value) for _ in range(2)),
            player.ask(f"{op}b", "answer", round=round_, value=value),
        )
        assert told.count("ok") <= 1, told
        assert set(told) <= {"ok", "duplicate", "again"}, told
        self.taps.setdefault(round_, {})[name] = value
        return str(told)

    def timer(self, call: Any) -> str:
        return str(self.worker.run(call).status)

    def award(self, who: str, round_: str, amount: int) -> None:
        assert self.timer(self.act.award(ROOM, who, round_, amount)) == "ok"
        self.points[who] = self.points.get(who, 0) + amount


async def play(e: Evening) -> None:
    """Play the whole evening."""
    try:
        await lobby(e)
        await dealt(e)
        await first_question(e)
        await kicked(e)
        await paused_and_broken(e)
        await buzzers(e)
        await guests(e)
        await second_tab(e)
        await over(e)
    finally:
        for player in e.players.values():
            await player.stop()


async def lobby(e: Evening) -> None:
    e.app.create(ROOM, owner="host")
    await e.arrive("host", role="host", seat=False)
    await e.arrive(*(f"p{number}" for number in range(26)))
    await e.settled("the lobby")
    assert await e.players["p1"].ask("o1", "start_question", round="q1", value={"text": "?"}) == "not allowed"


async def dealt(e: Evening) -> None:
    """Each is dealt a hand that its owner alone sees, also who comes back meanwhile and catches up by the event."""
    for number in range(6):
        if number == 3:
            await e.players["p0"].lose()
        who = f"p{number}"
        e.hands[who] = f"hand-of-{who}."
        assert e.timer(e.act.deal(ROOM, who, json.dumps({"hand": e.hands[who]}))) == "ok"
    screens = await e.settled("hands are dealt")
    for who in ("p1", "p2", "p4", "p5"):
        assert e.hands[who] in "".join(screens[who].texts), f"{who} does not see the own hand"


async def first_question(e: Evening) -> None:
    assert await e.players["host"].ask("o1", "start_question", round="q1", value={"text": "Who?"}) == "ok"
    await asyncio.gather(*(e.tap(f"p{number}", "q1", "t1") for number in range(26)))
    await e.arrive(*(f"p{number}" for number in range(26, 30)))  # they come late, and see the question all the same
    screens = await e.settled("the late ones are in")
    assert json.loads(screens["p29"].state["content"]) == {"text": "Who?"}
    assert e.timer(e.act.all_answered(ROOM, "q1")) == "waiting"
    await asyncio.gather(*(e.tap(f"p{number}", "q1", "t1") for number in range(26, 30)))
    assert e.timer(e.act.all_answered(ROOM, "q1")) == "ok"
    assert await e.players["p1"].ask("t9", "answer", round="q1", value="late") == "not now"
    assert await e.players["host"].ask("o2", "reveal", round="q1", value={"right": "b", "of": 30}) == "ok"
    for number in range(12):
        e.award(f"p{number}", "q1", 100 + number)
    screens = await e.settled("the first question is revealed")
    assert json.loads(screens["p0"].state["result"])["of"] == 30
    view = (await e.players["p3"].look(anew=True)).view["d"]
    assert len(view["score"]["top"]) == 10
    assert (view["score"]["place"], view["score"]["points"]) == (9, 103)
    assert json.loads(view["answer"]["own"])["d"] == "secret-p3-q1"


async def kicked(e: Evening) -> None:
    troll = e.players.pop("p9")
    assert await e.players["host"].ask("o3", "kick", target="p9") == "ok"
    e.seated.remove("p9")
    e.points.pop("p9")
    await until(lambda: removed(troll), "the kicked one was not sent away")
    await troll.stop()
    await e.settled("one is kicked")
    again = e.make("p9", hall.signed(ROOM, "p9", name="Another"))
    await again.come()
    await until(lambda: removed(again), "the kicked one came back")
    await again.stop()
    await e.settled("the kicked one stays out")


async def removed(player: Player) -> bool:
    closes = (await player.look()).closes
    return bool({"4003", "removed"} & set(closes))


async def paused_and_broken(e: Evening) -> None:
    host = e.players["host"]
    assert await host.ask("o4", "start_question", round="q2", value={"text": "What?"}) == "ok"
    await asyncio.gather(*(e.tap(f"p{number}", "q2", "t2") for number in range(5)))
    assert await host.ask("o5", "pause") == "ok"
    assert await e.players["p5"].ask("t2p", "answer", round="q2", value="secret in the pause") == "not now"
    await e.settled("paused")
    assert await host.ask("o6", "resume") == "ok"
    for number in range(10, 15):
        await e.players[f"p{number}"].lose()
    await e.settled("five came back")
    await asyncio.to_thread(e.restart)  # a gateway is killed: its players go to the other one, or wait for it
    await asyncio.gather(*(e.tap(f"p{number}", "q2", "t2") for number in range(10, 20)))
    await e.settled("a gateway was killed")
    e.award("p1", "q2", 50)
    assert await host.ask("o7", "skip_question", round="q2") == "ok"
    assert e.timer(e.act.take_back(ROOM, "p1", "q2")) == "ok"  # what is skipped does not count
    e.points["p1"] -= 50
    await e.settled("a question is skipped")


async def buzzers(e: Evening) -> None:
    assert await e.players["host"].ask("o8", "start_question", round="q3", value={"text": "Buzz!"}) == "ok"
    told = await asyncio.gather(*(e.players[n].ask("b1", "buzz", object="buzzer-1") for n in sorted(e.seated)))
    assert sorted(told) == sorted(["ok", *["taken"] * (len(e.seated) - 1)])
    winner = e.admin.hgetall(e.keys.buzzer(ROOM))["buzzer-1"]
    screens = await e.settled("one was first")
    assert {screen.state["winner"] for screen in screens.values()} == {winner}


async def guests(e: Evening) -> None:
    """Six want to watch, five may; they take no seat, answer nothing, and see nothing hidden."""
    watching = [e.make(f"w{n}", hall.signed(ROOM, f"w{n}", "spectator", seat=False)) for n in range(6)]
    for player in watching:
        await player.come()

    async def five() -> bool:
        looks = [await player.look() for player in watching]
        return sorted(s.mode == "live" for s in looks) == [False, *[True] * 5] and any(s.closes for s in looks)

    await until(five, "not five of six watch")
    seen = [(await player.look()).mode for player in watching]
    inside = watching[seen.index("live")]
    assert await inside.ask("x1", "answer", round="q3", value="secret of a guest") == "no seat"
    for player, mode in zip(watching, seen, strict=True):
        if mode == "live":
            e.players[player.name] = player
        else:
            await player.stop()
    await e.settled("five watch")


async def second_tab(e: Evening) -> None:
    first = e.players.pop("p4")
    await e.player("p4", c="2").come()

    async def taken() -> bool:
        return bool({"4001", "taken over"} & set((await first.look()).closes))

    await until(taken, "the first tab stays")
    await first.stop()
    await e.settled("a second tab takes over")


async def over(e: Evening) -> None:
    assert await e.players["host"].ask("o9", "end_game") == "ok"
    await e.settled("the end")
    assert await e.players["p1"].ask("t3", "answer", round="q3", value="x") == "ended"
    assert e.worker.hand_over(ROOM, "row-1").status == "handed_over"
    await e.settled("handed over")
    assert e.worker.remove(ROOM) == "removed"
    assert not e.admin.keys(f"*{{{ROOM}}}*")
    e.steps.append("removed")


async def until(is_so: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + SETTLE_S
    while not await is_so():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)
