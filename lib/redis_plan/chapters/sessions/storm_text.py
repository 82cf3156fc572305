"""Notebook 07 in words: what the storms, the fuzz and the pauses showed."""

from __future__ import annotations

from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions.findings import Costs, Sessions
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words
from redis_plan.words.sync_common import not_run
from redis_plan.words.tables import table

GHOSTS_ALT = (
    "Dots of the time until a killed gateway's members were gone, inside the band from lease minus heartbeat "
    "to lease plus sweep period."
)
INVARIANTS_ALT = (
    "Dots of violations in 1,000 operations for four invariants and three designs: none by the functions, events out of "
    "order by single commands, and all four by reading first and writing then."
)
FUZZ_ALT = (
    "Dots of violations a round for seven invariants: rings at zero for the functions, filled dots for most invariants by "
    "plain commands."
)
STEPS_ALT = (
    "A row for each fault planted into the delivered library, with the number of random steps until it was found; a line "
    "marks the steps that the library as delivered took without any."
)
ACTIONS_ALT = (
    "A row for all actions that come to the same: of many calls at once as many are accepted in one step as may be, and all where "
    "every caller asks first and writes then."
)
COSTS_ALT = "Line chart of the server time of each function with one member, half full and full."
NEIGHBOURS_ALT = (
    "Share of the other sessions' changes that took longer than a given time, with the neighbour alone, at a hundred times "
    "its rate and at the rate limit."
)


def tested(brief: Brief, keyspace: Keyspace, found: Sessions) -> list[str]:
    """Return what was tested, as a table with its controls, what contention costs, and what a full session costs."""
    if functions.missing(keyspace):
        return [lines] if (lines := not_run(found)) else []
    text = words.render(
        "chapters/sessions/tested", brief, keyspace, found=found,
        costs=_costs(found.costs) if found.costs else "",
    )  # fmt: skip
    return [text]


def _costs(costs: Costs) -> str:
    """Return the server time of each function at one member, half and full."""
    rows = [[name, str(costs.alone[name]), str(costs.half[name]), str(full)] for name, full in costs.full.items()]
    return table(["Function", "One member", "Half", "Full"], rows, right=(1, 2, 3))
