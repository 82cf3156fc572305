"""Contention: many client processes at one session. Does capacity hold, is an update lost, what does each way cost?"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure

from redis_plan import figures
from redis_plan.brief.model import Brief
from redis_plan.experiments import raw, stepcost
from redis_plan.experiments.children import Child, children
from redis_plan.experiments.gateway import encode
from redis_plan.experiments.session import Session, start
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab

_MODULE = "redis_plan.experiments.contender"
PROCESSES = {"quick": 2, "standard": 4, "full": 16}


@dataclass(frozen=True, slots=True)
class Pool:
    """Client processes that work at the same time."""

    processes: list[Child]
    form: str
    seed: int

    def run(self, work: str, seconds: float, threads: int, **job: Any) -> list[Counter[str]]:  # Any: JSON
        """Let ``threads`` threads in all do ``work`` for ``seconds``; their counts, one a thread."""
        begin = time.monotonic() + 0.05
        shares = [threads // len(self.processes) + (n < threads % len(self.processes)) for n in range(len(self.processes))]  # fmt: skip
        scripts = {} if self.form == "function" and job.get("form", "function") == "function" else _scripts()
        busy = [(child, share, n) for n, (child, share) in enumerate(zip(self.processes, shares, strict=True)) if share]
        for child, share, n in busy:
            given = {"form": self.form, "scripts": scripts, "seed": self.seed, "work": work, "threads": share,
                     "process": n, "from": begin, "until": begin + seconds, **job}  # fmt: skip
            assert child.process.stdin is not None
            child.process.stdin.write(json.dumps(given) + "\n")
            child.process.stdin.flush()
        return [Counter(found) for child, _, _ in busy for found in json.loads(child.answer())]


def _scripts() -> dict[str, dict[str, str]]:
    return {name: {"sha": f.sha, "text": f.script} for name, f in functions.functions().items()}


@contextmanager
def pool(lab: Lab, form: str) -> Iterator[Pool]:
    """Start the client processes; all are gone at the end."""
    count = PROCESSES[lab.profile]
    with children(_MODULE, *[("hammer", {"address": list(lab.server.address)})] * count) as started:
        for child in started:
            child.ready()
        yield Pool(started, form, lab.seed)


def _unfit(lab: Lab, keyspace: Keyspace) -> str:
    return functions.missing(keyspace) or raw.unreachable(lab.server)


def seats(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Hammer joins and leaves at capacity: the invariants by the functions, and by single commands as a control."""
    question = "Can a session be over-full, or an update be lost, when many join and leave at once?"
    if reason := _unfit(lab, keyspace):
        return Finding(question, "", "", (), not_run=f"Contention at the seats does not apply: {reason}.")
    client = lab.server.client(decode_responses=True)
    library = start(lab.server)
    threads, seconds = lab.by_profile(16, 32, 64), lab.by_profile(0.35, 2.0, 15.0)
    capacity = max(1, min(int(brief.value("members_per_session")), 8))
    count = 4
    rows = []
    totals: dict[str, tuple[int, int, int]] = {}
    with pool(lab, library.form) as workers:
        for way, work in (("functions", "seats"), ("single commands", "naive_seats")):
            made = [Session.of(brief, keyspace, library, f"seats-{n}", lab.server.prefix) for n in range(count)]
            made = [replace(s, rules=replace(s.rules, log_max="100000")) for s in made]
            for session in made:
                session.create(client)
            given = [{"join": functions.keys_of(keyspace, "session_join", s.keys), "channel": s.channel_argument} for s in made]  # fmt: skip
            rule = made[0].rules
            counts: Counter[str] = sum(
                workers.run(work, seconds, threads, sessions=given, members=3 * capacity, capacity=capacity,
                            lease_ms=rule.lease_ms, ttl_s=rule.ttl_s, log_max=rule.log_max),
                Counter(),
            )  # fmt: skip
            for number, session in enumerate(made):
                rows.append((way, number, *_check(client, session, work, capacity)))
                session.end(client)
            operations = sum(n for name, n in counts.items() if name not in ("bumped", "over"))
            totals[way] = (operations, counts["bumped"], counts["over"])
    samples = pd.DataFrame(rows, columns=["way", "session", "seats", "over", "version", "holes"])
    good, bad = (samples[samples["way"] == way] for way in ("functions", "single commands"))
    bumped, over_seen = totals["single commands"][1:]
    lost = bumped - int(bad["version"].sum())
    over = int(good["over"].sum())
    return Finding(
        question=question,
        hypothesis="By the functions never; by single commands the control must show both.",
        method=f"{threads} connections in {PROCESSES[lab.profile]} processes join and leave {count} sessions of "
        f"{capacity} seats; the most seats ever taken, replayed from the log; versions checked for holes",
        values=(
            Value("operations", totals["functions"][0], "operations"),
            Value("over_full", over, "seats", count),
            Value("version_holes", int(good["holes"].sum()), "holes", count),
            Value("control_operations", totals["single commands"][0], "operations"),
            Value("control_over_full", over_seen, "joins", totals["single commands"][0]),
            Value("control_lost", lost, "updates", bumped),
        ),
        samples=samples,
        conclusion=f"{over} seats too many and {int(good['holes'].sum())} holes by the functions; {lost:,} of {bumped:,} "
        f"updates lost and {over_seen:,} joins over capacity by single commands.",
        conditions={"connections": threads, "seconds each": seconds, "capacity": capacity, "form": library.form},
    )  # fmt: skip


