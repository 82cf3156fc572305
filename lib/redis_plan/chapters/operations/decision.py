"""The decision on what a full server does, and the numbers behind the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from IPython.display import Markdown

from redis_plan import units
from redis_plan.chapters.operations.findings import TookEffect
from redis_plan.evidence.decision import Alternative, Decision, Guard
from redis_plan.keyspace import settings
from redis_plan.keyspace.cues import with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.words.capacity import Budget

POLLS_ALT = (
    "Dot plot of the time of one monitoring poll for INFO, INFO commandstats, CLIENT LIST and SLOWLOG GET on a log "
    "scale, the median of each marked."
)
_SHOWN = {
    "maxmemory": ("B", "from the capacity model [E-06c]"),
    "bytes_per_session": ("B", "measured [E-06a]"),
    "conn_rate": ("events/s", "sessions_peak x events_per_session: one subscriber connection may see them all"),
    "hard_limit": ("B", "(conn_rate x (payload + frame) x 5 s stall + what begins a round in every session) x 2"),
    "write_bytes": ("B/s", "append-only file and replication at peak"),
    "connections": ("clients", "gateway_nodes x 12 + 8"),
}


def show_numbers(names: Mapping[str, float]) -> Markdown:
    """Return the derived quantities that the formulas use, as a table."""
    rows = [f"| {name} | {units.write(names[name], unit)} | {why} |" for name, (unit, why) in _SHOWN.items()]
    return Markdown("\n".join(["| Quantity | Value | From |", "|:--|--:|:--|", *rows]))


def policy_decision(
    keyspace: Keyspace, names: Mapping[str, float], in_force: TookEffect, budget: Budget | None
) -> Decision:
    """Return D-09a: what the server does when memory is full; ``budget`` is what the peak counts, where it was modelled."""
    authoritative = [p.name for p in keyspace.keys if p.authoritative]
    chosen = {s.name: s.value for s in settings.settings(keyspace, names)}["maxmemory-policy"]
    took, all_of = in_force.took_effect, in_force.directives
    instead: tuple[Alternative, ...]
    naive = Alternative(
        "the server's defaults", "no maxmemory: the kernel ends the process when the host is full", naive=True
    )
    whole = keyspace.session_noun if keyspace.session_entity else "set of keys that belong together"
    if authoritative:
        because = (
            f"{len(authoritative)} of {len(keyspace.keys)} key patterns are authoritative "
            f"({', '.join(f'`{n}`' for n in authoritative)}). "
            f"An eviction would take a random part of a live {whole} without a word; a refused write is an error that the "
            "writer sees, and what is new is refused at 75 % of maxmemory, before that"
        )
        instead = (
            naive,
            Alternative("volatile-ttl", "evicts what is closest to its TTL: quiet, but live"),
            Alternative("allkeys-lru", f"half of {with_article(whole)} can go while the other half is in use"),
        )
    else:
        because = "every key can be rebuilt from the database or by its writers"
        instead = (naive, Alternative("noeviction", "a full cache refuses writes for no gain"))
    return Decision(
        id="D-09a",
        title=f"maxmemory-policy is {chosen}",
        question="What does the server do when memory is full?",
        decision=f"`maxmemory-policy {chosen}`, with the `maxmemory {names['maxmemory']:.0f}` of section 5.",
        because=f"{because}. {took.value:.0f} of {all_of.value:.0f} directives of this section are in force on the server that ran [{in_force.id}].",
        instead_of=instead,
        costs="Admission control is the application's duty: without it the first refused write hits what is live."
        if authoritative
        else "Hit rate falls silently when memory is short: watch keyspace_misses.",
        holds_while=(
            Guard("directives that are not in force", all_of.value - took.value, "<=", 0, "directives"),
            *_room(budget, 75.0 if authoritative else 100.0),
        ),
    )


def _room(budget: Budget | None, most: float) -> Iterator[Guard]:
    """Yield the guard on how full the peak makes the server, at most ``most`` per cent."""
    if budget is not None and budget.maxmemory.value:
        share = 100 * budget.counted_at_peak.value / budget.maxmemory.value
        yield Guard("share of maxmemory that counts at the peak", share, "<=", most, "%")
