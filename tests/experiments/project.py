"""A small project for the experiments' tests: a Brief with every fact, and a keyspace with the core patterns."""

import tomllib
from functools import cache

from redis_plan.brief.facts import default
from redis_plan.brief.model import Brief, Entity, Fact
from redis_plan.keyspace import design
from redis_plan.keyspace.model import Keyspace
from redis_plan.resources import catalog_dir


@cache
def brief(members: int = 4) -> Brief:
    """Return a Brief of assumed facts with one session-like entity."""
    table = tomllib.loads((catalog_dir() / "facts.toml").read_text("utf-8"))
    chosen = {"members_per_session": members, "sessions_peak": 6}
    facts = tuple(
        Fact(n, float(chosen.get(n, default(f, chosen))), f["unit"], "assumed", f["because"], f"[facts] {n} = …")
        for n, f in table.items()
    )
    entities = (
        Entity("Room", "prd.md", 1, lifetime="session", realtime=True),
        Entity("Guest", "prd.md", 2, lifetime="session", realtime=True),
    )
    return Brief("Rooms", "rooms", "en", "core", "", ("prd.md",), entities=entities, facts=facts)


@cache
def keyspace(members: int = 4) -> Keyspace:
    """Return the keyspace of :func:`brief`."""
    return design(brief(members))


@cache
def without_sessions() -> Keyspace:
    """Return a keyspace that has no state, so no sessions."""
    whole = keyspace()
    return type(whole)(whole.app, 1, whole.session_noun, tuple(p for p in whole.patterns if p.name != "state"))
