"""Convergence: after a restart, with a file and without, when every client is right again."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pandas as pd
import redis

from redis_plan.brief.model import Brief
from redis_plan.chapters.recovery.recovery import AOF, NO_FILE, once
from redis_plan.delivery import syncing
from redis_plan.delivery.redis_plan_sync import SyncClient
from redis_plan.delivery.redis_plan_sync_driver import Link, SyncDriver, Timing
from redis_plan.errors import ServerError
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.session import CaughtUp, Session, start
from redis_plan.server import Server

#: How often a gateway looks at positions here, in seconds: what is asked is how long the way back is, not how rare a beacon.
BEAT_S = 0.05
#: How long copies may take to be live, and to be right again, before they count as wrong.
PATIENCE_S = 30.0


class Node:
    """A gateway in a thread of its own: the delivered driver, and its clients' copies, each fed over a link that loses.

    The gateway's copies follow Redis; each event that comes goes on to the clients of its session, and a position every
    :data:`BEAT_S`. A client that is behind asks its gateway, which asks Redis.
    """

    def __init__(self, url: str, timing: Timing, sessions: list[Session], clients: int, rng: random.Random) -> None:
        self.url, self.timing, self.rng = url, timing, rng
        self.copies = [(session, SyncClient()) for session in sessions for _ in range(clients)]
        self.by_state = {session.keys["state"]: session for session in sessions}
        self.stop = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True)

    @property
    def counts(self) -> Counter[str]:
        """What the clients' catch-ups were answered."""
        return sum((copy.counts for _, copy in self.copies), Counter())

    async def run(self) -> None:
        """Serve until told to stop."""
        link = Link([self.url], self.timing)

        async def ask(state: str, epoch: str, version: int) -> CaughtUp:
            session = self.by_state[state]
            words = session.words("session_catch_up", form="function", known_epoch=epoch, version=version)
            return CaughtUp.of(await link.execute_command(*words))

        driver = SyncDriver(link, ask, lambda state: self.by_state[state].channel, str, self.timing)
        async with driver:
            followed = {state: await driver.follow(state, self._forward) for state in self.by_state}
            while not self.stop.is_set():
                await asyncio.sleep(BEAT_S)
                for session, copy in self.copies:
                    at = followed[session.keys["state"]]
                    if at.mode == "catching up":
                        continue
                    if copy.mode == "catching up" or copy.beacon(at.epoch, at.version) == "catch up":
                        with suppress(redis.RedisError):  # still down: the next beat asks again
                            copy.caught_up(await ask(session.keys["state"], copy.epoch, copy.version))
        await link.drop()

    def _forward(self, state: str, at: SyncClient, message: str | None) -> None:
        for session, copy in self.copies:
            # the injector: a tenth of the deliveries never reaches its client
            if message is not None and session.keys["state"] == state and self.rng.random() > 0.1:
                copy.receive(message)


@contextmanager
def _nodes(
    server: Server, timing: Timing, sessions: list[Session], clients: int, rng: random.Random
) -> Iterator[list[Node]]:
    where = server.address
    url = f"unix://{where[1]}" if len(where) == 2 else f"redis://{where[1]}:{where[2]}"
    nodes = [Node(url, timing, sessions, clients, random.Random(rng.random())) for _ in range(2)]
    log = logging.getLogger("redis_plan")
    warned = log.level
    log.setLevel(logging.ERROR)  # the drivers warn of each kill, which is ours
    try:
        for node in nodes:
            node.thread.start()
        until = time.monotonic() + PATIENCE_S
        while any(copy.mode != "live" for node in nodes for _, copy in node.copies) and time.monotonic() < until:
            time.sleep(0.01)
        yield nodes
    finally:
        for node in nodes:
            node.stop.set()
        for node in nodes:
            node.thread.join(5)
        log.setLevel(warned)


