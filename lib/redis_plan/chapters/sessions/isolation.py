"""Isolation: can a forged id reach another session, and how long does a dead gateway's member stay as a ghost?"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.brief.model import Brief
from redis_plan.keyspace import chain, functions, naming, periods
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig import raw
from redis_plan.rig.children import children
from redis_plan.rig.session import Session, start

VICTIM = "victim"
#: What an attacker may send as an id: separators, hash tags, globs, line ends, another's id, nothing, far too much.
FORGED = (
    "", "*", "{", "}", "{}", ":", "\n", "\0", "victim}", "victim}:state", "{victim}", "victim:roster", "vic*", "..",
    "victim\r\nFLUSHALL", "a#b", "victim#1", "%7D", "~", "ąę", "게임", "x" * 300, "victim}:log}:x",
)  # fmt: skip


def forged_ids(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Run every function with forged session and member ids; another session's keys must stay as they were."""
    question = "Can a client reach another session by choosing an id?"
    if reason := functions.missing(keyspace):
        return Finding(question, "", "", (), not_run=f"The isolation fuzz does not apply: {reason}.")
    client = lab.server.client(decode_responses=True)
    library, prefix, rng = start(lab.server), lab.server.prefix, lab.rng("forged")
    victim = Session.of(brief, keyspace, library, VICTIM, prefix)
    victim.create(client, epoch="c0ffee", fields={"secret": "kept"})
    victim.join(client, "owner#1")
    before = _content(client, victim)
    pieces = [piece for piece in FORGED if piece]
    ids = [*FORGED, *("".join(rng.choices(pieces, k=3)) for _ in range(lab.by_profile(60, 300, 3000)))]
    rows, made = [], []
    own_keys = set(victim.keys.values())
    tag = f"{{{VICTIM}}}"
    try:
        for id in ids:
            try:
                session = Session.of(brief, keyspace, library, id, prefix)
            except ValueError:
                rows.append((id[:40], "refused", False, tag in f"{{{id}}}"))
                continue
            made.append(session)
            touched = own_keys & set(session.keys.values())
            parsed = all(naming.parse(keyspace.pattern(n).template.replace("<env>", "plan"), k.removeprefix(prefix))
                         is not None for n, k in session.keys.items())  # fmt: skip
            _attack(client, session, victim, id)
            # the control: the same id put into the template as it is
            forged = keyspace.pattern("state").template.replace("<session_id>", id)
            lands = naming.hash_tag(forged) == VICTIM
            rows.append((id[:40], "ran" if parsed else "outside", bool(touched), lands))
        unchanged = _content(client, victim) == before
    finally:
        for session in made:
            session.end(client)
            client.unlink(session.keys["idem"], session.keys["state"])
        victim.end(client)
    samples = pd.DataFrame(rows, columns=["id", "outcome", "touched", "raw_lands"])
    outside = int((samples["outcome"] == "outside").sum())
    return Finding(
        question=question,
        hypothesis="No: ids are encoded before they become part of a name, so no id holds a brace, a colon or a glob.",
        method="Create, join, apply, sweep and catch up with forged session ids, and with the victim's member id by other "
        "means; the victim's keys compared before and after; control: the same ids in the template without the encoder",
        values=(
            Value("ids", len(rows), "ids"),
            Value("refused", int((samples["outcome"] == "refused").sum()), "ids", len(rows)),
            Value("outside_registry", outside, "ids", len(rows)),
            Value("reached_victim", int(samples["touched"].sum()) + (not unchanged), "ids", len(rows)),
            Value("control_reached", int(samples["raw_lands"].sum()), "ids", len(rows)),
        ),
        samples=samples,
        conclusion=f"The other session's keys are {'unchanged' if unchanged else 'CHANGED'} after {len(rows)} forged ids; "
        f"without the encoder {int(samples['raw_lands'].sum())} of them carry its hash tag.",
        conditions={"calls an id": 7},
    )


def _attack(client: redis.Redis, session: Session, victim: Session, id: str) -> None:
    session.create(client)
    session.join(client, f"{naming.encode_id(id)}#1")
    session.apply(client, "x", '{"set":{}}', op_id="op")
    with suppress(redis.ResponseError):  # as the type of an event, most of them are refused
        session.apply(client, id or "x", '{"set":{}}', op_id="op2")
    session.catch_up(client, "c0ffee", 0)
    session.sweep(client)
    # a member id that tries to be another's connection: '#' is encoded, so it names nobody here
    victim.leave(client, naming.encode_id(f"owner#{id}"))


def _content(client: redis.Redis, session: Session) -> dict[str, Any]:  # Any: hashes and lists
    return {
        "state": client.hgetall(session.keys["state"]),
        "roster": client.hgetall(session.keys["roster"]),
        "presence": client.zrange(session.keys["presence"], 0, -1),
    }


