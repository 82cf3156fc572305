"""The plan's own text of section 3: what its template needs beside the design and the findings."""

from __future__ import annotations

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.expiry import expiry_rules
from redis_plan.chapters.expiry.findings import Expiry
from redis_plan.keyspace import chain
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import command_block, words
from redis_plan.words.tables import listed


def expiry(brief: Brief, keyspace: Keyspace, found: Expiry) -> str:
    """Return the running text of section 3, with the commands of a timer's worker."""
    timers = expiry_rules.timer_commands(brief, keyspace)
    return words.render(
        "chapters/expiry/expiry", brief, keyspace, found=found, links=_chain(keyspace, brief),
        swept=chain.swept(keyspace), timers=command_block.block(timers) if timers else "",
        sliding=any(p.ttl.policy == "sliding" for p in keyspace.keys) and found.slide is not None,
        jitter=listed(p for p in keyspace.keys if p.use == "cache"),
        untimed=listed(p for p in keyspace.keys if p.ttl.policy == "none"),
    )  # fmt: skip


def _chain(keyspace: Keyspace, brief: Brief) -> str:
    """Return how many lifetimes depend on each other, and every one that is broken."""
    links = chain.links(keyspace, brief)
    if broken := [link for link in links if not link.holds]:
        return "**Broken**: " + "; ".join(
            f"{link.says}, {units.write(link.left, 's')} against {units.write(link.right, 's')}: {link.because}"
            for link in broken
        )
    if not links:
        return ""
    hold = f"all {len(links)} inequalities hold" if len(links) > 1 else "the one inequality holds"
    first = links[0]
    return (
        f"Lifetimes that depend on each other: {hold}, such as {first.says} "
        f"({units.write(first.left, 's')} against {units.write(first.right, 's')})."
    )
