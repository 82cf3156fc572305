"""Buzzroom: a gateway as a process, the least that one needs: python redis_plan_serve.py HOST:PORT.

REDIS_URL has the server, several with commas between them; GATEWAY_SECRET signs tickets. SIGTERM drains it.
Written by redis-plan: the next build writes it again and keeps an edited one aside.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import os
import secrets
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from redis_plan_client import AsyncOperations, Keys
from redis_plan_gateway import Gateway, Limits
from redis_plan_periods import DRAIN_S, HEARTBEAT_S, LINGER_S, TIMING
from redis_plan_sync_driver import Link, SyncDriver, persist
from redis_plan_websocket import Member

#: Bounds of this process; the periods are the project's.
LIMITS = Limits(HEARTBEAT_S, LINGER_S, DRAIN_S)


def ticket(secret: str, session_id: str, member_id: str, role: str) -> str:
    """Return what your API gives a member who may join: only who knows the secret can make one."""
    return hmac.new(secret.encode(), "\n".join((session_id, member_id, role)).encode(), hashlib.sha256).hexdigest()


def admission(secret: str) -> Callable[[Mapping[str, Any]], Member | None]:
    """Return what lets a first word in by its ticket: {"t": "join", "s", "m", "c", "r", "k", "seat"}."""

    def admit(given: Mapping[str, Any]) -> Member | None:
        session_id, member_id, role = (str(given.get(name, "")) for name in "smr")
        if not hmac.compare_digest(ticket(secret, session_id, member_id, role), str(given.get("k", ""))):
            return None
        connection = str(given.get("c") or secrets.token_hex(4))
        return Member(session_id, member_id, connection, role, bool(given.get("seat", True)))

    return admit


async def serve(
    host: str, port: int, node: str, limits: Limits = LIMITS, feed: Callable[..., SyncDriver] = SyncDriver
) -> None:
    """Be a gateway until SIGTERM or SIGINT; feed is what keeps the copies."""
    keys, link = Keys(environment="prod"), Link(os.environ["REDIS_URL"].split(","), TIMING)
    operations = AsyncOperations(link, keys, form="auto")

    async def act(member: Member, given: Mapping[str, Any]) -> tuple[str, int]:
        """Carry out a change: here any field may be set; your actions and what each role may do belong here."""
        kind, data, fields = str(given["k"]), given.get("d"), dict(given.get("set") or {})
        event = data if isinstance(data, dict) else {}
        change = {**event, "by": member.member_id, "set": fields}
        op_id = f"{member.member_id}:{given['op']}"
        done = await persist(
            lambda: operations.apply(member.session_id, kind, change, op_id=op_id, fields=fields), TIMING
        )
        return done.status, done.version

    driver = feed(link, operations.catch_up, keys.events, keys.state, TIMING, probe=keys.probe(node))
    admit = admission(os.environ["GATEWAY_SECRET"])
    gateway = Gateway(operations, driver, admit, act, limits)
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    async with driver:
        print(f"listening on {host}:{await gateway.listen(host, port)}", flush=True)
        await over.wait()
        await gateway.drain()
    await link.drop()


def event_loop() -> asyncio.AbstractEventLoop:
    """Return uvloop's where there is one: it halves the cost of a socket."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    where, _, number = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8080").rpartition(":")
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(serve(where, int(number), secrets.token_hex(4)))
