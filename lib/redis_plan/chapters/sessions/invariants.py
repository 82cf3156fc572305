"""Invariants: the last seat and the double click, provoked by many connections at once, in three designs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.brief.model import Brief
from redis_plan.keyspace import functions, records
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.pool import PROCESSES, Outcome, Pool, pool, unfit
from redis_plan.rig.session import Session, start

#: The three designs, from the one of the plan to the one that comes to mind: name, move for seats, move for votes.
WAYS = (
    ("functions", "seats", "votes"),
    ("single commands", "token_seats", "set_votes"),
    ("read, then write", "naive_seats", "naive_votes"),
)
SESSIONS = 4  # few, so that every connection meets others
_WHOLE_LOG = "100000"  # no trimming: the check replays the log from its first entry


@dataclass(frozen=True, slots=True)
class Broken:
    """What the check after a storm of joins found: the most seats above capacity, updates lost, events out of order."""

    over: int
    lost: int
    disorder: int


def invariants(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Race for the last seats and vote twice: by the functions, by single atomic commands, and by reading first."""
    question = "Can a session be over-full, an update be lost or a vote be counted twice when many act at once?"
    if reason := unfit(lab, keyspace):
        return Finding(question, "", "", (), not_run=f"The races do not apply: {reason}.")
    client = lab.server.client(decode_responses=True)
    library = start(lab.server)
    records.install(client, use_functions=library.form == "function")
    connections, seconds = lab.by_profile(16, 32, 64), lab.by_profile(0.2, 1.0, 15.0)
    capacity = max(1, min(int(brief.value("members_per_session")), 8))
    rows = []
    with pool(lab, library.form) as workers:
        for way, seats, votes in WAYS:
            made = [Session.of(brief, keyspace, library, f"seats-{n}", lab.server.prefix) for n in range(SESSIONS)]
            made = [replace(s, rules=replace(s.rules, log_max=_WHOLE_LOG)) for s in made]
            done, broken = _race_for_seats(client, workers, made, seats, capacity, connections, seconds)
            rows.append((way, "over-full", done, broken.over))
            rows.append((way, "lost update", done, broken.lost))
            rows.append((way, "events out of order", done, broken.disorder))
            voted, twice = _vote(client, workers, made[0], votes, connections, seconds / 2)
            rows.append((way, "double vote", voted, twice))
    samples = pd.DataFrame(rows, columns=["way", "invariant", "operations", "violations"])
    found = {(way, invariant): (done, broken) for way, invariant, done, broken in rows}
    names = {"functions": "", "single commands": "single_", "read, then write": "control_"}
    short = {"over-full": "over_full", "lost update": "lost", "events out of order": "version_holes", "double vote": "double_votes"}  # fmt: skip
    units = {"over-full": "seats", "lost update": "updates", "events out of order": "events", "double vote": "votes"}
    done_by = {way: found[way, "over-full"][0] + found[way, "double vote"][0] for way, _, _ in WAYS}
    values = [Value(f"{names[way]}operations", done, "operations") for way, done in done_by.items()]
    values += [
        Value(names[way] + short[invariant], broken, units[invariant], done)
        for (way, invariant), (done, broken) in found.items()
    ]
    broken_by = {way: int(samples[samples["way"] == way]["violations"].sum()) for way, _, _ in WAYS}
    return Finding(
        question=question,
        hypothesis="By the functions never. Single atomic commands keep each count but not the order of events; reading "
        "first and writing then must break all of them, or the test proves nothing.",
        method=f"{connections} connections in {PROCESSES[lab.profile]} processes join and leave {SESSIONS} sessions of "
        f"{capacity} seats, then all vote as the same voters; afterwards seats, versions and votes are counted from the keys "
        "and the log",
        values=tuple(values),
        samples=samples,
        conclusion=f"Violations: {broken_by['functions']} by the functions, {broken_by['single commands']:,} by single "
        f"commands, {broken_by['read, then write']:,} by reading first.",
        conditions={"connections": connections, "seconds each": seconds, "capacity": capacity, "form": library.form},
    )