def ghosts(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Kill a gateway that keeps leases alive; time until its members are gone and their leaving is published."""
    question = "How long does a member stay as a ghost when its gateway is killed?"
    if reason := functions.missing(keyspace) or raw.unreachable(lab.server):
        return Finding(question, "", "", (), not_run=f"Ghost time does not apply: {reason}.")
    client = lab.server.client(decode_responses=True)
    library = start(lab.server)
    lease, beat, sweep = 0.4, 0.1, 0.1
    count, rng = lab.by_profile(3, 8, 24), lab.rng("ghosts")
    members = min(max(1, int(brief.value("members_per_session"))), 50)
    sessions, roles = [], []
    for number in range(count):
        session = Session.of(brief, keyspace, library, f"ghost-{number}", lab.server.prefix)
        session = replace(session, rules=replace(session.rules, lease_ms=int(lease * 1000)))
        session.create(client)
        sessions.append(session)
        roles.append(("beat", _heart(lab, session, members, beat)))
    subscriber = client.pubsub(ignore_subscribe_messages=True)
    subscriber.subscribe(*[s.channel for s in sessions])
    try:
        with children("redis_plan.chapters.sessions.heart", *roles) as hearts:
            for heart in hearts:
                heart.ready()
            for session in sessions:
                for member in range(members):
                    session.join(client, f"m{member}#gw")
            time.sleep(lease + beat)
            alive = [int(client.zcard(s.keys["presence"])) for s in sessions]
            killed: list[float] = []
            for heart in hearts:
                time.sleep(rng.random() * beat / count)
                heart.process.kill()
                killed.append(time.monotonic())
            gone = _sweep_until_empty(client, sessions, sweep, killed)
        told = _leaves(subscriber)
    finally:
        subscriber.close()
        for session in sessions:
            session.end(client)
    rows = [(n, alive[n], gone[n], told[s.channel], members) for n, s in enumerate(sessions)]
    samples = pd.DataFrame(rows, columns=["run", "alive_before", "ghost_s", "leave_events", "members"])
    bound, real, heartbeat = lease + sweep, chain.lease(brief), brief.value("heartbeat")
    return Finding(
        question=question,
        hypothesis=f"Between lease - heartbeat and lease + sweep period: {lease - beat:g} to {bound:g} s here.",
        method="A process renews the leases and is killed with SIGKILL; a sweeper runs every period; short leases here, the "
        "project's by the same formula",
        values=(
            Value("ghost", float(samples["ghost_s"].median()), "s", len(samples)),
            Value("ghost_most", float(samples["ghost_s"].max()), "s", len(samples)),
            Value("bound", bound, "s", grade="modelled"),
            Value("kept_alive", int(samples["alive_before"].sum()), "members", int(samples["members"].sum())),
            Value("leave_events", int(samples["leave_events"].sum()), "events", int(samples["members"].sum())),
            Value("project_bound", real + periods.seconds(brief, "sweep"), "s", grade="modelled"),
            Value("project_least", max(0.0, real - heartbeat), "s", grade="modelled"),
        ),
        samples=samples,
        conclusion=f"Gone after {float(samples['ghost_s'].max()):.2f} s at most, {int(samples['leave_events'].sum())} leave "
        f"events for {int(samples['members'].sum())} members.",
        conditions={"lease": f"{lease:g} s", "heartbeat": f"{beat:g} s", "sweep period": f"{sweep:g} s"},
    )  # fmt: skip


def _heart(lab: Lab, session: Session, members: int, beat: float) -> dict[str, Any]:  # Any: JSON
    """Return what a process needs to renew the leases of this session's members."""
    return {
        "address": list(lab.server.address),
        "beat_s": beat,
        "beats": [
            session.words("session_heartbeat", form=session.library.form, member=f"m{m}#gw") for m in range(members)
        ],
    }


def _sweep_until_empty(client: redis.Redis, sessions: list[Session], period: float, killed: list[float]) -> list[float]:
    """Sweep every period until nobody is left, 10 s at most; seconds from each kill to its empty roster."""
    gone: dict[int, float] = {}
    until = time.monotonic() + 10
    while len(gone) < len(sessions) and time.monotonic() < until:
        time.sleep(period)
        for n, session in enumerate(sessions):
            session.sweep(client)
            if n not in gone and not client.hlen(session.keys["roster"]):
                gone[n] = time.monotonic() - killed[n]
    return [gone.get(n, float("nan")) for n in range(len(sessions))]


def _leaves(subscriber: Any) -> Counter[str]:  # Any: redis.client.PubSub
    """Count leave events by channel."""
    found: Counter[str] = Counter()
    quiet = time.monotonic() + 0.1
    while time.monotonic() < quiet:
        # None is also the answer for a confirmation that is ignored, so only the clock ends the loop
        if message := subscriber.get_message(timeout=0.02):
            found[message["channel"]] += '"t":"leave"' in str(message["data"])
            quiet = time.monotonic() + 0.1
    return found


def plot_ghosts(samples: pd.DataFrame, least_s: float, bound_s: float) -> Figure:
    """Draw each kill's ghost time between the formula's ends."""
    figure, axes = plt.subplots(figsize=(7, 2.4))
    axes.axvspan(least_s, bound_s, color=figures.CONTEXT, alpha=0.2)
    axes.plot(samples["ghost_s"], samples["run"], "o", color=figures.HIGHLIGHT, ms=7)
    axes.text(bound_s, 0.5, "lease + sweep period ", ha="right", va="center", color=figures.CONTEXT, fontsize=9)
    axes.set(xlim=(0, None), ylim=(-0.6, len(samples) - 0.4), yticks=samples["run"], xlabel="time from kill to empty (s)",
             ylabel="kill", title="Ghost time after a gateway is killed")  # fmt: skip
    return figure
