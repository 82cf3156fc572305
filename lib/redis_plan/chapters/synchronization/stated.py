"""Stated: every time within which the documents want something seen or done, held against the path that was measured for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from redis_plan import units
from redis_plan.actions import catalog
from redis_plan.actions.matrix import Row, Stories
from redis_plan.brief.model import Brief, Requirement
from redis_plan.brief.units import TIME_SECONDS
from redis_plan.chapters.synchronization import promised
from redis_plan.chapters.synchronization.findings import Synchronization
from redis_plan.evidence.findings import Number
from redis_plan.words.tables import table

#: By which action a client that was away has the state again.
_BACK = "session.catch_up"
#: How a line says that something takes longer, such as what is to be logged: no promise.
_AT_LEAST = (">", ">=")


@dataclass(frozen=True, slots=True)
class Stated:
    """A time of at most ``seconds``, of which share of cases ("p95", "" all), the demand that it belongs to, and its measured path."""

    seconds: float
    percentile: str
    place: str
    row: Row
    path: str = ""
    measured: Number | None = None

    def met(self, beyond_s: float) -> bool | None:
        """Whether it is kept with ``beyond_s`` of network that was not measured; None where no path was."""
        return None if self.measured is None else self.measured.value + beyond_s <= self.seconds


def stated(brief: Brief, stories: Stories, found: Synchronization) -> tuple[Stated, ...]:
    """Return the times that the documents state of demands, in their order, each with what was measured for it."""
    return tuple(_measured(one, found) for one in sorted(_times(brief, stories), key=lambda s: (s.row.file, _line(s))))


def stated_table(every: Iterable[Stated], beyond_s: float) -> str:
    """Return them as a table; "" where the documents state none."""
    verdicts: Mapping[bool | None, str] = {True: "met", False: "**missed**", None: "not measured"}
    rows = [
        [
            f"{units.write(s.seconds, 's')}{f' ({s.percentile})' if s.percentile else ''} ({s.place})",
            ", ".join(f"`{name}`" for name in s.row.actions) or ("any change" if s.path else "–"),
            f"{s.path}, {s.measured.linked}" if s.measured else "–",
            units.write(s.measured.value + beyond_s, "s") if s.measured else "–",
            verdicts[s.met(beyond_s)],
        ]
        for s in every
    ]
    return table(["Stated", "Carried out by", "Measured", "With the network", "So"], rows, right=(3,)) if rows else ""


def _line(one: Stated) -> int:
    return int(one.place.rpartition(":")[2])


def _times(brief: Brief, stories: Stories) -> Iterator[Stated]:
    """Yield each time of a line that is a demand or a condition beneath one, within which something is to be."""
    rows = {(row.file, row.line): row for row in stories.rows}
    lines = {(r.file, r.line): r for r in brief.requirements if r.kind != "out-of-scope"}
    for place, line in lines.items():
        row = _above(line, lines, rows)
        if row is None:
            continue
        shares = {p.seconds: p.percentile for p in promised.read(line.text, "")}
        said = {
            (q.value_max or q.value) * TIME_SECONDS[q.unit]
            for q in brief.quantities
            if (q.file, q.line) == place and q.kind == "latency" and q.op not in _AT_LEAST and q.unit in TIME_SECONDS
        }
        for seconds in sorted(said | set(shares), reverse=True):
            yield Stated(seconds, shares.get(seconds, ""), f"{line.file}:{line.line}", row)


def _above(
    line: Requirement, lines: Mapping[tuple[str, int], Requirement], rows: Mapping[tuple[str, int], Row]
) -> Row | None:
    """Return the row of the demand that ``line`` is or stands beneath."""
    at: Requirement | None = line
    while at is not None:
        if row := rows.get((at.file, at.line)):
            return row
        at = lines.get((at.file, at.parent_line)) if at.parent_line is not None else None
    return None


def _measured(one: Stated, found: Synchronization) -> Stated:
    """Return ``one`` with its path: its own action timed, a catch-up, or any change that everybody is told of."""
    kinds = catalog.kinds()
    if acted := found.acted:
        own = [acted.last[name] for name in one.row.actions if name in acted.last]
        if own:
            slowest = max(own, key=lambda number: number.value)
            return _with(one, f"`{slowest.name.removesuffix(' last')}` by everybody at once", slowest)
    if _BACK in one.row.by:
        return _with(one, "a catch-up after a cut", found.stalled.recovery if found.stalled else None)
    told = "sync" in one.row.by or any(
        kinds[k].announces and kinds[k].audience == "all" for k in one.row.by if k in kinds
    )
    if told and found.pubsub:
        of = {"p50": found.pubsub.p50, "p95": found.pubsub.p95, "p99": found.pubsub.p99}
        number = (
            of.get(one.percentile) or found.pubsub.latest
        )  # where no share is named, every change has to be in time
        return _with(
            one,
            f"any change, {'the latest' if number is found.pubsub.latest else number.name}" if number else "",
            number,
        )
    return one


def _with(one: Stated, path: str, measured: Number | None) -> Stated:
    return Stated(one.seconds, one.percentile, one.place, one.row, path if measured else "", measured)
