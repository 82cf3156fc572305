"""Repetition: an operation that is sent again, by a retry or after a cut connection, is applied once."""

from __future__ import annotations

import pandas as pd

from redis_plan.brief.model import Brief
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure import respwire
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig import raw
from redis_plan.rig.pool import pool, unfit
from redis_plan.rig.session import Session, start


def duplicates(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Send each operation several times, at once and after a cut connection; is it applied once?"""
    question = "Is an operation that is sent again applied once, with the first answer?"
    if reason := unfit(lab, keyspace):
        return Finding(question, "", "", (), not_run=f"Duplicate operations do not apply: {reason}.")
    client = lab.server.client(decode_responses=True)
    library = start(lab.server)
    ops, connections = lab.by_profile(40, 200, 1000), 8
    session = Session.of(brief, keyspace, library, "twice", lab.server.prefix)
    session.create(client)
    keys = functions.keys_of(keyspace, "session_apply", session.keys)
    with pool(lab, library.form) as workers:
        outcome = workers.run("duplicate", 30.0, connections, moves=ops, keys=keys, given=session.given)
    found = outcome.connections
    sent, applied = outcome.counts["sent"], outcome.counts["ok"]
    whole = [c["sum"] for c in found if c["sent"] == ops]
    distinct = max(c["sent"] for c in found)
    disagree = len(set(whole)) - 1 if whole else 0
    cut, twice = lab.by_profile(20, 60, 200), 0
    before = int(client.hget(session.keys["state"], "version") or 0)
    for number in range(cut):
        _send_and_cut(lab, session, library.form, f"cut{number}")
        # the retry, with the same operation id, whether or not the first one arrived
        twice += session.apply(client, "change", "", op_id=f"cut{number}")[1] == "duplicate"
    gained = int(client.hget(session.keys["state"], "version") or 0) - before
    session.end(client)
    client.unlink(session.keys["idem"])
    samples = pd.DataFrame([{**c, "connection": n} for n, c in enumerate(found)]).fillna(0)
    return Finding(
        question=question,
        hypothesis="Applied once, whoever sends it; every repetition gets the first version.",
        method=f"{connections} connections send the same {ops} operation ids; then {cut} operations are sent on a connection "
        "that is cut before the answer, and retried with the same id",
        values=(
            Value("sent", sent, "commands"),
            Value("distinct", distinct, "operations", sent),
            Value("applied", applied, "operations", sent),
            Value("applied_twice", applied - distinct, "operations", sent),
            Value("answers_differ", disagree, "connections", len(whole)),
            Value("cut", cut, "operations"),
            Value("cut_applied", gained, "operations", cut),
            Value("cut_missing", abs(cut - gained), "operations", cut),
            Value("cut_found_again", twice, "operations", cut),
        ),
        samples=samples,
        conclusion=f"{sent:,} commands for {distinct} operations: applied {applied} times; {cut} cut and retried: {gained}.",
        conditions={"connections": connections, "form": library.form},
    )


def _send_and_cut(lab: Lab, session: Session, form: str, op_id: str) -> None:
    """Send session_apply on a raw socket and close it before the reply."""
    with raw.open_socket(lab.server) as connection:
        connection.sendall(
            respwire.pack(*session.words("session_apply", op_id=op_id, form=form, type="change", data=""))
        )
