"""The texts of section 7 in the appendix: what its templates need beside the design and the findings."""

from __future__ import annotations

import json
import re

import pandas as pd

from redis_plan.actions import matrix
from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions import limits as bounds
from redis_plan.chapters.sessions.contracts import library
from redis_plan.chapters.sessions.findings import Sessions
from redis_plan.delivery import acting, sockets, touching, walkthrough
from redis_plan.delivery import library as library_of
from redis_plan.keyspace import functions, naming, periods, seating
from redis_plan.keyspace.cues import with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.rig.session import rules
from redis_plan.words import command_block, socket_text, words
from redis_plan.words.tables import table

_MEMBER = {"member_id": "m7", "connection": "c1"}
_JOIN, _MARK, _BACK = "seats.join", "presence.mark_away", "presence.back"


def section(brief: Brief, keyspace: Keyspace, found: Sessions) -> list[str]:
    """Return the section as blocks of Markdown, for a project with sessions or without; what was tested is storm_text's."""
    if functions.missing(keyspace):
        return [no_sessions(brief, keyspace), *filter(None, [library(brief, keyspace)])]
    return [
        states(brief, keyspace),
        lifecycle(brief, keyspace),
        library(brief, keyspace),
        slots(keyspace),
        identities(brief, keyspace),
        silence(brief, keyspace),
        cleanup(brief, keyspace, found),
        limits(brief, keyspace),
        socket_text.closing(brief, keyspace),
    ]


def no_sessions(brief: Brief, keyspace: Keyspace) -> str:
    """Return what the section says for a project whose Redis holds no sessions."""
    removed = (p for p in keyspace.keys if re.search(r"worker|sweep", p.deleted_by))
    return words.render(
        "chapters/sessions/no_sessions", brief, keyspace, missing=functions.missing(keyspace),
        worked=", ".join(f"`{p.name}` ({_by_worker(p.deleted_by)})" for p in removed),
        encoded=naming.encode_id("a:{b}"), logins=keyspace.use("auth-session") is not None,
    )  # fmt: skip


def _by_worker(deleted_by: str) -> str:
    """Return what the worker does, without its name and what comes after it."""
    return re.sub(r"^workers?\b:? ?\(?|\)$", "", deleted_by.split(";", maxsplit=1)[0]).strip()


def states(brief: Brief, keyspace: Keyspace) -> str:
    """Return the state machine of a session: each transition, its function, what it checks and its answers."""
    return words.render(
        "chapters/sessions/states", brief, keyspace,
        recorded=touching.recorded(keyspace), acted=acting.composed(keyspace), ends=bounds.ends(keyspace),
    )  # fmt: skip


def slots(keyspace: Keyspace) -> str:
    """Return the proof that each function's keys share a slot."""
    of_each = functions.slots(keyspace, walkthrough.SESSION)
    found = ", ".join(map(str, sorted({slot for slots in of_each.values() for slot in slots})))
    return (
        f"All keys of each call share the hash tag: for the id `{walkthrough.SESSION}` each of the {len(of_each)} functions "
        f"of {with_article(keyspace.session_noun)} has every key in slot {found} (CRC16, computed; section 1 has the test on a cluster)."
    )


def lifecycle(brief: Brief, keyspace: Keyspace) -> str:
    """Return create, join, change, leave and end as commands, with the keys that exist after each."""
    rule, w = rules(brief, keyspace), walkthrough.Writer(brief, keyspace)
    data = '{"set":{"owner":"m8"}}'
    steps = [
        ("create", w.call("create", fields=f"owner m7 capacity {rule.capacity}"), "created", ["state"]),
        ("join", w.call("join", **_MEMBER), "[1, joined]", ["state", "roster", "presence", "log"]),
        ("change", w.call("apply", op_id=walkthrough.OP, expected_version=1, data=data, fields="owner m8"), "[2, ok]", ["state", "roster", "presence", "log", "idem"]),
        ("heartbeat", w.call("heartbeat", **_MEMBER), "renewed", ["state", "roster", "presence", "log", "idem"]),
        ("sweep", w.call("sweep"), "[] or the lapsed connections", ["state", "roster", "presence", "log", "idem"]),
        ("leave", w.call("leave", **_MEMBER | {"connection": ""}), "[3, left]", ["state", "log", "idem"]),
        ("end", w.call("end"), "[4, ended]", ["state", "log", "idem"]),
        ("hand over", w.call("hand_over"), "[5, handed_over]", ["state", "log", "idem"]),
        ("remove", w.call("remove"), "removed", []),
    ]  # fmt: skip
    commands = command_block.block(
        command_block.line(keyspace, command, f"{name} → {answer}; keys after it: {', '.join(after) or 'none'}")
        for name, command, answer, after in steps
    )
    return words.render("chapters/sessions/lifecycle", brief, keyspace, rules=rule, commands=commands)


