"""Buzzroom: a gateway as a process, the least that one needs.

python redis_plan_serve.py HOST:PORT

REDIS_URL has the server, several with commas between them; GATEWAY_SECRET signs tickets. SIGTERM drains it.
REDIS_READ_URL may name replicas: the subscription and the beacon are theirs then, every change stays the primary's.
Written by redis-plan: the next build writes it again and keeps an edited one aside.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import os
import secrets
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from redis_plan_actions import Actions
from redis_plan_client import AsyncOperations, Keys, bucket, decode_id, encode_id
from redis_plan_deadlines import Deadlines
from redis_plan_gateway import Enter, Gateway, Limits, See
from redis_plan_periods import CLAIM_S, DRAIN_S, HEARTBEAT_S, IDLE_S, LINGER_S, SWEEP_S, TIMING
from redis_plan_sync_driver import Link, SyncDriver, persist
from redis_plan_websocket import LEADERS, Member

#: Bounds of this process; the periods are the project's.
LIMITS = Limits(HEARTBEAT_S, LINGER_S, DRAIN_S, most_change=19200)


def ticket(secret: str, session_id: str, member_id: str, role: str) -> str:
    """Return what your API gives a member who may join: only who knows the secret can make one."""
    return hmac.new(secret.encode(), "\n".join((session_id, member_id, role)).encode(), hashlib.sha256).hexdigest()


def admission(secret: str) -> Callable[[Mapping[str, Any]], Member | None]:
    """Return what lets a first word in by its ticket: {"t": "join", "s", "m", "c", "r", "k", "seat", "name"}.

    A ticket for a spectator gives no seat, whatever the word asks for. Ids are those that stand as they are in the name
    of a key; your API makes no others. It makes one member of one device, so that who was removed does
    not come back as somebody else: a device that the message names could be any.
    """

    def admit(given: Mapping[str, Any]) -> Member | None:
        session_id, member_id, role = (str(given.get(name, "")) for name in "smr")
        if not hmac.compare_digest(ticket(secret, session_id, member_id, role), str(given.get("k", ""))):
            return None
        connection = str(given.get("c") or secrets.token_hex(4))
        if any(encode_id(id) != id for id in (session_id, member_id, connection)):
            return None
        seat = bool(given.get("seat", True)) and role != "spectator"
        data = {"name": str(given.get("name") or "")}
        return Member(session_id, member_id, connection, role, seat, data)

    return admit


def entrance(operations: AsyncOperations) -> Enter | None:
    """Return how a member comes in: by the project's own actions, so that names, limits and bans hold for everybody."""
    actions = Actions(operations.keys)

    async def enter(member: Member) -> str:
        session_id, member_id, connection = member.session_id, member.member_id, member.connection
        if member.role in LEADERS and not member.seat:
            there = await operations.run(actions.attend(session_id, member_id, connection))
            if there.status != "not allowed":  # by the state it leads no more: it is as anybody without a seat
                return there.status
        if not member.seat:
            watching = actions.watch(session_id, member_id, connection, member_id)
            return (await operations.run(watching)).status
        name = member.data["name"]
        if not name:  # who says none keeps the one there is
            seat = await operations.client.execute_command("HGET", operations.keys.roster(session_id), member_id)
            name = json.loads(seat)["name"] if seat else member_id
        joining = actions.join(session_id, member_id, connection, member_id, name)
        return (await operations.run(joining)).status

    return enter


def sight(operations: AsyncOperations) -> See | None:
    """Return what gives a member its view: what its screen shows beside the state, as its role may see it."""
    actions = Actions(operations.keys)

    async def see(member: Member, state: Mapping[str, Any]) -> Mapping[str, Any] | None:
        looked = actions.snapshot_of(member.session_id, member.member_id, decode_id(state.get("round", "none")))
        seen = await operations.run(looked)
        if seen is None:
            return None
        parts = asdict(seen)
        del parts["state"], parts["epoch"]
        return {"v": parts.pop("version"), "role": parts.pop("own_role"), "d": parts}

    return see


async def serve(
    host: str, port: int, node: str, limits: Limits = LIMITS, feed: Callable[..., SyncDriver] = SyncDriver
) -> None:
    """Be a gateway until SIGTERM or SIGINT; feed is what keeps the copies."""
    keys, urls = Keys(environment="prod"), os.environ["REDIS_URL"].split(",")
    lent = os.environ.get("REDIS_READ_URL")
    reads = Link(lent.split(","), TIMING, any_role=True) if lent else None
    link = Link(urls, TIMING)
    operations = AsyncOperations(link, keys, form="auto")
    index = operations.client, lambda session_id: keys.due(bucket(session_id)), encode_id
    deadlines = Deadlines(*index, ("phase_until",), SWEEP_S, IDLE_S, CLAIM_S)
    actions = Actions(keys)

    async def act(member: Member, given: Mapping[str, Any]) -> tuple[str, int]:
        """Carry out an action that people may ask for; its function checks role, seat, phase and time."""
        said = given.get("d")
        about: Mapping[str, Any] = said if isinstance(said, dict) else {}
        op_id = f"{member.member_id}:{given['op']}"
        call = actions.asked(str(given["k"]), member.session_id, member.member_id, about, op_id)
        done = await persist(lambda: operations.run(call), TIMING)
        if done.status == "ok" and given["k"] in ("answer",):
            deadlines.soon(member.session_id)
        return str(done.status), done.version

    of_all = (operations.catch_up, keys.events, keys.state, TIMING)
    options: Any = {"renew": operations.renew, "signals": [keys.signals]}
    driver = feed(link, *of_all, reads=reads, probe=keys.probe(node), **options)
    admit = admission(os.environ["GATEWAY_SECRET"])
    enter = entrance(operations)
    gateway = Gateway(operations, driver, admit, act, limits, enter=enter, see=sight(operations))
    gateway.deadlines = deadlines.heard
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    async with driver:
        print(f"listening on {host}:{await gateway.listen(host, port)}", flush=True)
        await over.wait()
        await gateway.drain()
    for each in (link, reads):
        if each is not None:
            await each.drop()


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
