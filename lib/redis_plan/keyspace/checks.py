"""Checks: one function for each lint rule; it yields the pattern at fault and the words for the rule's message."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations

from redis_plan import units
from redis_plan.keyspace import bounds, chain, command_checks, cues, naming, restricted, versions
from redis_plan.keyspace.catalog import nouns
from redis_plan.keyspace.subject import Fault, Subject
from redis_plan.keyspace.together import together

#: From here on a read or a delete of the whole takes milliseconds (DEL of a zset of 200,000: 28 ms on 7.0.15).
BIG_ELEMENTS, BIG_BYTES = 10_000, 1 << 20
NAME_BUDGET_BYTES = 100
_COLLECTIONS = ("hash", "list", "set", "zset", "stream")


def no_end(subject: Subject) -> Iterator[Fault]:
    """Find keys that nothing ends."""
    for p in subject.keyspace.keys:
        if p.ttl.policy == "none" and not p.deleted_by.strip():
            yield p.name, {}


def session_without_ttl(subject: Subject) -> Iterator[Fault]:
    """Find keys of a session or member without a TTL."""
    for p in subject.keyspace.keys:
        if p.scope != "global" and (p.ttl.policy == "none" or not p.ttl.seconds):
            yield p.name, {}


def unbounded(subject: Subject) -> Iterator[Fault]:
    """Find collections without a bound or without a behaviour at it."""
    for p in subject.keyspace.keys:
        if p.type in _COLLECTIONS and (not p.at_bound.strip() or not 0 < p.max_elements < float("inf")):
            yield p.name, {"elements": f"{p.max_elements:,.0f}"}


def big_key(subject: Subject) -> Iterator[Fault]:
    """Find keys that may grow past what a server reads or deletes in passing."""
    for p in subject.keyspace.keys:
        size = p.max_elements * (sum(f.max_bytes for f in p.fields) if p.type != "hash" or p.use != "state" else 64)
        if p.type in _COLLECTIONS and (p.max_elements > BIG_ELEMENTS or size > BIG_BYTES):
            yield p.name, {"elements": f"{p.max_elements:,.0f}", "size": units.write(size, "B")}


def cross_slot(subject: Subject) -> Iterator[Fault]:
    """Find atomic steps whose keys differ in their hash tag."""
    names = {p.template: p.name for p in subject.keyspace.keys}
    for step, templates in together(subject.keyspace).items():
        tags = {naming.hash_tag(t) or t for t in templates}
        if len(tags) > 1:
            yield names[templates[0]], {"step": step, "tags": ", ".join(sorted(tags))}


def overlapping(subject: Subject) -> Iterator[Fault]:
    """Find pairs of patterns that some key belongs to both of."""
    for one, other in combinations(subject.keyspace.patterns, 2):
        if naming.overlap(one.template, other.template):
            yield one.name, {"other": other.name, "key": naming.example(other.template)}


def ambiguous_placeholder(subject: Subject) -> Iterator[Fault]:
    """Find templates from which an id can't be read back."""
    for p in subject.keyspace.patterns:
        segments = p.template.split(":")
        mixed = any("<" in s and not re.fullmatch(r"\{?<[a-z][a-z0-9_]*>\}?", s) for s in segments)
        names = naming.placeholders(p.template)
        if mixed or len(set(names)) != len(names):
            yield p.name, {"template": p.template}


def grammar(subject: Subject) -> Iterator[Fault]:
    """Find templates whose keys break the grammar of names."""
    for p in subject.keyspace.patterns:
        example = naming.example(p.template)
        if not naming.KEY.fullmatch(example):
            yield p.name, {"example": example}


def constant_tag(subject: Subject) -> Iterator[Fault]:
    """Find hash tags without a placeholder."""
    for p in subject.keyspace.patterns:
        tag = naming.hash_tag(p.template)
        if tag and not naming.placeholders(tag):
            yield p.name, {"tag": tag}


