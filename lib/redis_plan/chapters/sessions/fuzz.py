"""Fuzz: dozens of connections do random things to random sessions; a checker then looks for any broken invariant."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.brief.model import Brief
from redis_plan.delivery import acl
from redis_plan.errors import ServerError
from redis_plan.keyspace import functions, naming
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.pool import pool
from redis_plan.rig.session import Session, start
from redis_plan.server import Server

SESSIONS, CONNECTIONS = 20, 32
#: Among the sessions' ids: what a client may send to get out of its own names; encoded as the gateway encodes every id.
HOSTILE = ("{}", "a}:state", "*", "s0", "s1}:roster", "\n", "victim")
_WHOLE_LOG = "1000000"  # never trimmed, so that a replay sees every event
_PASSWORD = "only-for-this-test"

#: What the checker looks for: name, what it means.
INVARIANTS = {
    "over-full": "more members than seats, now or at any moment of the log",
    "hole": "an event whose version is not the one before plus one, or a version that is not the last event's",
    "twice": "an operation id that stands twice in the log",
    "mixed epochs": "events of two lives of one session in one log",
    "presence": "a member without a lease, or a lease without a member",
    "orphan": "a key of a session whose state is gone",
    "no TTL": "a key that would stay for ever",
}


@dataclass(frozen=True, slots=True)
class Grounds:
    """Where the fuzz runs: the sessions, the user that the connections are, and what must stay untouched."""

    sessions: tuple[Session, ...]
    login: list[str]
    foreign: dict[str, str]
    forbidden: list[tuple[str, ...]]


def fuzz(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Fuzz the functions under the gateway's ACL on a server of our own; the same by plain commands as the control."""
    question = "Does any invariant break when everything happens at once, at random, with retries and cut connections?"
    if reason := functions.missing(keyspace):
        return Finding(question, "", "", (), not_run=f"The fuzz does not apply: {reason}.")
    try:
        with lab.own({"save": "", "appendonly": "no"}) as own:
            return _fuzz(lab, own, brief, keyspace, question)
    except ServerError as error:
        return Finding(
            question, "", "", (), not_run=f"no server of our own, which the fuzz needs for its users: {error}"
        )


