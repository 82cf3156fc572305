"""Uses: which use patterns of the catalog a project needs, for which entities, and which were passed over and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from redis_plan.brief.model import Brief, Entity
from redis_plan.keyspace import cues, settled
from redis_plan.keyspace.catalog import UsePattern, use_patterns


@dataclass(frozen=True, slots=True)
class Use:
    """A use pattern that the design takes, for these entities, because of these requirements."""

    pattern: UsePattern
    entities: tuple[Entity, ...] = ()
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A use pattern that was considered and not taken."""

    use: str
    title: str
    reason: str


def choose(brief: Brief, session: cues.SessionNoun | None) -> list[Use]:
    """Decide which use patterns the project needs, and which entities each of them serves."""
    asked_for = settled.taken(brief, session is not None)
    open_to = [p for p in use_patterns() if p.use in asked_for or not _closed(p, brief, session)]
    own = (session.entity, *cues.other_words(session, brief.entities)) if session else ()
    entities = _candidates(brief, own)
    claimed = settled.with_claims(_claim(open_to, settled.unclaimed(entities, asked_for)), asked_for)
    fallback = next((p for p in open_to if p.when == "fallback"), None)
    uses: list[Use] = []
    for pattern in open_to:
        if pattern.when in ("fallback", "channel"):
            continue
        about = tuple(dict.fromkeys((*settled.cited(pattern.use, asked_for), *_about(pattern, brief))))
        mine = claimed.get(pattern.use, ())
        asked = (
            bool(mine) if pattern.when == "entity" else bool(about) if pattern.when == "text" else bool(mine or about)
        )
        if pattern.when != "core" and not asked and pattern.use not in asked_for:
            continue
        groups = [(e,) for e in mine] if pattern.many == "each" and mine else [tuple(mine)]
        if pattern.when == "core" and session and not mine:
            groups = [own if pattern.use == "state" else own[:1]]
        uses += [Use(pattern, group, about) for group in groups]
    if fallback:
        taken = {e.name for group in claimed.values() for e in group}
        left = [e for e in entities if e.name not in taken and e.lifetime in fallback.lifetimes]
        uses += [Use(fallback, (e,)) for e in (*claimed.get(fallback.use, ()), *left)]
    if heard := [use for use in uses if any(spec.type == "channel" for spec in use.pattern.key)]:
        uses += [Use(p, (), heard[0].requirements) for p in open_to if p.when == "channel"]
    return uses


def passed_over(brief: Brief) -> tuple[PassedOver, ...]:
    """Return every use pattern of the catalog that ``brief`` does not get, each with the reason."""
    session = cues.find_session(brief)
    taken = {use.pattern.use for use in choose(brief, session)}
    own = (session.entity, *cues.other_words(session, brief.entities)) if session else ()
    entities = _candidates(brief, own)
    found = []
    for pattern in use_patterns():
        if pattern.use not in taken:
            reason = _closed(pattern, brief, session) or _unasked(pattern, entities)
            found.append(PassedOver(pattern.use, pattern.title, reason))
    return tuple(found)


def _closed(pattern: UsePattern, brief: Brief, session: cues.SessionNoun | None) -> str:
    """Return why ``pattern`` can't be for this project whatever its entities are, or ""."""
    if said := settled.closed(pattern, brief):
        return said
    if brief.fit == "no" and not pattern.small:
        return "the documents hardly need Redis"
    if pattern.needs == "session" and session is None:
        return "there is no session that people share"
    if pattern.needs == "no-session" and session is not None:
        return "for projects without sessions"
    if pattern.only_if and not cues.requirements_about(cues.matcher(pattern.only_if), brief.requirements):
        return f"no requirement speaks of {_some(pattern.only_if)}"
    return ""


def _unasked(pattern: UsePattern, entities: Iterable[Entity]) -> str:
    """Return why an open ``pattern`` was not asked for: nothing speaks of it, or another pattern fits better."""
    rivals = [e.name for e in entities if pattern.entities and cues.fit(pattern, e).strength > 0]
    if rivals and pattern.when in ("entity", "either"):
        return f"{rivals[0]} fits another use better, or lives elsewhere"
    if pattern.when == "fallback":
        return "every entity found a use of its own"
    if pattern.when == "channel":
        return "nothing is published"
    words = pattern.entities if pattern.when == "entity" else pattern.text or pattern.entities
    where = {"entity": "no entity is", "text": "no requirement speaks of"}.get(pattern.when, "nothing speaks of")
    return f"{where} {_some(words)}"


def _some(words: tuple[str, ...]) -> str:
    plain = [w.strip() for w in words if w.isascii()][:3]
    return ", ".join(f"“{word}”" for word in plain)


def _about(pattern: UsePattern, brief: Brief) -> tuple[str, ...]:
    return cues.requirements_about(cues.matcher(pattern.text), brief.requirements) if pattern.text else ()


def _candidates(brief: Brief, own: tuple[Entity, ...]) -> list[Entity]:
    return [e for e in brief.entities if _wants_redis(e, brief) and not any(e is o for o in own)]


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
