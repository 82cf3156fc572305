"""Uses: which use patterns of the catalog a project needs, for which entities, and which were passed over and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from redis_plan.brief.model import Brief, Entity, UseEvidence
from redis_plan.keyspace import cues, deciding, restricted, settled
from redis_plan.keyspace.catalog import UsePattern, use_patterns


@dataclass(frozen=True, slots=True)
class Use:
    """A use pattern that the design takes: for these entities, because of these requirements, and how likely it is."""

    pattern: UsePattern
    entities: tuple[Entity, ...] = ()
    requirements: tuple[str, ...] = ()
    confidence: float = 1.0
    because: str = ""  # the line that calls for it most, and our own example that it is like


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A use pattern that was considered and not taken."""

    use: str
    title: str
    reason: str
    confidence: float = 0.0  # how likely it is that the project needs it nevertheless


def choose(brief: Brief, session: cues.SessionNoun | None) -> list[Use]:
    """Decide which use patterns the project needs, and which entities each of them serves."""
    asked_for = settled.taken(brief, session is not None)
    evidence = deciding.evidence_of(brief)
    chances = deciding.chances(brief, session is not None)
    possible = [p for p in use_patterns() if p.use in asked_for or not _closed(p, brief, session)]
    likely = {p.use for p in possible if p.use in asked_for or _likely(p, chances, evidence, session)}
    own = (session.entity, *cues.other_words(session, brief.entities)) if session else ()
    entities = _candidates(brief, own)
    left = settled.unclaimed(entities, asked_for)
    claimed = _claim([p for p in possible if p.use in likely], left)
    claimed |= _claim_besides(possible, likely, chances, left, claimed)
    claimed = settled.with_claims(claimed, asked_for)
    open_to = [p for p in possible if p.use in likely or claimed.get(p.use)]
    served = {e.name for group in claimed.values() for e in group}
    uses: list[Use] = []
    for pattern in open_to:
        if pattern.when == "channel":
            continue
        mine = claimed.get(pattern.use, ())
        if pattern.when == "fallback":
            mine += tuple(e for e in entities if e.name not in served and e.lifetime in pattern.lifetimes)
            if not mine:
                continue
        said = evidence.get(pattern.use)
        about = (*settled.cited(pattern.use, asked_for), *(said.requirements if said else ()))
        chance = 1.0 if pattern.use in asked_for else chances.get(pattern.use, 1.0)
        made = Use(pattern, (), tuple(dict.fromkeys(about)), chance, _because(said))
        groups = [(e,) for e in mine] if pattern.many == "each" and mine else [tuple(mine)]
        if pattern.when == "core" and session and not mine:
            groups = [own if pattern.use == "state" else own[:1]]
        uses += [replace(made, entities=group) for group in groups]
    if heard := [use for use in uses if any(spec.type == "channel" for spec in use.pattern.key)]:
        uses += [Use(p, (), heard[0].requirements) for p in open_to if p.when == "channel"]
    return uses


def passed_over(brief: Brief, besides: Collection[str] = ()) -> tuple[PassedOver, ...]:
    """Return every use pattern of the catalog that ``brief`` does not get, each with the reason.

    ``besides`` are the uses of its design: actions bring some, and leave things without a key that nothing lets live in Redis.
    """
    session = cues.find_session(brief)
    idle = {p.use for p in use_patterns() if p.when == "fallback"} if besides else set()
    taken = ({use.pattern.use for use in choose(brief, session)} - idle).union(besides)
    evidence = deciding.evidence_of(brief)
    chances = deciding.chances(brief, session is not None)
    found = []
    for pattern in use_patterns():
        if pattern.use not in taken:
            reason = _closed(pattern, brief, session) or _unasked(pattern, evidence.get(pattern.use), chances)
            found.append(PassedOver(pattern.use, pattern.title, reason, chances.get(pattern.use, 0.0)))
    return tuple(found)


def _likely(
    pattern: UsePattern,
    chances: Mapping[str, float],
    evidence: Mapping[str, UseEvidence],
    session: cues.SessionNoun | None,
) -> bool:
    """Whether the documents call for ``pattern``; what a session can't do without comes with the session."""
    if pattern.machinery or pattern.when == "fallback" or (pattern.when == "core" and session):
        return True  # a live thing that no use is made for has to live somewhere
    return deciding.called_for(pattern, chances.get(pattern.use, 0.0), evidence.get(pattern.use))


