"""The decision on what a full server does, and the numbers behind the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from IPython.display import Markdown

from redis_plan import units
from redis_plan.chapters.operations.findings import Operations
from redis_plan.evidence.decision import Decision, Guard
from redis_plan.keyspace import settings
from redis_plan.keyspace.model import Keyspace
from redis_plan.words.capacity import Budget
from redis_plan.words.deciding import decided

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
    keyspace: Keyspace, names: Mapping[str, float], found: Operations, budget: Budget | None
) -> Decision:
    """Return D-09a: what the server does when memory is full; ``budget`` is what the peak counts, where it was modelled."""
    assert found.in_force is not None  # notebook 09 has started a server with the settings
    authoritative = [p.name for p in keyspace.keys if p.authoritative]
    ignored = found.in_force.directives.value - found.in_force.took_effect.value
    guards = (
        Guard("directives that are not in force", ignored, "<=", 0, "directives"),
        *_room(budget, 75.0 if authoritative else 100.0),
    )
    return decided(
        "chapters/operations/d09a", guards, found=found, authoritative=authoritative, keys=len(keyspace.keys),
        chosen={s.name: s.value for s in settings.settings(keyspace, names)}["maxmemory-policy"], maxmemory=names["maxmemory"],
        whole_of=keyspace.session_noun if keyspace.session_entity else "set of keys that belong together",
    )  # fmt: skip


def _room(budget: Budget | None, most: float) -> Iterator[Guard]:
    """Yield the guard on how full the peak makes the server, at most ``most`` per cent."""
    if budget is not None and budget.maxmemory.value:
        share = 100 * budget.counted_at_peak.value / budget.maxmemory.value
        yield Guard("share of maxmemory that counts at the peak", share, "<=", most, "%")
