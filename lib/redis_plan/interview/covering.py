"""Covering: whether a corrected file speaks of this project's things, and whether each live demand has a use."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from redis_plan.brief.entities import folded_name
from redis_plan.brief.lexicon import fold
from redis_plan.brief.model import Brief, Entity, Requirement
from redis_plan.brief.overrides import Overrides
from redis_plan.interview.citing import Fault
from redis_plan.interview.reading import Reading
from redis_plan.keyspace import cues, design

#: Uncovered demands that are listed one by one.
MOST = 12


def strangers(given: Overrides, raw: Brief, lines: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    """Yield the entries about things and demands that neither the reader nor the documents know."""
    entities, demands = given.file.entities, given.file.demands
    names = [name for e in raw.entities for name in (e.name, *e.aliases)]
    known = {folded_name(name) for name in names}
    for n, name in enumerate(entities.drop):
        if folded_name(name) not in known:
            yield given.line("entities", "drop", n), f"drops {name!r}, which was not read; {_near(name, names)}"
    for name in entities.rename:
        if folded_name(name) not in known:
            yield given.line("entities", "rename", name), f"renames {name!r}, which was not read; {_near(name, names)}"
    yield from _unsaid(given, known, lines)
    places = [place for r in raw.requirements for place in (r.id, f"{r.file}:{r.line}")]
    added = {one.line for one in demands.add} | {one.id for one in demands.add}
    for n, place in enumerate(demands.drop):
        if place not in places:
            yield given.line("demands", "drop", n), f"drops {place!r}, where no demand was read; {_near(place, places)}"
    for n, use in enumerate(given.file.uses.take):
        for place in use.serves:
            if place not in places and place not in added:
                yield (
                    given.line("uses", "take", n),
                    f"serves {place!r}, where no demand was read; {_near(place, places)}",
                )
    for place in demands.set:
        if place not in places:
            line = given.line("demands", "set", place)
            yield (
                line,
                f"{place!r} was not read as a demand; put it under add = [{{ line = … }}], or {_near(place, places)}",
            )


def _unsaid(given: Overrides, known: set[str], lines: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    """Yield the names that stand in no document and cite no line: they are invented, or spelt otherwise."""
    file = given.file
    text = fold("\n".join(line for document in lines.values() for line in document))
    nouns = [(("session", key), name, file.session.cite) for key, name in (("noun", file.session.noun), ("member", file.session.member)) if name]  # fmt: skip
    added = [(("entities", "add", n), entity.name, entity.cite, entity.aliases) for n, entity in enumerate(file.entities.add)]  # fmt: skip
    put = [(("entities", "set", name), name, entity.cite, entity.aliases) for name, entity in file.entities.set.items()]
    for path, name, cite, aliases in (*((p, n, c, []) for p, n, c in nouns), *added, *put):
        said = any(_stem(fold(one)) in text for one in (name, *aliases))
        if not said and not cite and folded_name(name) not in known:
            yield (
                given.line(*path),
                f"{name!r} stands in no document; cite the line that speaks of it, or use the documents' word",
            )


def _stem(word: str) -> str:
    """Return what most forms of a word share: inflection changes its end."""
    return word if len(word) < 6 else word[: max(5, len(word) - 3)]


def uncovered(reading: Reading, given: Overrides) -> Iterator[Fault]:
    """Yield the live demands, and the live things, that no use of the design serves.

    Raises :class:`~redis_plan.errors.OverrideError` where the design that the file asks for can't be.
    """
    brief = reading.brief
    design(brief)  # what can't be is said by its error
    settled = brief.settled
    if brief.fit == "no" or not (settled.only_taken or settled.taken or settled.dropped):
        return  # the database serves them; or the uses are the reader's own: the plan says what those don't serve
    loose = unserved(reading)
    at = given.line("uses")
    for r in loose[:MOST]:
        yield (
            at,
            f"{r.file}:{r.line} asks something live that no use serves (“{_short(r.text)}”); let a use cite it or name it in serves = [“{r.file}:{r.line}”], or set its realtime = false under [demands.set]",
        )
    if len(loose) > MOST:
        yield (
            at,
            f"{len(loose) - MOST} more live demands have no use either, from {loose[MOST].file}:{loose[MOST].line} on",
        )
    for entity in homeless(reading):
        yield (
            given.line("entities", "set", entity.name),
            f"{entity.name} is live and short-lived, and no use keeps it; name it as the entity of one, or say lifetime = “durable” or realtime = false under [entities.set]",
        )


def unserved(reading: Reading) -> list[Requirement]:
    """Return the live demands that no use serves and that speak of nothing that one keeps."""
    served = {id for use in reading.taken for id in use.requirements}
    return [demand for demand in unspoken(reading) if demand.id not in served]


def unspoken(reading: Reading) -> list[Requirement]:
    """Return the live demands that speak of nothing that a use keeps: a use serves them where it names them."""
    kept = [e for use in reading.taken for e in use.entities]
    words = cues.matcher(tuple(name for e in kept for name in (e.name, *e.aliases)))
    return [
        r for r in reading.brief.requirements
        if r.realtime and r.kind == "functional" and r.parent_line is None and not words.search(cues.fold(r.text))
    ]  # fmt: skip


def homeless(reading: Reading) -> list[Entity]:
    """Return the things that are called live and short-lived, and that no use keeps."""
    brief, names = reading.brief, {e.name for use in reading.taken for e in use.entities}
    if reading.session:
        others = cues.other_words(reading.session, brief.entities)
        names |= {reading.session.entity.name, *(e.name for e in others)}
    short = ("session", "temporary", "connection")
    return [e for e in brief.entities if e.realtime and e.lifetime in short and e.name not in names]


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else "delete the entry"


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"
