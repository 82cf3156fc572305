"""Partial loss: one key of a session is gone and the others are there, by expiry, eviction or a hand that slipped."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import redis

from redis_plan.brief.model import Brief
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.session import Session, start

#: The keys that are taken away, one at a time, where the design has them.
LOST = ("state", "roster", "presence", "log")
_OLD, _NEW = "01d0", "2e40"


@dataclass(frozen=True, slots=True)
class _Trial:
    """What one client saw after ``lost`` was gone: its first answer, and whether anything it was served was wrong."""

    lost: str
    answer: str
    wrong: bool
    untimed: int
    control_wrong: bool


def skew(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Take one key of a session away; is a client that is behind ever served a hole, or another life's events?"""
    question = "What is a client served when one key of a session is gone and the others are not?"
    if reason := functions.missing(keyspace):
        return Finding(question, "", "", (), not_run=f"Partial loss does not apply: {reason}.")
    client, library, rng = lab.server.client(decode_responses=True), start(lab.server), lab.rng("partial loss")
    trials = []
    for lost in LOST:
        for number in range(lab.by_profile(20, 100, 500)):
            session = Session.of(brief, keyspace, library, f"partial-{lost}-{number}", lab.server.prefix)
            try:
                trials.append(_trial(client, session, lost, rng))
            finally:
                session.end(client)
                client.unlink(*session.keys.values())
    return _finding(pd.DataFrame([(t.lost, t.answer, t.wrong, t.untimed, t.control_wrong) for t in trials],
                                 columns=["lost", "answer", "wrong", "untimed", "control_wrong"]), question)  # fmt: skip


def _trial(client: redis.Redis, session: Session, lost: str, rng: random.Random) -> _Trial:
    """Play a session, take ``lost`` away, let a client that is behind catch up, change the session, and look again."""
    session.create(client, epoch=_OLD)
    session.join(client, "ann#1")
    session.join(client, "bob#1")
    for _ in range(rng.randint(3, 8)):
        version, _ = session.apply(client, "turn", "{}")
    control_wrong = _control(client, session, version, behind := rng.randint(1, 3), lost)
    client.unlink(session.keys[lost])
    answer = session.catch_up(client, _OLD, version - behind)
    wrong = not _whole(answer, _OLD, version - behind)
    epoch = _OLD
    if answer[0] == "gone":  # what the service does then: create it again and let the members come
        session.create(client, epoch=(epoch := _NEW))
        session.join(client, "cid#1")
        wrong |= set(client.hkeys(session.keys["roster"])) != {"cid"}
        wrong |= client.zrange(session.keys["presence"], 0, -1) != ["cid#1"]
    if lost == "presence":  # a heartbeat must say so, and joining again must bring the lease back
        wrong |= session.heartbeat(client, "ann#1") not in ("gone", "lapsed")
    wrong |= session.join(client, "ann#1")[1] not in ("joined", "again") or not client.hexists(
        session.keys["roster"], "ann"
    )
    wrong |= session.heartbeat(client, "ann#1") != "renewed"
    now, _ = session.apply(client, "turn", "{}")
    for theirs, known in ((_OLD, version - behind), (epoch, max(0, now - 2))):
        wrong |= not _whole(session.catch_up(client, theirs, known), theirs, known, epoch)
    untimed = sum(client.ttl(name) == -1 for name in session.keys.values())
    return _Trial(lost, str(answer[0]), wrong, untimed, control_wrong)


def _whole(reply: Sequence[Any], theirs: str, version: int, epoch: str = "") -> bool:
    """Whether a client at ``theirs``, ``version`` may apply the reply: no hole, no event of another life, no old snapshot."""
    if reply[0] == "delta":
        served = [json.loads(entry) for entry in reply[2:]]
        positions = [(event["e"], event["v"]) for event in served]
        return positions == [(theirs, number) for number in range(version + 1, int(reply[1]) + 1)]
    return bool(reply[0] != "snapshot" or reply[2] == (epoch or theirs))


def _control(client: redis.Redis, session: Session, version: int, behind: int, lost: str) -> bool:
    """Play the same by a counter and a list, as many write it; whether a client that is behind then ends up wrong."""
    counter, log = session.keys["state"] + "-plain", session.keys["log"] + "-plain"
    try:
        for _ in range(version):
            client.rpush(log, client.incr(counter))
        client.unlink({"state": counter, "log": log}.get(lost, counter + "-none"))
        now, theirs = int(client.incr(counter)), version - behind
        client.rpush(log, now)
        served = [int(entry) for entry in client.lrange(log, theirs - now, -1)] if now > theirs else []
        return [theirs, *served] != list(range(theirs, version + 2))
    finally:
        client.unlink(counter, log)


def _finding(samples: pd.DataFrame, question: str) -> Finding:
    total, wrong, control = len(samples), int(samples["wrong"].sum()), int(samples["control_wrong"].sum())
    answers = samples.groupby("lost", sort=False)["answer"].agg(lambda given: ", ".join(sorted(set(given))))
    return Finding(
        question=question,
        hypothesis="The epoch ties the keys together: without the state everything is gone and begins a new life; without the "
        "log there is a snapshot in place of a delta with a hole.",
        method="A session is created, joined and changed; one of its keys is unlinked; a client one to three changes behind "
        "catches up, the session is changed (created again where it is gone), a member joins again, and old and new clients "
        "catch up once more. "
        "Control: a counter and a list without an epoch, read by the number of missed changes",
        values=(
            Value("trials", total, "trials"),
            Value("wrong", wrong, "trials", total),
            Value("untimed", int(samples["untimed"].sum()), "keys", total),
            Value("control_wrong", control, "trials", total),
        ),
        samples=samples,
        conclusion=f"{wrong} of {total} clients were served a hole or another life's events; a counter and a list without an "
        f"epoch did that {control} times.",
        conditions={f"first answer without {lost}": answer for lost, answer in answers.items()},
    )
