"""Small Briefs written by hand, for tests of the keyspace."""

from dataclasses import replace

from redis_plan.brief.model import AccessPattern, Brief, Component, Entity, Fact, Requirement
from redis_plan.brief.reconcile.catalogue import catalogue, defaults


def facts(**values: float) -> tuple[Fact, ...]:
    """Every fact of the catalog at its default, or at the value given."""
    found = defaults(values)
    return tuple(Fact(n, found[n], e.unit, "assumed", "", f"[facts] {n} = 1") for n, e in catalogue().items())


def entity(name: str, lifetime: str = "session", realtime: bool = True, *aliases: str) -> Entity:
    return Entity(name, "prd.md", 1, aliases, lifetime, realtime)  # type: ignore[arg-type]


def requirement(number: int, text: str, realtime: bool = True) -> Requirement:
    return Requirement(f"US-{number:03}", text, "prd.md", number, realtime=realtime)


def access(verb: str, entity: str, mode: str = "write", requirements: tuple[str, ...] = ("US-001",)) -> AccessPattern:
    return AccessPattern(
        f"A-{verb}-{entity.lower()}",
        "member",
        verb,
        entity,
        mode,  # type: ignore[arg-type]
        1.0,
        "assumed",
        "",
        requirements,
    )


def workshop() -> Brief:
    """A project with sessions: people join a workshop by a code, vote in rounds and chat."""
    return Brief(
        title="Team Workshop",
        slug="team-workshop",
        language="en",
        fit="core",
        fit_because="shared live state",
        documents=("prd.md",),
        requirements=(
            requirement(1, "A participant joins a workshop by typing a join code"),
            requirement(2, "Everyone sees in real time who is in the workshop"),
            requirement(3, "A participant votes privately; the votes stay hidden until the facilitator reveals them"),
            requirement(4, "After a lost connection a participant reconnects without losing state"),
            requirement(5, "A workshop without activity for two hours is cleaned up", False),
            requirement(6, "Participants write chat messages"),
            requirement(7, "A facilitator logs in with a password", False),
        ),
        entities=(
            entity("Workshop"),
            entity("Participant"),
            entity("Vote", "session", True, "ballot"),
            entity("Round"),
            entity("Chat message"),
            entity("Sticky note"),
            entity("Join code", "session", False),
            entity("Organisation", "durable", False),
        ),
        access_patterns=(
            access("join", "Workshop"),
            access("watch", "Workshop", "subscribe"),
            access("submit", "Vote", requirements=("US-003",)),
            access("edit", "Organisation"),
        ),
        stack=(Component("Redis", "cache", "tech-stack.md", 3, "7.2"),),
        facts=facts(),
    )


def prices() -> Brief:
    """A project without sessions: prices pushed to whoever looks."""
    return replace(
        workshop(),
        title="Price Board",
        slug="price-board",
        entities=(
            entity("Price", "temporary"),
            entity("Order", "durable", True),
            entity("Auth session", "session", False),
        ),
        requirements=(requirement(1, "Prices are pushed in real time"), requirement(2, "A trader logs in", False)),
        access_patterns=(access("watch", "Price", "subscribe"),),
    )


def ledger() -> Brief:
    """A project that hardly needs Redis."""
    return replace(
        workshop(),
        title="Ledger",
        slug="ledger",
        fit="no",
        entities=(entity("Account", "durable", False), entity("Monthly summary", "temporary", False)),
        requirements=(
            requirement(1, "A user logs in with a password", False),
            requirement(2, "The summary is shown", False),
        ),
        access_patterns=(),
    )
