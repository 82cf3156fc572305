"""The workload: what the project sends to Redis at its peak, by kind of command, as packed calls on real sessions."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

from redis_plan.brief.model import Brief
from redis_plan.keyspace import functions, periods
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.measure.crowd import Share
from redis_plan.measure.lab import Lab
from redis_plan.measure.respwire import pack
from redis_plan.rig.filler import Filler, Shape
from redis_plan.rig.session import Session, start

SESSIONS = 40  # sessions that the load is spread over; more would only change the keyspace's size
MEMBERS = 20  # members of each that come, go and beat their hearts
RARE = 0.01  # what is rarer than a hundredth of the mix is offered that often, so that it is seen at all
AWAY_S = 10.0  # how long a member was away that catches up (assumed)


@dataclass
class Progress:
    """How many changes have been packed so far: what catches up must be a few events behind, not hundreds."""

    changes: int = 0


@dataclass(frozen=True, slots=True)
class Rate:
    """One kind of command: how often a second at the project's peak, and how that follows from the Brief."""

    kind: str
    per_s: float
    formula: str
    reads: bool


def target_rate(brief: Brief) -> float:
    """Return the state changes per second that the project has at peak."""
    return max(1.0, brief.value("sessions_peak") * brief.value("events_per_session"))


def rates(brief: Brief, keyspace: Keyspace) -> tuple[Rate, ...]:
    """Return the mix of the project at its peak; for a project without sessions, reads and writes of its keys alike."""
    writes = target_rate(brief)
    if functions.missing(keyspace):
        return (Rate("write", writes, "sessions_peak x events_per_session", False),
                Rate("read", writes, "as many reads as writes (assumed)", True))  # fmt: skip
    sessions, members = brief.value("sessions_peak"), brief.value("members_per_session")
    coming = sessions * members / max(1.0, brief.value("session_lifetime"))
    return (
        Rate("change", writes, "sessions_peak x events_per_session", False),
        Rate("heartbeat", sessions * members / max(1.0, brief.value("heartbeat")), "members / heartbeat", False),
        Rate(
            "beacon",
            sessions * max(1.0, brief.value("gateway_nodes")) / periods.seconds(brief, "beacon"),
            "sessions_peak x gateway_nodes / beacon period",
            True,
        ),
        Rate("join or leave", 2 * coming, "2 x members / session_lifetime", False),
        Rate("snapshot", coming, "a snapshot each member that comes", True),
        Rate("catch-up", coming, "a reconnect each member that comes (assumed)", True),
    )


def mix(
    lab: Lab, brief: Brief, keyspace: Keyspace, root: str, patterns: tuple[KeyPattern, ...]
) -> tuple[str, dict[str, Share]]:
    """Make the sessions (or keys) under ``root`` and return the hot write's name and each kind's commands with its rate.

    A kind below a hundredth of the mix is offered that often. The caller cleans ``root``.
    """
    every = rates(brief, keyspace)
    least = RARE * sum(rate.per_s for rate in every)
    wanted = {rate.kind: max(rate.per_s, least) for rate in every}
    rng = lab.rng("mix")
    if functions.missing(keyspace):
        pattern = patterns[0]
        candidate = pattern.candidate or pattern.candidates[0]
        filler = Filler(f"{root}{pattern.name}", candidate, Shape.of(pattern, brief.value("payload_bytes")), rng)
        parts = {"write": candidate.write[:1], "read": candidate.read[:1]}
        made = {kind: (b"".join(c) for c in filler.endless(commands)()) for kind, commands in parts.items()}
        return f"{candidate.name} write of `{pattern.name}`", {k: Share(made[k], wanted[k]) for k in wanted}
    calls = _calls(lab, brief, keyspace, root, rng)
    return "session_apply", {kind: Share(calls[kind], per_s) for kind, per_s in wanted.items()}


def applies(lab: Lab, brief: Brief, keyspace: Keyspace, root: str, count: int) -> Iterator[bytes]:
    """Make ``count`` sessions under ``root`` and yield packed calls of session_apply on them in turn, without end.

    Each call has its own operation id and the project's payload. The caller cleans ``root``.
    """
    return _changes(brief, _open(lab, brief, keyspace, root, count), Progress())


def _open(lab: Lab, brief: Brief, keyspace: Keyspace, root: str, count: int) -> list[Session]:
    """Create the sessions; one change each also loads the EVAL form where functions are not allowed."""
    client, library = lab.server.client(), start(lab.server)
    sessions = [Session.of(brief, keyspace, library, f"load{n}", prefix=root) for n in range(count)]
    for session in sessions:
        session.create(client)
        session.apply(client, "warm", _data(brief))
    return sessions


def _data(brief: Brief) -> str:
    return json.dumps({"x": "y" * max(1, int(brief.value("payload_bytes")) - 90)})


def _changes(brief: Brief, sessions: list[Session], progress: Progress) -> Iterator[bytes]:
    data = _data(brief)
    for number in itertools.count():
        progress.changes += 1
        session = sessions[number % len(sessions)]
        yield pack(*session.words("session_apply", op_id=f"op{number:09d}", type="load", data=data))


def _calls(lab: Lab, brief: Brief, keyspace: Keyspace, root: str, rng: random.Random) -> dict[str, Iterator[bytes]]:
    """Return the endless commands of each kind; most are packed beforehand and come round again."""
    sessions, client, progress = _open(lab, brief, keyspace, root, SESSIONS), lab.server.client(), Progress()
    rules = sessions[0].rules
    members = [f"m{number}" for number in range(max(2, min(MEMBERS, rules.capacity - 2)))]
    for session in sessions:  # scripts of every kind are known to the server before the clock runs
        for member in members:
            session.join(client, f"{member}#c")
        session.heartbeat(client, f"{members[0]}#c")
        session.leave(client, "nobody")
        session.catch_up(client, "0", 0)
    ready: dict[str, list[bytes]] = {kind: [] for kind in ("heartbeat", "beacon", "join or leave", "snapshot")}
    for session in sessions:
        ready["heartbeat"] += [pack(*session.words("session_heartbeat", member=f"{member}#c")) for member in members]
        for member in ("v1", "v2"):
            ready["join or leave"].append(pack(*session.words("session_join", member=f"{member}#c", data="{}")))
            ready["join or leave"].append(pack(*session.words("session_leave", member=member)))
        ready["beacon"].append(pack("HMGET", session.keys["state"], "epoch", "version"))
        # another epoch: the whole state
        ready["snapshot"].append(pack(*session.words("session_catch_up", known_epoch="0", version=0)))
    for kind in ("heartbeat", "beacon", "snapshot"):
        rng.shuffle(ready[kind])
    behind = max(1, min(int(rules.log_max.split()[0]), int(AWAY_S * brief.value("events_per_session"))))
    calls: dict[str, Iterator[bytes]] = {kind: itertools.cycle(packed) for kind, packed in ready.items()}
    return calls | {
        "change": _changes(brief, sessions, progress),
        "catch-up": _catching_up(lab, sessions, progress, behind),
    }


def _catching_up(lab: Lab, sessions: list[Session], progress: Progress, behind: int) -> Iterator[bytes]:
    """Yield calls of session_catch_up that are about ``behind`` events behind where the changes have come to."""
    client, known = lab.server.client(decode_responses=True), []
    for session in sessions:
        epoch, at = client.hmget(session.keys["state"], "epoch", "version")
        known.append((session, epoch, int(at or 0)))
    for number in itertools.count():
        session, life, version = known[number % len(known)]
        since = max(0, version + progress.changes // len(known) - behind)
        yield pack(*session.words("session_catch_up", known_epoch=life, version=since))
