"""A project that is not the sample: an auction, on the game server that was written for the quiz and its own delivered files."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from redis_plan import brief, server
from redis_plan.actions import designing
from redis_plan.server import Server
from tests.delivery import made
from tests.delivery.games.auction import evening
from tests.delivery.games.players import SocketPlayer
from tests.delivery.test_games import GAMES, games

AUCTION = GAMES / "auction"
MODULES = ("redis_plan_client", "redis_plan_actions", "redis_plan_duties", "redis_plan_sync_driver")


@pytest.fixture(scope="module")
def auction() -> made.Project:
    asked = brief.read(AUCTION)
    return made.Project("auction", asked, designing.design(asked))


@pytest.fixture
def own(auction: made.Project) -> Iterator[Server]:
    with server.open_own({"port": "auto"}) as live:
        root = live.client()
        made.install(root, auction)
        yield live


def test_an_auction_is_played_on_two_gateways_by_its_delivered_files(
    own: Server, auction: made.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made.write(auction.artefacts, tmp_path / "redis")
    client, actions, duties, driver = made.imported(folder, monkeypatch, MODULES)
    keys = client.Keys(environment="prod")
    app = client.Operations(own.client(username="app", password=made.PASSWORD, decode_responses=True), keys)

    async def settled(operations: Any, session_id: str, lot: str, once: str) -> None:
        """What a team writes for the end of a lot: the highest bid has won."""
        ask, bids = operations.client.execute_command, keys.bid(session_id, lot)
        owner, top, won = (
            await ask("HGET", keys.state(session_id), "owner"),
            await ask("ZRANGE", bids, 0, 0, "REV"),
            None,
        )
        if top:
            won = {"winner": top[0].partition(":")[0], "amount": int(await ask("ZSCORE", bids, top[0]))}
        await operations.run(actions.Actions(keys).reveal(session_id, owner, lot, won, op_id=f"{once}:hammer"))

    async def story(urls: list[str], url: str) -> None:
        monkeypatch.setattr(duties, "settled", settled)
        link = driver.Link([url], duties.TIMING)
        timer = duties.duties(link, client.AsyncOperations(link, keys))["timer"]
        admin = own.client(decode_responses=True)
        await evening.play(
            evening.Auction(
                admin, app, actions.Actions(keys), keys, timer, lambda name, hello: SocketPlayer(name, urls, hello)
            )
        )
        await link.drop()

    with games([sys.executable, str(GAMES / "fastapi_server.py"), "{port}"], own, folder) as running:
        urls = [f"ws://127.0.0.1:{process.port}/" for process in running]
        worker = made.url(own, "worker")
        asyncio.run(story(urls, worker))
    assert own.client(decode_responses=True).hget(keys.state(evening.ROOM), "status") == "ended"
