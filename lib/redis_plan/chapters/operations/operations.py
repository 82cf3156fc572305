"""Operations: does the configuration boot as written, do the metrics exist, do the users get what they should?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import redis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from redis_plan import figures
from redis_plan.delivery.acl import AclCheck, AclUser
from redis_plan.keyspace.settings import Alert, Setting
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab


def settings_take_effect(lab: Lab, *, chosen: Sequence[Setting]) -> Finding:
    """Start a server of this build with ``chosen`` and ask it for each directive with CONFIG GET.

    Also asks which of them CONFIG SET accepts while the server runs, and what the default would have been.
    """
    rows: list[dict[str, object]] = []
    with lab.own() as plain:
        defaults = {s.name: _config(plain.client(), s.name) for s in chosen}
    known = [s for s in chosen if defaults[s.name] is not None]
    with lab.own({s.name: s.value for s in known}) as own:
        client = own.client()
        for setting in chosen:
            seen = _config(client, setting.name)
            rows.append(
                {
                    "name": setting.name,
                    "wanted": setting.value,
                    "seen": "" if seen is None else seen,
                    "default": defaults[setting.name] or "",
                    "exists": seen is not None,
                    "took_effect": seen is not None and _same(setting, seen),
                    "settable_at_run_time": seen is not None and _settable(client, setting),
                }
            )
    samples = pd.DataFrame(rows)
    good = int(samples["took_effect"].sum())
    return Finding(
        question="Does the recommended configuration boot, and does every directive take effect?",
        hypothesis="The server starts, and CONFIG GET returns what redis.conf says.",
        method="A server of this build started with the settings; each read back by CONFIG GET, then CONFIG SET",
        values=(
            Value("directives", len(rows), "directives", len(rows)),
            Value("took_effect", good, "directives", len(rows)),
            Value("settable_at_run_time", int(samples["settable_at_run_time"].sum()), "directives", len(rows)),
        ),
        samples=samples,
        conclusion=f"{good} of {len(rows)} directives are in force.",
    )


def _config(client: redis.Redis, name: str) -> str | None:
    answer: Any = client.config_get(name)
    for key, value in answer.items():
        if _text(key) == name:
            return _text(value)
    return None


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _same(setting: Setting, seen: str) -> bool:
    """Whether CONFIG GET shows the value; limits of the other client classes stand beside ours."""
    return setting.value == seen or (setting.name == "client-output-buffer-limit" and setting.value in seen)


def _settable(client: redis.Redis, setting: Setting) -> bool:
    try:
        return bool(client.config_set(setting.name, setting.value))
    except redis.ResponseError:
        return False


def metrics_exist(lab: Lab, *, wanted: Sequence[Alert], chosen: Sequence[Setting]) -> Finding:
    """Ask INFO for every field that an alert names, on a server with the chosen settings, and time the polls.

    The settings matter: INFO leaves the fields of the append-only file out while there is none.
    """
    with lab.own({s.name: s.value for s in chosen}) as own:
        return _metrics(lab, own.client(), wanted)


def _metrics(lab: Lab, client: redis.Redis, wanted: Sequence[Alert]) -> Finding:
    info = {_text(line).partition(":")[0] for line in _info_lines(client)}
    fields = list(dict.fromkeys(field for alert in wanted for field in alert.info))
    rounds = lab.by_profile(40, 200, 1000)
    polls = {
        "INFO": ("INFO",),
        "INFO commandstats": ("INFO", "commandstats"),
        "CLIENT LIST": ("CLIENT", "LIST"),
        "SLOWLOG GET": ("SLOWLOG", "GET", "10"),
    }
    costs: list[dict[str, object]] = []
    for turn in range(rounds):  # interleaved, so that a drift of the machine touches all alike
        for name, command in polls.items():
            started = time.perf_counter_ns()
            client.execute_command(*command)
            costs.append(
                {"kind": "poll", "name": name, "round": turn, "value": (time.perf_counter_ns() - started) / 1e9}
            )
    samples = pd.DataFrame(
        costs + [{"kind": "field", "name": f, "round": 0, "value": float(f in info)} for f in fields]
    )
    medians = samples[samples["kind"] == "poll"].groupby("name", sort=False)["value"].median()
    absent = [f for f in fields if f not in info]
    return Finding(
        question="Does every metric that an alert needs exist on this server, and what does polling cost?",
        hypothesis="All fields exist, and a poll takes well under a millisecond.",
        method="INFO everything once for the names; each poll timed by a client on the same machine, interleaved",
        values=(
            Value("fields", len(fields), "fields", len(fields)),
            Value("fields_present", len(fields) - len(absent), "fields", len(fields)),
            *(Value(f"poll {name}", float(cost), "s", rounds) for name, cost in medians.items()),
        ),
        samples=samples,
        conclusion=f"Absent on this build: {', '.join(absent)}." if absent else "Every field exists on this build.",
        conditions={"loop": "closed", "rounds": rounds, "connections": 1},
    )


def _info_lines(client: redis.Redis) -> list[bytes]:
    with_connection: Any = client.connection_pool.get_connection()
    try:
        with_connection.send_command("INFO", "everything")
        reply: bytes = with_connection.read_response(disable_decoding=True)
    finally:
        client.connection_pool.release(with_connection)
    return [line for line in reply.splitlines() if line and not line.startswith(b"#")]


def users_get_what_they_should(lab: Lab, *, users: Sequence[AclUser], checks: Sequence[AclCheck]) -> Finding:
    """Create the ACL users on a server of our own and ask ACL DRYRUN about every check."""
    question = "Can each component do its work, and nothing else?"
    hypothesis = "Every allowed command passes and every forbidden one is refused."
    method = "The users of users.acl created on a server of this build, each command asked with ACL DRYRUN"
    with lab.own() as own:
        client = own.client()
        rows = []
        for user in users:
            client.execute_command(*user.command("measured"))
        for check in checks:
            try:
                reply = _text(client.execute_command("ACL", "DRYRUN", check.user, *check.command))
            except redis.ResponseError as error:
                if "unknown subcommand" in str(error).lower():
                    return Finding(question, hypothesis, method, (), not_run="ACL DRYRUN needs Redis 7.0 or newer")
                reply = str(error)
            rows.append(
                {
                    "user": check.user,
                    "command": " ".join(check.command),
                    "wanted": check.allowed,
                    "seen": reply == "OK",
                    "reply": reply,
                }
            )
    samples = pd.DataFrame(rows)
    wrong = samples[samples["wanted"] != samples["seen"]]
    return Finding(
        question=question,
        hypothesis=hypothesis,
        method=method,
        values=(
            Value("checks", len(samples), "checks", len(samples)),
            Value("as_wanted", len(samples) - len(wrong), "checks", len(samples)),
            Value("refused", int((~samples["seen"]).sum()), "checks", len(samples)),
        ),
        samples=samples,
        conclusion="Every answer is as wanted."
        if wrong.empty
        else f"Not as wanted: {'; '.join(wrong['user'] + ' ' + wrong['command'])}.",
    )


def plot_polls(samples: pd.DataFrame) -> Figure:
    """Draw what each poll of the monitoring costs: every round a dot, the median a line."""
    polls = samples[samples["kind"] == "poll"]
    names = list(dict.fromkeys(polls["name"]))
    figure, axes = plt.subplots()
    for position, name in enumerate(names):
        cost = polls.loc[polls["name"] == name, "value"] * 1e6
        axes.plot(
            cost,
            [position + 0.25 * ((i * 37) % 100 / 100 - 0.5) for i in range(len(cost))],
            ".",
            color=figures.CONTEXT,
            alpha=0.4,
        )
        axes.plot([cost.median()] * 2, [position - 0.3, position + 0.3], color=figures.HIGHLIGHT, linewidth=2.5)
        axes.annotate(
            f"{cost.median():.0f} µs",
            (cost.median(), position + 0.36),
            color=figures.HIGHLIGHT,
            ha="center",
            fontsize=9,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.6, len(names) - 0.2)
    axes.set_xlabel("time of one poll seen by the client (µs, log scale)")
    axes.set_title("What one poll of the monitoring costs")
    axes.grid(axis="x")
    return figure
