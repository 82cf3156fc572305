"""The walkthrough, run: the life of one session as commands, and the keys that the server had after each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import redis

from redis_plan.brief.model import Brief
from redis_plan.delivery import library, walkthrough
from redis_plan.keyspace import naming
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.server import Server


def live(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Run the walk: by FCALL on a fresh server of the same build, or by the EVAL forms under our prefix on a user's."""
    walk = walkthrough.steps(brief, keyspace)
    if not walk:
        return Finding(_QUESTION, "", "", (), not_run="the keyspace has no key that a walk could make")
    if not lab.server.ours:
        return _live(lab.server, brief, keyspace)
    with lab.own() as own:
        return _live(own, brief, keyspace)


_QUESTION = "Which keys exist at each step of one life, from create to cleanup?"


def _live(server: Server, brief: Brief, keyspace: Keyspace) -> Finding:
    client, prefix = server.client(decode_responses=True), server.prefix
    walk = walkthrough.steps(brief, keyspace, prefix)
    named = walkthrough.keys_in(walk)
    by_function = server.ours and "functions" in server.capabilities
    if by_function and (text := library.compose(brief, keyspace)):
        client.function_load(text, replace=True)
    scripts = {keyspace.fcall_name(Path(a.path).stem): a.text for a in library.eval_scripts(brief, keyspace)}

    def execute(*words: str) -> Any:  # Any: each command its own reply
        if words[0] == "FCALL" and not by_function:
            words = ("EVAL", scripts[words[1]], *words[2:])
        return client.execute_command(*words)

    try:
        seen = walkthrough.play(execute, walk, lambda: look(client, named))
        strange = {str(key) for key in client.scan_iter(match=f"{prefix}*", count=1000)} - set(named)
    finally:
        client.unlink(*named)
    left = seen[-1].keys
    open_ended = {_plain(key, prefix) for s in seen for key, _, ttl in s.keys if ttl < 0}
    untimed = [key for key in open_ended if not _may_stay(keyspace, key)]
    rows = [
        {
            "step": s.step.name,
            "says": s.step.says,
            "user": s.step.user,
            "command": _plain(walkthrough.shell(s.step.command), prefix),
            "reply": _plain(s.reply, prefix),
            "keys": json.dumps([[_plain(name, prefix), kind, ttl] for name, kind, ttl in s.keys]),
        }
        for s in seen
    ]
    return Finding(
        question=_QUESTION,
        hypothesis="Every key is of the registry and has a TTL; after the end only those are left that end by their TTL.",
        method="The commands of the walk, sent one after the other; TYPE and TTL of every key after each, a SCAN at the end",
        values=(
            Value("steps", len(rows), "commands"),
            Value("keys", len(named), "keys"),
            Value("left", len(left), "keys"),
            Value("strange", len(strange), "keys"),
            Value("untimed", len(untimed), "keys"),
        ),
        samples=pd.DataFrame(rows, columns=["step", "says", "user", "command", "reply", "keys"]),
        conclusion=f"{len(rows)} commands, {len(named)} keys, {len(left)} left at the end, {len(strange)} unknown to the registry.",
        conditions={"form": "FCALL" if by_function else "EVAL"},
    )


def look(client: redis.Redis, named: Iterable[str]) -> list[tuple[str, str, int]]:
    """Return those of ``named`` that exist, with type and TTL in seconds."""
    pipeline = client.pipeline(transaction=False)
    names = list(named)
    for name in names:
        pipeline.type(name)
        pipeline.ttl(name)
    found: list[Any] = pipeline.execute()
    rows = zip(names, found[::2], found[1::2], strict=True)
    return [(name, str(kind), int(ttl)) for name, kind, ttl in rows if str(kind) != "none"]


def _may_stay(keyspace: Keyspace, key: str) -> bool:
    """Whether the registry says that the key has no TTL."""
    return any(p.ttl.policy == "none" and naming.parse(p.template, key) is not None for p in keyspace.keys)


def _plain(text: str, prefix: str) -> str:
    """Return text without the prefix that a server that is not ours asks for."""
    return text.replace(prefix, "") if prefix else text