def convergence(lab: Lab, *, brief: Brief, keyspace: Keyspace, persistent: bool) -> Finding:
    """Kill and restart the server under load and lost messages; time until every client holds the server's state."""
    question = (
        "After a killed server is back with its file, when does every client hold the same state?"
        if persistent
        else "After a restart without persistence, does every client notice, and when is it right again?"
    )
    if reason := functions.missing(keyspace):
        return Finding(question, "", "", (), not_run=f"Convergence after a restart does not apply: {reason}.")
    rows: list[tuple[float, float, int, int, int, int, int, int]] = []
    try:
        for number in range(lab.by_profile(2, 5, 15)):
            rows.append(_kill_and_converge(lab, brief, keyspace, persistent, number))
    except ServerError as error:
        return Finding(question, "", "", (), not_run=f"No server of our own to kill: {error}")
    names = ["down_s", "convergence_s", "delta", "snapshot", "gone", "wrong", "clients", "epoch_changes"]
    samples = pd.DataFrame(rows, columns=names)
    total = samples.sum()
    clients = int(total["clients"])
    settled = samples["convergence_s"]
    return Finding(
        question=question,
        hypothesis="All of them within a second of the server's return, by delta where the log reaches back, none wrong."
        if persistent
        else "The state is gone, so its epoch is another: every client takes a snapshot of the session created again.",
        method="Two gateways (the delivered driver) with clients, a tenth of the deliveries dropped at random, a writer with operation ids; SIGKILL, "
        "0.2 s down, restart, 0.1 s of further writes" + ("" if persistent else ", sessions created again with a new epoch"),
        values=(
            Value("convergence", float(settled.median()), "s", len(samples)),
            Value("slowest", float(settled.max()), "s", len(samples)),
            Value("deltas", int(total["delta"]), "answers", int(total["delta"] + total["snapshot"])),
            Value("snapshots", int(total["snapshot"]), "answers", int(total["delta"] + total["snapshot"])),
            Value("gone", int(total["gone"]), "answers"),
            Value("clients", clients, "clients"),
            Value("wrong", int(total["wrong"]), "clients", clients),
            Value("epoch_changes", int(total["epoch_changes"]), "clients", clients),
        ),
        samples=samples,
        conclusion=f"{clients - int(total['wrong'])} of {clients} clients hold the server's state.",
        conditions={"persistence": "AOF everysec" if persistent else "none", "dropped deliveries": "10 %", "beacon period": f"{BEAT_S:g} s"},
    )  # fmt: skip


def _kill_and_converge(
    lab: Lab, brief: Brief, keyspace: Keyspace, persistent: bool, number: int
) -> tuple[float, float, int, int, int, int, int, int]:
    rng = lab.rng(f"converge-{persistent}-{number}")
    clients = max(1, min(int(brief.value("members_per_session")), lab.by_profile(4, 10, 25)))
    with lab.own(AOF if persistent else NO_FILE) as own:
        library = start(own)
        sessions = [Session.of(brief, keyspace, library, f"back-{n}") for n in range(lab.by_profile(3, 8, 20))]
        writer = once(own)
        for session in sessions:
            session.create(writer, fields={"total": 0})
        with _nodes(own, syncing.timing(brief)._replace(beacon_s=BEAT_S), sessions, clients, rng) as nodes:
            totals = dict.fromkeys(range(len(sessions)), 0)
            _write(writer, sessions, totals, rng, 0.25)
            epochs = [copy.epoch for node in nodes for _, copy in node.copies]
            own.kill()
            down = time.monotonic()
            before = sum((node.counts for node in nodes), Counter())
            time.sleep(0.2)
            own.start()
            back = time.monotonic()
            writer = once(own)
            if not persistent:
                # what a service does: functions again (they were not saved either), sessions from its durable record
                start(own)
                for n, session in enumerate(sessions):
                    session.create(writer, fields={"total": totals[n]})
            _write(writer, sessions, totals, rng, 0.1)
            settled = _settle(nodes, writer)
            counts = sum((node.counts for node in nodes), Counter()) - before
            wrong = sum(not _right(writer, session, copy) for node in nodes for session, copy in node.copies)
            changed = sum(a != copy.epoch for a, (_, copy) in zip(epochs, (c for n in nodes for c in n.copies), strict=True))  # fmt: skip
    total = 2 * clients * len(sessions)
    return back - down, settled - back, counts["delta"], counts["snapshot"], counts["gone"], wrong, total, changed


def _write(
    client: redis.Redis, sessions: list[Session], totals: dict[int, int], rng: random.Random, seconds: float
) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        n = rng.randrange(len(sessions))
        totals[n] += 1
        sessions[n].apply(client, "change", f'{{"set":{{"total":{totals[n]}}}}}', fields={"total": totals[n]})
        time.sleep(0.002)


def _settle(nodes: list[Node], client: redis.Redis) -> float:
    """Wait until every copy is right, :data:`PATIENCE_S` at most; returns the moment."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if all(_right(client, session, copy) for node in nodes for session, copy in node.copies):
            break
        time.sleep(0.01)
    return time.monotonic()


def _right(client: redis.Redis, session: Session, copy: SyncClient) -> bool:
    """Whether the copy has the server's epoch, version and content."""
    state: dict[str, Any] = client.hgetall(session.keys["state"])  # type: ignore[assignment]
    same = (state.get("epoch"), state.get("version")) == (copy.epoch, str(copy.version))
    return same and state.get("total") == copy.state.get("total")
