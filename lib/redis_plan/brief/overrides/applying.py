"""Applying: what the team says takes the place of what was read, each with the line where it stands.

An entry that cites ``prd.md:31`` stands there; another one in ``redis-plan.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from redis_plan.brief.entities import folded_name
from redis_plan.brief.facts import Given
from redis_plan.brief.model import Component, Declared, Entity, Fit, Requirement, Role, Settled, TakenUse, TeamRole
from redis_plan.brief.overrides.loading import NAME, Overrides
from redis_plan.brief.overrides.positions import Path as Keys
from redis_plan.brief.overrides.schema import Cited, DeclaredAction, DeclaredChannel, DeclaredKey, EntityEntry

BY_THE_TEAM = "set by the team"


def place(entry: Cited | None, line: int) -> tuple[str, int]:
    """Return the file and line that an entry cites, else its own in ``redis-plan.toml``."""
    if entry is None or not entry.cite:
        return NAME, line
    file, _, number = entry.cite.partition(":")
    return file, int(number.split("-")[0])


def apply_demands(
    found: Sequence[Requirement], given: Overrides, lines: Mapping[str, Sequence[str]]
) -> tuple[Requirement, ...]:
    """Return the demands with those that the team drops, adds or calls something else."""
    demands = given.file.demands
    result = []
    for r in found:
        names = {r.id, f"{r.file}:{r.line}"}
        if names & set(demands.drop):
            continue
        entry = next((demands.set[name] for name in sorted(names) if name in demands.set), None)
        if entry is not None:
            r = replace(r, kind=entry.kind or r.kind, realtime=r.realtime if entry.realtime is None else entry.realtime, confidence=1.0)  # fmt: skip # noqa: PLW2901
        result.append(r)
    known = {f"{r.file}:{r.line}": n for n, r in enumerate(result)}
    for added in demands.add:
        file, _, number = added.line.partition(":")
        at = int(number)
        if added.line in known:  # it was read already: the team says what it is
            n = known[added.line]
            result[n] = replace(result[n], kind=added.kind, realtime=added.realtime, confidence=1.0)
            continue
        if file not in lines or at > len(lines[file]):
            continue  # what stands nowhere is said by ``read --check``
        id = added.id or f"T-{at:03d}"
        result.append(Requirement(id, _bare(lines[file][at - 1]), file, at, added.kind, added.realtime))
    order = {name: n for n, name in enumerate(lines)}
    return (
        tuple(sorted(result, key=lambda r: (order.get(r.file, len(order)), r.line))) if demands.add else tuple(result)
    )


def apply_entities(found: Sequence[Entity], given: Overrides) -> tuple[Entity, ...]:
    """Return the entities as the team has them: renamed, dropped, corrected, added; the session's noun among them."""
    entities = given.file.entities
    dropped = {folded_name(name) for name in entities.drop}
    renamed = {folded_name(old): new for old, new in entities.rename.items()}
    result: list[Entity] = []
    for entity in found:
        if folded_name(entity.name) in dropped:
            continue
        new = renamed.get(folded_name(entity.name))
        result.append(replace(entity, name=new, aliases=(*entity.aliases, entity.name)) if new else entity)
    for n, added in enumerate(entities.add):
        _put(result, added.name, added, given.line("entities", "add", n))
    for name, entry in entities.set.items():
        _put(result, name, entry, given.line("entities", "set", name))
    if entities.complete:
        kept = {folded_name(n) for n in (*entities.set, *entities.rename.values(), *(a.name for a in entities.add))}
        result = [e for e in result if folded_name(e.name) in kept]
    result = _merged(result)
    session = given.file.session
    if session.noun and _called(result, session.noun) is None:
        _put(result, session.noun[:1].upper() + session.noun[1:], EntityEntry(cite=session.cite), given.line("session", "noun"))  # fmt: skip
    return tuple(result)


def _merged(entities: Sequence[Entity]) -> list[Entity]:
    """Return each name once: what was renamed to the name of another is that other one."""
    found: dict[str, Entity] = {}
    for entity in entities:
        name = folded_name(entity.name)
        first = found.get(name)
        found[name] = entity if first is None else replace(first, aliases=tuple(dict.fromkeys((*first.aliases, *entity.aliases))))  # fmt: skip
    return list(found.values())


def _called(entities: Sequence[Entity], name: str) -> int | None:
    """Return the index of the entity with this name, else with this alias, else None."""
    wanted = folded_name(name)
    for names in (lambda e: (e.name,), lambda e: e.aliases):
        for n, entity in enumerate(entities):
            if wanted in {folded_name(one) for one in names(entity)}:
                return n
    return None


