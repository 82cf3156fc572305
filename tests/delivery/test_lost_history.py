"""Every gateway is new after a failover that lost changes: a browser whose version is the server's by chance takes its state."""

import asyncio
import json
import random
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from redis_plan.keyspace import naming
from redis_plan.rig import hall
from redis_plan.rig.member import Member
from redis_plan.server import Server
from tests.delivery import made
from tests.delivery.playing import play, so, until
from tests.delivery.test_gateway import Gateway, node_member, running, state_key

__all__ = ["node_member"]


class Failover:
    """A server that goes back to what a replica had, and to which others write before anybody comes back."""

    def __init__(self, folder: Path, sample: made.Project, own: Server) -> None:
        self.client: Any = own.client(decode_responses=True)
        module = made.client_module(folder, "history")
        self.operations = module.Operations(self.client, module.Keys(naming.ENVIRONMENT))
        self.bytes: Any = own.client()
        self.names = [state_key(sample, "s0", name) for name in ("state", "log", "roster", "presence")]
        self.dumped: dict[str, bytes] = {}

    def replicate(self) -> None:
        """Note what a replica has."""
        self.dumped = {name: found for name in self.names if (found := self.bytes.dump(name))}

    def change(self, field: str, times: int) -> None:
        for number in range(times):
            fields = {field: str(number)}
            self.operations.apply("s0", "note", {"set": fields}, fields=fields)

    def lose(self, gateway: Gateway, kept: int) -> None:
        """Let every gateway die, lose what came since, and make other changes."""
        gateway.kill()
        for name, content in self.dumped.items():
            self.bytes.restore(name, 3_600_000, content, replace=True)
        self.change("kept", kept)
        gateway.start()

    @property
    def version(self) -> str:
        return str(self.client.hget(self.names[0], "version"))


def lost_nothing(state: Mapping[str, str], kept: int) -> bool:
    """Whether a copy has what the server has now, and nothing of what it lost."""
    return (state.get("kept"), state.get("lost")) == (str(kept - 1), None)


@pytest.mark.parametrize("kept", [1, 3, 5], ids=["behind", "as far", "further"])
def test_a_member_gives_up_what_was_lost(sample: made.Project, sample_folder: Path, kept: int) -> None:
    with running(sample_folder, sample) as (own, [gateway]):
        failover, ann = (
            Failover(sample_folder, sample, own),
            Member([gateway.url], hall.signed("s0", "ann"), random.Random(1)),
        )

        async def story() -> None:
            await so(lambda: ann.copy.mode == "live", "not in")
            failover.replicate()
            failover.change("lost", 3)
            await so(lambda: ann.copy.state.get("lost") == "2", "not told")
            await asyncio.to_thread(failover.lose, gateway, kept)
            await so(lambda: lost_nothing(ann.copy.state, kept), "another history stays")
            assert ann.copy.version == int(failover.version)

        play(story, ann)


def test_a_member_in_node_gives_up_what_was_lost(
    node_member: list[str], sample: made.Project, sample_folder: Path
) -> None:
    hello = hall.signed("s0", "ann")
    with running(sample_folder, sample) as (own, [gateway]), subprocess.Popen(
        [*node_member, json.dumps([gateway.url]), json.dumps(hello)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        failover = Failover(sample_folder, sample, own)

        def state() -> dict[str, str]:
            assert process.stdin
            assert process.stdout
            process.stdin.write("report\n")
            process.stdin.flush()
            found: dict[str, str] = json.loads(process.stdout.readline())["state"]
            return found

        until(state, "not in")
        failover.replicate()
        failover.change("lost", 3)
        until(lambda: state().get("lost") == "2", "not told")
        failover.lose(gateway, 3)
        until(lambda: lost_nothing(state(), 3), "another history stays")
        assert process.stdin
        process.stdin.close()
