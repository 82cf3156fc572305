"""What Socket.IO's own recovery gives back, by adapter: as the delivered README says, and why it stays off."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from redis_plan import server
from tests.delivery.node import HERE, needs_node

pytestmark = needs_node


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with server.open_own({"port": "auto"}) as own:
        yield int(own.address[-1])


def heard(port: int, *how: str) -> dict[str, bool]:
    """Return whether a client recovered, and whether it missed what was told while it was away."""
    command = ["node", "recovery.mjs", str(port), *how]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, bool] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("adapter", ["classic", "sharded", "streams"])
def test_without_recovery_what_was_told_meanwhile_is_missed(port: int, adapter: str) -> None:
    assert heard(port, adapter, "off", "same")["missed"]


@pytest.mark.parametrize("adapter", ["classic", "sharded"])
def test_an_adapter_on_pub_sub_recovers_nothing_though_recovery_is_on(port: int, adapter: str) -> None:
    assert heard(port, adapter, "on", "other") == {"recovered": False, "missed": True}


@pytest.mark.parametrize(("adapter", "back"), [("memory", "same"), ("streams", "same"), ("streams", "other")])
def test_an_adapter_that_keeps_packets_gives_back_what_was_missed(port: int, adapter: str, back: str) -> None:
    assert heard(port, adapter, "on", back) == {"recovered": True, "missed": False}
