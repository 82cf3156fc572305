"""A design: the keyspace that a Brief asks for, composed from the catalog's use patterns.

Core patterns stand for every project with sessions; others come when an entity or a requirement asks for them; a
real-time or short-lived entity that no pattern fits gets a hash of records named after it; what lasts stays in the
team's database.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from string import Template

from redis_plan import units
from redis_plan.brief.model import AccessPattern, Brief, Entity
from redis_plan.errors import OverrideError
from redis_plan.keyspace import chain, cues, naming
from redis_plan.keyspace.catalog import FieldSpec, KeySpec, UsePattern, nouns, use_patterns
from redis_plan.keyspace.expression import compute
from redis_plan.keyspace.linter import lint
from redis_plan.keyspace.model import Candidate, Field, KeyPattern, Keyspace, TtlRule
from redis_plan.keyspace.settings import ENVELOPE_BYTES, probe_s
from redis_plan.keyspace.together import RECORD
from redis_plan.keyspace.versions import offers

#: Requirements named beside one key pattern at most: a reader wants the ones it exists for.
MOST_REQUIREMENTS = 8


@dataclass(frozen=True, slots=True)
class _Use:
    """A use pattern that the design takes, for these entities, because of these requirements."""

    pattern: UsePattern
    entities: tuple[Entity, ...] = ()
    requirements: tuple[str, ...] = ()


def design(brief: Brief) -> Keyspace:
    """Return the keyspace for ``brief``, lint findings included.

    Raises :class:`OverrideError` where ``redis-plan.toml`` pins a prefix or a structure that can't be.
    """
    session = cues.find_session(brief)
    app = _app(brief)
    uses = _choose_uses(brief, session)
    keyspace = Keyspace(
        app=app,
        schema_version=1,
        session_noun=session.word if session else "session",
        patterns=(),
        member_noun=cues.find_member(brief, session),
        session_entity=session.entity.name if session else "",
    )
    facts = _facts(brief, keyspace, session)
    patterns: list[KeyPattern] = []
    for use in uses:
        for spec in use.pattern.key:
            taken = {p.name for p in patterns}
            patterns.append(_pattern(use, spec.adapted(session is not None), brief, keyspace, facts, taken))
    patterns = _with_records(_with_code(patterns))
    patterns, unserved = _serve(patterns, uses, brief, session)
    keyspace = replace(keyspace, patterns=tuple(patterns), unserved=unserved)
    return replace(keyspace, findings=lint(keyspace, brief))


def _app(brief: Brief) -> str:
    prefix = brief.name_prefix
    if prefix is None:
        return naming.slugify(brief.slug or brief.title)
    if not naming.SLUG.fullmatch(prefix) or len(prefix) > naming.MAX_APP_BYTES:
        raise OverrideError(
            f"redis-plan.toml: name prefix {prefix!r} breaks the grammar of key names: a lower-case letter, then letters, "
            f"digits or hyphens, at most {naming.MAX_APP_BYTES} bytes, such as {naming.slugify(prefix)!r}"
        )
    return prefix


def _facts(brief: Brief, keyspace: Keyspace, session: cues.SessionNoun | None) -> dict[str, float]:
    facts = {fact.name: fact.value for fact in brief.facts}
    facts["envelope_bytes"] = float(ENVELOPE_BYTES)
    facts["state_fields"] = float(5 + len(_state_fields(brief, session))) if session else 1.0
    return facts


def _choose_uses(brief: Brief, session: cues.SessionNoun | None) -> list[_Use]:
    """Decide which use patterns the project needs, and which entities each of them serves."""
    small = brief.fit == "no"
    open_to = [
        p
        for p in use_patterns()
        if (p.small or not small)
        and (p.needs == "any" or (p.needs == "session") == (session is not None))
        and (not p.only_if or cues.requirements_about(cues.matcher(p.only_if), brief.requirements))
    ]
    own = (session.entity, *cues.other_words(session, brief.entities)) if session else ()
    entities = [e for e in brief.entities if _wants_redis(e, brief) and not any(e is o for o in own)]
    claimed = _claim(open_to, entities)
    fallback = next((p for p in open_to if p.when == "fallback"), None)
    uses: list[_Use] = []
    for pattern in open_to:
        if pattern.when in ("fallback", "channel"):
            continue
        about = cues.requirements_about(cues.matcher(pattern.text), brief.requirements) if pattern.text else ()
        mine = claimed.get(pattern.use, ())
        asked = (
            bool(mine) if pattern.when == "entity" else bool(about) if pattern.when == "text" else bool(mine or about)
        )
        if pattern.when != "core" and not asked:
            continue
        groups = [(e,) for e in mine] if pattern.many == "each" and mine else [tuple(mine)]
        if pattern.when == "core" and session and not mine:
            groups = [own if pattern.use == "state" else own[:1]]
        uses += [_Use(pattern, group, about) for group in groups]
    if fallback:
        taken = {e.name for group in claimed.values() for e in group}
        uses += [_Use(fallback, (e,)) for e in entities if e.name not in taken and e.lifetime in fallback.lifetimes]
    if heard := [use for use in uses if any(spec.type == "channel" for spec in use.pattern.key)]:
        uses += [_Use(p, (), heard[0].requirements) for p in open_to if p.when == "channel"]
    return uses


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


def _pattern(
    use: _Use, spec: KeySpec, brief: Brief, keyspace: Keyspace, facts: Mapping[str, float], taken: set[str]
) -> KeyPattern:
    entity = use.entities[0] if use.entities else None
    words = _words(keyspace, entity, brief)
    name = _free(words.substitute_in(spec.name), taken)
    part = words.substitute_in(spec.part).replace(words.substitute_in(spec.name), name, 1)
    seconds = None if spec.ttl.seconds is None else math.ceil(compute(spec.ttl.seconds, facts))
    chosen, because = _choose(use.pattern, spec, brief)
    maximum = max(1.0, compute(spec.max_elements, facts))
    return KeyPattern(
        name=name,
        template=_template(keyspace, spec, words.substitute_in(spec.tag), part),
        type=chosen.type if chosen else spec.type,
        use=use.pattern.use,
        holds=words.substitute_in(spec.holds),
        scope=spec.scope,
        ttl=TtlRule(
            spec.ttl.policy,
            seconds,
            words.substitute_in(spec.ttl.because),
            spec.ttl.seconds if isinstance(spec.ttl.seconds, str) else "",
        ),
        writers=tuple(words.substitute_in(w) for w in spec.writers),
        readers=tuple(words.substitute_in(r) for r in spec.readers),
        deleted_by=words.substitute_in(spec.deleted_by),
        fields=_fields(spec, words, facts, brief, entity, use.pattern),
        entity=entity.name if entity else "",
        entities=tuple(e.name for e in use.entities),
        max_elements=maximum,
        typical_elements=min(maximum, compute(spec.typical_elements, facts))
        if spec.typical_elements != ""
        else maximum,
        per_session=compute(spec.per_session, facts),
        at_bound=words.substitute_in(spec.at_bound),
        authoritative=spec.authoritative and not (entity is not None and entity.lifetime == "durable"),
        candidates=spec.candidate,
        chosen=chosen.name if chosen else "",
        requirements=use.requirements,
        functions=spec.functions,
        when_lost=words.substitute_in(spec.when_lost),
        because=because or words.substitute_in(spec.because),
    )


@dataclass(frozen=True, slots=True)
class _Words:
    """The nouns of these documents, for the catalog's ``$noun``, ``$member`` and ``$entity``."""

    nouns: Mapping[str, str]

    def substitute_in(self, text: str) -> str:
        return Template(text).safe_substitute(self.nouns)


