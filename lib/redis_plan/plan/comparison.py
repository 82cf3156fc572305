"""A comparison: the evidence of one build on two servers, value by value, with what only the machine's noise did.

Two runs are minutes apart, so drift does not divide out as it does within a run. The first server is therefore measured
twice: what its two runs differ by is the noise that a difference to the second server has to exceed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from redis_plan import units
from redis_plan.evidence.store import Evidence
from redis_plan.measure.finding import Value
from redis_plan.measure.sidebyside import PASSES, Side

Outcome = Literal["differs", "within noise", "same", "no ratio", "unlike load"]
#: Names of values that are about the machine, not about a server.
_ABOUT_THE_MACHINE = ("noise", "client share", "client cpu", "late send")
#: Times and rates are not compared where the machine was busier by this share of the time during one of the runs.
UNLIKE = 0.10
#: No run-to-run difference below this counts, however still the machine was: 2 % for times and rates, 1 % for bytes.
LEAST, LEAST_BYTES = 0.02, 0.01
#: The share of a class's own run-to-run differences that its noise covers.
COVERED = 95
_TAILS = ("p95", "p99", "p999", "max", "slowest", "longest", "worst")


@dataclass(frozen=True, slots=True)
class Row:
    """One value of one record on A, on B, and on A again. ``ratio`` is B / A (A's two runs together), 0 without one."""

    evidence: str
    question: str
    name: str
    unit: str
    a: float
    b: float
    again: float
    ratio: float
    low: float
    high: float
    noise: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that a comparison found; ``missing`` says what ran on one side only, ``only`` what one side alone can."""

    a: str
    b: str
    profile: str
    rows: tuple[Row, ...]
    sides: tuple[Side, ...]
    missing: tuple[str, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]

    @property
    def differing(self) -> tuple[Row, ...]:
        """Rows beyond noise, the surest difference first."""
        return tuple(sorted((r for r in self.rows if r.outcome == "differs"), key=_sureness, reverse=True))


def _sureness(row: Row) -> float:
    """How far a difference is beyond its noise; nobody cares for what is below a twentieth."""
    return abs(math.log(row.ratio)) / max(row.noise, 0.05) if row.ratio > 0 else math.inf


def compare(
    a: Mapping[str, Evidence], b: Mapping[str, Evidence], again: Mapping[str, Evidence]
) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Compare records of the same id: the rows, and a line for each record that only one side has."""
    noise = _class_noise(a, again)
    rows: list[Row] = []
    missing: list[str] = []
    for id in sorted(b.keys() & a.keys()):
        one, two = a[id], b[id]
        if one.not_run or two.not_run:
            missing += _one_sided(one, two)
            continue
        unlike = _is_unlike(one, two, again.get(id))
        for value in one.values:
            if any(word in value.name for word in _ABOUT_THE_MACHINE):
                continue
            other = next((v for v in two.values if (v.name, v.unit) == (value.name, value.unit)), None)
            if other is not None:
                second = _find(again.get(id), value)
                row = _row(one, value, other, second, noise.get(_class(one, value), LEAST))
                timed = value.unit == "s" or value.unit.endswith("/s")
                rows.append(
                    replace(row, outcome="unlike load") if row.outcome == "differs" and timed and unlike else row
                )
    return tuple(rows), tuple(missing)


def _is_unlike(a: Evidence, b: Evidence, again: Evidence | None) -> bool:
    """Whether the machine was so much busier, or so much calmer, when B was measured that times say nothing."""
    first = [e.repeat.waiting for e in (a, again) if e and e.repeat.waiting is not None]
    if not first or b.repeat.waiting is None:
        return False
    return abs(b.repeat.waiting - sum(first) / len(first)) > UNLIKE


def _one_sided(one: Evidence, two: Evidence) -> Iterator[str]:
    for side, record in (("A", one), ("B", two)):
        if record.not_run:
            yield f"{record.id} {record.question} Not run on {side}: {record.not_run}"


def _find(record: Evidence | None, like: Value) -> Value | None:
    return next((v for v in record.values if (v.name, v.unit) == (like.name, like.unit)), None) if record else None


def _class(record: Evidence, value: Value) -> tuple[str, str, bool]:
    """Values of one notebook, unit and part of the distribution scatter alike."""
    return record.notebook, value.unit, any(tail in value.name for tail in _TAILS)


def _class_noise(a: Mapping[str, Evidence], again: Mapping[str, Evidence]) -> dict[tuple[str, str, bool], float]:
    seen: dict[tuple[str, str, bool], list[float]] = {}
    for id, record in a.items():
        for value in record.values:
            second = _find(again.get(id), value)
            if second and value.value > 0 and second.value > 0:
                seen.setdefault(_class(record, value), []).append(abs(math.log(second.value / value.value)))
    return {key: float(np.percentile(values, COVERED)) for key, values in seen.items()}


def _row(record: Evidence, a: Value, b: Value, again: Value | None, class_noise: float) -> Row:
    second = again.value if again else a.value
    if min(a.value, b.value, second) <= 0:
        same = a.value == b.value == second
        sure = a.value == second != b.value  # a count that was 0 twice and now is not
        outcome: Outcome = "same" if same else "differs" if sure else "no ratio"
        return Row(record.id, record.question, a.name, a.unit, a.value, b.value, second, 0.0, 0.0, 0.0, 0.0, outcome)
    centre = math.log(b.value) - (math.log(a.value) + math.log(second)) / 2
    own = abs(math.log(second / a.value))
    noise = max(own, class_noise, LEAST_BYTES if a.unit == "B" else LEAST)
    half = math.hypot(_half(a, own), _half(b, own))
    outcome = (
        "same" if a.value == b.value == second else "differs" if abs(centre) > max(noise, half) else "within noise"
    )
    ends = math.exp(centre - half), math.exp(centre + half)
    return Row(
        record.id, record.question, a.name, a.unit, a.value, b.value, second, math.exp(centre), *ends, noise, outcome
    )


def _half(value: Value, otherwise: float) -> float:
    """Return half of the interval of the logarithm; ``otherwise`` where the value has none."""
    if value.low is None or value.high is None or min(value.low, value.high) <= 0:
        return otherwise
    return (math.log(value.high) - math.log(value.low)) / 2


def render(found: Comparison, title: str) -> str:
    """Return the comparison as Markdown."""
    differing = found.differing
    lines = [
        f"# {title}: two servers compared",
        "",
        f"- **A**: {found.a}",
        f"- **B**: {found.b}",
        f"- Profile `{found.profile}`. **{len(differing)} of {len(found.rows)} values differ beyond noise.**",
        "",
        "The same notebooks with the same design ran on A, on B, and on A again. *B / A* is against both runs of A; its "
        "interval is the 95 % one of the values, or A against A where they have none. *Noise* is what A's two runs "
        f"differ by: the value's own difference, and what covers {COVERED} % of the values of its kind (notebook, unit, "
        "middle or tail of a distribution). A difference is in **bold** where it exceeds both. *Unlike load*: the machine was "
        f"busier in one of the runs (processes waited {100 * UNLIKE:.0f} % more of the time), so its times are not compared.",
        "",
        *_abilities(found),
        *_sides(found.sides),
        "## Differences beyond noise",
        "",
        *(_table(differing, with_id=True) if differing else ["None was seen."]),
        "",
        "## Every value",
    ]
    for id in dict.fromkeys(row.evidence for row in found.rows):
        rows = [row for row in found.rows if row.evidence == id]
        lines += ["", f"### {id}: {rows[0].question}", "", *_table(rows, with_id=False)]
    if found.missing:
        lines += ["", "## Measured on one side only", "", *(f"- {text}" for text in found.missing)]
    return "\n".join(lines) + "\n"


def _abilities(found: Comparison) -> list[str]:
    lines = [
        f"- Only {side} has: {', '.join(f'`{name}`' for name in names)}."
        for side, names in (("A", found.only_a), ("B", found.only_b))
        if names
    ]
    return [*lines, ""] if lines else []


def _sides(sides: Sequence[Side]) -> list[str]:
    if not sides:
        return []
    lines = [
        "## Commands side by side",
        "",
        f"Both servers at the same time, round by round in turn: drift of the machine divides out. A verdict needs all "
        f"{PASSES} passes, the interval spans them, noise is A against A in the noisiest. *Client-seen* includes the way to "
        "the server, *server time* is commandstats. *B / A* is the median of the rounds' own ratios; on a machine that is busy "
        "with other things it may be far from the quotient of the two columns, and its interval is wide.",
        "",
        "| command | client-seen A | B | B / A | interval | noise | verdict on B | server time A | B |",
        "|:--|--:|--:|--:|--:|--:|:--|--:|--:|",
    ]
    for s in sides:
        far = s.verdict in ("faster", "slower")
        lines.append(
            f"| {s.command} | {units.write(s.a_s, 's')} | {units.write(s.b_s, 's')} | {_bold(f'{s.ratio:.2f}', far)} "
            f"| {s.low:.2f}–{s.high:.2f} | {100 * s.noise:.1f} % | {_bold(s.verdict, far)} "
            f"| {units.write(s.server_a_s, 's')} | {units.write(s.server_b_s, 's')} |"
        )
    return [*lines, ""]


def _table(rows: Sequence[Row], *, with_id: bool) -> list[str]:
    head = ["| value | A | A again | B | B / A | interval | noise | |", "|:--|--:|--:|--:|--:|--:|--:|:--|"]
    return [*head, *(_line(row, with_id) for row in rows)]


def _line(row: Row, with_id: bool) -> str:
    far = row.outcome == "differs"
    name = f"{row.evidence} {row.name}" if with_id else row.name
    ratio = _bold(f"{row.ratio:.2f}", far) if row.ratio else "–"
    ends = f"{row.low:.2f}–{row.high:.2f}" if row.ratio else "–"
    noise = f"{100 * row.noise:.0f} %" if row.ratio else "–"
    cells = (
        *(units.write(v, row.unit) for v in (row.a, row.again, row.b)),
        ratio,
        ends,
        noise,
        _bold(row.outcome, far),
    )
    return f"| {name} | {' | '.join(cells)} |"


def _bold(text: str, wanted: bool) -> str:
    return f"**{text}**" if wanted else text


def summary(found: Comparison, most: int = 5) -> list[str]:
    """Return some lines for a terminal: how many values differ, the largest, and the commands that differ."""
    differing = found.differing
    lines = [f"{len(differing)} of {len(found.rows)} values differ beyond noise (B = {found.b.split(' on ')[0]})"]
    for row in differing[:most]:
        change = f"{row.ratio:.2f} x" if row.ratio else "was zero" if not row.a else "is zero"
        lines.append(
            f"{row.evidence} {row.name}: {units.write(row.a, row.unit)} → {units.write(row.b, row.unit)} ({change})"
        )
    for side in found.sides:
        if side.verdict in ("faster", "slower"):
            lines.append(f"{side.command}: B is {side.verdict}, {side.ratio:.2f} x ({side.low:.2f}–{side.high:.2f})")
    return lines
