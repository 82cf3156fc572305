"""Clients that we did not write join, act and come back: after a new gateway, and after a new start of the server under it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from redis_plan import server
from redis_plan.rig import hall
from redis_plan.server import Server
from tests.delivery import made, node
from tests.delivery.games.players import Bridge, BridgedPlayer, Screen
from tests.delivery.test_games import Process
from tests.delivery.test_gateway import Gateway
from tests.delivery.test_survivors import AOF
from tests.end_to_end.test_pages import BROWSER, CHROMIUM, needs_browser


class Service(NamedTuple):
    """What the project's service does: it opens the room and leads it."""

    own: Server
    operations: Any
    act: Any
    keys: Any

    def lead(self, action: str, *words: Any) -> None:
        assert self.operations.run(getattr(self.act, action)("s0", "host", *words)).status == "ok"

    @property
    def state(self) -> dict[str, str]:
        found: Any = self.own.client(decode_responses=True).hgetall(self.keys.state("s0"))
        return found


@pytest.fixture
def service(game_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A server that keeps what it has, with the sample's functions and a room, and the service on it."""
    client, actions = made.imported(game_folder, monkeypatch)
    with server.open_own({"port": "auto", **AOF}) as own:
        own.client().function_load((game_folder / "functions.lua").read_text("utf-8"))
        keys = client.Keys(environment="prod")
        operations = client.Operations(own.client(decode_responses=True), keys)
        operations.create("s0", owner="host")
        yield Service(own, operations, actions.Actions(keys), keys)


async def recovers(player: BridgedPlayer, service: Service, gateway: Process | Gateway) -> None:
    """Let a client act before, between and after: what it asked for while nobody was there is done once."""

    async def sees(what: str, is_so: Callable[[Screen], bool]) -> Screen:
        deadline = time.monotonic() + 30
        while True:
            screen = await player.look()
            if screen.mode == "live" and is_so(screen):
                return screen
            assert time.monotonic() < deadline, f"{what}: {screen}"
            await asyncio.sleep(0.05)

    await player.come()
    await sees("never in", lambda s: bool(s.view))
    service.lead("start_question", "q1", {"text": "first"})
    assert await player.ask("t1", "answer", round="q1", value="a") == "ok"
    gateway.kill()
    service.lead("skip_question", "q1")
    service.lead("start_question", "q2", {"text": "second"})
    asked = asyncio.create_task(player.ask("t2", "answer", round="q2", value="b"))
    gateway.start()
    await sees("after the gateway", lambda s: s.state["round"] == "q2" and s.state["content"] == '{"text":"second"}')
    assert await asked in ("ok", "duplicate")
    closes = (await player.look()).closes
    service.own.kill()
    asked = asyncio.create_task(player.ask("t3", "choose_team", team="red"))
    await asyncio.sleep(0.3)
    service.own.start()
    service.lead("skip_question", "q2")
    assert await asked in ("ok", "duplicate", "not now")
    assert await player.ask("t4", "choose_team", team="blue") in ("ok", "not now")
    version = service.state["version"]
    screen = await sees("after the server", lambda s: str(s.version) == version)
    assert screen.state["phase"] == "skipped"
    assert screen.closes == closes, "a server that is away closes nobody's socket"
    await player.stop()


@node.needs_node
def test_the_stock_client_of_socket_io_comes_back(service: Service, game_folder: Path, on_node: Path) -> None:
    async def story() -> None:
        async with Bridge(["node", str(on_node / "socketio-players.mjs")]) as bridge:
            hello = hall.signed("s0", "ann", name="Ann")
            await recovers(BridgedPlayer(bridge, "ann", f"http://127.0.0.1:{gateway.port}", hello), service, gateway)

    gateway = Process(["node", str(on_node / "socketio-server.js"), "{port}"], made.url(service.own), game_folder)
    try:
        gateway.wait()
        asyncio.run(story())
    finally:
        gateway.kill()


@needs_browser
@node.needs_node
def test_a_page_in_a_browser_comes_back(service: Service, game_folder: Path, on_node: Path) -> None:
    async def story() -> None:
        command = ["node", str(BROWSER / "member.mjs"), str(CHROMIUM), str(on_node / "redis-plan-sync.js")]
        async with Bridge(command) as bridge:
            hello = hall.signed("s0", "ann", name="Ann")
            await recovers(BridgedPlayer(bridge, "ann", gateway.url, hello), service, gateway)

    gateway = Gateway(game_folder, service.own)
    try:
        asyncio.run(story())
    finally:
        gateway.kill()
