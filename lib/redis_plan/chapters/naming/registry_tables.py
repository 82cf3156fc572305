"""Tables of the appendix on keys: every key and channel by what it is, holds, costs when lost, and when it ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.delivery import library, touching
from redis_plan.delivery.artefact import serves
from redis_plan.keyspace import bounds, naming, records
from redis_plan.keyspace import together as steps_of
from redis_plan.keyspace.chain import Link
from redis_plan.keyspace.cues import with_article
from redis_plan.keyspace.model import KeyPattern, Keyspace, OwnVerdict
from redis_plan.words.tables import folded, lifetime, listed, table

#: What answers a need to list; a hash does where it is one for all, not the fields of one thing.
_INDEXES = ("zset", "set", "list", "stream")


def registry(keyspace: Keyspace) -> str:
    """Return the one table of every key and channel."""
    written = touching.writers(keyspace)
    rows = [
        [
            f"`{p.template}`",
            p.type,
            p.holds,
            "; ".join(written[p.name]),
            lifetime(p),
            p.deleted_by,
            f"{p.max_elements:,.0f} × {_often(p, keyspace)}",
            p.at_bound,
            f"`{naming.example(p.template)}`, {bounds.name_bytes(p)} B at most",
        ]
        for p in keyspace.patterns
    ]
    header = ["Pattern", "Type", "Holds", "Written by", "TTL", "Deleted by", "Elements × keys", "At the bound", "Example, bytes of a name"]  # fmt: skip
    return table(header, rows)


def _often(pattern: KeyPattern, keyspace: Keyspace) -> str:
    return f"{pattern.per_session:,.0f} " + (
        "in all" if pattern.scope == "global" else with_article(keyspace.session_noun)
    )


def own_design(keyspace: Keyspace) -> str:
    """Return what the documents propose themselves and what became of it, under its heading; "" where they propose nothing."""
    if not keyspace.own:
        return ""
    rows = [
        [f"`{one.pattern}`", _said(one), f"`{one.ours}`" if one.ours else "–", one.verdict, f"{one.file}:{one.line}"]
        for one in keyspace.own
    ]
    reasons = [f"- {one.file}:{one.line}, {one.verdict}: {one.reason}." for one in keyspace.own if one.reason]
    head = ["### The team's own design", "", "Keys and settings that the documents name, and what became of each.", ""]
    return "\n".join([*head, table(["Documents", "As", "Here", "Verdict", "Said in"], rows), "", *reasons])


def _said(one: OwnVerdict) -> str:
    life = "" if one.ttl_s is None else "no TTL" if one.ttl_s == 0 else f"TTL {units.write(one.ttl_s, 's')}"
    return ", ".join(part for part in (one.type, life) if part) or "–"


def apart(keyspace: Keyspace) -> str:
    """Return the keys that belong to no single session; "" where there are none."""
    rows = []
    for p in (p for p in keyspace.keys if p.scope == "global"):
        ids = ", ".join(f"`<{name}>`" for name in naming.placeholders(p.template) if name != "env") or "one key"
        split = "16 buckets, CRC16(id) mod 16" if "<bucket>" in p.template else f"by {ids}"
        rows.append([f"`{p.name}`", p.holds, split])
    return table(["Key", "Holds", "Spread"], rows) if rows else ""


def together(keyspace: Keyspace) -> str:
    """Return which keys each step of the library changes, actions on the same keys in one row; "" where none has two."""
    rows = list(_together(keyspace))
    return table(["Step", "Its keys"], rows) if rows else ""


def _together(keyspace: Keyspace) -> Iterator[list[str]]:
    recorded = {f"{steps_of.RECORD} on {p.name}" for p in touching.recorded(keyspace)}
    for name, templates in steps_of.together(keyspace).items():
        if name.startswith(steps_of.RECORD) and name not in recorded:
            continue
        named = f"`{name}`" if name.startswith("session_") else name
        yield [named, listed(p for p in keyspace.keys if p.template in templates)]
    acting: dict[tuple[str, ...], list[str]] = {}
    for step in library.steps(keyspace):
        if step.action and len(step.function.keys) > 1:
            acting.setdefault(tuple(step.function.keys), []).append(f"`{step.function.name}`")
    for keys, names in acting.items():
        yield [", ".join(names), ", ".join(f"`{key}`" for key in keys)]


def listing(keyspace: Keyspace) -> list[KeyPattern]:
    """Return the keys across sessions in which what must be listed stands."""
    return [
        p
        for p in keyspace.keys
        if p.scope == "global" and (p.type in _INDEXES or (p.type == "hash" and not naming.placeholders(p.template)))
    ]


def indexes(keyspace: Keyspace) -> str:
    """Return which key answers each need to list, so that nobody reaches for KEYS or SCAN; "" where there is none."""
    rows = [
        [p.holds, f"`{p.name}`", f"`{p.candidate.read[0].replace('<key>', p.name)}`" if p.candidate else "–"]
        for p in listing(keyspace)
    ]
    return table(["To list", "Index", "Command"], rows) if rows else ""


def roles(keyspace: Keyspace, brief: Brief) -> str:
    """Return what Redis is for each datum, what its loss costs, and who asked for it."""
    rows = [
        [f"`{p.name}`", p.type, role(p, brief), p.when_lost, serves(brief, p.requirements, 3) or "–"]
        for p in keyspace.patterns
    ]
    return table(["Key", "Type", "Redis is", "When it is lost", "Asked for by"], rows)


def role(pattern: KeyPattern, brief: Brief) -> str:
    """Return what Redis is for this datum: authoritative, a cache of the database, or derivable from other keys."""
    if pattern.type == "channel":
        return "nothing stored"
    if pattern.authoritative:
        return "authoritative while it lives"
    if pattern.use in ("log", "due"):
        return "derivable"
    durable = {e.name for e in brief.entities if e.lifetime == "durable"}
    return "cache of the database" if set(pattern.entities) & durable else "derivable"


def fields(keyspace: Keyspace) -> str:
    """Return every field of every key with type, size and meaning."""
    rows = [
        [f"`{p.name}`" if i == 0 else "", f"`{name}`", f.type, f"{f.max_bytes:,}", f.meaning]
        for p in keyspace.patterns
        for i, (name, f) in enumerate(folded(p.fields))
    ]
    return table(["Key", "Field or element", "Type", "Max bytes", "Meaning"], rows, right=(3,))


def encodings(keyspace: Keyspace, setting: bounds.Setting) -> str:
    """Return the expected encoding of every key at its bound, against the limits that the live server has."""
    rows = []
    for p in keyspace.keys:
        found = bounds.expected(p, setting)
        rows.append([f"`{p.name}`", p.type, f"{p.max_elements:,.0f}", f"`{found.name}`", found.room])
    header = ["Key", "Type", "Elements at the bound", "Expected encoding", "Bound against limit"]
    return table(header, rows, right=(2,))


def recorded(patterns: Sequence[KeyPattern]) -> str:
    """Return the collections that ``session_record`` changes, each with its command; "" where there are none."""
    rows = [
        [f"`{p.name}`", f"`{records.command_for(p)}`", p.fields[0].name, f"{p.max_elements:,.0f}", p.at_bound]
        for p in patterns
    ]
    return table(["Key", "Command", "Element", "Bound (`most`)", "At the bound"], rows, right=(3,)) if rows else ""


def ttls(keyspace: Keyspace) -> str:
    """Return the TTL of every key: value, policy, what it is computed from, who deletes before it."""
    rows = [
        [
            f"`{p.name}`",
            units.write(p.ttl.seconds, "s") if p.ttl.seconds is not None else "none",
            p.ttl.policy,
            f"`{p.ttl.expression}`" if p.ttl.expression else "–" if p.ttl.seconds is None else "constant",
            p.deleted_by,
            p.ttl.because,
        ]
        for p in keyspace.keys
    ]
    return table(["Key", "TTL", "Policy", "Computed as", "Deleted by", "Why"], rows, right=(1,))


def links(found: Sequence[Link]) -> str:
    """Return the inequalities between lifetimes with this project's values; "" where there are none."""
    rows = [
        [
            link.says,
            f"{units.write(link.left, 's')} {'≥' if link.op == '>=' else '>'} {units.write(link.right, 's')}",
            "holds" if link.holds else "**broken**",
            link.because,
        ]
        for link in found
    ]
    return table(["Inequality", "Values", "Verdict", "If broken"], rows) if rows else ""


def untimed(keyspace: Keyspace) -> str:
    """Return the allow-list of keys without a TTL, and the check that finds what stays; "" where there are none."""
    kept = [p for p in keyspace.keys if p.ttl.policy == "none"]
    rows = [[f"`{naming.acl_pattern(p.template)}`", p.deleted_by, p.ttl.because] for p in kept]
    return table(["Key", "Emptied by", "Why no TTL, and its leak check"], rows) if rows else ""
