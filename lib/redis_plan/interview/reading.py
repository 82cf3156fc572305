"""A reading: everything that a design is computed from, as it was read, each with its place and how sure we are.

The Brief holds what stands in the documents, the keyspace what follows: the session, the member, the uses. Here they
are one list of *points*, so that a proposal, a task for an assistant and an interview say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from redis_plan import brief as reader
from redis_plan import units
from redis_plan.actions import designing
from redis_plan.brief import documents
from redis_plan.brief.model import Brief, Entity, Fact, Requirement, UseEvidence
from redis_plan.brief.overrides import Overrides, read_overrides
from redis_plan.brief.overrides.vocabulary import use_words
from redis_plan.keyspace import cues, deciding, uses
from redis_plan.keyspace.catalog import use_patterns
from redis_plan.keyspace.uses import PassedOver, Use

EXCERPT = 100  # characters of a line that are shown beside a reading
#: How sure we are of what a rule found and gave no confidence of its own.
USUAL = 0.8
#: How sure we are that nothing is shared live where nothing speaks of it.
UNSAID = 0.5


@dataclass(frozen=True, slots=True)
class Point:
    """One reading that a team may confirm or correct; ``path`` is its place in redis-plan.toml."""

    path: tuple[str, ...]
    says: str
    confidence: float
    file: str = ""
    line: int = 0

    @property
    def where(self) -> str:
        """``prd.md:31``, or "" where no document says it."""
        return f"{self.file}:{self.line}" if self.file else ""

    @property
    def key(self) -> str:
        """The place in redis-plan.toml, as ``facts.idle_ttl``."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Reading:
    """A project's Brief with what a design makes of it, and the lines of its documents."""

    project: Path
    brief: Brief
    lines: Mapping[str, Sequence[str]]
    session: cues.SessionNoun | None
    member: str
    taken: tuple[Use, ...]
    passed_over: tuple[PassedOver, ...]
    settled: frozenset[tuple[str, ...]] = frozenset()  # what redis-plan.toml says itself

    def text(self, file: str, line: int) -> str:
        """Return a document's line, shortened; "" where there is none."""
        lines = self.lines.get(file, ())
        text = " ".join(lines[line - 1].split()) if 0 < line <= len(lines) else ""
        return text if len(text) <= EXCERPT else text[: EXCERPT - 1].rsplit(" ", 1)[0] + "…"

    def requirement(self, id: str) -> Requirement | None:
        """Return the requirement called ``id``."""
        return next((r for r in self.brief.requirements if r.id == id), None)

    def evidence(self, use: Use) -> UseEvidence | None:
        """Return the line that calls for a use most; None where none does clearly, or the team took it by itself."""
        if not use.because or ("uses", "take", use.pattern.use) in self.settled:
            return None
        return deciding.evidence_of(self.brief).get(use.pattern.use)

    def place_of(self, use: Use) -> tuple[str, int]:
        """Return the line that calls for a use: a requirement's, else its entity's; ("", 0) where none does."""
        names = {e.name for e in use.entities}
        taken = [one for one in self.brief.settled.taken if one.use == use.pattern.use]
        if taken:
            best = min(taken, key=lambda one: not names & set(one.entities))
            return best.file, best.line
        said = self.evidence(use)
        if said is not None:
            return said.file, said.line
        demands = [r for id in use.requirements if (r := self.requirement(id)) is not None]
        grounds: list[Requirement | Entity] = [*demands, *use.entities]
        found = next(iter(grounds), None)
        return (found.file, found.line) if found is not None else ("", 0)


def read(project: Path, brief: Brief | None = None) -> Reading:
    """Read a project's documents and what follows from them; raises as :func:`redis_plan.brief.read` does.

    ``brief`` is what was read of them already.
    """
    brief = reader.read(project) if brief is None else brief
    session = cues.find_session(brief)
    drafted = designing.keys(brief)
    in_state = designing.kept_in_state(brief, drafted.keyspace({}))
    served = {use.pattern.use for use in drafted.uses} | {use for use, _ in in_state}
    return Reading(
        project=project,
        brief=brief,
        lines={document.name: document.lines for document in documents.load(project).values()},
        session=session,
        member=cues.find_member(brief, session),
        taken=drafted.uses,
        passed_over=tuple(one for one in uses.passed_over(brief, served) if one.use not in _machinery()),
        settled=frozenset(_settled(read_overrides(documents.find_folder(project)))),
    )


