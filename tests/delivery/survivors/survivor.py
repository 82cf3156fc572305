"""A process that uses only the delivered files: it follows sessions, changes them, and says on demand what it has.

``python survivor.py FOLDER '["redis://…"]' '["s1", …]'``; each line on stdin asks for a report, "pause" and "go on" hold the writer.
"""

import asyncio
import json
import sys
from pathlib import Path


async def main() -> None:
    folder, urls, sessions = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
    sys.path.insert(0, str(folder))
    from redis.exceptions import RedisError
    from redis_plan_client import AsyncOperations, Keys, RefusedError
    from redis_plan_periods import TIMING
    from redis_plan_sync_driver import Link, SyncDriver

    timing = TIMING._replace(beacon_s=0.3, probe_s=0.6, command_s=0.5, backoff_cap_s=0.4)
    keys, link = Keys("test"), Link(urls, timing)
    operations = AsyncOperations(link, keys, form="auto")
    acked, go = dict.fromkeys(sessions, 0), asyncio.Event()
    go.set()
    retried, done = 0, False
    heard = dict.fromkeys(sessions, "")

    def hear(session: str, _: object, message: str | None) -> None:
        if message is not None and (event := json.loads(message))["t"] == "~beat":
            heard[session] = event["d"]

    async def write() -> None:
        nonlocal retried
        number = 0
        while not done:
            number += 1
            for session in sessions:
                while not done:
                    await go.wait()
                    try:
                        await operations.apply(
                            session, "count", {"set": {"total": number}}, op_id=f"op-{number}", fields={"total": number}
                        )
                        break
                    except (
                        RedisError,
                        OSError,
                        RefusedError,
                    ):  # lost on the way, or refused: the same operation once more
                        retried += 1
                        await asyncio.sleep(0.02)
                acked[session] = number
            await asyncio.sleep(0.005)

    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with SyncDriver(
        link, operations.catch_up, keys.events, keys.state, timing, probe=keys.probe("survivor"), renew=operations.renew,
        signals=[lambda session: f"{keys.events(session)}-signals"],
    ) as driver:  # fmt: skip
        copies = {session: await driver.follow(session, hear) for session in sessions}
        writer = asyncio.create_task(write())
        print("ready", flush=True)
        while line := (await reader.readline()).decode().strip():
            if line == "pause":
                go.clear()
                await asyncio.sleep(0.6)
            elif line == "go on":
                go.set()
            report = {
                "acked": acked, "heard": heard,
                "copies": {s: {"mode": c.mode, "epoch": c.epoch, "version": c.version, "state": c.state} for s, c in copies.items()},
                "counts": {**link.counts, "retried": retried, "lives": driver.counts["lost"]},
            }  # fmt: skip
            print(json.dumps(report), flush=True)
        done = True
        writer.cancel()
    await link.drop()


asyncio.run(main())
