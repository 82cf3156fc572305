"""Acted: how long from an action of the project to the last client that has its event, when a whole session acts at once?

Each action has sessions of its own, written so that its guards pass (rig/playing/world.py), in which every member carries it
out once within a few seconds: as answers come after a question opens. Of some actions all are accepted, of others one is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import redis

from redis_plan import folders, units
from redis_plan.brief.model import Brief
from redis_plan.chapters.synchronization.fan_model import COALESCE_S
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure import serverside
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig import hall
from redis_plan.rig.hall import Phase, Room
from redis_plan.rig.playing.world import World, of_project
from redis_plan.server import Server

QUESTION = "When every member acts at once, how long until an action of the project is on the last client?"
#: Who may act as a member of a session.
_ACTORS = frozenset({"member", "anyone"})
#: Mechanics by which members come and go: what they come for is tried first.
_COMING = frozenset({"session", "seats"})
#: The gateway is given so long after the last action before the next one's sessions act.
_SETTLE_S = 2 * COALESCE_S


@dataclass(frozen=True, slots=True)
class Shape:
    """What is played: sessions of each action, their members, and within how many seconds all of them act."""

    sessions: int
    members: int
    seconds: float
    actions: int


def shape_of(brief: Brief, lab: Lab) -> Shape:
    """Return the shape for this profile: the project's sessions, bounded by the sockets of this machine."""
    actions, sockets = lab.by_profile(2, 4, 8), lab.by_profile(120, 480, 1600)
    members = max(2, min(int(brief.value("members_per_session")), sockets // actions))
    sessions = max(1, min(int(brief.value("sessions_peak")), sockets // actions // members))
    return Shape(sessions, members, lab.by_profile(0.5, 2.0, 6.0), actions)


def at_once(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Let every member of a session carry out the same action within seconds, action after action, over real WebSockets."""
    if reason := functions.missing(keyspace):
        return Finding(QUESTION, "", "", (), not_run=f"Actions of a session do not apply: {reason}.")
    shape, wanted = shape_of(brief, lab), brief.value("sync_latency")
    with folders.temporary("gateways") as path, lab.own({"port": "auto"}) as own, ExitStack() as held:
        here = hall.called(held, 1)
        folder = hall.lay(path, brief, keyspace)
        hall.opened(folder, own, [])
        names = [name for name, _ in itertools.islice(_accepting(own, keyspace, shape.members), shape.actions)]
        if not names:
            return Finding(QUESTION, "", "", (), not_run="No action of a member is told to the whole session.")
        rows = _acted(lab, own, folder, keyspace, names, shape, here)
    slowest = float(rows["latency_s"].max())
    made = {name: (rows["action"] == name) for name in names}
    return Finding(
        question=QUESTION,
        hypothesis=f"The last client has every action within the sync latency of {wanted:g} s.",
        method="The delivered functions of the actions, each by every member once at random times of a burst, in sessions that are "
        "written so that its guards pass; a WebSocket a member on the delivered gateway; latency from the intended time of "
        "a call to the session's last client, over the calls that were accepted",
        values=(
            *(Value(f"{n} calls", shape.sessions * shape.members, "calls") for n in names),
            *(Value(f"{n} accepted", int(made[n].sum()), "calls", shape.sessions * shape.members) for n in names),
            *(Value(f"{n} p50", float(rows["latency_s"][made[n]].median()), "s", int(made[n].sum())) for n in names),
            *(Value(f"{n} last", float(rows["latency_s"][made[n]].max()), "s", int(made[n].sum())) for n in names),
            *(Value(f"{n} server", float(rows["server_s"][made[n]].iloc[0]), "s", int(made[n].sum())) for n in names),
            Value("last", slowest, "s", len(rows)),
            Value("incomplete", int(rows["latency_s"].isna().sum()), "actions", len(rows)),
        ),
        samples=rows,
        conclusion=f"{len(rows):,} accepted actions of {len(names)} kinds, the slowest on its last client after {units.significant(slowest)} s.",
        conditions={
            "sessions of each action": shape.sessions, "members": shape.members, "all act within": f"{shape.seconds:g} s",
            "loop": "open",
        },
    )  # fmt: skip


def _accepting(own: Server, keyspace: Keyspace, members: int) -> Iterator[tuple[str, int]]:
    """Yield the actions of members that the whole session is told, with how many members get it, most first; joins last."""
    client = own.client(decode_responses=True)
    found, coming = [], set()
    for action, world in of_project(client, keyspace, "tried"):
        kind = world.kind
        if "member" in kind.takes and kind.audience == "all" and _ACTORS & set(kind.actors) and world.session:
            _seated(world, members)
            replies = world.client.pipeline(transaction=False)
            for words in _calls(world, members):
                replies.execute_command(*words)
            answers = [
                world.reply(reply)[1] for reply in replies.execute(raise_on_error=False) if isinstance(reply, list)
            ]
            found.append((action.name, answers.count("ok")))
            coming |= {action.name} if kind.mechanic in _COMING else set()
    client.flushdb()
    yield from sorted((f for f in found if f[1]), key=lambda f: (f[0] in coming, -f[1]))


def _seated(world: World, members: int) -> World:
    world.build()
    if any(guard.name == "seat" for guard in world.kind.guards):
        world.client.hset(world.key("roster"), mapping={f"m{n}": "{}" for n in range(members)})
    return world


def _calls(world: World, members: int) -> Iterator[tuple[Any, ...]]:  # Any: text and numbers
    for n in range(members):
        yield world.words(f"op{n}", member=f"m{n}", folded=f"m{n}", name=f"m{n}", connection="1")


def _acted(
    lab: Lab, own: Server, folder: Path, keyspace: Keyspace, names: Sequence[str], shape: Shape, here: hall.Called
) -> pd.DataFrame:
    """Return a row for each accepted call: its action, latency_s (NaN where a client never had it) and server_s a call."""
    client: redis.Redis = own.client(decode_responses=True)
    rooms, worlds = [], []
    for name, number in itertools.product(names, range(shape.sessions)):
        session = f"{name.replace('_', '-')}-{number}"
        world = next(world for action, world in of_project(client, keyspace, session) if action.name == name)
        world.alone = False
        worlds.append(_seated(world, shape.members))
        rooms.append(Room(session, shape.members))
    rng = np.random.default_rng(lab.seed)
    with ExitStack() as held:
        gateways = hall.started(here.gateways, folder, own, [""])
        seats = held.enter_context(hall.seated(folder, own, rooms, gateways, seat=False, keep=True, here=here))
        spent = []
        for place in range(len(names)):
            mine = range(place * shape.sessions, (place + 1) * shape.sessions)
            commands = [
                (rooms[n].session, float(at), words)
                for n in mine
                for at, words in zip(
                    rng.uniform(0, shape.seconds, shape.members), _calls(worlds[n], shape.members), strict=True
                )
            ]
            commands.sort(key=lambda command: command[1])
            before = serverside.main_thread_cpu(client)
            phase = Phase(len(commands) / shape.seconds, shape.seconds, "bursts")
            seats.carry_out(phase, _SETTLE_S, mine, commands)
            spent.append((serverside.main_thread_cpu(client) - before) / len(commands))
        seen, _ = seats.judge()
    rows = [
        {"action": name, "latency_s": delay, "server_s": cost}
        for name, cost, s in zip(names, spent, seen, strict=True)
        for delay in [*(d / 1e9 for d in s.delays_ns), *[float("nan")] * (s.changes - s.complete)]
    ]
    return pd.DataFrame(rows, columns=["action", "latency_s", "server_s"])