def _claim_besides(
    possible: Sequence[UsePattern],
    likely: Collection[str],
    chances: Mapping[str, float],
    entities: Iterable[Entity],
    claimed: Mapping[str, tuple[Entity, ...]],
) -> dict[str, tuple[Entity, ...]]:
    """Give what no likely use took to the use that is made for such a thing, where that is likelier than the fallback."""
    taken = {e.name for group in claimed.values() for e in group}
    fallback = max((chances.get(p.use, 0.0) for p in possible if p.when == "fallback"), default=1.0)
    besides = [
        p
        for p in possible
        if p.use not in likely and (p.adopts_durable or (p.entities and chances.get(p.use, 0.0) > fallback))
    ]
    return _claim(besides, [e for e in entities if e.name not in taken])


def open_to(pattern: UsePattern, brief: Brief) -> bool:
    """Whether ``pattern`` can be for this project at all."""
    return not _closed(pattern, brief, cues.find_session(brief))


def _closed(pattern: UsePattern, brief: Brief, session: cues.SessionNoun | None) -> str:
    """Return why ``pattern`` can't be for this project whatever its documents say of it, or ""."""
    if said := settled.closed(pattern, brief):
        return said
    if brief.fit == "no" and not pattern.small:
        return "the documents hardly need Redis"
    if pattern.needs == "session" and session is None:
        return "there is no session that people share"
    if pattern.needs == "no-session" and session is not None:
        return "for projects without sessions"
    return ""


def _unasked(pattern: UsePattern, said: UseEvidence | None, chances: Mapping[str, float]) -> str:
    """Return why ``pattern`` was not asked for: the line that comes nearest to it, and how likely it makes the use."""
    if pattern.when == "fallback" and chances.get(pattern.use, 0.0) >= deciding.TAKEN_FROM:
        return "every entity found a use of its own, or nothing lets it live in Redis"
    if pattern.when == "channel":
        return "nothing is published"
    if said is None or said.strength < _WORTH_NAMING:
        return "no line calls for it"
    return f"not asked for: {said.file}:{said.line} comes nearest to it, and is weak evidence ({chances.get(pattern.use, 0.0):.0%} likely)"


#: Weaker evidence is none.
_WORTH_NAMING = 0.1


def _because(said: UseEvidence | None) -> str:
    if said is None or said.strength < _WORTH_NAMING:
        return ""
    return f"{said.file}:{said.line} “{said.text}”, like “{said.example}”"


def _candidates(brief: Brief, own: tuple[Entity, ...]) -> list[Entity]:
    return [
        e
        for e in brief.entities
        if _wants_redis(e, brief) and not any(e is o for o in own) and not restricted.has_no_key(e, brief)
    ]


def _wants_redis(entity: Entity, brief: Brief) -> bool:
    """Real-time or short-lived things live in Redis; what lasts stays in the database."""
    if brief.fit == "no":
        return entity.lifetime in ("session", "temporary", "connection")
    return entity.realtime or entity.lifetime in ("session", "temporary", "connection")


def _claim(patterns: Iterable[UsePattern], entities: Iterable[Entity]) -> dict[str, tuple[Entity, ...]]:
    """Give each entity to the pattern that fits it best; a pattern for one takes its best, the rest fall back."""
    kinds = {p.use: p for p in patterns}
    found: dict[str, list[tuple[float, Entity]]] = {}
    for entity in entities:
        best: tuple[cues.Fit, int, str] = (cues.Fit(0.0, 0.0), 0, "")
        for pattern in kinds.values():
            lively = entity.realtime or pattern.quiet or entity.lifetime != "durable"
            if pattern.entities and entity.lifetime in pattern.lifetimes and lively:
                best = max(best, (cues.fit(pattern, entity), -pattern.order, pattern.use))
        if best[0].strength > 0:
            found.setdefault(best[2], []).append((best[0].coverage, entity))
    claimed: dict[str, tuple[Entity, ...]] = {}
    for use, offered in found.items():
        ranked = [entity for _, entity in sorted(offered, key=lambda offer: -offer[0])]
        claimed[use] = tuple(ranked[:1] if kinds[use].many == "once" else ranked)
    taken = {entity.name for group in claimed.values() for entity in group}
    for pattern in kinds.values():
        if pattern.adopts_durable:
            orphans = tuple(e for e in entities if e.name not in taken and e.lifetime == "durable")
            claimed[pattern.use] = (*claimed.get(pattern.use, ()), *orphans)
    return claimed