def _machinery() -> frozenset[str]:
    """Return the uses that come by themselves, which a team neither takes nor drops."""
    return frozenset(pattern.use for pattern in use_patterns() if pattern.machinery)


def _settled(given: Overrides) -> Iterator[tuple[str, ...]]:
    """Yield the place of each reading that the team confirmed or corrected."""
    file = given.file
    if file.session.noun:
        yield ("session", "noun")
    if file.session.none:
        yield ("session", "none")
    yield from (("facts", name) for name in file.facts)
    yield from (
        ("entities", "set", name) for name in (*file.entities.set, *(added.name for added in file.entities.add))
    )
    yield from (("uses", "take", one.use) for one in file.uses.take)
    yield from (
        ("uses", "drop", name) for name in (use_words() if file.uses.complete else [d.use for d in file.uses.drop])
    )
    yield from (("demands", "set", place) for place in (*file.demands.set, *(added.line for added in file.demands.add)))


def points(reading: Reading) -> list[Point]:
    """Return every reading that the design rests on, the weakest first; what is assumed is no reading."""
    found = (replace(point, confidence=1.0) if point.path in reading.settled else point for point in _points(reading))
    return sorted(found, key=lambda point: point.confidence)


def open_points(reading: Reading) -> list[Point]:
    """Return the readings that ``redis-plan.toml`` does not say itself, the weakest first."""
    return [point for point in points(reading) if point.path not in reading.settled]


def _points(reading: Reading) -> Iterator[Point]:
    brief = reading.brief
    yield _session(reading)
    for fact in brief.facts:
        if fact.grade == "documented":
            yield Point(("facts", fact.name), units.write(fact.value, fact.unit), fact_confidence(fact, reading), fact.file, fact.line)  # fmt: skip
    for entity in brief.entities:
        live = ", live" if entity.realtime else ""
        yield Point(
            ("entities", "set", entity.name), entity.lifetime + live, entity.confidence, entity.file, entity.line
        )
    for use in reading.taken:
        if not use.pattern.machinery:
            names = ", ".join(e.name for e in use.entities)
            yield Point(("uses", "take", use.pattern.use), names, use_confidence(use, reading), *reading.place_of(use))
    for passed in reading.passed_over:
        yield Point(("uses", "drop", passed.use), "not taken", 1.0 - passed.confidence)
    for r in brief.requirements:
        if r.kind != "out-of-scope" and r.parent_line is None and (r.realtime or r.confidence < USUAL):
            live = ", live" if r.realtime else ""
            yield Point(("demands", "set", f"{r.file}:{r.line}"), r.kind + live, r.confidence, r.file, r.line)


def _session(reading: Reading) -> Point:
    """Return the reading of what people share live: its noun, or that there is nothing."""
    session, found = reading.session, reading.brief.gathering
    path, says = (("session", "noun"), session.word) if session else (("session", "none"), "true")
    if path in reading.settled:
        ground = (1.0, "", 0)
    elif found is not None:
        ground = (found.confidence, found.file, found.line)
    else:
        ground = (session.entity.confidence, "", 0) if session else (UNSAID, "", 0)
    if session and not ground[1]:
        ground = (ground[0], session.entity.file, session.entity.line)
    return Point(path, says, *ground)


def fact_confidence(fact: Fact, reading: Reading) -> float:
    """Return how sure we are of a fact: as sure as of the quantity that it is."""
    if ("facts", fact.name) in reading.settled:
        return 1.0
    here = [q.confidence for q in reading.brief.quantities if (q.file, q.line) == (fact.file, fact.line)]
    return min((*here, USUAL))


def use_confidence(use: Use, reading: Reading) -> float:
    """Return how sure we are of a use."""
    return 1.0 if ("uses", "take", use.pattern.use) in reading.settled else use.confidence
