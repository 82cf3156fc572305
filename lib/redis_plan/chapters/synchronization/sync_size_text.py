"""The texts of how far section 4 carries: ways to a gateway, bursts of actions, and what the peak asks of the gateways."""

from __future__ import annotations

from redis_plan.brief.model import Brief
from redis_plan.chapters.synchronization import fan_model, fanout, sizing
from redis_plan.chapters.synchronization.findings import Synchronization
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words
from redis_plan.words.tables import table

MODEL_ALT = (
    "Scatter of predicted against measured CPU time of one gateway on log scales, configurations near the diagonal."
)
KNEE_ALT = (
    "Scatter of p99 to the last client against clients of one gateway on log scales, with lines at the knee and at the sync "
    "latency, rising to the right."
)


def ways(brief: Brief, keyspace: Keyspace, found: Synchronization) -> str:
    """Return every way from the server to a gateway beside the delivered one."""
    if found.ways is None:
        return ""
    return words.render("chapters/synchronization/ways", brief, keyspace, found=found, ways=fanout.WAYS)


def acted(brief: Brief, keyspace: Keyspace, found: Synchronization) -> str:
    """Return how late each action was on its last client while every member carried it out at once."""
    if (f := found.acted) is None:
        return ""
    rows = [
        [f"`{name}`", *(str(numbers[name]) for numbers in (f.calls, f.accepted, f.p50, f.last, f.server))]
        for name in f.calls
    ]
    header = ["Action", "Called", "Accepted", "Half of them within", "The last", "Server a call"]
    shown = table(header, rows, right=(1, 2, 3, 4, 5))
    return words.render("chapters/synchronization/acted", brief, keyspace, found=found, actions=shown)


def sized(brief: Brief, keyspace: Keyspace, found: Synchronization) -> str:
    """Return the fan-out model with its error, and what the project's peak asks by it."""
    return _render("sizing", brief, keyspace, found)


def workload(brief: Brief, keyspace: Keyspace, found: Synchronization) -> str:
    """Return the sentence of section 6: how far one gateway carried, and how far the model is to be trusted."""
    return _render("carried", brief, keyspace, found)


def processes(brief: Brief, keyspace: Keyspace, found: Synchronization) -> str:
    """Return the sentence of section 8: how many gateway processes the peak asks for."""
    return _render("processes", brief, keyspace, found)


def _render(template: str, brief: Brief, keyspace: Keyspace, found: Synchronization) -> str:
    if found.sizing is None:
        return ""
    return words.render(
        f"chapters/synchronization/{template}", brief, keyspace, found=found, knee=sizing.KNEE_S,
        planned=fan_model.PLANNED_SHARE, together=fan_model.COALESCE_S,
    )  # fmt: skip
