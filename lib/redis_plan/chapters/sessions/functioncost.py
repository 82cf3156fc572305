"""What each function costs the server by the size of the session: one member, half, and full."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import median

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from redis_plan import figures
from redis_plan.brief.model import Brief
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure import serverside
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.session import Session, start

MOST_MEMBERS = 2_000  # beyond this filling would take longer than measuring
_RUNS = ("fcall", "evalsha", "eval")
_FAR_MS = 10**15  # leases that no sweep of ours finds lapsed


def cost_by_size(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Measure the server time of every function at 1, half and all of the session's seats and log entries."""
    question = "What does each function cost the server when the session is full?"
    if reason := functions.missing(keyspace):
        return Finding(question, "", "", (), not_run=f"There are no functions: {reason}.")
    client, library = lab.server.client(decode_responses=True), start(lab.server)
    made = Session.of(brief, keyspace, library, "size", lab.server.prefix)
    most = max(2, min(MOST_MEMBERS, made.rules.capacity))
    longest = max(2, min(MOST_MEMBERS, int(made.rules.log_max.split()[0])))
    calls, blocks = lab.by_profile(20, 60, 200), lab.by_profile(3, 7, 15)
    rows = []
    for part in (0.0, 0.5, 1.0):
        members, entries = max(1, round(part * most)), max(1, round(part * longest))
        session = replace(made, rules=replace(made.rules, capacity=most + 1))
        _fill(client, session, members, entries)
        for name, call in _calls(client, session, entries).items():
            call(0)  # compiled and warm
            for block in range(blocks):
                before = serverside.command_stats(client)
                for number in range(calls):
                    call(1 + block * calls + number)
                costs = serverside.since(before, serverside.command_stats(client))
                spent = [cost for run, cost in costs.items() if run in _RUNS]
                each = sum(c.usec for c in spent) / 1e6 / max(1, sum(c.calls for c in spent))
                rows.append((name, part, members, entries, each))
        session.end(client)
    samples = pd.DataFrame(rows, columns=["function", "part", "members", "entries", "seconds"])
    values = [
        Value(f"{name} {said}", median(s for n, p, _, _, s in rows if (n, p) == (name, part)), "s", calls * blocks)
        for part, said in ((0.0, "at 1"), (0.5, "at half"), (1.0, "full"))
        for name in dict.fromkeys(row[0] for row in rows)
    ]
    full = samples[samples["part"] == 1.0].groupby("function")["seconds"].median()
    dearest = str(full.idxmax())
    return Finding(
        question=question,
        hypothesis="Changes and heartbeats stay flat; what reads every lease or the whole log grows with it.",
        method="Calls one at a time, server time from INFO commandstats around blocks; commands inside a function are part of it",
        values=(*values, Value("members", most, "members"), Value("entries", longest, "entries")),
        samples=samples,
        conclusion=f"Dearest when full: {dearest}, {1e6 * float(full[dearest]):.0f} µs.",
        conditions={"calls a block": calls, "blocks": blocks, "form": library.form},
    )


def _fill(client: redis.Redis, session: Session, members: int, entries: int) -> None:
    """Make the session with so many members (one lease each) and so many events, without calling a function for each."""
    session.create(client)
    # the last seat is free: joins and leaves take turns on it
    with client.pipeline(transaction=False) as pipe:
        for number in range(members - 1):
            pipe.hset(session.keys["roster"], f"m{number}", "{}")
            pipe.zadd(session.keys["presence"], {f"m{number}#c": _FAR_MS + number})
        pipe.execute()
    write_log(client, session, entries)


def write_log(client: redis.Redis, session: Session, entries: int) -> None:
    """Write the log as ``entries`` changes would have left it, in one go."""
    state, log, form = session.keys["state"], session.keys["log"], session.rules.log_max.partition(" ")[2]
    epoch = str(client.hget(state, "epoch"))  # the client decodes
    now = 1_795_400_000_000
    with client.pipeline(transaction=False) as pipe:
        for version in range(1, entries + 1):
            event = f'{{"e":"{epoch}","v":{version},"ts":{now},"t":"change","op":"","d":{{"by":1}}}}'
            if form == "stream":
                pipe.xadd(log, {"m": event}, id=f"{version}-0")
            else:
                pipe.rpush(log, event)
        pipe.hset(state, "version", entries)
        pipe.expire(log, session.rules.ttl_s)
        pipe.execute()


def write_answers(client: redis.Redis, session: Session, entries: int) -> None:
    """Write the remembered answers as ``entries`` operations of before would have left them; none of them is due to go."""
    idem, epoch = session.keys["idem"], str(client.hget(session.keys["state"], "epoch"))
    seconds, micros = client.time()
    due = 1000 * seconds + micros // 1000 + 200 * session.rules.idem_ttl_s
    with client.pipeline(transaction=False) as pipe:
        pipe.unlink(idem)
        pipe.hset(idem, mapping={"": f"{epoch}:{due}:0", **{f"old-{n:022d}": n for n in range(1, entries + 1)}})
        pipe.expire(idem, session.rules.idem_ttl_s)
        pipe.execute()


def _calls(client: redis.Redis, session: Session, entries: int) -> dict[str, Callable[[int], object]]:
    """Return what to call for each function; the argument numbers the calls."""
    epoch = str(client.hget(session.keys["state"], "epoch"))

    def behind(number: int) -> object:
        version = int(client.hget(session.keys["state"], "version") or 0)
        return session.catch_up(client, epoch, version - entries + 1)

    return {
        "session_apply": lambda n: session.apply(client, "change", '{"by":1}', fields={"owner": f"m{n % 10}"}),
        "session_heartbeat": lambda n: session.heartbeat(client, "m0#c"),
        "session_join and leave": lambda n: (session.join(client, "last#c"), session.leave(client, "last")),
        "session_sweep": lambda n: session.sweep(client),
        "session_catch_up, all of the log": behind,
        "session_catch_up, snapshot": lambda n: session.catch_up(client, "0", 0),
    }


def plot_costs(samples: pd.DataFrame) -> Figure:
    """Draw the server time of each function against the share of the seats taken, labelled at the line's end."""
    figure, axes = plt.subplots()
    ends = samples[samples["part"] == 1.0].groupby("function")["seconds"].median().sort_values()
    floor = 0.0
    for place, name in enumerate(ends.index):
        group = samples[samples["function"] == name].groupby("part")["seconds"].median() * 1e6
        colour = figures.PALETTE[place % len(figures.PALETTE)]
        axes.plot(group.index * 100, group, "-o", color=colour, ms=5)
        floor = max(float(group.iloc[-1]), floor * 1.28)
        axes.annotate(str(name), (100, floor), xytext=(8, 0), textcoords="offset points", color=colour, fontsize=9, va="center",
                      annotation_clip=False)  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda *_: "")
    axes.set_xticks([0, 50, 100], ["one member", "half full", "full"])
    axes.set(ylabel="server time a call (µs, log scale)", title="What each function costs by the size of the session")
    return figure