def empty_tag(subject: Subject) -> Iterator[Fault]:
    """Find templates with an empty hash tag or with two."""
    for p in subject.keyspace.patterns:
        if "{}" in p.template or p.template.count("{") > 1:
            yield p.name, {}


def pii(subject: Subject) -> Iterator[Fault]:
    """Find words for personal data or secrets in names."""
    words = cues.matcher(nouns().pii)
    for p in subject.keyspace.patterns:
        # a digest of a secret may stand in a name, and its part may say of what
        if "<digest>" in p.template:
            continue
        if match := words.search(cues.fold(p.template.partition(":v")[2])):
            yield p.name, {"word": match[0]}


def nothing_chosen(subject: Subject) -> Iterator[Fault]:
    """Find patterns with candidates of which none is chosen."""
    for p in subject.keyspace.patterns:
        if p.candidates and p.candidate is None:
            yield p.name, {}


def too_new(subject: Subject) -> Iterator[Fault]:
    """Find structures that the stack's server does not offer."""
    product, version = versions.stack_server(subject.brief)
    for p in subject.keyspace.patterns:
        if p.candidate and not versions.offers(subject.brief, p.candidate):
            needs = f"{p.candidate.feature or 'version'} (Redis {p.candidate.since})"
            has = f"{product.capitalize()} {'.'.join(map(str, version))}"
            yield p.name, {"structure": p.chosen, "needs": needs, "has": has}


def lossy(subject: Subject) -> Iterator[Fault]:
    """Find channels whose messages nothing stored can replace."""
    for p in subject.keyspace.channels:
        named = re.findall(r"`(\w[\w-]*)`", p.when_lost)
        known = {q.name for q in subject.keyspace.keys}
        replaced = any(word in p.when_lost for word in ("replaces it", "snapshot", "current values", "inbox has it"))
        if (named and not known & set(named)) or (not named and not replaced):
            yield p.name, {}


def broken_chain(subject: Subject) -> Iterator[Fault]:
    """Find inequalities between lifetimes that do not hold."""
    for link in chain.links(subject.keyspace, subject.brief):
        if not link.holds:
            name = re.findall(r"`([\w-]+)`", link.says)
            words = {"says": link.says, "left": units.write(link.left, "s"), "right": units.write(link.right, "s")}
            yield name[0] if name else "", {**words, "because": link.because}


def evictable(subject: Subject) -> Iterator[Fault]:
    """Find authoritative keys that the eviction policy may drop."""
    for p in subject.keyspace.keys:
        exposed = subject.policy.startswith("allkeys") or (
            subject.policy.startswith("volatile") and p.ttl.policy != "none"
        )
        if p.authoritative and exposed:
            yield p.name, {"policy": subject.policy}


def untimed_under_volatile(subject: Subject) -> Iterator[Fault]:
    """Find keys that a volatile policy can't evict."""
    for p in subject.keyspace.keys:
        if subject.policy.startswith("volatile") and p.ttl.policy == "none":
            yield p.name, {"policy": subject.policy}


def scanning(subject: Subject) -> Iterator[Fault]:
    """Find keys that are looked for by KEYS or SCAN."""
    for p in subject.keyspace.patterns:
        commands = [*p.readers, *p.writers, *(p.candidate.read + p.candidate.write if p.candidate else ())]
        found = next((m[0] for c in commands if (m := re.search(r"\b(KEYS|SCAN)\b", c))), None)
        if found:
            yield p.name, {"command": found}


def no_naive(subject: Subject) -> Iterator[Fault]:
    """Find patterns without a naive candidate."""
    for p in subject.keyspace.patterns:
        if not any(c.naive for c in p.candidates):
            yield p.name, {}


def naive_chosen(subject: Subject) -> Iterator[Fault]:
    """Find patterns built the naive way."""
    for p in subject.keyspace.patterns:
        if p.candidate and p.candidate.naive:
            yield p.name, {"structure": p.chosen}


