"""Game servers written on the delivered files play a whole evening of the sample, as the user of the ACL file that they are."""

import asyncio
import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from redis_plan import server
from redis_plan.rig import hall
from redis_plan.server import Server
from redis_plan.server.process import free_port
from tests.delivery import made
from tests.delivery.games import evening
from tests.delivery.games.players import Bridge, BridgedPlayer, SocketPlayer

GAMES = Path(__file__).parent / "games"


class Process:
    """A game server at a port of its own, which it keeps over its lives."""

    def __init__(self, command: list[str], url: str, folder: Path) -> None:
        self.port = free_port()
        self.command = [word.format(port=self.port) for word in command]
        self.environment = {**os.environ, "REDIS_URL": url, "GATEWAY_SECRET": hall.SECRET, "PYTHONPATH": str(folder)}
        self.process = subprocess.Popen(self.command, env=self.environment)

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, env=self.environment)
        self.wait()

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, "the game server ended"
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "the game server does not listen"
                time.sleep(0.05)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def restart(self) -> None:
        self.kill()
        self.start()


@pytest.fixture
def own(game: made.Project) -> Iterator[Server]:
    """A server with the delivered functions and users, on which nobody else may do anything but the test itself."""
    with server.open_own({"port": "auto"}) as live:
        root = live.client()
        made.install(root, game)
        yield live


@contextmanager
def games(command: list[str], own: Server, folder: Path) -> Iterator[list[Process]]:
    """Run two processes of a game server as the user app."""
    running: list[Process] = []
    try:
        for _ in range(2):
            running.append(Process(command, made.url(own, "app"), folder))
        for process in running:
            process.wait()
        yield running
    finally:
        for process in running:
            process.kill()


@pytest.fixture
def an_evening(own: Server, game_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., evening.Evening]:
    """Makes the evening of game servers: its service and its timers are the users app and worker as well."""
    client, actions = made.imported(game_folder, monkeypatch)

    def of(make: evening.Make, restart: Callable[[], None]) -> evening.Evening:
        keys = client.Keys(environment="prod")
        users: list[redis.Redis] = [
            own.client(username=user, password=made.PASSWORD, decode_responses=True) for user in ("app", "worker")
        ]
        app, worker = (client.Operations(user, keys) for user in users)
        admin: Any = own.client(decode_responses=True)
        return evening.Evening(admin, app, worker, actions.Actions(keys), keys, make, restart)

    return of


def test_a_game_server_on_fastapi_plays_the_whole_evening(
    own: Server, game_folder: Path, an_evening: Callable[..., evening.Evening]
) -> None:
    command = [sys.executable, str(GAMES / "fastapi_server.py"), "{port}"]
    assert (GAMES / "fastapi_server.py").read_text("utf-8").count("\n") < 200
    with games(command, own, game_folder) as running:
        urls = [f"ws://127.0.0.1:{process.port}/" for process in running]
        e = an_evening(lambda name, hello: SocketPlayer(name, urls, hello), running[1].restart)
        asyncio.run(evening.play(e))
    assert e.steps[-1] == "removed"


def test_a_game_server_on_socket_io_plays_the_whole_evening_with_its_stock_client(
    own: Server, on_node: Path, game_folder: Path, an_evening: Callable[..., evening.Evening]
) -> None:
    assert (GAMES / "socketio-server.ts").read_text("utf-8").count("\n") < 200

    async def story(running: list[Process]) -> evening.Evening:
        async with Bridge(["node", str(on_node / "socketio-players.mjs")]) as bridge:
            ports = itertools.cycle(process.port for process in running)
            e = an_evening(
                lambda name, hello: BridgedPlayer(bridge, name, f"http://127.0.0.1:{next(ports)}", hello),
                running[1].restart,
            )
            await evening.play(e)
            return e

    with games(["node", str(on_node / "socketio-server.js"), "{port}"], own, game_folder) as running:
        e = asyncio.run(story(running))
    assert e.steps[-1] == "removed"


TAMPERED: dict[str, Callable[[Any, Any, evening.Screen], Any]] = {
    "an answer was overwritten": lambda admin, keys, _: admin.hset(
        keys.answer("k3v9", "q1"), "ann", '{"at":1,"d":"b"}'
    ),
    "points out of nothing": lambda admin, keys, _: admin.zadd(keys.score("k3v9"), {"ann": 7}),
    "a seat that nobody took": lambda admin, keys, _: admin.hset(
        keys.roster("k3v9"), "eve", '{"name":"Eve","as":"eve"}'
    ),
    "a hole in the log": lambda admin, keys, _: admin.lset(keys.log("k3v9"), 1, admin.lindex(keys.log("k3v9"), 0)),
    "a screen that is behind": lambda _, __, screen: screen.state.pop("phase"),  # type: ignore[attr-defined]
    "an answer of somebody else": lambda _, __, screen: screen.texts.append("secret-ann-q1"),
}


@pytest.mark.parametrize("what", ["nothing", *TAMPERED])
def test_control_the_checks_of_an_evening_find_what_is_wrong(
    own: Server, an_evening: Callable[..., evening.Evening], what: str
) -> None:
    e = an_evening(lambda *_: pytest.fail("nobody comes"), lambda: None)
    e.app.create("k3v9", owner="host")
    e.app.run(e.act.join("k3v9", "ann", "c1", "d", "Ann"))
    e.app.run(e.act.start_question("k3v9", "host", "q1", {"text": "?"}))
    e.app.run(e.act.answer("k3v9", "ann", "q1", "secret-ann-q1"))
    e.seated, e.taps = {"ann"}, {"q1": {"ann": "secret-ann-q1"}}
    screen = evening.Screen("live", 3, dict(e.app.catch_up("k3v9", "", 0).state))
    TAMPERED.get(what, lambda *_: None)(e.admin, e.keys, screen)
    if what == "nothing":
        e.check(what, {"bob": screen})
    else:
        with pytest.raises(AssertionError, match=what):
            e.check(what, {"bob": screen})
