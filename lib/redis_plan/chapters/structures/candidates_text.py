"""Notebook 03 in words: a decision for each contested pattern, the benchmark tables and their limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from redis_plan import units
from redis_plan.actions.designing import design
from redis_plan.brief.model import Brief
from redis_plan.chapters.structures.findings import Compared
from redis_plan.choice import Choices, Times, measured_costs, overruled_by
from redis_plan.evidence.decision import Decision, Guard
from redis_plan.keyspace import bounds
from redis_plan.keyspace.model import Candidate, KeyPattern, Keyspace
from redis_plan.server import Server
from redis_plan.words.deciding import decided

CANDIDATES_ALT = (
    "Range plots of the time of a write and of a read of each candidate structure, one panel a key pattern, the chosen "
    "candidate highlighted."
)

#: A time to live in a command of the catalog, whose candidates are the same for every project.
_SECONDS = re.compile(r"\bEX \d+")

_LETTERS = "abcdefghijklmnopqrst"  # u to z are logs, pipelining, formats, cliffs, load and compression


#: The share of the memory budget from which on one part alone is worth a smaller form.
LARGE = 0.25


def ids(patterns: Sequence[KeyPattern]) -> dict[str, str]:
    """Return the evidence id of each pattern, E-03a and so on."""
    return {p.name: f"E-03{letter}" for p, letter in zip(patterns, _LETTERS, strict=False)}


def measured(pattern: KeyPattern, found: Compared) -> tuple[Candidate, ...]:
    """Return the candidates that this server could run."""
    return tuple(c for c in pattern.candidates if c.name in found.bytes)


def chosen(pattern: KeyPattern) -> Candidate:
    """Return the chosen candidate, or the first where the design left it open."""
    return pattern.candidate or pattern.candidates[0]


def round_trips(candidate: Candidate) -> int:
    """Return how many dependent round trips a write and a read take together: a read before a write can't be pipelined."""
    return len(candidate.write) + len(candidate.read)


def times(pattern: KeyPattern, found: Compared) -> dict[str, Times]:
    """Return the server time of one write and one read of every candidate that was measured."""
    return {
        c.name: Times(found.server[f"{c.name} write"].value, found.server[f"{c.name} read"].value)
        for c in measured(pattern, found)
    }


def challenger(pattern: KeyPattern, found: Compared, choices: Choices) -> Candidate | None:
    """Return the feasible candidate that the measurement prefers to the chosen one, or None.

    The objective is that of section 2 with measured times; the noise of this machine is no reason.
    """
    noise = max(found.write_noise.value, found.read_noise.value) / 100
    name = overruled_by(choices.of(pattern.name), times(pattern, found), noise)
    return next((c for c in pattern.candidates if c.name == name), None)


def overruled(
    brief: Brief, choices: Choices, patterns: Sequence[KeyPattern], compared: Mapping[str, Compared]
) -> Keyspace:
    """Return the keyspace with each choice that the measurement overrules: names, writers and bounds come with it."""
    changes = {p.name: rival.name for p in patterns if (rival := challenger(p, compared[p.name], choices))}
    if not changes:
        return choices.keyspace
    return design(brief, {p.name: p.chosen for p in choices.keyspace.patterns} | changes)


def decision(pattern: KeyPattern, found: Compared, choices: Choices, brief: Brief, server: Server) -> Decision:
    """Return the decision on how ``pattern`` is stored, with the best number of each alternative."""
    rival = challenger(pattern, found, choices)
    winner = rival or chosen(pattern)
    others = tuple(c for c in measured(pattern, found) if c.name != winner.name)
    costs = measured_costs(choices.of(pattern.name), times(pattern, found))
    shares = ", ".join(f"{name} {units.significant(100 * cost, 3)} %" for name, cost in costs.items())
    return decided(
        "chapters/structures/d03", _guards(pattern, winner, found, brief, server), pattern.requirements[:6],
        id=found.id.replace("E", "D"), compared=found, pattern=pattern, winner=winner, others=others,
        writes=_commands(winner.write, pattern), reads=_commands(winner.read, pattern),
        costs=shares if len(costs) > 1 else "", overruled=chosen(pattern).name if rival else "",
        trips={c.name: round_trips(c) for c in (winner, *others)},
    )  # fmt: skip


def _commands(templates: Sequence[str], pattern: KeyPattern) -> list[str]:
    """Return the commands with this project's own TTL in place of the catalog's."""
    ttl = pattern.ttl.seconds
    return [_SECONDS.sub(f"EX {ttl}", t) if ttl else t for t in templates]


def _guards(pattern: KeyPattern, winner: Candidate, found: Compared, brief: Brief, server: Server) -> tuple[Guard, ...]:
    held = replace(pattern, type=winner.type, max_elements=pattern.typical_elements)
    setting = {"hash": "hash-max-listpack-entries", "zset": "zset-max-listpack-entries"}.get(winner.type)
    if setting and bounds.expected(held, server.setting).name == "listpack":  # its longest value lets it be compact
        most, says = int(server.setting(setting)), f"`{pattern.name}`, {setting}"
        return (Guard(says, pattern.typical_elements, "<=", most, "elements"),)
    budget = brief.value("memory_budget")
    if pattern.max_elements <= 1:
        keys = pattern.per_session * (brief.value("sessions_peak") if pattern.scope == "session" else 1.0)
        taken = keys * found.bytes[winner.name].value
        return (Guard(f"bytes of all `{pattern.name}` at the peak", taken, "<=", LARGE * budget, "B"),)
    return (
        Guard(
            f"elements of `{pattern.name}` at its bound",
            pattern.max_elements,
            "<=",
            max(10_000.0, budget / 1e5),
            "elements",
        ),
    )


def _elements(found: Compared) -> str:
    """Write how many elements a key had."""
    return units.write(float(found.record.conditions["elements"]), "elements")


def comparison(pattern: KeyPattern, found: Compared) -> str:
    """Return one pattern's candidates as a table, a row each, write and read side by side."""
    lines = [
        f"**`{pattern.name}`**, {_elements(found)} of {found.record.condition('value')}; "
        f"noise floor {found.write_noise} (write), {found.read_noise} (read) [{found.id}]",
        "",
        "| Candidate | Write p50, p99 | to naive (95 %) | Read p50, p99 | to naive (95 %) | In commands, write, read | CPU, write, read | A key |",
        "|:--|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for c in measured(pattern, found):
        name = f"**{c.name}**" if c.name == chosen(pattern).name else c.name
        cells = [name]
        both = [f"{c.name} {kind}" for kind in ("write", "read")]
        for one in both:
            ratio = found.ratio[one]
            cells += [f"{found.p50[one]}, {found.p99[one]}", "–" if c.naive else f"{ratio} ({ratio.between})"]
        cells += [", ".join(str(spent[one]) for one in both) for spent in (found.server, found.cpu)]
        lines.append(f"| {' | '.join([*cells, str(found.bytes[c.name])])} |")
    return "\n".join(lines)
