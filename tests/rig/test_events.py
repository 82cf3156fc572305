"""What goes wrong on purpose is measured as it is: who is back and when, and what a wire that is cut holds back."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from redis_plan import server
from redis_plan.keyspace import naming
from redis_plan.rig import hall
from redis_plan.rig.events import recover
from redis_plan.rig.member import Member
from redis_plan.rig.proxy import Wire
from tests.delivery import made


@pytest.mark.parametrize("catches_up", [True, False], ids=["as delivered", "control: no catch-up"])
def test_all_come_back_from_a_storm_and_without_a_catch_up_they_do_not(tmp_path: Path, catches_up: bool) -> None:
    folder = made.write(made.of(made.SAMPLE, tmp_path).artefacts, tmp_path / "redis")
    with server.open_own({"port": "auto"}) as own:
        delivered = hall.opened(folder, own, ["a", "b"])
        keys, client = delivered.Keys(naming.ENVIRONMENT), own.client(decode_responses=True)
        operations = delivered.Operations(client, keys)
        with hall.gateway(folder, [f"redis://127.0.0.1:{own.address[-1]}"]) as (_, port):
            members = [
                Member([f"ws://127.0.0.1:{port}/"], hall.signed("ab"[n % 2], f"m{n}"), random.Random(n), catches_up=catches_up)
                for n in range(8)
            ]  # fmt: skip

            async def storm() -> None:
                for member in members:
                    member.drop()
                await asyncio.to_thread(operations.apply, "a", "count", {"set": {"total": "1"}}, fields={"total": "1"})

            read: Callable[[str], dict[str, str]] = lambda session: client.hgetall(keys.state(session))  # noqa: E731
            found = asyncio.run(recover(members, storm, read, random.Random(1), limit_s=20.0 if catches_up else 3.0))
    assert bool(found.wrong) != catches_up
    if catches_up:
        assert max(found.back_s) < float("inf")
        assert found.counts["lost"] == len(members)
        assert not found.lost


def test_a_cut_wire_holds_what_it_was_given_and_brings_it_late() -> None:
    async def story() -> tuple[bytes, bytes, float]:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(100):
                writer.write(data)
            writer.close()

        target = await asyncio.start_server(echo, "127.0.0.1", 0)
        wire = Wire(target.sockets[0].getsockname()[1])
        await wire.open()
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write(b"whole")
        first = await reader.read(100)
        begun = time.monotonic()
        cut = asyncio.create_task(wire.cut(0.3))
        await asyncio.sleep(0)
        writer.write(b"late")
        second = await reader.read(100)
        took = time.monotonic() - begun
        await cut
        writer.close()
        await wire.close()
        target.close()
        await asyncio.sleep(0.05)  # the echo ends
        return first, second, took

    first, second, took = asyncio.run(story())
    assert (first, second) == (b"whole", b"late")
    assert took >= 0.3
