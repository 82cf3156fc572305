"""Odd projects that somebody has: nothing in it, one thing only, each use alone, all at once, and far too many people."""

from collections.abc import Iterator
from dataclasses import replace

from redis_plan.brief.model import Brief, Settled, TakenUse
from redis_plan.keyspace.catalog import use_patterns

from .briefs import entity, facts, ledger, prices, requirement, workshop

NOTHING = replace(ledger(), title="Nothing", slug="nothing", entities=(), requirements=(), stack=())
_MACHINERY = ("idem", "probe")


def odd() -> Iterator[tuple[str, Brief]]:
    """Yield each odd Brief under a name."""
    yield "empty", NOTHING
    yield "no-entity", replace(workshop(), slug="no-entity", entities=())
    yield "no-requirement", replace(workshop(), slug="no-requirement", requirements=(), access_patterns=())
    yield "no-session", prices()
    yield (
        "no-channel",
        replace(ledger(), slug="no-channel", fit="useful", entities=(entity("Report cache", "temporary", False),)),
    )
    yield "one-key", alone("cache", with_session=False)
    yield (
        "crowd",
        replace(workshop(), slug="crowd", facts=facts(members_per_session=100_000.0, session_capacity=100_000.0)),
    )
    yield (
        "strange-words",
        replace(
            workshop(),
            title='La "Plaza" — {x} `y` */ """',
            slug="strange-words",
            requirements=(requirement(1, 'A "*/ `vote` {{x}} \\\\ """ is cast'),),
        ),
    )
    yield "everything", taking(*(p.use for p in use_patterns()), slug="everything")
    without = [p.use for p in use_patterns() if p.needs != "session"]
    yield "everything-without-session", taking(*without, slug="everything-without-session", session="")
    for pattern in use_patterns():
        if pattern.use not in _MACHINERY:
            for with_session in {"session": (True,), "no-session": (False,)}.get(pattern.needs, (True, False)):
                yield f"{pattern.use}{'' if with_session else '-without-session'}", alone(pattern.use, with_session)


def alone(use: str, with_session: bool) -> Brief:
    """Return a project that asks for one use and nothing else, with or without a session."""
    return taking(use, slug=f"only-{use}", session="Workshop" if with_session else "")


def taking(*uses: str, slug: str, session: str = "Workshop") -> Brief:
    """Return a project whose team says which uses it has, and what its members share."""
    taken = tuple(TakenUse(use, (), number, "prd.md", 1) for number, use in enumerate(uses, 1))
    return replace(workshop(), slug=slug, settled=Settled(session=session, taken=taken, only_taken=True))