def _check(client: redis.Redis, session: Session, work: str, capacity: int) -> tuple[int, int, int, int]:
    """Return (seats now, most seats over capacity, version, holes in the versions) of a session after the storm."""
    now = int(client.hlen(session.keys["roster"]))
    version = int(client.hget(session.keys["state"], "version") or 0)
    if work != "seats":
        return now, max(0, now - capacity), version, 0
    taken: set[str] = set()
    most = holes = last = 0
    for entry in client.lrange(session.keys["log"], 0, -1):
        event = json.loads(entry)
        holes += int(event["v"]) != last + 1
        last = int(event["v"])
        (taken.add if event["t"] == "join" else taken.discard)(event["d"]["m"])
        most = max(most, len(taken))
    return now, max(0, most - capacity, now - capacity), version, holes + (last != version)


def writers(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Let 1 to 16 writers change one session: by a function, by EVALSHA, by WATCH, and by unguarded commands."""
    question = "How does each way of writing hold up when several write to one session?"
    if reason := _unfit(lab, keyspace):
        return Finding(question, "", "", (), not_run=f"Contending writers do not apply: {reason}.")
    client = lab.server.client(decode_responses=True)
    library = start(lab.server)
    seconds, counts = lab.by_profile(0.1, 0.4, 5.0), lab.by_profile((1, 4, 16), (1, 2, 4, 8, 16), (1, 2, 4, 8, 16, 64))
    session = Session.of(brief, keyspace, library, "writers", lab.server.prefix)
    keys = functions.keys_of(keyspace, "session_apply", session.keys)
    ways = {"function": ("apply", "function"), "script": ("apply", "eval"), "WATCH": ("watch", "eval"), "unguarded": ("lose", "eval")}  # fmt: skip
    if library.form == "eval":
        del ways["function"]
    rows = []
    session = replace(session, rules=replace(session.rules, log_max=session.rules.log_max.split()[0]))
    with pool(lab, library.form) as workers:
        for count in counts:
            for way, (work, form) in ways.items():
                session.create(client)
                found: Counter[str] = sum(
                    workers.run(work, seconds, count, form=form, keys=keys, channel=session.channel_argument,
                                ttl_s=session.rules.ttl_s, log_max=session.rules.log_max),
                    Counter(),
                )  # fmt: skip
                version = int(client.hget(session.keys["state"], "version") or 0)
                session.end(client)
                done = found["done"]
                rows.append((way, count, done, found["attempts"], done / seconds, found["attempts"] / max(1, done), done - version))  # fmt: skip
    cost = stepcost.steps(lab, client, brief, keyspace, library)
    samples = pd.DataFrame(
        rows, columns=["way", "writers", "done", "attempts", "goodput_per_s", "attempts_per_success", "lost"]
    )
    most = max(counts)
    at = samples[samples["writers"] == most].set_index("way")
    best = "function" if "function" in ways else "script"
    values = [Value("writers", most, "writers")]
    for way in ways:
        name = way.lower()
        values += [
            Value(f"{name}_goodput", float(at.at[way, "goodput_per_s"]), "changes/s", int(at.at[way, "done"])),  # type: ignore[arg-type]
            Value(f"{name}_attempts", float(at.at[way, "attempts_per_success"]), "x", int(at.at[way, "attempts"])),  # type: ignore[arg-type]
        ]
    guarded = samples[samples["way"] != "unguarded"]
    values += [
        Value("lost", int(guarded["lost"].sum()), "updates", int(guarded["done"].sum())),
        Value("unguarded_lost", int(samples[samples["way"] == "unguarded"]["lost"].sum()), "updates",
              int(samples[samples["way"] == "unguarded"]["done"].sum())),
        *cost,
        Value("best_over_watch", float(at.at[best, "goodput_per_s"]) / float(at.at["WATCH", "goodput_per_s"]), "x"),  # type: ignore[arg-type]
    ]  # fmt: skip
    return Finding(
        question=question,
        hypothesis="A function and a script stay flat; WATCH needs more attempts for each success as writers are added.",
        method="Closed loop: each writer changes the same session again and again; version + 1, log, publish each time. Server time of a step from INFO commandstats around blocks in turns, nobody else writing",
        values=tuple(values),
        samples=samples,
        conclusion=f"With {most} writers WATCH needs {float(at.at['WATCH', 'attempts_per_success']):.1f} attempts a success.",  # type: ignore[arg-type]
        conditions={"seconds each": seconds, "processes": PROCESSES[lab.profile], "loop": "closed"},
    )


def duplicates(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Send each operation several times, at once and after a cut connection; is it applied once?"""
    question = "Is an operation that is sent again applied once, with the first answer?"
    if reason := _unfit(lab, keyspace):
        return Finding(question, "", "", (), not_run=f"Duplicate operations do not apply: {reason}.")
    client = lab.server.client(decode_responses=True)
    library = start(lab.server)
    ops, threads = lab.by_profile(40, 200, 1000), 8
    session = Session.of(brief, keyspace, library, "twice", lab.server.prefix)
    session.create(client)
    keys = functions.keys_of(keyspace, "session_apply", session.keys)
    idem = session.keys["idem"].rsplit(":", 1)[0]
    with pool(lab, library.form) as workers:
        found = workers.run("duplicate", lab.by_profile(0.3, 1.5, 6.0), threads, keys=keys, idem=idem, ops=ops,
                            channel=session.channel_argument, ttl_s=session.rules.ttl_s, log_max=session.rules.log_max)  # fmt: skip
    sent, applied = sum(c["sent"] for c in found), sum(c["ok"] for c in found)
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
    op_keys = [f"{idem}:op{n}" for n in range(ops)] + [f"{idem}:cut{n}" for n in range(cut)]
    session.end(client)
    client.unlink(*op_keys)
    samples = pd.DataFrame([{**c, "thread": n} for n, c in enumerate(found)]).fillna(0)
    return Finding(
        question=question,
        hypothesis="Applied once, whoever sends it; every repetition gets the first version.",
        method=f"{threads} connections send the same {ops} operation ids; then {cut} operations are sent on a connection "
        "that is cut before the answer, and retried with the same id",
        values=(
            Value("sent", sent, "commands"),
            Value("distinct", distinct, "operations", sent),
            Value("applied", applied, "operations", sent),
            Value("applied_twice", applied - distinct, "operations", sent),
            Value("answers_differ", disagree, "connections", len(whole)),
            Value("cut", cut, "operations"),
            Value("cut_applied", gained, "operations", cut),
            Value("cut_found_again", twice, "operations", cut),
        ),
        samples=samples,
        conclusion=f"{sent:,} commands for {distinct} operations: applied {applied} times; {cut} cut and retried: {gained}.",
        conditions={"connections": threads, "form": library.form},
    )


def _send_and_cut(lab: Lab, session: Session, form: str, op_id: str) -> None:
    """Send session_apply on a raw socket and close it before the reply."""
    function = functions.functions()["session_apply"]
    keys = functions.keys_of(session.keyspace, "session_apply", session.keys)
    keys[2] = keys[2].rsplit(":", 1)[0] + ":" + op_id
    r = session.rules
    args: list[str | int] = [session.channel_argument, op_id, "", "change", "", r.ttl_s, r.log_max, r.idem_ttl_s]
    head = ["FCALL", function.name] if form == "function" else ["EVAL", function.script]
    with raw.open_socket(lab.server) as connection:
        connection.sendall(encode(*head, len(keys), *keys, *args))


def plot_writers(samples: pd.DataFrame) -> Figure:
    """Draw successes a second and attempts for each success against writers."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.5))
    for place, (way, group) in enumerate(samples.groupby("way", sort=False)):
        if way == "unguarded":
            continue
        colour, mark = figures.PALETTE[place], "osD^"[place]
        for axes, column in ((left, "goodput_per_s"), (right, "attempts_per_success")):
            axes.plot(group["writers"], group[column], f"-{mark}", color=colour, ms=5)
        left.annotate(str(way), (group["writers"].iloc[-1], group["goodput_per_s"].iloc[-1]), xytext=(4, 0),
                      textcoords="offset points", color=colour, fontsize=9, va="center")  # fmt: skip
    left.set(xscale="log", xlabel="writers (log)", ylabel="successful changes (/s)", title="Successes", ylim=(0, None))
    left.margins(x=0.25)
    right.set(xscale="log", xlabel="writers (log)", ylabel="attempts a success", title="Attempts for each success")
    for axes in (left, right):
        axes.set_xticks(sorted(samples["writers"].unique()))
        axes.get_xaxis().set_major_formatter("{x:.0f}")
        axes.minorticks_off()
    return figure
