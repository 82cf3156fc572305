"""Access patterns: who does what to which entity, how often, derived from the demands and the facts.

``data/catalog/access.toml`` lists the kinds of access (join, submit, watch …), the verbs that cue each, and the formula
of its rate at peak over the facts. A pattern is proposed where a live demand cues it; a rate is as good as the worst
of the facts in it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from redis_plan import resources
from redis_plan.brief.lexicon import Lexicon, fold
from redis_plan.brief.model import AccessPattern, Entity, Fact, Requirement

#: So many requirements are cited beside an access pattern at most.
CITED = 12


@cache
def catalogue() -> Mapping[str, Mapping[str, Any]]:
    """Return the kinds of access by name."""
    return tomllib.loads((resources.catalog_dir() / "access.toml").read_text(encoding="utf-8"))


@cache
def _verbs() -> Lexicon:
    made = Lexicon((), {})
    for name, entry in catalogue().items():
        for cue in entry["verbs"]:
            made.add(name, cue)
    made.finish()
    return made


def read_access_patterns(
    requirements: Sequence[Requirement], entities: Sequence[Entity], facts: Sequence[Fact], live_project: bool
) -> tuple[AccessPattern, ...]:
    """Return one access pattern for each kind of access and entity that the demands ask for, dearest first."""
    table = {f.name: f for f in facts}
    found: dict[tuple[str, str], AccessPattern] = {}
    spellings = [(e, tuple({fold(n) for n in (e.name, *e.aliases)})) for e in entities]
    for requirement in requirements:
        if requirement.kind == "out-of-scope":
            continue
        kinds = [k for k in _verbs().groups(requirement.text) if requirement.realtime or not catalogue()[k]["live"]]
        entity = _spoken_of(fold(requirement.text), spellings) if kinds else None
        if entity is None:
            continue
        for kind in sorted(kinds, key=list(catalogue()).index):
            entry = catalogue()[kind]
            old = found.get((kind, entity.name))
            if old is None:
                found[kind, entity.name] = _pattern(kind, entry, entity.name, (requirement.id,), requirement, table)
            elif len(old.requirements) < CITED:
                found[kind, entity.name] = replace(old, requirements=(*old.requirements, requirement.id))
    found = _shared(found)
    if live_project:
        session = next(
            (e.name for e in entities if e.lifetime == "session"), entities[0].name if entities else "Session"
        )
        for kind, entry in catalogue().items():
            if entry.get("always") and not any(k == kind for k, _ in found):
                found[kind, session] = _pattern(kind, entry, session, (), None, table)
    ordered = sorted(found.values(), key=lambda p: -p.rate_per_s)
    return tuple(ordered)


def _spoken_of(text: str, spellings: Sequence[tuple[Entity, tuple[str, ...]]]) -> Entity | None:
    """Return the first live entity that ``text`` names, else the first one."""
    first = None
    for entity, names in spellings:
        if (first is None or entity.realtime) and any(name in text for name in names):
            if entity.realtime:
                return entity
            first = entity
    return first


def _shared(found: Mapping[tuple[str, str], AccessPattern]) -> dict[tuple[str, str], AccessPattern]:
    """Split the rate of a kind of access among its entities by how many demands speak of each: the sum stays true."""
    totals: dict[str, int] = {}
    for (kind, _), pattern in found.items():
        totals[kind] = totals.get(kind, 0) + len(pattern.requirements)
    result = {}
    for (kind, entity), pattern in found.items():
        part, whole = len(pattern.requirements), totals[kind]
        because = pattern.because if part == whole else f"{pattern.because}; {part} of {whole} demands to {kind}"
        result[kind, entity] = replace(pattern, rate_per_s=pattern.rate_per_s * part / whole, because=because)
    return result


def _pattern(
    kind: str,
    entry: Mapping[str, Any],
    entity: str,
    requirements: tuple[str, ...],
    where: Requirement | AccessPattern | None,
    facts: Mapping[str, Fact],
) -> AccessPattern:
    rate, used = 1.0, []
    for name in entry["times"]:
        rate *= facts[name].value
        used.append(name)
    for name in entry.get("divided_by", ()):
        rate /= facts[name].value
        used.append(name)
    rate *= entry.get("factor", 1.0)
    grade = "documented" if all(facts[n].grade == "documented" for n in used) else "assumed"
    formula = " × ".join(entry["times"]) + "".join(f" ÷ {n}" for n in entry.get("divided_by", ()))
    because = f"{formula} = " + ", ".join(f"{n} {facts[n].value:g} ({facts[n].where})" for n in used)
    slug = "".join(c if c.isalnum() else "-" for c in fold(entity)).strip("-")
    return AccessPattern(
        id=f"A-{kind}-{slug}",
        actor=entry["actor"],
        verb=kind,
        entity=entity,
        mode=entry["mode"],
        rate_per_s=rate,
        grade=grade,  # type: ignore[arg-type]
        because=because,
        requirements=tuple(dict.fromkeys(requirements)),
        latency_s=facts["sync_latency"].value if entry["mode"] != "read" or entry["live"] else None,
        consistency=entry["consistency"],
        file=where.file if where else "",
        line=where.line if where else 0,
    )