def _words(keyspace: Keyspace, entity: Entity | None, brief: Brief) -> _Words:
    name = entity.name if entity else keyspace.session_noun
    slug = naming.slugify(cues.singular(name), "item")
    return _Words(
        {
            "noun": keyspace.session_noun,
            "nouns": cues.plural(keyspace.session_noun),
            "member": keyspace.member_noun,
            "lease": units.write(chain.lease(brief), "s"),
            "probe": units.write(probe_s(brief), "s"),
            "probe_period": units.write(probe_s(brief) / 2, "s"),
            "idle": units.write(brief.value("idle_ttl"), "s"),
            "members": cues.plural(keyspace.member_noun),
            "entity": cues.singular(name),
            "entities": cues.plural(cues.singular(name)),
            "slug": slug,
            "slug_id": slug.replace("-", "_") + "_id",
        }
    )


def _free(name: str, taken: set[str]) -> str:
    """Return ``name``, or the first numbered form of it that no other pattern has."""
    return next(n for n in (name, *(f"{name}-{i}" for i in range(2, 10_000))) if n not in taken)


def _template(keyspace: Keyspace, spec: KeySpec, tag: str, part: str) -> str:
    owner = tag or ("<session_id>" if spec.scope != "global" else "")
    prefix = f"{keyspace.app}:v{keyspace.schema_version}:" + (f"{{{owner}}}:" if owner else "")
    return ("<env>:" if spec.type == "channel" else "") + prefix + part


