"""Asking: the weakest readings one by one, each with its line in context and the call that corrects it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from redis_plan.brief.explore import passage
from redis_plan.brief.model import Brief
from redis_plan.brief.overrides import NAME
from redis_plan.interview.reading import Point, Reading, open_points, read
from redis_plan.interview.writing import comment

#: Characters of a document's line that are shown.
WIDTH = 240


def interview(project: Path | str, count: int = 5, brief: Brief | None = None) -> str:
    """Return the ``count`` weakest readings as Markdown: what was read, its line in context, and what to answer.

    An entry that ``redis-plan.toml`` already says is settled and not asked again. ``brief`` is what was read already.
    """
    reading = read(Path(project), brief)
    found = open_points(reading)
    if not found:
        return f"Nothing is open: `{NAME}` says everything that was read."
    parts = [_question(n, point, reading) for n, point in enumerate(found[:count], 1)]
    rest = len(found) - len(parts)
    return "\n\n".join(parts) + (f"\n\n{rest} readings more, each surer than these." if rest > 0 else "")


def _question(number: int, point: Point, reading: Reading) -> str:
    says = f"`{point.key}` = {point.says}" if point.says else f"`{point.key}`"
    head = f"**{number}. {says}** (confidence {point.confidence:.2f}, {point.where or 'said nowhere'})"
    shown = f"\n\n```text\n{_context(point, reading)}\n```" if point.file in reading.lines else ""
    return head + shown + "\n\n" + "\n".join(f"- {choice}" for choice in _choices(point))


def _context(point: Point, reading: Reading) -> str:
    """Return a reading's line between its neighbours; a line as long as a page is cut."""
    return "\n".join(line[:WIDTH] for line in passage(reading.project, point.where, 1).splitlines())


def _choices(point: Point) -> Iterator[str]:
    """Yield the answers that a reading may get, as calls."""
    cite = f", cite={point.where!r}" if point.where else ""
    key, name = repr(point.key), repr(point.path[-1])
    match point.path[0]:
        case "facts":
            yield f"right: `answer({key}, {comment(point.says)!r}{cite})`"
            yield f"another number: `answer({key}, …, cite='prd.md:…')`; no line says it: `answer({key}, 'not said')`"
        case "session":
            right, other = f"answer('session.noun', {point.says!r})", "answer('session.none', True)"
            if point.path[-1] == "none":
                right, other = other, "answer('session.noun', 'room')"
            yield f"right: `{right}`; it is otherwise: `{other}`"
        case "entities":
            yield f"right: `answer({key}{cite})`; no thing of ours: `answer('entities.drop', {name})`"
            yield f"another lifetime: `answer({key}, lifetime='durable', realtime=False)`"
        case "uses":
            take = cite or ", cite='prd.md:…'"
            yield f"needed: `answer('uses.take', {name}{take})`; not needed: `answer('uses.drop', {name})`"
        case _:
            yield f"no demand: `answer('demands.drop', {name})`; another kind: `answer({key}, kind='constraint', realtime=False)`"
