"""What ``redis-plan design`` prints: the keys, how each is held, what would change that, and what had to be assumed."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.naming import choices_text
from redis_plan.choice import Choices


def print_design(choices: Choices, brief: Brief, out: Console) -> None:
    """Print the keyspace for a person at a terminal."""
    keyspace = choices.keyspace
    if not keyspace.patterns:
        out.print(f"{brief.title}: no key is proposed ({brief.fit_because})", highlight=False)
        return
    out.print(
        f"{brief.title} on {choices.server}: {len(keyspace.keys)} keys, {len(keyspace.channels)} channels",
        highlight=False,
    )
    cells = {choice.pattern.name: choices_text.row(choice) for choice in choices.choices}
    for pattern in keyspace.patterns:
        _, held, runner_up, margin, flips = cells.get(pattern.name, ("", "–", "–", "–", "–"))
        out.print(f"\n[bold]{escape(pattern.template)}[/bold]  {pattern.type}", highlight=False, soft_wrap=True)
        lines = [held, _runner_up(runner_up, margin)] + [f"flips when {flips}"] * (flips != "–")
        out.print(Padding("\n".join(escape(line) for line in lines), (0, 0, 0, 2)), highlight=False)
    out.print("\n× is the runner-up's cost over the chosen one's; in brackets where it can't be taken", highlight=False)
    for one in keyspace.own:
        against = f" ({one.ours})" if one.ours else ""
        out.print(
            f"{one.verdict}: {one.pattern}{against} {one.file}:{one.line} {one.reason}",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
    if brief.assumptions:
        assumed = ", ".join(f"{fact.name} {units.write(fact.value, fact.unit)}" for fact in brief.assumptions)
        out.print(
            f"assumed, no document says: {assumed}; ai/redis-plan.toml corrects them", highlight=False, soft_wrap=True
        )
    for finding in keyspace.findings:
        out.print(
            f"{finding.severity} {finding.rule} {finding.pattern} {finding.message}; {finding.fix}",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip


def _runner_up(cell: str, margin: str) -> str:
    """Return ``runner-up stream at 1.1×``, or ``runner-up set (0.5×), out: …``."""
    name, _, why_not = cell.partition(" – ")
    if margin == "pinned":
        return f"pinned; runner-up {cell}"
    cost = "" if margin == "–" else f" {margin}" if margin.startswith("(") else f" at {margin}"
    return f"runner-up {name}{cost}" + (f", {why_not}" if why_not else "")
