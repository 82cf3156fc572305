"""The delivered gateway as a process of an experiment: its own files, with the bounds and the feed that are asked for.

``python -m redis_plan.rig.serving gateway`` reads one line of JSON: folder (of the delivered files), environment, port,
limits (what differs), timing (likewise) and feed. It prints where it listens, answers each line on stdin with its CPU time and
when it was so, and ends when stdin closes. ``gateways '{"pipes": [[…]]}'`` is several, forked when all is imported: the line
has folder, environment and feeds, one a gateway, and each speaks on pipes of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

from redis_plan.rig.children import allow_sockets, twin
from redis_plan.rig.feeds import FEEDS, fit

#: More sockets than any experiment opens in one gateway.
SOCKETS = 20_000


async def _serve(given: dict[str, Any], delivered: Any) -> None:  # Any: the parent's JSON, and a module without types
    delivered.TIMING = delivered.TIMING._replace(**given.get("timing", {}))
    limits = delivered.LIMITS._replace(**given.get("limits", {}))
    fit(given.get("feed", ""), delivered)
    for door in ("entrance", "sight"):  # what is measured is the fan-out: to more than may watch, who have no names
        if hasattr(delivered, door):
            setattr(delivered, door, lambda _operations: None)
    task = asyncio.create_task(
        delivered.serve("127.0.0.1", given.get("port", 0), "rig", limits, FEEDS[given.get("feed", "")])
    )
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    asked = asyncio.create_task(_answer(reader))
    done, _ = await asyncio.wait([task, asked], return_when=asyncio.FIRST_COMPLETED)
    for ended in done:
        ended.result()


async def _answer(reader: asyncio.StreamReader) -> None:
    while await reader.readline():
        print(json.dumps({"cpu_s": time.process_time(), "at_s": time.monotonic()}), flush=True)


def main() -> None:
    """Be the gateway that the parent describes, or each of several."""
    role, about = sys.argv[1], json.loads(sys.argv[2])
    given = json.loads(sys.stdin.readline())
    allow_sockets(SOCKETS)
    os.environ.update(given["environment"])
    sys.path.insert(0, given["folder"])
    import redis_plan_serve  # type: ignore[import-not-found]  # noqa: PLC0415

    def be(one: dict[str, Any]) -> None:  # Any: JSON
        with asyncio.Runner(loop_factory=redis_plan_serve.event_loop) as runner:
            runner.run(_serve(one, redis_plan_serve))

    if role == "gateway":
        be(given)
    else:
        twin(about["pipes"], lambda number: be({"feed": given["feeds"][number]}))


if __name__ == "__main__":
    main()