def identities(brief: Brief, keyspace: Keyspace) -> str:
    """Return ids, join codes, seat and connection, re-join and takeover, authorisation."""
    return words.render(
        "chapters/sessions/identities", brief, keyspace,
        code=next((p for p in keyspace.patterns if p.use in ("join-code", "code")), None),
        length=int(brief.value("code_length")), live=brief.value("sessions_peak"),
        connections=seating.connections(keyspace.actions), says=_says(brief),
    )  # fmt: skip


def silence(brief: Brief, keyspace: Keyspace) -> str:
    """Return when a silent member is shown as gone and when the seat is free: two deadlines where the documents give two."""
    of = periods.periods(brief)
    shown, seat, sweep = of["presence"], of["lease"], of["sweep"]
    scores, margin = _names(keyspace)["presence"], seat.ms - shown.ms
    named = {s.action.kind: s.function.name for s in library_of.steps(keyspace) if s.action}
    lines = (
        command_block.Line("app", ("ZCOUNT", scores, f"<now+{margin}>", "+inf"), "connections that are there"),
        command_block.Line(
            "worker",
            ("ZRANGEBYSCORE", scores, f"<now+{margin - sweep.ms}>", f"<now+{margin - 1}>"),
            f"fell silent since the last look, {sweep.ms / 1000:g} s ago",
        ),
    )
    return words.render(
        "chapters/sessions/silence", brief, keyspace, shown=shown, seat=seat, scores=scores,
        commands=command_block.block(lines) if margin > 0 else "", mark=named.get(_MARK, ""), back=named.get(_BACK, ""),
    )  # fmt: skip


def cleanup(brief: Brief, keyspace: Keyspace, found: Sessions) -> str:
    """Return the three layers and the ghost time."""
    return words.render(
        "chapters/sessions/cleanup", brief, keyspace, found=found, sweep=periods.seconds(brief, "sweep"),
        idle=brief.value("idle_ttl"), ttl=rules(brief, keyspace).ttl_s, ends=bounds.ends(keyspace),
    )  # fmt: skip


def limits(brief: Brief, keyspace: Keyspace) -> str:
    """Return limits, rolling deploys and ticks."""
    actions = matrix.stories(brief, keyspace).actions
    return words.render(
        "chapters/sessions/limits", brief, keyspace, says=_says(brief),
        joins=next((action.name for action in keyspace.actions if action.kind == _JOIN), "session_join"),
        connections=seating.connections(keyspace.actions), tries=bounds.tries(brief, keyspace, actions), bounds=bounds.bounds(actions),
        remembered=rules(brief, keyspace).remembered_s,
    )  # fmt: skip


def walked(brief: Brief, keyspace: Keyspace, found: Sessions, samples: pd.DataFrame | None) -> str:
    """Return the walkthrough in short, from the ``samples`` of ``found.walk``: the steps after which the set of keys was another one."""
    rows, before = [], set[str]()
    for row in samples.to_dict("records") if found.walk and samples is not None else ():
        now = {name for name, _, _ in json.loads(row["keys"])}
        if now != before:
            new, gone = sorted(now - before), sorted(before - now)
            rows.append([str(row["says"]), _short(new, keyspace), _short(gone, keyspace), str(len(now))])
        before = now
    steps = table(["Step", "New keys", "Gone", "Keys"], rows, right=(3,)) if rows else ""
    return words.render("chapters/sessions/walked", brief, keyspace, found=found, steps=steps)


def _short(names: list[str], keyspace: Keyspace) -> str:
    """Return the parts of names, by which the registry calls them."""
    found = []
    for name in names:
        pattern = next((p for p in keyspace.keys if naming.parse(p.template, name) is not None), None)
        found.append(f"`{pattern.name}`" if pattern else f"`{name}`")
    return ", ".join(dict.fromkeys(found)) or "–"


def _says(brief: Brief) -> dict[str, str]:
    """Return what the gateway tells a client that it closes, by the reason."""
    return {reason: sockets.sign(brief, reason) for reason in ("taken", "limit", "deploy")}


def _names(keyspace: Keyspace) -> dict[str, str]:
    return functions.session_keys(keyspace, walkthrough.SESSION, environment="prod")