def _choose(pattern: UsePattern, spec: KeySpec, brief: Brief) -> tuple[Candidate | None, str]:
    """Return the candidate that the team pinned, else the first preferred one that the stack's server offers."""
    by_name = {c.name: c for c in spec.candidate}
    pinned = brief.pinned.get(spec.name) or brief.pinned.get(pattern.use)
    if pinned is not None and spec.name == pattern.key[0].name:
        if pinned not in by_name:
            raise OverrideError(
                f"redis-plan.toml pins {pattern.use} to {pinned!r}; its structures are {', '.join(by_name)}"
            )
        return by_name[pinned], "pinned by the team in `redis-plan.toml`"
    for name in spec.prefer:
        if offers(brief, by_name[name]):
            return by_name[name], ""
    # an older server than all of them need: the design stands, and lint says what is missing
    return (by_name[spec.prefer[0]], "") if spec.prefer else (None, "")


def _fields(
    spec: KeySpec, words: _Words, facts: Mapping[str, float], brief: Brief, entity: Entity | None, pattern: UsePattern
) -> tuple[Field, ...]:
    fields = [_field(f, words, facts) for f in spec.fields]
    if pattern.use == "state":
        session = cues.find_session(brief)
        fields += _state_fields(brief, session)
    elif spec.type == "hash" and entity and pattern.when == "fallback" and entity.attributes:
        names = ", ".join(a.name for a in entity.attributes[:8])
        fields = [replace(f, meaning=f"{f.meaning}: {names}" if f.type == "JSON" else f.meaning) for f in fields]
    return tuple(fields)


def _field(spec: FieldSpec, words: _Words, facts: Mapping[str, float]) -> Field:
    size = math.ceil(compute(spec.max_bytes, facts))
    return Field(words.substitute_in(spec.name), spec.type, size, words.substitute_in(spec.meaning))


def _state_fields(brief: Brief, session: cues.SessionNoun | None) -> list[Field]:
    """Return the state's own fields: the session's attributes, and which of its things is current.

    They share what the fact ``state_bytes`` leaves; none exceeds 64 B, so that the hash stays a listpack.
    """
    if session is None:
        return []
    own = [Field(naming.slugify(a.name, "field").replace("-", "_"), "text", min(64, a.size_bytes or 32), f"{session.word}: {a.name}")
           for a in session.entity.attributes[:12]]  # fmt: skip
    current = [
        Field(f"current_{naming.slugify(cues.singular(e.name), 'item').replace('-', '_')}", "id", 32, f"which {cues.singular(e.name)} is on")
        for e in brief.entities
        if e is not session.entity and e.realtime and e.lifetime in ("session", "temporary") and _is_current(e)
    ][:4]  # fmt: skip
    basic = [Field("owner", "id", 26, f"who opened the {session.word}"), Field("capacity", "integer", 6, "seats")]
    fixed = {"epoch", "version", "status", "created_at", "updated_at"}
    seen: dict[str, Field] = {f.name: f for f in (*basic, *own, *current) if f.name not in fixed}
    rest = int(brief.value("state_bytes")) - 70 - sum(f.max_bytes + len(f.name) for f in seen.values())
    fields = list(seen.values())
    for number in range(1, 1 + max(0, min(16, math.ceil(rest / 72)))):
        fields.append(
            Field(
                f"setting_{number}",
                "text",
                64,
                f"further properties of the {session.word}, one a field, up to `state_bytes`",
            )
        )
    return fields


