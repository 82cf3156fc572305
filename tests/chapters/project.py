"""A small project for the experiments' tests: a Brief with every fact, and a keyspace with the core patterns."""

from functools import cache

from redis_plan.brief.model import Brief, Entity, Fact
from redis_plan.brief.reconcile.catalogue import catalogue, defaults
from redis_plan.keyspace import design
from redis_plan.keyspace.model import Keyspace


@cache
def brief(members: int = 4) -> Brief:
    """Return a Brief of assumed facts with one session-like entity."""
    found = defaults({"members_per_session": members, "sessions_peak": 6})
    facts = tuple(Fact(n, found[n], e.unit, "assumed", e.because, f"[facts] {n} = …") for n, e in catalogue().items())
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
