"""Text of section 2: which structure holds each key, by how much it won, and what would change that."""

from __future__ import annotations

import pandas as pd

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.choice import Choice, Choices, constants
from redis_plan.choice.costing import rewrites
from redis_plan.choice.sensitivity import Flip
from redis_plan.choice.weighing import Option
from redis_plan.keyspace.model import Keyspace
from redis_plan.keyspace.uses import passed_over
from redis_plan.words.tables import table


def table_of_choices(choices: Choices) -> str:
    """Return the one table of choices: chosen, runner-up, margin, and the change that flips it."""
    return table(["Key", "Held as", "Runner-up", "Margin", "Flips when"], [row(choice) for choice in choices.choices])


def row(choice: Choice) -> list[str]:
    """Return the cells of one choice: key, held as, runner-up, margin, flips when."""
    held = choice.chosen.candidate.summary
    return [f"`{choice.pattern.name}`", held, _runner_up(choice), _margin(choice), _flips(choice)]


def overruled(choices: Choices) -> tuple[Choice, ...]:
    """Return the choices in which cost decided otherwise than the catalog usually does."""
    return tuple(c for c in choices.choices if not c.by_catalog and not c.weighed.pinned)


def _runner_up(choice: Choice) -> str:
    found = choice.runner_up
    if found is None:
        return "–"
    return f"{found.candidate.name}" + (f" – out: {found.obstacle.says}" if found.obstacle else "")


def _margin(choice: Choice) -> str:
    if choice.weighed.pinned:
        return "pinned"
    if choice.margin is None:
        found, own = choice.runner_up, choice.chosen.cost.total
        return f"({units.significant(found.cost.total / own, 2)}×)" if found and own else "–"
    low, high = 1 / constants.limit("clearly"), constants.limit("clearly")
    return "even" if low <= choice.margin <= high else f"{units.significant(choice.margin, 2)}×"


def _flips(choice: Choice) -> str:
    if not choice.flips:
        return "–"
    return "; ".join(f"{_change(f)}: {f.winner}" for f in choice.flips)


def _change(flip: Flip) -> str:
    if flip.version:
        return flip.version
    factor = flip.factor if flip.factor >= 1 else 1 / flip.factor
    return f"{flip.dimension} {'×' if flip.factor >= 1 else '÷'} {units.significant(factor, 2)}"


def options(choices: Choices) -> pd.DataFrame:
    """Return every candidate of every key with its costs, one a row, as the notebook shows it."""
    rows = [_row(choice, option) for choice in choices.choices for option in choice.weighed.options]
    return pd.DataFrame(rows).set_index(["key", "candidate"]) if rows else pd.DataFrame()


def _row(choice: Choice, option: Option) -> dict[str, object]:
    cost, write, read = option.cost, option.cost.write, option.cost.read
    chosen = option.candidate.name == choice.chosen.candidate.name
    return {
        "key": choice.pattern.name,
        "candidate": option.candidate.name + (" ←" if chosen else ""),
        "out because": option.obstacle.says if option.obstacle else "",
        "cost (% of what there is)": round(100 * cost.total, 3),
        "bytes": f"{cost.bytes_each:,.0f}{' in all' if choice.pattern.scope == 'global' else ''}",
        "commands": f"{write.commands} + {read.commands}",
        "round trips": f"{write.round_trips} + {read.round_trips}",
        "wire bytes": f"{write.bytes:,.0f} + {read.bytes:,.0f}",
        "CPU µs": f"{write.cpu_s * 1e6:.1f} + {read.cpu_s * 1e6:.1f}",
        "atomic": "yes" if option.candidate.atomic else "with a script" if rewrites(option.candidate) else "in MULTI",
        "keys to remove": round(cost.keys_each),
        "since": option.candidate.since,
        "a second": f"{units.significant(choice.weighed.rates.writes)} + {units.significant(choice.weighed.rates.reads)}",
    }


def by_access(choices: Choices, brief: Brief) -> pd.DataFrame:
    """Return what each access pattern costs on each key that it touches, under every candidate that can serve."""
    rows = []
    for access in brief.access_patterns:
        for choice in choices.choices:
            if access.id not in choice.pattern.access_patterns or choice.pattern.type == "channel":
                continue
            for option in choice.weighed.options:
                if not option.feasible:
                    continue
                operation = option.cost.read if access.mode == "read" else option.cost.write
                if access.mode == "subscribe":
                    continue  # a channel delivers it; the key is written by whoever publishes
                rows.append(
                    {
                        "access": access.id, "key": choice.pattern.name, "candidate": option.candidate.name,
                        "a second": units.significant(access.rate_per_s, 3), "commands": operation.commands,
                        "round trips": operation.round_trips, "wire bytes": round(operation.bytes),
                        "CPU µs": round(operation.cpu_s * 1e6, 1),
                        "% of a core": round(100 * access.rate_per_s * operation.cpu_s, 2),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows).set_index(["access", "key", "candidate"]) if rows else pd.DataFrame()


def considered(brief: Brief, keyspace: Keyspace) -> str:
    """Return the use patterns of the catalog that this project does not get, each with the reason."""
    rows = [[found.title, found.reason] for found in passed_over(brief, {p.use for p in keyspace.patterns})]
    return (
        table(["Use that was considered", "Not taken, because"], rows) if rows else "Every use of the catalog is taken."
    )
