"""The reads of a snapshot: what a gateway sends after it has subscribed, as a block of commands."""

from __future__ import annotations

from collections.abc import Mapping

from redis_plan.delivery import commands, snapshots
from redis_plan.keyspace import calls, functions, naming, records
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import command_block


def block(keyspace: Keyspace) -> str:
    """Return the reads of a first load or a reconnect as one block of commands."""
    keys = functions.session_keys(keyspace, "k3v9", environment="prod")
    most = functions.log_argument(keyspace)
    call = calls.calls()["session_catch_up"]
    given = {"known_epoch": calls.arguments()["known_epoch"].example, "version": "38", "max": most}
    read = (
        "FCALL",
        keyspace.fcall_name(call.name),
        str(len(call.keys)),
        *(keys[name] for name, _ in call.keys),
        *call.ordered(given),
    )
    if whole := snapshots.function(keyspace):
        named = [keys.get(name) or _of_round(keyspace, name) for name, _ in whole.call.keys]
        screen = ("FCALL", keyspace.fcall_name(whole.name), str(len(named)), *named, "<member>")
        rest = [command_block.line(keyspace, read, "what was missed, or the state"),
                command_block.line(keyspace, screen, "where it is no delta: what this member may see")]  # fmt: skip
        return command_block.block(rest)
    shown, _ = collections(keyspace, keys)
    together = (("MULTI",), read, ("HGETALL", keys["roster"]), *shown, ("EXEC",))
    return command_block.block([command_block.line(keyspace, each) for each in together])


def _of_round(keyspace: Keyspace, name: str) -> str:
    """Return the key of one round of the session that the commands speak of."""
    template = keyspace.pattern(name).template
    return naming.render(
        template, **{hole: "k3v9" if hole == "session_id" else "r1" for hole in naming.placeholders(template)}
    )


def collections(keyspace: Keyspace, keys: Mapping[str, str]) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Return the reads of a snapshot, one a collection with one key a session, and the collections that it only counts."""
    reads: list[tuple[str, ...]] = []
    hidden: list[str] = []
    for p in records.recorded(keyspace):
        counted = commands.counted(p)
        if counted:
            hidden.append(p.name)
        if p.name in keys and (counted or (p.candidate and p.candidate.read)):
            template = f"{counted} <key>" if counted else p.candidate.read[0] if p.candidate else ""
            reads.append(tuple(template.replace("<key>", keys[p.name]).split()))
    return tuple(reads), tuple(hidden)
