"""The texts of the appendix on keys: what its templates need beside the design and the findings."""

from __future__ import annotations

from collections.abc import Sequence

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.naming import choices_text, data_model, registry_tables
from redis_plan.chapters.naming.findings import Naming
from redis_plan.choice import Choices, constants
from redis_plan.delivery import acting, touching
from redis_plan.delivery import registry as registry_file
from redis_plan.keyspace import bounds, chain, expression, functions, naming
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words
from redis_plan.words.tables import counted, listed


def names(brief: Brief, keyspace: Keyspace, found: Naming) -> str:
    """Return what section 1 has in the appendix: grammar, registry, what changes together, length, change and check."""
    first = keyspace.keys[0].template if keyspace.keys else f"{keyspace.app}:v1:x"
    peak, budget = brief.value("sessions_peak"), brief.value("memory_budget")
    taken = {p.name: bounds.name_bytes(p) * bounds.keys_at_peak(p, peak) for p in keyspace.keys}
    in_all = bounds.names_total(keyspace, peak)
    return words.render(
        "chapters/naming/names", brief, keyspace, found=found,
        ebnf=naming.EBNF, id=naming.ID.pattern, registry_file=registry_file.FILE, max_id_bytes=naming.MAX_ID_BYTES,
        encoded=naming.encode_id("a:b}"), example=naming.example(first), environment=naming.ENVIRONMENT,
        tagged=any(naming.hash_tag(p.template) for p in keyspace.keys),
        counted_keys=counted(len(keyspace.keys), "key"),
        counted_channels=counted(len(keyspace.channels), "channel") if keyspace.channels else "no channel",
        registry=registry_tables.registry(keyspace), sources=_bounded_by(brief, keyspace),
        own=registry_tables.own_design(keyspace), apart=registry_tables.apart(keyspace),
        channels=", ".join(f"`{p.template}`" for p in keyspace.channels),
        together=registry_tables.together(keyspace), acl=_acl(keyspace), indexes=registry_tables.indexes(keyspace),
        longest=max((bounds.name_bytes(p) for p in keyspace.keys), default=0),
        in_all=in_all, share=units.significant(100 * in_all / budget, 2),
        most=max(taken.items(), key=lambda one: one[1]) if len(taken) > 1 else (),
        now=keyspace.schema_version,
    )  # fmt: skip


def structures(brief: Brief, choices: Choices, setting: bounds.Setting, server: str) -> str:
    """Return what section 2 has there; ``setting`` are the limits of the server that ``server`` describes."""
    keyspace = choices.keyspace
    outside = (e.name for e in brief.entities if not any(e.name in p.entities for p in keyspace.patterns))
    sizes = (brief.fact(name) for name in ("state_bytes", "member_bytes", "payload_bytes"))
    return words.render(
        "chapters/naming/structures", brief, keyspace, server=server, outside=", ".join(outside),
        roles=registry_tables.roles(keyspace, brief), fields=registry_tables.fields(keyspace),
        sizes="; ".join(f"`{f.name}` {f.value:,.0f} B ({f.where})" for f in sizes),
        encodings=registry_tables.encodings(keyspace, setting), table=choices_text.table_of_choices(choices), choices=choices,
        weights=constants.weights(), close=constants.limit("close"), overruled=choices_text.overruled(choices),
        changing=changing(brief, keyspace), model=data_model.block(keyspace),
    )  # fmt: skip


def changing(brief: Brief, keyspace: Keyspace) -> str:
    """Return how one element of a collection is changed in one step, with a call where one function does it for all."""
    recorded = () if functions.missing(keyspace) else touching.recorded(keyspace)
    return words.render(
        "chapters/naming/changing", brief, keyspace, acted=not recorded and bool(acting.replaced(keyspace)),
        recorded=registry_tables.recorded(recorded), call=data_model.call(keyspace, recorded[0]) if recorded else "",
    )  # fmt: skip


def lifetimes(brief: Brief, keyspace: Keyspace) -> str:
    """Return what section 3 has there: every TTL, what holds between them, who sets them, and who may live without."""
    return words.render(
        "chapters/naming/lifetimes", brief, keyspace, swept=chain.swept(keyspace),
        ttls=registry_tables.ttls(keyspace), computed_from=_computed_from(keyspace, brief),
        links=registry_tables.links(chain.links(keyspace, brief)), retry_window=chain.retry_window(brief),
        jitter=listed(p for p in keyspace.keys if p.use == "cache"), untimed=registry_tables.untimed(keyspace),
    )  # fmt: skip


def _bounded_by(brief: Brief, keyspace: Keyspace) -> str:
    """Return the facts behind bounds and TTLs."""
    of_sessions = ("session_capacity", "events_per_session", "idle_ttl", "reconnect_grace")
    named = ("sessions_peak", "members_per_session", *(of_sessions if keyspace.session_entity else ()))
    return "; ".join(f"`{f.name}` {words.fact(f)}" for f in map(brief.fact, named))


def _acl(keyspace: Keyspace) -> Sequence[str]:
    """Return keys and channels as ACL rules take them, a line each; section 8 uses the same strings."""
    keys = " ".join(dict.fromkeys(f"~{naming.acl_pattern(p.template)}" for p in keyspace.keys))
    channels = " ".join(dict.fromkeys(f"&{naming.acl_pattern(p.template)}" for p in keyspace.channels))
    return [line for line in (keys, channels) if line]


def _computed_from(keyspace: Keyspace, brief: Brief) -> str:
    used = dict.fromkeys(n for p in keyspace.keys for n in expression.facts_in(p.ttl.expression or 0))
    known = (f for f in brief.facts if f.name in used)
    told = "; ".join(f"`{f.name}` = {units.write(f.value, f.unit)} ({f.where})" for f in known)
    return told or "constants of the catalog"
