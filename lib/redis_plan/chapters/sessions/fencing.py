"""Fencing: a worker that was paused past its claim wakes up and writes. Is the late write refused?"""

from __future__ import annotations

import os
import signal
import time

import pandas as pd
import redis

from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions.owner import VERSION
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig import raw
from redis_plan.rig.children import children
from redis_plan.rig.later import left_out
from redis_plan.rig.session import Session, start

CLAIM_S = 0.15  # how long a claim lasts here; the pause is longer


def fencing(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """SIGSTOP the owner of a claim past its end, let another take over and write, resume the first.

    The late write goes through session_apply with ``expected_version``; the control writes with the claim alone, as a lock
    by SET NX PX does, and overwrites the new owner's result.
    """
    question = "Can a worker that slept through its claim overwrite the one that took over?"
    if reason := functions.missing(keyspace) or raw.unreachable(lab.server):
        return Finding(question, "", "", (), not_run=f"Fencing does not apply: {reason}.")
    if early := left_out(lab, question):
        return early
    client = lab.server.client(decode_responses=True)
    library = start(lab.server)
    runs = lab.by_profile(1, 4, 20)
    rows = []
    session = Session.of(brief, keyspace, library, "fence", lab.server.prefix)
    claim = f"{session.keys['state']}:claim"
    for number in range(runs):
        for way in ("expected_version", "claim alone"):
            session.create(client)
            rows.append((number, way, *_pause_and_take_over(lab, client, session, claim, way)))
            session.end(client)
            client.unlink(claim)
    samples = pd.DataFrame(rows, columns=["run", "way", "late_answer", "overwritten"])
    fenced, control = (samples[samples["way"] == way] for way in ("expected_version", "claim alone"))
    return Finding(
        question=question,
        hypothesis="With expected_version the late write gets conflict; with a lock alone it overwrites the new owner.",
        method=f"A process claims a session for {CLAIM_S:g} s and reads its version, is stopped by SIGSTOP, another claims, writes "
        "and finishes; then SIGCONT, and the first one writes what it had planned",
        values=(
            Value("pauses", len(fenced), "pauses"),
            Value("overwritten", int(fenced["overwritten"].sum()), "writes", len(fenced)),
            Value("refused", int((fenced["late_answer"] == "conflict").sum()), "writes", len(fenced)),
            Value("control_overwritten", int(control["overwritten"].sum()), "writes", len(control)),
        ),
        samples=samples,
        conclusion=f"{int(fenced['overwritten'].sum())} of {len(fenced)} late writes went through with expected_version, "
        f"{int(control['overwritten'].sum())} of {len(control)} with the claim alone.",
        conditions={"claim": f"{CLAIM_S:g} s"},
    )


def _pause_and_take_over(lab: Lab, client: redis.Redis, session: Session, claim: str, way: str) -> tuple[str, bool]:
    """Return what the late write was answered, and whether it replaced the new owner's result."""
    expected = VERSION if way == "expected_version" else ""
    write = session.words(
        "session_apply",
        "owner",
        "first",
        form=session.library.form,
        channel="",
        type="tick",
        data="",
        expected_version=expected,
    )
    given = {
        "address": list(lab.server.address), "claim": claim, "claim_ms": int(1000 * CLAIM_S),
        "state": session.keys["state"], "write": write,
    }  # fmt: skip
    with children("redis_plan.chapters.sessions.owner", ("own", given)) as (first,):
        first.ready()  # it holds the claim and has read the version
        os.kill(first.process.pid, signal.SIGSTOP)
        try:
            until = time.monotonic() + 10
            while not client.set(claim, "second", nx=True, px=5000) and time.monotonic() < until:
                time.sleep(0.005)
            session.apply(client, "tick", "", fields={"owner": "second"})
        finally:
            os.kill(first.process.pid, signal.SIGCONT)
        answer = str(first.finish()["answer"])
    return answer, client.hget(session.keys["state"], "owner") == "first"
