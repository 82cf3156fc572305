"""The bundle: every artefact of a project, made from its Brief, its keyspace and the numbers of its configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis_plan.actions import catalog, deadlines
from redis_plan.brief.model import Brief
from redis_plan.delivery import (
    acl,
    acting,
    action_clients,
    clients,
    configuration,
    library,
    registry,
    sockets,
    syncing,
    timekeeping,
)
from redis_plan.delivery.artefact import Artefact, plain, render, serves
from redis_plan.delivery.configuration import Target
from redis_plan.keyspace import functions, naming
from redis_plan.keyspace.model import Keyspace
from redis_plan.keyspace.settings import Setting

FOLDER = "redis"


@dataclass(frozen=True, slots=True)
class Walked:
    """The walkthrough as it ran: rows with step, says, user, command, reply and keys ([name, type, TTL] each)."""

    rows: tuple[Mapping[str, Any], ...]  # Any: text, and lists of keys
    server: str
    form: str = ""


def bundle(
    brief: Brief,
    keyspace: Keyspace,
    settings: Sequence[Setting],
    names: Mapping[str, float],
    target: Target,
    walked: Walked | None = None,
) -> tuple[Artefact, ...]:
    """Return every artefact in order of path. ``names`` are the quantities behind the settings' formulas.

    The same arguments give the same bytes. A file that has nothing to say is left out: a keyspace without atomic steps
    has no functions.lua, one without keys no clients.
    """
    made = [
        Artefact(configuration.FILE, configuration.redis_conf(brief, settings, target, names), f"the server: what differs from the defaults of {target}, and what the design depends on"),
        Artefact("users.acl", acl.users_acl(keyspace), "one user a role, without a password"),
        Artefact(registry.FILE, registry.keyspace_json(brief, keyspace), "the registry of keys, channels and functions, for other tools"),
        Artefact(registry.SCHEMA, registry.schema(), "the JSON Schema of keyspace.json"),
    ]  # fmt: skip
    text = library.compose(brief, keyspace)
    if text:
        made.append(Artefact(library.FILE, text, "the atomic steps, as a Functions library"))
        made += library.eval_scripts(brief, keyspace)
    if keyspace.patterns:
        chosen = clients.library_for(brief)
        made.append(
            Artefact(
                clients.PYTHON,
                clients.python_client(brief, keyspace),
                "key builders and operations for redis-py, typed",
            )
        )
        made.append(
            Artefact(
                clients.TYPESCRIPT,
                clients.typescript_client(brief, keyspace, chosen),
                f"key builders and operations for {chosen}, typed",
            )
        )
        for path, text, of in (
            (action_clients.PYTHON, action_clients.python_module(brief, keyspace), "redis-py"),
            (action_clients.TYPESCRIPT, action_clients.typescript_module(brief, keyspace), chosen),
        ):
            made += [Artefact(path, text, f"the project's actions for {of}, one typed method each")] if text else []
    made += syncing.artefacts(brief, keyspace)
    if walked and walked.rows:
        made.append(
            Artefact("walkthrough.md", walkthrough(brief, keyspace, walked), "one life, command by command, as it ran")
        )
    made.sort(key=lambda artefact: artefact.path)
    return (Artefact("README.md", readme(brief, keyspace, made), "this overview"), *made)


def readme(brief: Brief, keyspace: Keyspace, made: Iterable[Artefact]) -> str:
    """Return the overview: files with their digests, the way to production, users and requirements."""
    users = []
    for user in acl.users(keyspace):
        patterns = [rule for rule in user.rules if rule[0] in "~%&"]
        allowed = sum(rule.startswith("+") for rule in user.rules)
        users.append({
            "name": user.name, "purpose": user.purpose, "patterns": " ".join(f"`{p}`" for p in patterns) or "none",
            "commands": "all" if "+@all" in user.rules else allowed,
        })  # fmt: skip
    listed = [
        {"path": a.path, "purpose": a.purpose, "sha256": a.sha256}
        for a in made
        if not a.path.startswith(f"{library.SCRIPTS}/")
    ]
    served = [{"template": p.template, "serves": serves(brief, p.requirements, 99) or "–"} for p in keyspace.patterns]
    return render(
        "README.md.j2", title=plain(brief.title), name=keyspace.library, files=listed, users=users, patterns=served, functions=bool(library.steps(keyspace)),
        environment=naming.ENVIRONMENT, python=clients.PYTHON, typescript=clients.TYPESCRIPT, module=clients.PYTHON.removesuffix(".py"),
        session=not functions.missing(keyspace), noun=keyspace.session_noun, library=clients.library_for(brief),
        periods=syncing.PYTHON_PERIODS.removesuffix(".py"), driver=syncing.PYTHON_DRIVER.removesuffix(".py"),
        worker=syncing.PYTHON_WORKER.removesuffix(".py") if timekeeping.works(keyspace) else "", **timekeeping.names(keyspace),
        actions=len(acting.composed(keyspace) or acting.called(keyspace)), actions_python=action_clients.PYTHON, actions_typescript=action_clients.TYPESCRIPT,
        roles=brief.settled.roles, probe=keyspace.use("probe") is not None, signals=syncing.signals(keyspace), sharded=clients.channel_of(keyspace)[2],
        socket=sockets.summary(brief),
    )  # fmt: skip


def walkthrough(brief: Brief, keyspace: Keyspace, walked: Walked) -> str:
    """Return the walkthrough as Markdown: after each command the keys that there were, the new ones marked."""
    rows: list[dict[str, Any]] = []  # Any: what the template reads
    before: dict[str, tuple[str, int]] = {}
    for row in walked.rows:
        now = {name: (kind, ttl) for name, kind, ttl in row["keys"]}
        keys = [
            {"name": name, "type": kind, "ttl": ttl, "new": name not in before} for name, (kind, ttl) in now.items()
        ]
        gone = [name for name in before if name not in now]
        rows.append({**row, "reply": row["reply"].replace("`", "'"), "keys": keys, "gone": gone})
        before = now
    heading = f"the life of one {keyspace.session_noun}" if keyspace.session_entity else "one use of each key"
    return render(
        "walkthrough.md.j2",
        title=plain(brief.title),
        heading=heading,
        rows=rows,
        server=walked.server,
        form=walked.form,
        deadlines=deadlines.deadlines((action.name, catalog.kind_of(action)) for action in keyspace.actions),
    )