def _race_for_seats(
    client: redis.Redis, workers: Pool, made: Sequence[Session], move: str, capacity: int, connections: int, seconds: float
) -> tuple[int, Broken]:  # fmt: skip
    tokens = []
    for session in made:
        session.create(client)
        if move == "token_seats":
            tokens.append(f"{session.keys['roster']}:tokens")
            client.rpush(tokens[-1], *["seat"] * capacity)
    given = [{"join": functions.keys_of(s.keyspace, "session_join", s.keys), "channel": s.channel_argument} for s in made]  # fmt: skip
    numbers = {**made[0].given, "capacity": capacity}
    outcome = workers.run(move, seconds, connections, sessions=given, members=3 * capacity, given=numbers)
    checked = [_check(client, session, move == "seats", capacity) for session in made]
    for session in made:
        session.end(client)
    if tokens:
        client.unlink(*tokens)
    versions = sum(version for _, version, _ in checked)
    lost = outcome.counts["bumped"] - versions if move != "seats" else 0
    over = max(sum(over for over, _, _ in checked), outcome.counts["over"])
    return outcome.counts["done"], Broken(over, lost, sum(disorder for _, _, disorder in checked))


def _check(client: redis.Redis, session: Session, replay: bool, capacity: int) -> tuple[int, int, int]:
    """Return (most seats above capacity, version, events that do not follow the one before) after the storm."""
    now = int(client.hlen(session.keys["roster"]))
    version = int(client.hget(session.keys["state"], "version") or 0)
    taken: set[str] = set()
    most = disorder = last = 0
    for entry in client.lrange(session.keys["log"], 0, -1):
        event = json.loads(entry)
        disorder += int(event["v"]) != last + 1
        last = int(event["v"])
        if replay:
            (taken.add if event["t"] == "join" else taken.discard)(event["d"]["m"])
            most = max(most, len(taken))
    return max(0, most - capacity, now - capacity), version, disorder + (replay and last != version)


def _vote(
    client: redis.Redis, workers: Pool, session: Session, move: str, connections: int, seconds: float
) -> tuple[int, int]:
    """Let every connection vote as the same voters; return (votes sent, votes counted beyond one a voter)."""
    session.create(client)
    ballot = f"{session.keys['state']}:ballot"
    job: dict[str, Any] = {"keys": functions.keys_of(session.keyspace, "session_apply", session.keys), "ballot": ballot}
    outcome: Outcome = workers.run(move, seconds, connections, given=session.given, **job)
    voters = max(counts["sent"] for counts in outcome.connections)
    tally = client.hgetall(ballot)
    counted = len(tally) if move == "votes" else sum(int(n) for n in tally.values())
    if move == "votes":  # the ballot holds one choice a voter, so more "ok" than voters would be the violation
        counted = max(counted, outcome.counts["counted"])
    client.unlink(ballot, f"{ballot}:voters")
    session.end(client)
    return outcome.counts["sent"], counted - voters


def plot_invariants(samples: pd.DataFrame) -> Figure:
    """Draw violations in 1,000 operations for each invariant and design; none is a ring on the axis."""
    kinds = list(dict.fromkeys(samples["invariant"]))[::-1]
    figure, axes = plt.subplots(figsize=(7, 3.9))
    colours = dict(
        zip((way for way, _, _ in WAYS), (figures.HIGHLIGHT, figures.PALETTE[1], figures.CONTEXT), strict=True)
    )
    for shift, (way, _, _) in zip((0.22, 0.0, -0.22), WAYS, strict=True):
        for row in samples[samples["way"] == way].to_dict("records"):
            at, rate = kinds.index(row["invariant"]) + shift, 1000 * row["violations"] / max(1, row["operations"])
            axes.plot([0, rate], [at, at], color=colours[way], linewidth=1.5)
            axes.plot(rate, at, "o", color=colours[way], ms=7, fillstyle="full" if row["violations"] else "none")
            axes.annotate(f"{row['violations']:,} of {row['operations']:,}", (rate, at), xytext=(8, 0), textcoords="offset points",
                          color=colours[way], fontsize=8, va="center")  # fmt: skip
    for place, (way, _, _) in enumerate(WAYS):
        axes.annotate(way, (1, 1.0 - 0.09 * place), xycoords="axes fraction", ha="right", va="top", color=colours[way], fontsize=10)  # fmt: skip
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set(xlabel="violations in 1,000 operations", title="What breaks when many act at once", ylim=(-0.6, len(kinds) - 0.2))  # fmt: skip
    most = max(1.0, axes.get_xlim()[1])
    axes.set_xlim(-0.02 * most, 1.35 * most)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    return figure