def _put(entities: list[Entity], name: str, entry: EntityEntry, line: int) -> None:
    """Correct the entity called ``name``, or add it."""
    at = _called(entities, name)
    if at is not None and folded_name(entities[at].name) != folded_name(name):
        # it was read as another word for that one; the team says that it is a thing of its own
        old = entities[at]
        entities[at] = replace(old, aliases=tuple(a for a in old.aliases if folded_name(a) != folded_name(name)))
        at = None
    if at is None:
        file, number = place(entry, line)
        lifetime, live = entry.lifetime or "session", True if entry.realtime is None else entry.realtime
        entities.append(Entity(name, file, number, tuple(entry.aliases), lifetime, live))
        return
    old = entities[at]
    file, number = place(entry, line) if entry.cite else (old.file, old.line)
    entities[at] = replace(
        old,
        name=name,
        file=file,
        line=number,
        aliases=tuple(dict.fromkeys((*old.aliases, *entry.aliases))),
        lifetime=entry.lifetime or old.lifetime,
        realtime=old.realtime if entry.realtime is None else entry.realtime,
        confidence=1.0,
    )


def given_facts(given: Overrides) -> dict[str, Given]:
    """Return the facts that the team sets, and those of which it says that no document states them."""
    found: dict[str, Given] = {}
    for name, entry in given.file.facts.items():
        amount, line = given.amounts.get(name), given.line("facts", name)
        if amount is None:
            because = f"the team says that no document states it (redis-plan.toml:{line})"
            found[name] = Given(None, None, None, because, "", 0)
        else:
            because = entry.because or (f"“{entry.quote}”" if entry.quote else BY_THE_TEAM)
            found[name] = Given(amount.value, amount.low, amount.high, because, *place(entry, line))
    return found


def apply_stack(found: Sequence[Component], given: Overrides) -> tuple[Component, ...]:
    """Return the stack with the server, the client library and the WebSocket library that the team names."""
    stack, result = given.file.stack, list(found)
    if stack.server:
        name, _, version = stack.server.partition(" ")
        result = [c for c in result if not _is_server(c)]
        result.append(
            _component(name.capitalize(), "cache", given.line("stack", "server"), version.strip(" vV") or None)
        )
    libraries: tuple[tuple[str, str | None, Role], ...] = (
        ("client", stack.client, "backend"),
        ("websocket", stack.websocket, "realtime"),
    )
    for key, library, role in libraries:
        if library:
            result = [c for c in result if c.name.lower() != library.lower()]
            result.append(_component(library, role, given.line("stack", key)))
    return tuple(result)


_SERVER = re.compile(r"(?:redis|valkey)(?: (?:server|stack|oss|cluster))?", re.IGNORECASE)


def _is_server(component: Component) -> bool:
    return bool(_SERVER.fullmatch(component.name.strip()))


def _component(name: str, role: Role, line: int, version: str | None = None) -> Component:
    return Component(name, role, NAME, line, version)


def apply_fit(fit: Fit, because: str, given: Overrides) -> tuple[Fit, str]:
    """Return the verdict with its reasons, the team's where it gives one."""
    entry = given.file.fit
    if entry is None:
        return fit, because
    file, line = place(entry, given.line("fit"))
    return entry.verdict, f"{entry.because or BY_THE_TEAM} ({file}:{line})"


def settled(given: Overrides) -> Settled:
    """Return what the team says of the session and the uses, for the design to follow."""
    file = given.file
    session, uses = file.session, file.uses
    taken = []
    for n, use in enumerate(uses.take):
        line = given.line("uses", "take", n)
        taken.append(TakenUse(use.use, tuple(use.entity), line, *place(use, line), tuple(use.serves)))
    return Settled(
        session="" if session.none else session.noun,
        member=session.member,
        taken=tuple(taken),
        dropped={entry.use: given.line("uses", "drop", n) for n, entry in enumerate(uses.drop)},
        only_taken=uses.complete,
        adopted_keys=tuple(file.keys.adopt),
        refused_keys={entry.key: entry.because or BY_THE_TEAM for entry in file.keys.refuse},
        keys=tuple(_declared(key, given, ("keys", "declare", n)) for n, key in enumerate(file.keys.declare)),
        channels=tuple(_declared(channel, given, ("channels", n)) for n, channel in enumerate(file.channels)),
        roles=tuple(
            TeamRole(role.name, role.like, role.most, given.line("roles", n), *place(role, given.line("roles", n)))
            for n, role in enumerate(file.roles)
        ),
        actions=tuple(_declared(action, given, ("actions", n)) for n, action in enumerate(file.actions)),
    )


def _declared(entry: DeclaredKey | DeclaredChannel | DeclaredAction, given: Overrides, path: Keys) -> Declared:
    lines = {
        ".".join(str(step) for step in at[len(path) :]): span[0]
        for at, span in given.spans.items()
        if at[: len(path)] == path
    }
    file = entry.lua or "" if isinstance(entry, DeclaredAction) else ""
    return Declared(entry.model_dump(exclude_unset=True), lines, given.lua.get(file, ""), file)


def _bare(line: str) -> str:
    """Return a line's text without the marks of its list or table."""
    text = re.sub(r"^\s*(?:[-*+>#]+|\d+[.)]|\|)\s*(?:\[[ xX]\]\s*)?", "", line).replace("**", "").replace("`", "")
    return " ".join(text.strip(" |").split())[:300]
