"""The ways in which a server is asked for changes, and what CPU it takes for them.

- as sent: each change in a write of its own, from CONNECTIONS of which each waits for its answer, as gateways do: what the
  server needs to read, to reply and to wake is in it.
- pipelined: all changes in one write. No client sends so; it shows what the commands alone cost, and so the most by which a
  function can be dearer than they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import redis

from redis_plan.measure.respwire import Wire, pack
from redis_plan.server import Server

AS_SENT, PIPELINED = "as sent", "pipelined"
CONNECTIONS = 20
Command = tuple[str | int, ...]


@contextmanager
def connected(live: Server) -> Iterator[list[Wire]]:
    """Give the connections."""
    with ExitStack() as stack:
        yield [stack.enter_context(Wire(live)) for _ in range(CONNECTIONS)]


def ask(wires: Sequence[Wire], changes: Sequence[Sequence[Command]], way: str) -> object:
    """Send the changes and wait for their answers, of which the last is returned."""
    packed = [(b"".join(pack(*command) for command in change), len(change)) for change in changes]
    if way == PIPELINED:
        return wires[0].ask(b"".join(payload for payload, _ in packed), sum(replies for _, replies in packed))
    last: object = None
    for turn in (packed[at : at + len(wires)] for at in range(0, len(packed), len(wires))):
        for wire, (payload, _) in zip(wires, turn, strict=False):
            wire.send(payload)
        for wire, (_, replies) in zip(wires, turn, strict=False):
            last = wire.receive(replies)
    return last


def cpu_us(client: redis.Redis, wires: Sequence[Wire], changes: Sequence[Sequence[Command]], way: str) -> float:
    """Return the microseconds of the server's main thread for one change; the last one has to be done."""

    def used() -> float:
        found: Any = client.info("cpu")
        return float(found["used_cpu_user_main_thread"] + found["used_cpu_sys_main_thread"])

    before = used()
    last = ask(wires, changes, way)
    spent = used() - before
    assert isinstance(last, list), last  # neither refused nor, by who watches, given up
    return 1e6 * spent / len(changes)
