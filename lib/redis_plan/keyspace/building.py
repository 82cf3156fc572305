"""Building: one key pattern from a use pattern of the catalog, with the nouns and the numbers of the documents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain, count

from redis_plan import units
from redis_plan.brief.model import Brief, Entity, Relation
from redis_plan.keyspace import chain as ttl_chain
from redis_plan.keyspace import cues, naming, periods, statefields
from redis_plan.keyspace.catalog import FieldSpec, KeySpec, UsePattern
from redis_plan.keyspace.expression import compute
from redis_plan.keyspace.model import Field, KeyPattern, Keyspace, TtlRule
from redis_plan.keyspace.settings import ENVELOPE_BYTES
from redis_plan.keyspace.uses import Use


@dataclass(frozen=True, slots=True)
class Ground:
    """What every pattern of a design shares: the Brief, its numbers, the names of session and member."""

    brief: Brief
    keyspace: Keyspace  # without patterns: application, version, nouns
    session: cues.SessionNoun | None
    facts: Mapping[str, float]

    @classmethod
    def of(cls, brief: Brief, keyspace: Keyspace, session: cues.SessionNoun | None) -> Ground:
        """Return the ground for ``brief``: its facts, and what the design itself adds to them."""
        facts = {fact.name: fact.value for fact in brief.facts}
        facts["envelope_bytes"] = float(ENVELOPE_BYTES)
        facts["state_fields"] = float(5 + len(statefields.state_fields(brief, session))) if session else 1.0
        return cls(brief, keyspace, session, facts)


def build(use: Use, spec: KeySpec, ground: Ground, chosen: str, name: str) -> KeyPattern:
    """Return the key pattern of ``spec`` called ``name``, held by the candidate ``chosen``."""
    facts = ground.facts
    spec = spec.built_as(chosen)
    entity = use.entities[0] if use.entities else None
    words = _words(ground, entity, use.pattern)
    part = words.substitute_in(spec.part).replace(words.substitute_in(spec.name), name, 1)
    seconds = None if spec.ttl.seconds is None else math.ceil(compute(spec.ttl.seconds, facts))
    stated = bound_of(entity, ground.brief, ground.session) if use.pattern.when == "fallback" else None
    maximum = stated.at_most if stated and stated.at_most else max(1.0, compute(spec.max_elements, facts))
    typical = compute(spec.typical_elements, facts) if spec.typical_elements != "" else maximum
    because = words.substitute_in(spec.ttl.because)
    expression = spec.ttl.seconds if isinstance(spec.ttl.seconds, str) else ""
    candidate = next((c for c in spec.candidate if c.name == chosen), None)
    return KeyPattern(
        name=name,
        template=_template(ground.keyspace, spec, words.substitute_in(spec.tag), part),
        type=candidate.type if candidate else spec.type,
        use=use.pattern.use,
        holds=words.substitute_in(spec.holds),
        scope=spec.scope,
        ttl=TtlRule(spec.ttl.policy, seconds, because, expression),
        writers=tuple(words.substitute_in(w) for w in spec.writers),
        readers=tuple(words.substitute_in(r) for r in spec.readers),
        deleted_by=words.substitute_in(spec.deleted_by),
        fields=_fields(spec, words, ground, entity, use.pattern),
        entity=entity.name if entity else "",
        entities=tuple(e.name for e in use.entities),
        max_elements=maximum,
        typical_elements=min(maximum, typical),
        per_session=compute(spec.per_session, facts),
        at_bound=words.substitute_in(spec.at_bound),
        leavers=spec.leavers,
        authoritative=spec.authoritative and not (entity is not None and entity.lifetime == "durable"),
        candidates=spec.candidate,
        chosen=chosen,
        requirements=use.requirements,
        functions=spec.functions,
        when_lost=words.substitute_in(spec.when_lost),
        because=words.substitute_in(spec.because),
    )


def bound_of(entity: Entity | None, brief: Brief, session: cues.SessionNoun | None) -> Relation | None:
    """Return where the documents say how many of ``entity`` one session has at most: "at most 2,000 objects on a board"."""
    if entity is None or session is None:
        return None
    said = (r for r in brief.relations if r.at_most and cues.same(r.source, session.entity.name))
    return next((r for r in said if cues.same(r.target, entity.name)), None)


@dataclass(frozen=True)
class _Words:
    """The nouns of these documents, for the catalog's ``$noun``, ``$member`` and ``$entity``."""

    nouns: Mapping[str, str]

    def substitute_in(self, text: str) -> str:
        """Return ``text`` with its ``$``-words filled in."""
        return cues.filled(text, self.nouns)


def _words(ground: Ground, entity: Entity | None, pattern: UsePattern) -> _Words:
    keyspace, brief = ground.keyspace, ground.brief
    name = entity.name if entity else pattern.noun or keyspace.session_noun
    slug = naming.slugify(cues.singular(name), "item")
    return _Words(
        {
            "noun": keyspace.session_noun,
            "nouns": cues.plural(keyspace.session_noun),
            "member": keyspace.member_noun,
            "lease": units.write(ttl_chain.lease(brief), "s"),
            "probe": units.write(periods.seconds(brief, "probe"), "s"),
            "probe_period": units.write(periods.seconds(brief, "probe") / 2, "s"),
            "idle": units.write(brief.value("idle_ttl"), "s"),
            "code_length": str(int(brief.value("code_length"))),
            "codes": f"{32 ** int(brief.value('code_length')):.2e}".replace("e+0", "e"),
            "members": cues.plural(keyspace.member_noun),
            "entity": cues.singular(name),
            "entities": cues.plural(cues.singular(name)),
            "slug": slug,
            "slug_id": slug.replace("-", "_") + "_id",
        }
    )


def free_name(use: Use, spec: KeySpec, ground: Ground, taken: set[str]) -> str:
    """Return the name for the pattern of ``spec``, or the first numbered form of it that no other pattern has."""
    name = _words(ground, use.entities[0] if use.entities else None, use.pattern).substitute_in(spec.name)
    return next(n for n in chain((name,), (f"{name}-{i}" for i in count(2))) if n not in taken)


def _template(keyspace: Keyspace, spec: KeySpec, tag: str, part: str) -> str:
    owner = tag or ("<session_id>" if spec.scope != "global" else "")
    prefix = f"{keyspace.app}:v{keyspace.schema_version}:" + (f"{{{owner}}}:" if owner else "")
    return ("<env>:" if spec.type == "channel" else "") + prefix + part


def _fields(
    spec: KeySpec, words: _Words, ground: Ground, entity: Entity | None, pattern: UsePattern
) -> tuple[Field, ...]:
    fields = [_field(f, words, ground.facts) for f in spec.fields]
    if pattern.use == "state":
        fields += statefields.state_fields(ground.brief, ground.session)
    elif spec.type == "hash" and entity and pattern.when == "fallback" and entity.attributes:
        names = ", ".join(a.name for a in entity.attributes[:8])
        fields = [replace(f, meaning=f"{f.meaning}: {names}" if f.type == "JSON" else f.meaning) for f in fields]
    return tuple(fields)


def _field(spec: FieldSpec, words: _Words, facts: Mapping[str, float]) -> Field:
    size = math.ceil(compute(spec.max_bytes, facts))
    return Field(words.substitute_in(spec.name), spec.type, size, words.substitute_in(spec.meaning))