def _with_code(patterns: list[KeyPattern]) -> list[KeyPattern]:
    """Give the state a field for the join code, so that whoever ends the session can delete the code."""
    if not any(p.use == "join-code" for p in patterns):
        return patterns
    code = Field("code", "code", 8, "join code; deleted with the session")
    return [
        replace(p, fields=(*p.fields, code), max_elements=p.max_elements + 1, typical_elements=p.typical_elements + 1)
        if p.use == "state"
        else p
        for p in patterns
    ]


def _with_records(patterns: list[KeyPattern]) -> list[KeyPattern]:
    """Name session_record among the writers of what it writes besides the collection."""
    if not any(RECORD in p.functions for p in patterns):
        return patterns
    written = ("state", "log", "idem", "events")
    return [replace(p, writers=(*p.writers, RECORD)) if p.use in written else p for p in patterns]


def _is_current(entity: Entity) -> bool:
    """Whether a session has one of these at a time: a round, a question, a lot; not a member, a vote or a score."""
    fits = ((cues.fit(p, entity), p.use) for p in use_patterns() if p.entities)
    best = max(fits, default=(cues.Fit(0.0, 0.0), ""))
    alone = cues.matcher(nouns().same_thing).fullmatch(cues.singular(entity.name)) is None
    return alone and (best[0].strength == 0 or best[1] == "round")


def _serve(
    patterns: list[KeyPattern], uses: list[_Use], brief: Brief, session: cues.SessionNoun | None
) -> tuple[list[KeyPattern], tuple[str, ...]]:
    """Tie patterns to the access patterns and requirements behind them; say what stays outside Redis."""
    verbs = {use.pattern.use: use.pattern.verbs for use in uses}
    by_pattern: dict[str, list[str]] = {p.name: [] for p in patterns}
    demands: dict[str, list[str]] = {p.name: [] for p in patterns}
    unserved: list[str] = []
    for access in brief.access_patterns:
        owners = [p for p in patterns if _answers(p, access, verbs.get(p.use, ()), session)]
        for pattern in owners:
            by_pattern[pattern.name].append(access.id)
            demands[pattern.name] += access.requirements
        if not owners:
            unserved.append(f"{access.id} {access.actor} {access.verb} {access.entity}: {_why_not(access, brief)}")
    everything = tuple(r.id for r in brief.requirements if r.kind != "out-of-scope" and r.realtime)
    done = []
    for pattern in patterns:
        mentioned = tuple(r for name in pattern.entities for r in _mentions(name, brief))
        found = tuple(dict.fromkeys((*demands[pattern.name], *pattern.requirements, *mentioned)))
        if not found and not by_pattern[pattern.name]:
            found = everything[:3] or tuple(r.id for r in brief.requirements if r.kind != "out-of-scope")[:1]
        done.append(
            replace(
                pattern,
                requirements=found[:MOST_REQUIREMENTS],
                access_patterns=tuple(dict.fromkeys(by_pattern[pattern.name])),
            )
        )
    return done, tuple(unserved)


def _answers(
    pattern: KeyPattern, access: AccessPattern, verbs: tuple[str, ...], session: cues.SessionNoun | None
) -> bool:
    """Whether ``pattern`` serves ``access``: same entity, and for the session's own entity a verb of the pattern."""
    expression = cues.matcher(verbs)
    if session and cues.same(access.entity, session.entity.name):
        if pattern.use == "state":
            return True
        return bool(verbs) and bool(expression.search(cues.fold(access.verb)))
    if any(cues.same(access.entity, name) for name in pattern.entities):
        return True
    return pattern.use in ("events", "feed") and access.mode == "subscribe"


def _why_not(access: AccessPattern, brief: Brief) -> str:
    entity = next((e for e in brief.entities if cues.same(e.name, access.entity)), None)
    if entity and entity.lifetime == "durable":
        return f"{cues.singular(entity.name)} lasts, so it stays in the database"
    return "no real-time or short-lived data behind it, so it stays in the database"


def _mentions(name: str, brief: Brief) -> tuple[str, ...]:
    entity = next((e for e in brief.entities if e.name == name), None)
    if entity is None:
        return ()
    return cues.requirements_about(cues.matcher((entity.name, *entity.aliases)), brief.requirements)