def nobody_asked(subject: Subject) -> Iterator[Fault]:
    """Find patterns with no access pattern and no requirement behind them."""
    known = {r.id for r in subject.brief.requirements} | {a.id for a in subject.brief.access_patterns}
    known |= {n.id for n in subject.brief.notes}
    for p in subject.keyspace.patterns:
        if not known & {*p.requirements, *p.access_patterns}:
            yield p.name, {}


def long_name(subject: Subject) -> Iterator[Fault]:
    """Find names above the length budget."""
    for p in subject.keyspace.patterns:
        if (size := bounds.name_bytes(p)) > NAME_BUDGET_BYTES:
            yield p.name, {"size": f"{size} B"}


def wide_field(subject: Subject) -> Iterator[Fault]:
    """Find fields above 64 B in hashes that are small otherwise; a session's one state is read whole, and no key beside it is cheaper."""
    for p in subject.keyspace.keys:
        if p.type == "hash" and p.typical_elements <= 512 and p.use != "state":
            for f in p.fields:
                if f.max_bytes > 64:
                    yield p.name, {"field": f.name, "size": f"{f.max_bytes} B"}


def notifications(subject: Subject) -> Iterator[Fault]:
    """Find patterns that rely on keyspace notifications."""
    for p in subject.keyspace.patterns:
        text = " ".join((*p.writers, *p.readers, p.deleted_by, p.candidate.summary if p.candidate else ""))
        if re.search(r"notification|__key(event|space)|on expir", text) and p.use != "inbox":
            yield p.name, {}


def not_atomic(subject: Subject) -> Iterator[Fault]:
    """Find structures written by several commands that nothing makes one step."""
    for p in subject.keyspace.patterns:
        one_step = p.functions or any(re.search(r"MULTI|script|FCALL", w) for w in p.writers)
        if p.candidate and not p.candidate.atomic and not one_step:
            yield p.name, {"commands": "; ".join(c.split()[0] for c in p.candidate.write)}


def channel_without_environment(subject: Subject) -> Iterator[Fault]:
    """Find channels without an environment in front."""
    for p in subject.keyspace.channels:
        if not p.template.startswith("<env>:"):
            yield p.name, {}


def unserved_entity(subject: Subject) -> Iterator[Fault]:
    """Find live entities of the documents that nothing serves."""
    if subject.brief.fit == "no":
        return
    served = {name for p in subject.keyspace.patterns for name in p.entities} | {subject.keyspace.session_entity}
    for entity in subject.brief.entities:
        lively = entity.realtime or entity.lifetime in ("session", "temporary", "connection")
        wanted = lively and cues.asked_live(entity, subject.brief)
        if wanted and entity.name not in served and not restricted.has_no_key(entity, subject.brief):
            yield entity.name, {}


def hot_global(subject: Subject) -> Iterator[Fault]:
    """Find single keys that everyone shares and that grow large."""
    for p in subject.keyspace.keys:
        if p.scope == "global" and not naming.placeholders(p.template) and p.max_elements > BIG_ELEMENTS:
            yield p.name, {"elements": f"{p.max_elements:,.0f}"}


def same_name(subject: Subject) -> Iterator[Fault]:
    """Find names that several patterns have."""
    for name, count in Counter(p.name for p in subject.keyspace.patterns).items():
        if count > 1:
            yield name, {"count": str(count)}


def find(name: str) -> Callable[[Subject], Iterator[Fault]]:
    """Return the check called ``name``; raises ``KeyError`` for a rule that names no function."""
    check: Callable[[Subject], Iterator[Fault]] = _CHECKS[name]
    return check


_CHECKS: dict[str, Callable[[Subject], Iterator[Fault]]] = {
    check.__name__: check
    for check in (
        no_end, session_without_ttl, unbounded, big_key, cross_slot, overlapping, ambiguous_placeholder, grammar,
        constant_tag, empty_tag, pii, nothing_chosen, too_new, lossy, broken_chain, evictable, untimed_under_volatile,
        scanning, no_naive, naive_chosen, nobody_asked, long_name, wide_field, notifications, not_atomic,
        channel_without_environment, unserved_entity, hot_global, same_name, *command_checks.CHECKS,
    )
}  # fmt: skip