def _fuzz(lab: Lab, own: Server, brief: Brief, keyspace: Keyspace, question: str) -> Finding:
    client = own.client(decode_responses=True)
    grounds = _prepare(own, client, brief, keyspace)
    capacity = max(2, min(int(brief.value("members_per_session")), 8))
    rounds, seconds = lab.by_profile(1, 4, 60), lab.by_profile(0.3, 0.8, 1.0)
    rows: list[tuple[str, int, str, int]] = []
    counts: dict[str, Counter[str]] = {}
    with pool(lab, start(own).form, own) as workers:
        for way, move in (("functions", "fuzz"), ("plain commands", "naive_fuzz")):
            counts[way] = Counter()
            times = rounds if way == "functions" else max(1, rounds // 3)
            for number in range(times):
                job = _job(grounds, capacity, own, seed=lab.seed + number)
                counts[way] += workers.run(move, seconds, CONNECTIONS, **job).counts
                found = Counter(dict.fromkeys(INVARIANTS, 0))
                for session in grounds.sessions:
                    found.update(_broken(client, session, capacity))
                rows += [(way, number, name, found[name]) for name in INVARIANTS]
                for session in grounds.sessions:
                    if way == "functions":  # what plain commands leave is no state that a function takes
                        session.end(client)
                    client.unlink(*(key for name, key in session.keys.items() if name in _PLAIN))
    untouched = all(client.get(key) == value for key, value in grounds.foreign.items())
    samples = pd.DataFrame(rows, columns=["way", "round", "invariant", "violations"])
    broken = {way: int(samples[samples["way"] == way]["violations"].sum()) for way in counts}
    ours, control = counts["functions"], counts["plain commands"]
    return Finding(
        question=question,
        hypothesis="By the functions nothing breaks; the same steps by plain commands must break something, or the fuzz is blind.",
        method=f"{CONNECTIONS} connections under the ACL rules of app and worker, {SESSIONS + len(HOSTILE)} sessions of {capacity} seats, "
        f"{len(HOSTILE)} of them with hostile ids: create, join, change, leave, heartbeat, sweep, catch-up and end at random; one "
        "change in ten is sent twice, one in thirty over a connection that is cut before the answer. After each round the "
        "checker replays every log",
        values=(
            Value("operations", ours["done"], "operations"),
            Value("violations", broken["functions"], "violations", ours["done"]),
            Value("applied_twice", ours["applied twice"], "operations", ours["sent twice"] + ours["cut"]),
            Value("cut", ours["cut"], "operations"),
            Value("denied", ours["denied"], "attempts", ours["trespass"]),
            Value("trespassed", ours["trespassed"] + (not untouched), "attempts", ours["trespass"]),
            Value("control_operations", control["done"], "operations"),
            Value("control_violations", broken["plain commands"], "violations", control["done"]),
        ),
        samples=samples,
        conclusion=f"{broken['functions']:,} violations in {ours['done']:,} random operations by the functions, "
        f"{broken['plain commands']:,} in {control['done']:,} by plain commands.",
        conditions={"connections": CONNECTIONS, "rounds": rounds, "seconds a round": seconds},
    )  # fmt: skip


_PLAIN = ("state", "roster", "presence", "log")


def _prepare(own: Server, client: redis.Redis, brief: Brief, keyspace: Keyspace) -> Grounds:
    """Name the sessions, make the gateway's user by the plan's own rules, and plant what nobody may touch."""
    library = start(own)
    made = []
    for id in (*(f"s{n}" for n in range(SESSIONS)), *HOSTILE):
        session = Session.of(brief, keyspace, library, id)
        keys = functions.session_keys(keyspace, id, environment=naming.ENVIRONMENT)
        channel = functions.channel_argument(keyspace, keys)
        made.append(
            replace(session, keys=keys, channel_argument=channel, rules=replace(session.rules, log_max=_WHOLE_LOG))
        )
    # the fuzz sweeps, too, and the control runs plain commands: further commands, on the same keys and channels
    rules = {user.name: user.rules for user in acl.users(keyspace)}
    allowed = (*rules["worker"], *rules["app"], "+@read", "+@write", "-@dangerous")
    client.execute_command("ACL", "SETUSER", "gateway", "reset", "on", f">{_PASSWORD}", *allowed)
    foreign = {f"other:v1:{{s{n}}}:state": f"kept-{n}" for n in range(3)}
    for key, value in foreign.items():
        client.set(key, value)
    forbidden = [("GET", next(iter(foreign))), ("SET", next(iter(foreign)), "taken"), ("FLUSHALL",), ("KEYS", "*"),
                 ("CONFIG", "SET", "maxmemory", "1"), ("PSUBSCRIBE", "*")]  # fmt: skip
    return Grounds(tuple(made), ["gateway", _PASSWORD], foreign, forbidden)


def _job(grounds: Grounds, capacity: int, own: Server, seed: int) -> dict[str, object]:
    return {
        "sessions": [
            {
                "keys": {name: functions.keys_of(s.keyspace, name, s.keys) for name in functions.functions()},
                "plain": {name: s.keys[name] for name in _PLAIN},
                "channel": s.channel_argument,
            }
            for s in grounds.sessions
        ],
        "members": [naming.encode_id(m) for m in (*(f"m{n}" for n in range(2 * capacity)), "m#1", "{}", "*")],
        "given": {**grounds.sessions[0].given, "capacity": capacity},
        "forbidden": grounds.forbidden, "login": grounds.login, "seed": seed,
    }  # fmt: skip


def _broken(client: redis.Redis, session: Session, capacity: int) -> Iterator[str]:
    """Yield the name of each violation in what the storm left of one session."""
    keys = {name: session.keys[name] for name in _PLAIN}
    with client.pipeline() as pipe:
        for key in keys.values():
            pipe.ttl(key)
        pipe.hmget(keys["state"], "epoch", "version")
        pipe.hkeys(keys["roster"])
        pipe.zrange(keys["presence"], 0, -1)
        pipe.lrange(keys["log"], 0, -1)
        *ttls, (epoch, version), roster, presence, log = pipe.execute()
    there = {name for name, ttl in zip(keys, ttls, strict=True) if ttl != -2}
    yield from ["no TTL"] * sum(ttl == -1 for ttl in ttls)
    if epoch is None:
        yield from ["orphan"] * len(there - {"state"})
        return
    seated = {connection.partition("#")[0] for connection in presence}
    yield from ["presence"] * len(seated ^ set(roster))
    yield from ["over-full"] * max(0, len(roster) - capacity)
    yield from _replayed([json.loads(entry) for entry in log], epoch, int(version or 0), capacity)


def _replayed(events: list[Mapping[str, object]], epoch: str, version: int, capacity: int) -> Iterator[str]:
    """Yield the violations that a replay of the log finds."""
    taken: set[str] = set()
    seen: set[str] = set()
    last = 0
    for event in events:
        after, op, data = int(str(event["v"])), str(event["op"]), event["d"]
        if after != last + 1:
            yield "hole"
        if op and op in seen:
            yield "twice"
        if event["e"] != epoch:
            yield "mixed epochs"
        if isinstance(data, dict) and "m" in data:
            (taken.discard if event["t"] == "leave" else taken.add)(str(data["m"]))
            if event["t"] == "join" and len(taken) > capacity:
                yield "over-full"
        seen.add(op)
        last = after
    if last != version:
        yield "hole"


def plot_fuzz(samples: pd.DataFrame) -> Figure:
    """Draw the violations of each invariant in a round, functions against plain commands; none is a ring at zero."""
    table = samples.groupby(["invariant", "way"])["violations"].mean().unstack()
    table = table.loc[[name for name in INVARIANTS if name in table.index][::-1]]
    figure, axes = plt.subplots(figsize=(7, 3.2))
    for way, colour, shift in (("functions", figures.HIGHLIGHT, 0.15), ("plain commands", figures.CONTEXT, -0.15)):
        for place, count in enumerate(table[way]):
            axes.plot([0, count], [place + shift] * 2, color=colour, linewidth=1.5)
            axes.plot(count, place + shift, "o", color=colour, ms=7, fillstyle="full" if count else "none")
            axes.annotate(f"{count:,.0f}", (count, place + shift), xytext=(8, 0), textcoords="offset points", color=colour,
                          fontsize=9, va="center")  # fmt: skip
    for place, (way, colour) in enumerate((("functions", figures.HIGHLIGHT), ("plain commands", figures.CONTEXT))):
        axes.annotate(way, (1, 0.98 - 0.09 * place), xycoords="axes fraction", ha="right", va="top", color=colour)
    axes.set_yticks(range(len(table)), table.index)
    axes.set_xscale("symlog", linthresh=1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.set(xlabel="violations a round (log scale above 1)", title="What the fuzz found broken", ylim=(-0.6, len(table) - 0.2))  # fmt: skip
    axes.set_xlim(-0.08, 4 * max(1.0, float(table.to_numpy().max())))
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    return figure
